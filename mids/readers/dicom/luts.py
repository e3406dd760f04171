"""Lookup tables of DICOM: Modality LUT and VOI LUT (PS3.3 C.11.1, C.11.2), palettes (C.7.6.3.1.5, C.7.9).

Written tables disagree with their descriptors in known ways: the length of the data decides what one entry
is, the largest entry decides the range, and the first mapped value takes the sign that fits the input.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from mids.errors import DataError

Entries = npt.NDArray[np.uint16]

_DAMAGED = "the colour palette is missing or damaged"


@dataclass(frozen=True, slots=True)
class Lut:
    """A lookup table: the first of `entries` is for the input `first` and all below it."""

    first: int
    entries: Entries

    @property
    def highest(self) -> int:
        """The largest entry: descriptors state the depth wrongly (Agfa writes the stored size there)."""
        return int(self.entries.max())

    def apply(self, values: npt.NDArray[Any], low: float, high: float) -> Entries:
        """The entries for `values`, an input that can go from `low` to `high`; the end entries outside."""
        index = np.rint(values).astype(np.int64) - self._aligned(low, high)
        found: Entries = self.entries[np.clip(index, 0, len(self.entries) - 1)]
        return found

    def _aligned(self, low: float, high: float) -> int:
        """`first` with the sign under which the table covers most of the input; as written where equal.

        The descriptor's second value is US or SS by PixelRepresentation, and is often written as the other.
        """

        def overlap(first: int) -> float:
            return min(high, first + len(self.entries) - 1) - max(low, first)

        return max((self.first, self.first + 65536, self.first - 65536), key=overlap)


def read(item: Dataset, *, little_endian: bool) -> Lut | None:
    """The table of an item of ModalityLUTSequence or VOILUTSequence, None where it is unusable."""
    return _lut(item.get("LUTDescriptor"), item.get("LUTData"), little_endian=little_endian)


def palette(dataset: Dataset, *, little_endian: bool) -> tuple[Lut, ...]:
    """The red, green and blue tables of a PALETTE COLOR image, segments expanded, scaled to 0..255.

    Raises `DataError` ``PIXELS_UNREADABLE`` where one is missing or damaged.
    """
    found = [_colour(dataset, name, little_endian=little_endian) for name in ("Red", "Green", "Blue")]
    shift = 8 if max(lut.highest for lut in found) > 255 else 0
    return tuple(Lut(lut.first, (lut.entries >> shift).astype(np.uint16)) for lut in found)


def _colour(dataset: Dataset, name: str, *, little_endian: bool) -> Lut:
    descriptor = dataset.get(f"{name}PaletteColorLookupTableDescriptor")
    data = dataset.get(f"{name}PaletteColorLookupTableData")
    segments = dataset.get(f"Segmented{name}PaletteColorLookupTableData")
    lut = None
    if data is not None:
        lut = _lut(descriptor, data, little_endian=little_endian)
    elif segments is not None and descriptor is not None and len(descriptor) == 3:
        raw = _bytes(segments, little_endian=little_endian)
        lut = Lut(int(descriptor[1]), _expand(raw, one_byte=int(descriptor[2]) == 8))
    if lut is None or not lut.entries.size:
        raise DataError("PIXELS_UNREADABLE", _DAMAGED)
    return lut


def _lut(descriptor: Sequence[int] | None, data: object, *, little_endian: bool) -> Lut | None:
    """A table from its descriptor (number of entries with 0 for 65536, first mapped value, bits) and data."""
    if descriptor is None or len(descriptor) != 3 or not data:
        return None
    count = int(descriptor[0]) & 0xFFFF or 65536
    raw = _bytes(data, little_endian=little_endian)
    entries = _entries(raw, one_byte=len(raw) < 2 * count)[:count]
    return Lut(int(descriptor[1]), entries) if entries.size else None


def _bytes(data: Any, *, little_endian: bool) -> bytes:
    """LUT data as little endian bytes: it comes as bytes (OW) or as numbers (US, SS)."""
    if isinstance(data, bytes):
        even = data[: len(data) // 2 * 2]
        return data if little_endian else np.frombuffer(even, ">u2").astype("<u2").tobytes()
    numbers = np.atleast_1d(np.array(data, np.int64))
    return (numbers & 0xFFFF).astype("<u2").tobytes()


def _entries(raw: bytes, *, one_byte: bool) -> Entries:
    if one_byte:
        return np.frombuffer(raw, np.uint8).astype(np.uint16)
    return np.frombuffer(raw[: len(raw) // 2 * 2], "<u2").astype(np.uint16)


def _expand(raw: bytes, *, one_byte: bool) -> Entries:
    """The entries of a segmented palette (PS3.3 C.7.9.2), from its little endian bytes.

    Raises `DataError` ``PIXELS_UNREADABLE`` where a segment reaches past the data or is of no known kind.
    """
    data = _entries(raw, one_byte=one_byte)
    width = 1 if one_byte else 2
    pointer = 4 // width
    found: list[int] = []
    at = 0
    while at + 1 < len(data):
        if data[at] != 2:
            at = _segment(data, at, found)
            continue
        if at + 2 + pointer > len(data):
            raise DataError("PIXELS_UNREADABLE", _DAMAGED)
        offset = int.from_bytes(raw[(at + 2) * width : (at + 2 + pointer) * width], "little")
        source = offset // width
        for _ in range(data[at + 1]):
            source = _segment(data, source, found)
        at += 2 + pointer
    return np.array(found, np.uint16)


def _segment(data: Entries, at: int, found: list[int]) -> int:
    """Appends a discrete (0) or linear (1) segment that starts at `at`; returns where the next one starts."""
    kind, length, end = (int(item) for item in data[at : at + 3]) if at + 2 < len(data) else (-1, 0, 0)
    if kind == 0 and at + 2 + length <= len(data):
        found += data[at + 2 : at + 2 + length].tolist()
        return at + 2 + length
    if kind == 1 and found:
        found += np.rint(np.linspace(found[-1], end, length + 1)[1:]).astype(int).tolist()
        return at + 3
    raise DataError("PIXELS_UNREADABLE", _DAMAGED)
