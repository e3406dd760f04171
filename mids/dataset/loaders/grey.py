"""Grey values for training: windows, pictures of one size, patches and slices of volumes."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from mids.errors import MidsError

Array: TypeAlias = npt.NDArray[Any]
Window: TypeAlias = "str | tuple[float, float] | None"

WINDOWS = {"lung": (-600.0, 1500.0), "bone": (400.0, 1800.0), "soft tissue": (40.0, 400.0), "brain": (40.0, 80.0)}
"""Center and width of the usual windows of CT, in Hounsfield units."""


def find_window(window: Window) -> tuple[float, float] | None:
    """Center and width of a window, by its name or as given; `MidsError` for an unknown name or no width."""
    if isinstance(window, str):
        if window not in WINDOWS:
            raise MidsError(f"unknown window {window}: choose {', '.join(WINDOWS)}, or give (center, width)")
        return WINDOWS[window]
    if window is not None and not _is_window(window):
        raise MidsError(f"window {window}: give (center, width) with a width above 0")
    return window


def _is_window(window: object) -> bool:
    return (
        isinstance(window, Sequence)
        and len(window) == 2
        and all(isinstance(value, int | float | np.number) and np.isfinite(value) for value in window)
        and window[1] > 0
    )


def apply_window(data: Array, window: tuple[float, float] | None) -> Array:
    """Values as float32: 0 to 1 over the window; without one, whole numbers of a picture over their type's range.

    Values of volumes stay as they are without a window. The window is linear from center - width/2 to
    center + width/2 (DICOM PS3.3 C.11.2.1.3.2, LINEAR_EXACT).
    """
    values = data.astype(np.float32)
    if window is not None:
        center, width = window
        scaled: Array = np.clip((values - (center - width / 2)) / width, 0, 1)
        return scaled.astype(np.float32)
    return values / np.float32(np.iinfo(data.dtype).max) if data.dtype in (np.uint8, np.uint16) else values


def resize(data: Array, size: Sequence[int], *, nearest: bool = False) -> Array:
    """A picture (rows, columns[, colours]) of another size, the whole of it: its sides may be stretched."""
    how = Image.Resampling.NEAREST if nearest else Image.Resampling.BILINEAR
    planes = data[..., None] if data.ndim == 2 else data
    kept = [
        np.asarray(Image.fromarray(planes[..., number].astype(np.float32)).resize((size[1], size[0]), how))
        for number in range(planes.shape[-1])
    ]
    return np.stack(kept, axis=-1).reshape((*size, *data.shape[2:]))


GREY = np.array([0.299, 0.587, 0.114], np.float32)
"""The weights of red, green and blue in grey (ITU-R BT.601, as Pillow has them)."""


def set_channels(picture: Array, channels: int) -> Array:
    """A picture (rows, columns[, 3]) with its channels first: one of grey, or three."""
    if channels == 1:
        return (picture @ GREY if picture.ndim == 3 else picture)[None]
    return np.moveaxis(picture, -1, 0) if picture.ndim == 3 else np.repeat(picture[None], channels, axis=0)


def fill_up(patch: Array, size: Sequence[int], fill: float | None = None) -> Array:
    """A patch of a volume that may end before the patch does, filled up with its lowest value, or `fill`."""
    missing = [(0, side - have) for side, have in zip(size, patch.shape, strict=True)]
    if not any(after for _, after in missing):
        return patch
    return np.pad(patch, missing, constant_values=patch.min() if fill is None else fill)
