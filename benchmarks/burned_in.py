"""How much drawn text each detector covers, and how many pictures without text it touches.

`python -m benchmarks.burned_in [--plants N] [--part tune|measure] [--seed N] [--shared ../shared/data]` draws names,
dates and numbers on public pictures and on invented ones (`benchmarks/plants.py`), several in a picture: fonts, sizes,
contrasts of 30 to 255, rotations of 0, 90, 270 and slanted, light and dark, over lung, bone and border, printed and by
hand. A plant is covered where every pixel of its ink lies in a box. With `--pictures FOLDER`
what was missed or touched is drawn. The draws depend on the seed alone. `--clean FOLDER` measures on PNG pictures of
your own that hold no text, and nothing else.
"""

import argparse
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import yaml
from PIL import Image, ImageDraw

from benchmarks.plants import Bytes, Part, Plant, planted, public, radiograph
from mids.actions.screen import find_boxes
from mids.deid.burned.glyphs import list_regions
from mids.records import Box

SEEDS: dict[Part, int] = {"measure": 0, "tune": 1000}
EACH = 8
"""Texts in a picture."""


def thumbnails(folder: Path, part: str) -> Iterator[tuple[str, Bytes]]:
    """Public radiographs of at most 224 pixels without text (`clean.yaml`), made large."""
    for name in yaml.safe_load(Path(__file__).with_name("clean.yaml").read_text(encoding="utf-8"))[part].split():
        image = Image.open(folder / "cxr-views" / "images" / f"{name}.png").convert("L")
        yield name, np.asarray(image.resize((1120, 1120), Image.Resampling.BICUBIC))


def listed(folder: Path) -> Iterator[tuple[str, Bytes]]:
    """The pictures of a folder, as they are."""
    for path in sorted(folder.glob("*.png")):
        yield path.stem, np.asarray(Image.open(path).convert("L"))


def find(picture: Bytes, *, more: bool = False) -> tuple[Box, ...]:
    """The boxes of `glyphs`, or with `more` those of `learned`."""
    return find_boxes(picture, list_regions(picture), "learned" if more else "glyphs")


def list_missed(plants: Iterable[Plant], boxes: Iterable[Box], shape: tuple[int, ...]) -> tuple[list[Plant], float]:
    """The plants with ink outside all boxes, and the part of the picture in boxes."""
    black = np.zeros(shape, bool)
    for top, left, bottom, right in boxes:
        black[top:bottom, left:right] = True
    return [plant for plant in plants if (plant.ink & ~black[plant.at]).any()], float(black.mean())


def drawn(pictures: Sequence[Bytes], number: int, part: Part, seed: int) -> Iterator[tuple[Bytes, list[Plant]]]:
    """Pictures with `number` plants in all."""
    random = np.random.default_rng(seed)
    while number > 0:
        ground = pictures[int(random.integers(len(pictures)))]
        picture, plants = planted(ground, min(EACH, number), part, random)
        number -= len(plants)
        yield picture, plants


def measure(pictures: Iterable[tuple[Bytes, list[Plant]]], folder: Path | None) -> None:
    """Prints how many plants are covered, by what they differ in, by `glyphs` and by `learned`."""
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    shares = list[float]()
    for place, (picture, plants) in enumerate(pictures):
        boxes = find(picture)
        missed, share = list_missed(plants, boxes, picture.shape)
        shares.append(share)
        boxes = find(picture, more=True)
        still, _ = list_missed(plants, boxes, picture.shape)
        for plant in plants:
            kinds = {"contrast": plant.contrast, "size": plant.size, "angle": plant.angle, "form": plant.form}
            for name, value in {"all": "", **kinds}.items():
                own = counts[name, str(value)]
                own.update(all=1, glyphs=all(plant is not other for other in missed))
                own.update(learned=all(plant is not other for other in still))
        if folder and still:
            show(picture, boxes, still, folder / f"{place:05}.png")
        print(place + 1, *(f"{name} {number}" for name, number in counts["all", ""].items()), flush=True)
    for (name, value), own in sorted(counts.items()):
        parts = (f"{who} {own[who]} of {own['all']} ({own[who] / own['all']:.1%})" for who in ("glyphs", "learned"))
        print(f"{name} {value}:", *parts)
    print(f"{np.mean(shares):.1%} of a picture in boxes of glyphs")


def show(picture: Bytes, boxes: Iterable[Box], missed: Iterable[Plant], path: Path) -> None:
    """The picture with the boxes, and what was missed."""
    image = Image.fromarray(picture).convert("RGB")
    pen = ImageDraw.Draw(image)
    for top, left, bottom, right in boxes:
        pen.rectangle((left, top, right, bottom), outline="red", width=3)
    for plant in missed:
        rows, columns = plant.at
        pen.rectangle((columns.start, rows.start, columns.stop, rows.stop), outline="yellow", width=2)
        pen.text((columns.start + 3, rows.start + 3), f"{plant.contrast} {plant.size}", "yellow", font_size=20)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def touch(name: str, clean: Iterable[tuple[str, Bytes]], folder: Path | None) -> None:
    """Prints how many pictures without text each detector touches, and how long it takes."""
    for more in (False, True):
        found, seconds = list[str](), list[float]()
        for path, picture in clean:
            began = time.thread_time()
            boxes = find(picture, more=more)
            seconds.append(time.thread_time() - began)
            found += [path] if boxes else []
            if folder and boxes:
                show(picture, boxes, (), folder / f"{path}.png")
        who, number = "learned" if more else "glyphs", len(seconds)
        print(
            f"clean, {name}: {who} touches {len(found)} of {number} ({np.mean(seconds):.1f} s each):",
            *found,
            flush=True,
        )


def main() -> None:
    """Measures both detectors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plants", type=int, default=2000)
    parser.add_argument("--part", choices=["tune", "measure"], default="measure")
    parser.add_argument("--seed", type=int, help="another draw of texts and places (default: 0; 1000 to tune)")
    parser.add_argument("--shared", type=Path, default=Path("../shared/data"))
    parser.add_argument("--pictures", type=Path, help="folder for pictures of what was missed and of what was touched")
    parser.add_argument("--clean", type=Path, help="folder of PNG pictures without text; no text is drawn then")
    arguments = parser.parse_args()
    if arguments.clean:
        touch(arguments.clean.name, list(listed(arguments.clean)), arguments.pictures)
        return
    part: Part = arguments.part
    random = np.random.default_rng(SEEDS[part] + 1)
    invented = [(f"invented{place}", radiograph(random)) for place in range(24)]
    grounds = [picture for _, picture in (*public(arguments.shared, part), *invented)]
    seed = SEEDS[part] if arguments.seed is None else arguments.seed
    measure(drawn(grounds, arguments.plants, part, seed), arguments.pictures)
    for name in (part, "again") if part == "measure" else (part,):
        touch(f"thumbnails ({name})", list(thumbnails(arguments.shared, name)), arguments.pictures)
    touch("invented", invented, arguments.pictures)


if __name__ == "__main__":
    main()
