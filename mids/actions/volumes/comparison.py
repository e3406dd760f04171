"""Compares a NIfTI volume with the files that it was made of: the values and the place of every slice."""

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt

from mids.actions.volumes.stack import Stack, Survey, misplaced
from mids.readers.dicom.planes import Plane

Values = npt.NDArray[Any]

_SINGLE = 2.0**-22
"""A few roundings to single precision, in which NIfTI keeps the slope, the intercept and the affine."""


def compare(path: Path, stack: Stack, survey: Survey) -> str:
    """In what a volume differs from its files, empty where it does not; the planes that were read are surveyed.

    Raises `DataError` where a plane can't be read (see `Stack.planes`).
    """
    image: Any = nib.load(path)
    voxels: Values = np.asanyarray(image.dataobj.get_unscaled())
    if voxels.dtype.fields or voxels.ndim > 4:
        return f"its shape is {voxels.shape} and its type {voxels.dtype}"
    voxels = voxels.reshape((*voxels.shape, 1, 1)[:4])
    if voxels.shape[2:] != (stack.slices, stack.volumes):
        return f"it has {voxels.shape[2]} slices and {voxels.shape[3]} volumes, not {stack.slices} and {stack.volumes}"
    scale = float(image.dataobj.slope), float(image.dataobj.inter)
    for volume, k, plane in stack.planes():
        survey.add(plane)
        if plane.values.shape != (voxels.shape[1], voxels.shape[0]):
            return f"a slice of {plane.values.shape} pixels became one of {voxels.shape[1::-1]}"
        if not holds(voxels[:, ::-1, k, volume].T, scale, plane):
            return f"the voxels of slice {k + 1} of volume {volume + 1} are not its pixels"
    off = misplaced(survey.places, image.affine, stack.slices, voxels.shape[1], voxels.shape[0])
    return "" if off is None else f"slice {off % stack.slices + 1} does not lie where its header puts it"


def holds(found: Values, scale: tuple[float, float], plane: Plane) -> bool:
    """Whether voxels (rows, columns), times the slope plus the intercept, are the real values of a plane.

    They may differ by what single precision rounds off: relative to the largest value, thus to the slice's own slope.
    """
    values = plane.values
    own = (plane.slope, plane.intercept)
    is_scaled_alike = all(abs(a - b) <= _SINGLE * abs(b) for a, b in zip(scale, own, strict=True))
    if found.dtype.kind in "iu" and is_scaled_alike:
        return _is_equal(found, values)
    with np.errstate(invalid="ignore"):
        apart = np.abs(found * scale[0] + scale[1] - plane.real).max()
    bound = _SINGLE * (abs(own[0]) * max(abs(float(values.min())), abs(float(values.max()))) + abs(own[1]))
    return bool(apart <= bound)


def _is_equal(found: Values, values: Values) -> bool:
    """Whether integers are equal; of one size they are compared as bits, which is several times faster."""
    if found.dtype.itemsize != values.dtype.itemsize:
        return bool(np.array_equal(found, values))
    bits = values.view(f"u{values.dtype.itemsize}")
    if found.dtype.kind != values.dtype.kind and int(bits.max()) >> (8 * bits.dtype.itemsize - 1):
        return False
    return bool(np.array_equal(found.view(bits.dtype), bits))
