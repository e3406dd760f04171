"""The pixels of a source file as it lies there, before anything was taken out: for its owner's eyes alone."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy.typing as npt

from mids.actions.picture import read as read_picture
from mids.errors import DataError
from mids.readers.archives.files import base, open_source
from mids.readers.dicom.decoding import number_of_frames, stored
from mids.readers.dicom.pixels import modality, read_dataset, render
from mids.records import Source

Values = npt.NDArray[Any]

_BROKEN = (DataError, OSError, AttributeError, KeyError, ValueError, TypeError, MemoryError, OverflowError)
"""What reading a file that is no image, or a broken one, may raise."""


def find_file(roots: Iterable[Path], file: str) -> tuple[Path, Source] | None:
    """Where a source file, or a member of an archive, lies now; None where it is gone."""
    path, _, member = file.partition("!")
    for root in roots:
        for source in (Source(file), Source(path, member)):
            if (base(root) / source.path).is_file():
                return root, source
    return None


def read_plane(root: Path, source: Source, number: int = -1, *, in_units: bool = False) -> tuple[Values, int, int]:
    """A frame of a source file (from 0; -1: the middle one): (rows, columns[, 3]); which it is, and of how many.

    CT that is read `in_units` is in Hounsfield units, everything else as its window shows it. Raises `DataError` where
    the file holds no image that can be read.
    """
    try:
        with open_source(root, source) as stream:
            dataset = read_dataset(stream)
            count = number_of_frames(dataset)
            at = choose_plane(number, count)
            if in_units and dataset.get("Modality") == "CT":
                return modality(stored(dataset, frame=at), dataset), at, count
            return render(dataset, "window", frame=at).pixels, at, count
    except _BROKEN:
        pass
    try:
        with open_source(root, source) as stream:
            return read_picture(stream)[0], 0, 1
    except DataError:
        raise
    except _BROKEN as error:
        raise DataError("SOURCE_UNREADABLE", "the source file holds no image that can be read") from error


def choose_plane(number: int, count: int) -> int:
    """Which of so many planes a number means: the middle one by -1, else the last one at most."""
    return count // 2 if number < 0 else min(number, count - 1)
