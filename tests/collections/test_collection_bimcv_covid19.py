"""BIMCV-COVID19 as published: its example's truths, as a folder and in archives."""

import json
import shutil
import subprocess
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from places import SOURCES
from trees import COMMANDS, UNSEEN, table

from example_datasets.generate import sources
from example_datasets.generators import bimcv_covid19 as example
from mids.conversion import Conversion, convert
from mids.dataset.layout import bids_layout

NAME = "bimcv-covid19"
INPUT, GOLDEN = SOURCES / NAME / "input", SOURCES / NAME / "mids"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, key: Path) -> Conversion:
    """The example, converted."""
    return convert(NAME, INPUT, tmp_path_factory.mktemp("bimcv") / "out", key=key)


def one(*parts: str) -> Path:
    """The one file of the golden dataset whose path holds all parts."""
    (path,) = [p for p in sorted(GOLDEN.rglob("*")) if p.is_file() and all(part in str(p) for part in parts)]
    return path


# --- the example -----------------------------------------------------------------------------------------


def test_the_example_is_what_its_generator_makes() -> None:
    made = dict(sources()[NAME]())
    assert sorted(made) == sorted(p.relative_to(INPUT).as_posix() for p in INPUT.rglob("*") if p.is_file())
    for path, content in made.items():
        if not path.endswith((".png", ".gz")):  # zlib may differ
            assert (INPUT / path).read_bytes() == content, path


def test_labels_of_every_published_grammar() -> None:
    rows = {row["report_id"]: row for row in table(GOLDEN / "derivatives/labels/labels.tsv")}
    lists = {
        key: [json.loads(row[name]) for name in ("labels", "localizations", "labels_localizations_by_sentence")]
        for key, row in rows.items()
    }
    assert lists["E900011R1"] == [
        ["ground glass pattern", "increased density", "pleural effusion"], ["bilateral"],
        [["ground glass pattern", "increased density", "loc bilateral"], ["pleural effusion"]],
    ]  # fmt: skip
    assert lists["E900011R2"][2] == [["pneumonia", "COVID 19", "loc basal bilateral"], ["adenopathy"]]
    assert lists["E900012R1"][0] == ["suboptimal study", "unchanged"]
    assert lists["E900013R1"][2] == [["infiltrates", "loc lobar"]]
    assert len(rows) == 5


def test_cuis_are_those_of_the_labels_not_of_the_columns() -> None:
    rows = {row["report_id"]: row for row in table(GOLDEN / "derivatives/labels/labels.tsv")}
    assert json.loads(rows["E900011R1"]["label_cuis"]) == ["C3544344", "C1443940", "C2073625"]
    assert json.loads(rows["E900011R2"]["label_cuis"]) == ["C0032285", "C5203670", "C0478664"]
    assert json.loads(rows["E900012R1"]["label_cuis"]) == ["C2828075", ""]


def test_tests_have_iso_dates_and_codes_and_are_counted_once() -> None:
    rows = table(GOLDEN / "derivatives/ehr/laboratory_tests.tsv")
    assert [(row["date"], row["test"], row["result"]) for row in rows] == [
        ("2020-03-17", "PCR", "negative"), ("2020-03-19", "IGG", "positive"), ("2020-04-01", "PCR", "indeterminate"),
        ("n/a", "ACT", "n/a"),
    ]  # fmt: skip
    assert (rows[3]["result_raw"], rows[3]["date_raw"]) == ("dudosillo", "31.02.2020")
    people = {row["participant_id"]: row for row in table(GOLDEN / "participants.tsv")}
    assert [people[key]["covid_test"] for key in (example.A, example.B)] == ["positive", "indeterminate"]


def test_ages_are_the_lists_smallest_or_the_limits_of_a_year_of_birth() -> None:
    people = {row["participant_id"]: row for row in table(GOLDEN / "participants.tsv")}
    assert [people[example.A][name] for name in ("age", "age_min", "age_max", "sex")] == ["57", "57", "57", "F"]
    assert [people[example.B][name] for name in ("age", "age_min", "age_max", "sex")] == ["n/a", "69", "70", "M"]


def test_reports_of_both_tables_on_one_line_each() -> None:
    rows = {row["report_id"]: row for row in table(GOLDEN / "derivatives/ehr/reports.tsv")}
    assert rows["E900011R3"]["report"] == (
        'Opacidades en vidrio deslustrado bilaterales. Derrame pleural "escaso" izquierdo.'
    )
    assert rows["E900021R2"]["report"] == "Sin hallazgos."
    assert {row["report_source"] for row in rows.values()} == {"labels", "sessions"}


def test_a_suboptimal_study_is_one_in_the_sessions_table() -> None:
    rows = {row["session_id"]: row for row in table(GOLDEN / example.A / f"{example.A}_sessions.tsv")}
    assert {key: row["quality"] for key, row in rows.items()} == {
        example.PLATE: "n/a", example.SERIES: "suboptimal", example.SCAN: "n/a",
    }  # fmt: skip
    assert [row["acq_time"][:10] for row in rows.values()] == ["2020-03-16", "2020-03-20", "2020-03-25"]


