"""What a picture looks like, whatever its window: a small patch of local contrast, and how alike two pictures are.

Greys are replaced by their ranks, so that any window, gamma or polarity-preserving table makes no difference; then the
coarse course is taken out and local contrast made even, so that two chests, which are alike in the large, are not.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

SIDE = 32
Floats = npt.NDArray[np.float32]
Frame = tuple[float, float, float, float]
"""How much of a picture is cut off at its left, top, right and bottom, as parts of its width and height."""

STARTS: tuple[Frame, ...] = (
    (0.0, 0.0, 0.0, 0.0),
    *(
        (cut * x, cut * y, cut * (1 - x), cut * (1 - y))
        for cut in (0.07, 0.14) for y in (0.0, 0.5, 1.0) for x in (0.0, 0.5, 1.0)
    ),
)  # fmt: skip
"""Frames that are tried first; the best is made finer."""
STEPS = (0.03, 0.015, 0.007)
WIDEST = 0.3
"""The most that may be cut off at a side."""


@dataclass(frozen=True, slots=True, eq=False)
class Print:
    """A picture without its border (`grey`), its patch in each of `STARTS`, and its whole patch in eight positions."""

    grey: Floats
    framed: Floats
    turned: Floats


def make_print(picture: npt.NDArray[Any]) -> Print:
    """The print of a picture, (rows, columns) or (rows, columns, 3)."""
    grey = picture.mean(axis=2) if picture.ndim == 3 else picture
    grey = _trim(_shrink(grey.astype(np.float32)))
    whole = patch(grey)
    turned = [np.rot90(side, turn).ravel() for side in (whole, whole[:, ::-1]) for turn in range(4)]
    return Print(grey, np.stack([patch(cut(grey, frame)).ravel() for frame in STARTS]), np.stack(turned))


def _shrink(grey: Floats) -> Floats:
    """At most 256 pixels a side: what is compared is coarser than that."""
    most = max(grey.shape) / 256
    if most <= 1:
        return grey
    size = max(round(grey.shape[1] / most), 8), max(round(grey.shape[0] / most), 8)
    return np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BOX))


def _trim(grey: Floats) -> Floats:
    """Without rows and columns of one grey at the edges."""
    spread = (grey.max() - grey.min()) / 128
    for _ in range(2):
        rows, columns = np.flatnonzero(grey.std(axis=1) > spread), np.flatnonzero(grey.std(axis=0) > spread)
        if len(rows) >= 8 and len(columns) >= 8:
            grey = grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return grey


def cut(grey: Floats, frame: Frame) -> Floats:
    """A picture without a frame, at least 8 pixels a side where it has them."""
    rows, columns = grey.shape
    left, top, right, bottom = frame
    first_row, first_column = round(rows * top), round(columns * left)
    last_row = max(round(rows * (1 - bottom)), first_row + 8)
    last_column = max(round(columns * (1 - right)), first_column + 8)
    return grey[first_row:last_row, first_column:last_column]


def patch(grey: Floats) -> Floats:
    """The local contrast of a picture on 32 × 32 points, of length 1."""
    large = np.asarray(Image.fromarray(grey).resize((2 * SIDE, 2 * SIDE), Image.Resampling.BOX))
    ranks = (np.argsort(np.argsort(large.ravel(), kind="stable")).reshape(large.shape) / large.size).astype(np.float32)
    fine = (ranks - _blur(ranks)).reshape(SIDE, 2, SIDE, 2).mean(axis=(1, 3))
    even = fine / (_blur(np.abs(fine)) + np.float32(0.01))
    even -= even.mean()
    return np.asarray(even / max(float(np.linalg.norm(even)), 1e-9), dtype=np.float32)


def _blur(values: Floats) -> Floats:
    small = Image.fromarray(values).resize((8, 8), Image.Resampling.BOX)
    return np.asarray(small.resize(values.shape[::-1], Image.Resampling.BICUBIC))


def compare(one: Print, other: Print) -> float:
    """How alike two pictures are, up to 1: the best of `one` without some frame against the whole of `other`."""
    scores = one.framed @ other.turned.T
    start, position = np.unravel_index(int(scores.argmax()), scores.shape)
    goal, best, frame = other.turned[position], float(scores.max()), STARTS[start]
    for step in STEPS:
        for _ in range(3):
            tried = [(float(patch(cut(one.grey, each)).ravel() @ goal), each) for each in _near(frame, step)]
            better, nearer = max(tried)
            if better <= best:
                break
            best, frame = better, nearer
    return best


def _near(frame: Frame, step: float) -> list[Frame]:
    """A frame with one of its sides moved by a step."""
    found = []
    for side in range(4):
        for move in (step, -step):
            sides = list(frame)
            sides[side] = min(max(sides[side] + move, 0.0), WIDEST)
            found.append((sides[0], sides[1], sides[2], sides[3]))
    return found
