"""PadChest: the published table and its subsets, views by review, reports once a study."""

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from places import SOURCES
from trees import count_codes, table

from example_datasets.generators import padchest as example
from example_datasets.generators.bimcv_covid19 import frontal, png
from mids.collections.bimcv.padchest import read
from mids.conversion import convert
from mids.errors import MidsError
from mids.records import Record
from mids.validation.runner import validate

GOLDEN = SOURCES / "padchest" / "mids"
SUBSET = example.HEADER[1:2] + example.HEADER[3:28] + example.HEADER[31:32]
"""The columns of BIMCV's subsets: no index, no folder, of the report the labels alone."""


def scans(dataset: Path) -> dict[str, dict[str, str]]:
    rows = (row for path in dataset.glob("sub-*/ses-*/*_scans.tsv") for row in table(path))
    return {row["source_file"]: row for row in rows}


def subset(root: Path, rows: list[tuple[str, ...]]) -> Path:
    """A source with the columns of a subset, separated by tabs, and all images in one folder."""
    root.mkdir()
    kept = [example.HEADER.index(name) for name in SUBSET]
    cells = [tuple(row[k] for k in kept) for row in rows]
    (root / "padchest_subset.tsv").write_bytes(example.table(SUBSET, cells, "\t"))
    for row in rows:
        (root / row[1]).write_bytes(png(frontal()))
    return root


def test_the_reviewed_projection_is_the_view_and_the_headers_is_kept() -> None:
    rows = scans(GOLDEN)
    assert {name: (row["view_position"], row.get("patient_position", "n/a")) for name, row in rows.items()} == {
        example.PA: ("pa", "n/a"), example.LAT: ("lateral", "n/a"), example.AGAIN: ("pa", "n/a"),
        example.PORTABLE: ("ap", "supine"), example.COSTAL: ("n/a", "n/a"), example.EXCLUDED: ("n/a", "n/a"),
    }  # fmt: skip
    assert rows[example.LAT]["view_position_dicom"] == "POSTEROANTERIOR"
    assert rows[example.COSTAL]["projection"] == "COSTAL"
    assert rows[example.LAT]["view_source"] == "source"


def test_a_network_that_nobody_reviewed_is_a_model(tmp_path: Path, key: Path) -> None:
    rows = [(*row[:10], "Neural network", *row[11:]) for row in example.rows()[:1]]
    done = convert("padchest", subset(tmp_path / "in", rows), tmp_path / "out", key=key)
    assert [row["view_source"] for row in scans(done.dataset).values()] == ["model"]


def test_images_of_a_study_share_one_report_and_its_labels() -> None:
    rows = table(GOLDEN / "derivatives/labels/labels.tsv")
    assert len(rows) == 4
    (first,) = [row for row in rows if row["session_id"] == f"ses-{example.FIRST}"]
    assert json.loads(first["labels"]) == ["pleural effusion", "costophrenic angle blunting", "unchanged"]
    assert json.loads(first["labels_localizations_by_sentence"]) == [
        ["pleural effusion", "costophrenic angle blunting", "loc left", "loc costophrenic angle"], ["unchanged"],
    ]  # fmt: skip
    assert json.loads(first["label_cuis"])[0] == "C2073625"
    assert first["label_method"] == "Physician"
    reports = [row["report"] for row in table(GOLDEN / "derivatives/ehr/reports.tsv")]
    assert sorted(report[:6] for report in reports) == ["derram", "estudi", "n/a", "sin ha"]


def test_ages_are_what_a_year_of_birth_leaves() -> None:
    rows = {row["source_id"]: row for row in table(GOLDEN / "participants.tsv")}
    assert [(rows[name]["age_min"], rows[name]["age_max"]) for name in (example.A, example.B, example.C)] == [
        ("61", "62"), ("89", "n/a"), ("n/a", "n/a"),
    ]  # fmt: skip
    assert rows[example.C]["sex"] == "n/a"


def test_pixels_are_the_sources() -> None:
    (path,) = GOLDEN.glob(f"sub-*/ses-{example.FIRST}/mim-rx/*_vp-pa_cr.png")
    with Image.open(path) as image:
        assert np.array_equal(np.asarray(image), frontal())
    sidecar = json.loads(path.with_suffix(".json").read_text("utf-8"))
    assert (sidecar["XRayTubeCurrent"], sidecar["ExposureTime"], sidecar["Rows"]) == (320, 0.006, 108)


def test_a_subset_in_tabs_is_read(tmp_path: Path, key: Path) -> None:
    done = convert("padchest", subset(tmp_path / "in", example.rows()), tmp_path / "out", key=key)
    codes = count_codes(done.issues)
    codes.pop("PRIVACY_UNSEEN", None)  # nobody looked at the pixels, which says nothing of the table
    assert codes == {"POLARITY_UNKNOWN": 1, "TABLE_ABSENT": 1}
    found = {row["session_id"]: row["labels"] for row in table(done.dataset / "derivatives/labels/labels.tsv")}
    wanted = {row["session_id"]: row["labels"] for row in table(GOLDEN / "derivatives/labels/labels.tsv")}
    assert found == wanted
    assert len(scans(done.dataset)) == 7
    issues = validate(done.dataset).issues
    assert {issue.code for issue in issues if issue.level != "info"} <= {"IMAGE_DUPLICATED"}  # all are one picture here


