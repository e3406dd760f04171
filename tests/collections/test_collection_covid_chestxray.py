"""covid-chestxray: versions of its table, findings, dates, scores, boxes, masks, and what is wrong."""

import csv
import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping
from io import BytesIO, StringIO
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from places import SOURCES
from trees import COMMANDS, put, scans, table

from example_datasets.generate import sources
from example_datasets.generators import covid_chestxray as example
from mids.analysis.statistics import finding_view_counts
from mids.collections.covid_chestxray import ABOUT, read
from mids.collections.covid_chestxray.metadata import Row, day
from mids.conversion import Conversion, convert
from mids.dataset import Dataset
from mids.dataset.layout import bids_layout
from mids.errors import DataError, MidsError
from mids.issues import Issue
from mids.readers.annotations.coco import Box, read_coco
from mids.readers.images.pictures import size
from mids.records import Entry, Person, Record, Source
from mids.resources import read_yaml, schemas
from mids.validation.runner import validate
from mids.vocabulary import clinical

NAME = "covid-chestxray"
INPUT, GOLDEN = SOURCES / NAME / "input", SOURCES / NAME / "mids"
MANY = dict(sources()[NAME]())
PICTURE = example.picture(example.radiograph(), "PNG")
OLDEST = (
    "patientid", "offset", "sex", "age", "finding", "survival", "view", "modality", "date", "location", "filename",
    "doi", " url", "license", "clinical notes", "other notes", "",
)  # fmt: skip
"""The columns of March 2020: no folder, blanks in names and before one."""


def source(root: Path, rows: list[dict[str, str]], columns: tuple[str, ...] = example.COLUMNS) -> Path:
    """A source of these rows, each with a picture of its own."""
    put(root, "metadata.csv", example.table(columns, rows).encode())
    for row in rows:
        put(root, f"{row.get('folder') or 'images'}/{row['filename']}", PICTURE)
    return root


def row(number: int, **values: str) -> dict[str, str]:
    """A radiograph of a patient of its own."""
    first = {"patientid": str(number), "offset": "0", "finding": "COVID-19", "view": "PA", "modality": "X-ray"}
    return {**first, "filename": f"{number}.png", **values}


def converted(tmp_path: Path, key: Path, rows: list[dict[str, str]], *columns: str) -> Conversion:
    root = source(tmp_path / "source", rows, columns or example.COLUMNS)
    return convert(NAME, root, tmp_path / "dest", key=key)


def only(done: Conversion, pattern: str) -> dict[str, str]:
    """The one row of the one table of that name."""
    (path,) = done.dataset.glob(pattern)
    (found,) = table(path)
    return found


def codes(done: Conversion) -> Counter[str]:
    """How often each code was raised."""
    return Counter(issue.code for issue in done.issues)


def where(issues: tuple[Issue, ...], code: str) -> list[str]:
    return [issue.where for issue in issues if issue.code == code]


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory, key: Path) -> Conversion:
    return convert(NAME, INPUT, tmp_path_factory.mktemp("golden") / "mids", key=key)


# --- the example -------------------------------------------------------------------------------------------


def test_the_example_is_what_its_generator_makes() -> None:
    present = {path.relative_to(INPUT).as_posix(): path.read_bytes() for path in INPUT.rglob("*") if path.is_file()}
    assert sorted(present) == sorted(MANY)
    for path, content in MANY.items():
        if path.lower().endswith((".png", ".jpg")):  # encoders differ from release to release
            pixels = [np.asarray(Image.open(BytesIO(data)).convert("RGB"), int) for data in (content, present[path])]
            assert np.abs(pixels[0] - pixels[1]).max() <= 2
        elif not path.endswith(".gz"):
            assert content == present[path]


