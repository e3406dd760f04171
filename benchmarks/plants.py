"""Texts drawn into pictures at known places, to measure how much of them a detector covers.

Two parts that share no font, word or picture: one to tune with, one to measure on. Pictures whose licence lets the
network of `--detect glyphs` learn from them (CC BY) are in neither.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Part = Literal["tune", "measure"]

CONTRASTS = (30, 50, 80, 120, 180, 255)
SIZES = (14, 20, 30, 48, 72)
"""Heights of letters in pixels of a picture of `SIDE` pixels."""

ANGLES = (0, 0, 90, 270, "slanted")
SIDE = 1400
WORDS: dict[Part, tuple[str, ...]] = {
    "measure": (
        "QUEVEDO ZARZALEJO, PERFECTA", "Garcia Lopez Maria", "NHC 77889911", "12/03/1951", "PEREZ GARCIA 1951-02-03",
        "Dr. Jimenez", "ID: 0012345678", "MUÑOZ^ANTONIO", "H. La Fe  10:32", "SMITH JOHN 68Y M",
    ),
    "tune": (
        "FERRER SOLER, ENRIQUETA", "Lopes da Silva", "SIP 10223344", "07-11-1948", "VIDAL MARTI 1962-09-30",
        "Dra. Ballester", "PAT 4455667", "IBÁÑEZ^ROSA", "Clinica Norte 08:15", "DOE JANE 41Y F",
    ),
}  # fmt: skip
FONTS: dict[Part, tuple[str, ...]] = {
    "measure": (
        "", "DejaVuSans", "DejaVuSans-Bold", "DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSerif",
        "DejaVuSerif-Italic", "STIXGeneral", "STIXGeneralBol", "cmtt10", "cmr10",
    ),
    "tune": ("DejaVuSerif-Bold", "DejaVuSans-Oblique", "STIXGeneralItalic", "cmss10", "cmb10"),
}  # fmt: skip
"""Fonts of matplotlib; an empty name is Pillow's own."""


@dataclass(frozen=True, slots=True)
class Plant:
    """A text drawn into a picture: the place of its ink in it (rows, columns), that ink, and how it differs."""

    at: tuple[slice, slice]
    ink: Flags
    contrast: int
    size: int
    angle: str
    form: str


def fonts(part: Part) -> list[str]:
    """The files of a part's fonts."""
    import matplotlib  # noqa: PLC0415  # heavy

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return [name and str(folder / f"{name}.ttf") for name in FONTS[part]]


