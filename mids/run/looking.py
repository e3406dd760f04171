"""The pixels of a source file as it lies there, before anything was taken out: for its owner's eyes alone."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy.typing as npt

from mids.actions.picture import read as read_picture
from mids.errors import DataError
from mids.readers.archives.files import base, open_source
from mids.readers.dicom.decoding import number_of_frames
from mids.readers.dicom.pixels import read_dataset, render
from mids.records import Source

Values = npt.NDArray[Any]

BROKEN = (DataError, OSError, AttributeError, KeyError, ValueError, TypeError, MemoryError, OverflowError)
"""What reading a file that is no image, or a broken one, may raise."""


def find_file(roots: Iterable[Path], file: str) -> tuple[Path, Source] | None:
    """Where a source file, or a member of an archive, lies now; None where it is gone."""
    path, _, member = file.partition("!")
    for root in roots:
        for source in (Source(file), Source(path, member)):
            if (base(root) / source.path).is_file():
                return root, source
    return None


def read_pixels(roots: Iterable[Path], file: str) -> Values | None:
    """The image of a source file, of several frames the middle one: (rows, columns[, 3]); None where there is none."""
    found = find_file(roots, file)
    if found is None:
        return None
    try:
        with open_source(*found) as stream:
            dataset = read_dataset(stream)
            return render(dataset, "window", frame=number_of_frames(dataset) // 2).pixels
    except BROKEN:
        pass
    try:
        with open_source(*found) as stream:
            return read_picture(stream)[0]
    except BROKEN:
        return None
