"""Slices that belong in a stack and can't be part of it: of another size, polarity, direction or frame of reference."""

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np

from mids.issues import Issue, issue
from mids.readers.dicom.grouping.slices import DIRECTION_TOLERANCE, Slice, direction, is_frame_each

_FEW = 4
"""A stack has at least as many times the slices of what is strange in it: three planes of a localizer are not."""

_NEAR = 0.3
"""Distances of slices by which a strange slice may lie off the place that it leaves empty."""


def tell_frames(slices: Sequence[Slice]) -> Iterator[Issue]:
    """An Issue for slices of one series whose coordinates are of several frames of reference (PS3.3 C.7.4.1)."""
    uids = {str(plane.get("FrameOfReferenceUID") or "") for plane in slices} - {""}
    if len(uids) > 1:
        done = "each slice has its own, and they were combined" if is_frame_each(slices) else "each set was kept apart"
        message = f"the slices of one series have {len(uids)} FrameOfReferenceUIDs: {done}"
        yield issue("FRAME_OF_REFERENCE_MIXED", message, slices[0].source.name, origin="read")


def strangers(stack: Sequence[Slice], others: Sequence[Sequence[Slice]]) -> tuple[int, str]:
    """How many slices of `others` lie at a place that `stack` leaves empty, and what is different in them.

    A place is empty inside the stack, or next to its ends. Nothing is found where the stack has no direction.
    """
    cosines = direction(stack)
    if not cosines or not all(plane.position for plane in stack):
        return 0, ""
    normal = np.cross(cosines[:3], cosines[3:])
    depth = np.array(sorted({*np.round(np.array([plane.position for plane in stack]) @ normal, 3).tolist()}))
    if len(depth) < 3:
        return 0, ""
    step = float(np.median(np.diff(depth)))
    reasons: dict[str, None] = {}
    found = 0
    for plane in chain.from_iterable(other for other in others if len(other) * _FEW <= len(stack)):
        if any(_is_empty(float(point @ normal), depth, step) for point in _points(plane)):
            found += 1
            reasons |= dict.fromkeys(_differences(plane, stack[0]))
    return found, " and ".join(reasons)


def _points(plane: Slice) -> list[np.ndarray]:
    """The first pixel and the middle of a slice, in mm (LPS), where they are known."""
    if len(plane.position) != 3:
        return []
    corner = np.array(plane.position)
    spacing, sizes = plane.numbers("PixelSpacing", 2), (plane.number("Rows"), plane.number("Columns"))
    if len(plane.orientation) != 6 or len(spacing) != 2 or None in sizes:
        return [corner]
    x, y = np.array(plane.orientation[:3]), np.array(plane.orientation[3:])
    rows, columns = (float(size or 0) for size in sizes)
    return [corner, corner + x * spacing[1] * (columns - 1) / 2 + y * spacing[0] * (rows - 1) / 2]


def _is_empty(place: float, depth: np.ndarray, step: float) -> bool:
    """Whether a depth is a whole number of steps from the nearest slice, and not there itself nor far outside."""
    nearest = float(depth[np.argmin(np.abs(depth - place))])
    away = abs(place - nearest) / step
    is_outside = place < depth[0] or place > depth[-1]
    return away > 1 - _NEAR and abs(away - round(away)) <= _NEAR and (away < 1 + _NEAR or not is_outside)


def _differences(plane: Slice, other: Slice) -> Iterator[str]:
    def differ(*keywords: str) -> bool:
        return any(plane.get(keyword) != other.get(keyword) for keyword in keywords)

    if differ("Rows", "Columns"):
        yield "size"
    if differ("PhotometricInterpretation"):
        yield "polarity"
    if differ("BitsAllocated", "SamplesPerPixel"):
        yield "kind of pixels"
    pairs = list(zip(plane.orientation, other.orientation, strict=False))
    if len(pairs) != 6 or max(abs(a - b) for a, b in pairs) > DIRECTION_TOLERANCE:
        yield "orientation"
    if differ("PixelSpacing"):
        yield "pixel spacing"
    if differ("FrameOfReferenceUID"):
        yield "frame of reference"
