"""The .bval and .bvec of a diffusion volume, which dcm2niix derives, in the order of the delivered volumes."""

from pathlib import Path

import numpy as np

from mids.actions.volumes.comparison import holds, open_voxels, scale
from mids.actions.volumes.dcm2niix import Converted
from mids.actions.volumes.stack import Stack
from mids.dataset.disk.heads import nifti_head
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
    """For each of our volumes the one of dcm2niix's that has the same slices, all of them."""
    head, voxels = nifti_head(theirs), open_voxels(theirs, "r")
    alike: list[list[int]] = [list(range(stack.volumes)) for _ in range(stack.volumes)]
    if voxels.ndim == 4 and voxels.shape[2:] == (stack.slices, stack.volumes):
        for volume, k, plane in stack.planes():
            alike[volume] = [n for n in alike[volume] if holds(voxels[:, ::-1, k, n].T, scale(head), plane)]
    if sorted(numbers[0] for numbers in alike if len(numbers) == 1) != list(range(stack.volumes)):
        message = "dcm2niix's volumes differ from the slices, and which b-value belongs to which can't be told"
        raise DataError("CONVERTER_FAILED", message)
    return [numbers[0] for numbers in alike]
