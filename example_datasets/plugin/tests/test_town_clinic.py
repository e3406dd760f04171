"""The example source gives the golden dataset, which is valid, and what is wrong with the source is told."""

from pathlib import Path

import pytest

import mids
from mids import testing

EXAMPLE = Path(__file__).parents[1] / "example"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> mids.Conversion:
    return testing.converted("town-clinic", EXAMPLE, tmp_path_factory.mktemp("converted"))


def test_the_dataset_is_the_golden_one(done: mids.Conversion) -> None:
    assert testing.differences(done.dataset, EXAMPLE / "mids") == []


def test_it_is_valid(done: mids.Conversion) -> None:
    assert [issue for issue in mids.validate(done.dataset, deep=True).issues if issue.level != "info"] == []


def test_what_is_wrong_with_the_source_is_told(done: mids.Conversion) -> None:
    assert {(issue.code, issue.where) for issue in done.issues} == {
        ("VALUE_UNKNOWN", "row 4, column pcr"), ("VALUE_UNKNOWN", "row 4, column smoker"), ("IMAGE_MISSING", "row 5"),
        ("PRIVACY_UNSEEN", ""),  # the pixels were not searched for text
    }  # fmt: skip


def test_a_folder_without_the_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    with pytest.raises(mids.MidsError, match="holds no patients"):
        mids.convert("town-clinic", tmp_path / "source", tmp_path / "dest")
