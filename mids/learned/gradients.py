"""What a picture looks like in numbers: where its edges run (histograms of gradients), and its coarse greys.

`gradients` hardly tell a picture from its negative, `shades` do.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

SIDE = 64
"""Pixels of each side to which a picture is shrunk."""
BLOCKS = 3.0
"""How many times `SIDE` a large picture is at least after means of whole blocks, before it is shrunk by weights."""
CELL = 8
DIRECTIONS = 9
COARSE = 16
WAYS, FINE, AROUND = 12, 32, 8

Vector = npt.NDArray[np.float64]


def gradients(picture: npt.NDArray[Any]) -> Vector:
    """The features of a picture, (rows, columns) of any type or (rows, columns, 3).

    Histograms of oriented gradients (Dalal and Triggs, CVPR 2005): 9 directions in cells of 8 × 8 pixels, blocks of
    2 × 2 cells, each of unit length; then 16 × 16 means. Greys are scaled between the 1st and the 99th percentile, so
    a window or a bit depth makes no difference.
    """
    scaled = _shrunk(picture)
    return np.concatenate([_blocks(_histograms(scaled, np.pi, DIRECTIONS)), _coarse(scaled, COARSE) / 2])


def shades(picture: npt.NDArray[Any]) -> Vector:
    """Features of a picture, as `gradients`, of which a negative has others.

    Histograms of 12 directions from dark to bright in cells of 8 × 8 pixels; 32 × 32 greys, each against the mean and
    deviation of 17 × 17 pixels around it; 16 × 16 means.
    """
    scaled = _shrunk(picture)
    cells = _histograms(_means(_means(scaled, 1), 1), 2 * np.pi, WAYS)
    lengths = np.sqrt((cells**2).sum(axis=2, keepdims=True) + 1e-3)
    around = _means(scaled, AROUND)
    deviation = np.sqrt(np.maximum(_means(scaled**2, AROUND) - around**2, 0))
    local = np.clip((scaled - around) / (deviation + 0.03), -3, 3)
    return np.concatenate([(cells / lengths).ravel(), _coarse(local, FINE) / 4, _coarse(scaled, COARSE)])


def asymmetry(picture: npt.NDArray[Any]) -> Vector:
    """The `gradients` of a picture less those of its mirror image, whose own are the same with the other sign."""
    return gradients(picture) - gradients(picture[:, ::-1])


def shrink(picture: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """The greys of a picture on `SIDE` × `SIDE` pixels, which have the same features; of such a picture, its own."""
    grey = picture.astype(np.float32)
    if grey.ndim == 3:
        grey = grey @ np.full(grey.shape[2], 1 / grey.shape[2], np.float32)  # the mean in a fraction of its time
    small = Image.fromarray(grey).resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=BLOCKS)
    return np.asarray(small)


def _shrunk(picture: npt.NDArray[Any]) -> Vector:
    """A picture on `SIDE` × `SIDE` pixels, 0 to 1 between its 1st and 99th percentile."""
    small = shrink(picture).astype(np.float64)
    low, high = np.percentile(small, [1, 99])
    return np.asarray(np.clip((small - low) / max(high - low, 1e-9), 0, 1))


def _coarse(grey: Vector, side: int) -> Vector:
    """Means of squares, `side` × `side` in a row, about their own mean."""
    means = grey.reshape(side, SIDE // side, side, SIDE // side).mean(axis=(1, 3)).ravel()
    return np.asarray(means - means.mean())


def _means(grey: Vector, reach: int) -> Vector:
    """The mean around each pixel, of all that are at most `reach` rows and columns away; the rim is repeated."""
    width = 2 * reach + 1
    for _ in range(2):
        sums = np.cumsum(np.pad(grey, ((reach + 1, reach), (0, 0)), "edge"), axis=0)
        grey = ((sums[width:] - sums[:-width]) / width).T
    return grey


def _histograms(grey: Vector, turn: float, directions: int) -> Vector:
    """The histogram of each cell: (cells, cells, directions), each gradient shared by its two nearest directions.

    `turn` is the angle after which directions count as the same: half a turn, or a whole one.
    """
    down, right = np.gradient(grey)
    length = np.hypot(down, right)
    place = (np.arctan2(down, right) % turn) / turn * directions
    lower = np.floor(place).astype(int)
    rest = place - lower
    cells = np.zeros((SIDE // CELL, SIDE // CELL, directions))
    row, column = np.indices(grey.shape) // CELL
    np.add.at(cells, (row, column, lower % directions), length * (1 - rest))
    np.add.at(cells, (row, column, (lower + 1) % directions), length * rest)
    return cells


def _blocks(cells: Vector) -> Vector:
    windows = np.lib.stride_tricks.sliding_window_view(cells, (2, 2), axis=(0, 1))
    blocks = windows.reshape(-1, DIRECTIONS * 4)
    lengths: Vector = np.sqrt((blocks**2).sum(axis=1, keepdims=True) + 1e-3)
    return np.asarray((blocks / lengths).ravel())


_LENGTH = (SIDE // CELL - 1) ** 2 * 4 * DIRECTIONS + COARSE**2

FEATURES: Mapping[str, tuple[Callable[[npt.NDArray[Any]], Vector], int]] = {
    "gradients": (gradients, _LENGTH),
    "asymmetry": (asymmetry, _LENGTH),
    "shades": (shades, (SIDE // CELL) ** 2 * WAYS + FINE**2 + COARSE**2),
}
"""By the name that a model file says: how a picture becomes numbers, and how many."""
