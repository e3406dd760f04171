"""Contours from DICOM RT Structure Sets (PS3.3 C.8.8.5 and C.8.8.6): points in mm, put onto the slices they name."""

from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from pydicom.dataset import Dataset

from mids.errors import DataError
from mids.readers.dicom.headers import read_header
from mids.readers.dicom.values import BROKEN
from mids.records import Geometry


@dataclass(frozen=True, slots=True)
class Contour:
    """One closed contour: `points` are x, y, z in mm (LPS); `instance` is the image it names, or empty."""

    label: str
    instance: str
    points: tuple[tuple[float, float, float], ...]
    problem: str = ""


def read(stream: BinaryIO) -> list[Contour]:
    """Every contour of a structure set, in the order of its regions.

    Raises `DataError` ``ANNOTATIONS_INVALID`` for a file that is none.
    """
    dataset = read_header(stream)
    try:
        names = {int(roi.ROINumber): str(roi.get("ROIName", "")).strip() for roi in dataset.StructureSetROISequence}
        found = []
        for roi in dataset.ROIContourSequence:
            label = names.get(int(roi.ReferencedROINumber), "")
            found += [_contour(label, item) for item in roi.get("ContourSequence", [])]
    except BROKEN as error:
        message = f"the structure set can't be read ({type(error).__name__})"
        raise DataError("ANNOTATIONS_INVALID", message) from error
    return found


def _contour(label: str, item: Dataset) -> Contour:
    images = item.get("ContourImageSequence", [])
    instance = str(images[0].get("ReferencedSOPInstanceUID", "")) if images else ""
    kind = str(item.get("ContourGeometricType", ""))
    if kind not in ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR"):
        return Contour(label, instance, (), f"a contour of type {kind or 'n/a'}, which is not an outline")
    numbers = [float(value) for value in item.get("ContourData", [])]
    if len(numbers) % 3 or len(numbers) < 9:
        return Contour(label, instance, (), "an outline of fewer than 3 whole points")
    points = [(numbers[i], numbers[i + 1], numbers[i + 2]) for i in range(0, len(numbers), 3)]
    return Contour(label, instance, tuple(points))


def on_slice(
    contour: Contour, shape: Geometry, corner: tuple[float, ...], *, tolerance: float = 0.5
) -> tuple[tuple[float, float], ...] | None:
    """A contour as (column, row) of the slice whose first pixel's centre lies at `corner` (LPS mm).

    Whole numbers are centres of pixels (PS3.3 C.7.6.2.1.1). None where a point lies farther than `tolerance` mm from
    the slice's plane, or the slice's place is not known.
    """
    if len(shape.orientation) != 6 or len(shape.spacing) < 2 or len(corner) != 3:
        return None
    along_row, along_column = np.array(shape.orientation[:3]), np.array(shape.orientation[3:])
    offsets = np.array(contour.points) - np.array(corner)
    if np.abs(offsets @ np.cross(along_row, along_column)).max() > tolerance:
        return None
    columns = offsets @ along_row / shape.spacing[1]
    rows = offsets @ along_column / shape.spacing[0]
    return tuple((round(float(x), 4), round(float(y), 4)) for x, y in zip(columns, rows, strict=True))
