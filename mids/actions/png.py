"""Makes PNG files (ISO/IEC 15948) from DICOM images: 16-bit grey or 8-bit RGB, without ancillary chunks."""

import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt
from isal import isal_zlib

from mids.actions.screen import identifying, look
from mids.dataset.disk.fingerprint import picture_digest
from mids.deid.burned.evidence import UNSEEN, Screen
from mids.errors import DataError
from mids.readers.archives.files import open_source
from mids.readers.dicom import pixels as reader
from mids.records import PIXELS, Compression, Made, Pixels, Source

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_IDAT = 1 << 20
_BAND = 32
"""Rows that are filtered and packed at a time."""
_SAMPLED, _THICK = 8, 7
"""Bands that are packed to choose a way, and their rows."""
_GREY, _RGB = 0, 2

Bytes = npt.NDArray[np.uint8]


class _Packer(Protocol):
    def compress(self, data: memoryview, /) -> bytes: ...
    def flush(self) -> bytes: ...


_Setting = Callable[[], _Packer]

# isal finds what is worth repeating better in a window of 8 KiB than in one of 32 KiB, where pixels are noisy.
_FAST: tuple[_Setting, ...] = tuple(
    partial(isal_zlib.compressobj, level, wbits=window) for level, window in ((2, 13), (3, 13), (2, 15))
)
_SMALL: tuple[_Setting, ...] = tuple(
    partial(zlib.compressobj, 6, strategy=strategy) for strategy in (zlib.Z_FILTERED, zlib.Z_DEFAULT_STRATEGY)
)


@dataclass(frozen=True, slots=True)
class Png:
    """One DICOM image, or one frame of it counted from 0, as `image.png`.

    `blank` are boxes (top, left, bottom, right) in pixels, bottom and right exclusive, made black; `screen` says
    how other text in the pixels is looked for.
    """

    VERSION: ClassVar[int] = 1

    source: Source
    pixels: Pixels = "window"
    compression: Compression = "fast"
    blank: tuple[tuple[int, int, int, int], ...] = ()
    frame: int | None = None
    screen: Screen = UNSEEN

    @property
    def sources(self) -> tuple[Source, ...]:
        """The one input file."""
        return (self.source,)

    def make(self, root: Path, scratch: Path) -> Made:
        """Makes `image.png` in `scratch`.

        Raises `DataError` ``PIXELS_UNREADABLE``, also for several frames where none is chosen, and
        ``PRIVACY_TEXT_FOUND``.
        """
        with open_source(root, self.source) as stream:
            dataset = reader.read_dataset(stream)
        if self.frame is None and reader.number_of_frames(dataset) > 1:
            raise DataError("PIXELS_UNREADABLE", "the image has several frames: one PNG holds one")
        rendered = reader.render(dataset, self.pixels, self.blank, frame=self.frame)
        looked = look([rendered.pixels], self.screen, identifying(dataset), self.blank)
        if looked.boxes:
            blank = (*self.blank, *looked.boxes)
            rendered = reader.render(dataset, self.pixels, blank, frame=self.frame)
        (scratch / "image.png").write_bytes(encode(rendered.pixels, compression=self.compression))
        doubts = reader.doubts(dataset) if self.pixels == "window" else ()
        digest = picture_digest(rendered.pixels)
        return Made(("image.png",), {**rendered.facts, **looked.facts}, {PIXELS: digest}, (*looked.issues, *doubts))


def encode(pixels: npt.NDArray[Any], *, compression: Compression) -> bytes:
    """A PNG file of grey uint16 or uint8 (rows, columns), or RGB uint8 (rows, columns, 3).

    A few rows are packed in several ways, and all of them in the way that made those smallest: one filter for the
    image, or (`small` only) one chosen for each row. `fast` packs with isal, `small` with zlib's level 6.
    Raises `ValueError` for another type or shape, or an empty image.
    """
    grey = pixels.ndim == 2 and pixels.dtype in (np.uint8, np.uint16)
    colour = pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.dtype == np.uint8
    if not (grey or colour) or not pixels.size:
        raise ValueError(f"no PNG holds {pixels.dtype} of shape {pixels.shape}")
    high, wide = pixels.shape[:2]
    header = struct.pack(">IIBBBBB", wide, high, 8 * pixels.dtype.itemsize, _GREY if grey else _RGB, 0, 0, 0)
    data = memoryview(_packed(pixels, *_way(pixels, compression)))
    parts = [_chunk(b"IDAT", data[start : start + _IDAT]) for start in range(0, len(data), _IDAT)]
    return b"".join((SIGNATURE, *_chunk(b"IHDR", header), *chain.from_iterable(parts), *_chunk(b"IEND", b"")))


def _chunk(kind: bytes, data: bytes | memoryview) -> tuple[bytes, bytes, bytes | memoryview, bytes]:
    checksum: int = isal_zlib.crc32(data, isal_zlib.crc32(kind))
    return struct.pack(">I", len(data)), kind, data, struct.pack(">I", checksum)


