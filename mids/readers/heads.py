"""The heads of images: NIfTI and PNG, read from their first bytes with the standard library alone.

A whole volume is never unpacked here, except by the functions that say so (`check_nifti`, `check_png`).
"""

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from isal import igzip, isal_zlib

from mids.errors import DataError

GZIP = b"\x1f\x8b"
PNG = b"\x89PNG\r\n\x1a\n"
IEND = b"\x00\x00\x00\x00IEND\xaeB`\x82"
BLOCK = 1 << 20

# isal is only half typed.
_unpacked: Any = igzip.open
_IsalError: Any = isal_zlib.IsalError

BITS = {
    2: 8, 4: 16, 8: 32, 16: 32, 32: 64, 64: 64, 128: 24, 256: 8, 512: 16, 768: 32, 1024: 64, 1280: 64,
    1536: 128, 1792: 128, 2048: 256, 2304: 32,
}  # fmt: skip
"""Bits per voxel of every NIfTI datatype code (nifti1.h, DT_*)."""

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples per pixel of every PNG colour type (PNG specification, 11.2.2)."""

TEXT_CHUNKS = ("tEXt", "zTXt", "iTXt", "eXIf", "tIME")
"""PNG chunks that can hold a name, a date or a camera's notes."""


@dataclass(frozen=True, slots=True)
class NiftiHead:
    """The header of a NIfTI-1 or NIfTI-2 file.

    `shape` is (i, j, k[, volumes…]); `spacing` are the voxel sizes of the same axes, in mm for the first
    three; `affine` has three rows of four (voxel to world, mm, RAS); `texts` are the free-text fields that
    hold anything; `offset` is where the voxels start, in bytes.
    """

    version: int
    shape: tuple[int, ...]
    datatype: int
    bitpix: int
    spacing: tuple[float, ...]
    affine: tuple[tuple[float, ...], ...]
    qform: int
    sform: int
    offset: int
    texts: tuple[tuple[str, str], ...]

    @property
    def size(self) -> int:
        """Bytes that the unpacked file has, by its header."""
        return self.offset + math.prod(self.shape) * self.bitpix // 8


@dataclass(frozen=True, slots=True)
class PngHead:
    """What a PNG says before its pixels: size in pixels, bits per sample, colour type.

    `texts` are the names of text chunks before the pixels; `complete` says that the file ends with IEND.
    """

    rows: int
    columns: int
    bits: int
    colour: int
    interlaced: bool
    texts: tuple[str, ...]
    complete: bool


def nifti_head(path: Path) -> NiftiHead:
    """The header of `path`, gzipped or not.

    Raises `DataError` with GZIP_INVALID where a `.gz` is no gzip file and NIFTI_INVALID where the content is
    no NIfTI, `OSError` where it can't be read.
    """
    with path.open("rb") as stream:
        data = stream.read(4096)
        if path.suffix == ".gz" or data.startswith(GZIP):
            data = _inflate(stream, data, 540)
    return _nifti(data)


def _inflate(stream: BinaryIO, data: bytes, wanted: int) -> bytes:
    """The first `wanted` bytes that a gzip stream unpacks to, fewer where it ends before."""
    if not data.startswith(GZIP):
        raise DataError("GZIP_INVALID", "the file is named .gz and does not begin as a gzip file")
    unpack = zlib.decompressobj(wbits=31)
    out = b""
    try:
        while data and len(out) < wanted:
            out += unpack.decompress(data, wanted - len(out))
            data = unpack.unconsumed_tail or stream.read(4096)
    except zlib.error:
        raise DataError("GZIP_INVALID", "the gzip stream can't be unpacked") from None
    return out


def _nifti(data: bytes) -> NiftiHead:
    """Reads a NIfTI-1 (348 bytes) or NIfTI-2 (540 bytes) header of either byte order."""
    sizes = {struct.pack(order + "i", size): (order, size) for order in "<>" for size in (348, 540)}
    order, size = sizes.get(data[:4], ("", 0))
    if not order or len(data) < size:
        raise DataError("NIFTI_INVALID", "the file does not begin with a NIfTI header")
    magic = data[344:347] if size == 348 else data[4:7]
    if magic not in ((b"n+1", b"ni1") if size == 348 else (b"n+2", b"ni2")):
        raise DataError("NIFTI_INVALID", "the header has no NIfTI magic word")
    if size == 348:
        dim = struct.unpack_from(order + "8h", data, 40)
        datatype, bitpix = struct.unpack_from(order + "2h", data, 70)
        pixdim = struct.unpack_from(order + "8f", data, 76)
        offset = struct.unpack_from(order + "f", data, 108)[0]
        qform, sform = struct.unpack_from(order + "2h", data, 252)
        quaternion = struct.unpack_from(order + "6f", data, 256)
        rows = struct.unpack_from(order + "12f", data, 280)
        places = {"descrip": (148, 80), "aux_file": (228, 24), "intent_name": (328, 16), "db_name": (14, 18)}
    else:
        dim = struct.unpack_from(order + "8q", data, 16)
        datatype, bitpix = struct.unpack_from(order + "2h", data, 12)
        pixdim = struct.unpack_from(order + "8d", data, 104)
        offset = struct.unpack_from(order + "q", data, 168)[0]
        qform, sform = struct.unpack_from(order + "2i", data, 344)
        quaternion = struct.unpack_from(order + "6d", data, 352)
        rows = struct.unpack_from(order + "12d", data, 400)
        places = {"descrip": (240, 80), "aux_file": (320, 24), "intent_name": (508, 16)}
    if not 1 <= dim[0] <= 7 or any(n < 1 for n in dim[1 : dim[0] + 1]):
        raise DataError("NIFTI_INVALID", "the header's dimensions are not 1 to 7 positive numbers")
    if BITS.get(datatype) != bitpix:
        raise DataError("NIFTI_INVALID", f"datatype {datatype} with {bitpix} bits per voxel does not exist")
    if not (math.isfinite(offset) and offset >= size):
        raise DataError("NIFTI_INVALID", "the voxels are said to begin inside the header")
    texts = {name: _text(data[at : at + length]) for name, (at, length) in places.items()}
    return NiftiHead(
        version=1 if size == 348 else 2,
        shape=tuple(dim[1 : dim[0] + 1]),
        datatype=datatype,
        bitpix=bitpix,
        spacing=tuple(pixdim[1 : dim[0] + 1]),
        affine=_affine(pixdim, qform, quaternion, sform, rows),
        qform=qform,
        sform=sform,
        offset=int(offset),
        texts=tuple((name, text) for name, text in texts.items() if text),
    )


