"""Linear classifiers by ridge regression in closed form, with probabilities: small, quick, the same everywhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
STRENGTH = 30.0
FOLDS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Ridge:
    """One line a class against all others: `weights` (classes, features), `bias`, `slope` and `offset` (classes).

    The probability of a class is the logistic function of slope × score + offset, scaled so that all sum to 1.
    """

    weights: Vector
    bias: Vector
    slope: Vector
    offset: Vector

    def probabilities(self, features: Vector) -> Vector:
        """(images, classes) of (images, features)."""
        scores = features @ self.weights.T + self.bias
        each = 1 / (1 + np.exp(-np.clip(scores * self.slope + self.offset, -50, 50)))
        return np.asarray(each / each.sum(axis=1, keepdims=True))


@dataclass(frozen=True, slots=True, eq=False)
class Bend:
    """What a curved border is drawn with: how near a picture is to each of some examples.

    Features are put on `axes` (axes, features) about `centre` (features), as by principal components; `examples`
    (examples, axes) lie on the same axes. Nearness is exp(-`width` × squared distance).
    """

    centre: Vector
    axes: Vector
    examples: Vector
    width: float

    def nearness(self, features: Vector) -> Vector:
        """(images, examples), 0 to 1, of (images, features)."""
        placed = (features - self.centre) @ self.axes.T
        squares = (placed**2).sum(axis=1)[:, None] + (self.examples**2).sum(axis=1) - 2 * placed @ self.examples.T
        return np.asarray(np.exp(-self.width * np.maximum(squares, 0)))


def fit(features: Vector, classes: npt.NDArray[Any], groups: Sequence[str], count: int) -> tuple[Ridge, Vector]:
    """A classifier of `count` classes, and the probabilities that each row gets from one that never saw its group.

    `features` are (rows, features), `classes` their numbers. Rows of a class weigh as much as all others together.
    """
    fold = folds(groups)
    scores = np.zeros((len(features), count))
    for number in range(FOLDS):
        inside, outside = fold != number, fold == number
        if outside.any() and inside.any():
            weights, bias = _lines(features[inside], classes[inside], count)
            scores[outside] = features[outside] @ weights.T + bias
    return with_chances(*_lines(features, classes, count), scores, classes)


def with_chances(
    weights: Vector, bias: Vector, scores: Vector, classes: npt.NDArray[Any]
) -> tuple[Ridge, Vector]:  # fmt: skip
    """Lines with their probabilities, which follow from `scores` (rows, classes) that did not see their rows' groups.

    Also gives back those of the rows.
    """
    count = len(bias)
    curves = [_curve(scores[:, one], classes == one) for one in range(count)]
    slope, offset = (np.array(values) for values in zip(*curves, strict=True))
    unseen = Ridge(np.eye(count), np.zeros(count), slope, offset).probabilities(scores)
    return Ridge(weights, bias, slope, offset), unseen


def folds(groups: Sequence[str]) -> npt.NDArray[Any]:
    """The fold of each row: all of a group have one, and folds have the same number of groups within one."""
    order = np.random.default_rng(0).permutation(sorted(set(groups)))
    place = {group: number % FOLDS for number, group in enumerate(order)}
    return np.array([place[group] for group in groups])


def _lines(features: Vector, classes: npt.NDArray[Any], count: int) -> tuple[Vector, Vector]:
    """Weights and bias of each class against all others; solved among rows, which are fewer than features."""
    found = [_line(features, np.where(classes == one, 1.0, -1.0)) for one in range(count)]
    return np.stack([weights for weights, _ in found]), np.array([bias for _, bias in found])


def _line(features: Vector, sign: Vector) -> tuple[Vector, float]:
    have, rest = float((sign > 0).sum()), float((sign < 0).sum())
    if not have or not rest:
        return np.zeros(features.shape[1]), float(np.sign(have - rest))
    share = np.where(sign > 0, max(rest / have, 1.0), max(have / rest, 1.0))
    mean, middle = (share @ features) / share.sum(), float(share @ sign / share.sum())
    centred = features - mean
    if len(centred) < centred.shape[1]:
        dual = np.linalg.solve(centred @ centred.T + np.diag(STRENGTH / share), sign - middle)
        weights = centred.T @ dual
    else:
        normal = (centred * share[:, None]).T @ centred + STRENGTH * np.eye(centred.shape[1])
        weights = np.linalg.solve(normal, centred.T @ (share * (sign - middle)))
    return weights, middle - float(mean @ weights)


def _curve(scores: Vector, truth: npt.NDArray[Any]) -> tuple[float, float]:
    """Slope and offset of a logistic curve over scores (Platt 1999), with his targets short of 0 and 1."""
    have, rest = int(truth.sum()), int((~truth).sum())
    goal = np.where(truth, (have + 1) / (have + 2), 1 / (rest + 2))
    slope, offset = 4.0, 0.0
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(slope * scores + offset, -50, 50)))
        curve = np.maximum(chance * (1 - chance), 1e-9)
        step = np.linalg.solve(
            [[(curve * scores**2).sum() + 1e-3, (curve * scores).sum()], [(curve * scores).sum(), curve.sum() + 1e-3]],
            [((goal - chance) * scores).sum(), (goal - chance).sum()],
        )
        slope, offset = slope + float(step[0]), offset + float(step[1])
        if abs(step).max() < 1e-9:
            break
    return slope, offset
