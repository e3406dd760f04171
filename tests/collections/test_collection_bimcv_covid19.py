"""BIMCV-COVID19 as published: its example's truths, its archives, what is wrong with it, and the real tree."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from places import SOURCES
from trees import COMMANDS, put, table

from example_datasets.generate import sources
from example_datasets.generators import bimcv_covid19 as example
from mids.collections.bimcv import tables as bimcv_tables
from mids.collections.bimcv.bimcv_covid19 import read
from mids.conversion import Conversion, convert
from mids.dataset.layout import bids_layout
from mids.errors import MidsError
from mids.issues import Issue
from mids.records import Entry, Record

NAME = "bimcv-covid19"
INPUT, GOLDEN = SOURCES / NAME / "input", SOURCES / NAME / "mids"
LABELS = "derivatives/labels/labels_covid19_posi.tsv"
TREE = "derivatives/labels/tree_term_CUI_counts_image_covid_posi.csv"
TESTS = "derivatives/EHR/sil_reg_covid_posi.tsv"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of the example that a test may change."""
    return shutil.copytree(INPUT, tmp_path / "source")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, key: Path) -> Conversion:
    """The example, converted."""
    return convert(NAME, INPUT, tmp_path_factory.mktemp("bimcv") / "out", key=key)


def one(*parts: str) -> Path:
    """The one file of the golden dataset whose path holds all parts."""
    (path,) = [p for p in sorted(GOLDEN.rglob("*")) if p.is_file() and all(part in str(p) for part in parts)]
    return path


def codes(root: Path) -> dict[str, list[Issue]]:
    """What reading a source finds wrong, by code."""
    found: dict[str, list[Issue]] = {}
    for items in read(root):
        for item in items:
            if isinstance(item, Issue):
                found.setdefault(item.code, []).append(item)
    return found


def changed(root: Path, path: str, old: str, new: str) -> None:
    text = (root / path).read_text(encoding="utf-8")
    assert old in text
    (root / path).write_text(text.replace(old, new), encoding="utf-8")


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
    found = sorted((issue.code, issue.where) for issue in done.issues)
    assert found == sorted([
        ("CELL_TRUNCATED", "row 5, column sentences"), ("ENTRY_UNMATCHED", "rows 4"), ("ENTRY_UNMATCHED", "rows 7"),
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


def test_a_place_that_comes_twice_is_taken_once(source: Path) -> None:
    shutil.copytree(source / example.A, source / "again" / example.A)
    records = [item for items in read(source) for item in items if isinstance(item, Record)]
    assert len(records) == 5


# --- what is wrong ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("participants.tsv", "no table of participants"),
        (LABELS, "no table of labels"),
        (TREE, "no table of tree"),
    ],
)
def test_a_missing_table_ends_the_run_before_it_starts(source: Path, path: str, told: str) -> None:
    (source / path).unlink()
    with pytest.raises(MidsError, match=told):
        list(read(source))


def test_a_renamed_table_is_named(source: Path) -> None:
    (source / LABELS).rename(source / "derivatives/labels/lables_covid19_posi.tsv")
    with pytest.raises(MidsError, match="lables_covid19_posi"):
        list(read(source))


@pytest.mark.parametrize(
    ("path", "old", "new", "told"),
    [
        (LABELS, "ReportID", "RaportID", "lacks the column 'reportid'.*raportid"),
        (TESTS, "fecha", "fetxa", "lacks the column 'date'"),
        ("participants.tsv", "gender", "gendre", "lacks the column 'gender'.*gendre"),
        ("participants.tsv", "gender", "gender\tmodality_dicon", "unknown column 'modality_dicon'.*modality_dicom"),
    ],
)
def test_a_renamed_or_unknown_column_ends_the_run(source: Path, path: str, old: str, new: str, told: str) -> None:
    changed(source, path, old, new)
    with pytest.raises(MidsError, match=told):
        list(read(source))


