"""Makes the golden pairs: what each collection's example source becomes, with a fixed key.

    python -m example_datasets.golden [COLLECTION …]

`sources/<collection>/input` is made by the generators; `sources/<collection>/mids` is written here, looked at
by a person, and committed. The tests compare a fresh conversion with it.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from mids import collections
from mids.conversion import Conversion, convert

SOURCES = Path(__file__).parent / "sources"
KEY = "5d" * 32
"""A key that is no secret: the labels of the golden pairs must be the same everywhere."""


def converted(name: str, folder: Path) -> Conversion:
    """The example source of a collection converted into ``folder/mids``."""
    key = folder / "key"
    key.write_text(KEY + "\n", encoding="ascii")
    return convert(name, SOURCES / name / "input", folder / "mids", key=key)


def write(name: str) -> None:
    """Replaces the golden dataset of a collection."""
    target = SOURCES / name / "mids"
    with tempfile.TemporaryDirectory() as scratch:
        done = converted(name, Path(scratch))
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(done.dataset, target)


if __name__ == "__main__":
    for chosen in sys.argv[1:] or collections.names():
        write(chosen)
        print(SOURCES / chosen / "mids")
