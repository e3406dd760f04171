"""The heads of images: NIfTI and PNG, read from their first and last bytes, nothing more.

A whole volume is never unpacked here; `mids.dataset.disk.whole` does that.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from typing import Any

from mids.dataset.disk.reading import Raw
from mids.errors import DataError

GZIP = b"\x1f\x8b"
PNG = b"\x89PNG\r\n\x1a\n"
IEND = b"\x00\x00\x00\x00IEND\xaeB`\x82"
BLOCK = 4096
"""Bytes that are read at first: the head of any image, and all of a tiny one."""
EXTENSIONS = 1 << 16
"""Bytes before the voxels that are looked through for extensions."""

BITS = {
    2: 8, 4: 16, 8: 32, 16: 32, 32: 64, 64: 64, 128: 24, 256: 8, 512: 16, 768: 32, 1024: 64, 1280: 64,
    1536: 128, 1792: 128, 2048: 256, 2304: 32,
}  # fmt: skip
"""Bits per voxel of every NIfTI datatype code (nifti1.h, DT_*)."""

PACKED = 1032
"""Bytes that one byte of a DEFLATE stream unpacks to at most (zlib's technical details, "maximum compression")."""

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples per pixel of every PNG colour type (PNG specification, 11.2.2)."""

PLAIN_CHUNKS = frozenset(
    "IHDR PLTE IDAT IEND tRNS acTL fcTL fdAT cHRM cICP gAMA sBIT sRGB bKGD hIST pHYs oFFs sTER mDCV cLLI".split()
)
"""PNG chunks that hold nothing but numbers of one meaning (PNG specification, third edition, and its extensions): the
others can hold a name, a date, a camera's notes, or anything."""

ANIMATION = frozenset({"acTL", "fcTL", "fdAT"})
"""PNG chunks of more frames than the one that most programs show."""

Rows = tuple[tuple[float, ...], ...]
"""Three rows of four: voxel to world, mm, RAS."""

# The classes below are not frozen, which would double the time to make them: one is made for every image.


@dataclass(slots=True)
class Gzip:
    """What a gzip file says of itself (RFC 1952): `name`, `comment` and `time` of what was packed, and the two letters
    of the first extra field.

    `checksum` (CRC-32) and `length` (modulo 2**32) are those of the last member, from the last eight bytes.
    """

    name: str
    comment: str
    time: int
    checksum: int
    length: int
    extra: str = ""


@dataclass(slots=True)
class NiftiHead:
    """The header of a NIfTI-1 or NIfTI-2 file.

    `order` is "<" or ">"; `shape` is (i, j, k[, volumes…]); `spacing` are the voxel sizes of the same axes, in mm for
    the first three; `qform` and `sform` are codes, `qform_rows` and `sform_rows` the transforms where the code is
    positive; `units` is xyzt_units; `texts` are the free-text fields that hold anything; `offset` is where the voxels
    start, in bytes; `extensions` are the codes of the extensions before, `hidden` says that anything else stands there;
    `stored` is the size of the file on disk; `gzip` is None for a plain file.
    """

    version: int
    order: str
    shape: tuple[int, ...]
    datatype: int
    bitpix: int
    spacing: tuple[float, ...]
    slope: float
    intercept: float
    units: int
    qform: int
    sform: int
    qform_rows: Rows
    sform_rows: Rows
    offset: int
    texts: tuple[tuple[str, str], ...]
    extensions: tuple[int, ...] = ()
    stored: int = 0
    gzip: Gzip | None = None
    hidden: bool = False

    @property
    def size(self) -> int:
        """Bytes that the unpacked file has, by its header."""
        return self.offset + math.prod(self.shape) * self.bitpix // 8

    @property
    def is_stub(self) -> bool:
        """Whether the file ends where its voxels should begin."""
        return (self.stored if self.gzip is None else self.gzip.length) <= self.offset < self.size

    @property
    def scaling(self) -> tuple[float, float]:
        """Slope and intercept; 1 and 0 where the slope is 0 or one of them is not finite (nifti1.h, scl_slope)."""
        is_scaled = self.slope and math.isfinite(self.slope) and math.isfinite(self.intercept)
        return (self.slope, self.intercept) if is_scaled else (1.0, 0.0)

    @property
    def affine(self) -> Rows:
        """The voxel-to-world matrix: sform, else qform, else the voxel sizes (nifti1.h, methods 3, 2, 1)."""
        if self.sform > 0:
            return self.sform_rows
        if self.qform > 0:
            return self.qform_rows
        x, y, z = (*self.spacing, 1.0, 1.0, 1.0)[:3]
        return (x, 0.0, 0.0, 0.0), (0.0, y, 0.0, 0.0), (0.0, 0.0, z, 0.0)


@dataclass(slots=True)
class PngHead:
    """What a PNG says before its pixels: size in pixels, bits per sample, colour type.

    `texts` are the names of the chunks before the pixels that are not plain, `transparent` and `animated` say that any
    is of transparency or of animation; `complete` says that the file ends with IEND, and `trailing` is how many bytes
    follow it; `stored` is the size of the file on disk; `checksum` is the end of the last chunk of pixels (the Adler-32
    of the scan lines), where nothing stands between it and the end.
    """

    rows: int
    columns: int
    bits: int
    colour: int
    interlaced: bool
    texts: tuple[str, ...]
    complete: bool
    trailing: int = 0
    checksum: bytes = b""
    stored: int = 0
    transparent: bool = False
    animated: bool = False

    @property
    def size(self) -> int:
        """Bytes that the unpacked scan lines have, by the header."""
        return self.rows * (1 + (self.columns * self.bits * CHANNELS[self.colour] + 7) // 8)


def check_claim(head: "NiftiHead | PngHead") -> None:
    """Refuses a header that claims more than its file can hold, before anybody takes memory for it.

    Raises `DataError` (NIFTI_TRUNCATED, PNG_INVALID).
    """
    if isinstance(head, PngHead):
        if head.size > PACKED * head.stored:
            shown = f"{head.columns} × {head.rows}"
            raise DataError("PNG_INVALID", f"the header claims {shown} pixels, more than {head.stored} bytes can hold")
    elif head.size > head.stored * (1 if head.gzip is None else PACKED):
        message = f"the header asks for {head.size} bytes, more than {head.stored} on disk can hold"
        raise DataError("NIFTI_TRUNCATED", message)


# --- NIfTI -----------------------------------------------------------------------------------------------


def nifti_head(path: str | PathLike[str]) -> NiftiHead:
    """The header of `path`, gzipped or not.

    Raises `DataError` with GZIP_INVALID where a `.gz` is no gzip file and NIFTI_INVALID where the content is
    no NIfTI, `OSError` where it can't be read.
    """
    with Raw(path) as stream:
        data = stream.read(BLOCK)
        if not (data.startswith(GZIP) or str(path).endswith(".gz")):
            data += stream.read(EXTENSIONS) if _offset(data) > len(data) else b""
            return _nifti(data, stream.seek(0, 2), None)
        name, comment, time, extra = _gzip(data)
        unpacked = _inflate(stream, data, 352)
        if (offset := _offset(unpacked)) > len(unpacked):
            stream.seek(len(data))
            unpacked = _inflate(stream, data, offset)
        size = len(data) if len(data) < BLOCK else stream.seek(0, 2)
        if size > len(data):
            stream.seek(max(0, size - 8))
            data = stream.read(8)
    checksum, length = (int.from_bytes(part, "little") for part in (data[-8:-4], data[-4:]))
    return _nifti(unpacked, size, Gzip(name, comment, time, checksum, length, extra))


def _gzip(data: bytes) -> tuple[str, str, int, str]:
    """Name, comment, time and the kind of the first extra field in the header of a gzip file (RFC 1952, 2.3)."""
    if not data.startswith(GZIP) or len(data) < 10:
        raise DataError("GZIP_INVALID", "the file is named .gz but is not a gzip file")
    flags, time = data[3], int.from_bytes(data[4:8], "little")
    at, extra = 10, ""
    if flags & 4:
        extra = data[12:14].decode("latin-1")
        at += 2 + int.from_bytes(data[at : at + 2], "little")
    found = ["", ""]
    for number, flag in enumerate((8, 16)):
        if flags & flag:
            end = data.find(b"\0", at)
            found[number] = data[at:end].decode("latin-1") if end >= 0 else ""
            at = end + 1 if end >= 0 else len(data)
    return found[0], found[1], time, extra


def _inflate(stream: Raw, data: bytes, wanted: int) -> bytes:
    """The first `wanted` bytes that a gzip stream unpacks to, fewer where it ends before."""
    unpack = zlib.decompressobj(wbits=31)
    out = b""
    try:
        while data and len(out) < wanted and not unpack.eof:
            out += unpack.decompress(data, wanted - len(out))
            data = unpack.unconsumed_tail or stream.read(BLOCK)
    except zlib.error:
        raise DataError("GZIP_INVALID", "the gzip stream can't be unpacked") from None
    return out


_SIZES = {struct.pack(order + "i", size): (order, size) for order in "<>" for size in (348, 540)}
_FIELDS = {
    (order, size): struct.Struct(order + form)
    for order in "<>"
    for size, form in {
        348: "4x10s18s8x8h14x2h2x8ff2f3xB24x80s24s2h6f12f16s",
        540: "12x2h8q24x8dq2d48x80s24s2i6d12d4xi4x16sx15s",
    }.items()
}
"""The fields of a NIfTI-1 and a NIfTI-2 header that are looked at, in their order (nifti1.h, nifti2.h)."""

Fields = tuple[Any, ...]


def _nifti_1(data: bytes, order: str) -> tuple[Fields, Fields, Fields]:
    """(dim, pixdim, quaternion, rows), numbers, texts of a NIfTI-1 header."""
    f = _FIELDS[order, 348].unpack_from(data)
    # data_type db_name dim[8] datatype bitpix pixdim[8] offset slope intercept units descrip aux q s b,c,d,x,y,z rows
    # name
    arrays, numbers = (f[2:10], f[12:20], f[28:34], f[34:46]), (f[10], f[11], *f[20:24], f[26], f[27])
    texts = (("descrip", f[24]), ("aux_file", f[25]), ("intent_name", f[46]), ("db_name", f[1]), ("data_type", f[0]))
    return arrays, numbers, texts


def _nifti_2(data: bytes, order: str) -> tuple[Fields, Fields, Fields]:
    """The same of a NIfTI-2 header, which has neither db_name nor data_type, and room for a text that nobody uses."""
    f = _FIELDS[order, 540].unpack_from(data)
    # datatype bitpix dim[8] pixdim[8] offset slope intercept descrip aux qform sform b,c,d,x,y,z rows units name rest
    arrays, numbers = (f[2:10], f[10:18], f[25:31], f[31:43]), (f[0], f[1], *f[18:21], f[43], f[23], f[24])
    return arrays, numbers, (
        ("descrip", f[21]), ("aux_file", f[22]), ("intent_name", f[44]), ("unused_str", f[45]),
    )  # fmt: skip


def _nifti(data: bytes, stored: int, gzip: Gzip | None) -> NiftiHead:
    """Reads a NIfTI-1 (348 bytes) or NIfTI-2 (540 bytes) header of either byte order."""
    order, size = _SIZES.get(data[:4], ("", 0))
    if not order or len(data) < size:
        raise DataError("NIFTI_INVALID", "the file does not begin with a NIfTI header")
    magic = data[344:347] if size == 348 else data[4:7]
    if magic in (b"ni1", b"ni2"):
        raise DataError("NIFTI_INVALID", "the header says that the voxels are in another file (.img)")
    if magic != (b"n+1" if size == 348 else b"n+2"):
        raise DataError("NIFTI_INVALID", "the header has no NIfTI magic word")
    arrays, numbers, texts = _nifti_1(data, order) if size == 348 else _nifti_2(data, order)
    dim, pixdim, quaternion, rows = arrays
    datatype, bitpix, offset, slope, intercept, units, qform, sform = numbers
    if not 1 <= dim[0] <= 7 or min(dim[1 : dim[0] + 1]) < 1:
        raise DataError("NIFTI_INVALID", "the header's dimensions are not 1 to 7 positive numbers")
    if BITS.get(datatype) != bitpix:
        raise DataError("NIFTI_INVALID", f"datatype {datatype} with {bitpix} bits per voxel does not exist")
    if not (math.isfinite(offset) and offset >= size):
        raise DataError("NIFTI_INVALID", "the voxels are said to begin inside the header")
    extensions, hidden = _extensions(data[size : int(offset)], order)
    return NiftiHead(
        version=1 if size == 348 else 2, order=order, shape=dim[1 : dim[0] + 1], datatype=datatype, bitpix=bitpix,
        spacing=pixdim[1 : dim[0] + 1], slope=slope, intercept=intercept, units=units, qform=qform, sform=sform,
        qform_rows=_compute_qform(pixdim, quaternion) if qform > 0 else (),
        sform_rows=(rows[0:4], rows[4:8], rows[8:12]) if sform > 0 else (), offset=int(offset),
        texts=_texts(texts),
        extensions=extensions, hidden=hidden, stored=stored, gzip=gzip,
    )  # fmt: skip


def _texts(fields: Fields) -> tuple[tuple[str, str], ...]:
    """The fields that hold anything: few do."""
    if not b"".join([text for _, text in fields]).strip(b"\0"):
        return ()
    return tuple((name, said) for name, text in fields if (said := _text(text)))


def _text(data: bytes) -> str:
    """A field as text; what follows its end, a NUL, too: programs do not show it, and it may name a patient."""
    return " ".join(data.replace(b"\0", b" ").decode("latin-1").split())


def _extensions(data: bytes, order: str) -> tuple[tuple[int, ...], bool]:
    """The codes of the extensions in the bytes between header and voxels, and whether more than they stands there.

    nifti1.h, nifti1_extension: four bytes of which the first says whether any extension follows.
    """
    if not data.strip(b"\0"):
        return (), False
    codes = []
    at = 4
    while data[:1] > b"\0" and at + 8 <= len(data):
        length, code = struct.unpack_from(order + "2i", data, at)
        if length < 8:
            break
        codes.append(code)
        at += length
    return tuple(codes), bool((data[1:4] + data[at:]).strip(b"\0"))


def _offset(data: bytes) -> int:
    """Where the voxels begin, of the first bytes of a NIfTI header; `EXTENSIONS` at most, 352 at least."""
    order, size = _SIZES.get(data[:4], ("", 0))
    if not order or len(data) < 348:
        return 352
    (offset,) = struct.unpack_from(*((order + "f", data, 108) if size == 348 else (order + "q", data, 168)))
    return int(min(max(offset, size + 4), EXTENSIONS)) if offset == offset else 352


def _compute_qform(pixdim: tuple[float, ...], quaternion: tuple[float, ...]) -> Rows:
    """The rows of the qform (nifti1.h, method 2)."""
    x, y, z = pixdim[1:4]
    b, c, d, *shift = quaternion
    a = math.sqrt(max(0.0, 1.0 - (b * b + c * c + d * d)))
    z = -z if pixdim[0] < 0 else z
    return (
        ((a * a + b * b - c * c - d * d) * x, 2 * (b * c - a * d) * y, 2 * (b * d + a * c) * z, shift[0]),
        (2 * (b * c + a * d) * x, (a * a + c * c - b * b - d * d) * y, 2 * (c * d - a * b) * z, shift[1]),
        (2 * (b * d - a * c) * x, 2 * (c * d + a * b) * y, (a * a + d * d - c * c - b * b) * z, shift[2]),
    )


# --- PNG -------------------------------------------------------------------------------------------------


def png_head(path: str | PathLike[str]) -> PngHead:
    """What the PNG says before its pixels. Raises `DataError` with PNG_INVALID where it is no PNG."""
    with Raw(path) as stream:
        data = stream.read(BLOCK)
        if len(data) < 33 or not data.startswith(PNG) or data[12:16] != b"IHDR":
            raise DataError("PNG_INVALID", "the file does not begin as a PNG")
        columns, rows, bits, colour, method, filters, interlace = struct.unpack_from(">IIBBBBB", data, 16)
        if zlib.crc32(data[12:29]) != int.from_bytes(data[29:33], "big") or not rows * columns:
            raise DataError("PNG_INVALID", "the PNG header is damaged")
        if method or filters or colour not in CHANNELS:
            raise DataError("PNG_INVALID", "the PNG header names a method that does not exist")
        chunks = tuple(_read_chunk_names(stream, data))
        end, stored = data, len(data)
        if stored == BLOCK:
            stored = stream.seek(0, 2)
            stream.seek(stored - 20)
            end = stream.read(20)
        complete, trailing = end.endswith(IEND), 0
        if not complete:
            trailing = _count_trailing_bytes(stream)
            complete = trailing > 0
    texts = tuple(name for name in chunks if name not in PLAIN_CHUNKS)
    flags = "tRNS" in chunks, not ANIMATION.isdisjoint(chunks)
    return PngHead(
        rows, columns, bits, colour, bool(interlace), texts, complete, trailing, end[-20:-16], stored, *flags
    )


def _read_chunk_names(stream: Raw, data: bytes) -> Iterator[str]:
    """The names of the chunks between IHDR and the first IDAT; `data` is the begin of the file."""
    at = 33
    while True:
        if at + 8 > len(data) and len(data) == BLOCK:
            stream.seek(at)
            head = stream.read(8)
        else:
            head = data[at : at + 8]
        if len(head) < 8 or head[4:] in (b"IDAT", b"IEND"):
            return
        yield head[4:].decode("latin-1")
        at += int.from_bytes(head[:4], "big") + 12


def _count_trailing_bytes(stream: Raw) -> int:
    """How many bytes follow the end chunk; 0 where there is none."""
    size = stream.seek(0, 2)
    at = len(PNG)
    while at + 12 <= size:
        stream.seek(at)
        head = stream.read(8)
        at += int.from_bytes(head[:4], "big") + 12
        if head[4:] == b"IEND":
            return max(0, size - at)
    return 0
