"""MIDRC-RICORD-1B and 1C: the same code as 1A, other images, labels and promises."""

import json
import shutil
from pathlib import Path

import pytest
from places import SOURCES
from trees import table

from mids.collections import find, recognise_source
from mids.collections.midrc_ricord import readings
from mids.conversion import convert
from mids.errors import MidsError
from mids.issues import Level
from mids.readers.annotations.mdai import read_export
from mids.validation.runner import validate
from mids.vocabulary import clinical

LABELS = "derivatives/labels/labels.tsv"
B, C = (SOURCES / f"midrc-ricord-1{letter}" for letter in "bc")


@pytest.mark.parametrize("letter", "abc")
def test_each_release_is_recognised_as_itself(letter: str) -> None:
    assert recognise_source(SOURCES / f"midrc-ricord-1{letter}" / "input") == f"midrc-ricord-1{letter}"


@pytest.mark.parametrize(("letter", "other"), [("a", "c"), ("b", "c"), ("c", "b")])
def test_images_of_a_sister_release_are_refused_by_name(letter: str, other: str, tmp_path: Path, key: Path) -> None:
    with pytest.raises(MidsError, match=f"midrc-ricord-1{other}" if letter != "c" else "MD.ai export"):
        convert(f"midrc-ricord-1{letter}", SOURCES / f"midrc-ricord-1{other}/input", tmp_path / "out", key=key)


def test_the_negatives_need_no_annotations_and_reformats_are_marked() -> None:
    scans = [row for path in (B / "mids").glob("sub-*/ses-*/*_scans.tsv") for row in table(path)]
    assert sorted(row["view_position"] for row in scans) == ["ax", "sag"]
    assert {row["filename"].partition("_vp-")[2] for row in scans} == {"ax_ct.nii.gz", "sag_ct.nii.gz"}
    (person,) = table(B / "mids/participants.tsv")
    assert (person["age"], person["sex"], person["covid_test"]) == ("44", "F", "negative")
    assert not (B / "mids/derivatives/labels").exists()


def test_radiographs_keep_the_words_of_every_reader() -> None:
    rows = {row["reader"]: row for row in table(C / "mids/derivatives/labels/labels.tsv") if "001001" in str(row)}
    assert {reader: json.loads(row["labels"]) for reader, row in rows.items()} == {
        "TigerU1c0": ["Typical", "Moderate opacities (3-4 lung zones)"],
        "LionU1c1": ["Indeterminate", "Mild opacities (1-2 lung zones)"],
        "AdjudicationU1c2": ["Typical"],
    }


def test_an_invalid_study_is_suboptimal_for_whom_said_so_once() -> None:
    (path,) = (C / "mids").glob("sub-*001002/*_sessions.tsv")
    (row,) = table(path)
    assert (row["quality"], row["quality_source"]) == ("suboptimal", "Invalid study (LionU1c1)")


@pytest.mark.shared
def test_every_label_of_the_real_export_is_a_term(shared: Path) -> None:
    (path,) = (shared / "ricord").glob("1c_mdai*.json")
    with path.open("rb") as stream:
        export = read_export(stream, path.name)
    terms = readings.terms(clinical.declared("midrc-ricord-1c")["terms"])
    assert {found.label.name for found in export.annotations} - set(terms) == set()
    assert find("midrc-ricord-1c").ABOUT.doi == "doi:10.7937/91ah-v663"


@pytest.mark.parametrize(
    ("old", "new", "code", "age"),
    [
        (",44.0", ",17", "VALUE_CONTRADICTED", "n/a"), (",44.0", ",>60", "VALUE_CONTRADICTED", "n/a"),
        (",44.0", ",44.9", "", "44"), (",44.0", ',"44,9"', "", "44"),
    ],
)  # fmt: skip
def test_an_age_that_the_headers_contradict_is_not_used(
    old: str, new: str, code: str, age: str, tmp_path: Path, key: Path
) -> None:
    source = shutil.copytree(B / "input", tmp_path / "in")
    (path,) = source.glob("*Clinical*")
    text = path.read_text("utf-8-sig")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), "utf-8")
    done = convert("midrc-ricord-1b", source, tmp_path / "out", key=key)
    (person,) = table(done.dataset / "participants.tsv")
    assert person.get("age_min", "n/a") == age
    (sessions,) = done.dataset.glob("sub-*/*_sessions.tsv")
    for row in (person, *table(sessions)):
        assert (row["age"] == "n/a") == (age == "n/a")  # the age of the headers is not used either
    assert [one.code for one in done.issues if one.where.endswith("column age")] == ([code] if code else [])


def test_a_clinical_table_without_rows_and_a_row_that_differs_are_told(tmp_path: Path, key: Path) -> None:
    source = shutil.copytree(B / "input", tmp_path / "in")
    (path,) = source.glob("*Clinical*")
    header, row = path.read_text("utf-8-sig").splitlines()
    for name, lines, code, words in (
        ("none", [header], "TABLE_ABSENT", "no rows"),
        ("two", [header, row, row.replace(",F,", ",M,")], "ROW_REPEATED", "something else of sex"),
    ):
        path.write_text("\n".join(lines), "utf-8")
        done = convert("midrc-ricord-1b", source, tmp_path / name, key=key)
        (told,) = [one for one in done.issues if one.code == code]
        assert words in told.message


def test_an_export_in_parts_and_twice_gives_each_reader_one_row(tmp_path: Path, key: Path) -> None:
    source = shutil.copytree(C / "input", tmp_path / "source")
    (path,) = source.glob("*.json")
    export = json.loads(path.read_text(encoding="utf-8"))
    said = export["datasets"][0]["annotations"]
    for name, part in (("a.json", said[:3]), ("b.json", said[1:])):
        export["datasets"][0]["annotations"] = part
        (source / name).write_text(json.dumps(export), encoding="utf-8")
    path.unlink()
    done = convert("midrc-ricord-1c", source, tmp_path / "out", key=key)
    assert table(done.dataset / LABELS) == table(C / "mids" / LABELS)
    assert [found.message.partition(" ")[0] for found in done.issues if found.code == "ANNOTATION_REPEATED"] == ["2"]
    assert not [found for found in validate(done.dataset).issues if found.level is Level.ERROR]


def test_labels_in_any_case_are_terms_and_open_workbooks_are_no_tables(tmp_path: Path, key: Path) -> None:
    source = shutil.copytree(C / "input", tmp_path / "source")
    (path,) = source.glob("*.json")
    path.write_text(path.read_text(encoding="utf-8").replace("Typical Appearance", "typical  appearance"))
    (source / "~$MIDRC-RICORD-1C Clinical Data.xlsx").write_bytes(b"\x05Somebody" + bytes(150))
    done = convert("midrc-ricord-1c", source, tmp_path / "out", key=key)
    assert not {"VALUE_UNKNOWN", "TABLE_INVALID", "TABLE_ABSENT"} & {found.code for found in done.issues}
    assert table(done.dataset / LABELS) == table(C / "mids" / LABELS)


def test_a_release_without_its_clinical_table_says_so(tmp_path: Path, key: Path) -> None:
    source = shutil.copytree(B / "input", tmp_path / "source")
    next(source.glob("*.csv")).unlink()
    done = convert("midrc-ricord-1b", source, tmp_path / "out", key=key)
    assert [found.code for found in done.issues] == ["TABLE_ABSENT"]
