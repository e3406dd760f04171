"""One module for each source collection: `ABOUT`, and `read`, which knows its source and nothing of MIDS paths.

Found by listing this package and by entry points of the group ``mids.collections``. A family of collections that share
their readers is a package whose modules begin with its name: ``bimcv/bimcv_covid19.py`` is ``bimcv-covid19``. Others of
the family stand in its ``COLLECTIONS``: ``bimcv/padchest.py`` is ``padchest``.
"""

from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.metadata import entry_points
from itertools import islice
from pathlib import Path
from pkgutil import iter_modules
from typing import Protocol

from mids.errors import MidsError, advise
from mids.readers.archives.files import walk
from mids.readers.dicom.scan import PLAIN, Scanner
from mids.records import About, Item

AUTO = "auto"
"""In place of a collection's name: the one that recognises the source."""

_SAMPLE = 64
"""Files whose headers are read to recognise a source; its conversion looks at all of them."""


class Collection(Protocol):
    """What a collection's module offers.

    A public collection, whose ids and facts are published as they are, also has ``recognise(root, scanner, sources)``:
    what is missing for `root` to prove that it is this collection, empty if nothing is. Its `read` refuses what is not.
    """

    ABOUT: About

    def read(self, root: Path, scanner: Scanner = ...) -> Iterator[Sequence[Item]]:
        """The items below `root`, patient by patient; what belongs to no patient comes in a sequence of its own."""


def _modules() -> dict[str, str]:
    """The modules of our own collections by the names of these."""
    found: dict[str, str] = {}
    for module in iter_modules(__path__):
        inner = iter_modules([str(Path(__path__[0]) / module.name)]) if module.ispkg else ()
        more = getattr(import_module(f"{__name__}.{module.name}"), "COLLECTIONS", ()) if module.ispkg else ()
        family = [one.name for one in inner if one.name.startswith(f"{module.name}_") or one.name in more]
        found |= {name.replace("_", "-"): f"{__name__}.{module.name}.{name}" for name in family}
        if not family:
            found[module.name.replace("_", "-")] = f"{__name__}.{module.name}"
    return found


def names() -> list[str]:
    """The names of all collections, sorted."""
    return sorted({*_modules(), *(entry.name for entry in entry_points(group="mids.collections"))})


def find(name: str) -> Collection:
    """The collection of that name; raises `MidsError` with the advise names where there is none."""
    if own := _modules().get(name):
        module: Collection = import_module(own)
        return module
    for entry in entry_points(group="mids.collections"):
        if entry.name == name:
            loaded: Collection = entry.load()
            return loaded
    raise MidsError(f"unknown collection {name!r}: {advise(name, names())} (mids-convert --list)")


def recognise_source(root: Path) -> str:
    """The name of the collection that a source proves to be, `dicom` where it proves none.

    Raises `MidsError` where `root` is absent, or proves to be several.
    """
    sample = list(islice(walk(root), _SAMPLE))
    fitting = []
    for name in names():
        recognise = getattr(find(name), "recognise", None)
        if recognise is not None and not recognise(root, PLAIN, sample):
            fitting.append(name)
    if len(fitting) > 1:
        raise MidsError(f"{root} may be {' or '.join(fitting)}: name the collection")
    return fitting[0] if fitting else "dicom"
