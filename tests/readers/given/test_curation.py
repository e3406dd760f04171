"""Corrections by a person: each reaches the name, the tables and the pixels of its image, and no other image."""

import csv
import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from openpyxl import Workbook
from PIL import Image
from trees import chest, codes, error_codes, fill_folder, images, scans, source_rows, stamps, table, tree

from example_datasets.generators import ct, radiograph, us
from example_datasets.generators.dicomfile import uid
from mids.conversion import Conversion, convert
from mids.errors import MidsError
from mids.readers.given.curation import read

COLUMNS = ("file", "field", "old", "new", "who", "why")
Row = tuple[str, str, str, str]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Patient 123: a PA and an AP of one study, and two mammograms."""
    right, left = radiograph.mammograms()
    files = {"rx/pa": radiograph.dx_pa(), "rx/ap": radiograph.dx_ap(), "mg/r": right, "mg/l": left}
    return fill_folder(tmp_path / "source", files)


@pytest.fixture
def plain(source: Path, tmp_path: Path, key: Path) -> Conversion:
    """The source without corrections."""
    return convert("dicom", source, tmp_path / "plain", key=key)


def _corrections(folder: Path, rows: Sequence[Row]) -> Path:
    path = folder / "curation.tsv"
    lines = [COLUMNS, *((*row, "A. Reader", "seen") for row in rows)]
    path.write_text("".join("\t".join(line) + "\n" for line in lines), encoding="utf-8")
    return path


def _convert_curated(source: Path, tmp_path: Path, key: Path, *rows: Row, dest: str = "dest") -> Conversion:
    return convert("dicom", source, tmp_path / dest, key=key, curation=_corrections(tmp_path, rows))


def _one(done: Conversion, ending: str) -> str:
    [found] = [path for path in images(done.dataset) if path.endswith(ending)]
    return found


def _scan(done: Conversion, image: str) -> dict[str, str]:
    subject, session, *rest = image.split("/")
    rows = table(done.dataset / subject / session / f"{subject}_{session}_scans.tsv")
    [found] = [row for row in rows if row["filename"] == "/".join(rest)]
    return found


# Values


def test_a_view_changes_name_and_table(source: Path, tmp_path: Path, key: Path) -> None:
    done = _convert_curated(source, tmp_path, key, ("rx/ap", "view", "ap", "ll"))
    assert codes(done.issues) == []
    path = _one(done, "_vp-ll_dx.png")
    assert _scan(done, path)["view_position"] == "ll"
    assert _scan(done, path)["view_source"] == "curation"
    assert _scan(done, _one(done, "_vp-pa_dx.png"))["view_source"] != "curation"
    assert not any("vp-ap" in path for path in tree(done.dataset))
    assert scans(done.dataset) == images(done.dataset)


@pytest.mark.parametrize(
    ("file", "field", "old", "new", "ending", "column"),
    [
        ("rx/pa", "body_part", "chest", "abdomen", "_bp-abdomen_vp-pa_dx.png", "body_part"),
        ("mg/r", "laterality", "R", "L", "_lat-L_vp-mlo_mg.png", "laterality"),
        ("mg/r", "laterality", "R", "n/a", "_bp-breast_vp-mlo_mg.png", "laterality"),
        ("rx/pa", "laterality", "n/a", "R", "_bp-chest_lat-R_vp-pa_dx.png", "laterality"),
        ("rx/pa", "view", "pa", "", "_bp-chest_dx.png", "view_position"),
    ],
)
def test_every_field_changes_name_and_table(
    source: Path, tmp_path: Path, key: Path, *, file: str, field: str, old: str, new: str, ending: str, column: str
) -> None:
    done = _convert_curated(source, tmp_path, key, (file, field, old, new))
    assert codes(done.issues) == []
    assert _scan(done, _one(done, ending)).get(column, "n/a") == (new or "n/a")
    assert len(images(done.dataset)) == 4


def test_rows_of_one_field_are_applied_one_after_the_other(source: Path, tmp_path: Path, key: Path) -> None:
    done = _convert_curated(source, tmp_path, key, ("rx/ap", "view", "ap", "ll"), ("rx/ap", "view", "ll", "rl"))
    assert codes(done.issues) == []
    assert _one(done, "_vp-rl_dx.png")


def test_an_image_is_named_by_path_source_or_instance(
    source: Path, tmp_path: Path, key: Path, plain: Conversion
) -> None:
    trees = []
    for name in (_one(plain, "_vp-ap_dx.png"), "rx/ap", uid("instance", "dx-ap")):
        done = _convert_curated(source, tmp_path, key, (name, "view", "ap", "rl"), dest=f"dest {len(trees)}")
        assert codes(done.issues) == []
        trees.append(tree(done.dataset))
        [kept] = [path for path in trees[-1] if path.endswith("provenance/curation.tsv")]
        row = table(done.dataset / kept)[0]
        assert (row["field"], row["old"], row["new"], row["who"], row["why"]) == (
            "view",
            "ap",
            "rl",
            "A. Reader",
            "seen",
        )
        assert name not in ("rx/ap", uid("instance", "dx-ap")) or name.encode() not in b"".join(trees[-1].values())
        del trees[-1][kept]
    assert trees[0] == trees[1] == trees[2]


def test_what_was_typed_of_a_patient_is_not_published(source: Path, tmp_path: Path, key: Path) -> None:
    instance, text = uid("instance", "dx-pa"), "Dra. Inventadez, NHC 4711, seen on 17/03/2020, twice"
    rows = (
        ("rx/ap", "view", "ap", "ll", "A. Reader", text),
        ("rx/pa", "release", instance, "yes", "A. Reader", "seen"),
    )
    lines = ["\t".join(COLUMNS), *("\t".join(row) for row in rows)]
    (tmp_path / "typed.tsv").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    done = convert("dicom", source, tmp_path / "typed", key=key, curation=tmp_path / "typed.tsv")
    view, release = table(done.dataset / "derivatives/provenance/curation.tsv")
    assert (view["who"], view["old"], view["new"]) == ("A. Reader", "ap", "ll")
    assert view["why"] == "Dra. [NAME], NHC [NUM], seen on [FECHA], twice"
    assert (release["old"], release["why"]) == ("[NUM]", "seen")


def test_a_source_that_looks_like_an_image_is_not_published(tmp_path: Path, key: Path) -> None:
    source = fill_folder(tmp_path / "source", {"sub-DOE/ses-JANE/rx.png": radiograph.dx_ap()})
    done = _convert_curated(source, tmp_path, key, ("sub-DOE/ses-JANE/rx.png", "view", "ap", "pa"))
    assert codes(done.issues) == []
    assert b"DOE" not in b"".join(tree(done.dataset).values())


@pytest.mark.parametrize("by", ["path", "source"])
def test_a_correction_into_a_taken_name_holds_in_every_run(
    source: Path, tmp_path: Path, key: Path, plain: Conversion, by: str
) -> None:
    """AP becomes a second PA: what the first run named run-2 must still be known as the AP that the row names."""
    row = ("rx/ap" if by == "source" else _one(plain, "_vp-ap_dx.png"), "view", "ap", "pa")
    done = _convert_curated(source, tmp_path, key, row)
    assert sorted(path.split("run-")[1] for path in images(done.dataset) if path.endswith("_dx.png")) == [
        "1_bp-chest_vp-pa_dx.png",
        "2_bp-chest_vp-pa_dx.png",
    ]
    before = tree(done.dataset)
    again = _convert_curated(source, tmp_path, key, row)
    assert codes(again.issues) == []
    assert tree(again.dataset) == before


# What does not fit


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("1.2.3.4", "exclude", "", ""), "names no image"),
        (("rx/none", "redact", "", "0,0,5,5"), "names no image"),
        (("rx/none", "blank", "", "0,0,5,5"), "names no image"),
        (("rx/none", "release", "", ""), "names no image"),
        (("rx/ap", "view", "pa", "ll"), "the image has ap"),
        (("rx/ap", "laterality", "R", "L"), "the image has n/a"),
        (("rx/ap", "view", "ap", "sideways"), "not a value of view"),
        (("rx/ap", "vista", "ap", "pa"), "unknown field"),
        (("", "exclude", "", ""), "names no file"),
        (("rx/ap", "redact", "", "9000,0,9001,5"), "outside the image"),
        *((("rx/ap", "redact", "", box), "has no box") for box in ("", "1,2,3", "5,5,5,9", "a,b,c,d", "-1,0,5,5")),
    ],
)
def test_a_row_that_cannot_be_applied_stops_the_run(
    source: Path, tmp_path: Path, key: Path, plain: Conversion, row: Row, message: str
) -> None:
    before = tree(plain.dataset)
    for dest in ("dest", "plain"):
        with pytest.raises(MidsError, match=message) as stopped:
            _convert_curated(source, tmp_path, key, row, dest=dest)
        assert "row 2 " in str(stopped.value)
    assert tree(tmp_path / "dest") == {}
    assert tree(plain.dataset) == before


def test_a_correction_of_nothing_is_told(source: Path, tmp_path: Path, key: Path, plain: Conversion) -> None:
    done = _convert_curated(source, tmp_path, key, ("rx/none", "view", "ap", "pa"))
    assert error_codes(done.issues) == ["CURATION_UNMATCHED"]
    assert done.exit_code == 1
    assert images(done.dataset) == images(plain.dataset)


def test_rows_on_a_later_sheet_are_not_passed_over(source: Path, tmp_path: Path, key: Path) -> None:
    book = Workbook()
    book.active.append(COLUMNS)
    for row in (COLUMNS, ("rx/pa", "redact", "", "0,0,60,45", "R", "a name")):
        (book["fix"] if "fix" in book.sheetnames else book.create_sheet("fix")).append(row)
    book.save(tmp_path / "fix.xlsx")
    with pytest.raises(MidsError, match="first sheet"):
        convert("dicom", source, tmp_path / "dest", key=key, curation=tmp_path / "fix.xlsx")
    assert tree(tmp_path / "dest") == {}


@pytest.mark.parametrize("form", ["tabs", "commas", "semicolons", "utf-8-sig", "utf-16", "xlsx"])
def test_a_table_is_read_as_spreadsheets_write_it(tmp_path: Path, key: Path, form: str) -> None:
    """The file's name has a comma and an accent, and the cell of the reason a separator and quotation marks."""
    name = "GARCIA LOPEZ, MARÍA/a.dcm"
    source = fill_folder(tmp_path / "source", {name: radiograph.dx_pa()})
    rows = [COLUMNS, (name, "Redact", "", "0,0,60,45", "A. Reader", 'a "name"; and\ta tab')]
    path = tmp_path / f"curation.{'xlsx' if form == 'xlsx' else 'tsv'}"
    if form == "xlsx":
        book = Workbook()
        for row in rows:
            book.active.append(row)
        book.save(path)
    else:
        separator = {"commas": ",", "semicolons": ";"}.get(form, "\t")
        encoding = form if form.startswith("utf") else "utf-8"
        with path.open("w", encoding=encoding, newline="") as stream:
            csv.writer(stream, delimiter=separator).writerows(rows)
    done = convert("dicom", source, tmp_path / "dest", key=key, curation=path)
    [image] = images(done.dataset)
    with Image.open(done.dataset / image) as picture:
        assert np.asarray(picture)[:60, :45].max() == 0