def test_two_pictures_of_one_name_are_told_and_copies_are_left_out(tmp_path: Path, key: Path) -> None:
    source = subset(tmp_path / "in", example.rows())
    first, second, *_ = sorted(source.glob("*.png"))
    (source / "z").mkdir()
    (source / "z" / first.name).write_bytes(png(255 - frontal()))
    shutil.copy(second, source / "z")
    done = convert("padchest", source, tmp_path / "out", key=key)
    assert count_codes(done.issues)["DUPLICATE_DIFFERS"] == 1
    assert done.exit_code == 1


def test_strange_values_are_told_and_images_without_a_row_are_left(tmp_path: Path, key: Path) -> None:
    rows = example.rows()
    rows[0] = (*rows[0][:9], "SIDEWAYS", *rows[0][10:12], "XX", *rows[0][13:])
    source = subset(tmp_path / "in", rows)
    shutil.copy(source / example.PA, source / f"{example.FIRST}_stray.png")
    done = convert("padchest", source, tmp_path / "out", key=key)
    told = sorted(
        (issue.code, issue.where) for issue in done.issues if issue.code in ("VALUE_UNKNOWN", "IMAGE_UNLISTED")
    )
    assert told == [
        ("IMAGE_UNLISTED", ""), ("VALUE_UNKNOWN", "row 2, column modality"),
        ("VALUE_UNKNOWN", "row 2, column projection"),
    ]  # fmt: skip
    assert len(scans(done.dataset)) == 7


def test_what_is_no_padchest_is_refused(tmp_path: Path, key: Path) -> None:
    rows = [(row[0], "scan1.png", *row[2:]) for row in example.rows()[:1]]
    with pytest.raises(MidsError, match="does not prove to be padchest"):
        convert("padchest", subset(tmp_path / "in", rows), tmp_path / "out", key=key)
    with pytest.raises(MidsError, match="no table with the columns ImageID"):
        convert("padchest", SOURCES / "covid-chestxray" / "input", tmp_path / "other", key=key)


def _changed(row: tuple[str, ...], **cells: str) -> tuple[str, ...]:
    """The row with other cells in the columns that are named."""
    return tuple(cells.get(name, cell) for name, cell in zip(example.HEADER, row, strict=True))


def test_missing_labels_are_no_label_called_nan(tmp_path: Path, key: Path) -> None:
    cells = ("nan", "None", "", "[nan]", "[nan, 'normal']")
    studies = {cell: f"21684011136696401281920706111201040000{number}" for number, cell in enumerate(cells, 1)}
    rows = [
        _changed(example.rows()[0], ImageID=f"{study}_a.png", StudyID=study, Labels=cell)
        for cell, study in studies.items()
    ]
    done = convert("padchest", subset(tmp_path / "in", rows), tmp_path / "out", key=key)
    found = {row["session_id"]: row["labels"] for row in table(done.dataset / "derivatives/labels/labels.tsv")}
    wanted = {cell: '["normal"]' if "normal" in cell else "[]" for cell in cells}
    assert {cell: found[f"ses-{study}"] for cell, study in studies.items()} == wanted
    assert not count_codes(done.issues)["VALUE_UNKNOWN"]


def test_a_row_without_patient_or_study_is_told_and_makes_no_patient_called_nan(tmp_path: Path, key: Path) -> None:
    rows = example.rows()
    rows[0] = _changed(rows[0], PatientID="nan")
    rows[1] = _changed(rows[1], StudyID="None")
    rows[2] = _changed(rows[2], PatientID="8.39860488694292E+35")
    done = convert("padchest", subset(tmp_path / "in", rows), tmp_path / "out", key=key)
    told = sorted((issue.where, issue.level) for issue in done.issues if issue.code == "ROW_INVALID")
    assert told == [
        ("row 2, column participant", "error"), ("row 3, column study", "error"),
        ("row 4, column participant", "error"),
    ]  # fmt: skip
    assert set(scans(done.dataset)) == {row[1] for row in rows[3:]}


