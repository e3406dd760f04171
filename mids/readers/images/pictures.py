"""The size of a picture, without its pixels, and which side of it is up."""

import struct
import warnings
from contextlib import suppress
from pathlib import Path

from PIL import ExifTags, Image, UnidentifiedImageError

from mids.errors import DataError
from mids.readers.archives.files import open_source
from mids.records import Source

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns a picture upright by its Orientation (Exif 3.0, 4.6.5.1.6)."""


def turn(image: Image.Image) -> Image.Transpose | None:
    """What turns a picture as its Exif data say that it is to be seen; None where they say nothing that can be read."""
    unread = (OSError, ValueError, SyntaxError, TypeError, KeyError, struct.error)
    with warnings.catch_warnings(action="ignore"), suppress(*unread):
        return _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    return None


def size(root: Path, source: Source) -> tuple[int, int] | None:
    """Rows and columns of a PNG or JPEG once it is upright; None where the file is none, which its conversion tells."""
    try:
        with (
            open_source(root, source) as stream,
            warnings.catch_warnings(action="ignore"),
            Image.open(stream) as image,
        ):
            is_lying = turn(image) in (_TURNS[5], _TURNS[6], _TURNS[7], _TURNS[8])
            return (image.width, image.height) if is_lying else (image.height, image.width)
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError, Image.DecompressionBombError, DataError):
        return None
