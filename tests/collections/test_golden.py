"""Golden pairs: text is compared byte for byte (versions set aside), images voxel for voxel."""

import json
import re
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from places import SOURCES

from example_datasets.golden import converted
from mids import collections
from mids.validation.runner import validate

VERSIONS = {"dataset_description.json", "conversions.tsv"}
"""The only files of a dataset in which versions stand."""


def files(root: Path) -> dict[str, Path]:
    return {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}


def text(path: Path) -> str:
    content = path.read_bytes().decode("utf-8")
    if path.name == "dataset_description.json":
        description = json.loads(content)
        for tool in description["GeneratedBy"]:
            tool["Version"] = "x"
        return json.dumps(description, indent=2)
    return re.sub(r"\t\d[\w.+-]*\t", "\tx\t", content) if path.name in VERSIONS else content


def same(path: Path, golden: Path) -> bool:
    if path.name.endswith(".nii.gz"):
        image, expected = nib.load(path), nib.load(golden)
        return bool(
            image.header == expected.header and np.array_equal(np.asarray(image.dataobj), np.asarray(expected.dataobj))
        )
    if path.suffix == ".png":
        picture, wanted = Image.open(path), Image.open(golden)
        return bool(picture.mode == wanted.mode and np.array_equal(np.asarray(picture), np.asarray(wanted)))
    return text(path) == text(golden)


def test_every_collection_has_what_it_needs() -> None:
    for name in collections.names():
        collection = collections.find(name)
        assert collection.ABOUT.name == name
        assert callable(collection.read)
        assert (SOURCES / name / "input").is_dir()
        assert (SOURCES / name / "mids" / "dataset_description.json").is_file()


@pytest.mark.parametrize("name", collections.names())
def test_a_conversion_gives_the_golden_dataset(name: str, tmp_path: Path) -> None:
    fresh = files(converted(name, tmp_path).dataset)
    golden = files(SOURCES / name / "mids")
    assert sorted(fresh) == sorted(golden)
    assert [path for path in fresh if not same(fresh[path], golden[path])] == []


@pytest.mark.parametrize("name", collections.names())
def test_the_golden_dataset_is_valid(name: str) -> None:
    report = validate(SOURCES / name / "mids", deep=True)
    assert [issue for issue in report.issues if issue.level != "info"] == []
