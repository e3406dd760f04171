"""Values by their VR: shifted dates, coarser times and ages, and what is none of these."""

from datetime import date, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mids.deid.headers.values import coarse_age, coarse_time, shift_date, shift_moment

DAYS = st.dates(min_value=date(1900, 1, 1), max_value=date(2100, 1, 1))
SHIFTS = st.integers(min_value=-60_000, max_value=0).map(lambda days: timedelta(days=days))


@given(DAYS, DAYS, SHIFTS)
def test_intervals_between_dates_survive(first: date, second: date, shift: timedelta) -> None:
    moved = [shift_date(f"{day:%Y%m%d}", shift) for day in (first, second)]
    days = [date(int(text[:4]), int(text[4:6]), int(text[6:])) for text in moved if text]
    assert days[1] - days[0] == second - first
    assert days[0] - first == shift


@given(DAYS, st.times(), SHIFTS)
def test_a_moment_moves_as_its_date_does(day: date, clock: time, shift: timedelta) -> None:
    text = f"{day:%Y%m%d}{clock:%H%M%S.%f}-0500"
    moved = shift_moment(text, shift, "keep")
    assert moved == f"{shift_date(text[:8], shift)}{text[8:]}"
    assert shift_moment(text, shift, "hour") == f"{moved[:10]}0000-0500"
    assert shift_moment(text, shift, "remove") == moved[:8]


@given(st.text(max_size=20))
def test_whatever_comes_out_is_made_of_digits(text: str) -> None:
    allowed = set("0123456789.+-")
    for out in (
        shift_date(text, timedelta(-7)),
        coarse_time(text, "keep"),
        shift_moment(text, timedelta(-7), "keep"),
    ):
        assert out is None or set(out) <= allowed
    out = coarse_age(text, "keep")
    assert out is None or set(out) <= allowed | set("DWMY")


def test_what_is_no_date_or_time_is_none() -> None:
    nothing = timedelta(0)
    for text in ("20200230", "2020-03", "20200317 ", "Ana", "20200317-", "00010101", "٢٠٢٠٠٣١٧"):
        assert shift_date(text, timedelta(days=-1)) is None or text == "20200317-"
    assert [coarse_time(text, "keep") for text in ("26", "1060", "101161", "10:11:", "1")] == [None] * 5
    assert [shift_moment(text, nothing, "keep") for text in ("", "20201301", "2020031726", "203")] == [None] * 4


def test_ranges_move_on_both_sides() -> None:
    assert shift_date("20200101-20200131", timedelta(days=1)) == "20200102-20200201"
    assert shift_date("-20200131", timedelta(days=1)) == "-20200201"
    assert coarse_time("1011-121314", "hour") == "100000-120000"


def test_ages_are_capped_or_banded() -> None:
    assert [coarse_age(text, "cap") for text in ("089Y", "090Y", "045Y", "011M", "3D")] == [
        "089Y", "089Y", "045Y", "011M", "003D",
    ]  # fmt: skip
    assert [coarse_age(text, "bands") for text in ("089Y", "104Y", "045Y", "011M", "400W")] == [
        "080Y", "080Y", "040Y", "000Y", "000Y",
    ]  # fmt: skip
    assert coarse_age("104Y", "keep") == "104Y"
    assert [coarse_age(text, "cap") for text in ("60-69", "Y", "0450Y", "45")] == [None] * 4
