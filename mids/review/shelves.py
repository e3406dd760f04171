"""The shelf of a dataset: its items, the doubtful ones first, and on request what a search of all images finds."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd

from mids.analysis.duplicates import find_duplicates
from mids.analysis.unlikely import Doubt, find_doubts
from mids.dataset import Dataset
from mids.dataset.disk.progress import watched, watched_steps
from mids.dataset.pixels import Picture, load_pixels
from mids.deid.burned.glyphs import text_boxes
from mids.errors import DataError, MidsError
from mids.issues import Issue, Level
from mids.review.items import Item, Shelf, in_order, list_images, list_sources
from mids.review.pixels import to_eight_bits, to_frame
from mids.run.decided.choices import load_choices
from mids.run.done import read_issues
from mids.run.sources import read_sources

_PLAIN = frozenset({"image", "unsure"})
"""Kinds of items that a finding makes another kind."""

_WORD = 1.5
"""So many times as wide as high is a place with more than one letter."""

_KNOWN = frozenset({"PRIVACY_HELD_BACK"})
"""Issues that are lists of their own."""


def collect_items(dataset: Path, search: Collection[str] = ()) -> Shelf:
    """What in a dataset needs a decision; raises `MidsError` where ``mids convert`` did not make it here.

    `search` names what all images are searched for: `unlikely` looks at all radiographs of the chest,
    at sides and at labels, and sorts those of a kind by how unlikely these are; `text` searches 2D
    images for the shapes of letters; `duplicates` compares all images.
    """
    root = dataset.resolve()
    choices = load_choices(root)
    if not choices.collection or not choices.sources:
        raise MidsError(f"{dataset} was not made by mids convert here: its images can't be made again; see mids report")
    rows = list(read_sources(root))
    roots = tuple(map(Path, choices.sources))
    opened = Dataset(root)
    plain = [*list_images(opened, rows, choices), *list_sources(rows, roots, choices)]
    found = list(_doubted(plain, rows, read_issues(root)))
    if "unlikely" in search:
        doubts = find_doubts(root, map)
        found = [_judged(item, doubts.get(item.image)) for item in found]
    if "text" in search:
        found = [_lettered(root, item) for item in watched(found, "images searched for text", len(found))]
    if "duplicates" in search:
        found = list(_paired(opened, found))
    return Shelf(root, in_order(found), roots, choices, opened=opened)


def _doubted(items: Iterable[Item], rows: Iterable[dict[str, str]], issues: Iterable[Issue]) -> Iterator[Item]:
    """The items; those of which a run had something to say are doubtful, and say it."""
    places: dict[str, str] = {}
    for row in rows:
        places[row["reference"]] = row["filename"] or row["source"]
    said: dict[str, list[str]] = {}
    for each in issues:
        if each.level is not Level.INFO and each.code not in _KNOWN and each.path:
            said.setdefault(places.get(each.path, each.path), []).append(f"{each.code}: {each.message}")
    for item in items:
        found = said.get(item.image) or said.get(item.file)
        if found and item.kind in _PLAIN:
            reason = "; ".join(filter(None, (*dict.fromkeys(found), item.reason)))
            yield replace(item, kind="doubtful", reason=reason)
        else:
            yield item


def _judged(item: Item, doubt: Doubt | None) -> Item:
    """An item with how unlikely what is said of its image is, and why."""
    if doubt is None:
        return item
    reason = "; ".join(filter(None, (item.reason, doubt.reason)))
    return replace(item, unlikely=doubt.chance, reason=reason, facts={**item.facts, "unlikely": f"{doubt.chance:.2f}"})


def _lettered(root: Path, item: Item) -> Item:
    """An item of the kind `text` where its 2D image holds what is shaped like several letters: a side has one."""
    if not item.image or item.kind not in _PLAIN:
        return item
    try:
        loaded = load_pixels(root / item.image, item.image)
        found = text_boxes(to_eight_bits(to_frame(loaded.data))) if isinstance(loaded, Picture) else ()
    except (DataError, MidsError):  # broken, or a link whose content is not there: the validator says so
        return item
    count = sum(right - left > _WORD * (bottom - top) for top, left, bottom, right in found)
    if not count:
        return item
    said = "1 place looks like text" if count == 1 else f"{count} places look like text"
    reason = "; ".join(filter(None, (said, item.reason)))
    return replace(item, kind="text", reason=reason)


def _paired(dataset: Dataset, items: list[Item]) -> Iterator[Item]:
    """The items; the later one of two images that show the same is a duplicate, and names the other."""
    with watched_steps("images compared") as tell:
        pairs = find_duplicates(dataset, progress=tell)
    twins: dict[str, tuple[str, float]] = {}
    for first, later, value in _ordered(pairs):  # the most alike come first
        twins.setdefault(later, (first, value))
    for item in items:
        if item.image in twins and item.kind in _PLAIN | {"text"}:
            first, value = twins[item.image]
            name = first.rpartition("/")[2]
            reason = "; ".join(filter(None, (f"shows the same as {name} (similarity {value:.2f})", item.reason)))
            yield replace(item, kind="duplicate", reason=reason, twin=first, likeness=value)
        else:
            yield item


def _ordered(pairs: pd.DataFrame) -> Iterator[tuple[str, str, float]]:
    columns = pairs[["filename", "other_filename", "similarity"]]
    for one, other, value in columns.itertuples(index=False):
        yield min(one, other), max(one, other), float(value)
