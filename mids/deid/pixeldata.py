"""What may hide in pixel data besides the picture: overlays in unused bits, and bytes after the last pixel.

Overlays in unused bits (retired, PS3.5 8.1.2) leave with their group: without reading it nobody can tell whether an
overlay holds a name, so overlays and curves always go, with Clean Graphics too.
"""

import numpy as np
from pydicom import Dataset
from pydicom.pixels.utils import get_expected_length
from pydicom.uid import UID

from mids.errors import DataError

_GROUPS = range(0x6000, 0x6020, 2)


def without_overlay_bits(source: Dataset, cleaned: Dataset) -> None:
    """Clears the bits of the pixel data that overlays of the source lie in.

    Raises `DataError` ``DEID_IMPOSSIBLE`` where the pixel data is compressed, so that they can't be cleared.
    """
    mask = _mask(source)
    if not mask or "PixelData" not in cleaned:
        return
    if _is_compressed(source):
        raise DataError("DEID_IMPOSSIBLE", "an overlay lies in unused bits of compressed pixel data")
    order = "<" if source.original_encoding[1] is not False else ">"
    kind = np.dtype(f"{order}u{int(source.BitsAllocated) // 8}")
    content = cleaned["PixelData"].value
    whole = len(content) // kind.itemsize * kind.itemsize
    pixels = np.frombuffer(content, kind, whole // kind.itemsize) & kind.type(~mask & (1 << kind.itemsize * 8) - 1)
    cleaned["PixelData"].value = pixels.astype(kind).tobytes() + content[whole:]


def without_excess(source: Dataset, cleaned: Dataset) -> bool:
    """Cuts off what stands after the last pixel that the header tells of; whether there was more than padding."""
    if "PixelData" not in cleaned or _is_compressed(source):
        return False
    try:
        expected = get_expected_length(cleaned)
    except (AttributeError, TypeError, ValueError):
        return False  # a header that does not say how large its picture is
    content = cleaned["PixelData"].value
    if not expected or not content[expected:].strip(b"\0"):
        return False
    cleaned["PixelData"].value = content[:expected] + bytes(expected % 2)
    return True


def _is_compressed(source: Dataset) -> bool:
    syntax = UID(getattr(source, "file_meta", Dataset()).get("TransferSyntaxUID") or "")
    return syntax.is_transfer_syntax and syntax.is_encapsulated


def _mask(source: Dataset) -> int:
    """The bits of a pixel that overlays without data of their own say they lie in, none of them a bit of the image."""
    first = next((group for group in _GROUPS if (group, 0x0102) in source), None)
    if first is None:
        return 0
    high = int(source.get("HighBit") or int(source.get("BitsStored") or 16) - 1)
    stored = range(high - int(source.get("BitsStored") or 16) + 1, high + 1)
    mask = 0
    for group in _GROUPS:
        if (group, 0x0102) in source and (group, 0x3000) not in source:
            bit = int(source[group, 0x0102].value or 0)
            mask |= 0 if bit in stored or bit >= int(source.get("BitsAllocated") or 16) else 1 << bit
    return mask
