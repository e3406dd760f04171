"""Pictures of a body with text drawn into them at known places."""

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from mids.deid.burned.evidence import Screen
from mids.records import Box

Bytes = npt.NDArray[np.uint8]
NAME = "PEREZ GARCIA MARIA"
HOLD, BLANK, REPORT = (Screen(burned_in, "glyphs") for burned_in in ("hold", "blank", "report"))


def radiograph(seed: int, high: int = 900, wide: int = 760) -> Bytes:
    """A body with lungs, ribs, spine and noise, without any text."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:high, 0:wide] / np.array([high, wide]).reshape(2, 1, 1)
    grey = 0.08 + 0.5 * (((x - 0.5) / 0.46) ** 2 + ((y - 0.6) / 0.62) ** 2 < 1)
    for side in (0.3, 0.7):
        grey -= 0.3 * np.exp(-(np.clip(((x - side) / 0.15) ** 2 + ((y - 0.45) / 0.3) ** 2, 0, 9) ** 3))
        for rib in np.arange(0.15, 0.8, 0.07):
            grey += 0.08 * (np.abs(y - rib - 0.6 * (x - side) ** 2) < 0.008) * (np.abs(x - side) < 0.2)
    grey += 0.25 * np.exp(-(((x - 0.5) / 0.05) ** 2))
    soft = Image.fromarray((np.clip(grey, 0, 1) * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(2))
    return np.clip(np.asarray(soft) + random.normal(0, 5, grey.shape), 0, 255).astype(np.uint8)


def lettered(picture: Bytes, text: str, place: tuple[int, int], size: int, fill: Any = 255) -> tuple[Bytes, Box]:
    """The picture with text at (left, top), and the box of its ink."""
    drawn = Image.fromarray(picture)
    font = ImageFont.load_default(size=size)
    ImageDraw.Draw(drawn).text(place, text, fill=fill, font=font)
    left, top, right, bottom = (int(side) for side in ImageDraw.Draw(drawn).textbbox(place, text, font=font))
    return np.asarray(drawn), (top, left, bottom, right)


def covers(boxes: tuple[Box, ...], box: Box) -> bool:
    return any(b[0] <= box[0] and b[1] <= box[1] and b[2] >= box[2] and b[3] >= box[3] for b in boxes)