def test_a_name_is_found_in_whatever_way_it_is_written(tmp_path: Path, key: Path) -> None:
    source = fill_folder(tmp_path / "source", {"RX tórax/a.dcm": radiograph.dx_pa(), "b.dcm": radiograph.dx_ap()})
    rows = [(unicodedata.normalize("NFD", "RX tórax\\a.dcm"), "exclude", "", ""), ("./b.dcm", "exclude", "", "")]
    assert images(_convert_curated(source, tmp_path, key, *rows).dataset) == []


def test_a_row_about_a_duplicate_does_not_count(tmp_path: Path, key: Path) -> None:
    """The copy that is delivered would show what the row about the other was to hide."""
    source = fill_folder(tmp_path / "source", {"a": radiograph.dx_pa(), "b": radiograph.dx_pa()})
    with pytest.raises(MidsError, match="names no image"):
        _convert_curated(source, tmp_path, key, ("b", "redact", "", "0,0,5,5"))


# One withheld image, and errors that are known


def test_who_releases_or_acknowledges_says_so(source: Path, tmp_path: Path, key: Path) -> None:
    path = tmp_path / "curation.tsv"
    filled = [("", "seen"), ("A. Reader", ""), ("n/a", "n/a"), ("-", "seen"), ("A. Reader", "."), ("A. Reader", " NA ")]
    for who, why in filled:
        for field in ("release", "acknowledge"):
            path.write_text("\t".join(COLUMNS) + f"\nrx/ap\t{field}\t\t\t{who}\t{why}\n", encoding="utf-8")
            with pytest.raises(MidsError, match="who and why"):
                read(path)


