"""A MIDS dataset on disk as tables and arrays: read-only, nothing is read before it is asked for.

What a table leaves empty or calls `n/a` is missing, and so is what a name does not say.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mids.dataset.disk.folder import DESCRIPTION
    from mids.dataset.imageset import Ref
    from mids.dataset.pixels import Picture, Volume
    from mids.dataset.selection import Choice
    from mids.dataset.tables import read_table
    from mids.dataset.view import Dataset

__all__ = ["DESCRIPTION", "Choice", "Dataset", "Picture", "Ref", "Volume", "read_table"]

_HOMES = {
    "Choice": "selection", "DESCRIPTION": "disk.door", "Dataset": "view", "Picture": "pixels", "Ref": "imageset",
    "Volume": "pixels", "read_table": "tables",
}  # fmt: skip


def __getattr__(name: str) -> object:
    """These load pandas: only for who asks, so that what looks at files alone (`disk`) starts quickly."""
    if name in _HOMES:
        return getattr(import_module(f"mids.dataset.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'mids.dataset' has no attribute {name!r}")
