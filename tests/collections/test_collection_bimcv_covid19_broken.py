"""BIMCV-COVID19 as published: what is wrong with a source is told, forms of its tables, and the real tree."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from places import SOURCES
from trees import issues_by_code, put, table

from example_datasets.generators import bimcv_covid19 as example
from mids.collections.bimcv import tables as bimcv_tables
from mids.collections.bimcv.bimcv_covid19 import read
from mids.conversion import convert
from mids.errors import MidsError
from mids.issues import Level
from mids.records import Entry, Record
from mids.validation.runner import validate

NAME = "bimcv-covid19"
INPUT, GOLDEN = SOURCES / NAME / "input", SOURCES / NAME / "mids"
LABELS = "derivatives/labels/labels_covid19_posi.tsv"
TREE = "derivatives/labels/tree_term_CUI_counts_image_covid_posi.csv"
TESTS = "derivatives/EHR/sil_reg_covid_posi.tsv"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of the example that a test may change."""
    return shutil.copytree(INPUT, tmp_path / "source")


def changed(root: Path, path: str, old: str, new: str) -> None:
    text = (root / path).read_text(encoding="utf-8")
    assert old in text
    (root / path).write_text(text.replace(old, new), encoding="utf-8")


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
    ],
)
def test_a_renamed_column_ends_the_run(source: Path, path: str, old: str, new: str, told: str) -> None:
    changed(source, path, old, new)
    with pytest.raises(MidsError, match=told):
        list(read(source))


def test_unknown_and_nameless_columns_are_told_and_kept_as_they_are_written(
    source: Path, tmp_path: Path, key: Path
) -> None:
    for path, name, values in (
        ("participants.tsv", "colour", ["blue", "", ""]),
        (TESTS, "", ["first", *[""] * 5]),
        (LABELS, "model", ["v2", *[""] * 7]),
    ):
        lines = (source / path).read_text(encoding="utf-8").splitlines()
        cells = [name, *values, *[""] * len(lines)]
        text = "".join(f"{line}\t{cell}\n" for line, cell in zip(lines, cells, strict=False))
        (source / path).write_text(text, encoding="utf-8")
    done = convert(NAME, source, tmp_path / "out", key=key)
    told = [issue.where for issue in done.issues if issue.code == "COLUMN_UNREAD"]
    assert told == ["column colour", "column column 6", "column column 7", "column model"]


def test_without_a_label_tree_the_terms_that_are_known_serve(source: Path, tmp_path: Path, key: Path) -> None:
    (source / TREE).unlink()
    done = convert(NAME, source, tmp_path / "out", key=key)
    assert [issue.code for issue in done.issues if issue.code.startswith("TABLE")] == ["TABLE_ABSENT"]
    path = "derivatives/labels/labels.tsv"
    found, wanted = ([row["label_cuis"] for row in table(root / path)] for root in (done.dataset, GOLDEN))
    assert found == wanted
    assert not (done.dataset / "derivatives/labels/label_tree.tsv").exists()


@pytest.mark.parametrize("number", [1, 2])
def test_a_shared_sidecar_describes_the_image_whose_number_it_carries(source: Path, number: int) -> None:
    (source / f"{example.TWO[1]}.json").unlink()
    shared = {"InstanceNumber": str(number), "Modality": "DX", "ViewPosition": "LL"}
    put(source, f"{example.TWO[0].replace('acq-1_', '')}.json", json.dumps(shared).encode())
    records = [item for items in read(source) for item in items if isinstance(item, Record)]
    by_part = {record.part: record for record in records if record.study == example.SERIES.removeprefix("ses-")}
    other = 3 - number
    assert by_part[number].columns["sidecar_source"] == "own"
    assert by_part[number].header["ViewPosition"] == "LL"
    assert by_part[number].view == "ap"  # as the published name says
    assert by_part[other].columns["sidecar_source"] == "series"
    assert "ViewPosition" not in by_part[other].header
    assert by_part[other].view == ""


