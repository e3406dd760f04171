"""Questions about a file that decide whether a group of checks runs at all: asked once of each file."""

from mids.checks.views import FileView
from mids.errors import DataError
from mids.readers.heads import NiftiHead, PngHead


def has_name_problems(file: FileView) -> bool:
    """Whether anything is wrong with its name or place."""
    return bool(file.name_problems)


def has_identifiers(file: FileView) -> bool:
    """Whether any text in it can identify a person."""
    return bool(file.identifiers)


def has_faults(table: FileView) -> bool:
    """Whether anything is wrong with a cell."""
    return bool(table.faults)


def has_text_problems(table: FileView) -> bool:
    """Whether anything is wrong with the text of a table."""
    return bool(table.rows.problems)


def has_schema_errors(file: FileView) -> bool:
    """Whether anything breaks its JSON Schema."""
    return bool(file.schema_errors)


def is_broken(image: FileView) -> bool:
    """Whether the head of an image can't be read."""
    return isinstance(image.head, DataError)


def is_nifti(image: FileView) -> bool:
    """Whether an image is a NIfTI file whose head can be read."""
    return isinstance(image.head, NiftiHead)


def is_png(image: FileView) -> bool:
    """Whether an image is a PNG whose head can be read."""
    return isinstance(image.head, PngHead)


def is_mask(image: FileView) -> bool:
    """Whether an image is one of `derivatives/rois`."""
    return image.is_mask


def is_plain_bids(image: FileView) -> bool:
    """Whether an image lies in a folder of BIDS, not of MIDS."""
    return image.name is not None and not image.name.group and not image.name.root


def is_described_table(table: FileView) -> bool:
    """Whether the vocabulary defines a table."""
    return table.table is not None and table.size > 0
