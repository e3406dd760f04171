"""What is different between two versions of an image: its pixels, or only what stands around them."""

from pathlib import Path
from typing import Any, Literal

import nibabel as nib
import numpy as np
import numpy.typing as npt
from nibabel.filebasedimages import ImageFileError
from PIL import Image, UnidentifiedImageError

from mids.dataset.disk.heads import NiftiHead, check_claim, nifti_head, png_head
from mids.dataset.disk.whole import PIXELS, content_digest, read_voxels
from mids.errors import DataError

Difference = Literal["pixels", "header", "packing"]
"""Other values or another grid of them; another header; the same content, compressed or stored in another way."""

VOXELS = 1 << 20
"""Voxels that are compared at a time."""

_BROKEN = (ImageFileError, UnidentifiedImageError, EOFError, SyntaxError, ValueError, OverflowError, MemoryError)


def difference(old: Path, new: Path) -> tuple[Difference, DataError | None]:
    """How two files of one name whose bytes differ are different; what can't be read counts as other pixels.

    With it why the new one, or else the old one, can't be read.
    """
    try:
        if old.name.endswith((".nii", ".nii.gz")):
            return _volume(old, new), None
        if old.name.casefold().endswith(".png"):
            return _png(old, new), None
        return _picture(old, new), None
    except DataError as error:
        return "pixels", error
    except (Image.DecompressionBombError, FileNotFoundError):  # the second of a link whose content was not fetched
        return "pixels", None
    except (*_BROKEN, OSError) as error:
        return "pixels", DataError("IMAGE_CORRUPT", f"the image can't be read ({type(error).__name__})")


def _volume(old: Path, new: Path) -> Difference:
    """Values as the header scales them; the affine, units and texts are header."""
    heads = nifti_head(new), nifti_head(old)
    for head in heads:
        check_claim(head)
    if heads[0].shape != heads[1].shape or not _have_same_values(new, old, heads):
        return "pixels"
    one: Any = nib.load(old)
    two: Any = nib.load(new)
    return "packing" if one.header == two.header and one.header.extensions == two.header.extensions else "header"


def _have_same_values(one: Path, two: Path, heads: tuple[NiftiHead, NiftiHead]) -> bool:
    """Whether all voxels are equal; a few of each are in memory at a time."""
    is_same = len({(head.order, head.datatype, head.scaling) for head in heads}) == 1
    pairs = zip(read_voxels(one, heads[0], VOXELS), read_voxels(two, heads[1], VOXELS), strict=True)
    for left, right in pairs:
        if is_same and left == right:
            continue
        first, second = _scaled(left, heads[0], raw=is_same), _scaled(right, heads[1], raw=is_same)
        is_float = all(np.issubdtype(each.dtype, np.inexact) for each in (first, second))
        if not np.array_equal(first, second, equal_nan=is_float):
            return False
    return True


def _scaled(data: bytes, head: NiftiHead, *, raw: bool) -> npt.NDArray[Any]:
    """Voxels as numbers, scaled as the header says unless `raw`."""
    dtype: Any = nib.nifti1.data_type_codes.dtype[head.datatype]
    if not dtype.itemsize:
        raise DataError("NIFTI_INVALID", "volumes of bits are not compared")
    values = np.frombuffer(data, dtype.newbyteorder(head.order))
    slope, intercept = head.scaling
    if raw or dtype.fields or (slope, intercept) == (1.0, 0.0):
        return values
    return values * slope + intercept


def _png(old: Path, new: Path) -> Difference:
    """As `_picture`; one that is too large to be decoded is compared by its scan lines."""
    heads = png_head(new), png_head(old)
    for head in heads:
        check_claim(head)
    if max(head.rows * head.columns for head in heads) <= PIXELS:
        return _picture(old, new)
    return "header" if content_digest(old) == content_digest(new) else "pixels"


def _picture(old: Path, new: Path) -> Difference:
    """Modes and values; everything else of the file (texts, resolution, colour profile) is header."""
    with Image.open(old) as one, Image.open(new) as two:
        facts = [image.info for image in (one, two)]
        if one.mode != two.mode or not np.array_equal(np.asarray(one), np.asarray(two)):
            return "pixels"
    return "packing" if facts[0] == facts[1] else "header"
