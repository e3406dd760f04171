"""What can be made coarser, and what that would bring: each change is carried out and measured."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd

from mids.risk.classes import Numbers, count_group_sizes, number_groups, numbers

MANY = 100
"""A region keeps its name only with more people than this (FIDAC paper, section 3: the smallest named has 102)."""

OTHER = "other"

LEAST = 1e-9
"""Bits that a change must lose to be one."""

Texts: TypeAlias = "pd.Series[str]"


@dataclass(frozen=True, slots=True)
class Level:
    """One way to make a column coarser: what is done to it, in words, and a function of its values and k.

    The function gives equal values for equal ones, so no group is ever split: k can't fall.
    """

    words: str
    apply: Callable[[Texts, int], Texts]


@dataclass(frozen=True, slots=True)
class Change:
    """A change that was tried: the groups before and after it.

    `alone` and `below` count people alone, and in groups of fewer than k; `lost` is the share of what the column told
    (its entropy) that is gone.
    """

    column: str
    words: str
    smallest: int
    alone: int
    below: int
    lost: float


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes in the order in which they are made; each Change counts what remains after it and all before it.

    `enough` are the changes that do as well in the end without those that later ones have made needless; each of them
    counts what remains after all of them.
    """

    steps: tuple[Change, ...]
    enough: tuple[Change, ...]


# --- how columns are made coarser ------------------------------------------------------------------------


def _values(change: Callable[[str], str]) -> Callable[[Texts, int], Texts]:
    """A change of each value by itself; n/a stays n/a."""
    return lambda column, k: column.map(change, na_action="ignore").astype("string")


def _make_rare_change(least: Callable[[int], int]) -> Callable[[Texts, int], Texts]:
    """Values of fewer people than `least(k)` become "other"."""

    def apply(column: Texts, k: int) -> Texts:
        counts = column.map(column.value_counts())
        return column.mask(column.notna() & (counts < least(k)).fillna(False), OTHER)

    return apply


def _make_band_change(width: int) -> Callable[[str], str]:
    """The band of an age, or of the lower limit of a range; what is no age stays as it is."""

    def band(age: str) -> str:
        found = re.match(r"\d{1,3}(?!\d)", age)
        start = int(found[0]) // width * width if found else 0
        return f"{start}-{start + width - 1}" if found else age

    return band


def _make_days_change(days: int) -> Callable[[str], str]:
    """Days since the first study in steps of `days`."""
    return lambda cell: ";".join(dict.fromkeys(f"+{int(day) // days}" for day in cell.split(";")))


def _quarters(cell: str) -> str:
    months = [month.partition("-") for month in cell.split(";")]
    return ";".join(dict.fromkeys(f"{year}-Q{(int(month) + 2) // 3}" for year, _, month in months))


DROPPED = Level("left out", lambda column, k: pd.Series(pd.NA, index=column.index, dtype="string"))
FEW = Level('values of fewer than {k} people as "other"', _make_rare_change(lambda k: k))
NAMED = (
    FEW,
    Level(f'values of {MANY} people or fewer as "other"', _make_rare_change(lambda k: max(MANY + 1, k))),
    DROPPED,
)

LEVELS: Mapping[str, Sequence[Level]] = {
    "sex": (DROPPED,),
    "age": (
        Level("in bands of five years", _values(_make_band_change(5))),
        Level("in bands of ten years", _values(_make_band_change(10))),
        Level("in bands of twenty years", _values(_make_band_change(20))),
        DROPPED,
    ),
    "month": (
        Level("as quarters of years", _values(_quarters)),
        Level("as years", _values(lambda cell: ";".join(dict.fromkeys(m[:4] for m in cell.split(";"))))),
        DROPPED,
    ),
    "days": (
        Level("in weeks", _values(_make_days_change(7))),
        Level("in steps of 28 days", _values(_make_days_change(28))),
        Level("only the number of studies", _values(lambda cell: str(cell.count(";") + 1))),
        DROPPED,
    ),
    "labels": (DROPPED,),
    "country": NAMED,
    "region": NAMED,
    "site": NAMED,
}
"""The levels of each kind of column, each coarser than those before it."""

USUAL = (FEW, DROPPED)
"""The levels of all other kinds."""


def levels(kind: str) -> Sequence[Level]:
    """The ways to make a column of a kind coarser."""
    return LEVELS.get(kind, USUAL)