@pytest.mark.parametrize(("number", "described"), [("1", 1), ("2", 2), ("9", 0), ("", 2)])
def test_the_number_in_a_shared_sidecar_decides_before_its_name(source: Path, number: str, described: int) -> None:
    """One sidecar for two files, called as the second: its number says whose it is; without one its name does."""
    header = {"InstanceNumber": number, "Modality": "DX", "ViewPosition": "LL"}
    put(source, f"{example.TWO[1]}.json", json.dumps(header).encode())
    records = [item for items in read(source) for item in items if isinstance(item, Record)]
    of_series = [record for record in records if record.study == example.SERIES.removeprefix("ses-")]
    assert {record.part: record.columns["sidecar_source"] for record in of_series} == {
        part: "own" if part == described else "series" for part in (1, 2)
    }
    assert {record.part for record in of_series if "ViewPosition" in record.header} == {described} - {0}


@pytest.mark.parametrize("separator", [b"\t", b" "])
def test_partitions_without_a_split_make_none(separator: bytes, source: Path, tmp_path: Path, key: Path) -> None:
    text = b"subject\tsession\tfilepath\nsub-S90001\tses-E900011\ta/b\n"
    put(source, "derivatives/partitions.tsv", text.replace(b"\t", separator))
    done = convert(NAME, source, tmp_path / "out", key=key)
    assert [issue.code for issue in done.issues if "partitions" in issue.path] == ["TABLE_UNUSED"]
    assert not list((done.dataset / "derivatives").rglob("partitions.tsv"))


def test_an_empty_split_makes_no_partition(source: Path) -> None:
    changed(source, "derivatives/partitions.tsv", "\ttest", "\tnan")
    items = [item for items in read(source) for item in items]
    splits = [item.values["split"] for item in items if isinstance(item, Entry) and item.table == "partitions"]
    assert splits
    assert "test" not in splits
    assert not [item for item in items if getattr(item, "code", "") == "VALUE_UNKNOWN" and "partitions" in item.path]


def test_partitions_that_are_not_understood_are_left_out(source: Path) -> None:
    changed(source, "derivatives/partitions.tsv", "participant session", "quien cuando")
    (told,) = issues_by_code(read(source))["TABLE_INVALID"]
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


def test_two_tables_of_one_place_are_named_with_their_folders(source: Path) -> None:
    put(source, f"second/{LABELS}", (source / LABELS).read_bytes() + b"7\tx\ty\t\t\t\t\t\t\n")
    with pytest.raises(MidsError, match=rf"\({LABELS}, second/{LABELS}\)"):
        list(read(source))


def test_what_is_no_published_dataset_is_sent_elsewhere(tmp_path: Path) -> None:
    put(tmp_path, "a/1.dcm", b"\0" * 128 + b"DICM")
    with pytest.raises(MidsError, match="bimcv-covid19-raw"):
        list(read(tmp_path))


def test_the_negatives_form(source: Path, tmp_path: Path, key: Path) -> None:
    """No tests, no label tree, tables called …_neg, scans that name files without their folder."""
    (source / TESTS).unlink()
    (source / TREE).unlink()
    (source / LABELS).rename(source / "derivatives/labels/Labels_covid_NEG_JAN21.tsv")
    for path in source.rglob("*_scans.tsv"):
        path.write_text(path.read_text(encoding="utf-8").replace("mod-rx/", ""), encoding="utf-8")
    done = convert(NAME, source, tmp_path / "out", key=key)
    path = "derivatives/labels/labels.tsv"
    found, wanted = ([row["labels"] for row in table(root / path)] for root in (done.dataset, GOLDEN))
    assert found == wanted
    assert len(list(done.dataset.rglob("mim-*/*.json"))) == len(list(GOLDEN.rglob("mim-*/*.json"))) > 4
    lost = [issue.where for issue in done.issues if issue.code == "IMAGE_MISSING"]
    assert lost == ["row 3, column filename"]


