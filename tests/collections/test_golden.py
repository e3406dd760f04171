"""Golden pairs: text is compared byte for byte (versions set aside), images voxel for voxel."""

from pathlib import Path

import pytest
from places import SOURCES

from example_datasets.golden import converted
from mids import collections, testing
from mids.validation.runner import validate


def test_every_collection_has_what_it_needs() -> None:
    for name in collections.names():
        collection = collections.find(name)
        assert collection.ABOUT.name == name
        assert callable(collection.read)
        assert (SOURCES / name / "input").is_dir()
        assert (SOURCES / name / "mids" / "dataset_description.json").is_file()


NEGATIVES = {"bimcv-covid19": 1, "padchest": 1}
"""Radiographs that imitations of published collections hold as negatives: nothing says whether those were inverted."""


@pytest.mark.parametrize("name", collections.names())
def test_a_conversion_gives_the_golden_dataset(name: str, tmp_path: Path) -> None:
    assert testing.differences(converted(name, tmp_path).dataset, SOURCES / name / "mids") == []


@pytest.mark.parametrize("name", collections.names())
def test_the_golden_dataset_is_valid(name: str) -> None:
    report = validate(SOURCES / name / "mids", deep=True)
    told = [issue.code for issue in report.issues if issue.level != "info"]
    assert told == ["RADIOGRAPH_INVERTED"] * NEGATIVES.get(name, 0)
