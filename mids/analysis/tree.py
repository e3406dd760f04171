"""A label tree (`derivatives/labels/label_tree.tsv` of a dataset): which terms are above a label.

The tree of BIMCV-COVID19+ can't ship with this program (docs/collections/bimcv-covid19.md), so a user names a file.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mids.readers.tables.workbook import read_given

NONE = ("", "n/a")


@dataclass(frozen=True, slots=True)
class LabelTree:
    """The terms right above each label; a label may stand at several nodes."""

    parents: Mapping[str, tuple[str, ...]]

    def above(self, label: str) -> tuple[str, ...]:
        """All terms above a label, the nearest first; none for a label that is not in the tree."""
        found: dict[str, None] = {}
        waiting = [label]
        while waiting:
            for name in self.parents.get(waiting.pop(0), ()):
                if name not in found and name != label:
                    found[name] = None
                    waiting.append(name)
        return tuple(found)

    def close(self, labels: Iterable[str]) -> tuple[str, ...]:
        """The labels, and after them the terms above them."""
        given = tuple(dict.fromkeys(labels))
        return tuple(dict.fromkeys((*given, *(name for label in given for name in self.above(label)))))


def read_tree(path: Path) -> LabelTree:
    """The tree of a table (TSV, CSV) with the columns `label` and `parent`.

    A root whose `count` is 0 only holds others together ("radiological finding"): it is above none. Raises `MidsError`
    where the file or a column is missing.
    """
    advice = "give the label_tree.tsv of a dataset"
    table = read_given(path, ("label", "parent"), absent=advice, lacking=advice)
    holders = {row["label"] for row in table.rows if row["parent"] in NONE and row.get("count") == "0"}
    parents: dict[str, dict[str, None]] = {}
    for row in table.rows:
        if row["parent"] not in NONE and row["parent"] not in holders:
            parents.setdefault(row["label"], {})[row["parent"]] = None
    return LabelTree({label: tuple(names) for label, names in parents.items()})
