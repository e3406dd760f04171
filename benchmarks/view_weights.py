"""Makes the models of views that ship with the package (`schemas/views`), the same bytes from the same material.

`python -m benchmarks.view_weights --chests FOLDER … --frontal FOLDER … --out schemas/views`: folders of chest CT (DICOM
or NIfTI), and of frontal radiographs as PNG with a data.csv of image_id and patient_id. Needs SciPy and OpenCV.
What the shipped weights saw, and what they can't do, is told in `schemas/views/CARD.md`.

A threshold is the lowest of `THRESHOLDS` at which, of the radiographs that a model had not seen (five-fold, by
patient), at most `FALSE` as they were published and `VARIED` of those distorted on purpose are called what they
are not.
"""

import argparse
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from benchmarks.projections import Floats, project, vary, volumes
from mids.learned.gradients import FEATURES
from mids.learned.ridge import fit
from mids.learned.views import write_views

PROJECTIONS, COPIES = 90, 3
"""Projections of a volume and view; distorted copies of a picture."""

THRESHOLDS, FALSE, VARIED = (0.9, 0.95, 0.98, 0.99), 0.0, 0.005

SIDE = 224
"""Pixels of the longer side of a picture before it is distorted."""

LICENCE = "CC-BY-4.0"


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A picture, 0 to 1; `of` is whom or what it shows, `real` that no copy of it was distorted."""

    picture: Floats
    kind: str
    of: str
    real: bool = False


def radiographs(given: argparse.Namespace, random: np.random.Generator) -> Iterator[Example]:
    """Chests: projections through CT, and real frontal ones as they are; upright, and dark where there is air."""
    for person, volume in volumes(given.chests):
        for _ in range(PROJECTIONS):
            for view in ("frontal", "lateral"):
                yield Example(project(volume, view, random), view, person)
    for folder in given.frontal:
        with (folder / "data.csv").open(encoding="utf-8", newline="") as stream:
            for row in sorted(csv.DictReader(stream), key=lambda row: row["image_id"]):
                found = _picture(next(folder.rglob(f"{row['image_id']}.png")))
                yield Example(_small(found), "frontal", row["patient_id"], real=True)


def _picture(path: Path) -> Floats:
    """A picture, grey, 0 to 1 between its darkest and brightest pixels."""
    with Image.open(path) as image:
        grey = np.asarray(image.convert("L"), np.float32)
    low, high = np.percentile(grey, [0.5, 99.5])
    return np.asarray(np.clip((grey - low) / max(high - low, 1e-6), 0, 1), np.float32)


def _small(picture: Floats) -> Floats:
    scale = SIDE / max(picture.shape)
    return picture if scale >= 1 else cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def _copies(example: Example, random: np.random.Generator) -> Iterator[tuple[Floats, bool]]:
    """Distorted copies of a picture, and itself where it is real; whether a copy is itself."""
    if example.real:
        yield example.picture, True
    for _ in range(COPIES if example.real else 1):
        yield vary(example.picture, random), False


def learn_views(examples: Sequence[Example], out: Path, random: np.random.Generator) -> None:
    """Frontal or lateral."""
    rows = [
        (shown, each.kind == "lateral", each.of, real) for each in examples for shown, real in _copies(each, random)
    ]
    _write(out / "view.model", ("frontal", "lateral"), "gradients", rows)


def learn_upright(examples: Sequence[Example], out: Path, random: np.random.Generator) -> None:
    """Upright, or head down (turned or mirrored; `vary` mirrors half of all)."""
    rows = [
        (np.ascontiguousarray(shown[::-1] if down else shown), down, each.of, real)
        for each in examples for shown, real in _copies(each, random) for down in (False, True)
    ]  # fmt: skip
    _write(out / "upright.model", ("upright", "upside down"), "gradients", rows)


def learn_polarity(examples: Sequence[Example], out: Path, random: np.random.Generator) -> None:
    """Air dark, or its negative; upright or not."""
    rows = []
    for each in examples:
        for number, (shown, real) in enumerate(_copies(each, random)):
            stood = np.ascontiguousarray(shown[::-1] if number == 1 else shown)
            rows += [(stood, False, each.of, real), (1 - stood, True, each.of, real)]
    _write(out / "polarity.model", ("air is dark", "air is bright"), "shades", rows)


def _write(path: Path, labels: tuple[str, str], features: str, rows: Sequence[tuple[Floats, bool, str, bool]]) -> None:
    """Learns from rows (picture, whether it is of the second label, of whom, whether it is as published)."""
    numbers = np.stack([FEATURES[features][0](shown) for shown, *_ in rows])
    classes = np.array([int(second) for _, second, *_ in rows])
    people = [of for _, _, of, _ in rows]
    ridge, unseen = fit(numbers, classes, people, 2)
    real = np.array([each[3] for each in rows])
    wrong = np.where(classes == 0, unseen[:, 1], 0)  # what is ordinary, called what is rare
    threshold = next(
        (
            each for each in THRESHOLDS
            if (wrong[real] >= each).mean() <= FALSE and (wrong[~real] >= each).mean() <= VARIED
        ), THRESHOLDS[-1],
    )  # fmt: skip
    path.unlink(missing_ok=True)
    head = {"data": "see CARD.md", "licence": LICENCE, "limits": "see CARD.md", "participants": len(set(people))}
    said = write_views(path, head, ridge, labels, threshold, (classes, unseen), features)
    print(path.name, len(rows), "pictures of", len(set(people)), "threshold", threshold, said["metrics"])


def main() -> None:
    """Makes all models."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("chests", "frontal"):
        parser.add_argument(f"--{name}", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    examples = list(radiographs(given, random))
    learn_views(examples, given.out, random)
    learn_upright(examples, given.out, random)
    learn_polarity(examples, given.out, random)


if __name__ == "__main__":
    main()
