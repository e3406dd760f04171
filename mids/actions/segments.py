"""The frames of a DICOM segmentation drawn onto the slices of an image, and compared with themselves from there."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mids.actions.agreement import Labels, middle, voxel_diagonal
from mids.actions.mask import overlapping
from mids.errors import DataError
from mids.issues import Issue, issue
from mids.readers.annotations.places import PARALLEL, is_placed, normal_of
from mids.readers.annotations.segmentation import Frame, Segmentation
from mids.readers.annotations.stack import Pixels, Stack, grid, indices, shown, stacks
from mids.readers.dicom.geometry import positions
from mids.records import Geometry, Json

_Indices = npt.NDArray[np.integer]
_KEPT = 1 << 26
"""Pixels of a segmentation up to which its decoded frames stay in memory: planes across the slices use all of them."""


@dataclass(slots=True)
class Drawing:
    """What was drawn of a segmentation: `classes` are the values of its segments by number.

    `overlap` counts pixels of several segments, `drawn` and `outside` the segmentation's own pixels.
    """

    head: Segmentation
    pixels: Pixels
    classes: Mapping[int, int]
    shape: Geometry
    overlap: int = 0
    drawn: int = 0
    outside: int = 0
    is_exact: bool = True
    _kept: dict[int, Labels] = field(default_factory=dict)

    def draw(self, values: Labels, frames: Sequence[tuple[int, int]]) -> None:
        """Fills (rows, columns, slices) of zeros; `frames` are numbers and the slices that they name (-1: none).

        Raises `DataError` ``REGION_OUTSIDE`` where nothing lies in the image, ``REGION_UNVERIFIED``.
        """
        order = {number: place for place, number in enumerate(self.classes)}
        by_number = {frame.number: frame.on(self.shape) for frame in self.head.frames}
        listed = sorted(((by_number[n], k) for n, k in frames), key=lambda one: order.get(one[0].segment, 0))
        placed: dict[int, list[Frame]] = defaultdict(list)
        for frame, index in listed:
            if frame.is_placed and is_placed(self.shape):
                volume = index // self.shape.slices if index >= 0 and values.shape[2] > self.shape.slices else 0
                placed[volume].append(frame)
            else:
                self._put(values[:, :, max(index, 0) % values.shape[2]], self._values(frame))
        for volume, own in placed.items():
            part = values[:, :, volume * self.shape.slices : (volume + 1) * self.shape.slices]
            self._draw(part, own)
        if self.outside and not values.any():
            raise DataError("REGION_OUTSIDE", "all of the segmentation lies outside the image")

    def _put(self, plane: Labels, own: npt.NDArray[np.integer]) -> None:
        self.overlap += int(np.count_nonzero((own > 0) & (plane > 0)))
        np.copyto(plane, own.astype(plane.dtype), where=own > 0)
        self.drawn += int(np.count_nonzero(own))

    def _values(self, frame: Frame) -> Labels:
        """The values of the classes that a frame shows (rows, columns); kept as long as all of them are small."""
        if frame.number not in self._kept:
            if len(self.head.frames) * self.head.rows * self.head.columns > _KEPT:
                self._kept.clear()
            self._kept[frame.number] = self._classified(frame.segment, self.pixels(frame.number))
        return self._kept[frame.number]

    def _classified(self, segment: int, stored: np.ndarray) -> Labels:
        dtype = np.dtype(np.uint8 if max(self.classes.values(), default=0) < 256 else np.uint16)
        if self.head.kind != "LABELMAP":
            return np.asarray((stored >= self.head.threshold) * dtype.type(self.classes.get(segment, 0)), dtype)
        table = np.zeros(int(stored.max(initial=0)) + 1, dtype)
        for number, value in self.classes.items():
            if number < len(table):
                table[number] = value
        unknown = set(np.unique(stored).tolist()) - {0} - set(self.classes)
        if unknown - {self.head.background}:
            raise DataError("ANNOTATIONS_INVALID", "the label map has values that belong to no segment")
        return np.asarray(table[stored])

    def _draw(self, values: Labels, frames: Sequence[Frame]) -> None:
        """Draws placed frames onto the slices of one volume, and compares what was drawn with them."""
        found = stacks(frames, self.head.rows, self.head.columns, self.shape)
        for stack in found:
            self._sample(values, stack)
        self.is_exact &= all(stack.is_exact for stack in found)
        again = np.zeros_like(values)
        sums: dict[int, npt.NDArray[np.float64]] = defaultdict(lambda: np.zeros(4))
        is_exact = all(stack.is_exact for stack in found)
        for stack in found:
            for index, frame in enumerate(stack.frames):
                if is_exact:
                    self._back(again, stack, index, self._values(frame))
                else:
                    self._weigh(stack, index, self._values(frame), sums)
        if is_exact:
            if not np.array_equal(values, again):
                raise DataError("REGION_UNVERIFIED", "what was drawn differs from the pixels of the segmentation")
        else:
            self._check_middles(values, found, sums)

    def _sample(self, values: Labels, stack: Stack) -> None:
        members: dict[int, list[int]] = defaultdict(list)
        for index, frame in enumerate(stack.frames):
            members[frame.segment].append(index)
        by_number = {frame.number: frame for frame in stack.frames}
        for k, corner in enumerate(positions(self.shape)):
            points = grid(self.shape, corner)
            for own in members.values():
                plane = shown(stack, own, lambda number: self._values(by_number[number]), points, k)
                if plane is not None:
                    self._put(values[:, :, k], plane)

    def _back(self, again: Labels, stack: Stack, index: int, own: Labels) -> None:
        """Puts each pixel of a frame where its own place lies in the image; counts those that lie outside."""
        rows, columns = np.nonzero(own)
        at = _targets(stack, index, self.shape, rows, columns)
        inside = np.logical_and.reduce([(one >= 0) & (one < size) for one, size in zip(at, again.shape, strict=True)])
        self.outside += int(np.count_nonzero(~inside))
        again[tuple(one[inside] for one in at)] = own[rows[inside], columns[inside]]

    def _weigh(self, stack: Stack, index: int, own: Labels, sums: dict[int, npt.NDArray[np.float64]]) -> None:
        """Adds up the places (LPS mm) and the number of a frame's pixels by value; counts those that lie outside."""
        rows, columns = np.nonzero(own)
        if not len(rows):
            return
        points = stack.points(index, rows, columns)
        inside = _within(points, self.shape)
        self.outside += int(np.count_nonzero(~inside))
        values = own[rows, columns]
        for value in np.unique(values[inside]):
            listed = points[inside & (values == value)]
            sums[int(value)] += (*listed.sum(axis=0), len(listed))

    def _check_middles(
        self, values: Labels, found: Sequence[Stack], sums: Mapping[int, npt.NDArray[np.float64]]
    ) -> None:
        """On another grid: the middle of what was drawn lies where that of the segmentation's pixels does."""
        own = max(float(np.linalg.norm((*stack.frames[0].spacing, stack.thickness))) for stack in found)
        for value, total in sums.items():
            is_there = values == value
            if not self.overlap and is_there.any():
                gap = middle(is_there, self.shape) - total[:3] / total[3]
                if float(np.linalg.norm(gap)) > voxel_diagonal(self.shape) + own:
                    raise DataError("REGION_UNVERIFIED", "what was drawn lies elsewhere than the segmentation's pixels")

    def facts(self) -> dict[str, Json]:
        """What the sidecar says of how the label map was made."""
        facts: dict[str, Json] = {} if self.is_exact else {"Resampled": True, "ResampledReason": "grid"}
        if self.head.kind == "FRACTIONAL":
            facts |= {"FractionalType": self.head.fraction or "n/a", "FractionalThreshold": 0.5}
        return facts

    def issues(self) -> Iterator[Issue]:
        """What is to be told of the label map."""
        if self.overlap:
            yield overlapping(self.overlap)
        if self.outside:
            message = f"{self.outside} pixels of the segmentation lie outside the image"
            yield issue("REGION_OUTSIDE", message, origin="run")
        if not self.is_exact:
            message = "the segmentation has another grid than the image: each voxel got the nearest pixel"
            yield issue("REGION_RESAMPLED", message, origin="run")
        if self.head.kind == "FRACTIONAL":
            what = self.head.fraction.lower() or "share"
            yield issue(
                "REGION_FRACTIONAL", f"a pixel belongs to a segment where its {what} is half or more", origin="run"
            )
        if not self.drawn and not self.outside:
            yield issue("REGION_INVALID", "the segmentation marks no pixel", origin="run")


