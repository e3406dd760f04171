"""Questions about a file that decide whether a group of checks runs at all: asked once of each file."""

from mids.dataset.disk.contents import Tail
from mids.dataset.disk.heads import NiftiHead, PngHead
from mids.errors import DataError
from mids.inspection.registry import of_name, only_if
from mids.inspection.views import FileView


def is_named_png(image: FileView) -> bool:
    """Whether an image is a PNG by its name."""
    return image.extension == ".png"


def is_named_nifti(image: FileView) -> bool:
    """Whether an image is a NIfTI file by its name."""
    return image.extension != ".png"


def is_of_bids(file: FileView) -> bool:
    """Whether a file is a part that BIDS's rules are for."""
    return file.is_bids


@only_if(lambda file: file.shape.is_doubtful(folder=file.is_folder))
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


@only_if(is_named_nifti)
def is_nifti(image: FileView) -> bool:
    """Whether an image is a NIfTI file whose head can be read."""
    return isinstance(image.head, NiftiHead)


@only_if(is_named_png)
def is_png(image: FileView) -> bool:
    """Whether an image is a PNG whose head can be read."""
    return isinstance(image.head, PngHead)


@of_name
def is_mask(image: FileView) -> bool:
    """Whether an image is one of `derivatives/rois`."""
    return image.is_mask


def is_described_table(table: FileView) -> bool:
    """Whether the vocabulary defines a table."""
    return (table.table is not None or table.rule is not None) and table.size > 0


def has_sidecar(image: FileView) -> bool:
    """Whether an image has a sidecar of its own."""
    return image.sidecar is not None


def lacks_sidecar(image: FileView) -> bool:
    """Whether an image has no sidecar of its own."""
    return image.sidecar is None


def is_odd_json(file: FileView) -> bool:
    """Whether a JSON file can't be read, repeats a key, or is no object of keywords and values."""
    document = file.document
    return bool(document.error or document.twice) or (file.kind == "sidecar" and file.layout != "mids")


@only_if(is_named_png)
def is_odd_png(image: FileView) -> bool:
    """Whether a PNG holds more than its pixels, or less."""
    head = image.head
    if not isinstance(head, PngHead):
        return False
    return bool(head.texts or head.trailing or head.transparent or head.animated or not head.complete)


@only_if(is_named_nifti)
def says_more(image: FileView) -> bool:
    """Whether a volume holds texts, extensions, or anything but voxels in its gzip file."""
    head = image.head
    if not isinstance(head, NiftiHead):
        return False
    gzip = head.gzip
    more = gzip and (gzip.name or gzip.comment or gzip.time or gzip.extra)
    return bool(head.texts or head.extensions or head.hidden or more)


def has_a_tail(image: FileView) -> bool:
    """Whether anything follows the last stream of a volume's gzip file, as far as a quick look shows."""
    return isinstance(image.length, Tail) and image.length.trailing > 0


@only_if(is_named_nifti)
def has_wrong_length(image: FileView) -> bool:
    """Whether a volume is longer or shorter than its header says."""
    return image.length_error is not None
