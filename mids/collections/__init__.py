"""One file for each source collection: `ABOUT`, and `read`, which knows its source and nothing of MIDS paths.

Found by listing this package and by entry points of the group ``mids.collections``.
"""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from pkgutil import iter_modules
from typing import Protocol

from mids.errors import MidsError
from mids.readers.scan import Scanner
from mids.records import About, Item


class Collection(Protocol):
    """What a collection's module offers."""

    ABOUT: About

    def read(self, root: Path, scanner: Scanner = ...) -> Iterator[Sequence[Item]]:
        """The items below `root`, patient by patient; what belongs to no patient comes in a sequence of its own."""


def _own() -> set[str]:
    return {module.name.replace("_", "-") for module in iter_modules(__path__)}


def names() -> list[str]:
    """The names of all collections, sorted."""
    return sorted({*_own(), *(entry.name for entry in entry_points(group="mids.collections"))})


def find(name: str) -> Collection:
    """The collection of that name; raises `MidsError` with the nearest names where there is none."""
    if name in _own():
        module: Collection = import_module(f"{__name__}.{name.replace('-', '_')}")
        return module
    for entry in entry_points(group="mids.collections"):
        if entry.name == name:
            loaded: Collection = entry.load()
            return loaded
    near = get_close_matches(name, names(), 3) or names()
    raise MidsError(f"there is no collection {name!r}: did you mean {' or '.join(near)}? See mids-convert --list")
