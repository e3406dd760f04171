"""The size of a picture, without its pixels."""

import warnings
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from mids.errors import DataError
from mids.readers.archives.files import open_source
from mids.records import Source


def size(root: Path, source: Source) -> tuple[int, int] | None:
    """Rows and columns of a PNG or JPEG; None where the file is none, which its conversion will tell."""
    try:
        with open_source(root, source) as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(stream) as image:
                return image.height, image.width
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError, Image.DecompressionBombError, DataError):
        return None
