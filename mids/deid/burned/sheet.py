"""A contact sheet: the borders of many images on one page, for a person to look at and sign."""

from collections.abc import Iterable
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Bytes = npt.NDArray[np.uint8]

SIDE = 480
"""Pixels that the longer side of an image gets on the sheet."""

DEPTH = 0.12
"""The part of a side that a strip shows."""

_LABEL, _GAP = 18, 6


def contact_sheet(pictures: Iterable[tuple[str, Bytes]], *, columns: int = 3) -> bytes:
    """A PNG of the top, bottom, left and right strips of images, each under its reference.

    `pictures` are references, which must name nobody, and 8-bit images as displayed: grey (rows, columns) or RGB
    (rows, columns, 3). Left and right strips are turned by a quarter to lie flat. Raises `ValueError` without any.
    """
    tiles = [_tile(reference, picture) for reference, picture in pictures]
    if not tiles:
        raise ValueError("a contact sheet needs at least one image")
    wide = min(columns, len(tiles))
    high = -(-len(tiles) // wide)
    sheet = Image.new("RGB", (wide * (SIDE + _GAP), high * (tiles[0].height + _GAP)), "black")
    for place, tile in enumerate(tiles):
        sheet.paste(tile, (place % wide * (SIDE + _GAP), place // wide * (tiles[0].height + _GAP)))
    packed = BytesIO()
    sheet.save(packed, "PNG")
    return packed.getvalue()


def _tile(reference: str, picture: Bytes) -> Image.Image:
    """The four strips of one image below each other, on a tile whose size is always the same."""
    image = Image.fromarray(picture).convert("RGB")
    scale = SIDE / max(image.size)
    image = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    depth = round(SIDE * DEPTH)
    wide, high = image.size
    strips = (
        image.crop((0, 0, wide, min(depth, high))),
        image.crop((0, max(0, high - depth), wide, high)),
        image.crop((0, 0, min(depth, wide), high)).transpose(Image.Transpose.ROTATE_90),
        image.crop((max(0, wide - depth), 0, wide, high)).transpose(Image.Transpose.ROTATE_90),
    )
    tile = Image.new("RGB", (SIDE, _LABEL + len(strips) * (depth + _GAP)), "grey")
    ImageDraw.Draw(tile).text((2, 2), reference, fill="white", font=ImageFont.load_default(size=12))
    for place, strip in enumerate(strips):
        tile.paste(strip, (0, _LABEL + place * (depth + _GAP)))
    return tile
