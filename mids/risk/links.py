"""What joins people of two datasets, or two people of one: the same columns, the same labels, the same images."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from mids.dataset import Dataset
from mids.dataset.disk.door import opening
from mids.dataset.disk.progress import watched
from mids.dataset.disk.whole import content_digest
from mids.risk.people import People

NOT_SHARED = frozenset({"labels"})
"""Kinds that depend on the dataset: which labels are rare differs."""


@dataclass(frozen=True, slots=True)
class Link:
    """How people of dataset `one` may be found in dataset `other`, by the quasi-identifiers that both have.

    Of the `people` of `one` with any of these known, `several` match two or more of `other`, `single` exactly one;
    `pairs` of those are alone with these values in `one` too, so that the two are one another's only match. `same_ids`
    is how many labels of subjects both have.
    """

    one: str
    other: str
    columns: tuple[str, ...]
    people: int
    several: int
    single: int
    pairs: int
    same_ids: int


@dataclass(frozen=True, slots=True)
class SameImage:
    """An image that several people have: (dataset, participant_id) of each."""

    people: tuple[tuple[str, str], ...]


def link_people(one: People, other: People) -> Link:
    """How people of one dataset may be found in another. Ages are compared in bands of ten where one has ranges."""
    columns = [name for name in one.quasi if name in other.quasi and one.kinds[name] not in NOT_SHARED]
    mine, theirs = _comparable(one.frame[columns], other.frame[columns])
    rows = list(mine[mine.notna().any(axis="columns")].fillna("").itertuples(index=False, name=None))
    here, there = (Counter(frame.fillna("").itertuples(index=False, name=None)) for frame in (mine, theirs))
    matches = [there[row] for row in rows]
    return Link(
        one.name,
        other.name,
        tuple(columns),
        len(rows),
        sum(count > 1 for count in matches),
        matches.count(1),
        sum(count == 1 and here[row] == 1 for row, count in zip(rows, matches, strict=True)),
        len(one.frame.index.intersection(other.frame.index)),
    )


def _comparable(one: pd.DataFrame, other: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both with ages in bands of ten, unless all ages of both are numbers."""
    frames = one.copy(), other.copy()
    if "age" in one.columns and not all(re.fullmatch(r"\d+", age) for x in frames for age in x["age"].dropna()):
        for frame in frames:
            frame["age"] = frame["age"].str.extract(r"^(\d+)")[0].str.zfill(2).str.slice(0, -1)
    return frames


def _digest(place: Path, shown: str) -> bytes:
    """The digest of an image's content; nothing of one that is not here (a link whose content was not fetched)."""
    with opening(shown):
        return content_digest(place) if place.exists() else b""


def find_same_images(datasets: Sequence[tuple[str, Dataset]]) -> list[SameImage]:
    """The images that several people have, by a digest of their unpacked content; reads every image of all."""
    found: dict[bytes, dict[tuple[str, str], None]] = {}
    for name, dataset in datasets:
        pairs = zip(dataset.images["participant_id"], dataset.images["filename"], strict=True)
        for person, filename in watched(pairs, "images read", len(dataset.images)):
            path = str(filename)
            digest = dataset.door.attempt(path, partial(_digest, dataset.path / path, path), b"")
            if not digest:
                continue
            found.setdefault(digest, {})[(name, str(person))] = None
    return [SameImage(tuple(people)) for people in found.values() if len(people) > 1]