def test_partitions_that_are_not_understood_are_left_out(source: Path) -> None:
    changed(source, "derivatives/partitions.tsv", "participant session", "quien cuando")
    (told,) = codes(source)["TABLE_INVALID"]
    assert told.path == "derivatives/partitions.tsv"


@pytest.mark.parametrize(("written", "sex"), [("['F']", "F"), ("H", "M"), ("None", "n/a"), ("x", "n/a")])
def test_sexes_as_they_are_written(source: Path, tmp_path: Path, key: Path, written: str, sex: str) -> None:
    changed(source, "participants.tsv", "'58']\tF", f"'58']\t{written}")
    for path in (source / example.A).rglob("*.json"):
        path.unlink()
    result = convert(NAME, source, tmp_path / "out", key=key)
    people = {row["participant_id"]: row for row in table(result.dataset / "participants.tsv")}
    assert people[example.A]["sex"] == sex
    assert people[example.A].get("sex_raw", "n/a") == ("x" if written == "x" else "n/a")


def test_two_iterations_at_once_are_refused(source: Path) -> None:
    put(source, "derivatives/labels/labels_covid_123.tsv", (source / LABELS).read_bytes() + b"7\tx\ty\t\t\t\t\t\t\n")
    with pytest.raises(MidsError, match="several tables of labels"):
        list(read(source))


def test_what_is_no_published_dataset_is_sent_elsewhere(tmp_path: Path) -> None:
    put(tmp_path, "a/1.dcm", b"\0" * 128 + b"DICM")
    with pytest.raises(MidsError, match="bimcv-covid19-raw"):
        list(read(tmp_path))


def test_negatives_have_no_tests(source: Path) -> None:
    (source / TESTS).unlink()
    entries = [item for items in read(source) for item in items if isinstance(item, Entry)]
    assert "laboratory_tests" not in {entry.table for entry in entries}


def test_a_label_outside_the_tree_is_kept_and_told(source: Path) -> None:
    changed(source, LABELS, "'consolidation']", "'marbles']")
    (told,) = [issue for issue in codes(source)["VALUE_UNKNOWN"] if issue.where == "row 5, column labels"]
    assert told.value == "marbles"
    kept = [
        i.values["labels"] for items in read(source) for i in items if isinstance(i, Entry) and "labels" in i.values
    ]
    assert '["infiltrates", "marbles"]' in kept


def test_broken_sidecars_images_and_names_stop_nothing(source: Path, tmp_path: Path, key: Path) -> None:
    (source / f"{example.PA}.json").write_text("{", encoding="utf-8")
    (source / f"{example.TWO[0]}.png").write_bytes(b"")
    put(source, f"{example.A}/{example.PLATE}/mod-rx/{example.A}_chest_xx.png", example.png(example.frontal()))
    result = convert(NAME, source, tmp_path / "out", key=key)
    found = {issue.code for issue in result.issues}
    assert {"SIDECAR_UNREADABLE", "PIXELS_UNREADABLE", "NAME_UNREADABLE"} <= found
    assert result.outcome is not None
    assert any("run-1_bp-chest_vp-pa_cr.png" in path for path in result.outcome.made)  # by its name alone


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<a/>",
        b"<ImageAnnotationCollection>",
        b'<!DOCTYPE a [<!ENTITY x "lol"><!ENTITY y "&x;&x;&x;">]><ImageAnnotation>&y;</ImageAnnotation>',
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'.encode("utf-16"),
    ],
    ids=["empty", "other", "cut", "bomb", "external"],
)
def test_xml_that_is_no_annotation_or_a_bomb(source: Path, content: bytes) -> None:
    put(source, "derivatives/rois/other.xml", content)
    (told,) = codes(source)["ANNOTATIONS_INVALID"]
    assert told.path == "derivatives/rois/other.xml"


def test_regions_that_fit_nothing(source: Path) -> None:
    lost = example.aim("1.2.3", "Consolidation", example.SQUARE)
    put(source, "derivatives/rois/roi_2.xml", lost.encode())
    put(source, "derivatives/rois/nobody_dseg.nii.gz", b"")
    named = {issue.path for issue in codes(source)["REGION_UNMATCHED"]}
    assert named == {"derivatives/rois/roi_2.xml", "derivatives/rois/nobody_dseg.nii.gz"}


