"""Reads text in parts of pictures with Tesseract, an optional program of the system."""

import csv
import os
import subprocess
from collections.abc import Sequence
from functools import cache
from io import BytesIO, StringIO
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from mids.errors import MidsError
from mids.readers.programs import limit_seconds, run_program

Bytes = npt.NDArray[np.uint8]

_HIGH = 64
"""Height in pixels that each part gets: letters of 30 pixels are read best."""

_MARGIN = 24
_SURE = 50.0
"""Confidence, of 100, below which a word counts as not read."""

_PATIENCE = 120.0
"""Seconds that the smallest sheet may take."""

_COMMAND = ("tesseract", "stdin", "stdout", "--psm", "6", "tsv")


@cache
def version() -> str:
    """The version of Tesseract; raises `MidsError` where there is none."""
    try:
        done = subprocess.run(["tesseract", "--version"], capture_output=True, text=True, errors="replace", check=False)
    except OSError as error:
        raise MidsError("--detect ocr needs Tesseract: install it (tesseract-ocr), or use --detect glyphs") from error
    return (done.stdout or done.stderr).split("\n", 1)[0].removeprefix("tesseract").strip()


def read(parts: Sequence[Bytes]) -> tuple[tuple[str, ...], ...]:
    """The words of each part, a line of text cut from a grey picture (rows, columns), in one call.

    Words that are not read surely are left out. Raises `MidsError` where Tesseract is missing or fails, and `DataError`
    ``TIME_LIMIT`` where it takes too long.
    """
    if not parts:
        return ()
    version()
    lines = [_prepared(part) for part in parts]
    wide = max(line.width for line in lines) + 2 * _MARGIN
    step = _HIGH + 2 * _MARGIN
    sheet = Image.new("L", (wide, step * len(lines)), 255)
    for place, line in enumerate(lines):
        sheet.paste(line, (_MARGIN, place * step + _MARGIN))
    found: list[list[str]] = [[] for _ in lines]
    for row in csv.DictReader(StringIO(_run(sheet)), delimiter="\t", quoting=csv.QUOTE_NONE):
        text = (row.get("text") or "").strip()
        if text and float(row["conf"]) >= _SURE:
            middle = int(row["top"]) + int(row["height"]) // 2
            found[min(middle // step, len(lines) - 1)].append(text)
    return tuple(tuple(words) for words in found)


def _prepared(part: Bytes) -> Image.Image:
    """Dark letters on light ground, of one height."""
    image = Image.fromarray(np.ascontiguousarray(part))
    image = ImageOps.autocontrast(image.resize((max(1, image.width * _HIGH // image.height), _HIGH)))
    values: npt.NDArray[Any] = np.asarray(image)
    return ImageOps.invert(image) if np.median(values) < values.mean() else image


def _run(sheet: Image.Image) -> str:
    packed = BytesIO()
    sheet.save(packed, "PNG")
    environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}  # a process for each job is enough
    seconds = limit_seconds(sheet.width * sheet.height, base=_PATIENCE)
    done = run_program(_COMMAND, seconds=seconds, given=packed.getvalue(), environment=environment)
    if done.returncode:
        raise MidsError(f"Tesseract ended with exit code {done.returncode}: check it with tesseract --list-langs")
    return done.stdout.decode("utf-8", "replace")
