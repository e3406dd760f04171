"""The geometry of a stack of slices from ImagePositionPatient and ImageOrientationPatient (PS3.3 C.7.6.2.1.1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mids.readers.dicom.grouping.slices import Floats, Slice, direction
from mids.records import Geometry, Source

SPACING_TOLERANCE = 0.01
"""Relative difference of two slice distances up to which they count as equal."""

_DRIFT = 0.05
"""Share of the distance of slices that a slice may be off its place although all distances are equal."""

_ROUNDED = 0.1
"""Share of the distance of slices that a slice may be off its place because its position is written with few digits."""

TILT_TOLERANCE = 0.1
"""Degrees between the stack's direction and the slices' normal up to which the stack is straight."""

_ASIDE = 0.05
"""Pixels that a slice of a straight stack may be shifted inside its own plane."""

Problem = Literal["", "tilt", "uneven", "tilt and uneven", "shift", "shift and uneven", "unknown"]


def plane(orientation: Sequence[float]) -> Literal["ax", "sag", "cor", ""]:
    """The plane of slices whose normal lies nearest to an axis of the patient; empty where it is unknown."""
    if len(orientation) != 6:
        return ""
    normal = np.abs(np.cross(orientation[:3], orientation[3:]))
    names: tuple[Literal["sag", "cor", "ax"], ...] = ("sag", "cor", "ax")
    return names[int(np.argmax(normal))]


def geometry(planes: Sequence[Slice], volumes: int = 1) -> Geometry:
    """Where slices lie that come volume by volume, k ascending along row × column.

    Without positions more than one slice gets the problem ``unknown``.
    """
    first = planes[0]
    rows, columns = (int(first.number(key) or 0) for key in ("Rows", "Columns"))
    cosines, spacing = direction(planes), first.numbers("PixelSpacing", 2)
    count = len(planes) // volumes
    points = [one.position for one in planes[:count]]
    if not cosines or not all(points):
        problem: Problem = "unknown" if count > 1 else ""
        return Geometry(rows, columns, count, volumes, cosines, (), spacing, problem=problem)
    line = np.array(points)
    stated = [abs(value) for key in ("SpacingBetweenSlices", "SliceThickness") if (value := first.number(key))]
    found = _measure(line, np.cross(cosines[:3], cosines[3:]), max(spacing, default=1.0), stated)
    sources: dict[Source, int] = {}
    files = [sources.setdefault(one.source, len(sources)) for one in planes]
    has_frames = any(one.frame is not None for one in planes)
    return Geometry(
        rows, columns, count, volumes, cosines, tuple(float(value) for value in line[0]),
        (*spacing, found.step) if spacing and count > 1 else spacing, tilt=found.tilt, problem=found.problem,
        missing=found.missing,
        positions=tuple(tuple(float(value) for value in point) for point in line) if found.problem else (),
        frames=tuple(one.frame or 0 for one in planes) if has_frames else (),
        files=tuple(files) if has_frames and len(sources) > 1 else (),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Measured:
    """Distance of slices in mm, tilt in degrees, what keeps the stack from being regular, and how many slices miss."""

    step: float = 0.0
    tilt: float = 0.0
    problem: Problem = ""
    missing: int = 0


def _measure(line: Floats, normal: Floats, pixel: float, stated: Sequence[float]) -> _Measured:
    """How slices at the positions `line` (n × 3, mm) are stacked; `pixel` is the larger distance of pixels in mm.

    `stated` are the distances of slices (mm) that the header gives.
    """
    if len(line) == 1:
        return _Measured()
    rounding = find_rounding(line) * float(np.abs(normal).sum())
    depth = (line - line[0]) @ normal
    steps = np.diff(depth)
    mean = float(steps.mean())
    off = float(np.abs(depth - np.arange(len(depth)) * mean).max())
    is_equal = bool(np.all(np.abs(steps - mean) <= SPACING_TOLERANCE * mean)) and off <= _DRIFT * mean
    uneven = not is_equal and _scatter(depth) > min(1.3 * rounding, _ROUNDED * mean)
    uneven = uneven and not any(_is_rounded(line, distance * normal) for distance in stated)
    step = even_spacing(depth) if uneven else mean
    whole = np.round(steps / step) if uneven else np.ones(len(steps))
    slack = SPACING_TOLERANCE * step * whole + min(2.1 * rounding, _ROUNDED * step)
    is_gap = uneven and bool(np.all(np.abs(steps - whole * step) <= slack))
    tilt, lean = _lean(line, depth, normal, max(_ASIDE * pixel, min(3 * find_rounding(line), 4 * _ASIDE * pixel)))
    problem = " and ".join(word for word in (lean, "uneven" if uneven else "") if word)
    missing = int(whole.sum()) - len(steps) if is_gap else 0
    return _Measured(step, tilt, problem, missing)  # type: ignore[arg-type]


def _scatter(depth: Floats) -> float:
    """How far a depth is at most from the straight line that fits all of them best, in mm."""
    number = np.arange(len(depth))
    return float(np.abs(depth - np.polyval(np.polyfit(number, depth, 1), number)).max())


def find_rounding(line: Floats) -> float:
    """Half of the last digit that positions are written with, in mm; 0 where they have more than four decimals."""
    for digits in range(5):
        if np.abs(line - np.round(line, digits)).max() < 1e-6:
            return float(0.5 * 10**-digits)
    return 0.0


def _is_rounded(line: Floats, step: Floats) -> bool:
    """Whether positions (n × 3, mm) are those of an even stack with this step, written with few digits.

    What they are off differs by no more than a unit of the last digit, as halves do that are rounded to even. Where
    the step is a whole number of units, a slice that is missing shows as that much, and they must differ by less.
    """
    off = np.ptp(line - np.outer(np.arange(len(line)), step), axis=0)
    units = np.array([2 * find_rounding(line[:, axis : axis + 1]) for axis in range(3)])
    is_whole = np.abs(step - np.round(step / np.maximum(units, 1e-9)) * units) < 0.01 * units
    return bool((off < np.maximum(np.where(is_whole, 0.99, 1.01) * units, 0.001 * np.linalg.norm(step))).all())


def _lean(line: Floats, depth: Floats, normal: Floats, slack: float) -> tuple[float, Literal["", "tilt", "shift"]]:
    """The angle in degrees between the stack and its normal, and whether it is tilted, or slices are shifted aside."""
    aside = line - line[0] - np.outer(depth, normal)
    tilt = float(np.degrees(np.arctan2(np.linalg.norm(aside[-1]), abs(depth[-1]))))
    if (np.linalg.norm(aside, axis=1) <= slack + np.tan(np.radians(TILT_TOLERANCE)) * np.abs(depth)).all():
        return tilt, ""
    straight = aside - np.outer(depth / depth[-1], aside[-1])
    return tilt, "tilt" if np.linalg.norm(straight, axis=1).max() <= slack else "shift"


_SURPLUS = 0.25
"""Steps by which the last slice may lie beyond the last place of a grid, before the grid gets a place more."""


def even_spacing(depth: Floats) -> float:
    """The smallest distance of slices that occurs more than once, so that no regular part loses detail.

    It is made so much smaller that the first and the last slice both lie on the grid, and none outside of it.
    """
    distances = np.sort(np.diff(depth))
    begins = np.flatnonzero(np.diff(distances) > 2 * SPACING_TOLERANCE * distances[:-1]) + 1
    groups = np.split(distances, begins)
    smallest = float(next((group for group in groups if len(group) > 1), groups[0]).mean())
    extent = float(depth[-1] - depth[0])
    return extent / max(1.0, float(np.ceil(extent / smallest - _SURPLUS)))


def even_slices(shape: Geometry) -> int:
    """How many slices the stack has once it is evenly spaced."""
    return len(nearest(shape)) if "uneven" in shape.problem else shape.slices


def nearest(shape: Geometry) -> list[int]:
    """For each slice of the stack once it is evenly spaced, the source's slice that lies nearest to it."""
    if "uneven" not in shape.problem:
        return list(range(shape.slices))
    points = np.array(shape.positions)
    depth = (points - points[0]) @ np.cross(shape.orientation[:3], shape.orientation[3:])
    spacing = even_spacing(depth)
    count = int(np.floor(depth[-1] / spacing + 0.01)) + 1
    return [int(np.argmin(np.abs(depth - k * spacing))) for k in range(count)]


