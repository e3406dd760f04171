"""Text as words: without accents and in lower case at the same places; the closed lists that rules read; beginnings."""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Literal, NamedTuple

from mids.resources import read_yaml, schemas

LONGEST = 40
"""Letters of the longest word that is taken for a name."""


class _Folding(dict[int, str]):
    """Each character in lower case and without its accent, always one for one."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        plain = unicodedata.normalize("NFD", char)[0].lower()
        if char in "’‘´`":
            plain = "'"
        elif char.isspace() and char not in "\n\r\t\f\v\x1c\x1d\x1e\x85\u2028\u2029":
            plain = " "
        elif char in "‐‑‒–—−":
            plain = "-"
        self[code] = plain if len(plain) == 1 else char
        return self[code]


_FOLDING = _Folding()


@lru_cache(maxsize=8)
def fold_text(text: str) -> str:
    """The text in lower case and without accents, as long as before; NFC is expected (see `composed`)."""
    return text.translate(_FOLDING)


def compose_text(text: str) -> str:
    """The text in NFC and without soft hyphens, zero-width and other format characters (category Cf).

    They are not seen, and would hide a name from every rule.
    """
    if text.isascii():
        return text
    plain = unicodedata.normalize("NFC", text)
    unseen = {ord(char): None for char in set(plain) if unicodedata.category(char) == "Cf"}
    return plain.translate(unseen) if unseen else plain


class Word(NamedTuple):
    """A word: text[start:end], as written and folded."""

    start: int
    end: int
    text: str
    plain: str

    @property
    def is_capitalised(self) -> bool:
        """Whether it begins with a capital, after `d'`, `l'` and the like too."""
        return self.text[0].isupper() or (self.plain[1:2] == "'" and self.text[2].isupper())

    @property
    def is_upper(self) -> bool:
        """Whether it is all in capitals."""
        return self.text.isupper()


_WORD = re.compile(r"[^\W\d_]+(?:['’·-][^\W\d_]+)*")


@lru_cache(maxsize=8)
def words(text: str) -> tuple[Word, ...]:
    """The words of a text, with inner apostrophes and hyphens, in order."""
    plain = fold_text(text)
    spans = [match.span() for match in _WORD.finditer(text)]
    return tuple([Word(start, end, text[start:end], plain[start:end]) for start, end in spans])


@cache
def vocabulary() -> Mapping[str, Any]:
    """The lists of `schemas/deid/text/words.yaml`."""
    content: Mapping[str, Any] = read_yaml(schemas() / "deid" / "text" / "words.yaml")
    return content


@cache
def surrogate_lists() -> Mapping[str, list[str]]:
    """The lists of `schemas/deid/text/surrogates.yaml`."""
    content: Mapping[str, list[str]] = read_yaml(schemas() / "deid" / "text" / "surrogates.yaml")
    return content


@cache
def read_entries(name: str) -> frozenset[str]:
    """The entries of a list of `schemas/deid/text/lists` (given, surnames, towns, countries), folded."""
    path = schemas() / "deid" / "text" / "lists" / f"{name}.txt"
    lines = path.read_text(encoding="utf-8").splitlines()
    return frozenset(fold_text(line) for line in lines if not line.startswith("#"))


@cache
def list_ambiguous_names() -> frozenset[str]:
    """Ordinary words that are surnames too, and common given names and surnames, folded."""
    lists = surrogate_lists()
    return frozenset(fold_text(n) for key in ("words_that_are_surnames", "given", "surnames") for n in lists[key])


@cache
def ambiguous() -> frozenset[str]:
    """Ordinary words, folded, those that are surnames too among them: in small letters no names."""
    surnames = {fold_text(name) for name in surrogate_lists()["words_that_are_surnames"]}
    return ordinary() | surnames | frozenset(vocabulary()["words_in_small_letters"])


@cache
def list_given_names() -> frozenset[str]:
    """Common given names, folded."""
    return frozenset(fold_text(name) for name in surrogate_lists()["given"])


@cache
def ordinary() -> frozenset[str]:
    """Words of clinical reports, folded, that are no names."""
    folder = schemas() / "deid" / "text"
    found: set[str] = set(blocked())
    for path in sorted(folder.glob("words_*.txt")):
        lines = path.read_text(encoding="utf-8").splitlines()
        found.update(line for line in lines if not line.startswith("#"))
    for phrase in vocabulary()["headings"] + vocabulary()["institutions"]["fields"]:
        found.update(phrase.split())
    return frozenset(found - list_ambiguous_names())


@cache
def blocked() -> frozenset[str]:
    """Words that are never a name: those after which none begins, and eponyms."""
    titles = {fold_text(title) for title in vocabulary()["titles"] if len(title) > 3}
    return frozenset(map(fold_text, vocabulary()["never"])) | eponyms() | titles


@cache
def titles() -> frozenset[str]:
    """Titles and words before a name, folded: no part of it."""
    lists = vocabulary()
    phrases = (*lists["titles"], *lists["titles_of_one_letter"], *lists["labels"], *lists["signatures"])
    return frozenset(word for phrase in phrases for word in fold_text(phrase).split()) - list_ambiguous_names()


@cache
def eponyms() -> frozenset[str]:
    """Names of signs, structures, scales and devices, folded."""
    return frozenset(vocabulary()["eponyms"])


@cache
def particles() -> frozenset[str]:
    """Words that link the parts of a name."""
    return frozenset(vocabulary()["particles"])


def build_alternation(phrases: list[str]) -> str:
    """A pattern for any of the phrases, blanks of any width up to 3; phrases with a common beginning share it."""
    tree: dict[str, Any] = {}
    for phrase in phrases:
        branch = tree
        for char in fold_text(phrase):
            branch = branch.setdefault(char, {})
        branch[""] = {}
    return _branches(tree)


def _branches(tree: Mapping[str, Any]) -> str:
    """A tree of characters as a pattern, the longest phrases first."""
    parts = [
        (" {1,3}" if char == " " else re.escape(char)) + _branches(rest) for char, rest in sorted(tree.items()) if char
    ]
    if not parts:
        return ""
    text = "|".join(parts)
    if "" in tree:
        return f"(?:{text})?"
    return f"(?:{text})" if len(parts) > 1 else text


def join_patterns(patterns: Iterable[str]) -> str:
    """A pattern for any of the patterns, in their order; those that begin with one letter share it, to fail at once."""
    parts: list[str] = []
    shared: dict[str, list[str]] = {}
    for pattern in patterns:
        if _LITERAL.match(pattern):
            shared.setdefault(pattern[0], []).append(pattern[1:])
        else:
            parts += [f"{letter}(?:{'|'.join(rest)})" for letter, rest in shared.items()] + [pattern]
            shared = {}
    return "|".join((*parts, *(f"{letter}(?:{'|'.join(rest)})" for letter, rest in shared.items())))


_LITERAL = re.compile(r"[a-z](?![?*+{])(?:[^|()]|\([^()]*\))*$")
"""A pattern that begins with a letter and has no bar outside of brackets."""


# --- where a pattern can begin: trying it there alone takes a fraction of searching it at every character ---------

Begins = Literal["digit", "letter", "word", "either", "mail", "anywhere"]
"""With a digit or a bracket or plus before one, with a word, with a word that has a number behind it, with a digit or
such a word, with an address before its sign, anywhere."""

NEAR = 120
"""Characters behind the beginning of a word within which its number begins."""

_DIGIT = re.compile(r"(?<!\d)\d|[(+]")
_FIRST_LETTER = re.compile(r"(?<![^\W\d_])[^\W\d_]")
_SIGN = re.compile(r"@|\(at\)|\[at\]|(?<= )(?:arroba|arrova|arobase|at)(?= )")
_LOCAL = re.compile(r"[\w.+-]{1,64} ?$")


@lru_cache(maxsize=32)
def find_starts(plain: str, begins: Begins) -> tuple[int, ...]:
    """The places of a folded text where patterns of a sort can begin, in order."""
    if begins == "digit":
        return tuple(match.start() for match in _DIGIT.finditer(plain))
    if begins == "letter":
        return tuple(match.start() for match in _FIRST_LETTER.finditer(plain))
    if begins == "word":
        digits, starts = find_starts(plain, "digit"), find_starts(plain, "letter")
        return tuple(at for at in starts if (to := bisect_left(digits, at)) < len(digits) and digits[to] - at < NEAR)
    if begins == "either":
        return tuple(sorted((*find_starts(plain, "digit"), *find_starts(plain, "word"))))
    return tuple(dict.fromkeys(_find_local_parts(plain)))


def _find_local_parts(plain: str) -> Iterator[int]:
    """Where the part of an address before each sign begins."""
    for sign in _SIGN.finditer(plain):
        first = max(sign.start() - 66, 0)
        if local := _LOCAL.search(plain[first : sign.start()]):
            yield first + local.start()


def find_matches(pattern: re.Pattern[str], plain: str, begins: Begins) -> Iterator[re.Match[str]]:
    """What `pattern.finditer` would find, tried only where the pattern can begin."""
    if begins == "anywhere":
        return pattern.finditer(plain)
    return _try_at(pattern, plain, find_starts(plain, begins))


def _try_at(pattern: re.Pattern[str], plain: str, starts: Iterable[int]) -> Iterator[re.Match[str]]:
    end = 0
    for start in starts:
        match = pattern.match(plain, start) if start >= end else None
        while match:  # another one may begin where one ended, within a word
            yield match
            end = match.end()
            match = pattern.match(plain, end) if end > match.start() else None


@dataclass(frozen=True, slots=True, eq=False)
class Patterns:
    """Patterns with what they begin with, searched together: most words begin none of them, which one look tells."""

    entries: tuple[tuple[re.Pattern[str], Begins], ...]

    def find(self, plain: str) -> Iterator[tuple[int, re.Match[str]]]:
        """What `find_matches` finds of each pattern in turn, with the pattern's place in the entries."""
        sieves = _build_sieves(self)
        starts = {sort: [at for at in find_starts(plain, sort) if one.match(plain, at)] for sort, one in sieves.items()}
        for number, (pattern, begins) in enumerate(self.entries):
            if begins == "anywhere":
                yield from ((number, match) for match in pattern.finditer(plain))
            else:
                yield from ((number, match) for match in _try_at(pattern, plain, starts[begins]))


@cache
def _build_sieves(patterns: Patterns) -> Mapping[Begins, re.Pattern[str]]:
    """For each beginning one pattern that matches where any does; groups have a number behind their names."""
    found: dict[Begins, list[str]] = {}
    for number, (pattern, begins) in enumerate(patterns.entries):
        if begins != "anywhere":
            own = re.sub(r"\(\?P([<=])(\w+)", rf"(?P\1\g<2>_{number}", pattern.pattern)
            found.setdefault(begins, []).append(f"(?:{own})")
    return {begins: re.compile("|".join(parts)) for begins, parts in found.items()}
