"""Groups of people who look alike: their sizes (k-anonymity), and what they share (l-diversity, t-closeness).

Terms: L. Sweeney, k-anonymity, 2002; A. Machanavajjhala et al., l-diversity, 2007; N. Li et al., t-closeness, 2007.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

Numbers: TypeAlias = "npt.NDArray[np.int64]"

BANDS = (1, 2, 3, 5, 10, 20, 50, 100)
"""Where the bands of the distribution of group sizes begin."""

_BLOCK = 1 << 22
"""Comparisons of one step of `smallest_anything`: bounds its memory."""


@dataclass(frozen=True, slots=True)
class Band:
    """People who are in groups of `least` to `most` people (None: or more)."""

    least: int
    most: int | None
    groups: int
    people: int


@dataclass(frozen=True, slots=True)
class Classes:
    """The groups of people with the same quasi-identifiers.

    `smallest` is the k of k-anonymity with n/a as a value of its own, `smallest_anything` with n/a as any value, which
    is never less. `alone` are people in a group of their own, `below` those in groups of fewer than k. `expected` is
    the share of people whom somebody would name rightly who knows everybody's quasi-identifiers: groups / people.
    """

    people: int
    groups: int
    smallest: int
    smallest_anything: int
    alone: int
    below: int
    expected: float
    bands: tuple[Band, ...]


@dataclass(frozen=True, slots=True)
class Diversity:
    """What the groups give away of one sensitive column; who is n/a there is not counted.

    `known` people have a value, one of `values`. `distinct` is the smallest number of values in a group, `entropy` the
    smallest exp(entropy) (distinct and entropy l-diversity). `shared` people are in groups of two and more in which
    all have one value in common: it is learned without telling them apart. `closeness` is the largest distance between
    the shares in a group and those in all (t-closeness with equal distances), None for columns with several values of a
    person. `guess_before` is the share of people whose value is guessed by the commonest of all, `guess_after` by the
    commonest of their group.
    """

    column: str
    known: int
    values: int
    distinct: int
    entropy: float
    shared: int
    closeness: float | None
    guess_before: float
    guess_after: float


# --- sizes -----------------------------------------------------------------------------------------------


def numbers(column: "pd.Series[str]") -> Numbers:
    """A number for each different value of a column; n/a is a value too."""
    return pd.factorize(column, use_na_sentinel=False)[0].astype(np.int64)


def number_groups(columns: Sequence[Numbers], count: int) -> Numbers:
    """The number of each person's group, of `count` people with numbers instead of values."""
    found = np.zeros(count, dtype=np.int64)
    for column in columns:
        found = pd.factorize(found * (int(column.max(initial=0)) + 1) + column)[0].astype(np.int64)
    return found


def count_group_sizes(groups: Numbers) -> Numbers:
    """The size of each person's group."""
    return np.bincount(groups)[groups].astype(np.int64) if len(groups) else groups


def sizes(frame: pd.DataFrame) -> Numbers:
    """For each person how many have the same in all columns, n/a being a value of its own."""
    return count_group_sizes(number_groups([numbers(frame[name]) for name in frame.columns], len(frame)))


def smallest_anything(frame: pd.DataFrame) -> int:
    """How many the fewest are who may have the same in all columns as one of the people, where n/a may be anything.

    It is never less than the smallest of `sizes`, so small groups with few n/a are looked at first, and most often few.
    """
    groups = number_groups([numbers(frame[name]) for name in frame.columns], len(frame))
    _, firsts, counts = np.unique(groups, return_index=True, return_counts=True)
    rows = np.array([pd.factorize(frame[name])[0][firsts] for name in frame.columns], dtype=np.int64)
    order = np.lexsort(((rows < 0).sum(axis=0) if len(rows) else counts, counts))
    least, step = len(frame), max(_BLOCK // len(firsts), 1)
    for start in range(0, len(order), step):
        part = order[start : start + step]
        if least <= counts[part[0]]:
            break
        same = np.ones((len(part), len(firsts)), dtype=bool)
        for row in rows:
            mine, theirs = row[part, np.newaxis], row[np.newaxis, :]
            same &= (mine == theirs) | (mine < 0) | (theirs < 0)
        least = min(least, int((same @ counts).min()))
    return least


def classes(frame: pd.DataFrame, k: int) -> Classes:
    """The groups that the columns of `frame` make of its people, of whom there is at least one."""
    groups = number_groups([numbers(frame[name]) for name in frame.columns], len(frame))
    own = count_group_sizes(groups)
    ends: list[int | None] = [start - 1 for start in BANDS[1:]]
    bands = [_band(own, least, most) for least, most in zip(BANDS, [*ends, None], strict=True)]
    count = int(groups.max()) + 1
    return Classes(
        len(frame),
        count,
        int(own.min()),
        smallest_anything(frame),
        int((own == 1).sum()),
        int((own < k).sum()),
        count / len(frame),
        tuple(band for band in bands if band.people),
    )


def _band(own: Numbers, least: int, most: int | None) -> Band:
    inside = own[(own >= least) & (own <= (most or len(own)))]
    return Band(least, most, round(float((1 / inside).sum())), len(inside))


# --- what groups share -----------------------------------------------------------------------------------


def diversity(column: str, values: Sequence[frozenset[str]], groups: Numbers) -> Diversity:
    """What the groups give away of a sensitive column, from each person's values; some are known (not empty)."""
    known = [number for number, own in enumerate(values) if own]
    held = [values[number] for number in known]
    inside = pd.factorize(groups[known])[0]
    whole = pd.factorize(np.array([";".join(sorted(own)) for own in held], dtype=object))[0]
    members = np.bincount(inside)
    table = pd.Series(1, index=[inside, whole]).groupby(level=[0, 1]).sum()
    group, count = table.index.get_level_values(0).to_numpy(), table.to_numpy()
    share = count / members[group]
    entropies = np.bincount(group, weights=-share * np.log(share))
    before = np.bincount(whole) / len(held)
    distance = _distance(group, table.index.get_level_values(1).to_numpy(), share, before)
    return Diversity(
        column,
        len(held),
        len({value for own in held for value in own}),
        int(np.bincount(group).min()),
        float(np.exp(entropies.min())),
        _count_sharing(held, inside, members),
        distance if max(map(len, held)) == 1 else None,
        float(before.max()),
        float(table.groupby(level=0).max().sum() / len(held)),
    )


def _count_sharing(held: Sequence[frozenset[str]], inside: Numbers, members: Numbers) -> int:
    """How many people are in groups of two and more in which all have a value in common."""
    counts = Counter((group, value) for group, own in zip(inside.tolist(), held, strict=True) for value in own)
    common = {group for (group, _), count in counts.items() if count == members[group] >= 2}
    return int(sum(members[group] for group in common))


def _distance(group: Numbers, value: Numbers, share: npt.NDArray[np.float64], before: npt.NDArray[np.float64]) -> float:
    """The largest total variation distance between the shares of a group and those of all."""
    # Half of the sum of |p - q|, where p is 0 for all values that the group lacks.
    here = np.bincount(group, weights=np.abs(share - before[value]) - before[value])
    return float((here + 1).max() / 2)
