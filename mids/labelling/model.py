"""Labels by a trained model and the rules together: a file that `mids train labels` wrote, applied with NumPy alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mids.errors import MidsError
from mids.labelling.features import SIZE, Feature, report_features, row_values
from mids.labelling.lexicon import Lexicon, described_lexicon
from mids.labelling.rules import ALONE, BESIDE, STATUSES, Reading, drop_normal, read_report
from mids.labelling.sentence import Sentence, Why
from mids.learned.file import read_model
from mids.records import Json

KIND = "labels"


@dataclass(frozen=True, slots=True, eq=False)
class LabelModel:
    """A trained model: `weights` (labels, features) and `bias` (labels) of a logistic function, and the probability
    from which a label is given (`thresholds`).

    `refused` are labels of the rules that its table speaks against; all other labels that it does not know are those
    of the rules. `digest` is the SHA-256 of its file.
    """

    labels: tuple[str, ...]
    weights: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]
    thresholds: npt.NDArray[np.float32]
    refused: frozenset[str]
    words: Lexicon
    head: Mapping[str, Json]
    digest: str

    def label(self, texts: Iterable[str]) -> list[tuple[Sentence, ...]]:
        """What each report says, by its sentences (as `mids.labellers` must)."""
        return [self._label_report(read_report(text, self.words)) for text in texts]

    def _label_report(self, readings: Sequence[Reading]) -> tuple[Sentence, ...]:
        if not readings:
            return ()
        features = report_features(readings)
        values = row_values(features)
        numbers = np.fromiter(values, int)
        scores = self.weights[:, numbers] @ np.fromiter(values.values(), np.float32) + self.bias
        chances = 1 / (1 + np.exp(-np.clip(scores, -30, 30)))
        given = {self.labels[at]: at for at in map(int, np.flatnonzero(chances >= self.thresholds))}
        said: list[list[Why]] = [[] for _ in readings]
        for name, at in given.items():
            place, why = self._explain(name, at, float(chances[at]), readings, features)
            said[place].append(why)
        for place, one in enumerate(_rules(readings)):
            said[place] += [why for why in one if why.label not in self.labels and why.label not in self.refused]
        is_finding = any(why.label not in ALONE | BESIDE for own in said for why in own)
        return tuple(
            Sentence(tuple(dict.fromkeys(why.label for why in own)), reading.places, tuple(own))
            for reading, own in zip(readings, (_kept(own, is_finding=is_finding) for own in said), strict=True) if own
        )  # fmt: skip

    def _explain(
        self, name: str, at: int, chance: float, readings: Sequence[Reading], features: Sequence[Feature]
    ) -> tuple[int, Why]:
        """Where a label stands, by the rules or by the word that weighs most for it, and the reason."""
        ruled = [(place, one) for place, each in enumerate(readings) for one in each.verdicts if one.label == name]
        if ruled:  # where the rules find it, else where they deny what the model gives
            place, one = min(ruled, key=lambda each: STATUSES.index(each[1].status))
            span = readings[place].part.span(one.start, one.end)
            is_there = one.status in ("found", "doubted")
            return place, Why(name, *span, f"model {chance:.2f}, {one.said}", one.places if is_there else ())
        here = [one for one in features if one.end]
        if not here:
            return 0, Why(name, 0, 0, f"model {chance:.2f}")
        best = max(here, key=lambda one: float(self.weights[at, one.number]) * one.value)
        weight = float(self.weights[at, best.number])
        span = readings[best.sentence].part.span(best.start, best.end)
        return best.sentence, Why(name, *span, f"model {chance:.2f}, weight {weight:.2f}")


def _rules(readings: Sequence[Reading]) -> list[tuple[Why, ...]]:
    """The reasons of the rules for each sentence, without those for `normal` beside findings."""
    sentences = [reading.sentence for reading in readings]
    kept = {name for one in drop_normal(sentences) for name in one.labels}
    return [tuple(why for why in one.why if why.label in kept) for one in sentences]


def _kept(own: Sequence[Why], *, is_finding: bool) -> list[Why]:
    return [why for why in own if not (is_finding and why.label in ALONE)]


def read_label_model(path: Path) -> LabelModel:
    """A model that `train_labels` wrote; raises `MidsError` where it is no such file."""
    found = read_model(path, KIND)
    try:
        head: Any = found.head
        labels = tuple(map(str, head["labels"]))
        weights, bias, thresholds = (
            np.asarray(found.arrays[name], np.float32) for name in ("weights", "bias", "thresholds")
        )
        if weights.shape != (len(labels), SIZE) or not bias.shape == thresholds.shape == (len(labels),):
            raise ValueError
        refused, words = frozenset(map(str, head["refused"])), described_lexicon(head)
    except (KeyError, TypeError, ValueError) as error:
        raise MidsError(f"{path} lacks a part of a model of labels: train it again with mids train labels") from error
    return LabelModel(labels, weights, bias, thresholds, refused, words, head, found.digest)
