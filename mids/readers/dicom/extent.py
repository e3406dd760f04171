"""How far a file of DICOM reaches: deflated data sets are inflated in pieces, and pixel data is found and measured."""

import struct
import zlib
from collections.abc import Mapping
from math import prod
from typing import BinaryIO

from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from mids.errors import DataError
from mids.readers.archives.streams import Budget, Unpacked
from mids.records import Json

_HEAD = 1 << 14
_PIECE = 1 << 16
_LONG = (b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UC", b"UN", b"UR", b"UT", b"SV", b"UV")
_DEFLATED = DeflatedExplicitVRLittleEndian.encode()
_PLAIN = ExplicitVRLittleEndian.encode().ljust(len(_DEFLATED), b"\0")
"""What stands in the place of the other, padded as a UID is (PS3.5 6.2)."""

LARGEST = 256 * 1024**2
"""Bytes of pixel data that are read whatever the header says, and of a header that has to be unpacked."""

UNKNOWN = -1
"""The size of a file that only all of it tells."""

_SAMPLE = 3 * 8
"""Bytes that a pixel may have: three samples of 64 bits."""


def inflated(stream: BinaryIO, size: int) -> Unpacked | None:
    """A deflated file of `size` bytes as if it were not; None for any other, of which the stream is left at its start.

    It is inflated as far as it is read; what is broken is raised as `DataError`.
    """
    head = stream.read(_HEAD)
    stream.seek(0)
    if _DEFLATED not in head:
        return None
    at = end = 132 if head[128:132] == b"DICM" else 0
    while head[at : at + 2] == b"\x02\x00" and len(head) >= at + 12:
        vr, length = head[at + 4 : at + 6], struct.unpack_from("<H", head, at + 6)[0]
        at += 12 + struct.unpack_from("<I", head, at + 8)[0] if vr in _LONG else 8 + length
        end = at
    begin = head[:end]
    if _DEFLATED not in begin:
        return None
    stream.seek(end)
    return Unpacked(_Inflating(begin.replace(_DEFLATED, _PLAIN), stream), Budget(size))


class _Inflating:
    """Bytes as they are, and then a deflated stream."""

    def __init__(self, begin: bytes, stream: BinaryIO) -> None:
        self._begin, self._stream = begin, stream
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        self._waiting = b""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, none at the end; raises `EOFError` where the stream breaks off."""
        if self._begin:
            data, self._begin = self._begin[:size], self._begin[size:]
            return data
        while not self._inflate.eof:
            packed = self._waiting or self._stream.read(_PIECE)
            if not packed:
                raise EOFError
            data = self._inflate.decompress(packed, size)
            self._waiting = self._inflate.unconsumed_tail
            if data:
                return data
        return b""


def _check_length(header: Mapping[str, Json], length: int) -> None:
    """Raises `DataError` ``PIXELS_UNREADABLE`` for pixel data (bytes) that is far longer than the header explains."""
    if length <= LARGEST:
        return
    expected = _SAMPLE
    for keyword in ("Rows", "Columns", "NumberOfFrames"):
        value = header.get(keyword)
        expected *= value if isinstance(value, int) and value > 0 else 1 if keyword == "NumberOfFrames" else 0
    if length > max(LARGEST, expected):
        message = f"{length:,} bytes of pixel data are far more than Rows, Columns and NumberOfFrames explain"
        raise DataError("PIXELS_UNREADABLE", message)


def _is_short(header: Mapping[str, Json], length: int) -> bool:
    """Whether native pixel data (bytes) is too short for a grey image of a single frame."""
    if header.get("SamplesPerPixel", 1) != 1 or header.get("NumberOfFrames", 1) != 1:
        return False
    sizes = [header.get(keyword) for keyword in ("Rows", "Columns", "BitsAllocated")]
    return 0 < length < prod(size if isinstance(size, int) else 0 for size in sizes) // 8


def find_pixels(
    stream: BinaryIO, head: bytes, start: int, size: int, header: Mapping[str, Json], *, big: bool
) -> tuple[bool, bool]:
    """Whether PixelData (7FE0,0008/0009/0010) follows, and whether it is cut short; `size` is the file's in bytes.

    Raises `DataError` ``PIXELS_UNREADABLE`` where it is far longer than the header explains.

    `head` are the up to 12 bytes at `start`, where reading stopped; PS3.5 7.1 gives the layout of the element there.
    Whether it has a VR is seen there: its letters would be an odd length, and the meta information may be wrong.
    """
    group = struct.unpack(">H" if big else "<H", head[:2])[0] if len(head) >= 8 else 0
    if group != 0x7FE0:
        return False, False
    skip = 8 if head[4:6] in (b"OW", b"OB", b"OF", b"OD", b"UN") else 4
    if len(head) < skip + 4:
        return True, True
    length: int = struct.unpack(">I" if big else "<I", head[skip : skip + 4])[0]
    begin = start + skip + 4
    if length != 0xFFFFFFFF:
        _check_length(header, length)
        if isinstance(stream, Unpacked):
            stream.most = max(begin + length, size) + LARGEST
        size = stream.seek(0, 2) if size == UNKNOWN else size
        return True, begin + length > size + 1 or _is_short(header, length)
    _check_length(header, size - begin)
    if isinstance(stream, Unpacked):
        stream.most = size
    stream.seek(max(begin, size - 4096))
    return True, b"\xfe\xff\xdd\xe0" not in stream.read()