def test_negatives_have_no_tests(source: Path) -> None:
    (source / TESTS).unlink()
    entries = [item for items in read(source) for item in items if isinstance(item, Entry)]
    assert "laboratory_tests" not in {entry.table for entry in entries}


def test_a_label_outside_the_tree_is_kept_and_told(source: Path) -> None:
    changed(source, LABELS, "'consolidation']", "'marbles']")
    (told,) = [
        issue for issue in issues_by_code(read(source))["VALUE_UNKNOWN"] if issue.where == "row 5, column labels"
    ]
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
    assert {"SIDECAR_UNREADABLE", "FILE_EMPTY", "NAME_UNREADABLE"} <= found
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
    (told,) = issues_by_code(read(source))["ANNOTATIONS_INVALID"]
    assert told.path == "derivatives/rois/other.xml"


def test_regions_that_fit_nothing(source: Path) -> None:
    lost = example.aim("1.2.3", "Consolidation", example.SQUARE)
    put(source, "derivatives/rois/roi_2.xml", lost.encode())
    put(source, "derivatives/rois/nobody_dseg.nii.gz", b"")
    named = {issue.path for issue in issues_by_code(read(source))["REGION_UNMATCHED"]}
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
    found = issues_by_code(read(source))
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
        ("17.03.20", ""), ("17.03.2020 10:33", "2020-03-17"), ("20200317 1033", "2020-03-17"),
        ("17-03-2020", "2020-03-17"),
        ("2020-03-17T10:33:00", "2020-03-17"), ("17.03.2020 Juan", ""), ("17.03-2020", ""),
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


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("session\tmedical_evaluation\tnombre\nses-E1\tuno\ndos\tEva\nses-E2\ttres\tEva\n", ("uno dos", "tres")),
        ("session\tmedical_evaluation\nses-E1\tuno\tEva\nses-E2\tdos\tEva\n", ("uno", "dos")),
        ("session\tmedical_evaluation\nses-E1\tuno\ty dos.\tEva\nses-E2\ttres\n", ("uno y dos.", "tres")),
        ("session_id\tstudy_date\tmedical_evaluation\nses-E1\t20200401\t\"['a']\"\tEva\n", ("a",)),
    ],
)
def test_cells_behind_a_report_stay_in_the_source(data: str, expected: tuple[str, ...]) -> None:
    """In a column that nobody knows, in all rows of a table without a name for them, and behind a whole sentence."""
    rows, _ = bimcv_tables.sessions(data.encode())
    assert tuple(row.text for row in rows) == expected
    assert rows[0].cells == 1


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


def test_rows_about_a_withheld_session_say_so(source: Path, tmp_path: Path, key: Path) -> None:
    (source / f"{example.PA}.json").write_text('{"Modality": "CR", "BurnedInAnnotation": "YES"}', encoding="utf-8")
    done = convert(NAME, source, tmp_path / "out", key=key)
    told = [issue for issue in done.issues if issue.path == "sub-S90001" and "session" in issue.message]
    assert {(issue.code, issue.message) for issue in told} == {
        ("PRIVACY_HELD_BACK", f"a row of {name} is about a session that is withheld") for name in ("labels", "reports")
    }
    assert any("a session that the source does not hold" in issue.message for issue in done.issues)


def test_rows_about_a_session_whose_images_are_lost_are_left_out(source: Path, tmp_path: Path, key: Path) -> None:
    image = source / f"{example.PA}.png"
    whole = image.read_bytes()
    image.write_bytes(whole[:-3000])
    done = convert(NAME, source, tmp_path / "out", key=key)
    told = [found.message for found in done.issues if found.code == "ENTRY_UNMATCHED" and found.origin == "run"]
    assert told == ["6 rows of tables are about a session of which no image was delivered: left out"]
    assert not [found for found in validate(done.dataset).issues if found.level is Level.ERROR]
    image.write_bytes(whole)
    convert(NAME, source, tmp_path / "out", key=key)
    assert len(table(tmp_path / "out/derivatives/labels/labels.tsv")) == 5
