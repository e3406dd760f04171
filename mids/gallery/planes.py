"""The middle planes of a volume, read slice by slice, as a radiologist looks at them."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt

from mids.dataset.disk.heads import NiftiHead, nifti_head
from mids.dataset.disk.unpacked import open_unpacked
from mids.errors import DataError

Array = npt.NDArray[Any]

NAMES = ("sagittal", "coronal", "axial")
"""The planes by the axis of the world (x, y, z) that they are normal to."""

SHOWN = ("axial", "coronal", "sagittal")
"""The order in which they are shown."""

LETTERS = {"axial": "RLAP", "coronal": "RLSI", "sagittal": "APSI"}
"""What lies at the left, right, top and bottom of each plane."""

# nibabel is only half typed.
_io_orientation: Any = nib.orientations.io_orientation

_RGB = (128, 2304)
"""NIfTI datatypes of coloured pixels (DT_RGB24, DT_RGBA32)."""


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """One plane of an image: `pixels` are (rows, columns) or (rows, columns, 3), the first row on top.

    `size` is its height and width in mm, or in pixels where no size is known. `index` counts from 1 to `count`,
    in the order of the file. `letters` say where its left, right, top and bottom lie in the
    patient; empty where the file does not tell.
    """

    name: str
    pixels: Array
    size: tuple[float, float]
    index: int = 1
    count: int = 1
    letters: str = ""


def middles(shape: Sequence[int]) -> tuple[int, int, int]:
    """The middle of each of the first three axes."""
    i, j, k = (*shape, 1, 1)[:3]
    return i // 2, j // 2, k // 2


def planes(values: Array, head: NiftiHead, at: tuple[int, int, int] | None = None) -> tuple[Plane, ...]:
    """The planes through the voxel `at` of a volume that is in memory; see `planes_and_slices`.

    `values` are of one number a voxel, their axes those of the file.
    """
    at = at or middles(head.shape)
    i, j, k = (*head.shape, 1, 1)[:3]
    frames = values.reshape((i, j, k, -1), order="F")
    shown = frames[..., _shown_frame(head)]
    return turn_planes((shown[at[0]], shown[:, at[1]], shown[:, :, at[2]]), head, at)


def planes_and_slices(
    path: Path, at: tuple[int, int, int] | None = None, slices: Collection[int] = ()
) -> tuple[tuple[Plane, ...], tuple[Plane, ...]]:
    """The planes of a NIfTI through the voxel `at` (its middle, if none is given), axial first, values unscaled.

    With them the planes normal to the third axis of the voxels at the indices `slices`, in the order of the file.

    Of a volume in time the first is taken, of frames without a third axis the middle one. A plane that is one voxel
    wide is left out. Axial and coronal planes have the patient's right on their left side, sagittal ones the front.
    No more than a slice and two planes are held at a time.

    Raises `DataError` (NIFTI_INVALID, NIFTI_TRUNCATED, GZIP_INVALID, IMAGE_CORRUPT), `OSError` where it can't be read.
    """
    head = nifti_head(path)
    at = at or middles(head.shape)
    wanted = {number: np.zeros((0, 0)) for number in sorted(slices)}
    found = turn_planes(_cut(path, head, at, wanted), head, at)
    empty = np.zeros((0, 0))
    others = (turn_planes((empty, empty, cut), head, (*at[:2], number)) for number, cut in wanted.items())
    return found, tuple(plane for each in others for plane in each)


def turn_planes(cuts: Sequence[Array], head: NiftiHead, at: tuple[int, int, int]) -> tuple[Plane, ...]:
    """Planes normal to the first, second and third axis of the voxels, turned to how they are looked at.

    `cuts` are (second, third), (first, third) and (first, second axis), each perhaps with colours behind.
    """
    affine = np.array([*head.affine, (0.0, 0.0, 0.0, 1.0)])
    turns = _orientation(affine)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    is_placed = head.sform > 0 or head.qform > 0
    found = {}
    for axis, cut in enumerate(cuts):
        if min(cut.shape[:2]) < 2:
            continue
        name = NAMES[int(turns[axis, 0])]
        pixels, size = _upright(cut, axis, turns, spacing)
        count = head.shape[axis] if axis < len(head.shape) else 1
        found[name] = Plane(name, pixels, size, at[axis] + 1, count, LETTERS[name] if is_placed else "")
    return tuple(found[name] for name in SHOWN if name in found)


def _orientation(affine: Array) -> Array:
    """For each axis of the voxels the nearest axis of the world, and 1 or -1 for its direction."""
    with np.errstate(all="ignore"):
        turns: Array = _io_orientation(affine)
    is_whole = not np.isnan(turns).any()
    return turns if is_whole else np.array([[0, 1], [1, 1], [2, 1]], dtype=float)


def _upright(cut: Array, axis: int, turns: Array, spacing: Array) -> tuple[Array, tuple[float, float]]:
    """A plane with its top at the first row, and its height and width in mm."""
    across, down = (other for other in range(3) if other != axis)
    if turns[across, 0] > turns[down, 0]:
        cut, across, down = cut.swapaxes(0, 1), down, across
    # Now along x (or y in sagittal planes) first; to be shown from its far end, and so the other axis.
    cut = cut[::-1] if turns[across, 1] > 0 else cut
    cut = cut[:, ::-1] if turns[down, 1] > 0 else cut
    pixels = cut.swapaxes(0, 1)
    height, width = (pixels.shape[0] * float(spacing[down]), pixels.shape[1] * float(spacing[across]))
    if not (math.isfinite(height * width) and height > 0 and width > 0):
        height, width = float(pixels.shape[0]), float(pixels.shape[1])
    return pixels, (height, width)


# --- reading ---------------------------------------------------------------------------------------------


def _cut(path: Path, head: NiftiHead, at: tuple[int, int, int], slices: dict[int, Array]) -> tuple[Array, Array, Array]:
    """The planes through `at` normal to the first, second and third axis, in the order of the file.

    The values of `slices` become the planes normal to the third axis at their keys.
    """
    i, j, k = (*head.shape, 1, 1)[:3]
    dtype, colours = _dtype(head)
    length = i * j * colours * dtype.itemsize
    across = np.zeros((2, max(i, j), k, colours), dtype)
    middle = np.zeros((i, j, colours), dtype)
    with open_unpacked(path) as stream:
        stream.seek(head.offset + _shown_frame(head) * length)
        for number in range(k):
            data = stream.read(length)
            if len(data) < length:
                raise DataError("NIFTI_TRUNCATED", "the volume ends before its end")
            plane = np.frombuffer(data, dtype).reshape(j, i, colours).swapaxes(0, 1)
            across[0, :j, number], across[1, :i, number] = plane[at[0]], plane[:, at[1]]
            if number == at[2]:
                middle = plane
            if number in slices:
                slices[number] = plane[..., 0] if colours == 1 else plane[..., :3]
    cuts = across[0, :j], across[1, :i], middle
    if colours == 1:
        return cuts[0][..., 0], cuts[1][..., 0], cuts[2][..., 0]
    return cuts[0][..., :3], cuts[1][..., :3], cuts[2][..., :3]


def _shown_frame(head: NiftiHead) -> int:
    """Of frames the middle one, of volumes in time the first."""
    return math.prod(head.shape[3:]) // 2 if len(head.shape) < 3 or head.shape[2] == 1 else 0


def _dtype(head: NiftiHead) -> tuple[np.dtype[Any], int]:
    """The type of a value and how many values a voxel has."""
    if head.datatype in _RGB:
        return np.dtype(np.uint8), head.bitpix // 8
    dtype: Any = nib.nifti1.data_type_codes.dtype[head.datatype]
    if dtype.kind == "c" or not dtype.itemsize:
        raise DataError("NIFTI_INVALID", "volumes of complex numbers or bits are not shown")
    return np.dtype(dtype.newbyteorder(head.order)), 1
