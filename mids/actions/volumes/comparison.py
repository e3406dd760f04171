"""Compares a NIfTI volume with the files that it was made of: the values and the place of every slice."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from mids.actions.volumes.stack import Stack, Survey, affine, is_placed, misplaced
from mids.dataset.disk.facts import stored_type
from mids.dataset.disk.heads import NiftiHead, nifti_head
from mids.errors import DataError
from mids.readers.dicom.planes import Place, Plane

Values = npt.NDArray[Any]

_SINGLE = 2.0**-22
"""A few roundings to single precision, in which NIfTI keeps the slope, the intercept and the affine."""


_DRIFT = 0.005
"""Distances of slices by which the first and the last one may lie beside their places."""


def compare(path: Path, stack: Stack, survey: Survey) -> str:
    """In what a volume differs from its files, empty where it does not; the planes that were read are surveyed.

    Raises `DataError` where a plane can't be read (see `Stack.planes`).
    """
    head = nifti_head(path)
    kind, shape = stored_type(head), (*head.shape, 1, 1)[:4]
    if kind is None or not 2 <= len(head.shape) <= 4:
        return f"its shape is {head.shape} and its type {head.datatype}"
    if shape[2:] != (stack.slices, stack.volumes):
        return f"it has {shape[2]} slices and {shape[3]} volumes, not {stack.slices} and {stack.volumes}"
    columns, rows = shape[:2]
    slices = _slices(path, head.offset, np.empty((rows, columns), kind))
    for volume, k, plane in stack.planes():
        found = next(slices, None)
        survey.add(plane)
        if plane.values.shape != (rows, columns):
            return f"a slice of {plane.values.shape} pixels became one of {(rows, columns)}"
        if found is None or not holds(found, scale(head), plane):
            return f"the voxels of slice {k + 1} of volume {volume + 1} are not its pixels"
    if len(survey.places) != stack.slices * stack.volumes:
        return f"it has {stack.slices * stack.volumes} slices, and {len(survey.places)} were read"
    grid = np.array((*head.affine, (0, 0, 0, 1)))
    off = misplaced(survey.places, grid, stack.slices, rows)
    if off is not None:
        return f"slice {off % stack.slices + 1} does not lie where its header puts it"
    return _drift(survey.places[: stack.slices], grid, rows)


def _drift(places: Sequence[Place], found: Values, rows: int) -> str:
    """Whether the first or the last slice of an affine lies beside that of the affine that fits all positions.

    dcm2niix measures the distance of slices between the first two. Where positions have few digits, that is off by
    some percent, and the slices drift away from their places, one after the other.
    """
    last = len(places) - 1
    if last < 2 or not all(map(is_placed, places)):
        return ""
    fitting = affine(places, rows)
    if not np.linalg.det(fitting[:3, :3]):
        return ""
    ends = np.linalg.inv(fitting) @ found @ np.array([[0, 0, 0, 1], [0, 0, last, 1]]).T
    is_off = np.abs(ends[2] - (0, last)).max() > _DRIFT
    return "the distance of its slices is not that of their positions" if is_off else ""


def scale(head: NiftiHead) -> tuple[float, float]:
    """Slope and intercept of a volume; a slope of 0 says that there are none (nifti1.h, scl_slope)."""
    return (head.slope, head.intercept) if head.slope and math.isfinite(head.slope) else (1.0, 0.0)


def open_voxels(path: Path, mode: Literal["r", "r+"]) -> Values:
    """The voxels of an uncompressed volume as they are stored, in the file itself."""
    head = nifti_head(path)
    kind = stored_type(head)
    if kind is None:
        raise DataError("PIXELS_UNREADABLE", f"a volume of voxels of type {head.datatype}")
    return np.memmap(path, kind, mode, head.offset, head.shape, "F")


def _slices(path: Path, offset: int, buffer: Values) -> Iterator[Values]:
    """The slices of a NIfTI one after the other, as (rows, columns) in the order of DICOM, all in one buffer."""
    view = buffer.data.cast("B")
    with path.open("rb", buffering=0) as stream:
        stream.seek(offset)
        while stream.readinto(view) == len(view):
            yield buffer[::-1]


def holds(found: Values, scale: tuple[float, float], plane: Plane) -> bool:
    """Whether voxels (rows, columns), times the slope plus the intercept, are the real values of a plane.

    They may differ by what single precision rounds off: relative to the largest value, thus to the slice's own slope.
    """
    values = plane.values
    own = (plane.slope, plane.intercept)
    is_scaled_alike = all(abs(a - b) <= _SINGLE * abs(b) for a, b in zip(scale, own, strict=True))
    if found.dtype.kind in "iu" and values.dtype.kind in "iu" and is_scaled_alike:
        return _is_equal(found, values)
    with np.errstate(invalid="ignore"):
        apart = np.abs(found * scale[0] + scale[1] - plane.real).max()
    bound = _SINGLE * (abs(own[0]) * max(abs(float(values.min())), abs(float(values.max()))) + abs(own[1]))
    return bool(apart <= bound)


def _is_equal(found: Values, values: Values) -> bool:
    """Whether integers are equal; of one size they are compared as words of 64 bits, which is several times faster."""
    size = values.dtype.itemsize
    if found.dtype.itemsize != size:
        return bool(np.array_equal(found, values))
    if found.dtype.kind != values.dtype.kind and int(values.view(f"u{size}").max()) >> (8 * size - 1):
        return False
    word = f"u{math.gcd(8, values.shape[1] * size)}"
    return bool(np.array_equal(found.view(word), np.ascontiguousarray(values).view(word)))
