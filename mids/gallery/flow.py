"""The flow from source files to outcomes, as a Sankey diagram: what became of every file, and why of those left out.

Nothing of a source's path is passed on but whether it lay in an archive.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

BAR, LINE, ROOM, BETWEEN = 14, 19, 240, 6
"""Units of the drawing: width of a node, height of a label, height of all files together, and room between nodes."""

COLUMNS = (0, 310, 600)
"""Where the nodes of each column begin; the drawing is 960 units wide."""

MOST = 7
"""Outcomes of a status that have a node of their own."""

LONGEST = 40
"""Characters of a label."""

COLOURS: Mapping[str, str] = {
    "converted": "#0072b2", "left out": "#7f8790", "withheld": "#e69f00", "lost": "#d55e00",
}  # fmt: skip
"""Colours of Okabe and Ito, seen apart without colour vision; the order is that of the diagram."""

Path: TypeAlias = tuple[str, str, str]
"""Where a file lay, what became of it (a key of `COLOURS`), and as what, or why not."""


@dataclass(frozen=True, slots=True)
class Node:
    """A bar with its label."""

    x: float
    y: float
    height: float
    colour: str
    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """A band, as an SVG path, with what it says when pointed at."""

    path: str
    colour: str
    title: str


@dataclass(frozen=True, slots=True)
class Flow:
    """The diagram: `total` files, and `summary` for those who can't see it."""

    height: int
    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    total: int
    summary: str


def draw_flow(paths: Iterable[Path]) -> Flow | None:
    """The diagram of these files; None where there are none."""
    counts = _shorten(Counter(paths))
    total = sum(counts.values())
    if not total:
        return None
    columns = [_sizes(counts, place) for place in range(3)]
    height = max(sum(_slot(number, total) for number in sizes.values()) for sizes in columns)
    placed = [_place(sizes, total, height) for sizes in columns]
    nodes = tuple(
        Node(COLUMNS[column], *placed[column][key], _colour(key, column), f"{_short(key[-1])}: {number:,}")
        for column, sizes in enumerate(columns) for key, number in sizes.items()
    )  # fmt: skip
    said = ", ".join(f"{number:,} {key[0]}" for key, number in columns[1].items())
    return Flow(round(height), nodes, tuple(_links(counts, placed)), total, said)


Key: TypeAlias = tuple[str, ...]
Places: TypeAlias = Mapping[Key, tuple[float, float]]


def _shorten(counts: Counter[Path]) -> Counter[Path]:
    """The commonest outcomes of each status; all others are one."""
    found: Counter[Path] = Counter()
    for status in COLOURS:
        outcomes: Counter[str] = Counter()
        for (_, own, outcome), number in counts.items():
            outcomes[outcome] += number if own == status else 0
        kept = {outcome for outcome, number in outcomes.most_common(MOST) if number}
        for (origin, own, outcome), number in counts.items():
            if own == status:
                found[origin, own, outcome if outcome in kept else "other"] += number
    return found


def _sizes(counts: Counter[Path], column: int) -> dict[Key, int]:
    """The nodes of a column with their files; of the last column those of one status together."""
    found: Counter[Key] = Counter()
    for path, number in counts.items():
        found[KEYS[column](path)] += number
    order = list(COLOURS)
    status = {key: order.index(key[0]) if column else 0 for key in found}
    return dict(sorted(found.items(), key=lambda item: (status[item[0]], item[0][-1] == "other", -item[1], item[0])))


def _tall(number: int, total: int) -> float:
    """The height of a bar, of one scale in all columns."""
    return max(1.5, ROOM * number / total)


def _slot(number: int, total: int) -> float:
    """The height that a bar has with its label and the room around it."""
    return max(LINE, _tall(number, total) + BETWEEN)


def _place(sizes: Mapping[Key, int], total: int, height: float) -> Places:
    """Top and height of each node, all together in the middle of the drawing."""
    top = (height - sum(_slot(number, total) for number in sizes.values())) / 2
    found = {}
    for key, number in sizes.items():
        slot, tall = _slot(number, total), _tall(number, total)
        found[key] = (top + (slot - tall) / 2, tall)
        top += slot
    return found


def _colour(key: Key, column: int) -> str:
    return COLOURS[key[0]] if column else "#56b4e9"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


KEYS: tuple[Callable[[Path], Key], ...] = (lambda way: way[:1], lambda way: way[1:2], lambda way: way[1:])
"""The node of each column that a file runs through."""


def _links(counts: Counter[Path], placed: Sequence[Places]) -> Iterator[Link]:
    """The bands between neighbouring columns, which leave and reach a node in the order of the others' places."""
    for left in (0, 1):
        found: Counter[tuple[Key, Key]] = Counter()
        for way, number in counts.items():
            found[KEYS[left](way), KEYS[left + 1](way)] += number
        sides = placed[left], placed[left + 1]
        order = sorted(found, key=lambda pair: (sides[0][pair[0]][0], sides[1][pair[1]][0]))
        used = [{key: top for key, (top, _) in side.items()} for side in sides]
        for pair in order:
            edges = []
            for side, key in enumerate(pair):
                own = sides[side][key][1] * found[pair] / sum(n for each, n in found.items() if each[side] == key)
                edges.append((used[side][key], own))
                used[side][key] += own
            words = f"{pair[0][-1]} → {pair[1][-1]}: {found[pair]:,} files"
            yield Link(_band(COLUMNS[left] + BAR, COLUMNS[left + 1], edges[0], edges[1]), _colour(pair[1], 1), words)


def _band(x: float, to: float, left: tuple[float, float], right: tuple[float, float]) -> str:
    """A band from one edge (top, height) to another."""
    middle = (x + to) / 2
    (a, tall), (b, high) = left, right
    return (
        f"M{x:g} {a:.1f}C{middle:g} {a:.1f} {middle:g} {b:.1f} {to:g} {b:.1f}V{b + high:.1f}"
        f"C{middle:g} {b + high:.1f} {middle:g} {a + tall:.1f} {x:g} {a + tall:.1f}Z"
    )
