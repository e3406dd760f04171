"""Finds and reads text in pictures with trained networks: PP-OCRv6 of RapidOCR (Apache-2.0), weights in its wheel.

A picture is looked at as a whole, as it is and, upright and turned by a quarter, with its contrast stretched locally,
so that faint letters count too. What may be text in it, or is taken for some by another detector, gets a closer look,
which decides. The networks: DB (arXiv 1911.08947) finds, CTC (SVTR, arXiv 2205.00159) reads.
"""

from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from mids.readers.images.closer import Place, confirm
from mids.readers.images.detector import LETTERS, STEP, TEXT, chances, network, version
from mids.records import Box

__all__ = ["Place", "is_text", "read", "text_boxes", "version"]

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

READER = "PP-OCRv6_rec_small.onnx"

SIDE = 960
"""The longer side of a whole picture as the detector sees it, in pixels."""

_UNSURE, _MOST = 0.3, 80
"""Probability of the surest pixel from which a region gets a closer look; so many places get one at most."""

_AGREED = 0.6
"""Probability from which another detector's place supports a line that is found there."""

_THICKEST = 0.04
"""Of the longer side: what is thicker is no line of text but a rib or a lung."""

_WINDOW, _SPREAD, _FLOOR = 61, 60.0, 4.0
"""Local stretch: pixels of the window, grey levels of a standard deviation, the least deviation so stretched."""

_HIGH, _SURE = 48, 0.5
"""Height in pixels of a line as the reader sees it; mean probability below which nothing counts as read."""


def text_boxes(picture: Bytes, places: Sequence[tuple[float, Place]] = ()) -> tuple[Box, ...]:
    """Boxes of text in an 8-bit picture, grey (rows, columns) or RGB, at any angle, with a margin; in pixels of it.

    `places` are those where another detector sees text, with its probability; they get a closer look too.
    """
    grey = picture if picture.ndim == 2 else np.asarray(Image.fromarray(picture).convert("L"))
    plain, stretched = _views(grey)
    turned = chances(stretched, 1)  # lines that run upwards are found less surely
    found: Floats = np.max([chances(plain), chances(stretched), turned], axis=0)
    own = [place for place in _places(found, grey.shape) if place[0] >= _UNSURE]
    worth = sorted([*own, *places], key=lambda place: -place[0])[:_MOST]
    agreed = [place for chance, place in places if chance >= _AGREED]
    boxes = confirm(grey, [place for _, place in worth], agreed)
    return tuple(sorted(_inside(box, grey.shape) for box in boxes))


def is_text(picture: Bytes, place: Place) -> bool:
    """Whether a closer look at one place of an 8-bit picture, grey (rows, columns) or RGB, shows text."""
    grey = picture if picture.ndim == 2 else np.asarray(Image.fromarray(picture).convert("L"))
    return bool(confirm(grey, [place], [place]))


def read(parts: Sequence[Bytes]) -> tuple[tuple[str, ...], ...]:
    """The words of each part, a line cut from a grey picture (rows, columns), upright or turned by a quarter."""
    return tuple(tuple(_best(part).split()) for part in parts)


def _views(grey: Bytes) -> Iterator[Floats]:
    """The picture in the detector's size, as it is and stretched."""
    from scipy import ndimage

    scale = SIDE / max(grey.shape)
    high, wide = (max(STEP, round(side * scale / STEP) * STEP) for side in grey.shape)
    way = Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC
    small = np.asarray(Image.fromarray(grey).resize((wide, high), way), np.float32)
    yield small
    mean = ndimage.uniform_filter(small, _WINDOW)
    deviation = np.sqrt(np.maximum(ndimage.uniform_filter(small * small, _WINDOW) - mean * mean, 0))
    yield np.clip(128 + (small - mean) * (_SPREAD / np.maximum(deviation, _FLOOR)), 0, 255)


def _places(found: Floats, shape: tuple[int, ...]) -> Iterator[tuple[float, Place]]:
    """Where the detector sees text in the whole picture, however unsure, with the largest probability."""
    from scipy import ndimage

    down, across = (side / seen for side, seen in zip(shape, found.shape, strict=True))
    labels, _ = ndimage.label(found > TEXT, np.ones((3, 3)))
    for label, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        inside = labels[rows, columns] == label
        thick = 2 * float(ndimage.distance_transform_cdt(np.pad(inside, 1), "chessboard").max())
        if thick <= _THICKEST * SIDE:
            core = (
                int(rows.start * down), int(columns.start * across),
                int(np.ceil(rows.stop * down)), int(np.ceil(columns.stop * across)),
            )  # fmt: skip
            yield float(found[rows, columns][inside].max()), Place(core, LETTERS * thick * down)


def _inside(box: Box, shape: tuple[int, ...]) -> Box:
    return box[0], box[1], min(box[2], shape[0]), min(box[3], shape[1])


def _best(part: Bytes) -> str:
    """The text that is read most surely: a part that is higher than wide is turned either way."""
    turns = (0,) if part.shape[1] >= part.shape[0] else (1, 3)
    chance, text = max(_line(np.rot90(part, turn)) for turn in turns)
    return text if chance >= _SURE else ""


def _line(part: Bytes) -> tuple[float, str]:
    """What is read in a line, and the mean probability of its letters."""
    wide = max(_HIGH, round(part.shape[1] * _HIGH / part.shape[0]))
    image = Image.fromarray(np.ascontiguousarray(part)).resize((wide, _HIGH), Image.Resampling.BICUBIC)
    given = np.repeat(((np.asarray(image, np.float32) / 255 - 0.5) / 0.5)[None, None], 3, axis=1)
    reader = network(READER)
    (found,) = reader.run(None, {reader.get_inputs()[0].name: given})
    best = np.asarray(found)[0].argmax(axis=1)
    is_new = (best != 0) & np.insert(best[1:] != best[:-1], 0, True)
    sure = np.asarray(found)[0].max(axis=1)[is_new]
    letters = _letters()
    return float(sure.mean()) if len(sure) else 0.0, "".join(letters[place] for place in best[is_new])


@cache
def _letters() -> tuple[str, ...]:
    """What each class of the reader stands for; the first is the blank of CTC, the last a space."""
    kept = network(READER).get_modelmeta().custom_metadata_map["character"].splitlines()
    return ("", *kept, " ")
