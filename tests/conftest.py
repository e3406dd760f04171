"""What many tests share: a fixed key, the real data where it is present, and the converted phantom."""

from pathlib import Path

import pytest
from places import REAL

from example_datasets.generate import INPUT
from mids.conversion import Conversion, convert


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fixed key, so that labels are the same in every run."""
    path = tmp_path_factory.mktemp("key") / "key"
    path.write_text("5d" * 32 + "\n", encoding="ascii")
    return path


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real DICOM, tables and annotations beside the project; tests that need them are skipped without."""
    if not REAL.is_dir():
        pytest.skip("the real data is not beside the project")
    return REAL


@pytest.fixture(scope="session")
def phantom(tmp_path_factory: pytest.TempPathFactory, key: Path) -> Conversion:
    """The example source of the `dicom` collection, converted."""
    return convert("dicom", INPUT, tmp_path_factory.mktemp("phantom") / "out", key=key, jobs=2)
