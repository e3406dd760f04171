"""How sure an evaluation of labels is, and how far annotators agree: bootstrap intervals, kappa, what they dispute."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from mids.analysis.counting import words
from mids.analysis.evaluation import KEYS, Key, LabelTable, pair_label_sets, read_label_table
from mids.dataset.tables import add_missing_columns
from mids.errors import MidsError

DRAWS = 1000
LEVEL = 0.95

Counts = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """Agreement of annotators over the rows that at least two of them have read.

    `labels` has a row for each label: `rows` with it by any reader, and Cohen's `kappa`, the mean over pairs of
    readers (NaN where no pair can differ from chance). `kappa` is the mean of these, weighed by `rows`. `disputes` has
    a row for each label that readers of one thing do not agree on: its keys, `label`, `given_by` and `not_by`.
    """

    labels: pd.DataFrame
    kappa: float
    readers: tuple[str, ...]
    disputes: pd.DataFrame


def bootstrap_intervals(
    predicted: LabelTable, reference: LabelTable, *, column: str = "labels", draws: int = DRAWS, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """The middle 95 % of precision, recall, micro_f1, weighted_f1 and accuracy over `draws` samples with replacement.

    Participants are drawn, with all of their rows, where the tables know them; else rows. The same seed gives the same
    intervals. Raises what `mids.evaluate` raises.
    """
    said, right, keys = pair_label_sets(predicted, reference, column=column)
    names = sorted({label for found in (*said.values(), *right.values()) for label in found})
    people = {key: key[keys.index("participant_id")] if "participant_id" in keys else str(key) for key in right}
    groups = {person: at for at, person in enumerate(dict.fromkeys(people.values()))}
    sums = np.zeros((len(groups), 3, len(names)))
    whole = np.zeros((len(groups), 2))
    for key, truth in right.items():
        found, at = said.get(key, set()), groups[people[key]]
        sums[at] += [
            [name in truth for name in names], [name in found for name in names],
            [name in found and name in truth for name in names],
        ]  # fmt: skip
        whole[at] += [found == truth, 1]
    draw = np.random.default_rng(seed)
    times = draw.multinomial(len(groups), np.full(len(groups), 1 / len(groups)), size=draws).astype(float)
    scores = _scores(np.tensordot(times, sums, 1), times @ whole)
    tail = (1 - LEVEL) / 2
    limits = {name: np.quantile(values, [tail, 1 - tail]) for name, values in scores.items()}
    return {name: (float(low), float(high)) for name, (low, high) in limits.items()}


def _scores(sums: Counts, whole: Counts) -> dict[str, Counts]:
    """Each score of each draw; `sums` are (draws, support and predicted and correct, labels)."""
    support, predicted, correct = (sums[:, at] for at in range(3))
    f1 = 2 * correct / np.maximum(support + predicted, 1)
    every = [part.sum(axis=1) for part in (support, predicted, correct)]
    return {
        "precision": every[2] / np.maximum(every[1], 1),
        "recall": every[2] / np.maximum(every[0], 1),
        "micro_f1": 2 * every[2] / np.maximum(every[0] + every[1], 1),
        "weighted_f1": (f1 * support).sum(axis=1) / np.maximum(every[0], 1),
        "accuracy": whole[:, 0] / whole[:, 1],
    }


def measure_agreement(table: LabelTable, *, column: str = "labels") -> Agreement:
    """How far the readers of a label table with a column `reader` agree.

    Raises `MidsError` where fewer than two readers have read one thing.
    """
    frame = read_label_table(table, column)
    keys = [key for key in KEYS if key != "reader" and key in frame]
    if "reader" not in frame or not keys or column not in frame:
        raise MidsError(f"agreement needs the columns reader and {column}, and one of {', '.join(KEYS[:-1])}")
    given: dict[Key, dict[str, set[str]]] = {}
    known = add_missing_columns(frame, *keys)[[*keys, "reader", column]].fillna("")
    for *key, reader, cell in known.itertuples(index=False, name=None):
        own = given.setdefault(tuple(map(str, key)), {}).setdefault(str(reader), set())
        own.update(words(str(cell)) if cell else ())
    shared = {key: readers for key, readers in given.items() if len(readers) > 1}
    if not shared:
        raise MidsError("no row was read by two readers: give each reader a row of their own")
    names = sorted({label for readers in shared.values() for found in readers.values() for label in found})
    rows = {
        name: sum(any(name in found for found in readers.values()) for readers in shared.values()) for name in names
    }
    labels = pd.DataFrame({"rows": rows, "kappa": {name: _kappa(shared, name) for name in names}}, dtype=float)
    labels = labels.rename_axis(index="label").sort_values("rows", ascending=False, kind="stable")
    sure = labels.dropna()
    kappa = float((sure["kappa"] * sure["rows"]).sum() / sure["rows"].sum()) if len(sure) else float("nan")
    readers = tuple(sorted({reader for found in shared.values() for reader in found}))
    return Agreement(labels, kappa, readers, _disputes(shared, keys, names))


def _kappa(shared: Mapping[Key, Mapping[str, set[str]]], name: str) -> float:
    """Cohen's kappa of one label (Cohen 1960), the mean over pairs of readers."""
    pairs: dict[tuple[str, str], list[tuple[bool, bool]]] = {}
    for readers in shared.values():
        for one, other in combinations(sorted(readers), 2):
            pairs.setdefault((one, other), []).append((name in readers[one], name in readers[other]))
    found = []
    for votes in pairs.values():
        table = np.array(votes, float)
        same = float((table[:, 0] == table[:, 1]).mean())
        first, second = table.mean(axis=0)
        chance = float(first * second + (1 - first) * (1 - second))
        if chance < 1:
            found.append((same - chance) / (1 - chance))
    return float(np.mean(found)) if found else float("nan")


def _disputes(shared: Mapping[Key, Mapping[str, set[str]]], keys: list[str], names: list[str]) -> pd.DataFrame:
    rows = []
    for key, readers in shared.items():
        for name in names:
            yes = sorted(reader for reader, found in readers.items() if name in found)
            if yes and len(yes) < len(readers):
                no = sorted(set(readers) - set(yes))
                rows.append([*key, name, ", ".join(yes), ", ".join(no)])
    return pd.DataFrame(rows, columns=[*keys, "label", "given_by", "not_by"], dtype="string")


def format_agreement(found: Agreement) -> str:
    """The agreement for reading: kappa over all, then of each label."""
    lines = [f"{len(found.readers)} readers: kappa {found.kappa:.3f}, {len(found.disputes)} labels disputed"]
    lines += [f"  {name} ({row['rows']:g}): kappa {row['kappa']:.3f}" for name, row in found.labels.iterrows()]
    return "\n".join(lines) + "\n"