def test_every_row_of_the_example_is_converted_or_named(golden: Conversion) -> None:
    assert len(list(example.rows())) == 14
    assert len(scans(golden.dataset)) == 10
    assert where(golden.issues, "IMAGE_MISSING") == ["row 8, column filename"]
    assert where(golden.issues, "IMAGE_SHARED") == ["row 13, column filename"]
    assert where(golden.issues, "ROW_REPEATED") == ["row 14, column filename"]
    assert where(golden.issues, "ROW_INVALID") == ["row 15"]
    assert where(golden.issues, "VALUE_UNKNOWN") == ["row 5, column date"]
    assert where(golden.issues, "VALUE_IMPLAUSIBLE") == ["row 2, column temperature", "row 4, column po2_saturation"]
    assert [i.path for i in golden.issues if i.code == "IMAGE_UNLISTED"] == ["images/unlisted.png"]
    assert codes(golden)["REGION_INVALID"] == 2
    assert codes(golden)["REGION_MISMATCH"] == 2
    assert codes(golden)["ENTRY_UNMATCHED"] == 1


def test_pictures_keep_their_pixels_whatever_their_name_says() -> None:
    scans_of = {
        scan["source_file"]: path.parent / scan["filename"]
        for path in GOLDEN.glob("sub-*/*/*_scans.tsv")
        for scan in table(path)
    }
    for name, pixels in (
        ("case-2-c.png", example.radiograph(opacity=60)),
        ("case-19 b.PNG", example.radiograph()),
        ("case-19.jpg", example.radiograph(opacity=30)),
        ("case-7-fig1b.png", example.figure()),
    ):
        with Image.open(scans_of[f"images/{name}"]) as picture:
            delivered = np.asarray(picture)
        grey = pixels if delivered.ndim == pixels.ndim else np.stack([pixels] * 3, axis=-1)
        assert np.array_equal(delivered, grey), name
    with Image.open(scans_of["images/case-2-a.jpg"]) as picture, Image.open(INPUT / "images/case-2-a.jpg") as given:
        assert picture.mode == "L"
        assert np.array_equal(np.asarray(picture), np.asarray(given))


def test_volumes_keep_voxels_and_affine() -> None:
    image = nib.load(next(GOLDEN.rglob("*_ct.nii.gz")))
    i, j, k = np.mgrid[0:12, 0:10, 0:6]
    assert np.array_equal(np.asarray(image.dataobj), i + 20 * j + 400 * k - 1000)
    assert np.array_equal(image.affine, np.diag([-2, 2, 5, 1]))
    assert bytes(image.header["descrip"]).strip(b"\0") == b""


def test_masks_and_boxes_lie_on_the_lungs() -> None:
    place = GOLDEN / "derivatives/rois/sub-2/ses-day0/mim-rx"
    drawn = {lung.label: lung.mask(example.SHAPE) for lung in example.LUNGS}
    mask = np.asarray(Image.open(next(place.glob("*desc-lungVAE_dseg.png"))))
    assert np.array_equal(mask == 1, np.logical_or.reduce(list(drawn.values())))
    boxes = np.asarray(Image.open(next(place.glob("*desc-imageannotationai_dseg.png"))))
    assert table(next(place.glob("*desc-imageannotationai_dseg.tsv"))) == [
        {"index": "1", "name": "Right Lung"}, {"index": "2", "name": "Left Lung"},
    ]  # fmt: skip
    for value, lung in enumerate(example.LUNGS, start=1):
        x, y, width, height = lung.box(example.SHAPE)
        expected = np.zeros(example.SHAPE, bool)
        expected[y : y + height, x : x + width] = True
        assert np.array_equal(boxes == value, expected)
        assert expected[drawn[lung.label]].all()


def test_boxes_drawn_on_another_size_stand_in_the_table_only() -> None:
    rows = table(GOLDEN / "derivatives/rois/lung_boxes.tsv")
    assert Counter(r["participant_id"] for r in rows) == {"sub-2": 2, "sub-313b": 2}
    assert not list(GOLDEN.glob("derivatives/rois/sub-313b/**/*"))
    assert {(r["image_width"], r["image_height"]) for r in rows} == {("88", "96")}


