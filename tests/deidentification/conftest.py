"""The source that the tests of ``mids deidentify`` share."""

from pathlib import Path

import pytest
from trees import fill_folder, radiographs


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two patients, three radiographs, under names that tell."""
    return fill_folder(tmp_path / "Perez Garcia", radiographs())