def test_views_come_from_headers_and_never_from_the_name_of_a_mixed_series() -> None:
    rows = {
        row["source_file"].rpartition("/")[2]: row
        for path in GOLDEN.glob("sub-*/ses-*/*_scans.tsv")
        for row in table(path)
    }
    seen = {
        name: tuple(row.get(key, "n/a") for key in ("view_position", "view_source", "sidecar_source"))
        for name, row in rows.items()
    }
    names = [path.rpartition("/")[2] for path in (example.PA, *example.TWO, example.BED)]
    assert [seen[f"{name}.png"] for name in names] == [
        ("pa", "description", "own"), ("n/a", "n/a", "series"), ("ll", "description", "own"), ("ap", "source", "own"),
    ]  # fmt: skip
    assert seen[example.CT.rpartition("/")[2] + ".nii.gz"] == ("ax", "dicom", "own")


def test_pixels_and_voxels_are_those_of_the_source() -> None:
    made = np.asarray(Image.open(one("mids/sub-S90001/ses-E900011/mim-rx", ".png")))
    assert np.array_equal(made, example.frontal())
    image = nib.load(one("mids/sub-S90001/ses-E900013/mim-ct", "_ct.nii.gz"))
    assert np.array_equal(np.asarray(image.dataobj), example.volume())
    assert np.allclose(image.affine, example.AFFINE)
    assert not image.header["descrip"].tobytes().strip(b"\0")


def test_the_outline_lies_on_the_pixels_that_it_was_drawn_around() -> None:
    mask = np.asarray(Image.open(one("rois", "_dseg.png")))
    (left, top), (right, bottom) = example.SQUARE[0], example.SQUARE[2]
    expected = np.zeros_like(mask)
    expected[int(top) : int(bottom), int(left) : int(right)] = 1
    assert np.array_equal(mask, expected)
    assert table(one("rois", "mim-rx", ".tsv")) == [{"index": "1", "name": "ground_glass_xray"}]


def test_the_nifti_mask_keeps_its_place_and_classes() -> None:
    image = nib.load(one("rois", "_dseg.nii.gz"))
    values = np.asarray(image.dataobj)
    i, j, _ = example.SPHERE
    assert values[i, j, 6] == 5
    assert np.count_nonzero(values) == 9 * 9 * 5
    assert np.allclose(image.affine, example.AFFINE)
    classes = {row["index"]: row["name"] for row in table(one("rois", "mim-ct", ".tsv"))}
    assert (classes["5"], classes["14"], len(classes)) == ("ground_glass_ct", "no_findings", 14)


def test_nobody_is_named() -> None:
    for path in GOLDEN.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(word in content for word in (b"CANARY", b"SCANNER 7", b"Time=", b"2.25.")), path


def test_what_was_found_wrong(done: Conversion) -> None:
    found = sorted((issue.code, issue.where) for issue in done.issues if issue.code not in UNSEEN)
    assert found == sorted([
        ("CELL_TRUNCATED", "row 5, column sentences"), ("COLUMN_UNREAD", "column column 6"),
        ("ENTRY_UNMATCHED", "rows 4"), ("ENTRY_UNMATCHED", "rows 7"),
        ("ENTRY_UNMATCHED", "rows 8"), ("ENTRY_UNMATCHED", ""), ("ENTRY_UNMATCHED", ""),
        ("IMAGE_MISSING", "row 3, column filename"), ("POLARITY_UNKNOWN", ""), ("ROW_REPEATED", "row 4"),
        ("VALUE_UNKNOWN", "row 6, column date"), ("VALUE_UNKNOWN", "row 6, column result"),
    ])  # fmt: skip


def test_every_file_of_the_source_is_accounted_for(done: Conversion) -> None:
    rows = table(done.dataset.with_name("out.mids") / "sources.tsv")
    accounted = {row["source"].partition("!")[0] for row in rows}
    assert {p.relative_to(INPUT).as_posix() for p in INPUT.rglob("*") if p.is_file()} <= accounted


def test_the_official_validator_and_pybids_take_it(done: Conversion) -> None:
    command = [COMMANDS / "bids-validator-deno", done.dataset, "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    found = json.loads(ran.stdout)["issues"]["issues"]
    assert [issue["code"] for issue in found if issue["severity"] == "error"] == []
    listed = set(bids_layout(done.dataset).get(return_type="filename"))
    assert done.outcome is not None
    images = [path for path in done.outcome.made if not path.startswith("derivatives/")]
    assert {str(done.dataset / path) for path in images} <= listed


# --- archives --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["tar", "gztar", "zip"])
def test_archives_give_what_the_folder_gives(tmp_path: Path, key: Path, done: Conversion, form: str) -> None:
    packed = tmp_path / "packed"
    packed.mkdir()
    shutil.make_archive(str(packed / "everything"), form, INPUT)
    again = convert(NAME, packed, tmp_path / "out", key=key, jobs=2)
    ours = {p.relative_to(done.dataset): p.read_bytes() for p in done.dataset.rglob("*") if p.is_file()}
    theirs = {p.relative_to(again.dataset): p.read_bytes() for p in again.dataset.rglob("*") if p.is_file()}
    assert ours == theirs
