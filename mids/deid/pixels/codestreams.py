"""What compressed pixel data may say besides the image: comments, application data, what follows the end.

Payloads are zeroed in place, so that lengths and offset tables stay true. What is no stream of a kind that is known
here is refused, for nobody can tell what it holds.
"""

import struct
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from itertools import accumulate

from pydicom.encaps import generate_fragmented_frames
from pydicom.uid import (
    JPEG2000TransferSyntaxes,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
    RLETransferSyntaxes,
)

from mids.errors import DataError

_JPEG = frozenset({*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes})
_JPEG_2000 = frozenset({*JPEG2000TransferSyntaxes, *(f"1.2.840.10008.1.2.4.{number}" for number in (201, 202, 203))})
_KEPT = {0xE0: (b"JFIF\0", 14), 0xE8: (b"mrfx", 8), 0xEE: (b"Adobe", 12)}
"""Application data that decoders need, by marker: how it begins, and how much of it they read."""

_BOXES = frozenset({b"jP  ", b"ftyp", b"rreq", b"jp2h"})
"""Boxes that tell a decoder what the image is; others hold texts, XML or whatever somebody put there."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Bytes of a stream that are no part of the image."""

    begin: int
    end: int


def clean_pixel_data(content: bytes, syntax: str, frames: int, plane: int) -> bytes:
    """Encapsulated pixel data (PS3.5 A.4) of the same length, with nothing in it but images.

    `plane` is the number of pixels of a frame. Raises `DataError` ``DEID_IMPOSSIBLE`` for a stream that can't be taken
    apart.
    """
    stretches = _reader(syntax, plane)
    target = bytearray(content)
    places = list(_fragments(content))
    wanted = [len(b"".join(frame)) for frame in generate_fragmented_frames(content, number_of_frames=frames)]
    at = 0
    for size in wanted:
        mine = []
        while size > 0 and at < len(places):
            mine.append(places[at])
            size -= places[at][1]
            at += 1
        stream = b"".join(content[begin : begin + length] for begin, length in mine)
        for found in stretches(stream):
            _clear(target, mine, found)
    for begin, length in places[at:]:  # fragments that belong to no frame
        target[begin : begin + length] = bytes(length)
    return bytes(target)


def _reader(syntax: str, plane: int) -> Callable[[bytes], Iterator[_Stretch]]:
    if syntax in _JPEG:
        return _jpeg
    if syntax in _JPEG_2000:
        return _jpeg_2000
    if syntax in RLETransferSyntaxes:
        return lambda stream: _rle(stream, plane)
    raise DataError("DEID_IMPOSSIBLE", "compressed pixel data of this transfer syntax can't be checked")


def _fragments(content: bytes) -> Iterator[tuple[int, int]]:
    """Begin and length of each fragment, the offset table left out."""
    at, is_table = 0, True
    while at + 8 <= len(content):
        tag, length = content[at : at + 4], struct.unpack_from("<I", content, at + 4)[0]
        if tag != b"\xfe\xff\x00\xe0":
            return
        if not is_table:
            yield at + 8, length
        at, is_table = at + 8 + length, False


def _clear(target: bytearray, places: list[tuple[int, int]], found: _Stretch) -> None:
    """Zeroes a stretch of a frame that may lie in several fragments."""
    ends = list(accumulate(length for _, length in places))
    for (begin, length), end in zip(places, ends, strict=True):
        first = end - length
        low, high = max(found.begin, first), min(found.end, end)
        if low < high:
            target[begin + low - first : begin + high - first] = bytes(high - low)


# --- streams ------------------------------------------------------------------------------------------------


