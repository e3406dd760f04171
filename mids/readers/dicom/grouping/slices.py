"""Slices: single images, and the frames of images with frames, seen alike; which of them lie in one direction."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from mids.readers.dicom.headers import Instance
from mids.records import Json, Source

Floats = npt.NDArray[np.float64]
T = TypeVar("T")

DIRECTION_TOLERANCE = 0.01
"""Difference of direction cosines up to which slices have one direction: scanners write noise of 0.001."""

_SPACING_TOLERANCE = 0.002
"""Relative difference of pixel spacings up to which they are the same, written with more or fewer digits."""

_ORTHONORMAL = 0.018
"""How far lengths may be from 1, and the cosine from 0, of direction cosines that were written with two digits."""


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice: an image, or one frame (from 0) of an image with frames."""

    instance: Instance
    frame: int | None = None

    @property
    def source(self) -> Source:
        """The file it is in."""
        return self.instance.source

    def get(self, keyword: str) -> Json:
        """The attribute of the frame, else of the image."""
        if self.frame is not None and keyword in self.instance.per_frame:
            return self.instance.per_frame[keyword][self.frame]
        return self.instance.header.get(keyword)

    def numbers(self, keyword: str, count: int) -> tuple[float, ...]:
        """The attribute as `count` floats, an empty tuple where it is missing or of another length."""
        value = self.get(keyword)
        values = value if isinstance(value, list) else [value]
        if len(values) != count or not all(isinstance(v, int | float) for v in values):
            return ()
        return tuple(float(v) for v in values if isinstance(v, int | float))

    def number(self, keyword: str) -> float | None:
        """The attribute as a float, the first of several; None where it is missing or no number."""
        value = self.get(keyword)
        first = value[0] if isinstance(value, list) and value else value
        return float(first) if isinstance(first, int | float) else None

    @property
    def position(self) -> tuple[float, ...]:
        """ImagePositionPatient in mm (LPS), empty where it is missing."""
        return self.numbers("ImagePositionPatient", 3)

    @property
    def orientation(self) -> tuple[float, ...]:
        """ImageOrientationPatient, empty where it is missing."""
        return self.numbers("ImageOrientationPatient", 6)


def slices_of(instance: Instance) -> list[Slice]:
    """The slices of an image: itself, or its frames."""
    count = instance.header.get("NumberOfFrames")
    if isinstance(count, int) and count > 1:
        return [Slice(instance, frame) for frame in range(count)]
    return [Slice(instance)]


def grouped(items: Iterable[T], key: Callable[[T], Hashable]) -> list[list[T]]:
    """The items by key, both in the order in which they come."""
    groups: dict[Hashable, list[T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return list(groups.values())


def stacks(slices: Sequence[Slice]) -> list[list[Slice]]:
    """Slices of one size, kind of pixels, direction, pixel spacing and frame of reference.

    Noise of directions sets none apart.
    """
    keywords = ("Rows", "Columns", "BitsAllocated", "SamplesPerPixel", "PhotometricInterpretation")
    found: list[list[Slice]] = []
    for alike in grouped(slices, lambda plane: tuple(str(plane.get(keyword)) for keyword in keywords)):
        for aimed in near(alike, lambda plane: plane.orientation, DIRECTION_TOLERANCE):
            spaced = near(aimed, lambda plane: _logarithms(plane.numbers("PixelSpacing", 2)), _SPACING_TOLERANCE)
            found += [one for together in spaced for one in _of_one_frame(together)]
    return found


def _of_one_frame(slices: list[Slice]) -> list[list[Slice]]:
    """The slices by frame of reference: only within one do coordinates mean the same (PS3.3 C.7.4.1).

    A slice that names none goes with the first.
    """
    named = [frame for plane in slices if (frame := _frame(plane))]
    if len(set(named)) < 2 or is_frame_each(slices):
        return [slices]
    return grouped(slices, lambda plane: _frame(plane) or named[0])


def is_frame_each(slices: Sequence[Slice]) -> bool:
    """Whether each of several slices has a frame of reference of its own, as some anonymisers write it."""
    frames = [_frame(plane) for plane in slices]
    return len(frames) > 2 and all(frames) and len(set(frames)) == len(frames)


def _frame(plane: Slice) -> str:
    return str(plane.get("FrameOfReferenceUID") or "")


def _logarithms(values: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(float(np.log(max(value, 1e-9))) for value in values)


def near(items: Sequence[T], place: Callable[[T], tuple[float, ...]], tolerance: float) -> list[list[T]]:
    """The items in groups whose places are all within `tolerance` (largest component) of that of the first."""
    groups: list[tuple[tuple[float, ...], list[T]]] = []
    for item in items:
        here = place(item)
        for there, group in groups:
            if len(here) == len(there) and all(abs(a - b) <= tolerance for a, b in zip(here, there, strict=True)):
                group.append(item)
                break
        else:
            groups.append((here, [item]))
    return [group for _, group in groups]


def direction(slices: Sequence[Slice]) -> tuple[float, ...]:
    """The direction of a stack, see `mean_direction`; empty where a slice says none, or none that is one."""
    every = [one.orientation for one in slices]
    return mean_direction(every) if all(every) and is_direction(every[0]) else ()


def mean_direction(every: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    """The mean of direction cosines, its axes of length 1 and at right angles.

    Cosines that all share and that need no mending stay as they are.
    """
    mean = np.mean(every, axis=0)
    row = mean[:3] / np.linalg.norm(mean[:3])
    column = mean[3:] - (mean[3:] @ row) * row
    column /= np.linalg.norm(column)
    exact = np.concatenate([row, column])
    kept = np.allclose(exact, every[0], atol=2e-6) and all(one == every[0] for one in every)
    return every[0] if kept else tuple(float(value) for value in exact)


def is_direction(cosines: Sequence[float]) -> bool:
    """Whether these are two axes of length 1 at right angles (PS3.3 C.7.6.2.1.1)."""
    row, column = np.array(cosines[:3]), np.array(cosines[3:])
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    return bool(max(abs(length - 1) for length in lengths) < _ORTHONORMAL and abs(row @ column) < _ORTHONORMAL)
