"""Corrections that call a subject or a session otherwise."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit
from trees import another, codes, fill_folder, images, radiographs, source_rows, table, tree

from example_datasets.generators import radiograph
from example_datasets.generators.dicomfile import uid
from mids.conversion import Conversion, convert
from mids.errors import MidsError
from mids.review.decisions import Decisions
from mids.review.shelves import collect_items
from mids.run.decided.choices import load_choices, read_rows

Row = tuple[str, str, str, str]
NEW = "SNEWPATIENT"
"""A new name that looks like one of ours."""

COLUMNS = ("file", "field", "old", "new", "who", "why")


def correct(folder: Path, key: Path, rows: Sequence[Row], dest: str = "dest", **more: object) -> Conversion:
    """The two people, converted with corrections."""
    lines = [COLUMNS, *((*row, "A. Reader", "seen") for row in rows)]
    path = folder / "curation.tsv"
    path.write_text("".join("\t".join(line) + "\n" for line in lines), encoding="utf-8")
    return convert("dicom", folder / "people", folder / dest, key=key, curation=path, **more)  # type: ignore[arg-type]


def meet(folder: Path, key: Path) -> tuple[str, ...]:
    """Two people, one with two studies: the subject and the sessions of this one, then the other subject."""
    later = another("later", StudyInstanceUID=uid("later"))
    fill_folder(folder / "people", {**radiographs(), "a/3": later})
    convert("dicom", folder / "people", folder / "uncorrected", key=key)
    known = {row["source"]: row["filename"] for row in source_rows(folder / "uncorrected")}
    parts = {name: re.findall("(?:sub|ses)-([0-9A-Za-z]+)/", path) for name, path in known.items()}
    return (*parts["a/1"], parts["a/3"][1], parts["b/1"][0])


def test_what_a_subject_was_called_before_is_not_published(tmp_path: Path, key: Path) -> None:
    """Neither under `old` nor in a path by which a row names an image, with one of two former names or with both."""
    one, first, *_ = meet(tmp_path, key)
    path = next(row["filename"] for row in source_rows(tmp_path / "uncorrected") if row["source"] == "a/1")
    rows = (
        ("a/1", "subject", one, NEW), ("a/1", "session", f"{one}/{first}", "first"),
        ("a/2", "view", "ll", "pa"), (path, "view", "pa", "ll"),
    )  # fmt: skip
    rows = (*rows, *((path.replace(*pair), "view", "ll", "ll") for pair in ((one, NEW), (first, "first"))))
    done = correct(tmp_path, key, rows)
    found = table(done.dataset / "derivatives/provenance/curation.tsv")
    assert [row["old"] for row in found] == ["n/a", "n/a", "ll", "pa", "ll", "ll"]
    assert {NEW, "first"} < {row["new"] for row in found}
    for name in (one, first):
        assert name.encode() not in b"".join(tree(done.dataset).values())


@pytest.mark.parametrize(
    ("field", "old", "new", "message"),
    [
        ("subject", "", "P001", r"row 2 .*\(subject\): no subject .* what old says"),
        ("subject", "{0}x", "P001", r"correct it \(the subject ID, as it is without corrections\)"),
        ("session", "{1}", "first", r"no session of the source .*\(subject/session, as it is without"),
        ("session", "{0}/{1}x", "first", "no session of the source"),
        ("subject", "{0}", "{3}", "that another subject has"),
        ("session", "{0}/{1}", "{2}", "that another session has"),
    ],
)
def test_a_new_name_that_nobody_or_another_has_stops_the_run(
    tmp_path: Path, key: Path, field: str, old: str, new: str, message: str
) -> None:
    names = meet(tmp_path, key)
    with pytest.raises(MidsError, match=message):
        correct(tmp_path, key, [("a/1", field, old.format(*names), new.format(*names))])
    assert tree(tmp_path / "dest") == {}


def test_a_new_name_holds_for_who_is_gone_unread_or_left_out(tmp_path: Path, key: Path) -> None:
    one, first, _, other = meet(tmp_path, key)
    rows = (("b/1", "subject", other, "P002"), ("a/1", "session", f"{one}/{first}", "first"))
    correct(tmp_path, key, rows, "part", include=[one])
    done = correct(tmp_path, key, rows)
    whole = images(done.dataset)
    for name in ("a/1", "a/2", "b/1"):
        broken = tmp_path / "people" / name
        broken.write_bytes(broken.read_bytes()[:-900])
    correct(tmp_path, key, rows, "broken")
    (tmp_path / "people/b/1").unlink()
    assert "SOURCE_VANISHED" in codes(convert("dicom", tmp_path / "people", done.dataset).issues)
    assert images(done.dataset) == whole


# The paths of who is renamed


def plan_names(folder: Path, key: Path) -> tuple[dict[str, str], list[Row], str]:
    """Paths without corrections by source, rows that rename a subject and a session, and the subject's former ID."""
    one, first, *_ = meet(folder, key)
    paths = sources(folder / "uncorrected")
    return paths, [("a/1", "subject", one, "P001"), ("a/1", "session", f"{one}/{first}", "first")], one


def sources(dataset: Path) -> dict[str, str]:
    """The images by their sources."""
    return {row["source"]: row["filename"] for row in source_rows(dataset) if row["filename"] != "n/a"}


