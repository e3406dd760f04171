"""Writes `example/mids`, what becomes of `example/input`. Run it after a change, and look at what it wrote."""

import shutil
import tempfile
from pathlib import Path

import mids

EXAMPLE = Path(__file__).parent / "example"
KEY = "5d" * 32
"""A key that is no secret: the labels of the example must be the same everywhere."""


def converted(folder: Path) -> mids.Conversion:
    """The example converted into ``folder/mids``."""
    key = folder / "key"
    key.write_text(KEY + "\n", encoding="ascii")
    return mids.convert("town-clinic", EXAMPLE / "input", folder / "mids", key=key)


def main() -> None:
    """Replaces the golden dataset."""
    with tempfile.TemporaryDirectory() as folder:
        done = converted(Path(folder))
        shutil.rmtree(EXAMPLE / "mids", ignore_errors=True)
        shutil.copytree(done.dataset, EXAMPLE / "mids")


if __name__ == "__main__":
    main()
