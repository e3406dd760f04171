"""The whole assessment of one or several datasets: what ``mids risk`` measures.

The three questions are those of the Article 29 Working Party, Opinion 05/2014 (WP 216): singling out, linkability,
inference; the FIDAC paper (section 2.1) calls them individualization, correlation, inference.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path

import numpy as np

from mids.dataset import Dataset
from mids.errors import MidsError
from mids.issues import Issue
from mids.risk.changes import Change, Plan, alone, plan_changes
from mids.risk.classes import Classes, Diversity, classes, diversity, number_groups, numbers, sizes
from mids.risk.links import Link, SameImage, find_same_images, link_people
from mids.risk.people import People, read_people


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Who can be singled out by somebody who knows these columns, and who is in a group of fewer than k."""

    columns: tuple[str, ...]
    smallest: int
    alone: int
    below: int


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in a group of fewer than k: line of participants.tsv (0: none), label, size of the group, values."""

    line: int
    participant_id: str
    group: int
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Risk:
    """The measurements of one dataset.

    `columns` are the quasi-identifiers, `left_out` the columns that are neither these nor sensitive, `direct` such as
    name a record of the source. `each` has every quasi-identifier by itself, `growing` the first, the first two … of
    them. `few` are the people in groups of fewer than k, the smallest groups first. `changes` are measured one by one,
    `plan` one on top of the other. `problems` and `issues` say what could not be read.
    """

    name: str
    columns: tuple[str, ...]
    classes: Classes
    each: tuple[Knowledge, ...]
    growing: tuple[Knowledge, ...]
    few: tuple[Person, ...]
    diversity: tuple[Diversity, ...]
    changes: tuple[Change, ...]
    plan: Plan
    left_out: tuple[str, ...]
    direct: tuple[str, ...]
    problems: tuple[str, ...]
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class Assessment:
    """The measurements of all datasets; `images` is None if images were not compared."""

    k: int
    risks: tuple[Risk, ...]
    links: tuple[Link, ...]
    images: tuple[SameImage, ...] | None


def assess(
    datasets: Sequence[str | Path | Dataset],
    *,
    quasi: Iterable[str] = (),
    sensitive: Iterable[str] = (),
    k: int = 5,
    images: bool = False,
) -> Assessment:
    """Measures one dataset or several; `images` compares the content of all their images too.

    `quasi` and `sensitive` name columns (see `values.columns`); without them all that are known to matter are taken.
    Raises `MidsError` for k below 2, a folder that is no dataset, a dataset without people, an unknown column.
    """
    if k < 2:
        raise MidsError(f"k is {k}, and k must be at least 2")
    opened = [given.text if isinstance(given, Dataset) else Dataset(given, text=True) for given in datasets]
    named = list(zip(_names(opened), opened, strict=True))
    chosen, secret = tuple(quasi), tuple(sensitive)
    everybody = [read_people(dataset, name=name, quasi=chosen, sensitive=secret, k=k) for name, dataset in named]
    same = tuple(find_same_images(named)) if images else None
    risks = (replace(risk(people, k), issues=dataset.issues) for people, dataset in zip(everybody, opened, strict=True))
    links = tuple(link_people(one, other) for one, other in permutations(everybody, 2))
    return Assessment(k, tuple(risks), links, same)


def _names(datasets: Sequence[Dataset]) -> list[str]:
    """The names of datasets, numbered where one comes again."""
    names = [dataset.name for dataset in datasets]
    return [f"{name} ({names[: i + 1].count(name)})" if names.count(name) > 1 else name for i, name in enumerate(names)]


def risk(people: People, k: int) -> Risk:
    """What can be measured of one dataset."""
    frame, columns = people.frame, people.quasi
    return Risk(
        people.name,
        tuple(columns),
        classes(frame, k),
        tuple(_measure_knowledge(people, [name], k) for name in columns),
        tuple(_measure_knowledge(people, columns[: number + 1], k) for number in range(len(columns))),
        tuple(_list_small_groups(people, k)),
        tuple(_diversities(people)),
        tuple(alone(frame, people.kinds, k)),
        plan_changes(frame, people.kinds, k),
        tuple(people.left_out),
        tuple(people.direct),
        tuple(people.problems),
    )


def _measure_knowledge(people: People, columns: Sequence[str], k: int) -> Knowledge:
    own = sizes(people.frame[list(columns)])
    return Knowledge(tuple(columns), int(own.min()), int((own == 1).sum()), int((own < k).sum()))


def _list_small_groups(people: People, k: int) -> list[Person]:
    """The people in groups of fewer than k; those of one group stand together."""
    groups = number_groups([numbers(people.frame[name]) for name in people.quasi], len(people.frame))
    own = np.bincount(groups)[groups]
    order = sorted(np.flatnonzero(own < k).tolist(), key=lambda i: (own[i], groups[i], people.lines[i]))
    rows = list(people.frame.fillna("n/a").itertuples(name=None))
    return [Person(people.lines[i], str(rows[i][0]), int(own[i]), rows[i][1:]) for i in order]


def _diversities(people: People) -> list[Diversity]:
    """What the groups share of each sensitive column.

    The groups are those of all quasi-identifiers but rare labels, which are made of what is to be learned.
    """
    columns = [name for name in people.quasi if people.kinds[name] != "labels"]
    groups = number_groups([numbers(people.frame[name]) for name in columns], len(people.frame))
    return [diversity(name, values, groups) for name, values in people.sensitive.items()]