def radiograph(random: np.random.Generator, side: int = SIDE) -> Bytes:
    """An invented chest: body, lungs, ribs, spine, noise; no text."""
    y, x = np.mgrid[0:side, 0:side] / side
    x = x + random.uniform(-0.03, 0.03)
    grey = 0.08 + 0.5 * (((x - 0.5) / 0.46) ** 2 + ((y - 0.6) / 0.62) ** 2 < 1)
    for middle in (0.3, 0.7):
        grey -= 0.3 * np.exp(-(np.clip(((x - middle) / 0.15) ** 2 + ((y - 0.45) / 0.3) ** 2, 0, 9) ** 3))
        for rib in np.arange(0.15, 0.8, 0.07):
            grey += 0.08 * (np.abs(y - rib - 0.6 * (x - middle) ** 2) < 0.008) * (np.abs(x - middle) < 0.2)
    grey += 0.25 * np.exp(-(((x - 0.5) / 0.05) ** 2))
    soft = Image.fromarray((np.clip(grey, 0, 1) * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(2))
    noisy = np.asarray(soft) + random.normal(0, random.uniform(2, 6), grey.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def public(folder: Path, part: Part) -> Iterator[tuple[str, Bytes]]:
    """Every other public picture of at least 500 pixels, grey, `SIDE` pixels on its longer side, and its name."""
    with (folder / "covid-chestxray" / "metadata.csv").open(encoding="utf-8") as table:
        rows = [
            row for row in csv.DictReader(table) if row["license"].startswith("CC BY") and "-" not in row["license"]
        ]
    learned = {row["filename"] for row in rows}
    paths = [path for path in sorted((folder / "covid-chestxray" / "images").iterdir()) if path.name not in learned]
    for path in paths[part == "tune" :: 2]:
        with Image.open(path) as image:
            if max(image.size) >= 500:
                scale = SIDE / max(image.size)
                size = (round(image.width * scale), round(image.height * scale))
                yield path.name, np.asarray(image.convert("L").resize(size, Image.Resampling.LANCZOS))


def label(text: str, size: int, angle: float, font: str, *, by_hand: bool, random: np.random.Generator) -> Image.Image:
    """The ink of a text, 0 to 255, turned."""
    letters = ImageFont.truetype(font, size) if font else ImageFont.load_default(size=size)
    left, top, right, bottom = (int(edge) for edge in letters.getbbox(text))
    drawn = Image.new("L", (right - left + 2 * size, bottom - top + size))
    if by_hand:  # each letter a little higher or lower, and leaning
        place = float(size)
        for letter in text:
            down = size / 2 - top + random.normal(0, size / 14)
            ImageDraw.Draw(drawn).text((place - left, down), letter, 255, letters)
            place += letters.getlength(letter) * random.uniform(0.88, 1.0)
        lean = random.uniform(-0.35, 0.35)
        drawn = drawn.transform(drawn.size, Image.Transform.AFFINE, (1, lean, -lean * drawn.height / 2, 0, 1, 0))
    else:
        ImageDraw.Draw(drawn).text((size - left, size // 2 - top), text, 255, letters)
    return drawn.rotate(angle, Image.Resampling.BICUBIC, expand=True)


def planted(ground: Bytes, number: int, part: Part, random: np.random.Generator) -> tuple[Bytes, list[Plant]]:
    """A picture with up to `number` texts, far enough apart; half of them at a border, where names usually are."""
    picture, taken = ground.copy(), np.zeros(ground.shape, bool)
    faces, done = fonts(part), list[Plant]()
    for _ in range(20 * number):
        contrast, size = int(random.choice(CONTRASTS)), int(random.choice(SIZES))
        kind = ANGLES[int(random.integers(len(ANGLES)))]
        angle = float(random.uniform(-40, 40)) if kind == "slanted" else float(kind)
        form = "by hand" if random.random() < 0.2 else "printed"
        text, face = (options[int(random.integers(len(options)))] for options in (WORDS[part], faces))
        ink = np.asarray(label(text, size, angle, face, by_hand=form == "by hand", random=random))
        if (place := _place(taken, ink.shape, size, random)) is None:
            continue
        at = slice(place[0], place[0] + ink.shape[0]), slice(place[1], place[1] + ink.shape[1])
        picture[at] = _drawn(picture[at], ink, contrast)
        far = 2 * size
        taken[max(0, place[0] - far) : at[0].stop + far, max(0, place[1] - far) : at[1].stop + far] = True
        done.append(Plant(at, ink > 128, contrast, size, str(kind), form))
        if len(done) == number:
            break
    return picture, done


def _place(taken: Flags, shape: Sequence[int], size: int, random: np.random.Generator) -> tuple[int, int] | None:
    """Where a text may stand: top and left; nowhere where what was drawn is near."""
    high, wide = (whole - own for whole, own in zip(taken.shape, shape, strict=True))
    if high <= 0 or wide <= 0:
        return None
    top, left = int(random.integers(high)), int(random.integers(wide))
    if random.random() < 0.5:
        top = int(random.choice([0, high]))
    return None if taken[top : top + shape[0], left : left + shape[1]].any() else (top, left)


def _drawn(below: Bytes, ink: Bytes, contrast: int) -> Bytes:
    """Text that is lighter by `contrast` than what it stands on (white at most), or darker where that is too light."""
    under = float(below[ink > 128].mean())
    sign = 1 if under + contrast <= 255 or under < 128 else -1
    return np.clip(below + sign * contrast * (ink / 255), 0, 255).astype(np.uint8)