def test_what_is_said_of_patients_and_visits() -> None:
    people = {r["participant_id"]: r for r in table(GOLDEN / "participants.tsv")}
    assert set(people) == {"sub-2", "sub-7", "sub-19", "sub-285", "sub-313b"}
    first = {"age": "65", "sex": "M", "survival": "yes", "country": "Italy", "covid_test": "positive", "source_id": "2"}
    assert people["sub-2"].items() >= first.items()
    old = {
        "age": "89",
        "age_min": "89",
        "age_max": "n/a",
        "survival": "no",
        "country": "Hong Kong",
        "covid_test": "n/a",
    }
    assert people["sub-19"].items() >= old.items()
    assert people["sub-313b"].items() >= {"age": "n/a", "sex": "n/a", "survival": "n/a"}.items()
    visits = {r["session_id"]: r for r in table(GOLDEN / "sub-19/sub-19_sessions.tsv")}
    assert visits["ses-dayminus5"].items() >= {"days_from_onset_min": "-5", "onset_imputed": "no"}.items()
    assert visits["ses-day5"].items() >= {"days_from_onset_max": "5", "onset_imputed": "n/a"}.items()
    assert "days_from_onset_min" not in table(GOLDEN / "sub-313b/sub-313b_sessions.tsv")[0]
    assert table(GOLDEN / "phenotype/clinical_course.tsv") == [
        {"participant_id": "sub-19", "went_icu": "no"}, {"participant_id": "sub-2", "went_icu": "yes"},
    ]  # fmt: skip
    assert table(GOLDEN / "derivatives/ehr/laboratory_tests.tsv") == [
        {"participant_id": "sub-2", "date": "n/a", "test": "PCR", "result": "positive"},
        {"participant_id": "sub-7", "date": "n/a", "test": "PCR", "result": "negative"},
    ]


def test_findings_become_labels_and_a_tree() -> None:
    rows = {r["filename"].rpartition("/")[2]: r for r in table(GOLDEN / "derivatives/labels/labels.tsv")}
    both = rows["sub-19_ses-dayminus5_run-1_bp-chest_vp-ap_dx.png"]
    assert json.loads(both["labels"]) == ["COVID-19", "ARDS"]
    assert json.loads(both["label_cuis"]) == ["C5203670", ""]
    assert json.loads(both["finding_paths"]) == ["Pneumonia/Viral/COVID-19", "ARDS"]
    todo = rows["sub-313b_ses-urlb0eda244_run-1_bp-chest_dx.png"]
    assert (todo["labels"], todo["finding"]) == ("n/a", "todo")
    tree = {r["label"]: r for r in table(GOLDEN / "derivatives/labels/label_tree.tsv")}
    counted = {name: (r["count"], r["count_with_descendants"]) for name, r in tree.items() if r["count"] != "0"}
    assert counted == {
        "COVID-19": ("4", "4"), "Pneumocystis": ("3", "3"), "ARDS": ("1", "1"), "No Finding": ("1", "1"),
        "Tuberculosis": ("1", "1"),
    }  # fmt: skip
    assert tree["Pneumonia"]["count_with_descendants"] == "7"
    assert tree["MRSA"]["parent"] == "Staphylococcus"


def test_the_official_validator_and_pybids_take_the_example() -> None:
    command = [COMMANDS / "bids-validator-deno", GOLDEN, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)["issues"]["issues"]
    assert [issue["code"] for issue in found if issue["severity"] == "error"] == []
    indexed = {file.relpath for file in bids_layout(GOLDEN).get() if file.relpath.endswith((".png", ".nii.gz"))}
    assert set(scans(GOLDEN)) <= indexed


