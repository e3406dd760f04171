"""Labels of images and reports: one row a label, and what the label tree has below one."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import pandas as pd

from mids.dataset.disk.door import Door
from mids.dataset.tables import add_id_prefixes, frame
from mids.errors import DataError, UnknownValueError

LABELS = "derivatives/labels/labels.tsv"
TREE = "derivatives/labels/label_tree.tsv"
COLUMNS = ("participant_id", "session_id", "filename", "report_id", "reader", "source", "label", "cui")


@dataclass(frozen=True, slots=True)
class Concept:
    """A label and all labels below it in the tree, as `plain` words and as UMLS CUIs; `strange` are CUIs elsewhere.

    A label with a CUI goes by that, because a word may stand at several places of a tree and mean several things.
    """

    words: frozenset[str]
    cuis: frozenset[str]
    strange: frozenset[str]

    def meets(self, word: str, cui: str) -> bool:
        """Whether a label is one of these."""
        return cui in self.cuis or (cui not in self.strange and normalise_label(word) in self.words)


def expand_labels(door: Door, rows: Iterable[Mapping[str, str]]) -> pd.DataFrame:
    """The rows of labels.tsv with one row for each label of a list; a cell that is not a JSON list is left out."""
    found = []
    for row in map(add_id_prefixes, rows):
        labels, cuis = (_parse_label_list(door, row.get(name, "")) for name in ("labels", "label_cuis"))
        if len(cuis) != len(labels):
            cuis = [""] * len(labels)
        kept = {name: row.get(name, "") for name in COLUMNS[:-2]}
        found += [{**kept, "label": label, "cui": cui} for label, cui in zip(labels, cuis, strict=True) if label]
    return frame(found, COLUMNS)


def _parse_label_list(door: Door, cell: str) -> list[str]:
    """The texts of a JSON list."""
    if not cell:
        return []
    try:
        items = json.loads(cell)
    except (ValueError, RecursionError):
        items = None
    if not isinstance(items, list):
        door.keep(DataError("TABLE_INVALID", "a cell of labels is not a JSON list and is left out"), LABELS)
        return []
    return [item.strip() if isinstance(item, str) else "" for item in items]


def normalise_label(label: str) -> str:
    """A label without what spellings differ in: case, hyphens, underscores, blanks."""
    return " ".join(label.casefold().replace("-", " ").replace("_", " ").split())


# --- the tree --------------------------------------------------------------------------------------------


def concept(label: str, tree: Sequence[Mapping[str, str]], known: Collection[tuple[str, str]]) -> Concept:
    """A label, by its word or its CUI, with its descendants in the rows of label_tree.tsv.

    `known` are the labels, with their CUIs, that the dataset has; one that is in neither raises `UnknownValueError`.
    """
    named = [
        row
        for row in tree
        if label.strip()
        and (label == row.get("cui") or normalise_label(label) == normalise_label(row.get("label", "")))
    ]
    own = {
        (word, cui)
        for word, cui in known
        if label.strip() and (label == cui or normalise_label(label) == normalise_label(word))
    }
    if not named and not own:
        words = sorted({row.get("label", "") for row in tree} | {word for word, _ in known})
        near = get_close_matches(label, words, 3) or words[:3]
        hint = f"did you mean {', '.join(near)}?" if near else "the dataset has no labels"
        raise UnknownValueError(f"unknown label {label or '(empty)'}: {hint}")
    inside = list(_find_descendants(named, tree))
    cuis = {row.get("cui", "") for row in inside} | {cui for _, cui in own if not named}
    return Concept(
        frozenset({normalise_label(row["label"]) for row in inside} | {normalise_label(word) for word, _ in own}),
        frozenset(cuis - {""}),
        frozenset({row.get("cui", "") for row in tree} - cuis - {""}),
    )


def _find_descendants(
    top: Sequence[Mapping[str, str]], tree: Sequence[Mapping[str, str]]
) -> Iterator[Mapping[str, str]]:
    """The rows of `top` and all below them: by the numbers of nodes where there are some, else by words."""
    is_numbered = all(row.get("node") for row in tree)
    key, above = (("node",), ("parent_node",)) if is_numbered else (("tree", "label"), ("tree", "parent"))
    children: dict[tuple[str, ...], list[Mapping[str, str]]] = {}
    for row in tree:
        children.setdefault(tuple(row.get(name, "") for name in above), []).append(row)
    seen: set[tuple[str, ...]] = set()
    stack = list(top)
    while stack:
        row = stack.pop()
        place = tuple(row.get(name, "") for name in key)
        if place not in seen:
            seen.add(place)
            yield row
            stack += children.get(place, ())


# --- images ----------------------------------------------------------------------------------------------


def find_labelled_images(images: pd.DataFrame, labels: pd.DataFrame) -> "pd.Series[Any]":
    """Whether each image has one of the labels: its own, or those of its session, or subject, that name no image."""
    files, visits, people = set(), set(), set()
    keys = labels[["filename", "participant_id", "session_id"]].fillna("")
    for name, subject, visit in keys.itertuples(index=False):
        if name:
            files.add(name)
        elif visit:
            visits.add((subject, visit))
        else:
            people.add(subject)
    rows = images[["filename", "participant_id", "session_id"]].fillna("").itertuples(index=False)
    met = [name in files or (subject, visit) in visits or subject in people for name, subject, visit in rows]
    return pd.Series(met, index=images.index, dtype=bool)
