"""Where the voxels of images lie, by their heads, and whether two images lie on one grid."""

import math
import zlib
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from mids.dataset.disk.heads import NiftiHead, PngHead, Rows, nifti_head, png_head
from mids.errors import DataError

NEAR = 0.1
"""Voxels that the first voxels of a segmentation and its image may lie apart: rounding of the affine."""
FAR = 0.25
"""Voxels that any other corners may: rounding of the voxel size, 512 times."""


def find_affine(head: NiftiHead) -> Rows:
    """The voxel-to-world rows (mm, RAS); where the header states none, around the middle and flipped, as nibabel has
    them."""
    if head.sform > 0 or head.qform > 0:
        return head.affine
    x, y, z = (*head.spacing, 1.0, 1.0)[:3]
    i, j, k = ((side - 1) / 2 for side in (*head.shape, 1, 1)[:3])
    return (-x, 0.0, 0.0, i * x), (0.0, y, 0.0, -j * y), (0.0, 0.0, z, -k * z)


def affines_agree(one: NiftiHead, other: NiftiHead) -> bool:
    """Whether the eight corners of two volumes of one shape lie at the same places, up to rounding."""
    size = min((abs(s) for s in other.spacing[:3] if s), default=1.0)
    ends = [(0, length - 1) for length in (*other.shape[:3], 1, 1)[:3]]
    for corner in product(*ends):
        distance = math.dist(_place(one, corner), _place(other, corner))
        if not distance <= (FAR if any(corner) else NEAR) * size:
            return False
    return True


def cover_the_same(one: NiftiHead, other: NiftiHead) -> bool:
    """Whether the corners of two volumes lie at the same places, in whatever order their axes are stored."""
    size = min((abs(s) for s in other.spacing[:3] if s), default=1.0)
    ours, theirs = (
        [_place(head, corner) for corner in product(*((0, length - 1) for length in (*head.shape[:3], 1, 1)[:3]))]
        for head in (one, other)
    )
    is_alike = sorted(one.shape[:3]) == sorted(other.shape[:3])
    return is_alike and all(min(math.dist(place, own) for own in ours) <= FAR * size for place in theirs)


def _place(head: NiftiHead, voxel: Sequence[int]) -> list[float]:
    """Where a voxel lies, in mm."""
    return [sum(a * v for a, v in zip(row, (*voxel, 1), strict=True)) for row in find_affine(head)]


def check_grid(image: tuple[Path, str], mask: tuple[Path, str]) -> None:
    """Refuses a segmentation on another grid than its image; each is a file, and what errors call it.

    A file whose head can't be read is passed over: whoever loads it says so. Raises `DataError` (MASK_GRID).
    """
    one, other = _read_head(*mask), _read_head(*image)
    if one is None or other is None:
        return
    if isinstance(one, NiftiHead) and isinstance(other, NiftiHead):
        agree = (*one.shape, 1, 1)[:3] == (*other.shape, 1, 1)[:3] and affines_agree(one, other)
    else:
        agree = type(one) is type(other) and _list_sides(one) == _list_sides(other)
    if not agree:
        message = f"{mask[1]} lies on another grid than its image, {image[1]}: resample it onto the image's grid"
        raise DataError("MASK_GRID", message)


def _list_sides(head: NiftiHead | PngHead) -> tuple[int, ...]:
    return (head.rows, head.columns) if isinstance(head, PngHead) else head.shape


def _read_head(path: Path, shown: str) -> NiftiHead | PngHead | None:
    try:
        if shown.endswith((".nii", ".nii.gz")):
            return nifti_head(path)
        return png_head(path) if shown.casefold().endswith(".png") else None
    except (OSError, EOFError, zlib.error, DataError):
        return None
