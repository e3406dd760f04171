"""The rules, as small functions, and nothing else: a folder for each family (names have one module).

A new check is a function in one of these modules; a new module is one more line in its family's `__init__.py`. The
family `claims` runs on request only.
"""

from mids.checks import bids, claims, images, labels, layout, names, privacy, references, sidecars, tables
from mids.inspection.registry import CHECKS, Check, Finding, check
from mids.inspection.views import DatasetView, FileView

__all__ = [
    "CHECKS",
    "Check",
    "DatasetView",
    "FileView",
    "Finding",
    "bids",
    "check",
    "claims",
    "images",
    "labels",
    "layout",
    "names",
    "privacy",
    "references",
    "sidecars",
    "tables",
]  # fmt: skip
