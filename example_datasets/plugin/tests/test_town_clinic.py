"""The example source gives the golden dataset, which is valid, and what is wrong with the source is told."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from make_golden import EXAMPLE, converted

import mids

VERSIONS = ("dataset_description.json", "derivatives/provenance/conversions.tsv")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> mids.Conversion:
    return converted(tmp_path_factory.mktemp("converted"))


def texts(root: Path) -> Mapping[str, str]:
    """Every file but the images, by its path; those in which versions stand are left out."""
    files = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    return {
        name: path.read_text("utf-8") for name, path in files.items() if name not in VERSIONS and ".png" not in name
    }


def test_the_dataset_is_the_golden_one(done: mids.Conversion) -> None:
    assert texts(done.dataset) == texts(EXAMPLE / "mids")
    fresh, golden = mids.Dataset(done.dataset), mids.Dataset(EXAMPLE / "mids")
    assert list(fresh.images["filename"]) == list(golden.images["filename"])
    for path in golden.images["filename"]:
        assert np.array_equal(fresh.load(path).data, golden.load(path).data)


def test_it_is_valid(done: mids.Conversion) -> None:
    assert [issue for issue in mids.validate(done.dataset, deep=True).issues if issue.level != "info"] == []


def test_what_is_wrong_with_the_source_is_told(done: mids.Conversion) -> None:
    assert {(issue.code, issue.where) for issue in done.issues} == {
        ("VALUE_UNKNOWN", "row 4, column pcr"), ("VALUE_UNKNOWN", "row 4, column smoker"), ("IMAGE_MISSING", "row 5"),
    }  # fmt: skip


def test_a_folder_without_the_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    with pytest.raises(mids.MidsError, match="holds no patients"):
        mids.convert("town-clinic", tmp_path / "source", tmp_path / "dest")
