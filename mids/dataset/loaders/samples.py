"""Images, targets and masks as a map-style dataset for PyTorch's DataLoader.

Everything that is needed is kept as plain data, so that worker processes get it by fork and by spawn alike.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from mids.dataset.disk.heads import nifti_head
from mids.dataset.loaders.grey import Array, Window, apply_window, cut, find_window, resize, set_channels
from mids.dataset.pixels import load_pixels
from mids.errors import MidsError


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
            mask = np.zeros(data.shape[:3], np.uint8) if not item.mask else _read(item.mask, item.name, self.cache)
        image, mask = self._fit(item, data, mask)
        sample: dict[str, Any] = {"image": torch.from_numpy(image), "filename": item.name}
        if self.has_target:
            sample["target"] = torch.as_tensor(item.target)
        if mask is not None:
            sample["mask"] = torch.from_numpy(mask)
        return sample

    def _fit(self, item: Item, data: Array, mask: Array | None) -> tuple[Array, Array | None]:
        """Image and mask as arrays with a channel in front, cut or resized alike."""
        if self.size is not None and len(self.size) == 3:
            start = _place(data.shape, self.size)
            image = apply_window(cut(data, start, self.size), self.window)[None]
            return image, None if mask is None else cut(mask, start, self.size).astype(np.int64)
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
    if size is not None and (len(size) not in (2, 3) or min(size) < 1):
        raise MidsError(f"size {tuple(size)}: give (rows, columns), or (columns, rows, slices) for patches")
    if channels not in (1, 3):
        raise MidsError(f"channels {channels}: give 1 (grey) or 3 (red, green, blue)")
    made = [each for item in items for each in _divide(item, size)]
    kept = None if cache is None else str(Path(cache).resolve())
    return Samples(made, tuple(size) if size else None, find_window(window), channels, with_target, with_mask, kept)


def _divide(item: Item, size: Sequence[int] | None) -> list[Item]:
    """An image as one item, or a volume as one item for each of its slices where `size` is that of a picture."""
    is_volume = ".nii" in item.name
    if size is not None and len(size) == 3 and not is_volume:
        raise MidsError(f"{item.name} is a picture, which has no patches of three sides: give a size of two numbers")
    if size is None or len(size) == 3 or not is_volume:
        return [item]
    shape = nifti_head(item.path).shape
    return [replace(item, slice=number) for number in range(shape[2] if len(shape) > 2 else 1)]


# --- pixels ----------------------------------------------------------------------------------------------


def _place(shape: Sequence[int], size: Sequence[int]) -> list[int]:
    """A random place of a patch; the first where the volume is smaller."""
    torch = import_module("torch")
    return [int(torch.randint(max(have - side, 0) + 1, ())) for have, side in zip(shape, size, strict=False)]


def _slice(data: Array, number: int) -> Array:
    """A slice as a picture, whose first axis runs downwards; a volume has columns first."""
    return np.asarray(data[:, :, number]).T


def _read(path: str, name: str, cache: str | None) -> Array:
    """The values of a file; of a volume with a cache from its unpacked copy there, as far as they are used."""
    if cache is None or ".nii" not in name:
        return load_pixels(Path(path), name).data
    stat = Path(path).stat()
    key = hashlib.blake2b(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}".encode(), digest_size=16).hexdigest()
    kept = Path(cache) / f"{key}.npy"
    if not kept.exists():
        _write(kept, lambda stream: np.save(stream, np.asfortranarray(load_pixels(Path(path), name).data)))
    copy: Array = np.load(kept, mmap_mode="r")
    return copy


def _write(path: Path, fill: Callable[[Any], None]) -> None:
    """A file that is there as a whole or not at all, whichever worker comes first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}")
    with part.open("wb") as stream:
        fill(stream)
    part.replace(path)
