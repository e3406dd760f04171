"""How probable it is that what a dataset says of an image is wrong: its view, its side, and the labels of its reports.

The most probable of all is the number of an image, so that a person looks there first.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from mids.analysis.counting import LABELS
from mids.dataset import Dataset
from mids.dataset.disk.progress import watched
from mids.dataset.tables import add_missing_columns, read_field
from mids.errors import DataError, MidsError
from mids.learned.shipped import judge
from mids.records import Map
from mids.vocabulary.schema import load

LOOKS, LABEL = 0.5, 0.25
"""Probabilities from which a reason is given: what an image looks like, and a label."""

DOUBTED, DENIED = 0.5, 0.6
"""How probable it is that a label is wrong which the report doubts, and one which the rules deny and a model gives."""

SIDES = ("ImageLaterality", "FrameLaterality", "Laterality")
"""The keys of sidecars that say a side."""

_EVIDENCE = re.compile(r"(?:\d+-\d+ )?(?:rule|model (?P<chance>[01]\.\d+))\b.*?(?:, (?P<status>doubted|denied|aside))?")


@dataclass(frozen=True, slots=True)
class Doubt:
    """How probable it is (0 to 1) that something said of an image is wrong, and what; "" where that is too little."""

    chance: float
    reason: str = ""


def find_doubts(path: Path, mapped: Map) -> dict[str, Doubt]:
    """The doubt about each image of the dataset at `path`, by its `filename`.

    Looked at are PNG radiographs of the chest, the sides that name, table and sidecar say, and the column
    `label_evidence` of labels.tsv; there is none where there is nothing to judge by. A broken table or sidecar says
    nothing: the validation tells of it.
    """
    dataset = Dataset(path, fields=SIDES)
    images = dataset.harmonised
    words = images[["filename", "suffix", "bp", "vp"]].fillna("").astype(str)
    looked = mapped(partial(_judge, dataset.path), words.itertuples(index=False, name=None))
    known = _read_labels(dataset)
    found = {}
    rows = images.astype(object).where(images.notna(), None).to_dict("records")
    sides = zip(images["lat"], images["laterality"], *(read_field(images, key) for key in SIDES), strict=True)
    for row, look, said in zip(rows, watched(looked, "images looked at", len(rows)), sides, strict=True):
        name = str(row["filename"])
        places = (name, (row["participant_id"], row["session_id"]), (row["participant_id"], None))
        parts = [*_judge_sides(said), *(part for place in places for part in known.get(place, ()))]
        if parts := [*([look] if look else []), *parts]:
            why = dict.fromkeys(each.reason for each in sorted(parts, key=lambda each: -each.chance) if each.reason)
            found[name] = Doubt(max(each.chance for each in parts), "; ".join(why))
    return found


def _judge(root: Path, given: tuple[str, ...]) -> Doubt | None:
    name, suffix, body_part, view = given
    found = judge(root / name, suffix, body_part, view)
    if found is None:
        return None
    chance, words = found
    return Doubt(chance, f"{words} (probability {chance:.2f})" if chance >= LOOKS else "")


def _judge_sides(said: Iterable[Any]) -> Iterator[Doubt]:
    """A doubt where the name, the table and the `SIDES` of the sidecar of an image say different sides."""
    find = load().code_lists["laterality"].find
    given = zip(("name", "table", *SIDES), said, strict=True)
    sides = {place: code for place, text in given if not pd.isna(text) and (code := find(str(text)))}
    if len(set(sides.values())) > 1:
        yield Doubt(1.0, "laterality: " + ", ".join(f"{place} {code}" for place, code in sides.items()))


# --- labels ----------------------------------------------------------------------------------------------


def _read_labels(dataset: Dataset) -> dict[Any, list[Doubt]]:
    """The doubts about the labels of each image (by its name), session (its two IDs) or subject (its ID and None)."""
    try:
        table = dataset.text.table(LABELS) if dataset.door.holds(LABELS) else pd.DataFrame()
    except (DataError, MidsError):
        return {}
    keys = ["filename", "participant_id", "session_id", "labels", "label_evidence"]
    table = add_missing_columns(table, *keys)[keys].astype(object)
    found: dict[Any, list[Doubt]] = {}
    for name, person, session, labels, evidence in table.where(table.notna(), None).itertuples(index=False):
        found.setdefault(name or (person, session), []).extend(_judge_labels(_items(labels), _items(evidence)))
    return found


def _items(cell: str | None) -> list[str]:
    """The words of a JSON list; none where it is absent or no such list."""
    try:
        items = json.loads(cell or "[]")
    except (ValueError, RecursionError):
        return []
    return list(map(str, items)) if isinstance(items, list) else []


def _judge_labels(labels: list[str], evidence: list[str]) -> Iterable[Doubt]:
    """A doubt for each label of a row; none where a person changed the labels, so that the evidence is of others."""
    if len(labels) != len(evidence):
        return
    for label, text in zip(labels, evidence, strict=True):
        if match := _EVIDENCE.fullmatch(text):
            yield _judge_label(label, match["chance"], match["status"])


def _judge_label(label: str, said: str | None, status: str | None) -> Doubt:
    """A label that a model gives so probably (None: the rules give it), and what the rules make of its words."""
    least = DOUBTED if status == "doubted" else DENIED if status else 0.0
    chance = max(least, 1 - float(said) if said else 0.0)
    words = {"doubted": "the report doubts it", "denied": "the rules find it denied", "aside": "the rules leave it out"}
    reason = ", ".join(filter(None, (f"model {said}" if said else "", words.get(status or "", ""))))
    return Doubt(chance, f"label {label}: {reason}" if chance >= LABEL else "")
