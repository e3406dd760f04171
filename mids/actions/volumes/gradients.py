"""The .bval and .bvec of a diffusion volume, in the order of the delivered volumes.

dcm2niix derives them, also where only a maker's own elements say them. Where it does not (of phase images, of volumes
that it orders otherwise) the attributes of the standard do (PS3.3 C.8.13.5.9).
"""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from mids.actions.volumes.comparison import holds, open_voxels, scale
from mids.actions.volumes.dcm2niix import Converted
from mids.actions.volumes.stack import Stack
from mids.dataset.disk.heads import nifti_head
from mids.errors import DataError
from mids.readers.dicom.decoding import quiet
from mids.readers.dicom.headers import read_header
from mids.readers.dicom.values import BROKEN

_SUFFIXES = (".bval", ".bvec")


def gradients(converted: Converted, path: Path, stack: Stack, scratch: Path) -> list[str]:
    """Writes ``volume.bval`` and ``volume.bvec`` and returns their names.

    Raises `DataError` ``CONVERTER_FAILED`` where nobody says them, or where it can't be told which line of what
    dcm2niix made belongs to which volume.
    """
    theirs = path if path in converted.volumes else next(iter(converted.volumes), path)
    targets = [scratch / f"volume{suffix}" for suffix in _SUFFIXES]
    sources = [theirs.with_suffix(suffix) for suffix in _SUFFIXES]
    if theirs == path and all(source.exists() for source in sources):
        for source, target in zip(sources, targets, strict=True):
            source.rename(target)
        return [target.name for target in targets]
    try:
        tables = _reordered(sources, theirs, stack)
    except DataError:
        tables = _stated(stack)
        if not tables:
            raise
    for target, table in zip(targets, tables, strict=True):
        np.savetxt(target, table, fmt="%g")
    return [target.name for target in targets]


def _reordered(sources: list[Path], theirs: Path, stack: Stack) -> list[npt.NDArray[Any]]:
    absent = next((source.suffix for source in sources if not source.exists()), "")
    if absent:
        raise DataError("CONVERTER_FAILED", f"dcm2niix made no {absent} of a diffusion series")
    order = _order(theirs, stack)
    return [np.loadtxt(source, ndmin=2)[:, order] for source in sources]


def _order(theirs: Path, stack: Stack) -> list[int]:
    """For each of our volumes the one of dcm2niix's that has the same slices, all of them."""
    head, voxels = nifti_head(theirs), open_voxels(theirs, "r")
    alike: list[list[int]] = [list(range(stack.volumes)) for _ in range(stack.volumes)]
    if voxels.ndim == 4 and voxels.shape[2:] == (stack.slices, stack.volumes):
        for volume, k, plane in stack.planes():
            alike[volume] = [n for n in alike[volume] if holds(voxels[:, ::-1, k, n].T, scale(head), plane)]
    if sorted(numbers[0] for numbers in alike if len(numbers) == 1) != list(range(stack.volumes)):
        message = "dcm2niix's volumes differ from the slices, so it is unknown which b-value belongs to which volume"
        raise DataError("CONVERTER_FAILED", message)
    return [numbers[0] for numbers in alike]


def _stated(stack: Stack) -> list[npt.NDArray[Any]]:
    """b-values (1 × volumes) and directions (3 × volumes) as slices state them, the same in all slices of a volume.

    Directions are along columns, rows from the bottom and slices, as volumes are stored (FSL's convention: the
    stored axes are left-handed in the patient, so that no sign changes). Empty where a slice does not state them.
    """
    row, column = np.array(stack.shape.orientation[:3]), np.array(stack.shape.orientation[3:])
    if stack.is_sheet or not len(row):
        return []
    axes = np.array([row, -column, np.cross(row, column)])
    headers: dict[int, Dataset] = {}
    found: dict[int, tuple[float, ...]] = {}
    frames, files = stack.shape.frames, stack.shape.files
    for number, (volume, _) in enumerate(product(range(stack.volumes), range(stack.slices))):
        file = (files[number] if files else 0) if frames else number
        if file not in headers:
            headers = {file: _header(stack.files[file])}
        said = _weighting(headers[file], frames[number] if frames else 0)
        if not said or found.setdefault(volume, said) != said:
            return []
    values = np.array([found[volume] for volume in range(stack.volumes)])
    return [values[:, :1].T, np.round(axes @ values[:, 1:].T, 6) + 0.0]


def _header(path: Path) -> Dataset:
    with path.open("rb") as stream:
        return read_header(stream)


def _weighting(header: Dataset, frame: int) -> tuple[float, ...]:
    """The b-value of a slice and its direction (LPS), zeros where there is none; empty where it is not known."""
    with quiet():
        try:
            groups = header.get("PerFrameFunctionalGroupsSequence")
            holder = groups[frame].MRDiffusionSequence[0] if groups else header
            nested = holder.get("DiffusionGradientDirectionSequence")
            direction = (nested[0] if nested else holder).get("DiffusionGradientOrientation")
            weight = float(holder.DiffusionBValue)
            is_known = direction or not weight or holder.get("DiffusionDirectionality") in ("NONE", "ISOTROPIC")
            return (weight, *map(float, direction or (0, 0, 0))) if is_known else ()
        except BROKEN:
            return ()