def _targets(stack: Stack, index: int, shape: Geometry, rows: _Indices, columns: _Indices) -> tuple[_Indices, ...]:
    """Row, column and slice of the image for some pixels of a frame, a slice of -1 beyond its slices.

    Both grids agree. A frame along the slices lies on one of them, where whole steps lead from pixel to pixel.
    """
    if abs(float(stack.normal @ normal_of(shape))) < PARALLEL:
        at_rows, at_columns, slices, off = indices(stack.points(index, rows, columns), shape)
        return _whole(at_rows), _whole(at_columns), np.where(off > 0.5, -1, slices)
    ends = np.array([0, stack.rows - 1, 0]), np.array([0, 0, stack.columns - 1])
    at_rows, at_columns, slices, off = indices(stack.points(index, *ends), shape)
    found = []
    for first, last_row, last_column in (_whole(at_rows), _whole(at_columns)):
        down, right = (last_row - first) // max(stack.rows - 1, 1), (last_column - first) // max(stack.columns - 1, 1)
        found.append(first + rows * down + columns * right)
    return (*found, np.full(len(rows), -1 if off[0] > 0.5 else slices[0]))


def _whole(values: npt.NDArray[np.float64]) -> _Indices:
    return np.rint(values).astype(np.intp)


def _within(points: npt.NDArray[np.float64], shape: Geometry) -> npt.NDArray[np.bool_]:
    """Which points lie in the image or less than a pixel, or half a slice, beyond it."""
    rows, columns, _, off = indices(points, shape)
    inside = (columns > -1.51) & (columns < shape.columns + 0.51) & (rows > -1.51) & (rows < shape.rows + 0.51)
    return np.asarray(inside & (off <= 1.01))