# --- versions of the table ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "columns",
    [
        OLDEST,
        tuple(name for name in example.COLUMNS if name not in ("RT_PCR_positive", "")),
        tuple(name for name in example.COLUMNS if name != "RT_PCR_positive"),
        example.COLUMNS,
        tuple(reversed(example.COLUMNS)),
    ],
    ids=["17", "28", "29", "30", "reversed"],
)
def test_every_version_gives_the_same_patient(columns: tuple[str, ...], tmp_path: Path, key: Path) -> None:
    values = {"age": "50", "sex": "F", "survival": "N", "location": "Exampletown, Spain", "license": "CC BY 4.0"}
    values |= {name: f"{name.strip()} of it" for name in columns if "url" in name or "clinical" in name}
    done = converted(tmp_path, key, [row(1, **values)], *columns)
    assert done.issues == ()
    person = only(done, "participants.tsv")
    assert person.items() >= {"age": "50", "sex": "F", "survival": "no", "country": "Spain"}.items()
    scan = only(done, "sub-1/*/*_scans.tsv")
    assert scan.items() >= {"usage_terms": "CC-BY-4.0", "url": "url of it", "view_position": "pa"}.items()
    assert only(done, "derivatives/ehr/image_notes.tsv")["clinical_notes"].startswith("clinical")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("patientid,findings,view,modality,filename", "lacks the column 'finding'; 'findings' is like it"),
        ("patientid,finding,view,modality", "lacks the column 'filename'"),
        (
            "patientid,finding,view,modality,filename,temprature",
            "unknown column 'temprature': did you mean 'temperature'",
        ),
        ("patientid,finding,view,modality,filename,zzz", "unknown column 'zzz'"),
        ("", "lacks the column 'patientid'"),
    ],
)
def test_columns_are_checked_before_work_starts(header: str, message: str, tmp_path: Path, key: Path) -> None:
    put(tmp_path / "source", "metadata.csv", header.encode())
    with pytest.raises(MidsError, match=message):
        convert(NAME, tmp_path / "source", tmp_path / "dest", key=key)
    assert not (tmp_path / "dest").exists() or not list((tmp_path / "dest").iterdir())


def test_a_source_without_metadata_names_what_is_like_it(tmp_path: Path, key: Path) -> None:
    put(tmp_path / "source", "meta-data.csv", b"a\n")
    with pytest.raises(MidsError, match=r"did you mean meta-data\.csv"):
        convert(NAME, tmp_path / "source", tmp_path / "dest", key=key)


# --- cells -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected", "problem"),
    [
        ("January 22, 2020", "20200122", ""),
        ("Mar 4, 2020", "20200304", ""),
        ("12 March 2020", "20200312", ""),
        ("2020-03-12", "20200312", ""),
        ("3/3/2020", "20200303", ""),
        ("03/16/20", "20200316", ""),
        ("2/29/2020", "20200229", ""),
        ("3/7/2020", "", "VALUE_UNKNOWN"),
        ("February 30, 2020", "", "VALUE_IMPLAUSIBLE"),
        ("Smarch 13, 2020", "", "VALUE_IMPLAUSIBLE"),
        ("2020", "", ""),
        ("March 2003", "", ""),
        ("January 12", "", ""),
        ("?", "", ""),
        ("", "", ""),
    ],
)
def test_only_whole_days_that_can_be_read_in_one_way_are_dates(text: str, expected: str, problem: str) -> None:
    found, issues = day(Row(2, {"date": text}, "1", "day0", "images/1.png", None))
    assert (found, [issue.code for issue in issues]) == (expected, [problem] if problem else [])


@pytest.mark.parametrize(
    ("finding", "labels"),
    [
        ("Pneumonia/Viral/Herpes ", ["Herpes"]),
        ("Pneumonia/Viral", ["Viral Pneumonia"]),
        ("Mycoplasma Bacterial Pneumonia", ["Mycoplasma"]),
        ("Pneumonia/Bacterial/Mycoplasma", ["Mycoplasma"]),
        ("COVID-19, ARDS", ["COVID-19", "ARDS"]),
        ("COVID-19, COVID-19", ["COVID-19"]),
        ("No Finding", ["No Finding"]),
        ("Unknown", None),
        ("", None),
    ],
)
def test_both_grammars_of_findings(finding: str, labels: list[str] | None, tmp_path: Path, key: Path) -> None:
    done = converted(tmp_path, key, [row(1, finding=finding)])
    assert done.issues == ()
    cell = only(done, "derivatives/labels/labels.tsv")["labels"]
    assert (None if cell == "n/a" else json.loads(cell)) == labels


