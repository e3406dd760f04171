"""A closer look at places that may show text: each is cut out, made of one size and contrast, and looked at turned.

Letters are letters to the detector whichever way they are turned; ribs, wires and noise that look like some are so from
one side alone. What is found beyond the part that was cut out is followed to its end.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from mids.readers.images.detector import LETTERS, STEP, TEXT, chances
from mids.records import Box

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_HIGH, _SCALES, _LARGEST = 28, (0.4, 3.0), 400_000
"""Height in pixels of a line as it is looked at; the least and largest scale, and the pixels of a look at most."""

_AROUND, _FURTHER = 1.5, 5.0
"""A part reaches so many heights of a line beyond the place; where a line is followed."""

_SPREAD, _FLOOR = 45.0, 3.0
"""Grey levels of a standard deviation as it is looked at, and the least deviation so stretched."""

_SURE = 0.9
"""Probability of the surest pixel of a region, turned two ways, if it is text."""

_LONG, _THICKEST = 2.0, 60
"""A line is so many times longer than thick, and so many pixels thick at most as it is looked at."""

_DOUBTED = ((0.55, 2.5, 60), (0.38, 3.0, 26))
"""If the third way does not agree: the mean of all its pixels at least, how much longer than thick, and how thick."""

_HIGHEST = 0.08
"""Of the longer side of a picture: what is higher is no line of text."""

_ACROSS, _ALONG, _LEAST = 1.0, 5.0, 5
"""A region is the inner part of a line: it grows by so many times its thickness, and so many pixels of the picture."""

_STEPS, _ALIKE = 4, 2.0
"""So many times a line is followed at most; places whose height differs by less than this factor may be its ends."""

_ALONE = (4.0, 0.65)
"""Where no other detector agrees: how much longer than thick a line is at least, and the mean of its pixels."""

_TURNS = (0, 1, 3)

_KNOWN = 0.7
"""A place of which so much lies in a box that was found is not looked at."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where text may stand, and the height of its letters, in pixels of the picture."""

    core: Box
    high: float


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a picture as it is looked at: where it lies, and pixels of the look for each of the picture."""

    values: Floats
    box: Box
    scale: tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of text without and with a margin, and the height of its letters, in pixels of the picture.

    `long` says how many times longer than thick its region is, `mean` is the mean probability of its pixels.
    """

    core: Box
    grown: Box
    high: float
    long: float
    mean: float


def confirm(grey: Bytes, places: Sequence[Place], agreed: Sequence[Place]) -> set[Box]:
    """Boxes of text, with a margin, at those of the places that show some.

    `agreed` are the places where another detector sees text. A line that meets none of them has to be longer and surer
    than the others: bone seldom misleads two detectors at one place.
    """
    found: list[_Line] = []
    for place in places:
        if not any(_share(line.grown, place.core) >= _KNOWN for line in found):
            found += _follow(grey, place)
    kept = [line for line in found if _stands_alone(line) or any(_share(line.grown, one.core) for one in agreed)]
    return {line.grown for line in kept} | set(_list_ends(kept, places))


def _stands_alone(line: _Line) -> bool:
    return line.long >= _ALONE[0] and line.mean >= _ALONE[1]


def _list_ends(lines: Iterable[_Line], places: Sequence[Place]) -> Iterator[Box]:
    """Places that touch a line and are about as high: its faint ends, and what of it stands over anatomy."""
    for place in places:
        box = _grow(place)
        if any(_share(line.grown, box) > 0 and 1 / _ALIKE < place.high / line.high < _ALIKE for line in lines):
            yield box


def _grow(place: Place) -> Box:
    top, left, bottom, right = place.core
    more = round(place.high)
    return max(0, top - more), max(0, left - more), bottom + more, right + more


def _follow(grey: Bytes, place: Place) -> list[_Line]:
    """The lines at one place; one that goes on is followed."""
    found: list[_Line] = []
    around = _AROUND
    for _ in range(_STEPS):
        part = _cut(grey, place, around)
        lines = [line for line in _lines(part) if line.high <= _HIGHEST * max(grey.shape)]
        found += lines
        own = [line for line in lines if _share(line.core, place.core)]
        whole = _unite([place.core, *(line.core for line in own)])
        if not any(_is_cut_off(line.core, part.box, grey.shape) for line in own) or (whole, around) == (
            place.core, _FURTHER,
        ):  # fmt: skip
            break
        place, around = Place(whole, max(place.high, *(line.high for line in own))), _FURTHER
    return found


