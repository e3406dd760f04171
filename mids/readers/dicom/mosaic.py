"""Sheets of tiles: Siemens mosaics and UIH grids, which hold all slices of one volume as one picture.

What says how to cut them is private: the CSA header of Siemens (format SV10) and group 0065 of UIH. The layout of both
is not documented by the makers; this follows nibabel's and dcm2niix's descriptions and is compared with dcm2niix.
"""

import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from mids.errors import DataError
from mids.readers.dicom.decoding import quiet
from mids.readers.dicom.headers import read_header
from mids.readers.dicom.planes import Place, Plane, read_planes
from mids.readers.dicom.values import BROKEN
from mids.records import Json

_SIEMENS, _UIH = "MOSAIC", "VFRAME"
"""The value of ImageType that says that the picture is a sheet."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """How a sheet is cut: `across` tiles in a row of tiles, `down` rows, and the place of each slice, tile by tile."""

    across: int
    down: int
    places: tuple[Place, ...]


def is_sheet(header: Mapping[str, Json]) -> bool:
    """Whether a header says that the picture is a sheet of tiles."""
    value = header.get("ImageType")
    parts = value if isinstance(value, list) else [value]
    maker = str(header.get("Manufacturer") or "").upper()
    return _SIEMENS in parts or (_UIH in parts and "UIH" in maker)


def read_sheet(path: Path) -> Sheet | None:
    """How the picture of a file is cut, None where it is no sheet.

    Raises `DataError` ``MOSAIC_UNCUT`` where nothing says how.
    """
    with path.open("rb") as stream, quiet():
        dataset = read_header(stream)
        kinds = [str(part).strip() for part in np.atleast_1d(dataset.get("ImageType") or "")]
        if _SIEMENS in kinds:
            return _siemens(dataset)
        if _UIH in kinds and "UIH" in str(dataset.get("Manufacturer")).upper():
            return _uih(dataset)
    return None


def read_tiles(path: Path, sheet: Sheet) -> Iterator[Plane]:
    """The slices of a sheet, tile by tile."""
    (whole,) = read_planes(path)
    rows, columns = whole.values.shape[0] // sheet.down, whole.values.shape[1] // sheet.across
    for number, place in enumerate(sheet.places):
        top, left = (number // sheet.across) * rows, (number % sheet.across) * columns
        yield replace(whole, values=whole.values[top : top + rows, left : left + columns], place=place)


def _siemens(dataset: Dataset) -> Sheet:
    """A mosaic is square; its position is the corner of the first slice if that were as large as the sheet."""
    tags = _csa(_private(dataset, 0x0029, "SIEMENS CSA HEADER", 0x10))
    count = int(next(iter(tags.get("NumberOfImagesInMosaic", ())), 0))
    normal = np.array(tags.get("SliceNormalVector", ()))
    if count < 1 or len(normal) != 3:
        raise DataError("MOSAIC_UNCUT", "a Siemens mosaic without the part of its CSA header that says how to cut it")
    side = math.ceil(math.sqrt(count))
    rows, columns = _tile(dataset, side, side)
    place = _place(dataset)
    x, y = np.array(place.orientation[:3]), np.array(place.orientation[3:])
    inset = x * place.spacing[1] * columns * (side - 1) / 2 + y * place.spacing[0] * rows * (side - 1) / 2
    points = np.array(place.position) + inset + np.outer(np.arange(count), normal * place.distance)
    return Sheet(side, side, _at(place, points))


def _uih(dataset: Dataset) -> Sheet:
    """A grid is as square as its number of slices lets it be; each slice has an item that holds its position."""
    items = _private(dataset, 0x0065, "Image Private Header", 0x51)
    points = [item.get("ImagePositionPatient") for item in items] if isinstance(items, Sequence) else []
    if not points or not all(point is not None and len(point) == 3 for point in points):
        raise DataError("MOSAIC_UNCUT", "a UIH grid without the private sequence that says where its slices lie")
    across = math.ceil(math.sqrt(len(points)))
    down = math.ceil(len(points) / across)
    _tile(dataset, across, down)
    return Sheet(across, down, _at(_place(dataset, points[0]), np.array(points, float)))


def _private(dataset: Dataset, group: int, creator: str, element: int) -> Any:
    """The value of a private element, None where there is none or it can't be read (PS3.5 7.8.1)."""
    try:
        return dataset.private_block(group, creator)[element].value
    except BROKEN:
        return None


def _tile(dataset: Dataset, across: int, down: int) -> tuple[int, int]:
    rows, columns = int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)
    if not rows or not columns or rows % down or columns % across:
        message = f"a sheet of {rows} × {columns} pixels can't hold {down} × {across} tiles"
        raise DataError("MOSAIC_UNCUT", message)
    return rows // down, columns // across


def _place(dataset: Dataset, position: object = None) -> Place:
    """Where the sheet lies, or `position`; raises `DataError` ``MOSAIC_UNCUT`` where its header does not say."""
    distance = dataset.get("SpacingBetweenSlices") or dataset.get("SliceThickness") or 0
    return Place(
        _several("ImagePositionPatient", position or dataset.get("ImagePositionPatient"), 3),
        _several("ImageOrientationPatient", dataset.get("ImageOrientationPatient"), 6),
        _several("PixelSpacing", dataset.get("PixelSpacing"), 2),
        abs(float(distance)),
    )


def _several(keyword: str, value: Any, count: int) -> tuple[float, ...]:
    if value is None or len(value) != count:
        raise DataError("MOSAIC_UNCUT", f"a sheet of tiles without {keyword}")
    return tuple(float(part) for part in value)


def _at(place: Place, points: np.ndarray) -> tuple[Place, ...]:
    return tuple(replace(place, position=tuple(float(value) for value in point)) for point in points)


def _csa(data: object) -> dict[str, tuple[float, ...]]:
    """The numbers of a CSA header of the format SV10 by name: a count of tags, and for each its name and items."""
    found: dict[str, tuple[float, ...]] = {}
    if not isinstance(data, bytes) or data[:4] != b"SV10":
        return found
    try:
        (count,) = struct.unpack_from("<I", data, 8)
        at = 16
        for _ in range(min(count, 1000)):
            name, _, _, _, items, _ = struct.unpack_from("<64si4siii", data, at)
            at += 84
            texts = []
            for _ in range(items):
                (length,) = struct.unpack_from("<4xI8x", data, at)
                texts.append(data[at + 16 : at + 16 + length].split(b"\0")[0].strip())
                at += 16 + (length + 3) // 4 * 4
            found[name.split(b"\0")[0].decode("latin-1")] = _numbers(texts)
    except struct.error:
        pass  # what stood before the damage counts
    return found


def _numbers(texts: list[bytes]) -> tuple[float, ...]:
    try:
        return tuple(float(text) for text in texts if text)
    except ValueError:
        return ()
