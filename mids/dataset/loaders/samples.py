"""Images, targets and masks as a map-style dataset for PyTorch's DataLoader.

Everything that is needed is kept as plain data, so that worker processes get it by fork and by spawn alike.
"""

import hashlib
import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from mids.dataset.disk.heads import nifti_head
from mids.dataset.loaders.grey import Array, Window, apply_window, cut, find_window, resize, set_channels
from mids.dataset.pixels import load_pixels
from mids.errors import DataError, MidsError


@dataclass(frozen=True, slots=True)
class Item:
    """One image: the file, what errors call it, its mask ("" where it has none), its target, its slice."""

    path: str
    name: str
    mask: str = ""
    target: Any = None
    slice: int = -1


@dataclass(frozen=True, slots=True)
class Samples:
    """A map-style dataset: `len`, and items by their number. See `Dataset.torch`.

    Places of patches are drawn anew for each item and epoch from PyTorch's generator, so that a seed of that repeats
    them; in worker processes too.
    """

    items: Sequence[Item]
    size: tuple[int, ...] | None
    window: tuple[float, float] | None
    channels: int
    has_target: bool
    has_mask: bool
    cache: str | None

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, number: int) -> dict[str, Any]:
        torch = import_module("torch")
        item = self.items[number]
        data, mask = _read(item.path, item.name, self.cache), None
        if self.has_mask:
            mask = _read_mask(item, data, self.cache)
        image, mask = self._fit(item, data, mask)
        sample: dict[str, Any] = {"image": torch.from_numpy(image), "filename": item.name}
        if self.has_target:
            sample["target"] = torch.as_tensor(item.target)
        if mask is not None:
            sample["mask"] = torch.from_numpy(mask)
        return sample

    def _fit(self, item: Item, data: Array, mask: Array | None) -> tuple[Array, Array | None]:
        """Image and mask as arrays with a channel in front, cut or resized alike."""
        if self.size is not None and ".nii" in item.name:
            data, mask = _as_volume(data), None if mask is None else _as_volume(mask)
        if self.size is not None and len(self.size) == 3:
            start = _place(data.shape, self.size)
            image = apply_window(cut(data, start, self.size), self.window)[None]
            return image, None if mask is None else cut(mask, start, self.size, fill=0).astype(np.int64)
        if item.slice >= 0:
            data, mask = _slice(data, item.slice), None if mask is None else _slice(mask, item.slice)
        image = apply_window(data, self.window)
        if self.size is not None:
            image = resize(image, self.size)
            mask = None if mask is None else resize(mask, self.size, nearest=True)
        image = image[None] if ".nii" in item.name else set_channels(image, self.channels)
        return np.ascontiguousarray(image), None if mask is None else np.ascontiguousarray(mask, np.int64)


def make_samples(
    items: Sequence[Item], *, size: Sequence[int] | None, window: Window, channels: int, with_target: bool,
    with_mask: bool, cache: str | None,
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
    kept = None if cache is None else _find_cache(Path(cache).resolve(), items)
    made = [each for item in items for each in _divide(item, size)]
    return Samples(made, tuple(size) if size else None, find_window(window), channels, with_target, with_mask, kept)


def _divide(item: Item, size: Sequence[int] | None) -> list[Item]:
    """An image as one item, or a volume as one item for each of its slices where `size` is that of a picture."""
    is_volume = ".nii" in item.name
    if size is not None and len(size) == 3 and not is_volume:
        raise MidsError(f"{item.name} is a picture, which has no patches of three sides: give a size of two numbers")
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


def _find_cache(folder: Path, items: Sequence[Item]) -> str:
    """The folder of unpacked volumes; raises `MidsError` for a file, and for a folder inside of a dataset."""
    if folder.exists() and not folder.is_dir():
        raise MidsError(f"cache {folder} is a file: give a folder")
    if any(folder.is_relative_to(root) for root in {_find_root(item) for item in items}):
        raise MidsError(f"cache {folder} is inside of the dataset, which stays as it is: give a folder elsewhere")
    return str(folder)


def _find_root(item: Item) -> Path:
    """The dataset's folder, in which the subject's folder of an image is."""
    path = Path(item.path).resolve()
    return next((each.parent for each in path.parents if each.name.startswith("sub-")), path.parent)


# --- pixels ----------------------------------------------------------------------------------------------


def _place(shape: Sequence[int], size: Sequence[int]) -> list[int]:
    """A random place of a patch; the first where the volume is smaller."""
    torch = import_module("torch")
    return [int(torch.randint(max(have - side, 0) + 1, ())) for have, side in zip(shape, size, strict=False)]


def _slice(data: Array, number: int) -> Array:
    """A slice as a picture, whose first axis runs downwards; a volume has columns first."""
    return np.asarray(data[:, :, number]).T


def _as_volume(data: Array) -> Array:
    """Three axes: a plane gets a third, axes of one place at the end go."""
    return data.reshape((*data.shape, 1)[:3]) if data.ndim != 3 else data


def _read_mask(item: Item, data: Array, cache: str | None) -> Array:
    """The segmentation of an image, on the image's grid; zeros where it has none."""
    shape = data.shape if ".nii" in item.name else data.shape[:2]
    if not item.mask:
        return np.zeros(shape, np.uint8)
    mask = _read(item.mask, item.name, cache)
    if mask.shape != shape:
        raise DataError("MASK_GRID", f"the mask of {item.name} has another shape than the image")
    return mask


def _read(path: str, name: str, cache: str | None) -> Array:
    """The values of a file; of a volume with a cache from its unpacked copy there, as far as they are used."""
    if cache is None or ".nii" not in name:
        return load_pixels(Path(path), name).data
    stat = Path(path).stat()
    key = hashlib.blake2b(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}".encode(), digest_size=16).hexdigest()
    kept = Path(cache) / f"{key}.npy"
    try:
        copy: Array = np.load(kept, mmap_mode="r")
    except (OSError, ValueError, EOFError):  # not there yet, or cut short by a full disk
        _write(kept, lambda stream: np.save(stream, np.asfortranarray(load_pixels(Path(path), name).data)))
        copy = np.load(kept, mmap_mode="r")
    return copy


def _write(path: Path, fill: Callable[[Any], None]) -> None:
    """A file that is there as a whole or not at all, whichever worker comes first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}")
    with part.open("wb") as stream:
        fill(stream)
    part.replace(path)
