"""Keeps what an archive claims from taking memory: dictionaries and windows of its packer, headers of its members."""

import io
import lzma
import re
import tarfile
from collections.abc import Iterable
from typing import BinaryIO, Self, cast

from mids.errors import DataError

MEMORY = 256 * 1024**2
"""Bytes that a dictionary may take: what 7-Zip's best level packs with, and more than xz and Zstandard do unasked."""

_BESIDES = 16 * 1024**2
"""What liblzma takes besides its dictionary, generously."""

_HEADER = 1024**2
"""Bytes that what stands before a member of a tar may take; its path has some thousands at most."""

_PIECE = 1 << 16
_UNITS = {"b": 0, "k": 10, "m": 20, "g": 30, "t": 40}
_DICTIONARY = re.compile(
    r"(?:\bLZMA2?:|\bPPMD:o\d+:mem|\bv\d+:(?:m\d:)?|\bwnd-MAX:)(\d{1,12})([bkmgt]?)", re.IGNORECASE
)
"""What 7-Zip calls a method: ``LZMA2:26`` (a power of two), ``LZMA:9m``, ``v6:m3:128K``, ``wnd-MAX:4GiB``."""


def too_large(needed: int | None = None) -> DataError:
    """The `DataError` of an archive whose dictionary would take `needed` bytes."""
    size = f"{needed / 1024**2:.0f} MiB" if needed else "more memory"
    message = f"its dictionary takes {size}, and {MEMORY // 1024**2} MiB at most are given: pack it with a smaller one"
    return DataError("ARCHIVE_UNREADABLE", message)


def check_methods(methods: Iterable[str]) -> None:
    """Refuses dictionaries that are too large, by what 7-Zip's listing says of them.

    Raises `DataError` ``ARCHIVE_UNREADABLE``.
    """
    for size, unit in (found for method in methods for found in _DICTIONARY.findall(method)):
        needed = int(size) << _UNITS[unit.lower()] if unit else 1 << min(int(size), 64)
        if needed > MEMORY:
            raise too_large(needed)


class Xz(io.RawIOBase):
    """What the streams of an xz file unpack to, with a limit for their dictionaries, which `lzma.LZMAFile` lacks."""

    def __init__(self, packed: BinaryIO) -> None:
        self._packed, self._rest = packed, b""
        self._stream: lzma.LZMADecompressor | None = lzma.LZMADecompressor(lzma.FORMAT_XZ, MEMORY + _BESIDES)

    def readable(self) -> bool:
        """It can be read."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to `size` bytes, none at the end; raises `DataError` ``ARCHIVE_UNREADABLE``, `LZMAError`, `EOFError`."""
        size = _PIECE if size is None or size < 0 else size
        while self._begin():
            assert self._stream is not None
            data = b""
            if self._stream.needs_input and not self._rest:
                self._rest = self._packed.read(_PIECE)
                if not self._rest:
                    raise EOFError
            try:
                data = self._stream.decompress(self._rest, size)
            except lzma.LZMAError as error:
                raise too_large() if "memory" in str(error).lower() else error from None
            self._rest = self._stream.unused_data
            if self._stream.eof:
                self._stream = None
            if data or not size:
                return data
        return b""

    def readinto(self, buffer: object, /) -> int:
        """As `read`, into a buffer."""
        view = memoryview(cast(bytearray, buffer)).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def _begin(self) -> bool:
        """Whether there is a stream, this one or one behind zeros that fill a gap (xz file format 1.2, 2.2)."""
        while self._stream is None:
            self._rest = self._rest.lstrip(b"\0")
            if self._rest:
                self._stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, MEMORY + _BESIDES)
            elif not (rest := self._packed.read(_PIECE)):
                return False
            else:
                self._rest = rest
        return True


class TarMember(tarfile.TarInfo):
    """A header of a tar. One that would take much memory is refused, and so is a tar that is cut or damaged there.

    `tarfile` takes a header that is no header for the end, and all that lies behind it would be missed untold.
    """

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:
        """The next header, with names and maps of holes that stand before its content; raises `DataError`."""
        stream = archive.fileobj
        archive.fileobj = cast(BinaryIO, _Limited(cast(BinaryIO, stream)))
        try:
            return super().fromtarfile(archive)
        finally:
            archive.fileobj = stream

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """A header from its block; raises `DataError`, and `tarfile.HeaderError` at the mark of the end."""
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if len(buf) == tarfile.BLOCKSIZE and not any(buf):
                raise
            message = "it ends without the mark of its end: it is cut" if not buf else "it is damaged, or cut"
            raise DataError("ARCHIVE_UNREADABLE", message) from error


class _Limited:
    """A stream of which one header may read so much."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._left = stream, _HEADER
        self.tell, self.seek = stream.tell, stream.seek

    def read(self, size: int, /) -> bytes:
        self._left -= size
        if self._left < 0:
            raise DataError("ARCHIVE_UNREADABLE", "a header in it claims more than any has: refused as a bomb")
        return self._stream.read(size)