# --- trying them -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Try:
    """A column at one of its levels (0: as it is), as numbers, with the bits that it still tells."""

    level: int
    words: str
    values: Numbers
    bits: float


def alone(frame: pd.DataFrame, kinds: Mapping[str, str], k: int) -> list[Change]:
    """What each change by itself would bring, those that help most first; none that helps nobody."""
    tries = _tries(frame, kinds, k)
    now = {name: own[0] for name, own in tries.items()}
    before = _measure_groups(now, len(frame), k)
    found = [
        _change(tries, name, level, _measure_groups({**now, name: level}, len(frame), k))
        for name, own in tries.items()
        for level in own[1:]
    ]
    helping = [c for c in found if (c.below, c.alone, -c.smallest) < (before.below, before.alone, -before.smallest)]
    return sorted(helping, key=lambda change: (change.below, change.alone, -change.smallest, change.lost))


def plan_changes(frame: pd.DataFrame, kinds: Mapping[str, str], k: int) -> Plan:
    """Changes one on top of the other until everybody is in a group of k, or nothing is left to change.

    Each is the one that takes most people out of small groups for what it loses: greedy, so not always the best way. No
    changes where there are fewer than k people.
    """
    count, tries = len(frame), _tries(frame, kinds, k)
    now = {name: own[0] for name, own in tries.items()}
    steps = []
    while count >= k and (before := _measure_groups(now, count, k)).below:
        coarser = [(name, level) for name, own in tries.items() for level in own if level.bits < now[name].bits - LEAST]
        if not coarser:
            break
        name, level = max(coarser, key=lambda step: _weigh_step(now, step, before, count, k))
        now[name] = level
        steps.append(_change(tries, name, level, _measure_groups(now, count, k)))
    kept = _relax_levels(tries, now, count, k)
    enough = [
        _change(tries, name, level, _measure_groups(kept, count, k)) for name, level in kept.items() if level.level
    ]
    return Plan(tuple(steps), tuple(enough))


@dataclass(frozen=True, slots=True)
class _Measured:
    smallest: int
    alone: int
    below: int
    groups: int


def _measure_groups(now: Mapping[str, _Try], count: int, k: int) -> _Measured:
    groups = number_groups([level.values for level in now.values()], count)
    own = count_group_sizes(groups)
    return _Measured(int(own.min()), int((own == 1).sum()), int((own < k).sum()), int(groups.max()) + 1)


def _tries(frame: pd.DataFrame, kinds: Mapping[str, str], k: int) -> dict[str, list[_Try]]:
    """Each column as it is and at the levels that change anything."""
    found = {}
    for name in map(str, frame.columns):
        own = [_make_try(0, "", frame[name])]
        for number, level in enumerate(levels(kinds[name]), start=1):
            new = _make_try(number, level.words.format(k=k), level.apply(frame[name], k))
            if new.bits < own[-1].bits - LEAST:
                own.append(new)
        found[name] = own
    return found


def _make_try(level: int, words: str, column: Texts) -> _Try:
    values = numbers(column)
    share = np.bincount(values) / len(values)
    return _Try(level, words, values, float(-(share * np.log2(share)).sum()))


def _weigh_step(now: Mapping[str, _Try], step: tuple[str, _Try], before: _Measured, count: int, k: int) -> float:
    """How many people a step takes out of small groups (fewer groups break ties) for each bit that it loses."""
    name, level = step
    after = _measure_groups({**now, name: level}, count, k)
    gained = before.below - after.below + (before.groups - after.groups) / (count + 1)
    return gained / (now[name].bits - level.bits)


def _relax_levels(tries: Mapping[str, list[_Try]], now: dict[str, _Try], count: int, k: int) -> dict[str, _Try]:
    """Each column at the finest level with no more people in small groups."""
    least = _measure_groups(now, count, k).below
    for name in sorted(now, key=lambda name: now[name].bits - tries[name][0].bits):
        for level in tries[name]:
            if level.level >= now[name].level or _measure_groups({**now, name: level}, count, k).below <= least:
                now = {**now, name: level}
                break
    return now


def _change(tries: Mapping[str, list[_Try]], name: str, level: _Try, after: _Measured) -> Change:
    full = tries[name][0].bits
    return Change(name, level.words, after.smallest, after.alone, after.below, 1 - level.bits / full if full else 0.0)