@pytest.mark.parametrize("called", ["before", "subject now"])
def test_a_path_names_its_image_as_it_was_called_and_as_it_is(tmp_path: Path, key: Path, called: str) -> None:
    """In every field, and in later runs; what is not named is as it would be without these rows."""
    paths, renamed, one = plan_names(tmp_path, key)
    plain = sources(correct(tmp_path, key, renamed, "renamed").dataset)
    now = "P001" if called == "subject now" else one
    front, side, other = (paths[name].replace(f"sub-{one}", f"sub-{now}") for name in ("a/1", "a/2", "a/3"))
    rows = (
        (front, "view", "pa", "ap"), (front, "body_part", "chest", "abdomen"), (front, "laterality", "n/a", "L"),
        (front, "redact", "", "0,0,9,9"), (front, "release", "", ""), (side, "exclude", "", ""),
        (other, "acknowledge", "", ""),
    )  # fmt: skip
    done = correct(tmp_path, key, [*renamed, *rows])
    assert codes(done.issues) == []
    made = sources(done.dataset)
    assert made.keys() == plain.keys() - {"a/2"}
    assert {name: made[name] for name in ("a/3", "b/1")} == {name: plain[name] for name in ("a/3", "b/1")}
    assert made["a/1"].endswith("_bp-abdomen_lat-L_vp-ap_cr.png")
    sidecar = json.loads((done.dataset / made["a/1"]).with_suffix(".json").read_text("utf-8"))
    assert (sidecar["BlankedRegions"], sidecar["BurnedInAnnotation"]) == ([[0, 0, 9, 9]], "NO")
    assert one.encode() not in b"".join(tree(done.dataset).values())
    before = tree(done.dataset)
    assert codes(convert("dicom", tmp_path / "people", done.dataset).issues) == []
    assert tree(done.dataset) == before
    desk = Decisions(done.dataset, collect_items(done.dataset).items)
    desk.add("B", "a/1", "view", "ll")
    reviewed = desk.save(read_rows(load_choices(done.dataset).values["curation"]))
    again = convert("dicom", tmp_path / "people", done.dataset, curation=reviewed, change=["curation"])
    assert codes(again.issues) == []
    assert sources(done.dataset) == {**made, "a/1": made["a/1"].replace("_vp-ap_", "_vp-ll_")}


def test_errors_of_an_image_are_known_by_its_former_path(tmp_path: Path, key: Path) -> None:
    """Its pixels can't be decoded: the run finds that when it makes the image."""
    paths, renamed, _ = plan_names(tmp_path, key)
    broken = radiograph.cr_pa()
    broken.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    broken.PixelData = encapsulate([b"\xff\xd8\xff" + bytes(2000)])
    broken["PixelData"].VR = "OB"
    fill_folder(tmp_path / "people", {"a/1": broken})
    assert correct(tmp_path, key, renamed, "unknown").exit_code == 1
    done = correct(tmp_path, key, [*renamed, (paths["a/1"], "acknowledge", "", "")])
    assert (done.exit_code, done.acknowledged) == (0, 1)


def test_a_number_is_still_the_same_image_after_its_subject_is_renamed(tmp_path: Path, key: Path) -> None:
    """An image that came later, and was made earlier, has the second number before and after."""
    one, *_ = meet(tmp_path, key)
    earlier = another("earlier", AcquisitionTime="000001", ContentTime="000001", SeriesTime="000001")
    fill_folder(tmp_path / "people", {"a/0": earlier})
    convert("dicom", tmp_path / "people", tmp_path / "uncorrected", key=key)
    paths = sources(tmp_path / "uncorrected")
    assert "_run-2_" in paths["a/0"]
    rows: list[Row] = [("a/1", "subject", one, "P001"), (paths["a/0"], "exclude", "", "")]
    done = correct(tmp_path, key, rows, "uncorrected")
    assert sources(done.dataset).keys() == paths.keys() - {"a/0"}
    convert("dicom", tmp_path / "people", done.dataset)
    assert sources(done.dataset).keys() == paths.keys() - {"a/0"}


@pytest.mark.parametrize(("swapped", "field"), [("subjects", "redact"), ("sessions", "view")])
def test_a_path_that_may_name_two_is_refused(tmp_path: Path, key: Path, field: str, swapped: str) -> None:
    """Two swap their names; the rows that swap them may name any of their files, by a path too."""
    one, first, second, other = meet(tmp_path, key)
    paths = sources(tmp_path / "uncorrected")
    rows: list[Row] = [(paths["a/1"], "subject", one, other), (paths["b/1"], "subject", other, one)]
    if swapped == "sessions":
        pairs = ((first, second), (second, first))
        rows = [(paths["a/1"], "session", f"{one}/{old}", new) for old, new in pairs]
    old, new = ("pa", "ll") if field == "view" else ("", "0,0,5,5")
    with pytest.raises(MidsError, match=rf"row 4 of the curation table \({field}\) .* give the source file") as refused:
        correct(tmp_path, key, [*rows, (paths["a/1"], field, old, new)])
    assert "\n" not in str(refused.value)
    assert tree(tmp_path / "dest") == {}
    assert correct(tmp_path, key, [*rows, ("a/1", field, old, new)]).exit_code == 0