def test_what_is_not_understood_is_told_and_kept(tmp_path: Path, key: Path) -> None:
    strange = {
        "finding": "COVID-19, Green lung", "view": "Sideways", "license": "Do as you like", "location": "Atlantis",
        "age": "old", "sex": "X", "offset": "soon", "survival": "maybe", "temperature": "hot", "intubated": "Y",
    }  # fmt: skip
    done = converted(tmp_path, key, [row(1, **strange)])
    columns = {place.rpartition(" ")[2] for place in where(done.issues, "VALUE_UNKNOWN")}
    assert columns == set(strange) - {"intubated"} | {"location"}
    assert json.loads(only(done, "derivatives/labels/labels.tsv")["labels"]) == ["COVID-19"]
    scan = only(done, "sub-1/*/*_scans.tsv")
    assert scan.items() >= {"source_view": "Sideways", "license": "Do as you like", "temperature_raw": "hot"}.items()
    assert only(done, "participants.tsv")["survival_raw"] == "maybe"
    assert [issue for issue in validate(done.dataset, deep=True).issues if issue.level == "error"] == []


def test_an_unknown_modality_is_not_converted(tmp_path: Path, key: Path) -> None:
    done = converted(tmp_path, key, [row(1), row(2, modality="Photo"), row(3, modality="")])
    assert codes(done)["MODALITY_UNKNOWN"] == 2
    assert len(scans(done.dataset)) == 1


def test_contradictions_are_told_and_neither_side_is_taken(tmp_path: Path, key: Path) -> None:
    said = ({"sex": "F", "survival": "Y", "went_icu": "Y"}, {"sex": "M", "survival": "N", "went_icu": "N"})
    done = converted(tmp_path, key, [row(1, filename=f"{n}.png", **values) for n, values in enumerate(said)])
    assert codes(done) == {"PATIENT_AMBIGUOUS": 1, "VALUE_CONTRADICTED": 2}
    assert only(done, "participants.tsv").items() >= {"sex": "n/a"}.items()
    assert "survival" not in only(done, "participants.tsv")
    assert not (done.dataset / "phenotype").exists()


def test_a_visit_is_an_offset_or_else_a_page(tmp_path: Path, key: Path) -> None:
    places = [("3", "a"), ("3", "b"), ("", "a"), ("", "a"), ("?", "b"), ("-3", "a"), ("", "")]
    rows = [row(1, offset=offset, url=url, filename=f"{n}.png") for n, (offset, url) in enumerate(places)]
    done = converted(tmp_path, key, rows)
    visits = {r["session_id"] for r in table(done.dataset / "sub-1/sub-1_sessions.tsv")}
    assert len(visits) == 5
    assert visits >= {"ses-day3", "ses-dayminus3", "ses-undated"}
    assert len(list((done.dataset / "sub-1/ses-day3").rglob("*.png"))) == 2


def test_several_ages_give_a_range(tmp_path: Path, key: Path) -> None:
    rows = [row(1, age=age, filename=f"{age}.png", offset=age) for age in ("40", "42")]
    person = only(converted(tmp_path, key, rows), "participants.tsv")
    assert (person["age_min"], person["age_max"]) == ("40", "42")


# --- bad input ---------------------------------------------------------------------------------------------


