"""The rules, as small functions: names, layout, sidecars, images, tables, references, labels, privacy; and claims,
which run on request.

A new check is a function in one of these modules; a new module is one more line below. The family of a check is the
name of its module up to an underscore.
"""

from mids.checks import (
    claims,
    images,
    images_pixels,
    images_volumes,
    labels,
    labels_tree,
    layout,
    layout_description,
    names,
    privacy,
    privacy_texts,
    references,
    references_content,
    references_masks,
    sidecars,
    sidecars_values,
    tables,
    tables_cells,
)
from mids.checks.registry import CHECKS, Check, Finding, check
from mids.checks.views import DatasetView, FileView

__all__ = [
    "CHECKS",
    "Check",
    "DatasetView",
    "FileView",
    "Finding",
    "check",
    "claims",
    "images",
    "images_pixels",
    "images_volumes",
    "labels",
    "labels_tree",
    "layout",
    "layout_description",
    "names",
    "privacy",
    "privacy_texts",
    "references",
    "references_content",
    "references_masks",
    "sidecars",
    "sidecars_values",
    "tables",
    "tables_cells",
]
