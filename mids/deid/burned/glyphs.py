"""Finds text in an image by local contrast: thin strokes that stand out from what is around them, in lines.

It reads nothing: what is found may be a name, a laterality mark or a ruler. Every size is in pixels of a working
image of at most `LONGEST` pixels a side, made so that thin strokes keep their contrast.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from mids.records import Box

LONGEST = 1200
_COARSER = 3
"""A second working image is so many times smaller, for letters with thick strokes."""

CONTRAST = 40
"""Of 255: what a stroke differs by from the ground that it stands on, and from the median around it."""

_STROKE = 9
"""What is narrower than this is a stroke: the ground is the image opened (or closed) by a square of this side."""

_NOISE = 2.5
"""A stroke rises above the ground by so many times what the pixels around it do on average."""

_CELL, _WINDOW = 4, 13
"""The median is taken over `_WINDOW` cells of `_CELL` pixels a side: more than twice the height of usual text."""

_LOWEST, _LOWEST_COARSE, _HIGHEST = 5, 10, 0.07
"""Height of a glyph: pixels at least, in the fine and in the coarse image; part of the longer side at most."""

_FEWEST_ALONG = 6
"""Glyphs of a line along an edge."""

_MOST = 4000
"""Candidates; in an image with more no text could be told apart: all of it counts as text."""

Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Shapes:
    """Connected sets of pixels: bounding boxes (bottom and right exclusive) and areas, one element for each."""

    top: Ints
    left: Ints
    bottom: Ints
    right: Ints
    area: Ints

    def only(self, kept: Flags | Ints) -> "_Shapes":
        return _Shapes(*(getattr(self, name)[kept] for name in ("top", "left", "bottom", "right", "area")))


def text_boxes(picture: Bytes) -> tuple[Box, ...]:
    """Boxes of what looks like text in an 8-bit image, grey (rows, columns) or RGB (rows, columns, 3).

    The boxes are in pixels of the image, with a margin, sorted; none overlap. Light text and dark text are
    both found, in each colour channel.
    """
    channels = [picture] if picture.ndim == 2 else [picture[..., k] for k in range(picture.shape[2])]
    finest = max(1, -(-max(picture.shape[:2]) // LONGEST))
    rows, columns = picture.shape[:2]
    found = set()
    passes = ((finest, _LOWEST), (_COARSER * finest, _LOWEST_COARSE))
    for channel, (step, lowest) in ((channel, each) for channel in channels for each in passes):
        for top, left, bottom, right in (line for mask in _strokes(channel, step) for line in _both_ways(mask, lowest)):
            box = max(0, top * step), max(0, left * step), min(rows, bottom * step), min(columns, right * step)
            found.add(box)
    return unite_boxes(found)


def unite_boxes(boxes: Iterable[Box]) -> tuple[Box, ...]:
    """The boxes, sorted; those that overlap as the one that holds them."""
    done: list[Box] = []
    left = sorted(set(boxes))
    while left:
        box = left.pop()
        for other in (*done, *left):
            if box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]:
                (done if other in done else left).remove(other)
                left.append(
                    (min(box[0], other[0]), min(box[1], other[1]), max(box[2], other[2]), max(box[3], other[3]))
                )
                break
        else:
            done.append(box)
    return tuple(sorted(done))


def _strokes(channel: Bytes, step: int) -> tuple[Flags, Flags]:
    """Light strokes and dark strokes of an image made `step` times smaller."""
    high, wide = (-(-side // step) * step for side in channel.shape)
    padded = np.pad(channel, ((0, high - channel.shape[0]), (0, wide - channel.shape[1])), mode="edge")
    blocks = padded.reshape(high // step, step, wide // step, step)
    around = _median(padded, (wide // step, high // step))
    return _find_raised_pixels(blocks.max(axis=(1, 3)), around), _find_raised_pixels(
        255 - blocks.min(axis=(1, 3)), 255 - around
    )


def _find_raised_pixels(picture: Bytes, around: Bytes) -> Flags:
    """What is light, narrow, and rises above the median around it."""
    ground = _largest(_largest(picture, least=True), least=False)
    rise = picture - ground
    usual = Image.fromarray(rise).resize([max(1, side // 16) for side in rise.shape[::-1]], Image.Resampling.BOX)
    noise = np.asarray(usual.resize(rise.shape[::-1], Image.Resampling.BILINEAR), np.float32)
    stands_out: Flags = (rise > np.maximum(CONTRAST, _NOISE * noise)) & (picture.astype(np.int16) - around > CONTRAST)
    return stands_out


def _largest(picture: Bytes, *, least: bool) -> Bytes:
    """The largest or the least value in the square of side `_STROKE` around each pixel."""
    choose = np.minimum if least else np.maximum
    for axis in (0, 1):
        padding = [(0, 0), (0, 0)]
        padding[axis] = (_STROKE // 2, _STROKE // 2)
        lanes = np.moveaxis(np.pad(picture, padding, mode="edge"), axis, 0)
        length = picture.shape[axis]
        found = lanes[:length]
        for shift in range(1, _STROKE):
            found = choose(found, lanes[shift : shift + length])
        picture = np.ascontiguousarray(np.moveaxis(found, 0, axis))
    return picture


def _median(channel: Bytes, size: tuple[int, int]) -> Bytes:
    """The local median of an image, in another size (columns, rows)."""
    cells = (max(1, size[0] // _CELL), max(1, size[1] // _CELL))
    small = Image.fromarray(channel).resize(cells, Image.Resampling.BOX).filter(ImageFilter.MedianFilter(_WINDOW))
    return np.asarray(small.resize(size, Image.Resampling.BILINEAR))


def _both_ways(mask: Flags, lowest: int) -> list[Box]:
    """Lines of text, and lines along an edge: nothing is read, so a transposed letter is as good as a turned one.

    A line along an edge has more letters: vertebrae stand in a column too.
    """
    along = _lines(np.ascontiguousarray(mask.T), lowest, fewest=_FEWEST_ALONG)
    return [*_lines(mask, lowest), *((top, left, bottom, right) for left, top, right, bottom in along)]


def _lines(mask: Flags, lowest: int, *, fewest: int = 1) -> list[Box]:
    """Boxes of lines of at least `fewest` glyphs that are at least `lowest` pixels high, with a margin.

    Small signs, and the letters at an end where the ground is light, may be missing from a line: the margin is half
    its height above and below, its height at the sides of a pair, twice its height at those of a longer line.
    """
    glyphs = _glyphs(_shapes(mask), max(mask.shape), lowest)
    if not len(glyphs.top):
        return []
    if len(glyphs.top) > _MOST:
        return [(0, 0, *mask.shape)]
    labels = _label_components(len(glyphs.top), *_neighbours(glyphs))
    found = []
    for label in np.unique(labels):
        line = glyphs.only(labels == label)
        if len(line.top) < fewest:
            continue
        if len(line.top) > 2 or (len(line.top) == 2 and _pair(line)) or _are_touching_letters(line):
            top, bottom = int(line.top.min()), int(line.bottom.max())
            above, beside = (bottom - top) // 2, (bottom - top) * min(2, max(1, len(line.top) - 1))
            box = top - above, int(line.left.min()) - beside, bottom + above, int(line.right.max()) + beside
            found.append(box)
    return found


def _glyphs(shapes: _Shapes, longest: int, lowest: int) -> _Shapes:
    """Shapes of the size and fill of a letter, a digit or a few that touch."""
    high, wide = shapes.bottom - shapes.top, shapes.right - shapes.left
    fill = shapes.area / (high * wide)
    is_sized = (high >= lowest) & (high <= _HIGHEST * longest) & (wide <= 12 * high) & (6 * wide >= high)
    return shapes.only(is_sized & (fill > 0.15) & ((fill < 0.9) | (2 * wide < high)))


def _pair(line: _Shapes) -> bool:
    """Whether two shapes are two letters: of one height, neither a line."""
    high, wide = line.bottom - line.top, line.right - line.left
    return bool(
        high.max() <= 1.2 * high.min() + 1 and (wide <= 2 * high).all() and (line.area < 0.75 * high * wide).any()
    )


def _are_touching_letters(line: _Shapes) -> bool:
    """Whether a shape is letters that touch; one letter alone names nobody."""
    high, wide = line.bottom - line.top, line.right - line.left
    is_wide = ((wide >= 1.4 * high) & (high >= 1.5 * _LOWEST)) | (wide >= 3 * high)
    fill = line.area / (high * wide)
    return bool((is_wide & (fill > 0.25) & (fill < 0.7)).any())


def _neighbours(glyphs: _Shapes) -> tuple[Ints, Ints]:
    """Pairs of glyphs that follow each other on a line: alike in height, side by side, near."""
    order = np.argsort(glyphs.left, kind="stable")
    first, second = [], []
    for place, i in enumerate(order):
        later = order[place + 1 :]
        high = glyphs.bottom[i] - glyphs.top[i]
        others = glyphs.bottom[later] - glyphs.top[later]
        shared = np.minimum(glyphs.bottom[i], glyphs.bottom[later]) - np.maximum(glyphs.top[i], glyphs.top[later])
        lower, upper = np.minimum(high, others), np.maximum(high, others)
        gap = glyphs.left[later] - glyphs.right[i]
        bases = np.abs(glyphs.bottom[i] - glyphs.bottom[later])
        tops = np.abs(glyphs.top[i] - glyphs.top[later])
        aligned = (shared > 0.5 * lower) & (np.minimum(bases, tops) <= np.maximum(1, 0.15 * upper))
        near = later[aligned & (upper <= 2 * lower) & (gap < 1.5 * upper)]
        first.append(np.full(len(near), i))
        second.append(near)
    return np.concatenate(first), np.concatenate(second)


def _shapes(mask: Flags) -> _Shapes:
    """The connected sets of a mask (8 neighbours), found over the runs of its rows."""
    edges = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    row, start = np.nonzero(edges == 1)
    stop = np.nonzero(edges == -1)[1]
    wide = mask.shape[1] + 2
    # A run touches those of the next row that end after its start and start before its end, corners included.
    low = np.searchsorted(row * wide + stop, (row + 1) * wide + start, side="left")
    high = np.searchsorted(row * wide + start, (row + 1) * wide + stop, side="right")
    count = np.maximum(high - low, 0)
    upper = np.repeat(np.arange(len(row)), count)
    lower = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(low, count)
    labels = _label_components(len(row), upper, lower)
    groups, index = np.unique(labels, return_inverse=True)
    top, left = np.full(len(groups), mask.shape[0]), np.full(len(groups), mask.shape[1])
    bottom, right, area = (np.zeros(len(groups), np.int64) for _ in range(3))
    np.minimum.at(top, index, row)
    np.minimum.at(left, index, start)
    np.maximum.at(bottom, index, row + 1)
    np.maximum.at(right, index, stop)
    np.add.at(area, index, stop - start)
    return _Shapes(top, left, bottom, right, area)


def _label_components(count: int, first: Ints, second: Ints) -> Ints:
    """A label for each of `count` things, the same where pairs join them: the smallest number of each set."""
    labels = np.arange(count)
    while True:
        before = labels.copy()
        lowest = np.minimum(labels[first], labels[second])
        np.minimum.at(labels, labels[first], lowest)
        np.minimum.at(labels, labels[second], lowest)
        labels = labels[labels]
        if np.array_equal(before, labels):
            return labels
