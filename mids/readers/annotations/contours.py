"""From contours in mm to outlines on the slices of an image: on the nearest one, with holes, none drawn twice."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from mids.readers.annotations.mdai import Points, contains, joined
from mids.readers.annotations.places import depths, distance, normal_of
from mids.readers.annotations.rtstruct import Contour
from mids.readers.dicom.geometry import positions
from mids.records import Geometry, Outline

ON_PLANE = 0.1
"""Parts of the distance of slices by which a contour may lie off its slice and still count as drawn on it."""


@dataclass(frozen=True, slots=True)
class _Flat:
    """A contour on a slice, `off` mm along the normal from it: (column, row), whole numbers at centres of pixels."""

    contour: Contour
    slice: int
    off: float
    points: Points


@dataclass(slots=True)
class Laid:
    """The contours of one structure set on one image, and how many of them have which peculiarity."""

    outlines: list[Outline] = field(default_factory=list)
    oblique: int = 0
    outside: int = 0
    moved: int = 0
    between: int = 0
    repeated: int = 0
    cancelled: int = 0
    nested: int = 0
    farthest: float = 0.0


def lay(contours: Sequence[Contour], shape: Geometry) -> Laid:
    """Closed contours on the slices that they lie nearest to, in order of labels and slices.

    A contour that is not parallel to the slices, or lies beyond them, is counted and left out. Where contours lie
    between slices, each slice takes those of the nearest plane.
    """
    laid = Laid()
    groups: dict[tuple[str, int], list[_Flat]] = defaultdict(list)
    for contour in contours:
        flat = _flat(contour, shape, laid)
        if flat is not None:
            groups[flat.contour.label, flat.slice].append(flat)
    for (label, index), found in groups.items():
        for points in _combined(_nearest(found, shape, laid), laid):
            laid.outlines.append(Outline(label, _rounded(points), index))
    return laid


def slice_of(points: Iterable[Sequence[float]], shape: Geometry) -> int | None:
    """The slice that a contour lies nearest to, None where it is not parallel to the slices or lies beyond them."""
    depth = np.array(list(points)) @ normal_of(shape)
    apart = distance(shape)
    if float(np.ptp(depth)) > ON_PLANE * apart:
        return None
    gaps = np.abs(depths(shape) - float(depth.mean()))
    return int(np.argmin(gaps)) if gaps.min() <= apart / 2 + 0.01 else None


def _flat(contour: Contour, shape: Geometry, laid: Laid) -> _Flat | None:
    points = np.array(contour.points)
    depth = points @ normal_of(shape)
    if float(np.ptp(depth)) > ON_PLANE * distance(shape):
        laid.oblique += 1
        return None
    index = slice_of(contour.points, shape)
    if index is None:
        laid.outside += 1
        return None
    along = points - np.array(positions(shape)[index])
    columns = along @ np.array(shape.orientation[:3]) / shape.spacing[1]
    rows = along @ np.array(shape.orientation[3:]) / shape.spacing[0]
    if (
        columns.max() < -0.5
        or rows.max() < -0.5
        or columns.min() > shape.columns - 0.5
        or rows.min() > shape.rows - 0.5
    ):
        laid.outside += 1
        return None
    off = float(depth.mean() - depths(shape)[index])
    return _Flat(contour, index, off, tuple(zip(columns.tolist(), rows.tolist(), strict=True)))


def _nearest(found: Sequence[_Flat], shape: Geometry, laid: Laid) -> list[_Flat]:
    """Of the contours of a region that fall to one slice those of the plane that is nearest to it."""
    tolerance = ON_PLANE * distance(shape)
    plane = min((flat.off for flat in found), key=abs)
    kept = [flat for flat in found if abs(flat.off - plane) <= tolerance / 2]
    laid.between += len(found) - len(kept)
    if abs(plane) > tolerance:
        laid.moved += len(kept)
        laid.farthest = max(laid.farthest, abs(plane))
    return kept


def _combined(found: Sequence[_Flat], laid: Laid) -> list[Points]:
    """The contours of a region on one slice as outlines of which each pixel within any belongs to the region.

    With one of type CLOSEDPLANAR_XOR they are one outline by the even-odd rule (PS3.3 C.8.8.6.3), and two that are
    equal cancel out. Otherwise one that
    lies wholly within another is a hole in it, as planning systems write it, and one within a hole an island.
    """
    alike = _alike([flat.points for flat in found])
    if any(flat.contour.is_xor for flat in found):
        odd = [rings[0] for rings in alike if len(rings) % 2]
        laid.cancelled += len(found) - len(odd)
        return [joined(odd)] if odd else []
    plain = [rings[0] for rings in alike]
    laid.repeated += len(found) - len(plain)
    inside = {i: [j for j, outer in enumerate(plain) if i != j and _within(inner, outer)]
              for i, inner in enumerate(plain)}  # fmt: skip
    parts = []
    for i, outer in enumerate(plain):
        if len(inside[i]) % 2 == 0:
            holes = [plain[j] for j, around in inside.items() if i in around and len(around) == len(inside[i]) + 1]
            laid.nested += len(holes)
            parts.append(joined((outer, *holes)))
    return parts


def _alike(rings: Sequence[Points]) -> list[list[Points]]:
    """Rings that are equal, wherever and in whichever direction they begin, together."""
    found: dict[frozenset[tuple[float, float]], list[Points]] = {}
    for ring in rings:
        found.setdefault(frozenset((round(x, 2), round(y, 2)) for x, y in ring), []).append(ring)
    return list(found.values())


def _within(inner: Points, outer: Points) -> bool:
    """Whether a ring lies wholly within another: all of its points, and no point of the other within it."""
    return all(contains(outer, point) for point in inner) and not any(contains(inner, point) for point in outer)


def _rounded(points: Points) -> Points:
    return tuple((round(x, 4), round(y, 4)) for x, y in points)