@pytest.mark.parametrize(("old", "code"), [("", 0), ("n/a", 0), ("OTHER_CODE", 1)])
def test_errors_of_a_file_may_be_known(source: Path, tmp_path: Path, key: Path, old: str, code: int) -> None:
    whole = (source / "rx/ap").read_bytes()
    (source / "rx/ap").write_bytes(whole[: len(whole) // 2])
    plain = convert("dicom", source, tmp_path / "plain", key=key)
    assert plain.exit_code == 1
    done = _convert_curated(source, tmp_path, key, ("rx/ap", "acknowledge", old, ""))
    assert (done.exit_code, done.acknowledged) == (code, 1 - code)
    assert images(done.dataset) == images(plain.dataset)


def test_a_table_that_is_none_is_refused(source: Path, tmp_path: Path, key: Path) -> None:
    path = tmp_path / "curation.tsv"
    for content in (b"", b"file\tfield\n", "\t".join(COLUMNS).encode() + b"\nrx/ap\tview\n", b"\xff\xfe\x00"):
        path.write_bytes(content)
        with pytest.raises(MidsError, match=r"curation\.tsv"):
            convert("dicom", source, tmp_path / "dest", key=key, curation=path)
    with pytest.raises(MidsError, match="there is no curation table"):
        convert("dicom", source, tmp_path / "dest", key=key, curation=tmp_path / "absent.tsv")
    assert not (tmp_path / "dest").exists()


def test_a_limit_does_not_complain_of_rows_about_others(source: Path, tmp_path: Path, key: Path) -> None:
    path = _corrections(tmp_path, [("rx/none", "view", "ap", "pa")])
    done = convert("dicom", source, tmp_path / "dest", key=key, curation=path, limit=1)
    assert done.exit_code == 0


# Images left out


def test_an_excluded_image_is_left_out_and_accounted_for(
    source: Path, tmp_path: Path, key: Path, plain: Conversion
) -> None:
    done = _convert_curated(source, tmp_path, key, ("rx/ap", "exclude", "", ""))
    assert codes(done.issues) == []
    gone = {path for path in images(plain.dataset) if path.endswith("vp-ap_dx.png")}
    assert set(images(done.dataset)) == set(images(plain.dataset)) - gone
    rows = {row["source"]: row for row in source_rows(done.dataset)}
    assert rows["rx/ap"]["status"] == "skipped"
    assert "curation" in rows["rx/ap"]["reason"]


def test_an_exclusion_removes_what_an_earlier_run_delivered(tmp_path: Path, key: Path) -> None:
    """Also where nothing is left: what must not be shown may not stay."""
    source = fill_folder(tmp_path / "source", {"pa": radiograph.dx_pa(), "ap": radiograph.dx_ap()})
    assert len(images(convert("dicom", source, tmp_path / "dest", key=key).dataset)) == 2
    one = _convert_curated(source, tmp_path, key, ("ap", "exclude", "", ""))
    assert len(images(one.dataset)) == 1
    none = _convert_curated(source, tmp_path, key, ("ap", "exclude", "", ""), ("pa", "exclude", "", ""))
    assert images(none.dataset) == []
    assert not any(path.startswith("sub-") for path in tree(none.dataset))


# Boxes


def test_a_box_is_black_in_a_picture_and_the_rest_is_untouched(
    source: Path, tmp_path: Path, key: Path, plain: Conversion
) -> None:
    done = _convert_curated(
        source, tmp_path, key, ("rx/pa", "redact", "", "10,5,60,45"), ("rx/pa", "redact", "", "200,0,216,200")
    )
    path = _one(done, "_vp-pa_dx.png")
    with Image.open(plain.dataset / path) as before, Image.open(done.dataset / path) as after:
        old, new = np.asarray(before).copy(), np.asarray(after)
    rows, columns = radiograph.LEAD
    assert old[rows, columns].max() == 65535
    assert new[rows, columns].max() == 0
    old[10:60, 5:45] = 0
    old[200:216] = 0
    assert np.array_equal(old, new)
    sidecar = json.loads((done.dataset / path).with_suffix(".json").read_text())
    assert sidecar["BlankedRegions"] == [[10, 5, 60, 45], [200, 0, 216, 200]]


def test_a_box_is_empty_on_every_slice_of_a_volume(tmp_path: Path, key: Path) -> None:
    """The marker of 1000 HU lies right, upper, anterior: in the source's pixels, rows from the front."""
    source = fill_folder(tmp_path / "source", chest())
    plain = convert("dicom", source, tmp_path / "plain", key=key)
    [path] = images(plain.dataset)
    rows, columns = ct.SOFT.shape
    done = _convert_curated(source, tmp_path, key, ("ct/7", "redact", "", f"0,0,{rows // 2},{columns // 2}"))
    assert images(done.dataset) == [path]
    old, new = (np.asarray(nib.load(found.dataset / path).dataobj) for found in (plain, done))
    # NIfTI as dcm2niix writes it: columns from the patient's right, rows from the back.
    quarter = np.s_[: columns // 2, rows - rows // 2 :]
    assert (old == 1000).any()
    assert (old[quarter] == 1000).sum() == (old == 1000).sum()
    assert not (new == 1000).any()
    assert set(np.unique(new[quarter])) == {old.min()}
    expected = old.copy()
    expected[quarter] = old.min()
    assert np.array_equal(new, expected)
    sidecar = json.loads((done.dataset / path.replace(".nii.gz", ".json")).read_text())
    assert sidecar["BlankedRegions"] == [[0, 0, rows // 2, columns // 2]]


def test_a_box_is_black_in_every_frame_of_a_loop(tmp_path: Path, key: Path) -> None:
    source = fill_folder(tmp_path / "source", {"loop": us.cine()})
    done = _convert_curated(source, tmp_path, key, ("loop", "redact", "", "0,0,12,9999"))
    [path] = images(done.dataset)
    values = np.asarray(nib.load(done.dataset / path).dataobj)
    if values.dtype.fields:
        values = values["R"]
    assert values.shape[3] == 5
    assert not values[:, -12:].any()
    assert values[:, :-12].any()


# Runs again


def test_a_changed_table_redoes_only_its_image(source: Path, tmp_path: Path, key: Path, plain: Conversion) -> None:
    times = stamps(plain.dataset)
    done = _convert_curated(source, tmp_path, key, ("rx/pa", "redact", "", "0,0,5,5"), dest="plain")
    assert done.outcome is not None
    path = _one(done, "_vp-pa_dx.png")
    assert done.outcome.made == (path,)
    after = stamps(done.dataset)
    assert {p for p in images(done.dataset) if after[p] != times[p]} == {path}
    path_of_table = _corrections(tmp_path, [("rx/ap", "view", "ap", "ll")])
    again = convert("dicom", source, plain.dataset, key=key, curation=path_of_table, change=["curation"])
    assert tree(again.dataset) == tree(
        _convert_curated(source, tmp_path, key, ("rx/ap", "view", "ap", "ll"), dest="fresh").dataset
    )
    assert not (done.dataset / path).with_suffix(".json").read_text().count("BlankedRegions")


def test_without_the_table_all_is_as_before(source: Path, tmp_path: Path, key: Path, plain: Conversion) -> None:
    before = tree(plain.dataset)
    _convert_curated(source, tmp_path, key, ("rx/ap", "view", "ap", "pa"), ("mg/r", "exclude", "", ""), dest="plain")
    convert("dicom", source, plain.dataset, key=key, forget=["curation"])
    assert tree(plain.dataset) == before
