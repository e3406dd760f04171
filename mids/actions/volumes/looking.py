"""Looks for text in slices of a volume whose header asks for it: the first, the middle and the last, and odd ones."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import dcmread

from mids.actions.screen import Looked, identifying, look
from mids.actions.volumes.stack import Stack
from mids.deid.burned.evidence import Screen
from mids.records import Box

Values = npt.NDArray[Any]

_ODD = 3.0
"""A slice that differs from the one before so many times more than slices usually do is looked at."""

_COARSE = 8
"""Of so many rows and columns one is compared."""


def look_at_slices(stack: Stack, screen: Screen, blank: tuple[Box, ...]) -> Looked:
    """What is found in the slices of a stack that are looked at; nothing where the header does not ask for a look.

    Boxes are in pixels of the source slices. Raises `DataError` as `mids.actions.screen.look` does, and where slices
    can't be read.
    """
    if not screen.asked or screen.detect == "none":
        return Looked()
    coarse = [np.asarray(plane.real[::_COARSE, ::_COARSE]) for _, _, plane in stack.planes()]
    places = {0, len(coarse) // 2, len(coarse) - 1} | _odd(coarse)
    chosen = (plane.values for place, (_, _, plane) in enumerate(stack.planes()) if place in places)
    looked = look(chosen, screen, _names(stack.files[0]), blank)
    return replace(looked, told=f"{looked.told} ({len(places)} of {len(coarse)} slices)") if looked.told else looked


def _names(path: Path) -> frozenset[str]:
    return identifying(dcmread(path, stop_before_pixels=True))


def _odd(slices: list[Values]) -> set[int]:
    """Slices that differ much from the one before, as pages among slices do, and those after which it is so."""
    steps = [
        float(np.abs(after - before).mean()) if after.shape == before.shape else np.inf
        for before, after in pairwise(slices)
    ]
    usual = float(np.median(steps)) if steps else 0.0
    found = [place for place, step in enumerate(steps) if step > _ODD * usual]
    return {place + one for place in found for one in (0, 1)}
