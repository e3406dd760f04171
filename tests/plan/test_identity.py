"""Who a patient is: nobody gets another's label, and nobody is delivered who was to be left out."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from trees import codes, expect_refusal, fill_folder, images, table

from example_datasets.generators import radiograph
from mids.conversion import Conversion, convert
from mids.deid.policy import preset
from mids.errors import MidsError
from mids.records import PatientKey

PARTS = ("", "12", "34", "12|34", "|", "|34", "12|", "\\", "\\|", "StudyInstanceUID", "SeriesInstanceUID", "file")


def delivered(root: Path, key: Path, ids: list[str], **options: object) -> Conversion:
    """A conversion of one radiograph for each PatientID; options are those of `convert`, `ids` and `table`."""
    for number, patient in enumerate(ids):
        dataset = radiograph.cr_pa()
        dataset.PatientID, dataset.SOPInstanceUID = patient, f"2.25.{number + 1}"
        dataset.SeriesInstanceUID, dataset.StudyInstanceUID = f"2.25.{number + 100}", f"2.25.{number + 200}"
        fill_folder(root / "in", {f"{number}.dcm": dataset})
    return convert("dicom", root / "in", root / "out", key=key, **options)  # type: ignore[arg-type]


def sources(done: Conversion) -> dict[str, dict[str, str]]:
    return {row["source"]: row for row in table(done.dataset.with_name("out.mids") / "sources.tsv")}


def test_no_two_keys_have_one_text() -> None:
    keys = {PatientKey(issuer, number) for issuer, number in product((None, *PARTS), PARTS)}
    keys |= {PatientKey("", number, of) for number in PARTS for of in ("study", "series", "file")}  # type: ignore[arg-type]
    assert len({key.text for key in keys}) == len(keys)


def test_a_bar_in_a_patient_id_is_part_of_it(tmp_path: Path, key: Path) -> None:
    labels = tmp_path / "ids.csv"
    labels.write_text("id_old,id_new\n34,Mine\n12|34,Theirs\n")
    done = delivered(tmp_path, key, ["34", "12|34"], policy=replace(preset("mids"), ids="table"), id_table=labels)
    found = {path: row["filename"].split("/")[0] for path, row in sources(done).items()}
    assert found == {"0.dcm": "sub-Mine", "1.dcm": "sub-Theirs"}


def test_a_table_without_a_patient_gives_nobody_elses_label(tmp_path: Path, key: Path) -> None:
    labels = tmp_path / "ids.csv"
    labels.write_text("id_old,id_new\n34,Mine\n")
    done = delivered(tmp_path, key, ["34", "12|34"], policy=replace(preset("mids"), ids="table"), id_table=labels)
    assert codes(done.issues) == ["PATIENT_UNLISTED"]
    assert {path.split("/")[0] for path in images(done.dataset)} == {"sub-Mine"}


@pytest.mark.parametrize(
    ("ids", "label", "owner"),
    [
        (["10.0", "100"], "sub-100", "1.dcm"),
        (["100", "10.0", "1.00"], "sub-100", "0.dcm"),
        (["10.0", "1.00", "100"], "sub-100", "2.dcm"),
        (["10.0", "1.00"], "", ""),
        (["Ab", "aB"], "", ""),
        (["1.00", "10.0", "1-00"], "", ""),
    ],
)
def test_of_two_with_one_label_only_the_one_whose_id_it_is_has_it(
    tmp_path: Path, key: Path, ids: list[str], label: str, owner: str
) -> None:
    done = delivered(tmp_path, key, ids, policy=replace(preset("mids"), ids="keep"))
    rows = sources(done)
    assert {path for path, row in rows.items() if row["status"] == "converted"} == ({owner} if owner else set())
    assert {row["status"] for path, row in rows.items() if path != owner} == {"lost"}
    assert len(rows) == len(ids)
    assert {path.split("/")[0] for path in images(done.dataset)} == ({label} if label else set())
    assert codes(done.issues) == ["SUBJECT_COLLISION"] * (len(ids) - bool(owner))
    assert done.exit_code == 1


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ({"exclude": ["P[1]"]}, {"1.dcm", "2.dcm"}),
        ({"include": ["P[1]"]}, {"0.dcm"}),
        ({"exclude": ["P?"]}, {"0.dcm", "2.dcm"}),
        ({"include": ["P[12]"]}, {"1.dcm", "2.dcm"}),
        ({"include": ["P*"], "exclude": ["P[1]"]}, {"1.dcm", "2.dcm"}),
    ],
)
def test_an_id_is_meant_before_a_glob(tmp_path: Path, key: Path, options: dict[str, list[str]], left: set[str]) -> None:
    ids = ["P[1]", "P1", "P2"] if "P?" not in options.get("exclude", ()) else ["P[1]", "P1", "Q2"]
    done = delivered(tmp_path, key, ids, **options)
    assert set(sources(done)) == left
    assert len(images(done.dataset)) == len(left)


def test_subject_labels_are_meant_too(tmp_path: Path, key: Path) -> None:
    first = delivered(tmp_path, key, ["A", "B"])
    label = next(row["filename"].split("/")[0] for path, row in sources(first).items() if path == "0.dcm")
    for given in (label, label.removeprefix("sub-")):
        dry = convert("dicom", tmp_path / "in", tmp_path / "out", key=key, exclude=[given], dry_run=True)
        assert [subject.label for subject in dry.plan.subjects if f"sub-{subject.label}" == label] == []


@pytest.mark.parametrize("flag", ["include", "exclude"])
@pytest.mark.parametrize("pattern", ["P3", "p1", "P[3]", "Q*"])
def test_a_pattern_that_matches_nobody_is_an_error_before_anything_is_written(
    tmp_path: Path, key: Path, flag: str, pattern: str
) -> None:
    with pytest.raises(MidsError, match="matches no subject"):
        delivered(tmp_path, key, ["P1", "P2"], **{flag: ["P1", pattern]})
    assert list((tmp_path / "out").iterdir()) == []
    place = str(tmp_path / "in"), str(tmp_path / "out")
    assert "matches no subject" in expect_refusal("dicom", *place, "--key", key, f"--{flag}", pattern)


def test_nobody_left_is_an_error(tmp_path: Path, key: Path) -> None:
    with pytest.raises(MidsError, match="leaves no subject"):
        delivered(tmp_path, key, ["P1"], include=["P1"], exclude=["P*"])
