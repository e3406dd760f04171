"""Corrections that call a subject or a session otherwise."""

import re
from collections.abc import Sequence
from pathlib import Path

from trees import another, fill_folder, radiographs, source_rows, table, tree

from example_datasets.generators.dicomfile import uid
from mids.conversion import Conversion, convert

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
