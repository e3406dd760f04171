"""Images, targets and masks as a map-style dataset for PyTorch's DataLoader.

Everything that is needed is kept as plain data, so that worker processes get it by fork and by spawn alike.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import numpy as np

from mids.dataset.disk.heads import nifti_head
from mids.dataset.loaders.grey import (
    Array,
    Window,
    apply_window,
    fill_up,
    find_window,
    resize,
    set_channels,
    split_colours,
)
from mids.dataset.loaders.masks import check_whole, renumber
from mids.dataset.loaders.reader import Reader, make_reader
from mids.dataset.pixels import Part
from mids.errors import DataError, MidsError


@dataclass(frozen=True, slots=True)
class Item:
    """One image: the file, what errors call it, its mask ("" where it has none), its target, its slice.

    `mask_name` is what errors call the mask, `values` are pairs of a value of it and the value that it gets.
    """

    path: str
    name: str
    mask: str = ""
    target: Any = None
    slice: int = -1
    mask_name: str = ""
    values: tuple[tuple[int, int], ...] | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """A map-style dataset: `len`, and items by their number. See `Dataset.torch`.

    Places of patches are drawn anew for each item and epoch from PyTorch's generator, so that a seed of that repeats
    them; in worker processes too. `structures` are the names of the values of masks, as far as their tables say them.
    """

    items: Sequence[Item]
    size: tuple[int, ...] | None
    window: tuple[float, float] | None
    channels: int
    has_target: bool
    has_mask: bool
    reader: Reader
    structures: Mapping[int, str]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, number: int) -> dict[str, Any]:
        torch = import_module("torch")
        item = self.items[number]
        part = self._place(item)
        data = self.reader.read(item.path, item.name, part)
        mask = self._read_mask(item, data, part) if self.has_mask else None
        image, mask = self._fit(item, data, mask)
        sample: dict[str, Any] = {"image": torch.from_numpy(image), "filename": item.name}
        if self.has_target:
            sample["target"] = torch.as_tensor(item.target)
        if mask is not None:
            sample["mask"] = torch.from_numpy(mask)
        return sample

    def _place(self, item: Item) -> Part | None:
        """What is read of a volume: a slice, a patch at a random place (the first where it is smaller), or all."""
        if self.size is None or ".nii" not in item.name:
            return None
        shape = (*_read_shape(item), 1, 1)[:3]
        if item.slice >= 0:
            return slice(0, shape[0]), slice(0, shape[1]), slice(item.slice, item.slice + 1)
        draw = import_module("torch").randint
        starts = [int(draw(max(have - side, 0) + 1, ())) for have, side in zip(shape, self.size, strict=True)]
        x, y, z = (slice(at, min(at + side, have)) for at, side, have in zip(starts, self.size, shape, strict=True))
        return x, y, z

    def _fit(self, item: Item, data: Array, mask: Array | None) -> tuple[Array, Array | None]:
        """Image and mask as arrays, the image with a channel in front, filled up or resized alike."""
        is_volume = ".nii" in item.name
        if self.window is not None and np.iscomplexobj(data):
            raise MidsError(
                f"{item.name} holds complex numbers, which have no window: choose other volumes, or no window"
            )
        is_coloured = bool(data.dtype.names) or (not is_volume and data.ndim == 3)
        data = split_colours(data)
        if self.size is not None and len(self.size) == 3:
            data = fill_up(data, self.size)
            mask = None if mask is None else fill_up(mask, self.size, fill=0)
        if item.slice >= 0:  # the first axis of a picture runs downwards; a volume has columns first
            data, mask = np.swapaxes(data[:, :, 0], 0, 1), None if mask is None else mask[:, :, 0].T
        image = apply_window(data, self.window, is_volume=is_volume)
        if self.size is not None and len(self.size) == 2:
            image = resize(image, self.size)
            mask = None if mask is None else resize(mask, self.size, nearest=True)
        image = set_channels(image, self.channels, is_coloured=is_coloured)
        return np.ascontiguousarray(image), None if mask is None else np.ascontiguousarray(mask, np.int64)

    def _read_mask(self, item: Item, data: Array, part: Part | None) -> Array:
        """The segmentation of an image, or of a part of it, on the image's grid; zeros where it has none."""
        shape = data.shape if ".nii" in item.name else data.shape[:2]
        if not item.mask:
            return np.zeros(shape, np.uint8)
        mask = self.reader.read(item.mask, item.mask_name, part)
        if mask.shape != shape:
            message = (
                f"{item.mask_name} has another shape than its image, {item.name}: resample it onto the image's grid"
            )
            raise DataError("MASK_GRID", message)
        check_whole(mask, item.mask_name)
        return mask if item.values is None else renumber(mask, dict(item.values), item.mask_name)


def make_samples(
    items: Sequence[Item], *, size: Sequence[int] | None, window: Window, channels: int, with_target: bool,
    with_mask: bool, cache: str | None, unpack: bool, structures: Mapping[int, str],
) -> Samples:  # fmt: skip
    """The samples of some images; volumes become one item a slice where `size` is that of a picture.

    Raises `MidsError` without PyTorch, and for a size or window that can't be.
    """
    try:
        import_module("torch")
    except ImportError as error:
        raise MidsError("Dataset.torch needs PyTorch: pip install torch") from error
    _check_size(size)
    if channels not in (1, 3):
        raise MidsError(f"channels {channels}: give 1 (grey) or 3 (red, green, blue)")
    reader = make_reader(cache, [item.path for item in items], unpack=unpack)
    made = [each for item in items for each in _divide(item, size)]
    sides = tuple(size) if size else None
    return Samples(made, sides, find_window(window), channels, with_target, with_mask, reader, structures)


def _divide(item: Item, size: Sequence[int] | None) -> list[Item]:
    """An image as one item, or a volume as one item for each of its slices where `size` is that of a picture."""
    is_volume = ".nii" in item.name
    if size is not None and len(size) == 3 and not is_volume:
        raise MidsError(
            f"{item.name} is a 2D image, which has no patches of three sides: choose volumes, or two numbers"
        )
    if size is None or not is_volume:
        return [item]
    shape = _read_shape(item)
    if max(shape[3:], default=1) > 1:
        raise MidsError(f"{item.name} has {len(shape)} axes: choose volumes of three, or give no size")
    if len(size) == 3:
        return [item]
    return [replace(item, slice=number) for number in range(shape[2] if len(shape) > 2 else 1)]


def _read_shape(item: Item) -> Sequence[int]:
    """The axes of a volume by its header; raises `DataError` (NIFTI_INVALID), as loading it would."""
    try:
        return nifti_head(item.path).shape
    except (OSError, EOFError, zlib.error, DataError) as error:
        raise DataError("NIFTI_INVALID", f"{item.name} can't be read as NIfTI: convert the image again") from error


def _check_size(size: object) -> None:
    if size is None:
        return
    sides = list(size) if isinstance(size, Sequence) and not isinstance(size, str) else []
    if len(sides) not in (2, 3) or not all(isinstance(side, int | np.integer) and side > 0 for side in sides):
        raise MidsError(f"size {size}: give (rows, columns), or (columns, rows, slices) for patches, in pixels")
