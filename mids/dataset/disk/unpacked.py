"""Files as streams of what they hold, unpacked where they are gzipped."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from isal import igzip, isal_zlib

from mids.errors import DataError


@contextmanager
def open_unpacked(path: Path) -> Iterator[Any]:
    """A file, unpacked where it is gzipped. Raises `DataError` (NIFTI_TRUNCATED, IMAGE_CORRUPT) for a broken stream."""
    gzipped: Any = igzip.open
    try:
        with gzipped(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
            yield stream
    except EOFError:
        raise DataError("NIFTI_TRUNCATED", "the gzip stream ends before its end") from None
    except _BROKEN:
        raise DataError("IMAGE_CORRUPT", "the gzip stream is damaged") from None


_BROKEN: Any = (igzip.BadGzipFile, zlib.error, isal_zlib.IsalError)
