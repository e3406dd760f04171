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


def split_colours(data: Array) -> Array:
    """A volume of colours, a record of red, green and blue for each voxel, with them as last axis; others as they are.

    Transparency is dropped.
    """
    return np.stack([data[name] for name in data.dtype.names[:3]], axis=-1) if data.dtype.names else data


def apply_window(data: Array, window: tuple[float, float] | None, *, is_volume: bool) -> Array:
    """Values as float32: 0 to 1 over the window; without one, those of a 2D image over its type's range.

    Values of volumes stay in their units without a window, whatever their type; complex ones are complex64, and have no
    window. It is linear from center - width/2 to center + width/2 (DICOM PS3.3 C.11.2.1.3.2, LINEAR_EXACT).
    """
    if np.iscomplexobj(data):
        return data.astype(np.complex64)
    values = data.astype(np.float32)
    if window is not None:
        center, width = window
        scaled: Array = np.clip((values - (center - width / 2)) / width, 0, 1)
        return scaled.astype(np.float32)
    return values if is_volume else values / np.float32(np.iinfo(data.dtype).max)


def resize(data: Array, size: Sequence[int], *, nearest: bool = False) -> Array:
    """A picture (rows, columns[, colours]) of another size, the whole of it: its sides may be stretched."""
    if np.iscomplexobj(data):
        both = np.stack([data.real, data.imag], axis=-1)
        return np.ascontiguousarray(resize(both, size, nearest=nearest)).view(np.complex64)[..., 0]
    how = Image.Resampling.NEAREST if nearest else Image.Resampling.BILINEAR
    planes = data[..., None] if data.ndim == 2 else data
    kept = [
        np.asarray(Image.fromarray(planes[..., number].astype(np.float32)).resize((size[1], size[0]), how))
        for number in range(planes.shape[-1])
    ]
    return np.stack(kept, axis=-1).reshape((*size, *data.shape[2:]))


GREY = np.array([0.299, 0.587, 0.114], np.float32)
"""The weights of red, green and blue in grey (ITU-R BT.601, as Pillow has them)."""


def set_channels(image: Array, channels: int, *, is_coloured: bool) -> Array:
    """An image, whose last axis is its colours if it has some, with its channels first: one of grey, or three."""
    if channels == 1:
        return (image @ GREY if is_coloured else image)[None]
    return np.moveaxis(image, -1, 0) if is_coloured else np.repeat(image[None], channels, axis=0)


def fill_up(patch: Array, size: Sequence[int], fill: float | None = None) -> Array:
    """A patch of a volume that may end before the patch does, filled up with its lowest value, or `fill`.

    Complex numbers, which have no lowest, and patches of nothing but NaN are filled up with 0.
    """
    missing = [(0, side - have) for side, have in zip(size, patch.shape, strict=False)]
    if not any(after for _, after in missing):
        return patch
    known = patch[~np.isnan(patch)]
    lowest = 0 if np.iscomplexobj(patch) or not known.size else known.min()
    missing += [(0, 0)] * (patch.ndim - len(missing))
    return np.pad(patch, missing, constant_values=lowest if fill is None else fill)