def test_encodings(tmp_path: Path, key: Path) -> None:
    content = example.table(example.COLUMNS, [row(1, clinical_notes="Tórax normal.")])
    for name, data, expected in (
        ("bom", content.encode("utf-8-sig"), {}),
        ("latin", content.encode("latin-1"), {"TABLE_READ_AS_LATIN1": 1}),
    ):
        put(tmp_path / name, "metadata.csv", data)
        put(tmp_path / name, "images/1.png", PICTURE)
        done = convert(NAME, tmp_path / name, tmp_path / f"{name}-out", key=key)
        assert codes(done) == expected
        assert only(done, "derivatives/ehr/image_notes.tsv")["clinical_notes"] == "Tórax normal."


def test_a_table_that_breaks_off_loses_no_more_than_its_end(tmp_path: Path, key: Path) -> None:
    whole = example.table(example.COLUMNS, [row(1), row(2, clinical_notes="one\ntwo")])
    root = source(tmp_path / "source", [row(1), row(2)])
    put(root, "metadata.csv", whole[: whole.index("two")].encode())
    done = convert(NAME, root, tmp_path / "dest", key=key)
    assert codes(done) == {"TABLE_INVALID": 1, "ROW_INVALID": 1, "IMAGE_UNLISTED": 1}
    assert len(scans(done.dataset)) == 1


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd.png", "a/../../secret.png"])
def test_no_row_leads_out_of_the_source(name: str, tmp_path: Path, key: Path) -> None:
    put(tmp_path, "secret.png", PICTURE)
    root = source(tmp_path / "source", [row(1)])
    rows = [row(1), row(2, filename=name, folder="images")]
    put(root, "metadata.csv", example.table(example.COLUMNS, rows).encode())
    done = convert(NAME, root, tmp_path / "dest", key=key)
    assert sum(codes(done).values()) == 1
    assert codes(done).keys() <= {"ROW_INVALID", "IMAGE_MISSING"}
    assert len(scans(done.dataset)) == 1


