"""Datasets (`targets`) and the vocabulary (`export_schema`) in the forms of other programs."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mids.exports.vocabulary import KINDS, Kind, export_schema

__all__ = ["KINDS", "Kind", "export_schema"]


def __getattr__(name: str) -> object:
    """The vocabulary's exports load pybids: only when one is asked for."""
    if name in __all__:
        return getattr(import_module("mids.exports.vocabulary"), name)
    raise AttributeError(f"module 'mids.exports' has no attribute {name!r}")
