"""Makes the models of views that ship with the package (`schemas/views`), the same bytes from the same material.

`python -m benchmarks.view_weights --chests FOLDER … --frontal FOLDER … --others FOLDER … --bodies FOLDER …
--out schemas/views`: folders of chest CT (DICOM or NIfTI); of frontal radiographs as PNG with a data.csv of image_id
and patient_id; of pictures that are no radiograph of a chest; and of CT of other parts of the body. Needs SciPy,
scikit-learn and OpenCV. What the shipped weights saw, and what they can't do, is told in `schemas/views/CARD.md`.

A threshold is the lowest of `THRESHOLDS` at which, of the radiographs that a model had not seen (five-fold, by
patient), at most `FALSE` as they were published and `VARIED` of those distorted on purpose are called what they
are not. For mirrored ones it is the lowest of `SIDES`, and at most `MIRRORED` of both, because some hearts lie in the
middle or on the right.
"""

import argparse
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.svm import SVC

from benchmarks.other_pictures import others, scaled
from benchmarks.projections import Floats, project, vary, volumes
from example_datasets.generators import radiograph as chest_of
from mids.learned.gradients import FEATURES, Vector
from mids.learned.ridge import FOLDS, Bend, Ridge, fit, folds, with_chances
from mids.learned.views import write_views

PROJECTIONS, COPIES = 90, 3
"""Projections of a volume and view; distorted copies of a picture."""

THRESHOLDS, FALSE, VARIED = (0.9, 0.95, 0.98, 0.99, 0.995, 0.998), 0.0, 0.005
SIDES, MIRRORED = (0.6, 0.65, 0.7, 0.75, 0.8, 0.85, *THRESHOLDS), (0.005, 0.02)

AXES, COST, WIDTH = 60, 10.0, 1.0
"""Of `chest.model`: principal components, cost of a wrong side, and width against the spread of the components."""

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


def radiographs(
    given: argparse.Namespace, chests: Sequence[tuple[str, Floats]], random: np.random.Generator
) -> Iterator[Example]:
    """Chests: projections through CT, and real frontal ones as they are; upright, and dark where there is air."""
    for person, volume in chests:
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
        return scaled(np.asarray(image.convert("L"), np.float32))


def _small(picture: Floats) -> Floats:
    scale = SIDE / max(picture.shape)
    return picture if scale >= 1 else cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def _copies(
    example: Example, random: np.random.Generator, *, mirror: bool = True
) -> Iterator[tuple[Floats, bool]]:  # fmt: skip
    """Distorted copies of a picture, and itself where it is real; whether a copy is itself."""
    if example.real:
        yield example.picture, True
    for _ in range(COPIES if example.real else 1):
        yield vary(example.picture, random, mirror=mirror), False


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


def learn_mirrored(examples: Sequence[Example], out: Path, random: np.random.Generator) -> None:
    """A frontal radiograph as it should be, the heart on the right of the picture; or its mirror image."""
    rows = [
        (np.ascontiguousarray(shown[:, ::-1] if turned else shown), turned, each.of, real)
        for each in examples if each.kind == "frontal"
        for shown, real in _copies(each, random, mirror=False) for turned in (False, True)
    ]  # fmt: skip
    _write(out / "mirrored.model", ("as it should be", "mirrored"), "asymmetry", rows, false=MIRRORED, tried=SIDES)


def learn_chest(
    examples: Sequence[Example], strange: Sequence[tuple[Floats, str, bool]], out: Path, random: np.random.Generator
) -> None:
    """A radiograph of a chest, or any other picture."""
    drawn = [
        Example((shown / shown.max()).astype(np.float32), "phantom", "phantom")
        for shown in (chest_of.frontal(), chest_of.lateral()) for _ in range(20)
    ]  # fmt: skip
    rows = [(shown, False, each.of, real) for each in (*examples, *drawn) for shown, real in _copies(each, random)]
    for picture, source, real in strange:
        rows += [(picture, True, source, real), (vary(picture, random), True, source, False)]
    _write(out / "chest.model", ("a radiograph of a chest", "something else"), "gradients", rows, bent=True)


