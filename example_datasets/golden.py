"""Makes the golden pairs: what each collection's example source becomes, with a fixed key.

    python -m example_datasets.golden [COLLECTION …]

`sources/<collection>/input` is made by the generators; `sources/<collection>/mids` is written here, looked at
by a person, and committed. The tests compare a fresh conversion with it.
"""

import sys
from pathlib import Path

from mids import collections, testing
from mids.conversion import Conversion

SOURCES = Path(__file__).parent / "sources"


def converted(name: str, folder: Path) -> Conversion:
    """The example source of a collection converted into ``folder/mids``."""
    return testing.converted(name, SOURCES / name, folder)


if __name__ == "__main__":
    for chosen in sys.argv[1:] or collections.names():
        testing.write_golden(chosen, SOURCES / chosen)
        print(SOURCES / chosen / "mids")
