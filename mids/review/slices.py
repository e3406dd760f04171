"""The slices of a series that was not converted: the files of its folder with the same SeriesInstanceUID."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pydicom

from mids.errors import DataError
from mids.readers.archives.files import base, open_source
from mids.records import Source

_TAGS = ["SeriesInstanceUID", "ImageOrientationPatient", "ImagePositionPatient", "InstanceNumber"]


def list_slices(root: Path, source: Source) -> tuple[Source, ...]:
    """The files of the series of `source`, from the foot of the stack up; only itself where it lies in an archive."""
    if source.member:
        return (source,)
    folder = Path(source.path).parent
    headers = _headers(root, folder.as_posix(), (base(root) / folder).stat().st_mtime_ns)
    series = headers.get(source.path, ("", 0.0))[0]
    own = [(place, path) for path, (uid, place) in headers.items() if uid and uid == series]
    return tuple(Source(path) for _, path in sorted(own)) or (source,)


@lru_cache(maxsize=4)
def _headers(root: Path, folder: str, _: int) -> dict[str, tuple[str, float]]:
    """SeriesInstanceUID and place along the normal of each DICOM file of a folder; its time makes it another folder."""
    found = {}
    for path in sorted((base(root) / folder).iterdir()):
        if path.is_file():
            name = path.relative_to(base(root)).as_posix()
            if header := _header(root, Source(name)):
                found[name] = header
    return found


def _header(root: Path, source: Source) -> tuple[str, float] | None:
    try:
        with open_source(root, source) as stream:
            header = pydicom.dcmread(stream, stop_before_pixels=True, specific_tags=_TAGS)
        return str(header.get("SeriesInstanceUID", "")), _place(header)
    except (DataError, OSError, ValueError, AttributeError, KeyError, TypeError, pydicom.errors.InvalidDicomError):
        return None


def _place(header: pydicom.Dataset) -> float:
    """Millimetres along the normal of the slice, or the number of the instance where no position is known."""
    direction, position = header.get("ImageOrientationPatient"), header.get("ImagePositionPatient")
    if direction and position and len(direction) == 6 and len(position) == 3:
        axes = np.asarray(direction, float).reshape(2, 3)
        return float(np.dot(np.cross(axes[0], axes[1]), np.asarray(position, float)))
    return float(header.get("InstanceNumber") or 0)
