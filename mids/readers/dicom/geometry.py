"""The geometry of a stack of slices from ImagePositionPatient and ImageOrientationPatient (PS3.3 C.7.6.2.1.1)."""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from mids.readers.dicom.headers import Instance
from mids.records import Geometry

SPACING_TOLERANCE = 0.01
"""Relative difference of two slice distances up to which they count as equal."""

TILT_TOLERANCE = 0.1
"""Degrees between the stack's direction and the slices' normal up to which the stack is straight."""


def position(instance: Instance) -> tuple[float, ...] | None:
    """ImagePositionPatient rounded to 0.01 mm, None where it or the orientation is missing or the file has frames."""
    point = instance.numbers("ImagePositionPatient", 3)
    if not point or not instance.numbers("ImageOrientationPatient", 6):
        return None
    return tuple(round(value, 2) for value in point)


def orientation_key(instance: Instance) -> Hashable:
    """ImageOrientationPatient rounded so that slices of one stack agree, empty where it is missing."""
    return tuple(round(value, 2) + 0.0 for value in instance.numbers("ImageOrientationPatient", 6))


def plane(orientation: Sequence[float]) -> Literal["ax", "sag", "cor", ""]:
    """The plane of slices whose normal lies nearest to an axis of the patient; empty where it is unknown."""
    if len(orientation) != 6:
        return ""
    normal = np.abs(np.cross(orientation[:3], orientation[3:]))
    names: tuple[Literal["sag", "cor", "ax"], ...] = ("sag", "cor", "ax")
    return names[int(np.argmax(normal))]


def geometry(instances: Sequence[Instance]) -> tuple[list[Instance], Geometry]:
    """The instances in geometric order (volume by volume, k ascending along row × column), and their geometry.

    One enhanced image stands for its frames. Without positions the order is kept, and more than one slice gets
    the problem ``unknown``.
    """
    first = instances[0]
    rows, columns = (int(n[0]) if (n := first.numbers(key, 1)) else 0 for key in ("Rows", "Columns"))
    orientation = first.numbers("ImageOrientationPatient", 6)
    spacing = first.numbers("PixelSpacing", 2)
    points = np.array(
        first.frames or [instance.numbers("ImagePositionPatient", 3) or [np.nan] * 3 for instance in instances]
    )
    if not orientation or np.isnan(points).any():
        problem: Literal["", "unknown"] = "unknown" if len(instances) > 1 else ""
        return list(instances), Geometry(rows, columns, len(instances), 1, orientation, (), spacing, problem=problem)
    ordered, slices = _ordered(points @ np.cross(orientation[:3], orientation[3:]))
    shape = _measured(rows, columns, points[ordered[:slices]], orientation, spacing, len(points))
    if first.frames:
        return list(instances), replace(shape, frames=tuple(ordered))
    return [instances[index] for index in ordered], shape


def _ordered(depth: np.ndarray) -> tuple[list[int], int]:
    """Indices volume by volume, each ascending in depth (mm along the normal), and how many depths there are."""
    rank = {value: k for k, value in enumerate(sorted({round(float(d), 2) for d in depth}))}
    seen: dict[int, int] = {}
    order = []
    for index, k in enumerate(rank[round(float(d), 2)] for d in depth):
        order.append((seen.get(k, 0), k, index))
        seen[k] = seen.get(k, 0) + 1
    return [index for _, _, index in sorted(order)], len(rank)


def _measured(
    rows: int,
    columns: int,
    line: np.ndarray,
    orientation: tuple[float, ...],
    spacing: tuple[float, ...],
    count: int,
) -> Geometry:
    """The geometry of one volume whose slice positions (n × 3, mm) are `line`, in order."""
    slices = len(line)
    volumes = count // slices
    corner = tuple(float(value) for value in line[0])
    if slices == 1:
        return Geometry(rows, columns, 1, volumes, orientation, corner, spacing)
    normal = np.cross(orientation[:3], orientation[3:])
    steps = np.diff(line @ normal)
    mean = float(steps.mean())
    uneven = bool(np.any(np.abs(steps - mean) > SPACING_TOLERANCE * abs(mean)))
    step = even_spacing(line @ normal - line[0] @ normal) if uneven else mean
    direction = line[-1] - line[0]
    cosine = float(np.clip(direction @ normal / np.linalg.norm(direction), -1, 1))
    tilt = float(np.degrees(np.arccos(cosine)))
    whole = np.round(steps / step) if uneven else np.ones(slices - 1)
    is_gap = uneven and bool(np.all(np.abs(steps - whole * step) <= SPACING_TOLERANCE * abs(step) * whole))
    problems: dict[tuple[bool, bool], Literal["", "tilt", "uneven", "tilt and uneven"]] = {
        (False, False): "", (True, False): "tilt", (False, True): "uneven", (True, True): "tilt and uneven",
    }  # fmt: skip
    problem = problems[tilt > TILT_TOLERANCE, uneven]
    return Geometry(
        rows, columns, slices, volumes, orientation, corner, (*spacing, step) if spacing else (),
        tilt=tilt, problem=problem,
        missing=int(whole.sum()) - (slices - 1) if is_gap else 0,
        positions=tuple(tuple(float(value) for value in point) for point in line) if problem else (),
    )  # fmt: skip


def even_spacing(depth: np.ndarray) -> float:
    """The smallest distance of slices that occurs more than once, so that no regular part loses detail."""
    distances, counts = np.unique(np.round(np.diff(depth), 2), return_counts=True)
    repeated = distances[counts > 1]
    chosen = float(repeated.min() if len(repeated) else distances.min())
    near = np.diff(depth)
    return float(near[np.abs(near - chosen) <= 0.01].mean())


def even_slices(shape: Geometry) -> int:
    """How many slices the stack has once it is evenly spaced."""
    if "uneven" not in shape.problem:
        return shape.slices
    points = np.array(shape.positions)
    depth = (points - points[0]) @ np.cross(shape.orientation[:3], shape.orientation[3:])
    return int(np.floor(depth[-1] / even_spacing(depth) + 0.01)) + 1


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
