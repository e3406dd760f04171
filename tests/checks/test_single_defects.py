"""A sample of the drawn defects of `benchmarks.single`: each kind is found, and no unusual dataset is blamed."""

from pathlib import Path

import pytest

from benchmarks import single

pytestmark = pytest.mark.slow

SEED = 4


@pytest.mark.parametrize("number", range(len(single.KINDS)), ids=lambda number: single.KINDS[number].__name__)
def test_a_drawn_defect_is_found(number: int, tmp_path: Path) -> None:
    _, place, drawn = single.defects(SEED, number)
    assert single.found(drawn, place, tmp_path / "dataset")


@pytest.mark.parametrize(
    "number", range(len(single.valid.KINDS)), ids=lambda number: single.valid.KINDS[number].__name__
)
def test_an_unusual_dataset_is_silent(number: int, tmp_path: Path) -> None:
    _, drawn = single.variations(SEED, number)
    assert single.found(drawn, "", tmp_path / "dataset") == []


def test_the_drawn_dataset_itself_is_silent(tmp_path: Path) -> None:
    assert single.found(single.draw(SEED), "", tmp_path / "dataset") == []
