"""Overlays in unused bits of pixel data (retired, PS3.5 8.1.2): they leave with their group.

Without reading it nobody can tell whether an overlay holds a name, so overlays and curves always go, with Clean
Graphics too.
"""

import numpy as np
from pydicom import Dataset
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
    syntax = getattr(source, "file_meta", Dataset()).get("TransferSyntaxUID")
    if syntax is not None and UID(syntax).is_transfer_syntax and UID(syntax).is_compressed:
        raise DataError("DEID_IMPOSSIBLE", "an overlay lies in unused bits of compressed pixel data")
    order = "<" if source.original_encoding[1] is not False else ">"
    kind = np.dtype(f"{order}u{int(source.BitsAllocated) // 8}")
    content = cleaned["PixelData"].value
    whole = len(content) // kind.itemsize * kind.itemsize
    pixels = np.frombuffer(content, kind, whole // kind.itemsize) & kind.type(~mask & (1 << kind.itemsize * 8) - 1)
    cleaned["PixelData"].value = pixels.astype(kind).tobytes() + content[whole:]


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
