"""Whole images, for checks that need every byte: their integrity, and a few facts about their pixels.

Without numpy, so that the quick checks, which share a program with these, need not load it.
"""

import hashlib
import sys
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from isal import igzip, isal_zlib
from PIL import Image, UnidentifiedImageError

from mids.dataset.disk.heads import PNG, TEXT_CHUNKS, NiftiHead, PngHead
from mids.errors import DataError

BLOCK = 1 << 20
EXCESS = 1 << 28
"""Bytes behind the end of a volume that are unpacked to say how many there are."""
LARGEST = 1 << 30
"""Bytes of the largest image that is unpacked to find its equals."""
SAMPLE = 400_000
"""Voxels of a volume that are looked at for statistics."""
VALUES = 4096
"""Different values of a mask that are kept."""
PIXELS = 1 << 26
"""Pixels of the largest picture that is decoded."""

TYPES = {2: "B", 256: "b", 4: "h", 512: "H", 8: "i", 768: "I", 16: "f", 64: "d"}
"""Type codes of `array` for NIfTI's datatypes; the others have no statistics."""

# isal is only half typed.
_unpacked: Any = igzip.open
_IsalError: Any = isal_zlib.IsalError


@dataclass(frozen=True, slots=True)
class Whole:
    """Facts about all pixels of an image.

    `blank`: all have one value. `sample`: some of a volume's values, evenly spread, unscaled. `values`: the different
    values of a volume of integers, at most `VALUES` of them. `brightest`: the share of a picture's samples that have
    the largest value possible. `texts`: the names of all text chunks of a PNG.
    """

    blank: bool = False
    sample: "array[Any] | None" = None
    values: frozenset[int] = frozenset()
    brightest: float = 0.0
    texts: tuple[str, ...] = ()


# --- NIfTI -----------------------------------------------------------------------------------------------


