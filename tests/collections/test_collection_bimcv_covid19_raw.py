"""BIMCV's raw material: shapes drawn in four ways land on the right voxels, and nobody is named."""

import json
import shutil
import subprocess
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from places import SOURCES
from pydicom import dcmread
from pydicom.dataset import Dataset
from trees import COMMANDS, UNSEEN, issues_by_code, put, table

from example_datasets.generate import sources
from example_datasets.generators import bimcv_covid19 as published
from example_datasets.generators import bimcv_covid19_raw as example
from example_datasets.generators.dicomfile import encode, uid
from example_datasets.generators.patients import CANARIES
from mids import dataset as loaded
from mids.actions.mask import inside
from mids.collections.bimcv.bimcv_covid19_raw import read
from mids.conversion import Conversion, convert
from mids.dataset.layout import bids_layout
from mids.errors import MidsError
from mids.issues import Issue, Level
from mids.records import Entry
from mids.validation.runner import validate

NAME = "bimcv-covid19-raw"
HOLE = ((22.0, 33.0), (25.0, 33.0), (25.0, 36.0), (22.0, 36.0))
INPUT, GOLDEN = SOURCES / NAME / "input", SOURCES / NAME / "mids"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of the example that a test may change."""
    return shutil.copytree(INPUT, tmp_path / "source")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, key: Path) -> Conversion:
    """The example, converted."""
    return convert(NAME, INPUT, tmp_path_factory.mktemp("raw") / "out", key=key)


def maps(dataset: Path) -> dict[str, np.ndarray]:
    """Every label map on the CT as (slice from the feet, row from the front, column), by the name of its class."""
    found = {}
    for path in sorted((dataset / "derivatives/rois").rglob("*_dseg.nii.gz")):
        values = np.asarray(nib.load(path).dataobj).transpose(2, 1, 0)[:, ::-1]
        names = {row["index"]: row["name"] for row in table(path.with_name(path.name.replace(".nii.gz", ".tsv")))}
        for value in np.unique(values[values > 0]):
            found[names[str(value)]] = values == value
    return found


def test_the_example_is_what_its_generator_makes() -> None:
    made = dict(sources()[NAME]())
    assert sorted(made) == sorted(p.relative_to(INPUT).as_posix() for p in INPUT.rglob("*") if p.is_file())
    for path, content in made.items():
        if not path.endswith(".gz"):  # zlib may differ
            assert (INPUT / path).read_bytes() == content, path


def test_every_shape_lies_where_it_was_drawn() -> None:
    found = maps(GOLDEN)
    shape = (len(example.STACK.centres), *example.STACK.shape)
    triangle = np.zeros(shape, bool)
    triangle[2] = inside(example.TRIANGLE, *example.STACK.shape)
    block = np.zeros(shape, bool)
    for number in (1, 3):
        block[number][example.BLOCK] = True
    cube = np.zeros(shape, bool)
    cube[example.LAST, 6:9, 10:14] = True
    expected = {"crazy_paving_ct": triangle, "pleural_effusion_ct": block, "normal_consolidation_ct": cube}
    assert set(found) == set(expected)
    for name, voxels in expected.items():
        assert np.array_equal(found[name], voxels), name


def test_masks_have_the_affine_of_their_image() -> None:
    (image,) = GOLDEN.glob("sub-*/ses-*/mim-ct/*_ct.nii.gz")
    for path in (GOLDEN / "derivatives/rois").rglob("*_dseg.nii.gz"):
        assert np.allclose(nib.load(path).affine, nib.load(image).affine, atol=1e-3)
        assert nib.load(path).shape == nib.load(image).shape


def test_the_outline_on_the_radiograph() -> None:
    (path,) = (GOLDEN / "derivatives/rois").rglob("*_dseg.png")
    mask = np.asarray(Image.open(path))
    (left, top), (right, bottom) = published.SQUARE[0], published.SQUARE[2]
    expected = np.zeros((108, 100), np.uint8)
    expected[int(top) : int(bottom), int(left) : int(right)] = 1
    assert np.array_equal(mask, expected)


@pytest.mark.parametrize("reverse", [False, True])
def test_shapes_do_not_depend_on_the_order_of_files(source: Path, tmp_path: Path, key: Path, reverse: bool) -> None:
    folder = source / "DOE JANE/TC"
    slices = sorted(folder.iterdir())
    for number, path in enumerate(slices[::-1] if reverse else [*slices[1::2], *slices[::2]]):
        path.rename(folder / f"x{number:02d}")
    result = convert(NAME, source, tmp_path / "out", key=key)
    ours, theirs = maps(result.dataset), maps(GOLDEN)
    assert {name: voxels.sum() for name, voxels in ours.items()} == {n: v.sum() for n, v in theirs.items()}
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)


def test_an_uneven_series_keeps_its_shapes_in_place(source: Path, tmp_path: Path, key: Path) -> None:
    (source / "DOE JANE/TC/04").unlink()  # none of the shapes with slices named lies on it
    next((source / "DOE JANE/roi").glob("*.nii.gz")).unlink()
    result = convert(NAME, source, tmp_path / "out", key=key)
    found = maps(result.dataset)
    (image,) = result.dataset.glob("sub-*/ses-*/mim-ct/*_ct.nii.gz")
    grid = nib.load(image)
    z = {number: grid.affine[2, 3] + grid.affine[2, 2] * number for number in range(grid.shape[2])}
    drawn = {name: {round(z[k]) for k in np.flatnonzero(voxels.any(axis=(1, 2)))} for name, voxels in found.items()}
    centres = [round(float(centre[2])) for centre in example.STACK.centres]
    assert drawn["crazy_paving_ct"] == {centres[2]}
    assert {centres[1], centres[3]} <= drawn["pleural_effusion_ct"]


def test_a_mask_on_the_grid_of_a_resampled_volume_stays_in_place(source: Path, tmp_path: Path, key: Path) -> None:
    (source / "DOE JANE/TC/04").unlink()  # the gap is filled, so that the grid is that of all slices
    result = convert(NAME, source, tmp_path / "out", key=key)
    assert np.array_equal(maps(result.dataset)["normal_consolidation_ct"], maps(GOLDEN)["normal_consolidation_ct"])


def test_a_mask_off_a_resampled_volume_is_refused(source: Path, tmp_path: Path, key: Path) -> None:
    (source / "DOE JANE/TC/04").unlink()
    (path,) = (source / "DOE JANE/roi").glob("*.nii.gz")
    mask = nib.load(path)
    moved = mask.affine + np.pad([[30.0]], ((0, 3), (3, 0)))  # mm
    nib.save(nib.Nifti1Image(np.asarray(mask.dataobj), moved), path)
    result = convert(NAME, source, tmp_path / "out", key=key)
    assert "REGION_MISMATCH" in {issue.code for issue in result.issues}
    assert "normal_consolidation_ct" not in maps(result.dataset)


def test_nobody_is_named(done: Conversion) -> None:
    words = [word.casefold() for word in (*CANARIES, "77777", "CANARY")]
    for path in done.dataset.rglob("*"):
        text = path.read_bytes().decode("latin-1").casefold() if path.is_file() and path.suffix != ".gz" else ""
        assert [word for word in words if word in text or word in str(path).casefold()] == []
    told = " ".join(f"{issue.message} {issue.path} {issue.where} {issue.value}" for issue in done.issues).casefold()
    assert [word for word in words if word in told] == []


def test_dates_of_tests_and_images_move_together(done: Conversion) -> None:
    dataset = loaded.Dataset(done.dataset)
    tests = table(done.dataset / "derivatives/ehr/laboratory_tests.tsv")
    assert all(row["date"] < "1926" for row in tests)
    weekday = {row["test"]: np.datetime64(row["date"]) for row in tests if row["result"] in ("positive", "negative")}
    assert weekday["IGG"] - weekday["PCR"] == np.timedelta64(1, "D")
    shot = min(time for time in dataset.scans["acq_time"] if time > weekday["PCR"])
    assert np.datetime64(shot.date()) - weekday["PCR"] == np.timedelta64(2, "D")  # 10 and 12 September 2021


def test_reports_stay_out_unless_said_to_be_deidentified(done: Conversion) -> None:
    rows = table(done.dataset / "derivatives/ehr/reports.tsv")
    assert [row["report"] for row in rows] == ["Neumonía bibasal.", "n/a"]
    assert "PRIVACY_HELD_BACK" in {issue.code for issue in done.issues}


def test_labels_are_the_trees_alone(done: Conversion) -> None:
    rows = table(done.dataset / "derivatives/labels/labels.tsv")
    assert [json.loads(row["labels"]) for row in rows] == [["pneumonia"], ["suboptimal study"]]
    assert json.loads(rows[0]["labels_localizations_by_sentence"]) == [["pneumonia", "loc basal bilateral"]]
    assert json.loads(rows[0]["label_cuis"]) == ["C0032285"]


def test_what_was_found_wrong(done: Conversion) -> None:
    assert sorted((issue.code, issue.where) for issue in done.issues if issue.code not in UNSEEN) == [
        ("ENTRY_UNMATCHED", "rows 4"), ("ENTRY_UNMATCHED", "rows 5"), ("PRIVACY_HELD_BACK", ""),
        ("REGION_WITHOUT_AREA", ""), ("VALUE_UNKNOWN", "row 2, column labels"),
    ]  # fmt: skip


def test_the_official_validator_and_pybids_take_it(done: Conversion) -> None:
    command = [COMMANDS / "bids-validator-deno", done.dataset, "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    found = json.loads(ran.stdout)["issues"]["issues"]
    assert [issue["code"] for issue in found if issue["severity"] == "error"] == []
    listed = set(bids_layout(done.dataset).get(return_type="filename"))
    assert done.outcome is not None
    images = [path for path in done.outcome.made if not path.startswith("derivatives/")]
    assert len(images) == 3
    assert {str(done.dataset / path) for path in images} <= listed


# --- what is wrong ---------------------------------------------------------------------------------------


def test_without_a_tree_the_terms_that_are_known_serve(source: Path) -> None:
    (source / "tablas/tree_terms.csv").unlink()
    items = [item for items in read(source) for item in items]
    assert [item.code for item in items if isinstance(item, Issue) and item.code == "TABLE_ABSENT"] == ["TABLE_ABSENT"]
    assert any(
        "C0" in item.values["label_cuis"] for item in items if isinstance(item, Entry) and item.table == "labels"
    )


def test_values_of_unknown_columns_are_not_taken_from_a_hospitals_tables(source: Path) -> None:
    path = source / "tablas/pruebas_covid.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    delimiter = max(",;\t", key=lines[0].count)
    path.write_text("".join(f"{line}{delimiter}{n and 'JANE'}\n" for n, line in enumerate(lines)), encoding="utf-8")
    items = [item for items in read(source) for item in items]
    assert "COLUMN_UNREAD" in [item.code for item in items if isinstance(item, Issue)]
    assert not any("JANE" in str(item.values) for item in items if isinstance(item, Entry))


def test_without_tests_the_run_ends_before_it_starts(source: Path) -> None:
    (source / "tablas/pruebas_covid.csv").unlink()
    with pytest.raises(MidsError, match="no table of tests"):
        list(read(source))


def test_a_renamed_column_is_named(source: Path) -> None:
    path = source / "tablas/pruebas_covid.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("resultado", "resultat"), encoding="utf-8")
    with pytest.raises(MidsError, match=r"lacks the column 'result'.*resultat"):
        list(read(source))


def test_one_id_from_two_issuers_is_nobodys(source: Path) -> None:
    dataset = dcmread(source / "123/IM1")
    dataset.IssuerOfPatientID = "OTHER"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = uid("study", "other"), uid("series", "other")
    dataset.SOPInstanceUID = uid("instance", "other")
    put(source, "other/IM1", encode(dataset))
    lines = [issue.where for issue in issues_by_code(read(source))["ENTRY_UNMATCHED"]]
    assert lines == ["rows 4, 5", "rows 3, 4"]


@pytest.mark.parametrize("name", ["contornos.dcm", "segmentación.dcm"])
def test_annotations_on_images_that_are_not_there(source: Path, name: str) -> None:
    shutil.rmtree(source / "DOE JANE/TC")
    (source / "DOE JANE/roi/anotación.xml").unlink()
    next((source / "DOE JANE/roi").glob("*.nii.gz")).unlink()
    for path in (source / "DOE JANE/roi").iterdir():
        if path.name != name:
            path.unlink()
    assert len(issues_by_code(read(source))["REGION_UNMATCHED"]) == 1


def test_damaged_annotations_are_told_and_the_rest_goes_on(source: Path, tmp_path: Path, key: Path) -> None:
    roi = source / "DOE JANE/roi"
    for name, keyword in (("contornos.dcm", "ROIContourSequence"), ("segmentación.dcm", "SegmentSequence")):
        dataset = dcmread(roi / name)
        delattr(dataset, keyword)
        dataset.save_as(roi / name)
    (roi / "anotación.xml").write_text("<ImageAnnotation>", encoding="utf-8")
    result = convert(NAME, source, tmp_path / "out", key=key)
    assert sum(issue.code == "ANNOTATIONS_INVALID" for issue in result.issues) == 3
    assert result.outcome is not None
    assert sum(not path.startswith("derivatives/") for path in result.outcome.made) == 3


def test_a_contour_off_its_slice_is_told(source: Path) -> None:
    path = source / "DOE JANE/roi/contornos.dcm"
    dataset = dcmread(path)
    contour = dataset.ROIContourSequence[0].ContourSequence[0]
    contour.ContourData = [
        value + (3.0 if number % 3 == 2 else 0.0) for number, value in enumerate(contour.ContourData)
    ]
    dataset.save_as(path)
    assert len(issues_by_code(read(source))["REGION_CONTRADICTED"]) == 1


def test_an_area_that_aim_leaves_out_is_a_hole(source: Path, tmp_path: Path, key: Path) -> None:
    path = source / "DOE JANE/roi/anotación.xml"
    text = path.read_text("utf-8")
    entity = text[text.index("<MarkupEntity") : text.index("</MarkupEntity>") + len("</MarkupEntity>")]
    hole = published.aim(uid("instance", "cr-pa"), "Vidrio deslustrado", HOLE)
    hole = hole[hole.index("<MarkupEntity") : hole.index("</MarkupEntity>") + len("</MarkupEntity>")]
    hole = hole.replace('<includeFlag value="true"/>', '<includeFlag value="false"/>')
    path.write_text(text.replace(entity, entity + hole), encoding="utf-8")
    result = convert(NAME, source, tmp_path / "out", key=key)
    (mask,) = (result.dataset / "derivatives/rois").rglob("*_dseg.png")
    whole = inside([(x - 0.5, y - 0.5) for x, y in published.SQUARE], 108, 100)
    left_out = inside([(x - 0.5, y - 0.5) for x, y in HOLE], 108, 100)
    assert left_out.any()
    assert np.array_equal(np.asarray(Image.open(mask)) > 0, whole & ~left_out)


def test_frames_without_an_image_find_it_by_their_place(source: Path, tmp_path: Path, key: Path) -> None:
    path = source / "DOE JANE/roi/segmentación.dcm"
    dataset = dcmread(path)
    for item, number in zip(dataset.PerFrameFunctionalGroupsSequence, (1, 3), strict=True):
        del item.DerivationImageSequence
        corner = [float(value) for value in example.STACK.points(number)[:, 0, 0]]
        item.PlanePositionSequence = [Dataset()]
        item.PlanePositionSequence[0].ImagePositionPatient = corner
    dataset.save_as(path)
    result = convert(NAME, source, tmp_path / "out", key=key)
    found = maps(result.dataset)["pleural_effusion_ct"]
    assert np.array_equal(found, maps(GOLDEN)["pleural_effusion_ct"])


def test_a_label_of_nobodys_list_gets_a_number_and_not_its_words(source: Path, tmp_path: Path, key: Path) -> None:
    text = published.aim(uid("instance", "cr-pa"), "lesion de JANE DOE", published.SQUARE)
    (source / "DOE JANE/roi/anotación.xml").write_text(text, encoding="utf-8")
    result = convert(NAME, source, tmp_path / "out", key=key)
    (lookup,) = (result.dataset / "derivatives/rois").rglob("mim-rx/*_dseg.tsv")
    assert table(lookup) == [{"index": "15", "name": "other1"}]
    assert "JANE" not in " ".join(issue.message + issue.value for issue in result.issues)


def test_tables_that_hold_the_same_rows_give_them_once(source: Path, tmp_path: Path, key: Path) -> None:
    tests, labels = source / "tablas/pruebas_covid.csv", source / "tablas/labels.tsv"
    text = tests.read_text(encoding="utf-8")
    (source / "tablas/tests_2.csv").write_text(
        f"{text}000123;2021-09-10;PCR;POSITIVO\n000123;12.09.2021 8:15;PCR;NEGATIVO\n"
    )
    shutil.copy(labels, source / "labels_again.tsv")
    result = convert(NAME, source, tmp_path / "out", key=key)
    rows = table(result.dataset / "derivatives/ehr/laboratory_tests.tsv")
    assert len(rows) == len(table(GOLDEN / "derivatives/ehr/laboratory_tests.tsv")) + 1
    assert all(row["date"] != "n/a" for row in rows)
    told = issues_by_code([result.issues])["ROW_REPEATED"]
    assert sum("in another table" in found.message for found in told) == 2
    assert any(found.message.endswith("of another table") for found in told)
    assert not [found for found in validate(result.dataset).issues if found.level is Level.ERROR]


def test_what_is_not_understood_makes_no_test_twice(source: Path, tmp_path: Path, key: Path) -> None:
    text = "PatientID;fecha;prueba;resultado\n123;16/01/2020;ELISA;POSITIVO\n123;16/01/2020;WESTERN;POSITIVO\n"
    (source / "tablas/pruebas_covid.csv").write_text(text)
    result = convert(NAME, source, tmp_path / "out", key=key)
    assert [row["test"] for row in table(result.dataset / "derivatives/ehr/laboratory_tests.tsv")] == ["n/a"]
    assert len([found for found in result.issues if "column test" in found.where]) == 2


def test_a_line_that_is_no_header_is_not_shown(source: Path) -> None:
    (source / "tablas/pruebas_covid.csv").unlink()
    (source / "tablas/DOE JANE tests.csv").write_text("000123;DOE JANE;10.09.2021;PCR;POSITIVO\n")
    with pytest.raises(MidsError, match="no name in its first line is known") as told:
        list(read(source))
    assert not any(word in str(told.value).lower() for word in ("doe", "000123", "2021", "positivo"))
