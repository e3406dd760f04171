"""What is valid is silent: every variation of a valid dataset that authors of datasets are free to make."""

from pathlib import Path

import pytest

from example_datasets.defects import BASES
from example_datasets.small import write
from example_datasets.variations import VARIATIONS, Variation
from mids.validation.runner import validate


@pytest.mark.parametrize("variation", VARIATIONS, ids=lambda variation: variation.name)
def test_a_valid_variation_is_silent(variation: Variation, tmp_path: Path) -> None:
    before = BASES[variation.base]()
    files = variation.change(before)
    assert files != before
    write(files, tmp_path / "dataset")
    assert [(issue.code, issue.path, issue.message) for issue in validate(tmp_path / "dataset", deep=True)] == []
