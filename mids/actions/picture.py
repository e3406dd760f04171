"""A PNG or JPEG as a PNG, turned upright by its Exif data: 8-bit grey stays 8-bit grey, colour stays RGB, nothing but
pixels goes over."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ClassVar

import numpy as np
from PIL import Image, UnidentifiedImageError

from mids.actions.png import encode
from mids.actions.screen import look
from mids.dataset.disk.fingerprint import picture_digest
from mids.deid.burned.evidence import UNSEEN, Screen
from mids.errors import DataError
from mids.readers.archives.files import open_source
from mids.readers.dicom.pixels import blanked
from mids.readers.images.pictures import turn
from mids.records import PIXELS, Box, Compression, Json, Made, Source

LARGEST = 200_000_000
"""Pixels of a picture; a decompression bomb is refused, the largest scanned film stays far below."""

_ENDS = {b"\x89PNG\r\n\x1a\n": b"IEND", b"\xff\xd8\xff": b"\xff\xd9"}
"""What a PNG and a JPEG begin with, and what stands at their end."""

_TAIL = 64
"""Bytes in which the end is looked for: some programs write a few more behind it."""

_GREY = {"1": "L", "L": "L", "I;16": "I;16", "I;16B": "I;16"}


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture as `image.png`: palette and transparency are resolved (over black), metadata is left behind.

    `blank` are boxes (top, left, bottom, right) in pixels, bottom and right exclusive, made black; `screen` says
    how other text in the pixels is looked for.
    """

    VERSION: ClassVar[int] = 2
    source: Source
    compression: Compression = "fast"
    blank: tuple[Box, ...] = ()
    screen: Screen = UNSEEN

    @property
    def sources(self) -> tuple[Source, ...]:
        """The one input file."""
        return (self.source,)

    def make(self, root: Path, scratch: Path) -> Made:
        """Makes `image.png`; raises `DataError` as `read` does, and ``PRIVACY_TEXT_FOUND``."""
        with open_source(root, self.source) as stream:
            pixels, form = read(stream)
        colour = pixels.ndim == 3
        blanked(pixels, self.blank, colour=colour)
        looked = look([pixels], self.screen, frozenset(), self.blank)
        blanked(pixels, looked.boxes, colour=colour)
        blank = (*self.blank, *looked.boxes)
        (scratch / "image.png").write_bytes(encode(pixels, compression=self.compression))
        facts: dict[str, Json] = {
            "PhotometricInterpretation": "RGB" if colour else "MONOCHROME2",
            "Rows": pixels.shape[0],
            "Columns": pixels.shape[1],
            "LossyImageCompression": "01" if form == "JPEG" else "00",
            "WindowApplied": False,
        }
        if blank:
            facts["BlankedRegions"] = [list(box) for box in blank]
        return Made(("image.png",), {**facts, **looked.facts}, {PIXELS: picture_digest(pixels)}, looked.issues)


def read(stream: BinaryIO) -> tuple[np.ndarray, str]:
    """Pixels, (rows, columns) uint8 or uint16 or (rows, columns, 3) uint8, and the file's real format.

    Raises `DataError` ``FILE_EMPTY``, ``FILE_TRUNCATED`` for what is cut short, and ``PIXELS_UNREADABLE`` for what is
    no picture, is damaged or is too large.
    """
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(stream) as found:
            if found.width * found.height > LARGEST:
                raise DataError("PIXELS_UNREADABLE", f"the image has {found.width} × {found.height} pixels")
            form, upright = str(found.format), turn(found)
            image = found if upright is None else found.transpose(upright)
            if image.mode in _GREY:
                return np.array(image.convert(_GREY[image.mode])), form
            if image.mode in ("RGBA", "LA", "P", "PA"):
                over_black = Image.new("RGBA", image.size, (0, 0, 0, 255))
                over_black.alpha_composite(image.convert("RGBA"))
                pixels = np.array(over_black.convert("RGB"))
                is_grey = image.mode == "LA" or bool((pixels == pixels[..., :1]).all() and image.mode != "RGBA")
                return (np.ascontiguousarray(pixels[..., 0]) if is_grey else pixels), form
            return np.array(image.convert("RGB")), form
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise _unreadable(stream, error) from error


def _unreadable(stream: BinaryIO, error: Exception) -> DataError:
    """Why a picture can't be read: an empty file, one without its format's last bytes, or something else."""
    stream.seek(0)
    content = stream.read()
    if not content:
        return DataError("FILE_EMPTY", "the file is empty")
    if any(content.startswith(begin) and end not in content[-_TAIL:] for begin, end in _ENDS.items()):
        return DataError("FILE_TRUNCATED", "the picture is cut off")
    return DataError("PIXELS_UNREADABLE", f"the image can't be decoded ({type(error).__name__})")
