"""Which slices of a stack lie at the same place: decided by distances, measured against the distance of slices."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from mids.readers.dicom.grouping.slices import Floats, Slice, direction, grouped, near

_STEPS = (0.0002, 0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.35)
"""Shares of the expected distance up to which two slices are tried as lying at one depth, the strictest first."""

_APART = 0.1
"""Share of the expected distance that two depths must be apart, or they are one with noise."""

_LEAST = 0.01
"""Share of the expected distance below which no gap is one between levels: few slices have no spacing of their own."""

_ASIDE = 0.5
"""Pixels that slices at one depth may be shifted against each other before they count as lying side by side."""


def places(slices: Sequence[Slice]) -> list[tuple[int, int]]:
    """For each slice the number of its depth, counted along row × column, and its number among those side by side.

    All slices have a position and share a direction.
    """
    cosines = direction(slices)
    normal = np.cross(cosines[:3], cosines[3:])
    points = np.array([plane.position for plane in slices])
    depth = points @ normal
    level = levels(depth, expected(slices))
    pixel = max(slices[0].numbers("PixelSpacing", 2), default=1.0)
    aside = points - np.outer(depth, normal)
    found: list[tuple[int, int]] = [(0, 0)] * len(slices)
    for group in grouped(range(len(slices)), level.__getitem__):
        sides = near(group, lambda index: tuple(aside[index]), _ASIDE * pixel)
        for side, indices in enumerate(sides):
            for index in indices:
                found[index] = level[index], side
    return found


def expected(slices: Sequence[Slice]) -> float:
    """About how far apart slices may be, in mm: what the header says, but not far more than a pixel's size."""
    keywords = ("SpacingBetweenSlices", "SliceThickness")
    said = [abs(value) for keyword in keywords if (value := slices[0].number(keyword))]
    pixel = max(slices[0].numbers("PixelSpacing", 2), default=0.0)
    return min([*said, *([10 * pixel] if pixel else [])], default=1.0)


def levels(depth: Floats, distance: float) -> list[int]:
    """For each depth (mm) the number of its level, ascending; `distance` is about how far apart levels are.

    Depths are one level where their gap is noise. What noise is shows in the whole: as little as makes every level
    equally full and all levels clearly apart, else as little as keeps them apart.
    """
    order = np.argsort(depth, kind="stable")
    gaps = np.diff(depth[order])
    chosen = _cut(gaps, _STEPS[3] * distance)
    apart = None
    for share in _STEPS:
        cut = _cut(gaps, share * distance)
        between = gaps[cut]
        mean = float(between.mean()) if len(between) else np.inf
        wide = _widths(depth[order], cut) <= 2 * share * distance
        least = max(_APART * min(mean, distance), _LEAST * distance)
        if not wide or (len(between) and between.min() < least):
            continue
        counts = np.diff(np.concatenate([[0], np.flatnonzero(cut) + 1, [len(depth)]]))
        if counts.min() == counts.max():
            apart = cut
            break
        apart = cut if apart is None else apart
    number = np.concatenate([[0], np.cumsum(chosen if apart is None else apart)])
    found = np.empty(len(depth), int)
    found[order] = number
    return [int(value) for value in found]


def _cut(gaps: Floats, noise: float) -> np.ndarray:
    return gaps > max(noise, 1e-9)


def _widths(ordered: Floats, cut: np.ndarray) -> float:
    """The largest distance inside a level."""
    begins = np.concatenate([[0], np.flatnonzero(cut) + 1])
    ends = np.concatenate([np.flatnonzero(cut), [len(ordered) - 1]])
    return float((ordered[ends] - ordered[begins]).max())


def is_even(places: Sequence[tuple[int, int]]) -> bool:
    """Whether every place occurs equally often."""
    return len(set(Counter(places).values())) == 1
