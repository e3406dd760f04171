"""What is different between two versions of an image: its pixels, or only what stands around them."""

import zlib
from pathlib import Path
from typing import Any, Literal

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from PIL import Image, UnidentifiedImageError

Difference = Literal["pixels", "header", "packing"]
"""Other values or another grid of them; another header; the same content, compressed or stored in another way."""

_BROKEN = (ImageFileError, UnidentifiedImageError, OSError, EOFError, SyntaxError, ValueError, zlib.error)


def difference(old: Path, new: Path) -> Difference:
    """How two files of one name whose bytes differ are different; what can't be read counts as other pixels."""
    try:
        if old.name.endswith((".nii", ".nii.gz")):
            return _volume(old, new)
        return _picture(old, new)
    except _BROKEN:
        return "pixels"


def _volume(old: Path, new: Path) -> Difference:
    """Values as the header scales them; the affine, units and texts are header."""
    one: Any = nib.load(old)
    two: Any = nib.load(new)
    if one.shape != two.shape or not _same_values(one, two):
        return "pixels"
    return "packing" if one.header == two.header and one.header.extensions == two.header.extensions else "header"


def _same_values(one: Any, two: Any) -> bool:
    """Whether all voxels are equal."""
    first, second = one.dataobj, two.dataobj
    if (first.dtype, first.slope, first.inter) == (second.dtype, second.slope, second.inter):
        return bool(np.array_equal(first.get_unscaled(), second.get_unscaled(), equal_nan=_is_float(first)))
    return bool(np.array_equal(np.asarray(first), np.asarray(second)))


def _is_float(data: Any) -> bool:
    return bool(np.issubdtype(data.dtype, np.inexact))


def _picture(old: Path, new: Path) -> Difference:
    """Modes and values; everything else of the file (texts, resolution, colour profile) is header."""
    with Image.open(old) as one, Image.open(new) as two:
        facts = [image.info for image in (one, two)]
        if one.mode != two.mode or not np.array_equal(np.asarray(one), np.asarray(two)):
            return "pixels"
    return "packing" if facts[0] == facts[1] else "header"
