"""One image of two releases: both as they look, where their pixels differ, and the histograms of their values."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from mids.dataset.disk.heads import NiftiHead, check_claim, nifti_head, png_head
from mids.dataset.pixels import load_pixels
from mids.errors import DataError, MidsError
from mids.gallery.masks import COLOURS
from mids.gallery.planes import Plane, planes
from mids.gallery.thumbnails import Task, as_uri, find_window, shrink
from mids.vocabulary.bids.names import split_name

Array = npt.NDArray[Any]

SIDE, ONE_OF_THREE = 440, 240
"""The longer side of a 2D image, and of the largest plane of a volume, in pixels."""

BINS = 48
"""Bars of a histogram."""

FAINT, FIRM = 25, 190
"""How opaque the mark of a pixel is that changed least, and most (0 to 255)."""

ROUNDING = 1e-6
"""Parts of the largest value that two scalings may differ by: what is less is no change to be looked at."""

LARGEST = 1 << 26
"""Pixels or voxels of the largest image that is read whole."""

UNREADABLE = (DataError, MidsError, OSError, ValueError, SyntaxError, EOFError, UnidentifiedImageError, MemoryError)


@dataclass(frozen=True, slots=True)
class View:
    """One plane before and after, and the pixels that differ ("": not known), as data URIs."""

    plane: str
    width: int
    height: int
    before: str
    after: str
    changed: str = ""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Shares of the values in equal bins from `low` to `high`, and the mean, before and after."""

    low: float
    high: float
    before: tuple[float, ...]
    after: tuple[float, ...]
    means: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Pair:
    """An image whose pixels changed: `share` of them differs (None: the grids differ, or it was not read whole)."""

    name: str
    views: tuple[View, ...] = ()
    histogram: Histogram | None = None
    share: float | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Places:
    """Where an image lies in both releases."""

    name: str
    old: Path
    new: Path


def compare_pair(places: Places) -> Pair:
    """The pair; never raises for what a file holds."""
    try:
        is_volume = ".nii" in places.name
        heads: list[Any] = [(nifti_head if is_volume else png_head)(path) for path in (places.old, places.new)]
        for head in heads:
            check_claim(head)
        if any(_count(head) > LARGEST for head in heads):
            return Pair(places.name, problem="too large to be shown")
        values = [_values(path, places.name) for path in (places.old, places.new)]
        change = _change(values[0], values[1], 3 if is_volume else 2)
        views = _volume(places.name, values, heads, change) if is_volume else _picture(values, change)
        share = None if change is None else float((change != 0).mean())
        return Pair(places.name, tuple(views), _histogram(values, is_volume=is_volume), share)
    except UNREADABLE as error:
        return Pair(places.name, problem=f"can't be read ({type(error).__name__})")


def _count(head: Any) -> int:
    return prod(head.shape) if isinstance(head, NiftiHead) else head.rows * head.columns


def _values(path: Path, name: str) -> Array:
    values = np.asarray(load_pixels(path, name).data)
    if values.dtype.fields or np.iscomplexobj(values):
        raise DataError("NIFTI_INVALID", "volumes of colours or complex numbers are not shown")
    return values


def _change(old: Array, new: Array, axes: int) -> Array | None:
    """How much each pixel or voxel differs, of further axes (colours, volumes) the most; None for other grids."""
    if old.shape != new.shape:
        return None
    found = np.abs(np.subtract(new, old, dtype=np.float32))
    found = np.where(np.isnan(found), np.float32(np.isnan(old) != np.isnan(new)), found)
    if np.issubdtype(old.dtype, np.inexact):
        found[found <= ROUNDING * np.nanmax(np.abs(old), initial=0.0)] = 0
    return np.asarray(found.reshape(*found.shape[:axes], -1).max(axis=-1) if found.ndim > axes else found)


# --- views -----------------------------------------------------------------------------------------------


def _picture(values: Sequence[Array], change: Array | None) -> list[View]:
    is_deep = values[0].dtype != np.uint8 and values[0].ndim == 2
    limits = find_window([values[0]], Task(Path(), ""))[0] if is_deep else (0.0, 255.0)
    size = _fit((float(values[0].shape[0]), float(values[0].shape[1])), SIDE / max(values[0].shape[:2]))
    before, after = (as_uri(shrink(each, limits, size), 75) for each in values)
    return [View("picture", *size, before, after, _mark(change, size))]


def _volume(name: str, values: Sequence[Array], heads: Sequence[NiftiHead], change: Array | None) -> list[View]:
    """The planes through the slices that changed most."""
    at = None
    if change is not None and change.ndim == 3:
        i, j, k = (int(np.argmax(change.sum(axis=axes))) for axes in ((1, 2), (0, 2), (0, 1)))
        at = (i, j, k)
    before, other_planes = (planes(each, head, at) for each, head in zip(values, heads, strict=True))
    after = {plane.name: plane for plane in other_planes}
    parts = split_name(name.rpartition("/")[2])
    task = Task(Path(), name, suffix=parts.suffix, body_part=parts.entities.get("bp", ""))
    limits = find_window([plane.pixels for plane in before], task)[0]
    scale = ONE_OF_THREE / max(max(plane.size) for plane in before)
    found = []
    for plane in before:
        if (other := after.get(plane.name)) is None:
            continue
        size = _fit(plane.size, scale)
        old, new = (as_uri(shrink(each.pixels, limits, size), 75) for each in (plane, other))
        found.append(View(_words(plane), *size, old, new, _mark(_change(plane.pixels, other.pixels, 2), size)))
    return found


def _words(plane: Plane) -> str:
    return f"{plane.name}, {plane.index} of {plane.count}" if plane.count > 1 else plane.name


def _fit(size: tuple[float, float], scale: float) -> tuple[int, int]:
    """Width and height of a plane in pixels of the page, from its height and width."""
    return max(1, round(size[1] * scale)), max(1, round(size[0] * scale))


def _mark(change: Array | None, size: tuple[int, int]) -> str:
    """The pixels that differ, the more the firmer, in one colour; "" where they are not known, or none."""
    most = 0.0 if change is None else float(change.max())
    if change is None or not most:
        return ""
    small = np.asarray(Image.fromarray(change.astype(np.float32)).resize(size, Image.Resampling.BOX))
    out = np.zeros((*small.shape, 4), np.uint8)
    out[..., :3] = [int(COLOURS[5][at : at + 2], 16) for at in (1, 3, 5)]
    out[..., 3] = np.where(small > 0, FAINT + (FIRM - FAINT) * np.clip(small / most, 0, 1), 0)
    return as_uri(Image.fromarray(out, "RGBA"))


# --- histograms ------------------------------------------------------------------------------------------


def _histogram(values: Sequence[Array], *, is_volume: bool) -> Histogram | None:
    """Of grey values; of colours of their mean."""
    grey = [(each if is_volume or each.ndim == 2 else each.mean(axis=-1)).astype(np.float64) for each in values]
    grey = [each[np.isfinite(each)] for each in grey]
    if not all(each.size for each in grey):
        return None
    low, high = min(each.min() for each in grey), max(each.max() for each in grey)
    if low == high:
        return None
    shares = [tuple((np.histogram(each, BINS, (low, high))[0] / each.size).round(5).tolist()) for each in grey]
    return Histogram(float(low), float(high), shares[0], shares[1], (float(grey[0].mean()), float(grey[1].mean())))
