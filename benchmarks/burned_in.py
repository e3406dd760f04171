"""How much drawn text each detector covers, and how many pictures without text it touches.

`python -m benchmarks.burned_in glyphs|learned [--plants N] [--shared ../shared/data] [--pictures FOLDER]` draws names,
dates and numbers on public radiographs and on invented ones: fonts, sizes, contrasts of 30 to 255, rotations of 0, 90,
270 and slanted, light and dark, over lung, bone and border, printed and as if by hand. A plant is covered where every
pixel of its ink lies in a box. The draws depend on the seed alone.
"""

import argparse
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from mids.deid.burned.glyphs import text_boxes
from mids.readers.images import learned

Bytes = npt.NDArray[np.uint8]

CONTRASTS = (30, 50, 80, 120, 180, 255)
SIZES = (14, 20, 30, 48, 72)
"""Heights of letters in pixels of a picture of `SIDE` pixels."""

ANGLES = (0, 0, 90, 270, "slanted")
SIDE = 1400
WORDS = (
    "QUEVEDO ZARZALEJO, PERFECTA", "Garcia Lopez Maria", "NHC 77889911", "12/03/1951", "PEREZ GARCIA 1951-02-03",
    "Dr. Jimenez", "ID: 0012345678", "MUÑOZ^ANTONIO", "H. La Fe  10:32", "SMITH JOHN 68Y M",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plant:
    """A text drawn into a picture: the picture, and which of its pixels are ink."""

    picture: Bytes
    ink: npt.NDArray[np.bool_]
    contrast: int
    size: int
    angle: str
    form: str


def fonts() -> list[str]:
    """Fonts of matplotlib, without symbols; an empty name is Pillow's own."""
    import matplotlib  # noqa: PLC0415  # heavy

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    names = ("DejaVuSans.ttf", "DejaVuSansMono-Bold.ttf", "DejaVuSerif-Italic.ttf", "STIXGeneral.ttf")
    return ["", *(str(folder / name) for name in names)]


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


def public(folder: Path) -> list[Bytes]:
    """The public radiographs of at least 500 pixels, grey, `SIDE` pixels on their longer side."""
    found = []
    for path in sorted((folder / "covid-chestxray" / "images").iterdir()):
        with Image.open(path) as image:
            if max(image.size) >= 500:
                scale = SIDE / max(image.size)
                size = (round(image.width * scale), round(image.height * scale))
                found.append(np.asarray(image.convert("L").resize(size, Image.Resampling.LANCZOS)))
    return found


def thumbnails(folder: Path) -> list[Bytes]:
    """Public radiographs of at most 224 pixels, in which no letter can be read, made large."""
    paths = sorted((folder / "cxr-views" / "images").iterdir())[::4]
    return [np.asarray(Image.open(path).convert("L").resize((1120, 1120), Image.Resampling.BICUBIC)) for path in paths]


def label(text: str, size: int, angle: float, font: str, *, by_hand: bool, random: np.random.Generator) -> Image.Image:
    """The ink of a text, 0 to 255, turned."""
    letters = ImageFont.truetype(font, size) if font else ImageFont.load_default(size=size)
    left, top, right, bottom = (int(edge) for edge in letters.getbbox(text))
    drawn = Image.new("L", (right - left + 2 * size, bottom - top + size))
    if by_hand:  # each letter a little higher or lower, and leaning
        place = float(size)
        for letter in text:
            ImageDraw.Draw(drawn).text(
                (place - left, size / 2 - top + random.normal(0, size / 14)), letter, 255, letters
            )
            place += letters.getlength(letter) * random.uniform(0.88, 1.0)
        lean = random.uniform(-0.35, 0.35)
        drawn = drawn.transform(drawn.size, Image.Transform.AFFINE, (1, lean, -lean * drawn.height / 2, 0, 1, 0))
    else:
        ImageDraw.Draw(drawn).text((size - left, size // 2 - top), text, 255, letters)
    return drawn.rotate(angle, Image.Resampling.BICUBIC, expand=True)


def plants(pictures: list[Bytes], number: int, seed: int = 0) -> Iterator[Plant]:
    """Draws texts, one in a picture; half of them at a border, where names usually are."""
    random, faces = np.random.default_rng(seed), fonts()
    done = 0
    while done < number:
        ground = pictures[int(random.integers(len(pictures)))]
        contrast, size = int(random.choice(CONTRASTS)), int(random.choice(SIZES))
        kind = ANGLES[int(random.integers(len(ANGLES)))]
        angle = float(random.uniform(-40, 40)) if kind == "slanted" else float(kind)
        by_hand = bool(random.random() < 0.2)
        text = WORDS[int(random.integers(len(WORDS)))]
        ink = label(text, size, angle, faces[int(random.integers(len(faces)))], by_hand=by_hand, random=random)
        high, wide = ground.shape
        if ink.height >= high or ink.width >= wide:
            continue
        top, left = int(random.integers(high - ink.height)), int(random.integers(wide - ink.width))
        if random.random() < 0.5:
            top = int(random.choice([0, high - ink.height]))
        plant = planted(ground, np.asarray(ink), (top, left), contrast)
        done += 1
        yield Plant(*plant, contrast, size, str(kind), "by hand" if by_hand else "printed")


def planted(ground: Bytes, ink: Bytes, place: tuple[int, int], contrast: int) -> tuple[Bytes, npt.NDArray[np.bool_]]:
    """Text that is lighter by `contrast` than what it stands on (white at most), or darker where that is too light."""
    top, left = place
    at = (slice(top, top + ink.shape[0]), slice(left, left + ink.shape[1]))
    picture, share = ground.astype(np.float32), ink / 255
    below = picture[at]
    under = float(below[ink > 128].mean())
    sign = 1 if under + contrast <= 255 or under < 128 else -1
    picture[at] = below + sign * contrast * share
    marked = np.zeros(ground.shape, bool)
    marked[at] = ink > 128
    return np.clip(picture, 0, 255).astype(np.uint8), marked


def find(detector: str, picture: Bytes) -> tuple[tuple[int, int, int, int], ...]:
    """The boxes of a detector."""
    boxes = text_boxes(picture)
    return boxes if detector == "glyphs" else learned.text_boxes(picture, boxes)


def measure(detector: str, pictures: list[Bytes], number: int, folder: Path | None) -> None:
    """Prints how many plants are covered, by what they differ in."""
    counts: dict[tuple[str, str], Counter[bool]] = defaultdict(Counter)
    blackened, began = [], time.perf_counter()
    for place, plant in enumerate(plants(pictures, number)):
        boxes = find(detector, plant.picture)
        left = plant.ink.copy()
        for top, beside, bottom, right in boxes:
            left[top:bottom, beside:right] = False
        is_covered = not left.any()
        blackened.append(sum((b - t) * (r - w) for t, w, b, r in boxes) / plant.picture.size)
        kinds = (
            ("all", ""),
            ("contrast", plant.contrast),
            ("size", plant.size),
            ("angle", plant.angle),
            ("form", plant.form),
        )
        for name, value in kinds:
            counts[name, str(value)][is_covered] += 1
        if folder and not is_covered:
            show(plant, boxes, folder / f"{place:05}-{plant.contrast}-{plant.size}-{plant.angle}.png")
    seconds = (time.perf_counter() - began) / number
    for (name, value), found in counts.items():
        print(f"{name} {value}: {found[True]} of {found.total()} covered ({found[True] / found.total():.1%})")
    print(f"{seconds:.2f} s a picture, median {np.median(blackened):.1%} of the picture in boxes")


def show(plant: Plant, boxes: tuple[tuple[int, int, int, int], ...], path: Path) -> None:
    """A picture of what was missed, with the boxes."""
    image = Image.fromarray(plant.picture).convert("RGB")
    for top, left, bottom, right in boxes:
        ImageDraw.Draw(image).rectangle((left, top, right, bottom), outline="red", width=3)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def main() -> None:
    """Measures one detector."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("detector", choices=["glyphs", "learned"])
    parser.add_argument("--plants", type=int, default=2000)
    parser.add_argument("--shared", type=Path, default=Path("../shared/data"))
    parser.add_argument("--pictures", type=Path, help="folder for pictures of what was missed")
    arguments = parser.parse_args()
    random = np.random.default_rng(1)
    invented = [radiograph(random) for _ in range(24)]
    measure(arguments.detector, [*public(arguments.shared), *invented], arguments.plants, arguments.pictures)
    for name, clean in (("invented", invented), ("thumbnails", thumbnails(arguments.shared))):
        touched = sum(bool(find(arguments.detector, picture)) for picture in clean)
        print(f"clean, {name}: {touched} of {len(clean)} touched")


if __name__ == "__main__":
    main()
