"""Where the checkout and what it holds lie, for tests in whatever folder."""

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "example_datasets"
SOURCES = EXAMPLES / "sources"
"""A folder for each collection: its invented source in ``input``, its golden dataset in ``mids``."""
REAL = ROOT.parent / "shared" / "data"
"""Real data beside the checkout, which may be absent."""


def plain_user() -> tuple[str, ...]:
    """What takes root's right to read everything away."""
    if os.getuid():
        return ()
    tool = shutil.which("setpriv") or pytest.skip("root reads everything")
    return (tool, "--bounding-set=-all", "--inh-caps=-all")
