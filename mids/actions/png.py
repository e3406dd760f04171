"""Makes PNG files (ISO/IEC 15948) from DICOM images: 16-bit grey or 8-bit RGB, without ancillary chunks."""

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from isal import isal_zlib

from mids.errors import DataError
from mids.readers import pixels as reader
from mids.readers.files import open_source
from mids.records import Compression, Made, Pixels, Source

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_IDAT = 1 << 20
_GREY, _RGB = 0, 2
_UP = 2

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Png:
    """One DICOM image, or one frame of it counted from 0, as `image.png`.

    `blank` are boxes (top, left, bottom, right) in pixels, bottom and right exclusive, made black.
    """

    VERSION: ClassVar[int] = 1

    source: Source
    pixels: Pixels = "window"
    compression: Compression = "fast"
    blank: tuple[tuple[int, int, int, int], ...] = ()
    frame: int | None = None

    @property
    def sources(self) -> tuple[Source, ...]:
        """The one input file."""
        return (self.source,)

    def make(self, root: Path, scratch: Path) -> Made:
        """Makes `image.png` in `scratch`.

        Raises `DataError` ``PIXELS_UNREADABLE``, also for several frames where none is chosen.
        """
        with open_source(root, self.source) as stream:
            dataset = reader.read_dataset(stream)
        if self.frame is None and reader.number_of_frames(dataset) > 1:
            raise DataError("PIXELS_UNREADABLE", "the image has several frames: one PNG holds one")
        rendered = reader.render(dataset, self.pixels, self.blank, frame=self.frame)
        (scratch / "image.png").write_bytes(encode(rendered.pixels, compression=self.compression))
        return Made(("image.png",), rendered.facts)


def encode(pixels: npt.NDArray[Any], *, compression: Compression) -> bytes:
    """A PNG file of grey uint16 or uint8 (rows, columns), or RGB uint8 (rows, columns, 3).

    `fast` filters every row by the one above and packs it with isal's level 3; `small` chooses the filter of
    each row and packs with zlib's level 6. Raises `ValueError` for another type or shape, or an empty image.
    """
    grey = pixels.ndim == 2 and pixels.dtype in (np.uint8, np.uint16)
    colour = pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.dtype == np.uint8
    if not (grey or colour) or not pixels.size:
        raise ValueError(f"no PNG holds {pixels.dtype} of shape {pixels.shape}")
    depth = 8 * pixels.dtype.itemsize
    high, wide = pixels.shape[:2]
    big_endian = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder(">"))
    rows = big_endian.view(np.uint8).reshape(high, -1)
    header = struct.pack(">IIBBBBB", wide, high, depth, _GREY if grey else _RGB, 0, 0, 0)
    data = _packed(rows, rows.shape[1] // wide, compression)
    parts = [_chunk(b"IDAT", data[start : start + _IDAT]) for start in range(0, len(data), _IDAT)]
    return b"".join((SIGNATURE, _chunk(b"IHDR", header), *parts, _chunk(b"IEND", b"")))


def _chunk(kind: bytes, data: bytes) -> bytes:
    checked = kind + data
    return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))


def _packed(rows: Bytes, step: int, compression: Compression) -> bytes:
    """The zlib stream of the filtered rows; `step` is the number of bytes of one pixel."""
    filtered = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    if compression == "fast":
        filtered[:, 0] = _UP
        filtered[0, 1:] = rows[0]
        np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
        return bytes(isal_zlib.compress(filtered.data, 3))
    filtered[:, 0], filtered[:, 1:] = _adaptive(rows, step)
    packer = zlib.compressobj(6, strategy=zlib.Z_FILTERED)
    return packer.compress(filtered.data) + packer.flush()


def _adaptive(rows: Bytes, step: int) -> tuple[Bytes, Bytes]:
    """For each row the filter (none, sub, up, average, Paeth) with the least sum of absolute differences.

    That is the heuristic of ISO/IEC 15948, 12.8; the filters are those of its clause 9.
    """
    left, above, corner = np.zeros_like(rows), np.zeros_like(rows), np.zeros_like(rows)
    left[:, step:] = rows[:, :-step]
    above[1:] = rows[:-1]
    corner[1:, step:] = rows[:-1, :-step]
    average = ((left.astype(np.uint16) + above) // 2).astype(np.uint8)
    guesses = (np.zeros_like(rows), left, above, average, _paeth(left, above, corner))
    differences = np.stack([rows - guess for guess in guesses])
    cost = np.minimum(differences, np.negative(differences)).sum(axis=2, dtype=np.int64)
    best = cost.argmin(axis=0)
    return best.astype(np.uint8), differences[best, np.arange(rows.shape[0])]


def _paeth(left: Bytes, above: Bytes, corner: Bytes) -> Bytes:
    """Of the three neighbours the one nearest to left + above - corner, in this order where equal."""
    guess = left.astype(np.int16) + above - corner
    to_left, to_above, to_corner = abs(guess - left), abs(guess - above), abs(guess - corner)
    second = np.where(to_above <= to_corner, above, corner)
    return np.where((to_left <= to_above) & (to_left <= to_corner), left, second)
