"""Where the checkout and what it holds lie, for tests in whatever folder."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "example_datasets"
SOURCES = EXAMPLES / "sources"
"""A folder for each collection: its invented source in ``input``, its golden dataset in ``mids``."""
REAL = ROOT.parent / "shared" / "data"
"""Real data beside the checkout, which may be absent."""
