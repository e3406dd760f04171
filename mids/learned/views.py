"""The view of a radiograph from its pixels, by a model that a user trains from a table of images."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mids.errors import DataError, MidsError
from mids.learned.file import Arrays, read_model, write_model
from mids.learned.gradients import FEATURES, Vector, gradients
from mids.learned.ridge import FOLDS, Bend, Ridge, fit
from mids.records import Json
from mids.vocabulary.schema import load

KIND = "views"
THRESHOLD = 0.9
"""A view that is less probable than this stays unknown."""

LIMITS = (
    "Recognises only the views that it was trained with, on pictures that look like those: any other picture gets the "
    "most similar of them. It hardly distinguishes PA from AP. It does not know whether the picture is a "
    "radiograph of the chest."
)

Load = Callable[[str], npt.NDArray[Any]]
"""The pixels of an image of the table; raises `DataError` where it can't be read."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class ViewModel:
    """A trained model: `labels` are codes of view_positions, `digest` is that of its file.

    `features` is a name of `mids.learned.gradients.FEATURES`. With a `bend` the lines are drawn through nearness.
    """

    labels: Sequence[str]
    ridge: Ridge
    threshold: float
    digest: str
    features: str = "gradients"
    bend: Bend | None = None

    def chances(self, picture: npt.NDArray[Any]) -> Mapping[str, float]:
        """The probability of each label for a picture, (rows, columns) of any type or (rows, columns, 3)."""
        return self.weigh(FEATURES[self.features][0](picture))

    def weigh(self, numbers: Vector) -> Mapping[str, float]:
        """The probability of each label for a picture of which these are the `features`."""
        given = numbers[None]
        found = self.ridge.probabilities(self.bend.nearness(given) if self.bend else given)[0]
        return dict(zip(self.labels, map(float, found), strict=True))

    def tell(self, picture: npt.NDArray[Any]) -> tuple[str, float]:
        """The view of a picture (rows, columns), "" where none is probable enough, and the probability of the best."""
        return self.choose(self.chances(picture))

    def choose(self, chances: Mapping[str, float]) -> tuple[str, float]:
        """The most probable label, "" where it is not probable enough, and its probability."""
        best = max(chances, key=chances.__getitem__)
        return best if chances[best] >= self.threshold else "", chances[best]


def read_view_model(path: Path) -> ViewModel:
    """A model that `train_views` wrote; raises `MidsError`."""
    found = read_model(path, KIND)
    try:
        ridge = Ridge(*(np.asarray(found.arrays[name], np.float64) for name in ("weights", "bias", "slope", "offset")))
        labels, threshold = [str(label) for label in found.head["labels"]], float(found.head["threshold"])  # type: ignore[union-attr, arg-type]
        features = str(found.head["features"])
        bend = _read_bend(found.arrays, FEATURES[features][1])
        length = len(bend.examples) if bend else FEATURES[features][1]
        if ridge.weights.shape != (len(labels), length) or any(
            each.shape != (len(labels),) for each in (ridge.bias, ridge.slope, ridge.offset)
        ):
            raise ValueError
    except (KeyError, TypeError, ValueError) as error:
        raise MidsError(f"{path} lacks a part of a model of views: train it again with mids train views") from error
    return ViewModel(labels, ridge, threshold, found.digest, features, bend)


def _read_bend(arrays: Arrays, length: int) -> Bend | None:
    """The bend of a model of `length` features; None where it has none. Raises `ValueError`, `KeyError`."""
    if "axes" not in arrays:
        return None
    centre, axes, examples = (np.asarray(arrays[name], np.float64) for name in ("centre", "axes", "examples"))
    if centre.shape != (length,) or axes.shape != (len(axes), length) or examples.shape[1:] != (len(axes),):
        raise ValueError
    return Bend(centre, axes, examples, float(arrays["width"]))


