"""Dates of one subject against each other: sessions, scans, tests, ages. The intervals between them are what is left
after shifting, so they must be right."""

from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from itertools import combinations
from statistics import median_low

from mids.inspection.registry import Finding, Found, check
from mids.inspection.views import DatasetView, FileView
from mids.issues import Level

NEAR = 2
"""Days that the images of a visit may lie from its beginning: midnight, and clocks that are wrong."""
LONG = 31
"""Days that one image of a session may: BIDS allows sessions of several appointments."""
YEAR = 365.25
OFFSET = 300
"""Days of difference that no appointment explains, but two shifts do."""
TESTS = "derivatives/ehr/laboratory_tests.tsv"


@lru_cache(maxsize=1 << 10)
def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def _days(table: FileView, key: str, column: str) -> Iterator[tuple[int, str, date]]:
    """(line, key, day) of every row with a date."""
    header = table.rows.header
    if key in header and column in header:
        for line, name, text in zip(table.rows.lines, table.rows.column(key), table.rows.column(column), strict=True):
            if found := _day(text):
                yield line, name, found


Off = tuple[str, str, int]
"""A place in a table, the table, and by how many days its date is off."""


def _offs(subject: DatasetView) -> tuple[Off, ...]:
    """Where the dates of scans contradict those of their sessions."""
    if "offs" not in subject.notes:
        subject.notes["offs"] = tuple(_find_offs(subject))
    found: tuple[Off, ...] = subject.notes["offs"]
    return found


def _find_offs(subject: DatasetView) -> Iterator[Off]:
    for label in subject.subjects:
        path = f"{label}/{label}_sessions.tsv"
        if not subject.has(path):
            continue
        visits = {
            name if name.startswith("ses-") else f"ses-{name}": (line, day)
            for line, name, day in _days(subject.view(path), "session_id", "acq_time")
        }
        for name, (line, begun) in visits.items():
            table = f"{label}/{name}/{label}_{name}_scans.tsv"
            if subject.has(table):
                others = [day for other, (_, day) in visits.items() if other != name]
                yield from _scan_offs(subject.view(table), begun, others, (f"row {line}, column acq_time", path))


def _is_shifted(day: date) -> bool:
    """Whether a date is a shifted one; where only one of two is, that is PRIVACY_DATE_UNSHIFTED's."""
    return day.year <= 1925


def _scan_offs(table: FileView, begun: date, others: list[date], session: tuple[str, str]) -> Iterator[Off]:
    scans = [scan for scan in _days(table, "filename", "acq_time") if _is_shifted(scan[2]) == _is_shifted(begun)]
    off = {line: abs((day - begun).days) for line, _, day in scans}
    if scans and min(off.values()) > NEAR:
        yield *session, min(off.values())
        return
    for line, _, day in scans:
        is_of_another = any(abs((day - other).days) < NEAR for other in others)
        if off[line] > LONG or (off[line] > NEAR and is_of_another):
            yield f"row {line}, column acq_time", table.path, off[line]


@check("DATES_CONTRADICTED", per="subject", level=Level.WARNING)
def dates_contradicted(subject: DatasetView) -> Found:
    """The images of a session have another date than the session, or ages of two sessions do not fit their dates.

    Why: Intervals between visits are wrong, or rows of two sessions were exchanged: before and after a treatment.

    Fix: Correct the wrong table.
    """
    for where, path, days in _offs(subject):
        if days < OFFSET:
            yield Finding("the dates of session and scans differ", where, f"{days} days", path=path)
    for label in subject.subjects:
        path = f"{label}/{label}_sessions.tsv"
        if subject.has(path):
            yield from _aged(subject.view(path))


def _aged(table: FileView) -> Iterator[Finding]:
    """Sessions whose ages differ by more or less than the years between them."""
    header = table.rows.header
    if not {"session_id", "acq_time", "age"} <= set(header):
        return
    ages: dict[int, float] = {}
    for line, text in zip(table.rows.lines, table.rows.column("age"), strict=True):
        if text.replace(".", "", 1).isdecimal() and float(text) < 89:  # everyone of 89 and more is 89
            ages[line] = float(text)
    days = {line: day for line, _, day in _days(table, "session_id", "acq_time") if line in ages}
    for one, other in combinations(days, 2):
        years = (days[other] - days[one]).days / YEAR
        if abs(ages[other] - ages[one] - years) > 1.5:
            where, value = f"row {other}, column age", f"{ages[other] - ages[one]:+g} years"
            yield Finding(
                f"the age does not fit the dates of rows {one} and {other}", where, value, f"{years:+.1f} years"
            )
            return


@check("PRIVACY_DATE_OFFSETS", per="subject")
def privacy_date_offsets(subject: DatasetView) -> Found:
    """The dates of one subject are shifted by different offsets: a session and its images are more than 300 days apart.

    Why: Intervals are wrong; and if one offset becomes known, by a report or a newspaper, it gives the other away.

    Fix: Shift all dates of the subject by the same offset.
    """
    for where, path, days in _offs(subject):
        if days >= OFFSET:
            yield Finding("the dates of session and scans differ", where, f"{days} days", path=path)


# --- tests -----------------------------------------------------------------------------------------------

FAR = 2 * YEAR
"""Days between a test and the nearest session of its subject that two shifts explain better than medicine."""
UNUSUAL = YEAR
"""The same where the tests of others lie within `USUAL` days."""
USUAL = 60


@check("TEST_DATE_CONTRADICTED", per="dataset", level=Level.WARNING)
def test_date_contradicted(dataset: DatasetView) -> Found:
    """The date of a laboratory test is years from every session of its subject.

    Why: The test belongs to another subject, or its date was shifted by another offset than the images'.

    Fix: Shift all dates of a subject by the same offset; correct the row.
    """
    if not dataset.has(TESTS):
        return
    table = dataset.view(TESTS)
    sessions: dict[str, list[date]] = {}
    apart: dict[int, float] = {}
    for line, name, day in _days(table, "participant_id", "date"):
        label = name if name.startswith("sub-") else f"sub-{name}"
        if label not in sessions:
            sessions[label] = _sessions(dataset, label)
        if sessions[label]:
            apart[line] = min(abs((day - visit).days) for visit in sessions[label])
    usual = median_low(apart.values()) if len(apart) > 1 else YEAR
    for line, days in apart.items():
        if days > (UNUSUAL if usual <= USUAL else FAR):
            yield Finding("no session of the subject is near", f"row {line}, column date", f"{days:g} days", path=TESTS)


def _sessions(dataset: DatasetView, label: str) -> list[date]:
    """The days of a subject's sessions; the view is not kept, for there may be as many as subjects."""
    path = f"{label}/{label}_sessions.tsv"
    if not dataset.has(path):
        return []
    return [day for _, _, day in _days(FileView(path, dataset), "session_id", "acq_time")]