def test_an_image_is_delivered_once_and_to_one_patient(tmp_path: Path, key: Path) -> None:
    rows = example.rows()
    source = subset(tmp_path / "in", rows)
    again = [rows[2], _changed(rows[3], PatientID="P9")]
    kept = [example.HEADER.index(name) for name in SUBSET]
    cells = [tuple(row[k] for k in kept) for row in (*rows, *again)]
    (source / "padchest_subset.tsv").write_bytes(example.table(SUBSET, cells, "\t"))
    done = convert("padchest", source, tmp_path / "out", key=key)
    told = [(issue.code, issue.where) for issue in done.issues if issue.code in ("ROW_REPEATED", "IMAGE_SHARED")]
    assert sorted(told) == [("IMAGE_SHARED", "row 10, column image"), ("ROW_REPEATED", "row 9, column image")]
    assert len(list(done.dataset.glob("sub-*/ses-*/mim-rx/*.png"))) == len(rows)
    assert not (done.dataset / "sub-P9").exists()


def test_a_patient_whose_number_became_a_decimal_in_some_rows_is_one(tmp_path: Path, key: Path) -> None:
    rows = example.rows()
    rows[5] = _changed(rows[5], PatientID=f"{example.C}.0")
    done = convert("padchest", subset(tmp_path / "in", rows), tmp_path / "out", key=key)
    assert {row["source_id"] for row in table(done.dataset / "participants.tsv")} == {example.A, example.B, example.C}
    (told,) = [issue for issue in done.issues if issue.code == "ID_REPAIRED"]
    assert told.where == "row 7, column participant"


def test_days_and_years_of_birth_that_are_none_are_told(tmp_path: Path, key: Path) -> None:
    rows = example.rows()
    rows[4] = _changed(rows[4], StudyDate_DICOM="20129999")
    rows[0] = _changed(rows[0], PatientBirth="1951.0")
    rows[5] = _changed(rows[5], PatientBirth="12/03/1990", StudyDate_DICOM="20100401.0")
    done = convert("padchest", subset(tmp_path / "in", rows), tmp_path / "out", key=key)
    told = sorted((one.code, one.where) for one in done.issues if one.code.startswith("VALUE_"))
    assert told == [
        ("VALUE_CONTRADICTED", "row 2, column birth"), ("VALUE_UNKNOWN", "row 6, column day"),
        ("VALUE_UNKNOWN", "row 7, column birth"),
    ]  # fmt: skip
    people = {row["source_id"]: row for row in table(done.dataset / "participants.tsv")}
    assert {row.get("age_min", "n/a") for row in people.values()} == {"n/a"}
    found = scans(done.dataset)
    assert found[example.PORTABLE].get("acq_time", "n/a") == "n/a"
    assert found[example.COSTAL]["acq_time"].startswith("2010-04-01")


@pytest.mark.parametrize("written", ["{}", "0/{}", "{}.PNG", "0\\\\{}.Png"])
def test_images_are_found_by_names_in_other_forms(written: str, tmp_path: Path, key: Path) -> None:
    rows = example.rows()
    source = subset(tmp_path / "in", rows)
    kept = [example.HEADER.index(name) for name in SUBSET]
    cells = [tuple(_changed(row, ImageID=written.format(row[1][:-4]))[k] for k in kept) for row in rows]
    (source / "padchest_subset.tsv").write_bytes(example.table(SUBSET, cells, "\t"))
    done = convert("padchest", source, tmp_path / "out", key=key)
    assert done.exit_code == 0
    assert set(scans(done.dataset)) == {row[1] for row in rows}


def test_a_study_of_two_patients_stays_the_firsts(tmp_path: Path, key: Path) -> None:
    rows = example.rows()
    rows[1] = _changed(rows[1], PatientID="P9")
    done = convert("padchest", subset(tmp_path / "in", rows), tmp_path / "out", key=key)
    told = [(one.code, one.where) for one in done.issues if one.code == "VALUE_CONTRADICTED"]
    assert told == [("VALUE_CONTRADICTED", "row 3, column study")]
    assert set(scans(done.dataset)) == {row[1] for row in rows} - {rows[1][1]}


def test_a_cut_or_empty_table_is_refused_with_its_cause(tmp_path: Path, key: Path) -> None:
    source = subset(tmp_path / "in", [])
    with pytest.raises(MidsError, match="has no rows that can be read"):
        convert("padchest", source, tmp_path / "out", key=key)
    whole = gzip.compress((source / "padchest_subset.tsv").read_bytes())
    (source / "padchest_subset.tsv").unlink()
    (source / "PADCHEST.csv.gz").write_bytes(whole[:-20])
    with pytest.raises(MidsError, match=r"holds no table .*PADCHEST\.csv\.gz: "):
        convert("padchest", source, tmp_path / "out", key=key)


def test_the_same_table_packed_and_unpacked_is_one(tmp_path: Path) -> None:
    source = shutil.copytree(SOURCES / "padchest" / "input", tmp_path / "source")
    (packed,) = source.glob("*.csv.gz")
    plain = gzip.decompress(packed.read_bytes())
    packed.with_suffix("").write_bytes(plain)
    assert len([item for items in read(source) for item in items if isinstance(item, Record)]) == 6
    packed.with_suffix("").write_bytes(plain.replace(b",F,", b",M,"))
    with pytest.raises(MidsError, match="several tables of images"):
        list(read(source))