def test_broken_pictures_are_told_and_the_rest_goes_on(tmp_path: Path, key: Path) -> None:
    root = source(tmp_path / "source", [row(number) for number in range(1, 5)])
    put(root, "images/1.png", PICTURE[: len(PICTURE) // 2])
    put(root, "images/2.png", b"no picture")
    put(root, "images/3.png", b"")
    done = convert(NAME, root, tmp_path / "dest", key=key)
    assert codes(done) == {"PIXELS_UNREADABLE": 3}
    assert [path.split("/")[0] for path in scans(done.dataset)] == ["sub-4"]
    assert size(root, Source("images/2.png")) is None


COCO = MANY["annotations/imageannotation_ai_lung_bounding_boxes.json"]


@pytest.mark.parametrize(
    "content", [COCO[:200], b"", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"images": 3}', b'{"images": [{}]}'],
    ids=["truncated", "empty", "list", "no text", "deep", "number", "without keys"],
)  # fmt: skip
def test_broken_boxes_are_one_issue(content: bytes, tmp_path: Path, key: Path) -> None:
    root = source(tmp_path / "source", [row(1)])
    put(root, "annotations/imageannotation_ai_lung_bounding_boxes.json", content)
    done = convert(NAME, root, tmp_path / "dest", key=key)
    assert codes(done) == {"ANNOTATIONS_INVALID": 1}
    assert len(scans(done.dataset)) == 1


def test_single_boxes_that_can_not_be_used(tmp_path: Path) -> None:
    content = {
        "images": [{"id": 1, "file_name": "a.png", "height": 9, "width": 8}],
        "categories": [{"id": 1, "name": "lung"}],
        "annotations": [
            {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3.5, 4]},
            {"image_id": 1, "category_id": 1, "bbox": [1, 2, 0, 4]},
            {"image_id": 1, "category_id": 1, "bbox": [1, 2, float("nan"), 4]},
            {"image_id": 1, "category_id": 1},
            {"image_id": 1, "category_id": 7, "bbox": [1, 2, 3, 4]},
            {"image_id": 2, "category_id": 1, "bbox": [1, 2, 3, 4]},
            None,
        ],
    }
    put(tmp_path, "boxes.json", json.dumps(content).encode())
    found = read_coco(tmp_path, Source("boxes.json"))
    assert found.images[0].boxes == [Box("lung", 1, 2, 3.5, 4)]
    assert Counter(issue.code for issue in found.issues) == {
        "REGION_INVALID": 3, "ANNOTATION_INVALID": 1, "REGION_UNMATCHED": 2,
    }  # fmt: skip


def test_scores_out_of_range_and_with_other_columns(tmp_path: Path, key: Path) -> None:
    root = source(tmp_path / "source", [row(1), row(2)])
    put(root, "covid-severity-scores.csv", b"filename,geographic_mean,opacity_mean\n1.png,8.5,x\n2.png,0,6\n")
    done = convert(NAME, root, tmp_path / "dest", key=key)
    assert codes(done) == {"VALUE_IMPLAUSIBLE": 1, "VALUE_UNKNOWN": 1}
    first, second = table(done.dataset / "derivatives/labels/chest_severity.tsv")
    assert (first["geographic_extent"], first["opacity"], first["opacity_raw"]) == ("8.5", "n/a", "x")
    assert (second["geographic_extent"], second["opacity"]) == ("0", "6")
    put(root, "covid-severity-scores.csv", b"filename,extent_mean,opacity_mean\n")
    with pytest.raises(MidsError, match="lacks the column 'geographic_mean'"):
        convert(NAME, root, tmp_path / "again", key=key)


# --- the paper ---------------------------------------------------------------------------------------------

PAPER = read_yaml(schemas() / "collections" / f"{NAME}.yaml")["paper"]["promises"]["images_by_finding_and_view"]


def test_the_table_of_the_paper_comes_out_of_a_twin_of_its_images(tmp_path: Path, key: Path) -> None:
    cells = [(finding, view) for finding, views in PAPER.items() for view, n in views.items() for _ in range(n)]
    assert len(cells) == 122
    rows = [row(number, finding=finding, view=view) for number, (finding, view) in enumerate(cells)]
    rows += [row(900, view="L"), row(901, view="Axial", modality="CT"), row(902, finding="todo"), row(903, view="")]
    done = converted(tmp_path, key, rows)
    assert done.issues == ()
    counts = finding_view_counts(Dataset(done.dataset))
    names = {"PA": "pa", "AP": "ap", "AP Supine": "ap supine"}
    assert {
        finding: {view: int(counts.loc[finding, name]) for view, name in names.items()} for finding in counts.index
    } == PAPER
    assert list(counts.index) == ["COVID-19", "SARS", "Streptococcus", "ARDS", "Pneumocystis"]
    assert counts.loc["COVID-19"].to_dict() == {"pa": 76, "ap": 11, "ap supine": 13, "lateral": 1, "ax": 1, "n/a": 1}


def test_an_image_with_two_findings_counts_for_both() -> None:
    counts = finding_view_counts(Dataset(GOLDEN))
    assert counts.loc["ARDS", "ap supine"] == counts.loc["COVID-19", "ap supine"] == 1


def test_labels_that_are_no_list_are_told(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN, tmp_path / "copy")
    path = tmp_path / "copy/derivatives/labels/labels.tsv"
    path.write_text(path.read_text().replace('["COVID-19", "ARDS"]', "COVID-19"))
    with pytest.raises(DataError, match="no JSON list"):
        finding_view_counts(Dataset(tmp_path / "copy"))


def test_every_term_has_one_label_and_every_word_one_term() -> None:
    findings = read_yaml(schemas() / "collections" / f"{NAME}.yaml")["findings"]
    spellings = [word.lower() for path, entry in findings.items() for word in (path, *(entry or {}).get("earlier", ()))]
    assert [word for word, count in Counter(spellings).items() if count > 1] == []
    assert all(path.rpartition("/")[0] in {"", *findings} for path in findings)
    assert clinical.load(NAME).sources("scans") >= {"temperature", "view", "license"}


# --- the real tables and images ------------------------------------------------------------------------------


def _real(shared: Path, root: Path, name: str) -> tuple[list[Mapping[str, str]], Path]:
    """A source of one version of the real table with the real images and annotations that are there."""
    data = shared / NAME
    text = (data / name).read_text(encoding="utf-8")
    put(root, "metadata.csv", text.encode())
    for folder in ("images", "annotations"):
        (root / folder).symlink_to(data / folder)
    return list(csv.DictReader(StringIO(text))), root


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "rows", "images", "shared_files"),
    [
        ("metadata_2020-06-22_584034a.csv", 751, 75, 5),
        ("metadata_2020-06-24_hannover_07c5dad.csv", 768, 75, 0),
    ],
)
def test_every_row_of_the_real_tables_is_accounted_for(
    name: str, rows: int, images: int, shared_files: int, shared: Path, tmp_path: Path
) -> None:
    expected, root = _real(shared, tmp_path / "source", name)
    batches = list(read(root))
    items = [item for batch in batches for item in batch]
    records = [item for item in items if isinstance(item, Record)]
    issues = Counter(item.code for item in items if isinstance(item, Issue))
    missing = [item.path for item in items if isinstance(item, Issue) and item.code == "IMAGE_MISSING"]
    assert (len(expected), len(records)) == (rows, images)
    assert len(records) + issues["IMAGE_MISSING"] + issues["IMAGE_SHARED"] == rows
    named = {f"{r['folder']}/{r['filename']}" for r in expected}
    assert {*missing, *(record.series for record in records)} == named
    assert issues["IMAGE_SHARED"] == shared_files
    assert issues["ROW_INVALID"] == issues["ROW_REPEATED"] == 0
    assert {item.subject for item in items if isinstance(item, Person)} == {r["patientid"] for r in expected} - (
        {"339", "340"} if shared_files else set()
    )
    assert issues["TABLE_INVALID"] == issues["ANNOTATIONS_INVALID"] == issues["VALUE_UNKNOWN"] == 0