def test_a_mask_on_another_grid_is_refused(source: Path, tmp_path: Path, key: Path) -> None:
    name = f"derivatives/rois/{example.CT.rpartition('/')[2]}_dseg.nii.gz"
    put(source, name, example.nifti(np.zeros((32, 24, 11)), np.uint8))
    result = convert(NAME, source, tmp_path / "out", key=key)
    assert "REGION_MISMATCH" in {issue.code for issue in result.issues}


def test_tables_in_latin1_and_with_byte_order_marks(source: Path) -> None:
    text = (source / LABELS).read_text(encoding="utf-8").replace("opac", "opácid")
    (source / LABELS).write_bytes(text.encode("latin-1"))
    (source / "participants.tsv").write_bytes(b"\xef\xbb\xbf" + (source / "participants.tsv").read_bytes())
    found = codes(source)
    assert [issue.path for issue in found["TABLE_READ_AS_LATIN1"]] == [LABELS]
    assert "VALUE_MISSING" not in found


def test_a_path_out_of_the_archive_goes_nowhere(source: Path, tmp_path: Path, key: Path) -> None:
    stray = {"../../escaped.png": example.png(example.frontal()), f"../{example.PA}.png": b"x"}
    (source / "evil.tar.gz").write_bytes(example._tar(stray))
    convert(NAME, source, tmp_path / "deep" / "out", key=key)
    assert not list(tmp_path.rglob("escaped.png"))


# --- forms of tables -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("17.03.2020", "2020-03-17"), ("7.3.2020", "2020-03-07"), ("17/03/2020", "2020-03-17"),
        ("20200317", "2020-03-17"), ("2020-03-17", "2020-03-17"), ("31.02.2020", ""), ("03.2020", ""), ("", ""),
        ("17.03.20", ""),
    ],
)  # fmt: skip
def test_days(text: str, day: str) -> None:
    assert bimcv_tables.iso_date(text) == day


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            b"session\tmedical_evaluation\nses-E1\tuno\ndos\n\ttres\nses-E2\tcuatro",
            {"E1": "uno dos tres", "E2": "cuatro"},
        ),
        (b"session_id\tstudy_date\tmedical_evaluation\nses-E1\t20200401.0\t\"['a\\\\nb', 'c']\"\n", {"E1": "a b c"}),
        (b"session_id\tstudy_date\tmedical_evaluation\r\nses-E1\t20200401\t\r\n", {"E1": ""}),
        (b"session\tmedical_evaluation\n", {}),
    ],
)
def test_both_forms_of_sessions(data: bytes, expected: Mapping[str, str]) -> None:
    rows, lost = bimcv_tables.sessions(data)
    assert {bimcv_tables.label_of(row.session): row.text for row in rows} == expected
    assert lost == 0
    assert all(row.day in ("", "20200401") for row in rows)


def test_text_before_the_first_session_is_told() -> None:
    rows, lost = bimcv_tables.sessions(b"session\tmedical_evaluation\nsin cabecera\nses-E1\tuno\n")
    assert (len(rows), lost) == (1, len(b"sin cabecera"))


@pytest.mark.shared
def test_the_real_tree_becomes_a_table(source: Path, shared: Path, tmp_path: Path, key: Path) -> None:
    shutil.copy(shared / "bimcv" / "tree_term_CUI_counts_image_covid_1.csv", source / TREE)
    changed(source, LABELS, "'infiltrates', 'consolidation'", "'infiltrates', 'bullas'")
    result = convert(NAME, source, tmp_path / "out", key=key)
    rows = table(result.dataset / "derivatives/labels/label_tree.tsv")
    assert len(rows) == 337
    assert len({row["label"] for row in rows}) == 304
    assert sum(row["cui"] == "n/a" for row in rows) == 60
    assert not [issue for issue in result.issues if issue.where.endswith("column labels")]