def _jpeg(stream: bytes) -> Iterator[_Stretch]:
    """Comments, application data and what follows the end of a JPEG or JPEG-LS stream (ITU-T T.81 B.1, T.87)."""
    if stream[:2] != b"\xff\xd8":
        raise _unknown("JPEG")
    at = 2
    while at + 4 <= len(stream):
        if stream[at] != 0xFF:
            raise _unknown("JPEG")
        marker = stream[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == 0xD9:
            yield _Stretch(at + 2, len(stream))
            return
        end = at + 2 + struct.unpack_from(">H", stream, at + 2)[0]
        if marker == 0xFE or 0xE0 <= marker <= 0xEF:
            start, size = _KEPT.get(marker, (b"-", 0))
            kept = size if stream.startswith(start, at + 4) else 0
            yield _Stretch(min(at + 4 + kept, end), end)
        at = _find_scan_end(stream, end) if marker == 0xDA else end
    if stream[at : at + 2] == b"\xff\xd9":
        yield _Stretch(at + 2, len(stream))


def _find_scan_end(stream: bytes, at: int) -> int:
    """Where coded data ends: at the next marker that is neither a restart nor a stuffed byte."""
    while (at := stream.find(b"\xff", at)) >= 0 and at + 1 < len(stream):
        following = stream[at + 1]
        if following >= 0x80 and not 0xD0 <= following <= 0xD7 and following != 0xFF:
            return at
        at += 1 if following == 0xFF else 2
    return len(stream)


def _jpeg_2000(stream: bytes) -> Iterator[_Stretch]:
    """What is no image in JPEG 2000, which DICOM has as a bare codestream and others put into boxes."""
    if stream[4:8] != b"jP  ":
        yield from _codestream(stream, 0)
        return
    at = 0
    while at + 8 <= len(stream):  # ISO/IEC 15444-1 I.4
        size, kind = struct.unpack_from(">I4s", stream, at)
        end = at + size if size else len(stream)
        if kind == b"jp2c":
            yield from _codestream(stream[:end], at + 8)
        elif kind not in _BOXES:
            yield _Stretch(at + 8, end)
        if size in range(1, 8):
            break
        at = end
    yield _Stretch(at, len(stream))


def _codestream(stream: bytes, begin: int) -> Iterator[_Stretch]:
    """Comments and what follows the end of a codestream (ISO/IEC 15444-1 A)."""
    if stream[begin : begin + 2] != b"\xff\x4f":
        raise _unknown("JPEG 2000")
    at = begin + 2
    while at + 4 <= len(stream):
        marker, length = struct.unpack_from(">HH", stream, at)
        if marker == 0xFFD9:
            yield _Stretch(at + 2, len(stream))
            return
        if marker == 0xFF90:
            at = yield from _tile(stream, at)
            continue
        if not 0xFF30 <= marker <= 0xFF93 or length < 2:
            raise _unknown("JPEG 2000")
        if marker == 0xFF64:
            yield _Stretch(at + 6, at + 2 + length)
        at += 2 + length
    if stream[at : at + 2] == b"\xff\xd9":
        yield _Stretch(at + 2, len(stream))


def _tile(stream: bytes, start: int) -> Generator[_Stretch, None, int]:
    """The comments in the header of a tile part; returns where it ends: a length of 0 means with the stream."""
    (size,) = struct.unpack_from(">I", stream, start + 6)
    at = start + 12
    while at + 4 <= len(stream):
        marker, length = struct.unpack_from(">HH", stream, at)
        if marker == 0xFF93:
            end = stream.rfind(b"\xff\xd9")
            return start + size if size else end if end > at else len(stream)
        if length < 2:
            break
        if marker == 0xFF64:
            yield _Stretch(at + 6, at + 2 + length)
        at += 2 + length
    raise _unknown("JPEG 2000")


def _rle(stream: bytes, plane: int) -> Iterator[_Stretch]:
    """What follows the last segment of RLE (PS3.5 G), and what lies in its header beside offsets."""
    if len(stream) < 64:
        raise _unknown("RLE")
    count, *offsets = struct.unpack_from("<16I", stream)
    if not 1 <= count <= 15 or sorted(offsets[:count]) != offsets[:count]:
        raise _unknown("RLE")
    yield _Stretch(4 + 4 * count, 64)
    at, left = offsets[count - 1], plane
    while left > 0 and at < len(stream):
        control = stream[at]
        if control == 128:
            at += 1
        elif control < 128:
            at, left = at + control + 2, left - control - 1
        else:
            at, left = at + 2, left - (257 - control)
    yield _Stretch(min(at, len(stream)), len(stream))


def _unknown(kind: str) -> DataError:
    return DataError("DEID_IMPOSSIBLE", f"its compressed pixel data is not a {kind} stream, and can't be checked")