def _text(data: bytes) -> str:
    return data.split(b"\0", 1)[0].decode("latin-1").strip()


def _affine(
    pixdim: tuple[float, ...], qform: int, quaternion: tuple[float, ...], sform: int, rows: tuple[float, ...]
) -> tuple[tuple[float, ...], ...]:
    """The 3×4 voxel-to-world matrix: sform, else qform, else the voxel sizes (nifti1.h, methods 3, 2, 1)."""
    if sform > 0:
        return rows[0:4], rows[4:8], rows[8:12]
    x, y, z = pixdim[1:4]
    if qform <= 0:
        return (x, 0.0, 0.0, 0.0), (0.0, y, 0.0, 0.0), (0.0, 0.0, z, 0.0)
    b, c, d, *shift = quaternion
    a = math.sqrt(max(0.0, 1.0 - (b * b + c * c + d * d)))
    z = -z if pixdim[0] < 0 else z
    return (
        ((a * a + b * b - c * c - d * d) * x, 2 * (b * c - a * d) * y, 2 * (b * d + a * c) * z, shift[0]),
        (2 * (b * c + a * d) * x, (a * a + c * c - b * b - d * d) * y, 2 * (c * d - a * b) * z, shift[1]),
        (2 * (b * d - a * c) * x, 2 * (c * d + a * b) * y, (a * a + d * d - c * c - b * b) * z, shift[2]),
    )


def check_nifti(path: Path, head: NiftiHead) -> None:
    """Unpacks all of `path` and compares its length with its header.

    Raises `DataError` with IMAGE_CORRUPT where the gzip stream is cut or its checksum is wrong, and
    NIFTI_SIZE where there are fewer or more bytes than the header says.
    """
    size = 0
    try:
        with _unpacked(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
            while block := stream.read(BLOCK):
                size += len(block)
    except EOFError:
        raise DataError("IMAGE_CORRUPT", "the gzip stream ends before its end") from None
    except (igzip.BadGzipFile, zlib.error, _IsalError):
        raise DataError("IMAGE_CORRUPT", "the gzip stream is damaged or its checksum is wrong") from None
    if size != head.size:
        raise DataError("NIFTI_SIZE", f"the file unpacks to {size} bytes, the header asks for {head.size}")


def png_head(path: Path) -> PngHead:
    """What the PNG says before its pixels. Raises `DataError` with PNG_INVALID where it is no PNG."""
    with path.open("rb") as stream:
        data = stream.read(33)
        if len(data) < 33 or not data.startswith(PNG) or data[12:16] != b"IHDR":
            raise DataError("PNG_INVALID", "the file does not begin as a PNG")
        columns, rows, bits, colour, method, filters, interlace = struct.unpack_from(">IIBBBBB", data, 16)
        if zlib.crc32(data[12:29]) != struct.unpack_from(">I", data, 29)[0] or not rows * columns:
            raise DataError("PNG_INVALID", "the PNG header is damaged")
        if method or filters or colour not in CHANNELS:
            raise DataError("PNG_INVALID", "the PNG header names a method that does not exist")
        texts = tuple(name for name in _names_before_pixels(stream) if name in TEXT_CHUNKS)
        stream.seek(0, 2)
        stream.seek(max(0, stream.tell() - len(IEND)))
        complete = stream.read() == IEND
    return PngHead(rows, columns, bits, colour, bool(interlace), texts, complete)


def _names_before_pixels(stream: BinaryIO) -> Iterator[str]:
    """The names of the chunks between IHDR and the first IDAT."""
    while len(head := stream.read(8)) == 8 and head[4:] not in (b"IDAT", b"IEND"):
        yield head[4:].decode("latin-1")
        stream.seek(int.from_bytes(head[:4], "big") + 4, 1)


def check_png(path: Path, head: PngHead) -> tuple[str, ...]:
    """Reads all of `path`: every checksum, and that the pixels unpack to the size that the header says.

    Returns the names of all its text chunks. Raises `DataError` with IMAGE_CORRUPT.
    """
    texts = []
    size = 0
    unpack = zlib.decompressobj()
    try:
        for name, data in _chunks(path):
            if name in TEXT_CHUNKS:
                texts.append(name)
            if name == "IDAT":
                size += len(unpack.decompress(data))
    except zlib.error:
        raise DataError("IMAGE_CORRUPT", "the pixels can't be unpacked") from None
    line = 1 + (head.columns * head.bits * CHANNELS[head.colour] + 7) // 8
    if not unpack.eof or (not head.interlaced and size != head.rows * line):
        raise DataError("IMAGE_CORRUPT", "there are fewer or more pixels than the header says")
    return tuple(texts)


def _chunks(path: Path) -> Iterator[tuple[str, bytes]]:
    """Every chunk (name, data) of a PNG, its checksum compared."""
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
