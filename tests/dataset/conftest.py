"""A dataset that the tests of this folder share."""

from pathlib import Path

import pytest
from by_hand import CT, HEAD, LATERAL, RX, TABLES, written


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Two subjects, four images without content, and tables."""
    return written(tmp_path / "made", dict.fromkeys([RX, LATERAL, CT, HEAD], "") | TABLES)
