"""Trains the small network that finds text in pictures and ships with the package.

`python -m benchmarks.glyph_network --fonts FOLDER --pictures FOLDER [FOLDER ...] --steps N --out FILE` draws words on
crops of pictures and learns where they stand. Needs PyTorch (``mids[test]``); the program itself does not. What the
shipped weights saw is told in `schemas/deid/glyphs/card.md`: no font, picture or word of `benchmarks/burned_in.py`.
"""

import argparse
import io
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pydicom
import torch
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from torch import nn

from benchmarks.plants import radiograph
from mids.deid.burned.network import DILATIONS, STEP, prepared
from mids.readers.dicom import pixels as reader

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

SIDE, WIDTHS = 160, (16, 24)
"""Pixels of a crop, without the rim that is cut off once it is prepared; channels."""

_RIM = 16
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Network(nn.Module):
    """The network of `mids.deid.burned.network`, to be trained."""

    def __init__(self) -> None:
        super().__init__()
        first, wide = WIDTHS
        self.halved = nn.ModuleList([nn.Conv2d(2, first, 3, 2, 1), nn.Conv2d(first, wide, 3, 2, 1)])
        self.dilated = nn.ModuleList([nn.Conv2d(wide, wide, 3, 1, step, step) for step in DILATIONS])
        for layer in self.dilated:
            nn.init.normal_(layer.weight, std=0.03)
        self.last = nn.Conv2d(wide, 1, 1)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Logits at a `STEP`-th of the resolution."""
        for layer in self.halved:
            values = torch.relu(layer(values))
        for layer in self.dilated:
            values = values + torch.relu(layer(values))
        result: torch.Tensor = self.last(values)[:, 0]
        return result

    def load(self, path: Path) -> None:
        """Takes weights that `save` wrote."""
        with np.load(path) as content:
            for place, layer in enumerate([*self.halved, *self.dilated, self.last]):
                kernel = content[f"kernel{place}"].reshape(*layer.weight.shape[2:], *layer.weight.shape[1::-1])
                layer.weight.data = torch.from_numpy(kernel.transpose(3, 2, 0, 1).astype(np.float32).copy())
                layer.bias.data = torch.from_numpy(content[f"offset{place}"].astype(np.float32))

    def save(self, path: Path) -> None:
        """Writes the weights as the program reads them, in numbers of 16 bits."""
        content: dict[str, npt.NDArray[Any]] = {}
        for place, layer in enumerate([*self.halved, *self.dilated, self.last]):
            kernel = layer.weight.detach().numpy().transpose(2, 3, 1, 0)
            content[f"kernel{place}"] = kernel.reshape(-1, *kernel.shape[2:]).astype(np.float16)
            content[f"offset{place}"] = layer.bias.detach().numpy().astype(np.float16)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, **content)


def grounds(folders: Sequence[Path], random: np.random.Generator) -> list[Bytes]:
    """Grey pictures: those of the folders, PNG, JPEG or DICOM, and invented radiographs."""
    found = [radiograph(random, 900) for _ in range(30)]
    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.is_file()):
        try:
            if path.suffix in (".png", ".jpg", ".jpeg"):
                found.append(np.asarray(Image.open(path).convert("L")))
            else:
                dataset = pydicom.dcmread(path)
                frame = reader.renderer(dataset, "window").picture(next(iter(reader.frames(dataset))))
                low, high = np.percentile(frame, (0.5, 99.5))
                found.append(np.clip((frame - low) * 255.0 / max(1, high - low), 0, 255).astype(np.uint8))
        except Exception:  # what is no picture
            continue
    return [picture for picture in found if picture.ndim == 2 and min(picture.shape) >= 64]


def crop(pictures: Sequence[Bytes], random: np.random.Generator) -> Floats:
    """A part of a picture in another size, turned, its range changed, sometimes with noise or speckle."""
    side = SIDE + 2 * _RIM
    if random.random() < 0.1:
        even = np.full((side, side), random.uniform(0, 255))
        return np.asarray(even + random.normal(0, random.choice([0, 2, 6]), even.shape), np.float32)
    picture = pictures[int(random.integers(len(pictures)))]
    least = side / min(picture.shape)
    scale = max(least, float(np.exp(random.uniform(np.log(0.4), np.log(max(1.0, 1400 / max(picture.shape)))))))
    wanted = min(min(picture.shape), max(8, round(side / scale)))
    top, left = (int(random.integers(length - wanted + 1)) for length in picture.shape)
    part = Image.fromarray(picture[top : top + wanted, left : left + wanted]).resize(
        (side, side), Image.Resampling.BICUBIC
    )
    values = np.rot90(np.asarray(part, np.float32), int(random.integers(4)))
    if random.random() < 0.5:
        values = values[:, ::-1]
    if random.random() < 0.3:
        values = 255 - values
    values = (values - 128) * random.uniform(0.4, 1.2) + 128 + random.uniform(-50, 50)
    if random.random() < 0.15:  # speckle of ultrasound
        across, down = random.uniform(0.6, 2), random.uniform(0.5, 1.5)
        speckle = cv2.GaussianBlur(random.rayleigh(1, values.shape), (0, 0), across, sigmaY=down)
        values = values * (0.3 + 0.6 * speckle)
    return np.asarray(values + random.normal(0, random.choice([0, 1, 3, 6]), values.shape), np.float32)


def clutter(values: Floats, random: np.random.Generator) -> Floats:
    """Lines, rings, arrows, boxes, wires, ticks and triangles, which are no text."""
    shapes = (_line, _ring, _arrow, _box, _wire, _ticks, _triangle)
    for _ in range(int(random.poisson(1.2))):
        drawn = np.zeros(values.shape, np.uint8)
        at = random.integers(-20, values.shape[0] + 20, (4, 2))
        shapes[int(random.integers(len(shapes)))](drawn, at, int(random.integers(1, 5)), random)
        if random.random() < 0.5:
            drawn = np.ascontiguousarray(np.rot90(drawn))
        soft = cv2.GaussianBlur(drawn, (0, 0), random.uniform(0.3, 1.5))
        values = values + np.float32(random.choice([-1, 1]) * random.uniform(15, 200)) * soft / 255
    return values


def _line(drawn: Bytes, at: Ints, thick: int, random: np.random.Generator) -> None:
    cv2.line(drawn, at[0].tolist(), at[1].tolist(), 255, thick, cv2.LINE_AA)


def _ring(drawn: Bytes, at: Ints, thick: int, random: np.random.Generator) -> None:
    filled = thick if random.random() < 0.7 else -1
    cv2.circle(drawn, at[0].tolist(), int(random.integers(3, 30)), 255, filled, cv2.LINE_AA)


def _arrow(drawn: Bytes, at: Ints, thick: int, random: np.random.Generator) -> None:
    tip = float(random.uniform(0.05, 0.4))
    cv2.arrowedLine(drawn, at[0].tolist(), at[1].tolist(), 255, thick, cv2.LINE_AA, 0, tip)


def _box(drawn: Bytes, at: Ints, thick: int, random: np.random.Generator) -> None:
    cv2.rectangle(drawn, at[0].tolist(), at[1].tolist(), 255, thick if random.random() < 0.6 else -1)


def _wire(drawn: Bytes, at: Ints, thick: int, random: np.random.Generator) -> None:
    t = np.linspace(0, 1, 60)[:, None]
    shares = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
    curve = sum(share * point for share, point in zip(shares, at, strict=True))
    cv2.polylines(drawn, [np.asarray(curve).astype(np.int32)], False, 255, thick, cv2.LINE_AA)


def _ticks(drawn: Bytes, at: Ints, thick: int, random: np.random.Generator) -> None:
    gap, long = int(random.integers(4, 24)), int(random.integers(2, 14))
    start, row = at[0].tolist()
    for place in range(start, drawn.shape[1], gap):
        end = row + long * (1 + (place // gap % 5 == 0))
        cv2.line(drawn, (place, row), (place, end), 255, min(2, thick))


def _triangle(drawn: Bytes, at: Ints, thick: int, random: np.random.Generator) -> None:
    cv2.fillPoly(drawn, [(at[0] + [(0, 0), (16, 5), (4, 14)]).astype(np.int32)], 255)


def word(random: np.random.Generator) -> str:
    """Letters and digits as names, numbers and dates have them; now and then one letter alone."""

    def some(number: int) -> str:
        return "".join(random.choice(list(_LETTERS), number))

    number = str(int(random.integers(10**9)))
    kind = int(random.integers(10))
    if kind == 0:
        return some(1)
    if kind < 6:
        text = " ".join(some(int(random.integers(2, 9))) for _ in range(int(random.integers(1, 4))))
        return text if random.random() < 0.6 else text.title() if random.random() < 0.7 else text.lower()
    if kind == 6:
        return number[: int(random.integers(2, 9))]
    if kind == 7:
        first, second = random.choice(list("/-."), 2)
        return f"{random.integers(1, 29):02}{first}{random.integers(1, 13):02}{second}{random.integers(1920, 2026)}"
    if kind == 8:
        mark, unit = random.choice(list(":.# ")), random.choice(["", " cm", " mm", "%", " kV"])
        return f"{some(int(random.integers(1, 3)))}{mark} {number[: int(random.integers(1, 7))]}{unit}"
    first, second = some(int(random.integers(3, 8))), some(int(random.integers(3, 8))).title()
    return f"{first}{random.choice(list('^,-_ '))}{second} ({number[:2]})"


def ink(text: str, size: int, faces: Sequence[Path], random: np.random.Generator) -> tuple[Image.Image, Image.Image]:
    """The ink of a text and the band that it fills, upright."""
    if random.random() < 0.2:  # strokes without thickness, as consoles draw them
        face, thick = int(random.choice([0, 1, 2, 3, 4, 6, 7])), int(random.integers(1, 1 + max(2, size // 12)))
        scale = size / 30
        (wide, high), base = cv2.getTextSize(text, face, scale, thick)
        drawn = np.zeros((high + base + 2 * size, wide + 2 * size), np.uint8)
        edge = cv2.LINE_AA if random.random() < 0.7 else cv2.LINE_8
        cv2.putText(drawn, text, (size, high + size), face, scale, 255, thick, edge)
        image = Image.fromarray(drawn)
    else:
        font = ImageFont.truetype(str(faces[int(random.integers(len(faces)))]), size)
        left, top, right, bottom = (int(edge) for edge in font.getbbox(text))
        image = Image.new("L", (right - left + 2 * size, bottom - top + 2 * size))
        is_loose, place = random.random() < 0.25, float(size)
        for letter in text if is_loose else [text]:
            down = random.normal(0, size / 14) if is_loose else 0
            ImageDraw.Draw(image).text((place - left, size - top + down), letter, 255, font)
            place += font.getlength(letter) * random.uniform(0.88, 1.25)
        if random.random() < 0.2:
            lean = random.uniform(-0.35, 0.35)
            image = image.transform(image.size, Image.Transform.AFFINE, (1, lean, -lean * image.height / 2, 0, 1, 0))
    band = Image.new("L", image.size)
    if box := image.getbbox():
        cut = (box[3] - box[1]) // 8
        ImageDraw.Draw(band).rectangle((box[0], box[1] + cut, box[2] - 1, box[3] - 1 - cut), fill=255)
    return image, band


def lettered(values: Floats, faces: Sequence[Path], random: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """A crop with texts, where they stand (0 to 1), and how much each pixel counts."""
    truth, counts = np.zeros(values.shape, np.float32), np.ones(values.shape, np.float32)
    fine = np.abs(values - cv2.GaussianBlur(values, (0, 0), 2))
    for _ in range(int(random.choice([0, 1, 1, 2, 3]))):
        text = word(random)
        share, inside = _placed(text, values.shape[0], faces, random)
        if not inside.any():
            continue
        values, is_seen = drawn_on(values, share, inside, float(fine[inside].mean()), random)
        if len(text) < 2 or not is_seen:
            counts[cv2.dilate(inside.astype(np.uint8), np.ones((9, 9))) > 0] = 0
        else:
            truth[inside], counts[inside] = 1, 1
    return values, truth, counts


def _placed(
    text: str, side: int, faces: Sequence[Path], random: np.random.Generator
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """A text, or lines of which it is the first, somewhere in a crop: the share of ink, and where the lines are."""
    size = int(np.exp(random.uniform(np.log(9), np.log(64))))
    angle = float(random.choice([0, 90, 270, 180, random.uniform(-45, 45)], p=[0.35, 0.2, 0.2, 0.02, 0.23]))
    lines = [text] if random.random() < 0.75 else [text, word(random), word(random)]
    pairs = [ink(line, size, faces, random) for line in lines]
    step = round(size * random.uniform(1.05, 1.6))
    high = pairs[0][0].height + step * len(lines)
    whole = [Image.new("L", (max(image.width for image, _ in pairs), high)) for _ in pairs[0]]
    for row, pair in enumerate(pairs):
        for sheet, part in zip(whole, pair, strict=True):
            sheet.paste(255, (0, row * step), part)
    drawn, band = (sheet.rotate(angle, Image.Resampling.BICUBIC, expand=True) for sheet in whole)
    left, top = (int(random.integers(-length // 2, max(1 - length // 2, side - length // 2))) for length in drawn.size)
    letters, place = Image.new("L", (side, side)), Image.new("L", (side, side))
    letters.paste(drawn, (left, top))
    place.paste(band, (left, top))
    soft = letters.filter(ImageFilter.GaussianBlur(float(random.choice([0, 0, 0.5, 0.9]))))
    return np.asarray(soft, np.float32) / 255, np.asarray(place) > 127


def drawn_on(
    values: Floats, share: Floats, inside: npt.NDArray[np.bool_], fine: float, random: np.random.Generator
) -> tuple[Floats, bool]:
    """Text lighter or darker than its ground, now and then on a box of one grey; whether it can be told from noise."""
    contrast = float(np.exp(random.uniform(np.log(20), np.log(255))))
    if random.random() < 0.12:
        box = cv2.dilate(inside.astype(np.uint8), np.ones((9, 9))) > 0
        values = np.where(box, np.float32(random.choice([0, 255, random.uniform(0, 255)])), values)
        contrast = max(contrast, 40)
    under = float(values[inside].mean())
    sign = 1 if under + contrast <= 255 or under < 128 else -1
    if random.random() < 0.2:
        sign = -sign if 0 <= under - sign * contrast <= 255 else sign
    room = (255 - under) if sign > 0 else under
    is_seen = min(contrast, room) > max(14, 3 * fine)
    return values + np.float32(sign * contrast) * share, is_seen


def sample(
    pictures: Sequence[Bytes], faces: Sequence[Path], random: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """What the network is given, what it should say, and how much that counts."""
    values, truth, counts = lettered(clutter(crop(pictures, random), random), faces, random)
    grey = np.clip(values, 0, 255).astype(np.uint8)
    if random.random() < 0.2:
        packed = io.BytesIO()
        Image.fromarray(grey).save(packed, "JPEG", quality=int(random.integers(40, 95)))
        grey = np.asarray(Image.open(packed))
    inner = slice(_RIM, -_RIM)
    small = (SIDE // STEP, STEP, SIDE // STEP, STEP)
    goal = truth[inner, inner].reshape(small).mean(axis=(1, 3)) > 0.4
    return (
        prepared(grey)[inner, inner].transpose(2, 0, 1),
        goal.astype(np.float32),
        counts[inner, inner].reshape(small).min(axis=(1, 3)),
    )


class Samples(torch.utils.data.IterableDataset[tuple[Floats, Floats, Floats]]):
    """Samples without end."""

    def __init__(self, pictures: Sequence[Bytes], faces: Sequence[Path], random: np.random.Generator) -> None:
        super().__init__()
        self._given = pictures, faces, random

    def __iter__(self) -> Iterator[tuple[Floats, Floats, Floats]]:
        cv2.setNumThreads(1)
        while True:
            yield sample(*self._given)


def loss(logits: torch.Tensor, goal: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of squares and one minus the overlap (Dice)."""
    chance = torch.sigmoid(logits)
    each = nn.functional.binary_cross_entropy_with_logits(logits, goal, counts)
    both = (chance * goal * counts).sum()
    return each + 0.3 * (1 - (2 * both + 1) / (((chance + goal) * counts).sum() + 1))


