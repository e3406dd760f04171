"""A small convolutional network that says where text may stand; NumPy alone runs it.

It was trained by `benchmarks/glyph_network.py` on drawn text; `schemas/deid/glyphs` holds its weights with their card.
Two convolutions of stride 2, then dilated ones of one width, whose results are added to what they were given.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from mids.resources import schemas

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

STEP = 4
"""A picture has so many pixels a side for each probability."""

DILATIONS = (1, 2, 4, 8, 4, 2, 1)
"""Of the convolutions after the first two."""

_AROUND = 32
"""Pixels a side of the blocks over which mean and deviation are taken."""


_BLOCK = 4096
"""Places that are computed at once: what they need stays in a cache of the processor."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Kernels (places, channels in, channels out) and offsets (channels out) of each convolution, then of the sum."""

    kernels: tuple[Floats, ...]
    offsets: tuple[Floats, ...]


@cache
def load_weights() -> Weights:
    """The weights that ship with the package."""
    with np.load(schemas() / "deid" / "glyphs" / "weights.npz", allow_pickle=False) as content:
        number = len(content.files) // 2
        kernels = tuple(content[f"kernel{k}"].astype(np.float32) for k in range(number))
        return Weights(kernels, tuple(content[f"offset{k}"].astype(np.float32) for k in range(number)))


def chances(grey: Bytes, weights: Weights | None = None) -> Floats:
    """The probability of text in each square of `STEP` pixels of a grey picture (rows, columns)."""
    weights = weights or load_weights()
    high, wide = (-(-side // STEP) * STEP for side in grey.shape)
    padded = np.pad(grey, ((0, high - grey.shape[0]), (0, wide - grey.shape[1])), mode="edge")
    values = prepared(padded)
    for kernel, offset in zip(weights.kernels[:2], weights.offsets[:2], strict=True):
        values = _halved(values, kernel, offset)
    values = _dilated(values, weights)
    logits = values @ weights.kernels[-1][0] + weights.offsets[-1]
    found: Floats = 1 / (1 + np.exp(-logits[..., 0]))
    return found


def prepared(grey: Bytes) -> Floats:
    """What the network is given (rows, columns, 2): the difference from the mean around, in grey levels and in
    deviations.
    """
    values = grey.astype(np.float32)
    rise = values - _around(values)
    spread = _around(np.abs(rise))
    return np.stack([np.clip(rise / 40, -3, 3), np.clip(rise / (3 + 2 * spread), -3, 3)], axis=-1)


def _around(values: Floats) -> Floats:
    """The mean around each pixel."""
    small = [max(1, round(side / _AROUND)) for side in values.shape[::-1]]
    image = Image.fromarray(values).resize(small, Image.Resampling.BOX)
    return np.asarray(image.resize(values.shape[::-1], Image.Resampling.BILINEAR), np.float32)


def _halved(values: Floats, kernel: Floats, offset: Floats) -> Floats:
    """A convolution of 3 x 3 and stride 2, and its positive part."""
    high, wide = values.shape[0] // 2, values.shape[1] // 2
    padded = np.pad(values, ((1, 1), (1, 1), (0, 0)))
    parts = [
        padded[row : row + 2 * high : 2, column : column + 2 * wide : 2] for row in range(3) for column in range(3)
    ]
    total: Floats = np.concatenate(parts, axis=-1) @ kernel.reshape(-1, kernel.shape[-1]) + offset
    return np.maximum(total, 0)


def _dilated(values: Floats, weights: Weights) -> Floats:
    """The convolutions of stride 1. All rows lie in one line with a margin, so that a shift is an offset in it."""
    margin = max(DILATIONS)
    high, _, channels = values.shape
    line = np.pad(values, ((margin + 1, margin + 1), (margin, margin), (0, 0)))
    pitch, width = line.shape[1], line.shape[2]
    first, last = (margin + 1) * pitch, (margin + 1 + high) * pitch
    flat = line.reshape(-1, width)
    for kernel, offset, dilation in zip(weights.kernels[2:-1], weights.offsets[2:-1], DILATIONS, strict=True):
        shifts = [((place // 3 - 1) * pitch + place % 3 - 1) * dilation for place in range(9)]
        total = np.empty((last - first, channels), np.float32)
        for start in range(first, last, _BLOCK):
            stop = min(start + _BLOCK, last)
            part = total[start - first : stop - first]
            part[:] = offset
            for shift, matrix in zip(shifts, kernel, strict=True):
                part += flat[start + shift : stop + shift] @ matrix
        inner = total.reshape(high, pitch, channels)[:, margin:-margin]
        line[margin + 1 : -margin - 1, margin:-margin] += np.maximum(inner, 0)
    return line[margin + 1 : -margin - 1, margin:-margin]
