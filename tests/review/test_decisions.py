"""The log of decisions and the table that follows from it: nothing is lost, nobody's row is dropped unasked."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from trees import fill_folder, radiographs

from mids import cli
from mids.conversion import convert
from mids.errors import DataError, MidsError
from mids.readers.given.curation import Correction, read
from mids.review.decisions import Decisions
from mids.review.items import Item
from mids.review.pixels import read_frame
from mids.review.shelves import collect_items

ITEMS = (
    Item(0, "withheld", "us/1"),
    Item(1, "image", "rx/1", "sub-1/rx.png", values={"view": "ap"}, before={"view": "ap"}),
    Item(2, "lost", "ct/1", code="FILE_TRUNCATED"),
)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    (tmp_path / "data.mids").mkdir(mode=0o700)
    return tmp_path / "data"


def rows(desk: Decisions, *others: Correction) -> list[tuple[str, str, str, str, str]]:
    return [(row.file, row.field, row.old, row.new, row.who) for row in read(desk.save(others))]


def test_the_table_says_what_was_decided_and_a_new_start_knows_it(dataset: Path) -> None:
    desk = Decisions(dataset, ITEMS)
    desk.add("A", "us/1", "release", "true", "shows nobody")
    desk.add("A", "rx/1", "view", "pa")
    desk.add("A", "rx/1", "redact", [[0, 0, 5, 9], [7, 1, 9, 4]])
    desk.add("A", "ct/1", "acknowledge", "true", "known since May")
    expected = [
        ("us/1", "release", "", "", "A"), ("rx/1", "redact", "", "0,0,5,9", "A"),
        ("rx/1", "redact", "", "7,1,9,4", "A"),
        ("rx/1", "view", "ap", "pa", "A"), ("ct/1", "acknowledge", "FILE_TRUNCATED", "", "A"),
    ]  # fmt: skip
    assert rows(desk) == expected
    assert rows(Decisions(dataset, ITEMS)) == expected
    assert read(desk.save(()))[0].why == "shows nobody"


def test_undo_takes_back_ones_own_acts_only(dataset: Path) -> None:
    desk = Decisions(dataset, ITEMS)
    desk.add("A", "us/1", "release", "true")
    desk.add("B", "rx/1", "exclude", "true")
    assert desk.undo("A") == "us/1"
    assert desk.undo("A") == ""
    assert rows(Decisions(dataset, ITEMS)) == [("rx/1", "exclude", "", "", "B")]


def test_a_line_that_a_power_cut_left_is_no_act_and_a_damaged_log_is_told(dataset: Path) -> None:
    desk = Decisions(dataset, ITEMS)
    desk.add("A", "us/1", "release", "true")
    log = dataset.with_name("data.mids") / "review.jsonl"
    whole = log.read_bytes()
    log.write_bytes(whole + whole[:40])
    assert rows(Decisions(dataset, ITEMS)) == [("us/1", "release", "", "", "A")]
    assert log.read_bytes() == whole + whole[:40]  # another program may still be writing it
    for broken in (b"nonsense", b'{"number": 1}', b'{"number": 1, "who": "A"}', b'{"number": 1, "undo": 0}'):
        log.write_bytes(whole + broken + b"\n")
        with pytest.raises(MidsError, match="damaged in line 2"):
            Decisions(dataset, ITEMS)


def test_earlier_rows_stay_until_the_page_decides_otherwise(dataset: Path) -> None:
    earlier = Correction("us/1", "release", "", "", "Z", "seen in May", 1)
    other = replace(earlier, file="elsewhere/9", field="exclude")
    desk = Decisions(dataset, ITEMS)
    assert rows(desk, earlier, other) == [("us/1", "release", "", "", "Z"), ("elsewhere/9", "exclude", "", "", "Z")]
    desk.add("A", "us/1", "exclude", "true")
    assert ("us/1", "release", "", "", "Z") in rows(desk, earlier, other)  # another field
    desk.add("A", "us/1", "release", "true")
    assert ("us/1", "release", "", "", "A") in rows(desk, earlier, other)
    desk.add("B", "us/1", "looked", "true")  # two people differ: the earlier row holds until it is judged
    assert ("us/1", "release", "", "", "Z") in rows(desk, earlier, other)
    desk.add("C", "us/1", "release", None, judge=True)
    desk.undo("A")
    desk.undo("A")
    assert rows(desk, earlier, other)[0] == ("us/1", "release", "", "", "Z")


@pytest.mark.parametrize(
    ("who", "file", "field", "new"),
    [
        (" ", "us/1", "release", "true"), ("A", "absent", "release", "true"), ("A", "us/1", "nonsense", "true"),
        ("A", "rx/1", "redact", [[5, 5, 5, 9]]), ("A", "rx/1", "redact", [[0, 0, 5]]),
    ],
)  # fmt: skip
def test_what_can_not_be_meant_is_refused(dataset: Path, who: str, file: str, field: str, new: object) -> None:
    desk = Decisions(dataset, ITEMS)
    with pytest.raises(MidsError):
        desk.add(who, file, field, new)
    assert rows(desk) == []


def test_a_judge_who_leaves_an_item_as_it_is_has_settled_it(dataset: Path) -> None:
    desk = Decisions(dataset, ITEMS)
    desk.add("A", "rx/1", "exclude", "true")
    desk.add("B", "rx/1", "looked", "true")
    desk.add("C", "rx/1", "looked", "true", judge=True)
    desk.add("A", "us/1", "redact", [[0, 0, 5, 9]])
    desk.add("A", "us/1", "release", "true")
    desk.add("B", "us/1", "release", "true")
    assert [found.field for found in desk.disputes()] == ["redact"]
    for who in "AB":
        desk.add(who, "ct/1", "acknowledge", "true", "known since May")
    assert read(desk.save(()))[-1].why == "known since May"
    desk.add("C", "us/1", "release", "true", judge=True)
    assert desk.disputes() == []
    known = ("ct/1", "acknowledge", "FILE_TRUNCATED", "", "A; B")
    assert rows(desk) == [("us/1", "redact", "", "0,0,5,9", "A"), ("us/1", "release", "", "", "C"), known]
    desk.add("C", "us/1", "redact", [], judge=True)  # who wants the image without the box says so
    assert rows(desk) == [("us/1", "release", "", "", "C"), known]


def test_two_programs_that_review_one_dataset_lose_nothing_and_take_back_their_own(dataset: Path) -> None:
    one, other = Decisions(dataset, ITEMS), Decisions(dataset, ITEMS)
    one.add("A", "us/1", "exclude", "true")
    other.add("B", "rx/1", "exclude", "true")
    both = [("us/1", "exclude", "", "", "A"), ("rx/1", "exclude", "", "", "B")]
    assert rows(other) == both
    assert other.undo("B") == "rx/1"
    assert rows(other) == both[:1]
    assert one.undo("A") == "us/1"
    assert rows(one) == rows(Decisions(dataset, ITEMS)) == []


def test_two_programs_that_write_at_the_same_time_keep_each_others_acts(dataset: Path) -> None:
    def decide(who: str) -> None:
        desk = Decisions(dataset, ITEMS)
        for number in range(25):
            desk.add(who, "us/1", "redact", [[0, 0, 5, number + 1]])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(decide, "ABCD"))
    lines = dataset.with_name("data.mids").joinpath("review.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["number"] for line in lines] == list(range(100))


def test_what_was_taken_back_and_what_was_always_so_is_no_difference(dataset: Path) -> None:
    desk = Decisions(dataset, ITEMS)
    desk.add("A", "us/1", "exclude", "true", "a form")
    desk.add("A", "us/1", "exclude", None)
    desk.add("B", "us/1", "release", "true")
    desk.add("A", "rx/1", "view", "pa")
    desk.add("A", "rx/1", "view", "ap")  # as the dataset says
    desk.add("B", "rx/1", "looked", "true")
    assert desk.disputes() == []
    assert rows(desk) == [("us/1", "release", "", "", "B")]
    desk.add("B", "rx/1", "view", "pa")
    assert [found.field for found in desk.disputes()] == ["view"]


def test_a_decision_after_a_power_cut_is_kept(dataset: Path) -> None:
    desk = Decisions(dataset, ITEMS)
    desk.add("A", "us/1", "release", "true")
    log = dataset.with_name("data.mids") / "review.jsonl"
    whole = log.read_bytes()
    for left in (whole[:40], whole[:-1], whole[:40] + "é".encode()[:1]):
        log.write_bytes(whole + left)
        Decisions(dataset, ITEMS).add("A", "rx/1", "exclude", "true")
        after = Decisions(dataset, ITEMS)
        after.add("A", "ct/1", "acknowledge", "true")
        assert [row[0] for row in rows(Decisions(dataset, ITEMS))] == ["us/1", "rx/1", "ct/1"]


def test_what_was_said_of_a_patient_who_is_withdrawn_goes(tmp_path: Path, key: Path) -> None:
    dest = tmp_path / "dest"
    convert("dicom", fill_folder(tmp_path / "source", radiographs()), dest, key=key)
    items = collect_items(dest).items
    desk = Decisions(dest, items)
    for item in items:
        desk.add("A", item.file, "looked", "true")
        desk.add("A", item.file, "redact", [[0, 0, 5, 9]])
        desk.add("A", item.file, "acknowledge", "true", 'it says "RX"\nin two lines')
    desk.save(())
    log = Path(f"{dest}.mids/review.jsonl")
    log.write_bytes(log.read_bytes() + b'{"when": "2026-01')  # the program was killed
    assert cli.main(["withdraw", "000123", str(dest), "--key", str(key)]) == 0
    for name in ("review.jsonl", "curation.tsv"):
        text = Path(f"{dest}.mids/{name}").read_text("utf-8")
        assert "a/1" not in text
        assert "b/1" in text
    after = Decisions(dest, collect_items(dest).items)
    after.add("A", "b/1", "exclude", "true")
    assert after.undo("A") == "b/1"
    assert [row.field for row in after.corrections()] == ["acknowledge", "redact"]
    assert {row.why for row in read(Path(f"{dest}.mids/curation.tsv"))} >= {'it says "RX"\nin two lines'}
    log.write_bytes(b"{}\n")
    assert cli.main(["withdraw", "000123", str(dest), "--key", str(key)]) == 2


def test_an_image_that_a_run_removed_meanwhile_is_told(tmp_path: Path, key: Path) -> None:
    dest = tmp_path / "dest"
    convert("dicom", fill_folder(tmp_path / "source", radiographs()), dest, key=key)
    shelf = collect_items(dest)
    (dest / shelf.items[0].image).unlink()
    with pytest.raises(DataError, match="can't be read now"):
        read_frame(shelf, shelf.items[0], 0, source=False)
    assert read_frame(shelf, shelf.items[0], 0, source=True).count == 1
    assert read_frame(shelf, shelf.items[1], 0, source=False).count == 1
