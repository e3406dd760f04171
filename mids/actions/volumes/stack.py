"""The slices of a volume in their order, read from their files one at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mids.errors import DataError
from mids.readers.dicom.geometry import find_rounding, positions
from mids.readers.dicom.grouping.slices import DIRECTION_TOLERANCE, mean_direction
from mids.readers.dicom.mosaic import Sheet, read_sheet, read_tiles
from mids.readers.dicom.pixels import RESCALE
from mids.readers.dicom.planes import Place, Plane, count_frames, read_planes
from mids.records import Geometry

Floats = npt.NDArray[np.float64]
_FLIP = np.array([-1.0, -1.0, 1.0])  # from LPS to RAS

_NEAR = 0.1
"""Voxels by which a slice may lie beside its place in the grid; spacings are relative, so this holds for any size."""

_SCALE = 0.003
"""Relative difference of the grid's spacing and the slices'."""


@dataclass(frozen=True, slots=True)
class Stack:
    """The files of one volume, and how their slices follow one another: volume by volume, each ascending in space.

    Slices of sheets (`is_sheet`) come tile by tile, the order of dcm2niix and of the slice times that it derives.
    """

    files: tuple[Path, ...]
    shape: Geometry
    slices: int
    volumes: int
    is_sheet: bool = False

    def planes(self) -> Iterator[tuple[int, int, Plane]]:
        """Volume, slice (both from 0) and plane.

        Raises `DataError` ``PIXELS_UNREADABLE``, ``FRAMES_CONTRADICTED``, ``SPACING_MISSING`` and ``MOSAIC_UNCUT``.
        """
        known = positions(self.shape)
        for number, plane in enumerate(self._read()):
            volume, k = divmod(number, self.slices)
            yield volume, k, _completed(plane, self.shape, known[k] if k < len(known) else ())

    def _read(self) -> Iterator[Plane]:
        if self.is_sheet:
            for path in self.files:
                yield from read_tiles(path, _sheet(path))
            return
        if not self.shape.frames:
            for path in self.files:
                yield from read_planes(path)
            return
        files = self.shape.files or (0,) * len(self.shape.frames)
        for file, pairs in groupby(zip(files, self.shape.frames, strict=True), key=lambda pair: pair[0]):
            yield from read_planes(self.files[file], [frame for _, frame in pairs])


def open_stack(files: Sequence[Path], shape: Geometry) -> Stack:
    """The stack of a volume's files; `files` are in the order of the record's sources.

    Raises `DataError` ``MOSAIC_UNCUT``, and ``GEOMETRY_MISMATCH`` where there are more or fewer slices than the
    headers announced.
    """
    sheet = read_sheet(files[0])
    if sheet is not None:
        return Stack(tuple(files), shape, len(sheet.places), len(files), is_sheet=True)
    if not shape.frames and len(files) == 1:
        return Stack(tuple(files), shape, count_frames(files[0]), 1)
    count = len(shape.frames) or len(files)
    if count != shape.slices * shape.volumes:
        message = f"{count} slices can't be {shape.volumes} volumes of {shape.slices} slices"
        raise DataError("GEOMETRY_MISMATCH", message)
    return Stack(tuple(files), shape, shape.slices, shape.volumes)


def _sheet(path: Path) -> Sheet:
    sheet = read_sheet(path)
    if sheet is None:
        raise DataError("MOSAIC_UNCUT", "sheets of tiles and single slices are mixed")
    return sheet


def _completed(plane: Plane, shape: Geometry, position: tuple[float, ...]) -> Plane:
    """A plane with the place that the record's geometry knows where its own file says nothing."""
    place = plane.place
    if not place.position or not place.orientation or not place.spacing:
        distance = shape.spacing[2] if len(shape.spacing) > 2 else place.distance
        place = Place(
            place.position or position, place.orientation or shape.orientation, place.spacing or shape.spacing[:2],
            abs(distance),
        )  # fmt: skip
        if min(place.spacing, default=0.0) <= 0:
            raise DataError("SPACING_MISSING", "nothing says how far apart the pixels are (PixelSpacing)")
    return plane if place is plane.place else replace(plane, place=place)


