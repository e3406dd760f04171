"""The study that the probe tests share."""

import pytest
from canaries import Source, source

from example_datasets import canary_study


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """A study with a canary in every place; not to be changed."""
    return source(tmp_path_factory.mktemp("canary") / "in", canary_study.files)