def _cut(grey: Bytes, place: Place, around: float) -> _Part:
    """The part of a picture around a place, its letters of one height, its contrast that of what is around them."""
    from scipy import ndimage

    margin = round(around * place.high) + 4
    top, left, bottom, right = place.core
    box = max(0, top - margin), max(0, left - margin), bottom + margin, right + margin
    part = grey[box[0] : box[2], box[1] : box[3]].astype(np.float32)
    scale = float(np.clip(_HIGH / max(place.high, 1.0), *_SCALES))
    scale = min(scale, float(np.sqrt(_LARGEST / part.size)))
    high, wide = (max(2 * STEP, round(side * scale / STEP) * STEP) for side in part.shape)
    values = np.asarray(Image.fromarray(part).resize((wide, high), Image.Resampling.BICUBIC), np.float32)
    rise = values - ndimage.uniform_filter(values, 2 * _HIGH + 1)
    stretched = np.clip(128 + rise * (_SPREAD / max(_FLOOR, float(rise.std()))), 0, 255)
    inside = box[0], box[1], box[0] + part.shape[0], box[1] + part.shape[1]
    return _Part(stretched, inside, (high / part.shape[0], wide / part.shape[1]))


def _lines(part: _Part) -> Iterator[_Line]:
    """The text in a part."""
    from scipy import ndimage

    seen: list[Floats] = []
    for turns in _TURNS:
        seen.append(chances(part.values, turns))
        if sum(float(found.max()) < _SURE for found in seen) > 1:
            return  # no two agree
    _, agreed, largest = np.sort(np.stack(seen), axis=0)
    labels, number = ndimage.label(largest > TEXT, np.ones((3, 3)))
    for label, place in zip(range(1, number + 1), ndimage.find_objects(labels), strict=True):
        inside = labels[place] == label
        thick = 2 * float(ndimage.distance_transform_cdt(np.pad(inside, 1), "chessboard").max())
        long = float(inside.sum()) / thick**2
        surest = [float(found[place][inside].max()) for found in (*seen, agreed)]
        mean = float(agreed[place][inside].mean())
        kinds = ((0.0, _LONG, _THICKEST),) if min(surest) >= _SURE else _DOUBTED
        fits = any(mean >= least and long >= longer and thick <= most for least, longer, most in kinds)
        if fits and surest[-1] >= _SURE:
            yield _line(part, place, thick, long, mean)


def _line(part: _Part, place: tuple[slice, slice], thick: float, long: float, mean: float) -> _Line:
    """A region in pixels of the picture."""
    rows, columns = place
    high, wide = rows.stop - rows.start, columns.stop - columns.start
    down = (_ALONG if 2 * high > wide else _ACROSS) * thick
    beside = (_ALONG if 2 * wide > high else _ACROSS) * thick
    core = _placed(part, (rows.start, columns.start, rows.stop, columns.stop), 0)
    grown = _placed(part, (rows.start - down, columns.start - beside, rows.stop + down, columns.stop + beside), _LEAST)
    return _Line(core, grown, LETTERS * thick / part.scale[0], long, mean)


def _placed(part: _Part, edges: tuple[float, float, float, float], more: int) -> Box:
    top, left, bottom, right = edges
    return (
        max(0, int(top / part.scale[0]) + part.box[0] - more), max(0, int(left / part.scale[1]) + part.box[1] - more),
        int(np.ceil(bottom / part.scale[0])) + part.box[0] + more,
        int(np.ceil(right / part.scale[1])) + part.box[1] + more,
    )  # fmt: skip


def _is_cut_off(inner: Box, part: Box, shape: tuple[int, ...]) -> bool:
    """Whether a region comes near an edge of its part that is none of the picture's."""
    near = (part[2] - part[0]) * 0.02 + 4
    return (
        (inner[0] - part[0] < near and part[0] > 0) or (inner[1] - part[1] < near and part[1] > 0)
        or (part[2] - inner[2] < near and part[2] < shape[0]) or (part[3] - inner[3] < near and part[3] < shape[1])
    )  # fmt: skip


def _unite(boxes: list[Box]) -> Box:
    tops, lefts, bottoms, rights = zip(*boxes, strict=True)
    return min(tops), min(lefts), max(bottoms), max(rights)


def _share(outer: Box, inner: Box) -> float:
    """How much of a box lies in another."""
    high, wide = (min(outer[k + 2], inner[k + 2]) - max(outer[k], inner[k]) for k in (0, 1))
    return max(0, high) * max(0, wide) / max(1, (inner[2] - inner[0]) * (inner[3] - inner[1]))
