"""The frames of a segmentation as planes in the patient, seen from the pixels of an image (PS3.3 C.7.6.2.1.1)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mids.readers.annotations.places import PARALLEL, depths, distance, normal_of
from mids.readers.annotations.segmentation import Frame
from mids.readers.dicom.geometry import positions
from mids.records import Geometry

Floats = npt.NDArray[np.float64]
Values = npt.NDArray[np.integer]
Pixels = Callable[[int], Values]
"""The stored values of a frame by its number: (rows, columns)."""

EXACT = 0.1
"""Pixels up to which two grids count as one: positions are written rounded."""
ON_SLICE = 0.15
"""Parts of the distance of slices up to which a frame counts as lying on a slice, for the same reason."""


@dataclass(slots=True)
class Stack:
    """The planes of `frames`, all of one orientation and pixel spacing: unit vectors and mm (LPS).

    `corners` are the centres of the first pixels (frames × 3), `thickness` is the distance up to whose half a frame
    counts. `is_exact` turns false once a pixel of an image was seen that is no pixel of a frame.
    """

    frames: tuple[Frame, ...]
    rows: int
    columns: int
    x: Floats
    y: Floats
    corners: Floats
    thickness: float
    is_exact: bool = True
    _depth: tuple[int, Floats, float, float] | None = None
    _seen: dict[tuple[object, ...], tuple[Values, Values, npt.NDArray[np.bool_]]] = field(default_factory=dict)

    @property
    def normal(self) -> Floats:
        """The direction in which frames follow one another."""
        return np.cross(self.x, self.y)

    def points(self, index: int, rows: Values, columns: Values) -> Floats:
        """Where some pixels of a frame lie (LPS mm, n × 3), straight by equation C.7.6.2.1-1."""
        row_spacing, column_spacing = self.frames[index].spacing
        steps = np.outer(columns * column_spacing, self.x) + np.outer(rows * row_spacing, self.y)
        return np.asarray(self.corners[index] + steps)


def stacks(frames: Sequence[Frame], rows: int, columns: int, shape: Geometry) -> list[Stack]:
    """The placed frames by orientation and spacing, to be seen from the slices of an image."""
    groups: dict[tuple[float, ...], list[Frame]] = {}
    for frame in frames:
        key = tuple(round(value, 3) + 0.0 for value in (*frame.orientation, *frame.spacing))
        groups.setdefault(key, []).append(frame)
    return [_stack(tuple(group), rows, columns, shape) for group in groups.values()]


def _stack(frames: tuple[Frame, ...], rows: int, columns: int, shape: Geometry) -> Stack:
    x, y = (np.array(frames[0].orientation[at : at + 3]) for at in (0, 3))
    x, y = x / np.linalg.norm(x), y / np.linalg.norm(y)
    corners = np.array([frame.position for frame in frames])
    stack = Stack(frames, rows, columns, x, y, corners, _thickness(frames, corners, np.cross(x, y), shape))
    ends = np.array([0, 0, rows - 1, rows - 1]), np.array([0, columns - 1, 0, columns - 1])
    for index in range(len(frames)):
        at_rows, at_columns, _, off = indices(stack.points(index, *ends), shape)
        for values, most in ((at_rows, EXACT), (at_columns, EXACT), (off, ON_SLICE)):
            apart = np.abs(values - np.rint(values))[off <= 0.5]
            stack.is_exact &= bool(apart.max(initial=0) <= most)
    return stack


def indices(points: Floats, shape: Geometry) -> tuple[Floats, Floats, Values, Floats]:
    """Row, column and nearest slice of an image at some points (n × 3, LPS mm), and how far off that slice they lie.

    Rows and columns are fractions, the distance is in parts of the distance of slices.
    """
    planes = depths(shape)
    depth = points @ normal_of(shape)
    slices = np.searchsorted((planes[1:] + planes[:-1]) / 2, depth)
    along = points - np.array(positions(shape))[slices]
    columns = along @ np.array(shape.orientation[:3]) / shape.spacing[1]
    rows = along @ np.array(shape.orientation[3:]) / shape.spacing[0]
    return rows, columns, slices, np.abs(depth - planes[slices]) / distance(shape)


def _thickness(frames: Sequence[Frame], corners: Floats, normal: Floats, shape: Geometry) -> float:
    """How far frames reach along their normal, in mm.

    Frames on the slices of the image stand for those alone, whatever SliceThickness says: slices often overlap, and
    frames without any pixel are left out, so that distances of frames say little.
    """
    apart = distance(shape)
    step = min((frame.step for frame in frames if frame.step > 0), default=0.0)
    if abs(float(normal @ normal_of(shape))) > PARALLEL and step < 1.5 * apart:
        planes = corners @ normal_of(shape)
        if np.abs(planes[:, None] - depths(shape)).min(axis=1).max() <= ON_SLICE * apart:
            return apart
    gaps = np.diff(np.sort(corners @ normal))
    least = float(gaps[gaps > 0.02].min()) if np.any(gaps > 0.02) else 0.0
    stated = step or min((frame.thickness for frame in frames if frame.thickness > 0), default=apart)
    return min(stated, least) if least else stated


def grid(shape: Geometry, corner: Sequence[float]) -> Floats:
    """Where the pixels of a slice lie (rows × columns × 3, LPS mm), by equation C.7.6.2.1-1."""
    x, y = np.array(shape.orientation[:3]), np.array(shape.orientation[3:])
    along_rows = np.arange(shape.columns)[None, :, None] * shape.spacing[1] * x
    points: Floats = (
        np.asarray(corner, np.float64) + along_rows + np.arange(shape.rows)[:, None, None] * shape.spacing[0] * y
    )
    return points


def shown(stack: Stack, own: Sequence[int], pixels: Pixels, points: Floats, at: int) -> Values | None:
    """What the frames `own` (their places in the stack) show at some points (rows × columns × 3, LPS mm), 0 beyond.

    The nearest frame counts, up to half a thickness away, and of it the pixel in which the point lies. `at` tells the
    points apart from those of other slices. None where no frame is near.
    """
    if stack._depth is None or stack._depth[0] != at:
        depth = points @ stack.normal
        stack._depth = at, depth, float(depth.min()), float(depth.max())
    _, depth, low, high = stack._depth
    planes = stack.corners[list(own)] @ stack.normal
    half = stack.thickness / 2 * 1.01  # positions are written rounded
    if high - low < EXACT * stack.thickness:
        gaps = np.abs(planes - (low + high) / 2)
        nearest = int(np.argmin(gaps))
        if gaps[nearest] > half:
            return None
        if gaps[nearest] > ON_SLICE * stack.thickness:
            stack.is_exact = False
        return _through(stack, own[nearest], pixels, points, at)
    if planes.min() - half > high or planes.max() + half < low:
        return None
    found: Values | None = None
    gaps = np.abs(depth[..., None] - planes)
    nearest_of = np.where(gaps.min(axis=-1) <= half, gaps.argmin(axis=-1), -1)
    if np.any((nearest_of >= 0) & (gaps.min(axis=-1) > ON_SLICE * stack.thickness)):
        stack.is_exact = False
    for number in np.unique(nearest_of[nearest_of >= 0]):
        values = _through(stack, own[int(number)], pixels, points, at)
        found = np.zeros_like(values) if found is None else found
        found[nearest_of == number] = values[nearest_of == number]
    return found


def _through(stack: Stack, index: int, pixels: Pixels, points: Floats, at: int) -> Values:
    """A frame's pixels along its normal through some points."""
    rows, columns, inside = _indices(stack, index, points, at)
    values = pixels(stack.frames[index].number)
    return np.where(inside, values[rows, columns], 0)


