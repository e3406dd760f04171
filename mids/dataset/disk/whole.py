"""Whole images, for checks that need every byte: their integrity, and a few facts about their pixels.

Without numpy, so that the quick checks, which share a program with these, need not load it.
"""

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from isal import isal_zlib

from mids.dataset.disk.contents import SurplusError, Tail, Whole
from mids.dataset.disk.heads import GZIP, PLAIN_CHUNKS, PNG, NiftiHead, PngHead
from mids.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

BLOCK = 1 << 20
EXCESS = 1 << 28
"""Bytes behind the end of a volume that are unpacked to say how many there are."""
LARGEST = 1 << 30
"""Bytes of the largest image that is unpacked to find its equals."""
PIXELS = 1 << 26
"""Pixels of the largest picture that is decoded."""
AFTER = "IDAT, after the pixels"
"""In place of the name of a chunk."""
HEADER = 18
"""Bytes of the shortest gzip stream: a header of ten and a tail of eight."""

# isal is only half typed.
_unpacker: Any = isal_zlib.decompressobj
_IsalError: Any = isal_zlib.IsalError


# --- NIfTI -----------------------------------------------------------------------------------------------


def _blocks(path: Path, tail: Tail | None = None) -> Iterator[bytes]:
    """A file, unpacked where it is named `.gz`, and what follows its streams noted in `tail`.

    Raises `DataError` for a stream that can't be unpacked.
    """
    try:
        with path.open("rb") as stream:
            if path.suffix == ".gz":
                yield from _unpack(stream, Tail() if tail is None else tail)
                return
            while block := stream.read(BLOCK):
                yield block
    except EOFError:
        raise DataError("NIFTI_TRUNCATED", "the gzip stream ends before its end") from None
    except (zlib.error, _IsalError):
        raise DataError("IMAGE_CORRUPT", "the gzip stream is damaged or its checksum is wrong") from None


def _unpack(stream: BinaryIO, tail: Tail) -> Iterator[bytes]:
    """All streams of a gzip file, one after the other. Raises `EOFError` where the last one is not whole."""
    data = stream.read(BLOCK)
    is_first = True
    while is_first or data.startswith(GZIP):
        while len(data) < HEADER and (more := stream.read(BLOCK)):
            data += more
        tail.hidden += not is_first and _says_more(data)
        tail.streams += 1
        unpack, is_first = _unpacker(wbits=31), False
        while not unpack.eof:
            if block := unpack.decompress(data, BLOCK):
                yield block
            data = unpack.unconsumed_tail
            if not (data or block or unpack.eof) and not (data := stream.read(BLOCK)):
                raise EOFError
        data = unpack.unused_data or stream.read(BLOCK)
    seen = len(data)
    is_plain = not data.strip(b"\0")
    while data := stream.read(BLOCK):
        seen += len(data)
        is_plain &= not data.strip(b"\0")
    tail.trailing = 0 if is_plain else seen


def _says_more(data: bytes) -> bool:
    """Whether the header of a gzip stream holds a name, a comment, or an extra field that is not bgzip's (SAM 4.1)."""
    return bool(data[3] & 24 or (data[3] & 4 and data[12:14] != b"BC")) if len(data) > HEADER else False


def read_voxels(path: Path, head: NiftiHead, count: int) -> Iterator[bytes]:
    """The voxels of a volume, `count` at a time. Raises `DataError` where they can't be had, or are too few."""
    length, left = count * head.bitpix // 8, head.size - head.offset
    if path.suffix != ".gz":
        yield from _plain_voxels(path, head.offset, length, left)
        return
    waiting, start = bytearray(), head.offset
    for block in _blocks(path):
        waiting += block[start:]
        start = max(0, start - len(block))
        while len(waiting) >= min(length, left) and left:
            piece = bytes(waiting[: min(length, left)])
            del waiting[: len(piece)]
            left -= len(piece)
            yield piece
    if left:
        raise DataError("NIFTI_TRUNCATED", "the volume ends before its end")


def _plain_voxels(path: Path, offset: int, length: int, left: int) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as stream:
        stream.seek(offset)
        while left:
            piece = stream.read(min(length, left))
            if len(piece) < min(length, left):
                raise DataError("NIFTI_TRUNCATED", "the volume ends before its end")
            left -= len(piece)
            yield piece


def check_length(path: str | PathLike[str], head: NiftiHead) -> Tail:
    """Compares the length of a volume with its header; unpacks it only where its last bytes are not as expected.

    Returns what follows its voxels, as far as it was looked for.

    Raises `DataError` with NIFTI_TRUNCATED where the end is missing, and NIFTI_SIZE where the file is whole and holds
    fewer or more bytes than the header says.
    """
    tail = Tail()
    if head.gzip is None:
        size = head.stored
        if size < head.size:
            raise DataError("NIFTI_TRUNCATED", f"the file has {size} bytes, the header asks for {head.size}")
    elif head.gzip.length == head.size % 2**32:
        return tail
    else:
        # Several gzip members in one file are rare, right, and end with the length of the last one.
        size = 0
        for block in _blocks(Path(path), tail):
            size += len(block)
            _check_excess(size, head)
    if size != head.size:
        kind = SurplusError if size > head.size and tail.streams > 1 else DataError
        raise kind("NIFTI_SIZE", f"the file unpacks to {size} bytes, the header asks for {head.size}")
    return tail


