"""covid-chestxray: what is wrong with a source is told, and the rest is converted."""

import json
from collections import Counter
from pathlib import Path

import pytest
from chestxray import MANY, NAME, PICTURE, only, picture, row, source
from PIL import Image
from trees import codes, count_codes, put, scans, table

from example_datasets.generators import covid_chestxray as example
from mids.conversion import convert
from mids.errors import MidsError
from mids.readers.annotations.coco import Box, read_coco
from mids.readers.images.pictures import size
from mids.records import Source


def test_encodings(tmp_path: Path, key: Path) -> None:
    content = example.table(example.COLUMNS, [row(1, clinical_notes="Tórax normal.")])
    for name, data, expected in (
        ("bom", content.encode("utf-8-sig"), {}),
        ("latin", content.encode("latin-1"), {"TABLE_READ_AS_LATIN1": 1}),
    ):
        put(tmp_path / name, "metadata.csv", data)
        put(tmp_path / name, "images/1.png", PICTURE)
        done = convert(NAME, tmp_path / name, tmp_path / f"{name}-out", key=key)
        assert count_codes(done.issues) == expected
        assert only(done, "derivatives/ehr/image_notes.tsv")["clinical_notes"] == "Tórax normal."


def test_a_table_that_breaks_off_loses_no_more_than_its_end(tmp_path: Path, key: Path) -> None:
    whole = example.table(example.COLUMNS, [row(1), row(2, clinical_notes="one\ntwo")])
    root = source(tmp_path / "source", [row(1), row(2)])
    put(root, "metadata.csv", whole[: whole.index("two")].encode())
    done = convert(NAME, root, tmp_path / "dest", key=key)
    assert count_codes(done.issues) == {"TABLE_INVALID": 1, "ROW_INVALID": 1, "IMAGE_UNLISTED": 1}
    assert len(scans(done.dataset)) == 1


@pytest.mark.parametrize("there", ["1.png", "images/folder/1.png", "all-images/1.png"])
@pytest.mark.parametrize("named", ["1.png", "https://example.org/data/1.png?download=1"])
def test_images_are_found_in_the_folders_of_other_copies(there: str, named: str, tmp_path: Path, key: Path) -> None:
    rows = [row(1, filename=named, folder="images"), row(2, filename="2.png")]
    put(tmp_path / "source", "metadata.csv", example.table(example.COLUMNS, rows).encode())
    put(tmp_path / "source", there, PICTURE)
    put(tmp_path / "source", "images/2.png", picture(2))
    put(tmp_path / "source", "annotations/lungVAE-masks/2.png", picture(3))
    done = convert(NAME, tmp_path / "source", tmp_path / "dest", key=key)
    assert codes(done.issues) == []
    assert len(scans(done.dataset)) == 2


def test_two_files_of_one_name_are_nobodys(tmp_path: Path, key: Path) -> None:
    put(tmp_path / "source", "metadata.csv", example.table(example.COLUMNS, [row(1), row(2)]).encode())
    put(tmp_path / "source", "images/2.png", PICTURE)
    put(tmp_path / "source", "a/1.png", picture(1))
    put(tmp_path / "source", "b/1.png", picture(2))
    done = convert(NAME, tmp_path / "source", tmp_path / "dest", key=key)
    assert count_codes(done.issues) == {"IMAGE_MISSING": 1}


@pytest.mark.parametrize(("patient", "codes"), [("2", {"IMAGE_ALIKE": 1}), ("1", {})])
def test_one_picture_under_two_patients_is_told(patient: str, codes: dict[str, int], tmp_path: Path, key: Path) -> None:
    root = source(tmp_path / "source", [row(1, filename="a.png"), row(3, filename="c.png")])
    rows = [row(3, filename="c.png"), row(1, filename="a.png"), row(1, patientid=patient, filename="b.jpg", offset="5")]
    put(root, "metadata.csv", example.table(example.COLUMNS, rows).encode())
    with Image.open(root / "images/a.png") as image:
        small = image.convert("L").resize((image.width * 2, image.height * 2), Image.Resampling.BICUBIC)
    small.save(root / "images/b.jpg", quality=80)
    done = convert(NAME, root, tmp_path / "dest", key=key)
    assert count_codes(done.issues) == codes
    assert len(scans(done.dataset)) == 3


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd.png", "a/../../secret.png"])
def test_no_row_leads_out_of_the_source(name: str, tmp_path: Path, key: Path) -> None:
    put(tmp_path, "secret.png", PICTURE)
    root = source(tmp_path / "source", [row(1)])
    rows = [row(1), row(2, filename=name, folder="images")]
    put(root, "metadata.csv", example.table(example.COLUMNS, rows).encode())
    done = convert(NAME, root, tmp_path / "dest", key=key)
    assert sum(count_codes(done.issues).values()) == 1
    assert count_codes(done.issues).keys() <= {"ROW_INVALID", "IMAGE_MISSING"}
    assert len(scans(done.dataset)) == 1


def test_broken_pictures_are_told_and_the_rest_goes_on(tmp_path: Path, key: Path) -> None:
    root = source(tmp_path / "source", [row(number) for number in range(1, 5)])
    put(root, "images/1.png", PICTURE[: len(PICTURE) // 2])
    put(root, "images/2.png", b"no picture")
    put(root, "images/3.png", b"")
    done = convert(NAME, root, tmp_path / "dest", key=key)
    told = {one.path.partition("/")[0]: one.code for one in done.issues if one.path}
    assert told == {"sub-1": "FILE_TRUNCATED", "sub-2": "PIXELS_UNREADABLE", "sub-3": "FILE_EMPTY"}
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
    assert count_codes(done.issues) == {"ANNOTATIONS_INVALID": 1}
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
    assert count_codes(done.issues) == {"VALUE_IMPLAUSIBLE": 1, "VALUE_UNKNOWN": 1}
    first, second = table(done.dataset / "derivatives/labels/chest_severity.tsv")
    assert (first["geographic_extent"], first["opacity"], first["opacity_raw"]) == ("8.5", "n/a", "x")
    assert (second["geographic_extent"], second["opacity"]) == ("0", "6")
    put(root, "covid-severity-scores.csv", b"filename,extent_mean,opacity_mean\n")
    with pytest.raises(MidsError, match="lacks the column 'geographic_mean'"):
        convert(NAME, root, tmp_path / "again", key=key)