@pytest.mark.shared
def test_the_real_images_become_a_valid_dataset(shared: Path, tmp_path: Path, key: Path) -> None:
    done = convert(NAME, shared / NAME, tmp_path / "dest", key=key, jobs=2)
    assert done.outcome is not None
    assert len(scans(done.dataset)) == 75
    assert codes(done)["IMAGE_MISSING"] == codes(done)["IMAGE_SHARED"] == 2
    assert codes(done)["REGION_INVALID"] == 2
    assert [issue for issue in validate(done.dataset, deep=True).issues if issue.level == "error"] == []
    for path in done.dataset.glob("sub-*/*/*_scans.tsv"):
        for scan in table(path):
            with (
                Image.open(shared / NAME / scan["source_file"]) as given,
                Image.open(path.parent / scan["filename"]) as made,
            ):
                assert given.size == made.size
                if given.mode in ("L", "RGB"):
                    assert np.array_equal(np.asarray(given), np.asarray(made))


@pytest.mark.shared
def test_the_real_annotations_are_all_read(shared: Path) -> None:
    items = [item for batch in read(shared / NAME) for item in batch]
    scored = {item.image for item in items if isinstance(item, Entry) and item.table == "chest_severity"}
    unmatched = [item for item in items if isinstance(item, Issue) and item.code == "ENTRY_UNMATCHED"]
    assert len(scored) + len(unmatched) == 94
    boxes = read_coco(shared / NAME, Source("annotations/imageannotation_ai_lung_bounding_boxes.json"))
    assert (len(boxes.images), sum(len(image.boxes) for image in boxes.images)) == (167, 332)


def test_the_dataset_says_what_the_collection_is() -> None:
    described = json.loads((GOLDEN / "dataset_description.json").read_text())
    assert described["Authors"] == list(ABOUT.authors)
    assert described["UsageTerms"]["CommercialUse"] == "forbidden"
    assert "CC-BY-NC-SA-4.0" in described["License"]
