"""The .bval and .bvec of a diffusion volume, which dcm2niix derives, in the order of the delivered volumes."""

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from mids.actions.volumes.comparison import holds
from mids.actions.volumes.dcm2niix import Converted
from mids.actions.volumes.stack import Stack
from mids.errors import DataError


def gradients(converted: Converted, path: Path, stack: Stack, scratch: Path) -> list[str]:
    """Writes ``volume.bval`` and ``volume.bvec`` and returns their names.

    Raises `DataError` ``CONVERTER_FAILED`` where dcm2niix made none, or where it can't be told which line of them
    belongs to which volume.
    """
    theirs = path if path in converted.volumes else next(iter(converted.volumes), path)
    names = []
    for suffix in (".bval", ".bvec"):
        found = theirs.with_suffix(suffix)
        if not found.exists():
            raise DataError("CONVERTER_FAILED", f"dcm2niix made no {suffix} of a diffusion series")
        target = scratch / f"volume{suffix}"
        if theirs == path:
            found.rename(target)
        else:
            table = np.loadtxt(found, ndmin=2)[:, _order(theirs, stack)]
            np.savetxt(target, table, fmt="%g")
        names.append(target.name)
    return names


def _order(theirs: Path, stack: Stack) -> list[int]:
    """For each of our volumes the one of dcm2niix's that has the same middle slice."""
    image: Any = nib.load(theirs)
    scale = float(image.dataobj.slope), float(image.dataobj.inter)
    voxels = np.asanyarray(image.dataobj.get_unscaled())
    middle = stack.slices // 2
    order = []
    if voxels.ndim == 4 and voxels.shape[2:] == (stack.slices, stack.volumes):
        for _, k, plane in stack.planes():
            if k == middle:
                pictures = (voxels[:, ::-1, k, number].T for number in range(stack.volumes))
                order.append([n for n, found in enumerate(pictures) if holds(found, scale, plane)])
    if len(order) != stack.volumes or any(len(numbers) != 1 for numbers in order):
        message = "dcm2niix's volumes differ from the slices, and which b-value belongs to which can't be told"
        raise DataError("CONVERTER_FAILED", message)
    return [numbers[0] for numbers in order]
