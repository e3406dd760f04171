"""How well predicted labels agree with reference labels: precision, recall and F1, per label and over all."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pandas as pd

from mids.analysis.cells import read_labels
from mids.analysis.counting import LABELS, words
from mids.analysis.tree import read_tree
from mids.dataset import Dataset
from mids.dataset.tables import add_missing_columns
from mids.errors import MidsError

KEYS = ("participant_id", "session_id", "report_id", "filename", "reader")
"""What tells rows of the label table apart."""

LabelTable: TypeAlias = "pd.DataFrame | Dataset | str | Path"

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """Agreement over the rows of a reference.

    `labels` has a row for each label of either table, the most frequent of the reference first: `support` (rows of
    the reference with it), `predicted`, `correct`, `precision`, `recall`, `f1`; NaN where a share is one of nothing.
    `precision`, `recall` and `micro_f1` are over all labels together; `weighted_f1` is the mean of the labels' F1 by
    their support (both as in BIMCV-COVID19+, "Technical Validation"); `accuracy` is the share of `rows` whose labels
    are all right and complete. `missing` counts rows of the reference that were not predicted: all of their labels
    count as missed; `surplus` those predicted without a reference, which do not count.
    """

    labels: pd.DataFrame
    precision: float
    recall: float
    micro_f1: float
    weighted_f1: float
    accuracy: float
    rows: int
    missing: int
    surplus: int


def evaluate(
    predicted: LabelTable, reference: LabelTable, *, column: str = "labels", close_up: str | Path | None = None
) -> Evaluation:
    """Compares two label tables, each a frame, a dataset that has one, or the path of a TSV, CSV or XLSX file.

    Rows belong together by those of `KEYS` that both tables know; several of one key count as one. `column` is
    `labels` or `localizations`. `close_up` names a label_tree.tsv: the terms above the labels of both tables are then
    compared too. Raises `MidsError` where the tables share no key, lack the column or can't be read, `DataError`
    (TABLE_INVALID) where a cell of a frame or a dataset is no JSON list.
    """
    said, right, _ = pair_label_sets(predicted, reference, column=column)
    if close_up is not None:
        tree = read_tree(Path(close_up))
        said, right = ({key: set(tree.close(own)) for key, own in sets.items()} for sets in (said, right))
    return _compare_label_sets(said, right)


def pair_label_sets(
    predicted: LabelTable, reference: LabelTable, *, column: str = "labels"
) -> tuple[dict[Key, set[str]], dict[Key, set[str]], list[str]]:
    """The labels of each row of two label tables, by the keys that both know, and the names of these keys.

    Raises what `evaluate` raises.
    """
    tables = (read_label_table(predicted, column), read_label_table(reference, column))
    for table in tables:
        if column not in table.columns:
            raise MidsError(f"a table of labels lacks the column {column}: it has {', '.join(table.columns)}")
    if tables[1].empty:
        raise MidsError("the reference has no rows: give a table of labels with at least one")
    keys = [key for key in KEYS if all(key in table and table[key].notna().any() for table in tables)]
    if not keys:
        raise MidsError(f"the two tables share none of the columns {', '.join(KEYS)}: add one to both")
    said, right = (_sets(table, keys, column) for table in tables)
    return said, right, keys


def read_label_table(table: LabelTable, column: str) -> pd.DataFrame:
    """A label table from a frame, a dataset, or a path with this column; raises `MidsError` (see `read_labels`)."""
    if isinstance(table, pd.DataFrame):
        return table
    if isinstance(table, Dataset):
        return table.table(LABELS)
    return read_labels(Path(table), column)


def _sets(table: pd.DataFrame, keys: list[str], column: str) -> dict[Key, set[str]]:
    """The labels of each key."""
    found: dict[Key, set[str]] = {}
    known = add_missing_columns(table, *keys)[[*keys, column]].fillna("")
    for *key, cell in known.itertuples(index=False, name=None):
        found.setdefault(tuple(map(str, key)), set()).update(words(str(cell)) if cell else ())
    return found


def _compare_label_sets(said: Mapping[Key, set[str]], right: Mapping[Key, set[str]]) -> Evaluation:
    pairs = [(said.get(key, set()), labels) for key, labels in right.items()]
    names = sorted({label for pair in pairs for labels in pair for label in labels})
    counts = {
        label: (
            sum(label in truth for _, truth in pairs),
            sum(label in found for found, _ in pairs),
            sum(label in found and label in truth for found, truth in pairs),
        )
        for label in names
    }
    table = pd.DataFrame.from_dict(counts, orient="index", columns=["support", "predicted", "correct"])
    table = table.rename_axis(index="label").sort_values("support", ascending=False, kind="stable")
    table["precision"] = _share(table["correct"], table["predicted"])
    table["recall"] = _share(table["correct"], table["support"])
    table["f1"] = _share(2 * table["correct"], table["support"] + table["predicted"])
    support, predicted, correct = (int(table[name].sum()) for name in ("support", "predicted", "correct"))
    return Evaluation(
        labels=table,
        precision=correct / predicted if predicted else 0.0,
        recall=correct / support if support else 0.0,
        micro_f1=2 * correct / (support + predicted) if support + predicted else 0.0,
        weighted_f1=float((table["f1"].fillna(0) * table["support"]).sum() / support) if support else 0.0,
        accuracy=sum(found == truth for found, truth in pairs) / len(pairs),
        rows=len(right),
        missing=len(right.keys() - said.keys()),
        surplus=len(said.keys() - right.keys()),
    )


def _share(part: "pd.Series[int]", whole: "pd.Series[int]") -> "pd.Series[float]":
    return part / whole.where(whole > 0)


def format_evaluation(found: Evaluation, *, at_least: int = 1) -> str:
    """The evaluation for reading: sums, then the labels with `at_least` so many rows in the reference."""
    lines = [
        f"{found.rows} rows: precision {found.precision:.3f}, recall {found.recall:.3f}, "
        f"micro F1 {found.micro_f1:.3f}, weighted F1 {found.weighted_f1:.3f}, all labels right in {found.accuracy:.3f}"
    ]
    if found.missing or found.surplus:
        lines.append(f"{found.missing} rows without a prediction, {found.surplus} predictions without a reference")
    shown = found.labels[found.labels["support"] >= at_least]
    for label, row in shown.iterrows():
        scores = (
            f"{name} {'n/a' if pd.isna(row[name]) else f'{row[name]:.3f}'}" for name in ("precision", "recall", "f1")
        )
        lines.append(f"  {label} ({row['support']:g}): {', '.join(scores)}")
    return "\n".join(lines) + "\n"
