"""Finds text in an image: regions that a small network takes for text, at two scales.

It reads nothing: what is found may be a name, a laterality mark or a ruler. Sizes are in pixels of a working image.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from mids.deid.burned.network import STEP, chances
from mids.records import Box

Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

LONGEST, _SMALL = 1600, 700
"""The longer side of the finest working image at most; a picture whose longer side is less is made twice as large."""

_COARSER = 2.5
"""A second working image is so many times smaller, for larger letters."""

SURE, _PART = 0.98, 0.3
"""Probability of the surest place of a region that is text, and from which a place belongs to a region."""

_LONGER = 1.5
"""A region is so many times longer than thick: a single letter names nobody."""

_SHORT, _SURER = 2.5, 0.997
"""A region less than so many times longer than thick, and less sure than this, may be an electrode or a clip."""

_INSIDE, _ACROSS_ALL = (0.6, 0.8, 0.9, 0.95, 0.98), 0.6
"""A region that is not long is several lines if two long sets of likelier places lie in it, which reach so far
across."""

_ACROSS, _ALONG, _LEAST = 0.6, 1.5, 8
"""A region grows by so many times its thickness across and along the line, for tall letters and faint ends, and by so
many pixels at least."""


@dataclass(frozen=True, slots=True)
class Region:
    """Where text may stand with a margin, and without one, and the height of its letters, in pixels of the picture; the
    largest probability in it."""

    box: Box
    core: Box
    chance: float
    high: float


def text_boxes(picture: Bytes) -> tuple[Box, ...]:
    """Boxes of what looks like text in an 8-bit image, grey (rows, columns) or RGB (rows, columns, 3).

    The boxes are in pixels of the image, with a margin, sorted; none overlap. Light text and dark text are
    both found, in each colour channel.
    """
    return sure_boxes(list_regions(picture))


def sure_boxes(regions: Iterable[Region]) -> tuple[Box, ...]:
    """The boxes of regions that are text, sorted; none overlap.

    What the coarser image sees of a line that the finer one has told adds nothing but a wider margin.
    """
    boxes: list[Box] = []
    for region in regions:
        if region.chance >= SURE and not any(holds(box, region.core) for box in boxes):
            boxes.append(region.box)
    return unite_boxes(boxes)


def is_doubtful(region: Region) -> bool:
    """Whether a region is so short and unsure that it may be a thing: another detector has to see text there, too."""
    top, left, bottom, right = region.core
    short, long = sorted((bottom - top, right - left))
    return region.chance < _SURER and long < _SHORT * short


def list_regions(picture: Bytes) -> tuple[Region, ...]:
    """Everything that may be text, however unsure, that of the finer image first; regions of both scales overlap."""
    is_grey = picture.ndim == 2 or bool((picture == picture[..., :1]).all())
    channels = [picture if picture.ndim == 2 else picture[..., 0]] if is_grey else list(np.moveaxis(picture, -1, 0))
    longest = max(picture.shape[:2])
    finest = min(LONGEST / longest, 1.0) if longest > _SMALL else 2.0
    return tuple(
        region for scale in (finest, finest / _COARSER) for channel in channels for region in _regions(channel, scale)
    )


def holds(outer: Box, inner: Box) -> bool:
    """Whether a box lies in another."""
    return outer[0] <= inner[0] and outer[1] <= inner[1] and inner[2] <= outer[2] and inner[3] <= outer[3]


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


def _regions(channel: Bytes, scale: float) -> Iterator[Region]:
    """The regions of one channel at one scale."""
    size = tuple(max(1, round(side * scale)) for side in channel.shape[::-1])
    way = Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC
    found = chances(np.asarray(Image.fromarray(channel).resize(size, way)) if scale != 1 else channel)
    for top, left, bottom, right, area, chance in _connected(found):
        high, wide = bottom - top, right - left
        long = float(np.hypot(high, wide)) if min(high, wide) > area / max(high, wide) * 1.5 else float(max(high, wide))
        thick = area / long
        if long < _LONGER * thick:
            lines = _count_lines(found[top:bottom, left:right])
            if lines < 2:
                continue
            thick = min(high, wide) / lines
        along, across = (max(_LEAST / STEP, share * thick) for share in (_ALONG, _ACROSS))
        down = along if 2 * high > wide else across
        beside = along if 2 * wide > high else across
        grown = (top - down, left - beside, bottom + down, right + beside)
        core = _in_pixels((top, left, bottom, right), scale, channel)
        yield Region(_in_pixels(grown, scale, channel), core, chance, thick * STEP / scale)


def _count_lines(part: Floats) -> int:
    """How many lines of text stand beside each other in a part of the probabilities, none where it is a letter."""
    return max(sum(_is_line(line, part.shape) for line in _connected(part, least)) for least in _INSIDE)


def _is_line(line: tuple[int, int, int, int, int, float], block: tuple[int, ...]) -> bool:
    top, left, bottom, right, area, chance = line
    long = max(bottom - top, right - left)
    far = _ACROSS_ALL * (block[1] if right - left > bottom - top else block[0])
    return chance >= SURE and long >= max(far, _LONGER * area / long, 4)


def _in_pixels(edges: tuple[float, float, float, float], scale: float, channel: Bytes) -> Box:
    """Edges in places of the working image as whole pixels of the picture, within it."""
    rows, columns = channel.shape
    top, left, bottom, right = (edge * STEP / scale for edge in edges)
    return max(0, int(top)), max(0, int(left)), min(rows, int(np.ceil(bottom))), min(columns, int(np.ceil(right)))


def _connected(found: Floats, least: float = _PART) -> Iterator[tuple[int, int, int, int, int, float]]:
    """The connected sets (8 neighbours) of places above `least`: top, left, bottom, right, area, most likely place."""
    edges = np.diff(np.pad(found > least, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    row, start = np.nonzero(edges == 1)
    stop = np.nonzero(edges == -1)[1]
    if not len(row):
        return
    wide = found.shape[1] + 2
    # A run touches those of the next row that end after its start and start before its end, corners included.
    low = np.searchsorted(row * wide + stop, (row + 1) * wide + start, side="left")
    high = np.searchsorted(row * wide + start, (row + 1) * wide + stop, side="right")
    count = np.maximum(high - low, 0)
    upper = np.repeat(np.arange(len(row)), count)
    lower = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(low, count)
    labels = _label_components(len(row), upper, lower)
    padded = np.append(found.ravel(), 0)  # the last run may end with the picture
    ends = np.stack([row * found.shape[1] + start, row * found.shape[1] + stop], axis=1).ravel()
    surest = np.maximum.reduceat(padded, ends)[::2]
    for label in np.unique(labels):
        own = labels == label
        area = int((stop[own] - start[own]).sum())
        yield (
            int(row[own].min()), int(start[own].min()), int(row[own].max()) + 1, int(stop[own].max()), area,
            float(surest[own].max()),
        )  # fmt: skip


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
