"""covid-chestxray: its example, from findings to boxes and masks."""

import json
import subprocess
from collections import Counter
from io import BytesIO
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from chestxray import GOLDEN, INPUT, MANY, NAME, where
from PIL import Image
from trees import COMMANDS, count_codes, scans, table

from example_datasets.generators import covid_chestxray as example
from mids.collections.covid_chestxray import ABOUT
from mids.conversion import Conversion, convert
from mids.dataset.layout import bids_layout


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory, key: Path) -> Conversion:
    return convert(NAME, INPUT, tmp_path_factory.mktemp("golden") / "mids", key=key)


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
    assert count_codes(golden.issues)["REGION_INVALID"] == 2
    assert count_codes(golden.issues)["REGION_MISMATCH"] == 2
    assert count_codes(golden.issues)["ENTRY_UNMATCHED"] == 1


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


def test_the_dataset_says_what_the_collection_is() -> None:
    described = json.loads((GOLDEN / "dataset_description.json").read_text())
    assert described["Authors"] == list(ABOUT.authors)
    assert described["UsageTerms"]["CommercialUse"] == "forbidden"
    assert "CC-BY-NC-SA-4.0" in described["License"]