def _indices(stack: Stack, index: int, points: Floats, at: int) -> tuple[Values, Values, npt.NDArray[np.bool_]]:
    """Row and column of a frame at each point and whether it has them; kept, for frames often share their corner."""
    row_spacing, column_spacing = stack.frames[index].spacing
    corner = stack.corners[index]
    origin = (float(corner @ stack.x), float(corner @ stack.y))
    key = (at, *(round(value, 4) for value in origin))
    if key not in stack._seen:
        if any(seen[0] != at for seen in stack._seen):
            stack._seen.clear()
        columns = (points @ stack.x - origin[0]) / column_spacing
        rows = (points @ stack.y - origin[1]) / row_spacing
        inside = (columns >= -0.5) & (columns < stack.columns - 0.5) & (rows >= -0.5) & (rows < stack.rows - 0.5)
        near = [np.abs(values - np.rint(values))[inside].max(initial=0) for values in (rows, columns)]
        if max(near) > EXACT:
            stack.is_exact = False
        whole = [np.floor(values + 0.5).astype(np.intp) for values in (rows, columns)]
        clipped = np.clip(whole[0], 0, stack.rows - 1), np.clip(whole[1], 0, stack.columns - 1)
        stack._seen[key] = (*clipped, inside)
    return stack._seen[key]
