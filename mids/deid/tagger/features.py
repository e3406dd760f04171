"""What the recogniser looks at: word, shape, affixes and lists of a token, neighbours, line, field, the rules' verdict.

Training (`benchmarks.tagger`) and recognising read the same attributes, as text; weights are by attribute and label.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from mids.deid.text.dates import months
from mids.deid.text.spans import Span
from mids.deid.text.words import (
    blocked,
    eponyms,
    fold_text,
    list_given_names,
    ordinary,
    particles,
    read_entries,
    vocabulary,
)

TOKEN = re.compile(r"[^\W\d_]+|\d+|\n|[^\w\s]|_")
LONGEST = 128
"""Tokens that are labelled at once; a longer line is cut."""

OFFSETS = range(-3, 4)

PLACES = tuple([at for at, offset in enumerate(OFFSETS) if min(abs(offset), 2) == far] for far in range(3))
"""Where in `OFFSETS` the distances are at which all attributes of a word count, those of neighbours, and the others."""

JOINED = frozenset({"left", "right", "around", "shapes"})
"""Columns of a sheet whose values are of several words: an attribute joins them with a blank."""

Value = str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The tokens of a text: where they stand, the words, and further attributes of each by column; `cuts` end lines."""

    starts: list[int]
    ends: list[int]
    words: list[str]
    columns: Mapping[str, Sequence[Value]]
    cuts: list[int]


@cache
def read_list(name: str) -> frozenset[str]:
    """The single words of a list of `schemas/deid/text/lists`, folded."""
    found = {word for entry in read_entries(name) for word in re.split("[ '’-]", entry)}
    return frozenset(word for word in found if len(word) > 1 and word not in particles())


@cache
def listed_names() -> frozenset[str]:
    """The words of all listed names and places, folded."""
    return list_given_names() | frozenset(word for key in ("given", "surnames", "towns") for word in read_list(key))


@cache
def _known_places() -> frozenset[str]:
    """The words of provinces, communities and countries."""
    words = {word for name in vocabulary()["places"]["known"] for word in name.split()}
    return frozenset(words | {fold_text(word) for word in read_list("countries")}) - particles()


@cache
def _lists() -> tuple[tuple[str, frozenset[str]], ...]:
    """The lists that a word may be in, by letter."""
    return (
        ("g", read_list("given") | list_given_names()), ("l", read_list("surnames")), ("t", read_list("towns")),
        ("o", ordinary()), ("b", blocked() - eponyms()), ("e", eponyms()), ("p", particles()),
        ("m", frozenset(months().number)), ("k", _known_places()),
    )  # fmt: skip


def describe_shape(word: str) -> str:
    """Capitals, small letters, how many digits, or the sign itself."""
    if word.isdigit():
        return f"d{min(len(word), 12)}"
    if not word[0].isalpha():
        return "¶" if word == "\n" else word
    shape = "X" if word.isupper() else "Xx" if word[0].isupper() else "x"
    return shape + "1" if len(word) == 1 else shape


def describe_word(word: str, hidden: frozenset[str] = frozenset()) -> tuple[tuple[str, ...], ...]:
    """The attributes of a word: all, those that neighbours see, and those seen from further away.

    Words of `hidden` count as being in no list of names: training uses this so as not to trust the lists alone.
    """
    if word.isdigit():
        shape = describe_shape(word)
        year = "y" if len(word) == 4 and word[:2] in ("19", "20") else "n"
        small = word if len(word) < 3 else shape
        return (f"w{small}", f"s{shape}", f"y{year}"), (f"w{shape}", f"y{year}"), (f"w{shape}",)
    if not word[0].isalpha():
        sign = describe_shape(word)
        return (f"w{sign}", "s."), (f"w{sign}",), (f"w{sign}",)
    plain = fold_text(word)
    shape = describe_shape(word)
    flags = "".join(key for key, listed in _lists() if plain in listed and not (key in "glt" and plain in hidden))
    near = (f"w{plain}", f"s{shape}", f"f{flags}", f"sf{shape}{flags}", f"q{plain[-3:]}")
    affixes = (
        f"p{plain[:2]}",
        f"p{plain[:3]}",
        f"p{plain[:4]}",
        f"p{plain[:5]}",
        f"q{plain[-2:]}",
        f"q{plain[-4:]}",
        f"q{plain[-5:]}",
    )
    return (*near, *affixes, f"n{min(len(word), 9)}"), near, (f"w{plain}", f"sf{shape}{flags}")


def select_by_offset(attributes: tuple[tuple[str, ...], ...], offset: int) -> tuple[str, ...]:
    """What a token sees of a word at a distance."""
    return attributes[min(abs(offset), 2)]


