"""A small source, where it is to go, and what it became."""

from pathlib import Path

import pytest

from mids.conversion import Conversion, convert


@pytest.fixture
def done(source: Path, dest: Path, key: Path) -> Conversion:
    """The three radiographs, converted."""
    return convert("dicom", source, dest, key=key)
