"""Reports that were published as stems: PadChest's column `Report` has words without endings, and lacks small words.

The lexicon is cut in the same way (Snowball, as PadChest's own program did), so that its patterns find them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache

import snowballstemmer

from mids.labelling.lexicon import JOINS, Lexicon, Pattern, Term, make_pattern

KEPT = frozenset({"masa", "masas"})
"""Words that PadChest's program left whole, because their stem is another word."""

CUT = re.compile(r"[a-z0-9.\s]*")
"""All that such a text has: no capitals, no accents, no commas."""

SHARE, LONG = 0.75, 4
"""The share of the words of `LONG` or more letters that are their own stems in such a text; the stem of a stem may be
another."""

ENDINGS = ("", "a", "o", "e", "as", "os", "es", "on", "do", "r")
"""What a word of the lexicon that ends with "*" may go on with: its own stem may differ from theirs."""

_KNOWN: dict[int, tuple[Lexicon, Lexicon]] = {}


@cache
def stem(word: str, algorithm: str) -> str:
    """A word without its ending."""
    return word if word in KEPT else str(snowballstemmer.stemmer(algorithm).stemWord(word))


def fitting(words: Lexicon, text: str) -> Lexicon:
    """The lexicon for a report: its stems, where the report consists of stems, else itself."""
    if not words.stemmer or not CUT.fullmatch(text):
        return words
    found = re.findall(r"[^\W\d_]+", text)
    long = [word for word in found if len(word) >= LONG]
    if not long or any(word in words.small for word in found):
        return words
    own = sum(stem(word, words.stemmer) == word for word in long)
    return _cut(words) if own >= SHARE * len(long) else words


def stems_known(words: Lexicon) -> frozenset[str]:
    """The stems of the words of a lexicon's findings; none where it has no stemmer."""
    return _stems(words.vocabulary, words.stemmer) if words.stemmer else frozenset()


@cache
def _stems(vocabulary: frozenset[str], algorithm: str) -> frozenset[str]:
    return frozenset(stem(word.removesuffix("*"), algorithm) for word in vocabulary)


def _cut(words: Lexicon) -> Lexicon:
    """A lexicon with stems; made once. It mends no word and knows no headings, which such reports lack."""
    known = _KNOWN.get(id(words))
    if known is None or known[0] is not words:
        known = _KNOWN[id(words)] = (words, _stems_of(words))
    return known[1]


def _stems_of(words: Lexicon) -> Lexicon:
    def cut(patterns: Iterable[Pattern], *, whole: bool = False) -> tuple[Pattern, ...]:
        made = (_pattern(pattern.words, words, whole=whole) for pattern in patterns)
        return tuple(make_pattern(each) for each in dict.fromkeys(made) if each)

    def terms(given: Iterable[Term]) -> tuple[Term, ...]:
        return tuple(replace(term, patterns=cut(term.patterns)) for term in given)

    cues = {kind: cut(patterns, whole=kind.startswith(("aside", "doubted"))) for kind, patterns in words.cues.items()}
    return replace(
        words, findings=terms(words.findings), localizations=terms(words.localizations), cues=cues,
        sections=dict.fromkeys(words.sections, ()), joins=_joins(words), ignored=cut(words.ignored),
        vocabulary=frozenset(), ordinary=frozenset(), stemmer="",
    )  # fmt: skip


def _joins(words: Lexicon) -> Mapping[str, str]:
    kept = {
        kind: "|".join(stem(each, words.stemmer) for each in given.split("|") if each not in words.small)
        for kind, given in words.joins.items() if given != JOINS[kind]
    }  # fmt: skip
    return {**JOINS, **{kind: given for kind, given in kept.items() if given}}


def _pattern(entry: str, words: Lexicon, *, whole: bool) -> str:
    """An entry with stems, "" where it can't be found without small words.

    A part that may be a small word may be absent. With `whole` an entry is left out that begins with a small word: what
    is left of "por sospecha de" would be found in a doubt.
    """
    mark = "=" if entry.startswith("=") else ""
    parts = entry.removeprefix(mark).split()
    if ":" in parts or (whole and set(_choices(parts[0])) & words.small):
        return ""
    made: list[str] = []
    for part in parts:
        if part.startswith("..."):
            made += [part] if made else []
            continue
        choices = _choices(part)
        kept = dict.fromkeys(each for choice in choices if choice not in words.small for each in _cuts(choice, words))
        absent = part.endswith("?") or any(choice in words.small for choice in choices)
        made += ["|".join(kept) + "?" * absent] if kept else []
    while made and made[-1].startswith("..."):
        made.pop()
    return mark + " ".join(made) if any(not part.endswith(("?", "...")) for part in made) else ""


def _choices(part: str) -> list[str]:
    return part.rstrip("?").split("|")


def _cuts(choice: str, words: Lexicon) -> Iterator[str]:
    """What a word of an entry may have become; one with "*" also as it begins."""
    begin = choice.removesuffix("*")
    if begin != choice:
        yield choice
    if begin in KEPT:
        yield from KEPT
        return
    yield from (stem(begin + ending, words.stemmer) for ending in (ENDINGS if begin != choice else ("",)))