def train_views(
    rows: Iterable[Mapping[str, str]], load_image: Load, output: Path, *,
    data: str = "", licence: str = "", threshold: float = THRESHOLD, progress: Progress = lambda done, total: None,
) -> dict[str, Json]:  # fmt: skip
    """Trains a model from rows with `image`, `view` and `participant_id`, and writes it; gives back what its head says.

    A view may be spelled in any way that the code list view_positions knows. Rows without a view, rows that are there
    twice, and images that can't be read are left out; the last are counted. Metrics are those of images whose
    participants the model had not seen (five-fold, by participant; an image of nobody known is on its own). Raises
    `MidsError` for an unknown view, an image with two views, no image that can be read, fewer than two views, and too
    few participants.
    """
    given = _read_views(rows)
    features, views, people, unread = [], [], [], 0
    for number, (image, (view, person)) in enumerate(given.items(), start=1):
        try:
            features.append(gradients(load_image(image)))
        except DataError:
            unread += 1
            continue
        views.append(view)
        people.append(person)
        progress(number, len(given))
    if given and not features:
        raise MidsError(f"none of {len(given)} images can be read: give the folder that their paths are relative to")
    labels = sorted(set(views))
    if len(labels) < 2 or len(set(people)) < FOLDS:
        raise MidsError(f"views are learned from two or more views of {FOLDS} or more participants: give more rows")
    classes = np.array([labels.index(view) for view in views])
    ridge, unseen = fit(np.stack(features), classes, people, len(labels))
    head: dict[str, Json] = {
        "data": data, "licence": licence, "images_unread": unread, "participants": len(set(people)), "limits": LIMITS,
    }  # fmt: skip
    return write_views(output, head, ridge, labels, threshold, (classes, unseen))


def write_views(
    output: Path, head: Mapping[str, Json], ridge: Ridge, labels: Sequence[str], threshold: float,
    told: tuple[npt.NDArray[Any], npt.NDArray[Any]], features: str = "gradients", bend: Bend | None = None,
) -> dict[str, Json]:  # fmt: skip
    """Writes a model of views; gives back what its head says: that of `head`, and what the other arguments tell.

    `told` are the classes of the images (numbers of `labels`), and the probabilities (images, labels) that a model
    gave each that had not seen its participant.
    """
    said: dict[str, Json] = {
        **head, "labels": list(labels), "threshold": threshold, "features": features, "images": len(told[0]),
        "metrics": _measure(*told, labels, threshold),
    }  # fmt: skip
    bent: Arrays = {} if bend is None else {
        "centre": bend.centre.astype(np.float32), "axes": bend.axes.astype(np.float16),
        "examples": bend.examples.astype(np.float16), "width": np.array(bend.width),
    }  # fmt: skip
    write_model(output, KIND, said, {
        "weights": ridge.weights.astype(np.float32), "bias": ridge.bias, "slope": ridge.slope, "offset": ridge.offset,
        **bent,
    })  # fmt: skip
    return said


def _read_views(rows: Iterable[Mapping[str, str]]) -> Mapping[str, tuple[str, str]]:
    """The view of each image, as its code, and of whom it is; raises `MidsError`, see `train_views`."""
    codes = load().code_lists["view_positions"]
    found: dict[str, tuple[str, str]] = {}
    for number, row in enumerate(rows, start=1):
        image, said, person = (
            "" if (cell := str(row.get(key) or "").strip()) == "n/a" else cell
            for key in ("image", "view", "participant_id")
        )
        if not said:
            continue
        view = codes.find(said)
        if view is None:
            near = get_close_matches(said.lower(), codes.codes, 3, 0.4) or ["pa", "ap", "lateral"]
            raise MidsError(f"unknown view {said}: did you mean {', '.join(near)}?")
        if found.setdefault(image, (view, person or image))[0] != view:
            raise MidsError(f"the image of row {number} has another view in a row above: keep the right one")
    return found


def _measure(classes: npt.NDArray[Any], unseen: npt.NDArray[Any], labels: Sequence[str], threshold: float) -> Json:
    """What the model said of images whose participants it had not seen."""
    best = unseen.argmax(axis=1)
    sure = unseen.max(axis=1) >= threshold
    confusions = Counter((labels[truth], labels[said]) for truth, said in zip(classes, best, strict=True))
    return {
        "accuracy": round(float((best == classes).mean()), 4),
        "known": round(float(sure.mean()), 4),
        "accuracy_where_known": round(float((best == classes)[sure].mean()), 4) if sure.any() else None,
        "confusions": {f"{truth} called {said}": count for (truth, said), count in sorted(confusions.items())},
    }
