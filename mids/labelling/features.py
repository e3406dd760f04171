"""What a model sees of a report: words with what denies them, parts of words, and the verdicts of the rules.

A feature is a number from 0 to `SIZE` - 1, made from its text by a hash (Weinberger et al. 2009), so that a model
holds no word of a report.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

from mids.labelling.rules import Reading, drop_normal

SIZE = 1 << 16
WORD, PART, RULE = 1.0, 0.35, 2.0
"""How much the kinds of features weigh."""
GRAM = 4
"""Letters of a part of a word."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature at its place in a sentence, with its value."""

    number: int
    value: float
    sentence: int
    start: int
    end: int


def report_features(readings: Sequence[Reading], *, rules: bool = True) -> list[Feature]:
    """The features of a report; without those of the verdicts where `rules` is false."""
    found: list[Feature] = []
    for place, reading in enumerate(readings):
        found += _word_features(reading, place)
        if rules:
            found += _rule_features(reading, place)
    if rules:
        said = drop_normal([reading.sentence for reading in readings])
        labels = {name for one in said for name in one.labels} or {""}
        found += [Feature(_number(f"report {name}"), RULE, 0, 0, 0) for name in sorted(labels)]
    return found


def row_values(features: Sequence[Feature]) -> dict[int, float]:
    """The value of each feature of a report, each once."""
    values: dict[int, float] = {}
    for one in features:
        values[one.number] = max(one.value, values.get(one.number, 0.0))
    return values


def _word_features(reading: Reading, place: int) -> Iterator[Feature]:
    words = [(match[0], match.start(), match.end()) for match in re.finditer(r"\w+", reading.part.text)]
    tagged = [(_tag(reading, start) + word, start, end) for word, start, end in words]
    for size in (1, 2, 3):
        for at in range(len(tagged) - size + 1):
            run = tagged[at : at + size]
            text = " ".join(word for word, _, _ in run)
            yield Feature(_number(f"word {text}"), WORD, place, run[0][1], run[-1][2])
    for word, start, end in tagged:
        for number in _parts(word):
            yield Feature(number, PART, place, start, end)


def _rule_features(reading: Reading, place: int) -> Iterator[Feature]:
    for one in reading.verdicts:
        yield Feature(_number(f"rule {one.status} {one.label}"), RULE, place, one.start, one.end)


def _tag(reading: Reading, start: int) -> str:
    """What the sentence makes of a word: "denied " in the scope of a negation, and so on."""
    tags = [kind for kind, begin, end in reading.scopes if begin <= start < end]
    return f"{tags[0]} " if tags else ""


@lru_cache(maxsize=200_000)
def _parts(word: str) -> tuple[int, ...]:
    text = f"<{word}>"
    return tuple(_number(f"part {text[at : at + GRAM]}") for at in range(max(1, len(text) - GRAM + 1)))


def _number(text: str) -> int:
    return crc32(text.encode()) % SIZE
