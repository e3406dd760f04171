"""Pictures of two patients that show the same radiograph: copies of one publication's figure under other names."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from mids.collections.covid_chestxray.metadata import Row
from mids.errors import DataError
from mids.issues import Issue
from mids.readers.archives.files import open_source
from mids.records import Source

SIDE = 32
"""Rows and columns of the grey thumbnail that pictures are compared by."""

ALIKE = 0.99
"""The correlation from which two thumbnails are of one picture: copies in other sizes and qualities have more than
0.998; different radiographs of the collection, those of one patient included, have at most 0.92."""

_UNREADABLE = (OSError, UnidentifiedImageError, ValueError, SyntaxError, Image.DecompressionBombError, DataError)


def report_twins(root: Path, rows: Sequence[Row]) -> Iterator[Issue]:
    """An Issue for each row whose picture an earlier row has as another patient's."""
    pictures = {row.file: row for row in rows if row.source and not row.file.lower().endswith((".nii", ".nii.gz"))}
    thumbnails = {file: _thumbnail(root, row.source) for file, row in pictures.items() if row.source}
    known: Mapping[str, NDArray[np.float64]] = {file: one for file, one in thumbnails.items() if one is not None}
    if not known:
        return
    files, values = list(known), np.array(list(known.values()))
    for number, file in enumerate(files[1:], start=1):
        like = values[:number] @ values[number]
        for other in np.flatnonzero(like >= ALIKE):
            before, row = pictures[files[int(other)]], pictures[file]
            if before.patient != row.patient:
                yield row.issue("IMAGE_ALIKE", f"row {before.line} has the picture as another patient's", "filename")
                break


def _thumbnail(root: Path, source: Source) -> NDArray[np.float64] | None:
    """A picture's thumbnail as a vector of length 1 and mean 0; None where it can't be read or is of one grey."""
    try:
        with open_source(root, source) as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(stream) as image:
                image.draft("L", (4 * SIDE, 4 * SIDE))
                wide = image.convert("F" if image.mode.startswith(("I", "F")) else "L")
                small = np.asarray(wide.resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.float64).ravel()
    except _UNREADABLE:
        return None
    centred = small - small.mean()
    length = float(np.linalg.norm(centred))
    return centred / length if length > SIDE else None