@dataclass(slots=True)
class Survey:
    """What all planes of a stack have in common, gathered plane by plane."""

    places: list[Place] = field(default_factory=list)
    scales: set[tuple[float, float]] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)
    without: tuple[int, int] = (0, 0)
    top: int = 0
    largest: float = 0.0

    def add(self, plane: Plane) -> None:
        """Takes a plane in."""
        self.places.append(plane.place)
        self.scales.add((plane.slope, plane.intercept))
        self.kinds.add(plane.values.dtype.str)
        self.without = self.without[0] + (not plane.rescaled[0]), self.without[1] + (not plane.rescaled[1])

    def check(self) -> None:
        """Raises `DataError` ``RESCALE_CONTRADICTED``: slices lack a slope, or an intercept, which others have."""
        found = zip(*self.scales, strict=True)
        for keyword, without, values, usual in zip(RESCALE, self.without, found, (1.0, 0.0), strict=True):
            if without and set(values) != {usual}:
                message = f"{without} of {len(self.places)} slices have no {keyword}, and the others have one"
                raise DataError("RESCALE_CONTRADICTED", message)


def is_placed(place: Place) -> bool:
    """Whether the plane's place in the patient is known."""
    return bool(place.position and place.orientation)


def affine(places: Sequence[Place], rows: int) -> Floats:
    """The affine (mm, RAS) of the slices of one volume: columns, rows from the bottom, slices in their order.

    The step from slice to slice is measured over the whole stack, and the direction is the mean of all.
    """
    first, last = places[0], places[-1]
    cosines = mean_direction([place.orientation for place in places])
    x, y = np.array(cosines[:3]), np.array(cosines[3:])
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1] = x * first.spacing[1], -y * first.spacing[0]
    if len(places) > 1:
        matrix[:3, 2] = (np.array(last.position) - first.position) / (len(places) - 1)
    else:
        matrix[:3, 2] = np.cross(x, y) * (first.distance or 1.0)
    matrix[:3, 3] = np.array(first.position) + y * first.spacing[0] * (rows - 1)
    return np.asarray(np.diag([-1.0, -1.0, 1.0, 1.0]) @ matrix)


def misplaced(places: Sequence[Place], grid: Floats, slices: int, rows: int) -> int | None:
    """The number of the first plane that does not lie where a grid (affine, mm, RAS) puts it; None where all do.

    `places` are in the order of the stack; those that are not known are not looked at. Positions may be off by a tenth
    of a voxel and by what their digits round off, directions by the noise that slices of one stack may have.
    """
    known = [number for number, place in enumerate(places) if is_placed(place)]
    if not known:
        return None
    if not np.linalg.det(grid[:3, :3]):
        return known[0]
    points, orientation, spacing = (
        np.array([getattr(places[number], name) for number in known]) for name in ("position", "orientation", "spacing")
    )
    found = points * _FLIP @ np.linalg.inv(grid)[:3, :3].T - np.linalg.inv(grid)[:3, :3] @ grid[:3, 3]
    wanted = np.array([(0, rows - 1, number % slices) for number in known])
    voxel = np.linalg.norm(grid[:3, :3], axis=0)
    near = _NEAR + np.minimum(4 * find_rounding(points) / voxel, 0.4)
    is_off = ~(np.abs(found - wanted) <= near).all(axis=1)
    for axis, cosines, distance in ((0, orientation[:, :3], spacing[:, 1]), (1, -orientation[:, 3:], spacing[:, 0])):
        apart = np.abs(cosines * _FLIP - grid[:3, axis] / voxel[axis]).max(axis=1)
        is_off |= ~((apart <= 2 * DIRECTION_TOLERANCE) & (np.abs(voxel[axis] / distance - 1) <= _SCALE))
    return known[int(is_off.argmax())] if is_off.any() else None