def _blocks(path: Path) -> Iterator[bytes]:
    """A file, unpacked where it is named `.gz`. Raises `DataError` for a stream that can't be unpacked."""
    try:
        with _unpacked(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
            while block := stream.read(BLOCK):
                yield block
    except EOFError:
        raise DataError("NIFTI_TRUNCATED", "the gzip stream ends before its end") from None
    except (igzip.BadGzipFile, zlib.error, _IsalError):
        raise DataError("IMAGE_CORRUPT", "the gzip stream is damaged or its checksum is wrong") from None


def read_voxels(path: Path, head: NiftiHead, count: int) -> Iterator[bytes]:
    """The voxels of a volume, `count` at a time. Raises `DataError` where they can't be had, or are too few."""
    length, left = count * head.bitpix // 8, head.size - head.offset
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


def check_length(path: Path, head: NiftiHead) -> None:
    """Compares the length of a volume with its header; unpacks it only where its last bytes are not as expected.

    Raises `DataError` with NIFTI_TRUNCATED where the end is missing, and NIFTI_SIZE where the file is whole and holds
    fewer or more bytes than the header says.
    """
    if head.gzip is None:
        size = head.stored
        if size < head.size:
            raise DataError("NIFTI_TRUNCATED", f"the file has {size} bytes, the header asks for {head.size}")
    elif head.gzip.length == head.size % 2**32:
        return
    else:
        # Several gzip members in one file are rare, right, and end with the length of the last one.
        size = 0
        for block in _blocks(path):
            size += len(block)
            _check_excess(size, head)
    if size != head.size:
        raise DataError("NIFTI_SIZE", f"the file unpacks to {size} bytes, the header asks for {head.size}")


def _check_excess(size: int, head: NiftiHead) -> None:
    """Stops at a file that unpacks to much more than its header says: it may never end."""
    if size > head.size + EXCESS:
        raise DataError("NIFTI_SIZE", f"the file unpacks to more than {size} bytes, the header asks for {head.size}")


def read_nifti(path: Path, head: NiftiHead) -> Whole:
    """Unpacks all of a volume.

    Raises `DataError` with IMAGE_CORRUPT, or with NIFTI_TRUNCATED or NIFTI_SIZE as `check_length`.
    """
    facts = _Volume(head)
    size = 0
    for block in _blocks(path):
        facts.add(block[max(0, head.offset - size) :])
        size += len(block)
        _check_excess(size, head)
    if size != head.size:
        raise DataError("NIFTI_SIZE", f"the file unpacks to {size} bytes, the header asks for {head.size}")
    return facts.done()


class _Volume:
    """Gathers facts about voxels that come in blocks."""

    def __init__(self, head: NiftiHead) -> None:
        self._type = TYPES.get(head.datatype, "")
        self._width = head.bitpix // 8
        self._swapped = (head.order == "<") != (sys.byteorder == "little")
        voxels = (head.size - head.offset) // self._width
        # An odd step does not walk along one column of a volume.
        self._step = max(1, voxels // SAMPLE) | 1
        self._sample = array(self._type or "B")
        self._values: set[int] = set()
        self._first = b""
        self._blank = True
        self._rest = b""

    def add(self, block: bytes) -> None:
        """The next voxels."""
        block = self._rest + block
        end = len(block) - len(block) % self._width
        block, self._rest = block[:end], block[end:]
        if not block:
            return
        self._first = self._first or block[: self._width]
        self._blank = self._blank and block == self._first * (len(block) // self._width)
        if self._type:
            voxels = array(self._type, block)
            if self._swapped:
                voxels.byteswap()
            self._sample.extend(voxels[:: self._step])
            if self._width <= 2 and len(self._values) < VALUES:
                self._values.update(voxels)

    def done(self) -> Whole:
        """The facts, once all blocks have been added."""
        return Whole(self._blank, self._sample if self._type else None, frozenset(self._values))


# --- PNG -------------------------------------------------------------------------------------------------


def read_png(path: Path, head: PngHead) -> Whole:
    """Reads all of a PNG: every checksum, and that the pixels unpack to the size that the header says.

    Raises `DataError` with IMAGE_CORRUPT.
    """
    texts, size, is_whole = [], 0, False
    try:
        for name, data in _pieces(path):
            if name in TEXT_CHUNKS:
                texts.append(name)
            size += len(data) if name == "IDAT" else 0
            is_whole |= name == "IEND"
            if size > head.size and not head.interlaced:
                break
    except _IsalError:
        raise DataError("IMAGE_CORRUPT", "the pixels can't be unpacked") from None
    if not is_whole or (not head.interlaced and size != head.size):
        raise DataError("IMAGE_CORRUPT", "there are fewer or more pixels than the header says")
    blank, brightest = _brightness(path, head)
    return Whole(blank=blank, brightest=brightest, texts=tuple(texts))


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

    Raises `DataError` IMAGE_CORRUPT, and what isal raises where the stream is damaged.
    """
    unpack = isal_zlib.decompressobj()
    for name, data in _chunks(path):
        if name == "IEND" and not unpack.eof:
            return
        if name != "IDAT":
            yield name, data
            continue
        while data and not unpack.eof:
            yield name, unpack.decompress(data, BLOCK)
            data = unpack.unconsumed_tail


def _brightness(path: Path, head: PngHead) -> tuple[bool, float]:
    """Whether all samples of a grey or RGB picture are equal, and the share of those with the largest value."""
    if head.colour not in (0, 2) or head.bits not in (8, 16) or head.rows * head.columns > PIXELS:
        return False, 0.0
    try:
        with Image.open(path, formats=["PNG"]) as image:
            data = image.tobytes()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, zlib.error):
        raise DataError("IMAGE_CORRUPT", "the pixels can't be decoded") from None
    wide = image.mode.startswith("I")
    samples = array("H" if wide else "B", data)
    pixel = data[: 2 if wide else len(image.getbands())]
    step = max(1, len(samples) // (4 * SAMPLE)) | 1
    some = samples[::step]
    blank = data == pixel * (len(data) // len(pixel))
    return blank, some.count(65535 if wide else 255) / len(some)


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
