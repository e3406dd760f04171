"""Corrections that call a subject or a session otherwise."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from trees import another, codes, fill_folder, images, radiographs, source_rows, table, tree

from example_datasets.generators.dicomfile import uid
from mids.conversion import Conversion, convert
from mids.errors import MidsError

Row = tuple[str, str, str, str]
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
    """Neither under `old` nor in a path by which a row names an image."""
    one, first, *_ = meet(tmp_path, key)
    path = next(row["filename"] for row in source_rows(tmp_path / "uncorrected") if row["source"] == "a/1")
    rows = (
        ("a/1", "subject", one, "P001"), ("a/1", "session", f"{one}/{first}", "first"),
        ("a/2", "view", "ll", "pa"), (path, "view", "pa", "ll"),
    )  # fmt: skip
    done = correct(tmp_path, key, rows)
    found = table(done.dataset / "derivatives/provenance/curation.tsv")
    assert [row["old"] for row in found] == ["n/a", "n/a", "ll", "pa"]
    assert {"P001", "first"} < {row["new"] for row in found}
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