def read_sheet(text: str, spans: Iterable[Span]) -> Sheet:
    """The tokens of a composed text with their attributes; `spans` are what the rules found."""
    matches = list(TOKEN.finditer(text))
    starts, ends = [m.start() for m in matches], [m.end() for m in matches]
    words = [m[0] for m in matches]
    plain = fold_text(text)
    folded = [plain[start:end] for start, end in zip(starts, ends, strict=True)]
    by_word = {word: f"d{len(word)}" if word.isdigit() else "¶" if word == "\n" else word for word in set(folded)}
    seen = [by_word[word] for word in folded]
    rules, kinds = _read_verdicts(starts, spans)
    named = {word for word, kind in zip(folded, kinds, strict=True) if kind == "NAME" and len(word) > 3}
    lines = list(_cut_lines(words))
    columns: dict[str, Sequence[Value]] = {**_read_lines(words, seen, lines), "rule": rules}
    before, behind = ["", *seen[:-1]], [*seen[1:], ""]
    columns["before"], columns["behind"] = ["", *kinds[:-1]], [*kinds[1:], ""]
    columns["left"] = list(zip(before, seen, strict=True))
    columns["right"] = list(zip(seen, behind, strict=True))
    columns["around"] = list(zip(before, behind, strict=True))
    by_word = {word: describe_shape(word) for word in set(words)}
    shapes = [by_word[word] for word in words]
    columns["shapes"] = list(zip(["", *shapes[:-1]], shapes, [*shapes[1:], ""], strict=True))
    columns["named"] = ["1" if word in named else "" for word in folded]
    cuts = [cut for start, end in lines for cut in (*range(start + LONGEST, end, LONGEST), end)]
    return Sheet(starts, ends, words, columns, cuts)


def _read_verdicts(starts: Sequence[int], spans: Iterable[Span]) -> tuple[list[str], list[str]]:
    """For each token the kind and source of the rule that covers it, and the kind alone; empty for none."""
    rules, kinds = [""] * len(starts), [""] * len(starts)
    for span in sorted(spans):
        first, last = bisect_left(starts, span.start), bisect_left(starts, span.end)
        rules[first:last] = [f"{span.kind}.{span.source}"] * (last - first)
        kinds[first:last] = [span.kind] * (last - first)
    return rules, kinds


def _cut_lines(words: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where lines begin and end, the end of a line being its last token."""
    start = 0
    for at, word in enumerate(words):
        if word == "\n":
            yield start, at + 1
            start = at + 1
    if start < len(words):
        yield start, len(words)


_FIELD_ENDS = frozenset(":|=;\t^")
_BARS = "|;^,"


def _read_lines(words: Sequence[str], seen: Sequence[str], lines: Sequence[tuple[int, int]]) -> Mapping[str, list[str]]:
    """Attributes by line: the field before a value, the first word, the line above, the case, the head of a table."""
    columns: dict[str, list[str]] = {name: [] for name in ("field", "line", "above", "case", "head")}
    above, heads = "", _Heads()
    by_word = {word: word if word[0].isalpha() else "" for word in set(words)}
    spelt = [by_word[word] for word in words]
    for start, end in lines:
        letters = "".join(spelt[start:end])
        case = "u" if letters.isupper() else "l" if letters.islower() else "m"
        first = seen[start]
        columns["line"] += [first] * (end - start)
        columns["above"] += [above] * (end - start)
        columns["case"] += [case + ("s" if end - start < 8 else "")] * (end - start)
        columns["field"] += _read_fields(words, seen, start, end)
        columns["head"] += heads.read(seen[start:end])
        if end - start > 1:
            above = f"{first} {seen[end - 2]}"
    return columns


def _read_fields(words: Sequence[str], seen: Sequence[str], start: int, end: int) -> list[str]:
    """For each token the last word before the nearest colon or bar on its line, and how far that is."""
    if _FIELD_ENDS.isdisjoint(words[start:end]):
        return [""] * (end - start)
    found, label, since = [], "", 0
    for at in range(start, end):
        found.append(f"{label} {min(since, 6)}" if label else "")
        since += 1
        if words[at] in _FIELD_ENDS and at > start:
            label, since = seen[at - 1], 0
    return found


class _Heads:
    """The heads of a table: the first of neighbouring lines that have as many cells."""

    def __init__(self) -> None:
        self._count = 0
        self._heads: list[str] = []

    def read(self, line: Sequence[str]) -> list[str]:
        """The head of the column of each token, empty in the first line of a table and outside one."""
        bar = max(_BARS, key=line.count)
        count = line.count(bar)
        if count < 2:
            self._count = 0
            return [""] * len(line)
        cells = []
        cell = 0
        for word in line:
            cells.append(cell)
            cell += word == bar
        if count == self._count:
            return [self._heads[min(one, len(self._heads) - 1)] for one in cells]
        self._count = count
        heads = [""] * (count + 1)
        for one, word in zip(cells, line, strict=True):
            heads[one] = heads[one] or (word if word != bar else "")
        self._heads = heads
        return [""] * len(line)


def list_attributes(sheet: Sheet, hidden: frozenset[str] = frozenset()) -> list[list[str]]:
    """All attributes of each token, for training."""
    described = [describe_word(word, hidden) for word in sheet.words]
    found = []
    for at in range(len(sheet.words)):
        values = ((name, column[at]) for name, column in sheet.columns.items())
        one = [f"{name}={value if isinstance(value, str) else ' '.join(value)}" for name, value in values if value]
        for offset in OFFSETS:
            if 0 <= at + offset < len(described):
                one += (f"{offset}{each}" for each in select_by_offset(described[at + offset], offset))
        found.append(one)
    return found
