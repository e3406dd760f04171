"""What a picture looks like in numbers: where its edges run (histograms of gradients), and its coarse greys."""

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

SIDE = 64
"""Pixels of each side to which a picture is shrunk."""
CELL = 8
DIRECTIONS = 9
COARSE = 16
FEATURES = (SIDE // CELL - 1) ** 2 * 4 * DIRECTIONS + COARSE**2
"""How many numbers a picture becomes."""

Vector = npt.NDArray[np.float64]


def gradients(picture: npt.NDArray[Any]) -> Vector:
    """The features of a picture, (rows, columns) of any type or (rows, columns, 3).

    Histograms of oriented gradients (Dalal and Triggs, CVPR 2005): 9 directions in cells of 8 × 8 pixels, blocks of
    2 × 2 cells, each of unit length; then 16 × 16 means. Greys are scaled between the 1st and the 99th percentile, so
    a window or a bit depth makes no difference.
    """
    grey = picture.astype(np.float32)
    grey = grey.mean(axis=2) if grey.ndim == 3 else grey
    small = np.asarray(Image.fromarray(grey).resize((SIDE, SIDE), Image.Resampling.BILINEAR), dtype=np.float64)
    low, high = np.percentile(small, [1, 99])
    scaled = np.clip((small - low) / max(high - low, 1e-9), 0, 1)
    coarse = scaled.reshape(COARSE, SIDE // COARSE, COARSE, SIDE // COARSE).mean(axis=(1, 3)).ravel()
    return np.concatenate([_blocks(_histograms(scaled)), (coarse - coarse.mean()) / 2])


def _histograms(grey: Vector) -> Vector:
    """The histogram of each cell: (cells, cells, directions), each gradient shared by its two nearest directions."""
    down, right = np.gradient(grey)
    length = np.hypot(down, right)
    place = (np.arctan2(down, right) % np.pi) / np.pi * DIRECTIONS
    lower = np.floor(place).astype(int)
    rest = place - lower
    cells = np.zeros((SIDE // CELL, SIDE // CELL, DIRECTIONS))
    row, column = np.indices(grey.shape) // CELL
    np.add.at(cells, (row, column, lower % DIRECTIONS), length * (1 - rest))
    np.add.at(cells, (row, column, (lower + 1) % DIRECTIONS), length * rest)
    return cells


def _blocks(cells: Vector) -> Vector:
    windows = np.lib.stride_tricks.sliding_window_view(cells, (2, 2), axis=(0, 1))
    blocks = windows.reshape(-1, DIRECTIONS * 4)
    lengths: Vector = np.sqrt((blocks**2).sum(axis=1, keepdims=True) + 1e-3)
    return np.asarray((blocks / lengths).ravel())
