"""Takes answers of DICOMweb apart that were saved as they came: multipart/related (PS3.18 8.6.1.2, RFC 2046 5.1)."""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from typing import BinaryIO

from mids.errors import DataError
from mids.readers.archives.streams import Forward

_HEAD = 1 << 16
_CHUNK = 1 << 20
_BOUNDARY = re.compile(rb'boundary=(?:"([^"\r\n]+)"|([^"\s;]+))', re.I)
_FIRST = re.compile(rb"\s*--([^\r\n]{1,200}?)[ \t]*\r?\n")
_END = re.compile(rb"\r?\n\r?\n")
_ENCODING = re.compile(rb"^content-transfer-encoding:\s*base64", re.I | re.M)


@dataclass(frozen=True, slots=True)
class Part:
    """One part: where its content begins, and how many bytes it has."""

    name: str
    begin: int
    size: int
    is_base64: bool = False

    def open(self, stream: BinaryIO) -> Forward:
        """The content, read in order."""
        if self.is_base64:
            stream.seek(self.begin)
            return BytesIO(base64.b64decode(stream.read(self.size)))
        return _Slice(stream, self.begin, self.size)


class _Slice:
    def __init__(self, stream: BinaryIO, begin: int, size: int) -> None:
        self._stream, self._at, self._end = stream, begin, begin + size

    def read(self, size: int, /) -> bytes:
        self._stream.seek(self._at)
        data = self._stream.read(min(size, self._end - self._at))
        self._at += len(data)
        return data


def parts(stream: BinaryIO) -> Iterator[Part]:
    """The parts of a message, in order, named by their numbers.

    Raises `DataError` ``ARCHIVE_UNREADABLE`` where the message breaks off or has no boundary.
    """
    stream.seek(0)
    head = stream.read(_HEAD)
    named, first = _BOUNDARY.search(head), _FIRST.match(head)
    boundary = first[1] if first else (named[1] or named[2]) if named else b""
    places = list(_places(stream, b"--" + boundary)) if boundary else []
    for number, (place, following) in enumerate(pairwise(places), start=1):
        begin = place + len(boundary) + 2
        stream.seek(begin)
        head = stream.read(min(_HEAD, following - begin))
        end = _END.search(head)
        if end is None:
            continue
        stream.seek(max(begin + end.end(), following - 2))
        line_end = stream.read(following - stream.tell())
        stop = following - (2 if line_end == b"\r\n" else 1 if line_end.endswith(b"\n") else 0)
        start = begin + end.end()
        yield Part(f"{number:06}", start, max(0, stop - start), bool(_ENCODING.search(head[: end.start()])))
    stream.seek(places[-1] + len(boundary) + 2 if places else 0)
    if not places or stream.read(2) != b"--":
        raise DataError("ARCHIVE_UNREADABLE", "a multipart message breaks off, or has no boundary")


def _places(stream: BinaryIO, delimiter: bytes) -> Iterator[int]:
    """Where the delimiter stands at the begin of a line."""
    stream.seek(0)
    base, data, begin = 0, b"", 0
    while chunk := stream.read(_CHUNK):
        data += chunk
        at = data.find(delimiter, begin)
        while at >= 0:
            if base + at == 0 or data[at - 1 : at] == b"\n":
                yield base + at
            at = data.find(delimiter, at + 1)
        kept = len(delimiter)  # one byte more than what may be the begin of one: the byte before it counts
        base, data, begin = base + max(0, len(data) - kept), data[-kept:], 1
