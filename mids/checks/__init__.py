"""The rules, as small functions: names, layout, sidecars, images, tables, references, privacy.

A new check is a function in one of these modules; a new module is one more line below.
"""

from mids.checks import images, layout, names, privacy, references, sidecars, tables
from mids.checks.registry import CHECKS, Check, Finding, check
from mids.checks.views import DatasetView, FileView

__all__ = [
    "CHECKS",
    "Check",
    "DatasetView",
    "FileView",
    "Finding",
    "check",
    "images",
    "layout",
    "names",
    "privacy",
    "references",
    "sidecars",
    "tables",
]
