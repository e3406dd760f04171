"""The pixels that the page of a review shows: of a source file as it would be delivered, or of an image as it was."""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mids.dataset.pixels import Picture, load_pixels
from mids.errors import DataError
from mids.records import Source
from mids.review.items import Item, Shelf
from mids.review.slices import list_slices
from mids.run.looking import choose_plane, find_file, read_plane

Values = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Frame:
    """One plane: (rows, columns) float32, or (rows, columns, 3) uint8; which of how many it is.

    `spacing` is the height of a row in widths of a column; `window` a centre and width to begin with.
    """

    pixels: Values
    number: int
    count: int
    spacing: float
    window: tuple[float, float]


def read_frame(shelf: Shelf, item: Item, number: int, *, source: bool, twin: bool = False) -> Frame:
    """A plane of an item (from 0; -1: the middle one), or of its twin.

    Raises `DataError` where there are no pixels to show.
    """
    if twin and item.twin:
        item = replace(item, image=item.twin)
    elif source or not item.image:
        return _from_source(shelf, item, number)
    path = shelf.dataset / item.image
    try:
        found = _loaded(path, path.stat().st_mtime_ns)
    except OSError as error:  # a run removed it meanwhile, or a link leads nowhere
        raise DataError("FILE_UNREADABLE", "the image can't be read now: start the review again") from error
    if isinstance(found, Picture):
        return _framed(found.data, 0, 1, 1.0)
    data = found.data.reshape(*found.data.shape[:3], -1) if found.data.ndim > 2 else found.data[..., None, None]
    at = choose_plane(number, data.shape[2])
    plane = data[:, ::-1, at, 0].T if found.is_placed else data[:, :, at, 0].T
    if plane.dtype.names:  # RGB24 of NIfTI
        return _framed(np.stack([plane[name] for name in plane.dtype.names], -1), at, data.shape[2], 1.0)
    return _framed(plane, at, data.shape[2], found.spacing[1] / (found.spacing[0] or 1))


def to_eight_bits(frame: Frame) -> npt.NDArray[np.uint8]:
    """A plane over the whole range of its values, (rows, columns) uint8; colour as it is."""
    if frame.pixels.ndim == 3:
        return np.asarray(frame.pixels, np.uint8)
    low, high = np.percentile(frame.pixels[np.isfinite(frame.pixels)], (0.5, 99.9))
    return np.asarray(np.clip((frame.pixels - low) * (255 / max(high - low, 1e-6)), 0, 255), np.uint8)


def read_mask(shelf: Shelf, item: Item, mask: Any, number: int) -> Values | None:
    """The plane of a segmentation that lies over a plane of an image, (rows, columns) uint8; None where none fits."""
    if mask is None:
        return None
    if isinstance(mask, Picture):
        return np.asarray(mask.data if mask.data.ndim == 2 else mask.data[..., 0], dtype=np.uint8)
    data = mask.data
    at = choose_plane(number, data.shape[2])
    return np.asarray(data[:, ::-1, at].T, dtype=np.uint8) if data.ndim == 3 else None


@lru_cache(maxsize=2)
def _loaded(path: Path, _: int) -> Any:
    """An image of the dataset; the time of its file makes a changed one another image."""
    return load_pixels(path, path.name)


def _from_source(shelf: Shelf, item: Item, number: int) -> Frame:
    if found := find_file(shelf.roots, item.file):
        slices = list_slices(*found) if item.files > 1 else ()
        if len(slices) > 1:
            at = choose_plane(number, len(slices))
            return replace(_decoded(found[0], slices[at], 0), number=at, count=len(slices))
        return _decoded(*found, number)
    raise DataError("SOURCE_UNREADABLE", "the source file is not there now")


def _decoded(root: Path, source: Source, number: int) -> Frame:
    """A plane of a source file; of CT in Hounsfield units, so that the windows of the page mean what they say."""
    return _framed(*read_plane(root, source, number, in_units=True), 1.0)


def to_frame(pixels: Values) -> Frame:
    """A 2D image as the one plane that it is."""
    return _framed(pixels, 0, 1, 1.0)


def _framed(pixels: Values, at: int, count: int, spacing: float) -> Frame:
    if pixels.ndim == 3:
        return Frame(np.ascontiguousarray(pixels[..., :3], dtype=np.uint8), at, count, spacing, (127.5, 255.0))
    values = np.ascontiguousarray(pixels, dtype="<f4")
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    if low < -500 and high > 500:  # Hounsfield units: soft tissue
        return Frame(values, at, count, spacing, (40.0, 400.0))
    return Frame(values, at, count, spacing, ((low + high) / 2, max(high - low, 1.0)))
