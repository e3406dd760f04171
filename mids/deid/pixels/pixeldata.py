"""What may hide in pixel data besides the image: overlays in unused bits, and bytes after the last pixel.

Overlays in unused bits (retired, PS3.5 8.1.2) leave with their group: without reading it nobody can tell whether an
overlay holds a name, so overlays and curves always go, with Clean Graphics too.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.pixels.utils import get_expected_length
from pydicom.uid import UID

from mids.deid.pixels import codestreams
from mids.errors import DataError

_GROUPS = range(0x6000, 0x6020, 2)


def clear_unused_bits(source: Dataset, cleaned: Dataset) -> bool:
    """Clears the bits of pixels that are no part of the image; whether an undeclared one of them was set.

    A pixel that equals PixelPaddingValue is left as it is: some scanners pad with a value beyond BitsStored.
    Raises `DataError` ``DEID_IMPOSSIBLE`` where an overlay lies in compressed pixel data, so that it can't be cleared.
    """
    if "PixelData" not in cleaned:
        return False
    if _is_compressed(source):
        if _has_embedded_overlay(source):
            raise DataError("DEID_IMPOSSIBLE", "an overlay lies in unused bits of compressed pixel data")
        return False
    allocated, stored = int(source.get("BitsAllocated") or 0), int(source.get("BitsStored") or 0)
    high = int(source.get("HighBit", stored - 1))
    if allocated not in (8, 16, 32) or not 0 < stored < allocated or not stored - 1 <= high < allocated:
        return False
    order = "<" if source.original_encoding[1] is not False else ">"
    content = cleaned["PixelData"].value
    whole = len(content) // (allocated // 8) * (allocated // 8)
    found = np.frombuffer(content[:whole], f"{order}u{allocated // 8}").astype(f"u{allocated // 8}")
    pixels = _picture(found, stored, high, is_signed=bool(source.get("PixelRepresentation")))
    if (padding := _padding(source, allocated)) is not None:
        pixels = np.where(found == padding, found, pixels)
    if np.array_equal(pixels, found):
        return False
    cleaned["PixelData"].value = pixels.astype(f"{order}u{allocated // 8}").tobytes() + content[whole:]
    return not _has_embedded_overlay(source)


def _picture(found: NDArray[Any], stored: int, high: int, *, is_signed: bool) -> NDArray[Any]:
    """The pixels with nothing but the stored bits, the sign carried upwards (PS3.5 8.1.1)."""
    kind, bits = found.dtype.type, found.dtype.itemsize * 8
    pixels: NDArray[Any] = found & kind(((1 << stored) - 1) << high - stored + 1)
    if is_signed:
        above = (1 << bits) - (1 << high + 1)
        pixels = np.where(found & kind(1 << high), pixels | kind(above), pixels)
    return pixels


def _padding(source: Dataset, bits: int) -> int | None:
    value = source.get("PixelPaddingValue")
    return int(value) & (1 << bits) - 1 if isinstance(value, int) else None


def _has_embedded_overlay(source: Dataset) -> bool:
    """Whether an overlay without data of its own says that it lies in the pixels (retired, PS3.5 8.1.2)."""
    return any((group, 0x0102) in source and (group, 0x3000) not in source for group in _GROUPS)


def cut_excess(source: Dataset, cleaned: Dataset) -> bool:
    """Cuts off what stands after the last pixel that the header tells of; whether there was more than padding."""
    if "PixelData" not in cleaned or _is_compressed(source):
        return False
    try:
        expected = get_expected_length(cleaned)
    except (AttributeError, TypeError, ValueError):
        return False  # a header that does not say how large its image is
    content = cleaned["PixelData"].value
    if not expected or not content[expected:].strip(b"\0"):
        return False
    cleaned["PixelData"].value = content[:expected] + bytes(expected % 2)
    return True


def clear_comments(source: Dataset, cleaned: Dataset) -> None:
    """Zeroes what compressed pixel data says besides the image (`mids.deid.pixels.codestreams`).

    Raises `DataError` ``DEID_IMPOSSIBLE`` where it can't be taken apart.
    """
    if "PixelData" not in cleaned or not _is_compressed(source):
        return
    syntax = str(source.file_meta.TransferSyntaxUID)
    frames, plane = int(source.get("NumberOfFrames") or 1), int(source.Rows) * int(source.Columns)
    cleaned["PixelData"].value = codestreams.clean_pixel_data(cleaned["PixelData"].value, syntax, frames, plane)


def _is_compressed(source: Dataset) -> bool:
    syntax = UID(getattr(source, "file_meta", Dataset()).get("TransferSyntaxUID") or "")
    return syntax.is_transfer_syntax and syntax.is_encapsulated