def affine(shape: Geometry) -> np.ndarray | None:
    """The 4 × 4 affine (mm, RAS) that dcm2niix gives a straight stack: i columns, j rows from the bottom, k along
    row × column; None where the geometry is not known or not regular.
    """
    if shape.problem or len(shape.orientation) != 6 or not shape.first or len(shape.spacing) < 2:
        return None
    row_spacing, column_spacing = shape.spacing[:2]
    x, y = np.array(shape.orientation[:3]), np.array(shape.orientation[3:])
    matrix = np.eye(4)
    matrix[:3, 0] = x * column_spacing
    matrix[:3, 1] = -y * row_spacing
    matrix[:3, 2] = np.cross(x, y) * (shape.spacing[2] if len(shape.spacing) > 2 else 1.0)
    matrix[:3, 3] = np.array(shape.first) + y * row_spacing * (shape.rows - 1)
    return np.asarray(np.diag([-1.0, -1.0, 1.0, 1.0]) @ matrix)


def positions(shape: Geometry) -> list[tuple[float, ...]]:
    """ImagePositionPatient (mm, LPS) of each slice of one volume, in order; empty where the place is not known."""
    if shape.positions:
        return list(shape.positions)
    if len(shape.orientation) != 6 or not shape.first:
        return []
    step = np.cross(shape.orientation[:3], shape.orientation[3:]) * (shape.spacing[2] if len(shape.spacing) > 2 else 0)
    points = np.array(shape.first) + np.outer(np.arange(shape.slices), step)
    return [tuple(float(value) for value in point) for point in points]
