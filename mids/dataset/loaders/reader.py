"""Reads images or parts of volumes, with a folder that makes parts quick to find: gzip points, or unpacked copies."""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from mids.dataset.loaders.grey import Array
from mids.dataset.pixels import Part, complete_part, load_part, load_pixels
from mids.errors import DataError, MidsError

SUM = 16
"""Bytes of the checksum behind the points of a gzip stream."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads files, with what helps in the folder `cache`; plain data, so that worker processes get it."""

    cache: str | None = None
    unpack: bool = False

    def read(self, path: str, name: str, part: Part | None = None) -> Array:
        """The values of a file that errors call `name`, or of a part of a volume. Raises what `Dataset.load` raises."""
        if (part is None and not self.unpack) or ".nii" not in name:
            return load_pixels(Path(path), name).data
        if self.unpack:
            copy = self._unpacked(path, name)
            if part is None:
                return copy
            volume = copy if copy.ndim == 3 else copy.reshape((*copy.shape, 1)[:3])
            return volume[complete_part(part, volume.shape, name)]
        assert part is not None
        if self.cache is None or not path.endswith(".gz"):
            return load_part(Path(path), name, part).data
        try:
            with self._indexed(path) as stream:
                return load_part(Path(path), name, part, stream).data
        except (RuntimeError, ValueError) as error:  # what rapidgzip raises for broken streams
            raise DataError("NIFTI_INVALID", f"{name} can't be unpacked: convert the image again") from error

    def _indexed(self, path: str) -> Any:
        """The unpacked bytes of a gzip file as a stream that finds each place from the nearest point of its index.

        The index holds the 32 KB before each point, packed: about a hundredth of the file.
        """
        rapidgzip = import_module("rapidgzip")
        kept = self._kept(path, "points")
        stream = rapidgzip.open(path, parallelization=1)
        try:
            _check_points(kept)
            stream.import_index(str(kept))
        except (OSError, RuntimeError, ValueError):  # not there yet, cut short by a full disk, or damaged
            stream.close()
            with rapidgzip.open(path, parallelization=1) as whole:
                whole.seek(0, os.SEEK_END)
                _write(kept, lambda part: _save_points(part, whole))
            stream = rapidgzip.open(path, parallelization=1)
            stream.import_index(str(kept))
        stream.seek(0)
        return stream

    def _unpacked(self, path: str, name: str) -> Array:
        """The values of a volume in its unpacked copy, as far as they are used."""
        kept = self._kept(path, "npy")
        try:
            copy: Array = np.load(kept, mmap_mode="r")
        except (OSError, ValueError, EOFError):  # not there yet, or cut short by a full disk
            data = np.asfortranarray(load_pixels(Path(path), name).data)
            _write(kept, lambda part: _save(part, data))
            copy = np.load(kept, mmap_mode="r")
        return copy

    def _kept(self, path: str, ending: str) -> Path:
        stat = Path(path).stat()
        key = hashlib.blake2b(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}".encode(), digest_size=16).hexdigest()
        return Path(str(self.cache)) / f"{key}.{ending}"


def make_reader(cache: str | None, paths: Sequence[str], *, unpack: bool) -> Reader:
    """A reader of some files; raises `MidsError` for a cache that is a file or within a dataset, or needs rapidgzip."""
    if cache is None:
        if unpack:
            raise MidsError("unpack: give the folder for unpacked volumes as cache")
        return Reader()
    folder = Path(cache).resolve()
    if folder.exists() and not folder.is_dir():
        raise MidsError(f"cache {folder} is a file: give a folder")
    if any(folder.is_relative_to(root) for root in {_find_root(path) for path in paths}):
        raise MidsError(f"cache {folder} is inside of the dataset, which stays as it is: give a folder elsewhere")
    if not unpack:
        try:
            import_module("rapidgzip")
        except ImportError as error:
            raise MidsError("cache needs rapidgzip: pip install 'mids[patches]', or give unpack=True too") from error
    return Reader(str(folder), unpack)


def _find_root(place: str) -> Path:
    """The dataset's folder, in which the subject's folder of an image is."""
    path = Path(place).resolve()
    return next((each.parent for each in path.parents if each.name.startswith("sub-")), path.parent)


def _save(path: Path, data: Array) -> None:
    with path.open("wb") as stream:
        np.save(stream, data)


def _save_points(path: Path, whole: Any) -> None:
    """The index of a gzip stream, with a checksum behind it, which rapidgzip passes over."""
    whole.export_index(str(path))
    data = path.read_bytes()
    path.write_bytes(data + hashlib.blake2b(data, digest_size=SUM).digest())


def _check_points(path: Path) -> None:
    """Looks once in each process whether an index is as it was written; raises `ValueError`, `OSError`."""
    stat = path.stat()
    if not _is_whole(str(path), stat.st_size, stat.st_mtime_ns):
        raise ValueError("damaged")


@lru_cache(maxsize=100_000)
def _is_whole(path: str, size: int, time: int) -> bool:
    data = Path(path).read_bytes()
    return hashlib.blake2b(data[:-SUM], digest_size=SUM).digest() == data[-SUM:]


def _write(path: Path, fill: Callable[[Path], object]) -> None:
    """A file that is there as a whole or not at all, whichever worker comes first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}")
    fill(part)
    part.replace(path)