def _check_excess(size: int, head: NiftiHead) -> None:
    """Stops at a file that unpacks to much more than its header says: it may never end."""
    if size > head.size + EXCESS:
        raise DataError("NIFTI_SIZE", f"the file unpacks to more than {size} bytes, the header asks for {head.size}")


def read_nifti(path: Path, head: NiftiHead) -> Whole:
    """Unpacks all of a volume.

    Raises `DataError` with IMAGE_CORRUPT, or with NIFTI_TRUNCATED or NIFTI_SIZE as `check_length`.
    """
    from mids.dataset.disk.facts import Volume  # numpy, which the quick checks do without

    facts, tail = Volume(head), Tail()
    size = 0
    for block in _blocks(path, tail):
        facts.add(block[max(0, head.offset - size) :])
        size += len(block)
        _check_excess(size, head)
    if size != head.size:
        kind = SurplusError if size > head.size and tail.streams > 1 else DataError
        raise kind("NIFTI_SIZE", f"the file unpacks to {size} bytes, the header asks for {head.size}")
    return replace(facts.done(), tail=tail)


# --- PNG -------------------------------------------------------------------------------------------------


def read_png(path: Path, head: PngHead) -> Whole:
    """Reads all of a PNG: every checksum, and that the pixels unpack to the size that the header says.

    Raises `DataError` with IMAGE_CORRUPT.
    """
    texts, size, is_whole, tail = [], 0, False, Tail()
    try:
        for name, data in _pieces(path):
            if name == AFTER:
                tail.trailing += len(data)
            elif name not in PLAIN_CHUNKS:
                texts.append(name)
            size += len(data) if name == "IDAT" else 0
            is_whole |= name == "IEND"
            if size > head.size and not head.interlaced:
                break
    except _IsalError:
        raise DataError("IMAGE_CORRUPT", "the pixels can't be unpacked") from None
    if not is_whole or (not head.interlaced and size != head.size):
        raise DataError("IMAGE_CORRUPT", "there are fewer or more pixels than the header says")
    if head.colour not in (0, 2) or head.bits not in (8, 16) or head.rows * head.columns > PIXELS:
        return Whole(texts=tuple(texts), tail=tail)
    from mids.dataset.disk.facts import look_at_picture  # numpy, which the quick checks do without

    return replace(look_at_picture(decode_png(path)), texts=tuple(texts), tail=tail)


def decode_png(path: Path) -> "Image":
    """The decoded pixels of a PNG. Raises `DataError` IMAGE_CORRUPT where they can't be had."""
    from PIL.Image import open as open_image  # which the quick checks do without

    try:
        with open_image(path, formats=["PNG"]) as image:
            image.load()
            return image
    except (OSError, SyntaxError, ValueError, zlib.error):
        raise DataError("IMAGE_CORRUPT", "the pixels can't be decoded") from None


def _chunks(path: Path) -> Iterator[tuple[str, bytes]]:
    """Every chunk (name, data) of a PNG up to its end chunk, its checksum compared."""
    with path.open("rb") as stream:
        stream.seek(len(PNG))
        while head := stream.read(8):
            length = int.from_bytes(head[:4], "big")
            body = stream.read(length + 4)
            if len(head) < 8 or len(body) < length + 4:
                raise DataError("IMAGE_CORRUPT", "the file ends inside a chunk")
            if zlib.crc32(head[4:] + body[:length]) != int.from_bytes(body[length:], "big"):
                raise DataError("IMAGE_CORRUPT", "the checksum of a chunk is wrong")
            yield head[4:].decode("latin-1"), body[:length]
            if head[4:] == b"IEND":
                return


def _pieces(path: Path) -> Iterator[tuple[str, bytes]]:
    """Every chunk of a PNG, that of pixels unpacked in pieces of at most `BLOCK` bytes; IEND only after all pixels.

    What follows the end of the packed pixels in their chunks is called `AFTER`.

    Raises `DataError` IMAGE_CORRUPT, and what isal raises where the stream is damaged.
    """
    unpack = _unpacker()
    for name, data in _chunks(path):
        if name == "IEND" and not unpack.eof:
            return
        if name != "IDAT":
            yield name, data
            continue
        rest = data if unpack.eof else b""
        while data and not unpack.eof:
            yield name, unpack.decompress(data, BLOCK)
            data, rest = unpack.unconsumed_tail, unpack.unused_data
        if rest:
            yield AFTER, rest


# --- the same image twice --------------------------------------------------------------------------------


def content_digest(path: str | PathLike[str]) -> bytes:
    """A digest of what an image holds: of the unpacked bytes of a volume, of the size and scan lines of a PNG.

    Of a file that can't be unpacked, or unpacks to more than `LARGEST` bytes, it is that of its bytes.
    """
    path = Path(path)
    digest = hashlib.blake2b(digest_size=16)
    size = 0
    try:
        for block in _content(path):
            digest.update(block)
            size += len(block)
            if size > LARGEST:
                raise DataError("IMAGE_CORRUPT", f"the image unpacks to more than {LARGEST} bytes")
    except (DataError, _IsalError):
        digest = hashlib.blake2b(digest_size=16)
        with path.open("rb") as stream:
            while block := stream.read(BLOCK):
                digest.update(block)
    return digest.digest()


def _content(path: Path) -> Iterator[bytes]:
    """What an image holds, in blocks."""
    if path.suffix == ".png":
        yield from (data for name, data in _pieces(path) if name in ("IHDR", "IDAT"))
    else:
        yield from _blocks(path)