def main() -> None:
    """Trains, and writes the weights every 250 steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fonts", type=Path, required=True)
    parser.add_argument("--pictures", type=Path, nargs="+", required=True)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--start", type=Path, help="weights to go on from")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    random = np.random.default_rng(arguments.seed)
    pictures = grounds(arguments.pictures, random)
    faces = sorted(path for path in arguments.fonts.rglob("*.[ot]tf") if "Thin" not in path.name)
    print(f"{len(pictures)} pictures, {len(faces)} fonts", flush=True)
    network = Network()
    if arguments.start:
        network.load(arguments.start)
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=1e-4)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, arguments.steps, pct_start=0.1)
    began, mean = time.perf_counter(), 0.0
    loader = torch.utils.data.DataLoader(Samples(pictures, faces, random), 12, num_workers=1)
    for step, (given, goal, counts) in enumerate(loader, start=1):
        value = loss(network(given), goal, counts)
        optimiser.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        rates.step()
        mean += (value.item() - mean) / min(step, 100)
        if step % 250 == 0 or step == arguments.steps:
            network.save(arguments.out)
            print(f"{step}: loss {mean:.4f}, {time.perf_counter() - began:.0f} s", flush=True)
        if step == arguments.steps:
            break


if __name__ == "__main__":
    main()
