"""Unpacks a file only as far as it is read, within limits."""

import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import Protocol, cast

from mids.errors import DataError

MEMBER_LIMIT = 4 * 1024**3
"""Bytes that one file inside an archive may unpack to."""

FREE = 4 * 1024**3
RATIO = 1000
"""What an archive may unpack to: so many bytes in any case, and so many times its own size."""

BOMB_FREE, BOMB_RATIO = 256 * 1024**2, 100
"""The same of what is no DICOM: an archive inside another, which is packed already, and what nobody wants."""

BOMB = "it would unpack to far more than its size: refused as a bomb"

_MEMORY = 16 * 1024**2
_PIECE = 1 << 20

BROKEN = (
    OSError, EOFError, RuntimeError, zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError,
    NotImplementedError, MemoryError, OverflowError, UnicodeError, ValueError, KeyError, IndexError,
)  # fmt: skip
"""What readers of archives raise for archives that are broken."""


@dataclass(slots=True)
class Budget:
    """How much one pass over an archive of `packed` bytes may unpack."""

    packed: int
    spent: int = 0

    def spend(self, count: int) -> None:
        """Counts bytes that were unpacked; raises `DataError` ``ARCHIVE_UNREADABLE`` where it is too much."""
        self.spent += count
        if self.is_spent:
            raise DataError("ARCHIVE_UNREADABLE", BOMB)

    @property
    def besides(self) -> int:
        """Bytes that one file in it may have which is no DICOM."""
        return max(BOMB_FREE, BOMB_RATIO * self.packed)

    @property
    def is_spent(self) -> bool:
        """Whether nothing more of the archive is unpacked."""
        return self.spent > max(FREE, RATIO * self.packed)


class Forward(Protocol):
    """Where bytes come from, in order."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, none at the end."""


class Unpacked(io.RawIOBase):
    """One file of an archive as a stream that can be read at any place, and is unpacked as far as it is read.

    What was read is kept, up to some megabytes in memory. What is wrong with the archive is raised by `read` as
    `DataError` ``ARCHIVE_UNREADABLE``; so is that it is longer than `most` bytes.
    """

    def __init__(self, source: Forward, budget: Budget) -> None:
        self._source, self._budget = source, budget
        self._kept = cast(io.BytesIO, SpooledTemporaryFile(max_size=_MEMORY))  # noqa: SIM115 - closed by close()
        self._at = self.length = 0
        self.is_whole = False
        self.most = MEMBER_LIMIT

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """It can be read at any place."""
        return True

    def tell(self) -> int:
        """Where the next byte comes from."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Goes to a place; only going to the end unpacks anything."""
        if whence == io.SEEK_END:
            self.fill()
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.length}[whence])
        return self._at

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to `size` bytes, everything that is left without one."""
        size = -1 if size is None else size
        self._pull(self._at + size if size >= 0 else None)
        self._kept.seek(self._at)
        data = self._kept.read(size)
        self._at += len(data)
        return data

    def readinto(self, buffer: object, /) -> int:
        """As `read`, into a buffer."""
        view = memoryview(cast(bytearray, buffer)).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def fill(self, *, limit: int | None = None) -> "Unpacked":
        """Unpacks the rest, up to `limit` bytes, so that whatever is wrong with it is said."""
        while not self.is_whole:
            self._pull(self.length + _PIECE)
            if limit is not None and self.length > limit:
                raise DataError("ARCHIVE_UNREADABLE", BOMB)
        return self

    def passed(self, limit: int) -> bool:
        """Goes through the rest, keeping nothing, and says whether all of it is more than `limit` bytes."""
        rest, count = self.forward(), 0
        while count <= limit and (data := rest.read(_PIECE)):
            count += len(data)
        return count > limit

    def forward(self) -> Forward:
        """The same bytes from the start, for who reads them once and in order: none are kept."""
        self._kept.seek(0)
        source, self._source = self._source, io.BytesIO()
        return _Rest(self._kept.read(), source, self._budget)

    def _pull(self, end: int | None) -> None:
        """Unpacks up to `end`, or everything."""
        while not self.is_whole and (end is None or self.length < end):
            with reading():
                data = self._source.read(_PIECE if end is None else min(_PIECE, max(end - self.length, 1 << 12)))
            self.is_whole = not data
            self._budget.spend(len(data))
            if self.length + len(data) > self.most:
                raise DataError("ARCHIVE_UNREADABLE", f"a file in it unpacks to more than {self.most} bytes")
            self._kept.seek(self.length)
            self._kept.write(data)
            self.length += len(data)

    def close(self) -> None:
        """Forgets what was unpacked."""
        self._kept.close()
        getattr(self._source, "close", lambda: None)()
        super().close()


class _Rest(io.RawIOBase):
    """Bytes that were read already, and those that come after them."""

    def __init__(self, begin: bytes, source: Forward, budget: Budget) -> None:
        self._begin, self._source, self._budget = begin, source, budget

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        size = _PIECE if size is None or size < 0 else size
        if self._begin:
            data, self._begin = self._begin[:size], self._begin[size:]
            return data
        with reading():
            data = self._source.read(size)
        self._budget.spend(len(data))
        return data

    def readinto(self, buffer: object, /) -> int:
        view = memoryview(cast(bytearray, buffer)).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)


class Refused:
    """Stands for a file that can't be unpacked: reading it says why."""

    def __init__(self, error: DataError) -> None:
        self._error = error

    def read(self, size: int, /) -> bytes:
        """Raises the `DataError`."""
        raise self._error


@contextmanager
def reading(code: str = "ARCHIVE_UNREADABLE", what: str = "the archive can't be read") -> Iterator[None]:
    """What readers of archives raise becomes a `DataError` without a word of the archive's."""
    try:
        yield
    except BROKEN as error:
        raise DataError(code, f"{what} ({type(error).__name__})") from error
