"""Puts a volume together from the slices of its files, where dcm2niix makes none or another one of them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mids.actions.volumes.regrid import regular
from mids.actions.volumes.stack import Stack, Survey, affine, is_placed, misplaced
from mids.errors import DataError
from mids.readers.dicom.planes import Plane
from mids.records import Geometry

Values = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]


def assemble(stack: Stack, target: Path, step: float = 0.0) -> None:
    """Writes a stack as an uncompressed NIfTI, rows from the bottom as dcm2niix stores them; `step` in s.

    A stack that is tilted or uneven is put on a regular grid. Raises `DataError` of what the planes are read with,
    ``RESCALE_CONTRADICTED`` and ``GEOMETRY_IRREGULAR``.
    """
    survey = Survey()
    for _, _, plane in stack.planes():
        survey.add(plane)
        if plane.values.dtype.kind in "iu":  # real numbers may be none at all
            survey.top = max(survey.top, int(plane.values.max()))
        survey.largest = max(survey.largest, float(np.abs(plane.real).max()))
        shape = plane.values.shape
    survey.check()
    if len(survey.places) != stack.slices * stack.volumes:
        message = f"{len(survey.places)} slices were read, and {stack.slices * stack.volumes} announced"
        raise DataError("FRAMES_CONTRADICTED", message)
    scale = survey.scales.pop() if len(survey.scales) == 1 else None
    kind = _kind(survey) if scale else _float(survey)
    if stack.shape.problem:
        _write_regular(stack, target, kind, scale, step)
        return
    grid = _straight(survey, stack, shape[0])
    size = (shape[1], shape[0], stack.slices, stack.volumes)
    with target.open("wb") as stream:
        stream.write(_header(size, kind, grid, scale, step))
        for _, _, plane in stack.planes():
            stream.write(_voxels(plane, kind, scale).tobytes())


def _kind(survey: Survey) -> np.dtype[Any]:
    """The type of voxels that are stored values: signed 16 bits, which all programs read, where they fit."""
    if survey.kinds == {"<u2"} and survey.top < 1 << 15:
        return np.dtype("<i2")
    return np.result_type(*survey.kinds).newbyteorder("<")


def _float(survey: Survey) -> np.dtype[Any]:
    """The type of voxels that are real values: single precision, unless that would round off whole grey levels."""
    finest = min(abs(slope) for slope, _ in survey.scales)
    return np.dtype("<f4" if survey.largest * 2.0**-24 < 0.1 * finest else "<f8")


def _voxels(plane: Plane, kind: np.dtype[Any], scale: object) -> Values:
    """The voxels of a plane (rows from the bottom, columns)."""
    return np.ascontiguousarray((plane.values if scale else plane.real)[::-1], kind)


def _straight(survey: Survey, stack: Stack, rows: int) -> Floats:
    """The affine of a stack that is straight and even; raises `DataError` ``GEOMETRY_IRREGULAR`` where it is not."""
    places = survey.places
    if not all(is_placed(place) for place in places):
        raise DataError("GEOMETRY_IRREGULAR", "nothing says where the slices lie (ImagePositionPatient)")
    grid = affine(places[: stack.slices], rows)
    if not np.linalg.det(grid[:3, :3]):
        raise DataError("GEOMETRY_IRREGULAR", "all slices lie at one place, or their orientation spans no plane")
    off = misplaced(places, grid, stack.slices, rows)
    if off is not None:
        message = f"slice {off % stack.slices + 1} lies beside the line on which the others lie"
        raise DataError("GEOMETRY_IRREGULAR", message)
    return grid


def _write_regular(
    stack: Stack, target: Path, kind: np.dtype[Any], scale: tuple[float, float] | None, step: float
) -> None:
    """Each volume on a regular grid, one after the other."""
    if not stack.shape.positions or len(stack.shape.spacing) < 2 or stack.shape.problem == "unknown":
        message = f"the slices are {stack.shape.problem} and can't be put on a regular grid"
        raise DataError("GEOMETRY_IRREGULAR", message)
    volume: list[Values] = []
    with target.open("wb") as stream:
        for number, k, plane in stack.planes():
            volume.append(_voxels(plane, kind, scale).T)
            if k < stack.slices - 1:
                continue
            grid = regular(np.stack(volume, axis=2), _shape(stack))
            volume.clear()
            if number == 0:
                stream.write(_header((*grid.voxels.shape, stack.volumes), kind, grid.affine, scale, step))
            stream.write(grid.voxels.tobytes(order="F"))


def _shape(stack: Stack) -> Geometry:
    return replace(stack.shape, slices=stack.slices)


def _header(
    size: tuple[int, ...], kind: np.dtype[Any], grid: Floats, scale: tuple[float, float] | None, step: float
) -> bytes:
    """The 352 bytes before the voxels of a single-file NIfTI-1, of three dimensions where there is one volume."""
    import nibabel as nib  # as long to load as all small volumes take to make

    header: Any = nib.Nifti1Header(endianness="<")  # type: ignore[no-untyped-call]
    header.set_data_dtype(kind)
    header.set_data_shape(size if size[3] > 1 else size[:3])
    header.set_qform(grid, 1)
    header.set_sform(grid, 1)
    zooms = np.sqrt((grid[:3, :3] ** 2).sum(axis=0))
    header.set_zooms((*zooms, step) if size[3] > 1 else zooms)
    header.set_xyzt_units("mm", "sec")
    header.set_slope_inter(*(scale or (1.0, 0.0)))
    header["vox_offset"] = 352
    header["magic"] = b"n+1"
    return bytes(header.binaryblock) + bytes(4)