Row = tuple[Floats, bool, str, bool]


def _write(
    path: Path, labels: tuple[str, str], features: str, rows: Sequence[Row], *,
    false: tuple[float, float] = (FALSE, VARIED), tried: Sequence[float] = THRESHOLDS, bent: bool = False,
) -> None:  # fmt: skip
    """Learns from rows (picture, whether it is of the second label, of whom, whether it is as published)."""
    numbers = np.stack([FEATURES[features][0](shown) for shown, *_ in rows])
    classes = np.array([int(second) for _, second, *_ in rows])
    people = [of for _, _, of, _ in rows]
    bend = None
    if bent:
        ridge, bend, unseen = _fit_bent(numbers, classes, people)
    else:
        ridge, unseen = fit(numbers, classes, people, 2)
    real = np.array([each[3] for each in rows])
    wrong = unseen[:, 1]  # of what is ordinary: called what is rare
    ordinary = classes == 0
    threshold = next(
        (
            each for each in tried
            if (wrong[ordinary & real] >= each).mean() <= false[0]
            and (wrong[ordinary & ~real] >= each).mean() <= false[1]
        ), tried[-1],
    )  # fmt: skip
    path.unlink(missing_ok=True)
    head = {"data": "see CARD.md", "licence": LICENCE, "limits": "see CARD.md", "participants": len(set(people))}
    said = write_views(path, head, ridge, labels, threshold, (classes, unseen), features, bend)
    found = (wrong[~ordinary & real] >= threshold).mean()
    print(path.name, len(rows), "pictures of", len(set(people)), "threshold", threshold, said["metrics"])
    print(f"found of the second kind, as published: {found:.3f}")


def _fit_bent(numbers: Vector, classes: Vector, people: Sequence[str]) -> tuple[Ridge, Bend, Vector]:
    """A support vector machine on principal components, with probabilities; and those that each row gets unseen."""
    scores, fold = np.zeros((len(numbers), 2)), folds(people)
    for number in range(FOLDS):
        inside = fold != number
        weights, bias, bend = _machine(numbers[inside], classes[inside])
        scores[~inside] = bend.nearness(numbers[~inside]) @ weights.T + bias
    weights, bias, bend = _machine(numbers, classes)
    ridge, unseen = with_chances(weights, bias, scores, classes)
    return ridge, bend, unseen


def _machine(numbers: Vector, classes: Vector) -> tuple[Vector, Vector, Bend]:
    found = PCA(AXES, svd_solver="covariance_eigh").fit(numbers)
    placed = found.transform(numbers)
    width = WIDTH / (AXES * float(placed.var()))
    machine = SVC(C=COST, gamma=width, class_weight="balanced").fit(placed, classes)
    line, middle = machine.dual_coef_[0], float(machine.intercept_[0])
    bend = Bend(found.mean_, found.components_, machine.support_vectors_, width)
    return np.stack([-line, line]), np.array([-middle, middle]), bend


def main() -> None:
    """Makes all models."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("chests", "frontal", "others", "bodies"):
        parser.add_argument(f"--{name}", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--models", nargs="+", choices=["all", "mirrored", "chest"], default=["all"])
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    chests = list(volumes(given.chests))
    examples = list(radiographs(given, chests, random))
    if "all" in given.models:
        learn_views(examples, given.out, random)
        learn_upright(examples, given.out, random)
        learn_polarity(examples, given.out, random)
    if {"all", "mirrored"} & set(given.models):
        learn_mirrored(examples, given.out, np.random.default_rng(1))
    if {"all", "chest"} & set(given.models):
        random = np.random.default_rng(2)
        learn_chest(examples, list(others(given.others, chests, given.bodies, random)), given.out, random)


if __name__ == "__main__":
    main()
