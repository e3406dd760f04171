"""Finds and reads text in pictures with trained networks: PP-OCRv6 of RapidOCR (Apache-2.0), weights in its wheel.

Only the weights are used, with ONNX Runtime; nothing comes from a network. A picture is looked at as it is and, upright
and turned by a quarter, with its contrast stretched locally, so that faint letters count too. The networks: DB (arXiv
1911.08947) finds, CTC (SVTR, arXiv 2205.00159) reads.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from importlib import metadata, resources
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from mids.errors import MidsError
from mids.records import Box

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

DETECTOR, READER = "PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"

SIDE = 960
"""The longer side of a picture as the detector sees it, in pixels."""

_STEP = 32
"""The sides of the detector's input are multiples of it."""

_TEXT, _SEED, _MEAN = 0.25, 0.7, 0.6
"""Probability from which a pixel belongs to a region; those of the surest pixel and of all that make a region text."""

_ACROSS, _ALONG, _LEAST = 1.0, 3.0, 5
"""A region is the inner part of a text, half as high as its letters, and faint letters at an end may be missing: it
grows by so many times its thickness across and along the line, and at least so many pixels."""

_THICKEST = 0.03
"""Of the longer side: what is thicker is no line of text but a rib or a lung."""

_WINDOW, _SPREAD, _FLOOR = 61, 60.0, 4.0
"""Local stretch: pixels of the window, grey levels of a standard deviation, the least deviation so stretched."""

_HIGH, _SURE = 48, 0.5
"""Height in pixels of a line as the reader sees it; mean probability below which nothing counts as read."""


@cache
def version() -> str:
    """The version of RapidOCR; raises `MidsError` where it, or ONNX Runtime, is not installed."""
    try:
        metadata.version("onnxruntime")
        return metadata.version("rapidocr")
    except metadata.PackageNotFoundError as error:
        raise MidsError("--detect learned needs RapidOCR: pip install 'mids[detect]'") from error


@cache
def _network(name: str) -> "InferenceSession":
    from onnxruntime import InferenceSession, SessionOptions

    version()
    options = SessionOptions()
    options.intra_op_num_threads = 1  # a process for each job is enough
    options.log_severity_level = 3
    weights = resources.files("rapidocr") / "models" / name
    if not weights.is_file():
        raise MidsError(f"RapidOCR {version()} does not hold {name}: pip install 'mids[detect]'")
    return InferenceSession(weights.read_bytes(), options, providers=["CPUExecutionProvider"])


def text_boxes(picture: Bytes) -> tuple[Box, ...]:
    """Boxes of text in an 8-bit picture, grey (rows, columns) or RGB, at any angle, with a margin; in pixels of it."""
    grey = picture if picture.ndim == 2 else np.asarray(Image.fromarray(picture).convert("L"))
    plain, stretched = _views(grey)
    turned = np.rot90(_chances(np.rot90(stretched)), -1)  # lines that run upwards are found less surely
    chances: Floats = np.max([_chances(plain), _chances(stretched), turned], axis=0)
    scale = np.array(grey.shape) / chances.shape
    return tuple(sorted({_scaled(box, scale, grey.shape) for box in _regions(chances)}))


def read(parts: Sequence[Bytes]) -> tuple[tuple[str, ...], ...]:
    """The words of each part, a line cut from a grey picture (rows, columns), upright or turned by a quarter."""
    return tuple(tuple(_best(part).split()) for part in parts)


def _views(grey: Bytes) -> Iterator[Floats]:
    """The picture in the detector's size, as it is and stretched."""
    from scipy import ndimage

    scale = SIDE / max(grey.shape)
    high, wide = (max(_STEP, round(side * scale / _STEP) * _STEP) for side in grey.shape)
    way = Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC
    small = np.asarray(Image.fromarray(grey).resize((wide, high), way), np.float32)
    yield small
    mean = ndimage.uniform_filter(small, _WINDOW)
    deviation = np.sqrt(np.maximum(ndimage.uniform_filter(small * small, _WINDOW) - mean * mean, 0))
    yield np.clip(128 + (small - mean) * (_SPREAD / np.maximum(deviation, _FLOOR)), 0, 255)


def _chances(view: Floats) -> Floats:
    """The probability of text at each pixel."""
    given = np.repeat(((view / 255 - 0.5) / 0.5)[None, None], 3, axis=1).astype(np.float32)
    network = _network(DETECTOR)
    (found,) = network.run(None, {network.get_inputs()[0].name: given})
    chances: Floats = np.asarray(found)[0, 0]
    return chances


def _regions(chances: Floats) -> Iterator[Box]:
    """Boxes of the regions that are sure, and as thin as lines of text, grown by their thickness."""
    from scipy import ndimage

    labels, number = ndimage.label(chances > _TEXT, np.ones((3, 3)))
    if not number:
        return
    numbers = np.arange(1, number + 1)
    surest, mean = ndimage.maximum(chances, labels, numbers), ndimage.mean(chances, labels, numbers)
    for label, place in enumerate(ndimage.find_objects(labels), start=1):
        inside = np.pad(labels[place] == label, 1)
        thick = 2 * float(ndimage.distance_transform_cdt(inside, "chessboard").max())
        if surest[label - 1] < _SEED or mean[label - 1] < _MEAN or thick > _THICKEST * SIDE:
            continue
        rows, columns = place
        high, wide = rows.stop - rows.start, columns.stop - columns.start
        beside = max(_LEAST, _ALONG * thick)
        down = beside if 2 * high > wide else max(_LEAST, _ACROSS * thick)
        across = beside if 2 * wide > high else max(_LEAST, _ACROSS * thick)
        down, across = round(down), round(across)
        yield rows.start - down, columns.start - across, rows.stop + down, columns.stop + across


def _scaled(box: Box, scale: npt.NDArray[Any], shape: tuple[int, ...]) -> Box:
    """A box in pixels of the picture, inside it."""
    top, left, bottom, right = box
    return (
        max(0, int(top * scale[0])), max(0, int(left * scale[1])),
        min(shape[0], int(np.ceil(bottom * scale[0]))), min(shape[1], int(np.ceil(right * scale[1]))),
    )  # fmt: skip


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
    network = _network(READER)
    (found,) = network.run(None, {network.get_inputs()[0].name: given})
    best = np.asarray(found)[0].argmax(axis=1)
    is_new = (best != 0) & np.insert(best[1:] != best[:-1], 0, True)
    chances = np.asarray(found)[0].max(axis=1)[is_new]
    letters = _letters()
    return float(chances.mean()) if len(chances) else 0.0, "".join(letters[place] for place in best[is_new])


@cache
def _letters() -> tuple[str, ...]:
    """What each class of the reader stands for; the first is the blank of CTC, the last a space."""
    kept = _network(READER).get_modelmeta().custom_metadata_map["character"].splitlines()
    return ("", *kept, " ")