def _way(pixels: npt.NDArray[Any], compression: Compression) -> tuple[int, _Setting]:
    """The filter and the setting that pack a sample of the rows, thin bands from top to bottom, into fewest bytes."""
    starts = np.linspace(0, max(0, len(pixels) - _THICK), _SAMPLED, dtype=int)
    bands = [pixels[start : start + _THICK] for start in starts]
    fastest, *others = _FAST if compression == "fast" else _SMALL
    kinds = range(len(_GUESSES) + (compression == "small"))
    size, kind = min((_size(bands, kind, fastest), kind) for kind in kinds)
    smaller, place = min((_size(bands, kind, setting), place) for place, setting in enumerate(others))
    return kind, others[place] if smaller < 0.99 * size else fastest


def _size(bands: Sequence[npt.NDArray[Any]], kind: int, setting: _Setting) -> int:
    """Bytes that the bands are packed into, each without its first row, of which the row above is not there."""
    packer = setting()
    size = 0
    for band in bands:
        for rows in _filtered(band, kind):
            size += len(packer.compress(rows[len(rows) // len(band) :]))
    return size + len(packer.flush())


def _packed(pixels: npt.NDArray[Any], kind: int, setting: _Setting) -> bytes:
    """The zlib stream of the rows after filter `kind`."""
    packer = setting()
    parts = [packer.compress(rows) for rows in _filtered(pixels, kind)]
    return b"".join((*parts, packer.flush()))


def _filtered(pixels: npt.NDArray[Any], kind: int) -> Iterator[memoryview]:
    """The filtered rows, each after its filter's number, in bands that stay in the processor's cache.

    A memoryview holds until the next one is asked for.
    """
    high, wide = pixels.shape[:2]
    # One row above and one pixel to the left of the image are 0, as ISO/IEC 15948, 9.2 has it.
    padded = np.zeros((_BAND + 1, wide + 1, *pixels.shape[2:]), pixels.dtype.newbyteorder(">"))
    values = padded.view(np.uint8).reshape(_BAND + 1, -1)
    step = values.shape[1] // (wide + 1)
    filtered = np.empty((_BAND, values.shape[1] - step + 1), np.uint8)
    for start in range(0, high, _BAND):
        rows = pixels[start : start + _BAND]
        padded[0] = padded[_BAND]
        padded[1 : len(rows) + 1, 1:] = rows
        here, above = values[1 : len(rows) + 1], values[: len(rows)]
        neighbours = here[:, :-step], above[:, step:], above[:, :-step]
        out = filtered[: len(rows)]
        if kind < len(_GUESSES):
            out[:, 0] = kind
            np.subtract(here[:, step:], _GUESSES[kind](*neighbours), out=out[:, 1:])
        else:
            out[:, 0], out[:, 1:] = _adaptive(here[:, step:], *neighbours)
        yield out.reshape(-1).data


def _adaptive(here: Bytes, left: Bytes, above: Bytes, corner: Bytes) -> tuple[Bytes, Bytes]:
    """For each row the filter with the least sum of absolute differences: the heuristic of ISO/IEC 15948, 12.8."""
    differences = np.stack([here - guess(left, above, corner) for guess in _GUESSES])
    cost = np.minimum(differences, np.negative(differences)).sum(axis=2, dtype=np.int64)
    best = cost.argmin(axis=0)
    return best.astype(np.uint8), differences[best, np.arange(len(here))]


def _average(left: Bytes, above: Bytes, _: Bytes) -> Bytes:
    """(left + above) // 2, without a carry."""
    return (left & above) + ((left ^ above) >> 1)


def _paeth(left: Bytes, above: Bytes, corner: Bytes) -> Bytes:
    """Of the three neighbours the one nearest to left + above - corner, in this order where equal.

    Chosen by masks of 0 and 255: `numpy.where` takes six times as long.
    """
    base = corner.astype(np.int16)
    down, right = above - base, left - base
    to_left, to_above, to_corner = abs(down), abs(right), abs(down + right)
    is_above = np.negative((to_above <= to_corner).view(np.uint8))
    is_left = np.negative((to_left <= np.minimum(to_above, to_corner)).view(np.uint8))
    guess: Bytes = corner ^ ((corner ^ above) & is_above)
    guess ^= (guess ^ left) & is_left
    return guess


_GUESSES: tuple[Callable[[Bytes, Bytes, Bytes], Bytes], ...] = (
    lambda left, above, corner: np.zeros_like(left),
    lambda left, above, corner: left,
    lambda left, above, corner: above,
    _average,
    _paeth,
)
"""What each filter of ISO/IEC 15948, clause 9 (none, sub, up, average, Paeth) expects of a byte by the bytes of the
pixels left of it, above it, and left of that one."""
