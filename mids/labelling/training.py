"""Training of a model of labels from a table of reports with their labels: what ``mids train labels`` does."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mids.errors import MidsError
from mids.labelling.features import SIZE, report_features, row_values
from mids.labelling.lexicon import Lexicon, describe_lexicon, lexicon
from mids.labelling.model import KIND
from mids.labelling.rules import drop_normal, read_report
from mids.learned.file import Arrays, write_model
from mids.records import Json

FOLDS = 5
"""Of five parts of the participants one is held out for the figures, and one decides the thresholds."""
LEAST = 5
"""Reports with a label from which it is learned."""
SEEN = 2
"""Participants of a feature, at least: what is said of one alone is not learned."""
LIMITS = (
    "Knows the labels of its table as its readers give them, in reports that are written like those. Labels that fewer "
    "than 5 reports of the table have are those of the rules. Localizations are those of the rules. A model holds "
    "numbers made from words of the reports: treat it as the reports until a privacy officer has looked at it."
)

Progress = Callable[[int, int], None]
Matrix = Any
Truth = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Example:
    """A report with the labels that a person gave it."""

    participant: str
    text: str
    labels: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class _Lines:
    """A line a label: probabilities are the logistic function of rows @ weights.T + bias."""

    weights: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]

    def chances(self, rows: Matrix) -> npt.NDArray[np.float64]:
        scores = np.asarray(rows @ self.weights.T) + self.bias
        return np.asarray(1 / (1 + np.exp(-np.clip(scores, -30, 30))))


def train_labels(
    examples: Sequence[Example], output: Path, *, language: str = "es", data: str = "", licence: str = "",
    progress: Progress = lambda done, total: None,
) -> dict[str, Json]:  # fmt: skip
    """Trains a model and writes it to the new file `output`; gives back what its head says.

    Figures are those of participants that the model did not see (one of five), and thresholds those of another fifth.
    Raises `MidsError` where scikit-learn is missing, or there are too few participants or labels.
    """
    words = lexicon(language)
    if find_spec("sklearn") is None:
        raise MidsError("training needs scikit-learn: pip install 'mids[train]'")
    people = sorted({one.participant for one in examples})
    if len(people) < 2 * FOLDS:
        raise MidsError(f"labels are learned from {2 * FOLDS} or more participants, and here are {len(people)}")
    fold = _folds(examples)
    counts = Counter(label for one, at in zip(examples, fold, strict=True) if at for label in one.labels)
    labels = tuple(sorted(name for name, count in counts.items() if count >= LEAST))
    if len({one.labels for one in examples}) < 2:
        raise MidsError("every report has the same labels: give reports with others too")
    if not labels:
        raise MidsError(f"no label is that of {LEAST} reports: give more rows, or look at the column of labels")
    total = len(examples) + 3 * len(labels)
    rows, plain, said = _rows(examples, words, lambda done: progress(done, total))
    truth = np.array([[name in one.labels for name in labels] for one in examples])
    step = iter(range(len(examples) + 1, total + 1))
    fitting = lambda: progress(next(step), total)  # noqa: E731 -- a counter
    train, choose, held = fold > 1, fold == 1, fold == 0
    first = _fit(rows[train], truth[train], fitting)
    thresholds = _thresholds(first.chances(rows[choose]), truth[choose])
    lines = _fit(rows[~held], truth[~held], fitting)
    alone = _fit(plain[~held], truth[~held], fitting)
    refused = _refused(said, examples, fold, labels)
    metrics = _measure(examples, said, held, labels, refused, {
        "hybrid": lines.chances(rows[held]) >= thresholds, "model": alone.chances(plain[held]) >= 0.5,
    })  # fmt: skip
    head: dict[str, Json] = {
        "labels": list[Json](labels), "refused": list[Json](sorted(refused)), **describe_lexicon(language),
        "data": data, "licence": licence,
        "reports": len(examples), "participants": len(people), "limits": LIMITS, "metrics": metrics,
    }  # fmt: skip
    arrays: Arrays = {"weights": lines.weights.astype(np.float16), "bias": lines.bias, "thresholds": thresholds}
    head["digest"] = write_model(output, KIND, head, arrays)
    return head


def _folds(examples: Sequence[Example]) -> npt.NDArray[np.int64]:
    """The fold of each report: all of a participant have one, whatever the order of the table."""
    people = sorted({one.participant for one in examples}, key=lambda name: hashlib.sha256(name.encode()).digest())
    place = {name: number % FOLDS for number, name in enumerate(people)}
    return np.array([place[one.participant] for one in examples])


def _rows(
    examples: Sequence[Example], words: Lexicon, progress: Callable[[int], None]
) -> tuple[Matrix, Matrix, list[frozenset[str]]]:
    """Features with and without those of the rules, (reports, SIZE) each, and what the rules say of each report."""
    rows, plain, said = [], [], []
    for number, one in enumerate(examples, start=1):
        readings = read_report(one.text, words)
        sentences = drop_normal([reading.sentence for reading in readings])
        said.append(frozenset(name for sentence in sentences for name in sentence.labels))
        rows.append(row_values(report_features(readings)))
        plain.append(row_values(report_features(readings, rules=False)))
        progress(number)
    people = [one.participant for one in examples]
    return _sparse(rows, people), _sparse(plain, people), said


def _sparse(rows: Sequence[Mapping[int, float]], people: Sequence[str]) -> Matrix:
    from scipy.sparse import csr_matrix  # heavy, and only training needs it

    seen: dict[int, set[str]] = {}
    for row, person in zip(rows, people, strict=True):
        for number in row:
            holders = seen.setdefault(number, set())
            if len(holders) < SEEN:
                holders.add(person)
    kept = [{n: value for n, value in row.items() if len(seen[n]) >= SEEN} for row in rows]
    starts = np.cumsum([0, *map(len, kept)])
    numbers = np.fromiter((number for row in kept for number in row), np.int32)
    values = np.fromiter((value for row in kept for value in row.values()), np.float64)
    return csr_matrix((values, numbers, starts), shape=(len(rows), SIZE))


def _fit(rows: Matrix, truth: Truth, progress: Callable[[], None]) -> _Lines:
    """A logistic regression for each label."""
    from sklearn.linear_model import LogisticRegression  # heavy, and only training needs it

    weights = np.zeros((truth.shape[1], SIZE), np.float32)
    bias = np.full(truth.shape[1], -30.0, np.float32)
    used = np.unique(rows.indices)
    small = rows[:, used]
    for at in range(truth.shape[1]):
        progress()
        if truth[:, at].all() or not truth[:, at].any():
            bias[at] = 30.0 if truth[:, at].any() else -30.0
            continue
        line = LogisticRegression(C=1.0, solver="liblinear", dual=True, tol=0.02, max_iter=2000, random_state=0)
        line.fit(small, truth[:, at])
        weights[at, used], bias[at] = line.coef_[0], line.intercept_[0]
    return _Lines(weights, bias)


def _thresholds(chances: npt.NDArray[np.float64], truth: Truth) -> npt.NDArray[np.float32]:
    """The probability from which each label is given: that with the best F1, 0.5 where few reports could say it."""
    grid = np.arange(0.2, 0.81, 0.05)
    found = np.full(truth.shape[1], 0.5, np.float32)
    for at in range(truth.shape[1]):
        right = truth[:, at]
        if right.sum() < LEAST:
            continue
        scores = [2 * (chances[right, at] >= t).sum() / ((chances[:, at] >= t).sum() + right.sum()) for t in grid]
        best = np.flatnonzero(np.isclose(scores, max(scores)))
        found[at] = grid[best[np.abs(grid[best] - 0.5).argmin()]]
    return found


def _refused(
    said: Sequence[frozenset[str]], examples: Sequence[Example], fold: npt.NDArray[np.int64], labels: Sequence[str]
) -> frozenset[str]:
    """Labels that the rules give to `LEAST` or more reports, and that are right for fewer than a third of them."""
    given = Counter(name for found, at in zip(said, fold, strict=True) if at for name in found)
    right = Counter(
        name for found, one, at in zip(said, examples, fold, strict=True) if at for name in found & one.labels
    )
    known = set(labels)
    return frozenset(n for n, count in given.items() if n not in known and count >= LEAST and 3 * right[n] < count)


def _measure(
    examples: Sequence[Example], said: Sequence[frozenset[str]], held: Truth, labels: Sequence[str],
    refused: frozenset[str], chosen: Mapping[str, Truth],
) -> Json:  # fmt: skip
    """Precision, recall and micro F1 of the rules, of the model alone, and of both together, held-out reports."""
    right = [one.labels for one, is_held in zip(examples, held, strict=True) if is_held]
    rules = [found for found, is_held in zip(said, held, strict=True) if is_held]
    known = set(labels)
    names = {
        kind: [{labels[int(at)] for at in np.flatnonzero(row)} for row in rows] for kind, rows in chosen.items()
    }  # fmt: skip
    names["hybrid"] = [own | (by_rule - known - refused) for own, by_rule in zip(names["hybrid"], rules, strict=True)]
    found: dict[str, Json] = {"reports": len(right), "by_label": _by_label(names["hybrid"], right)}
    every: dict[str, Sequence[set[str] | frozenset[str]]] = {"rules": rules, **names}
    for kind, given in every.items():
        correct, count, support = _sums(given, right)
        found[kind] = {
            "precision": round(correct / max(count, 1), 4), "recall": round(correct / max(support, 1), 4),
            "micro_f1": round(2 * correct / max(count + support, 1), 4),
        }  # fmt: skip
    return found


def _sums(given: Sequence[set[str] | frozenset[str]], right: Sequence[frozenset[str]]) -> tuple[int, int, int]:
    correct = sum(len(own & truth) for own, truth in zip(given, right, strict=True))
    return correct, sum(map(len, given)), sum(map(len, right))


def _by_label(given: Sequence[set[str]], right: Sequence[frozenset[str]]) -> Json:
    """F1 of each label with its number of reports."""
    found: dict[str, Json] = {}
    for name in sorted({label for truth in right for label in truth}):
        own, truth = [name in labels for labels in given], [name in labels for labels in right]
        both = sum(a and b for a, b in zip(own, truth, strict=True))
        found[name] = {"reports": sum(truth), "f1": round(2 * both / (sum(own) + sum(truth)), 4)}
    return found
