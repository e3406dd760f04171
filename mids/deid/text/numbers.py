"""Numbers, addresses of mail and web pages: the patterns of `schemas/deid/text/numbers.yaml`."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from mids.deid.text.spans import Kind, Span
from mids.deid.text.words import Patterns, Word, fold_text, ordinary, words
from mids.resources import read_yaml, schemas


@dataclass(frozen=True, slots=True, eq=False)
class _Listed:
    """Patterns with the name, the check and the kind of each."""

    patterns: Patterns
    said: tuple[tuple[str, str, Kind], ...]

    def find(self, plain: str) -> Iterator[Span]:
        for number, match in self.patterns.find(plain):
            name, check, kind = self.said[number]
            if not check or passes(check, match):
                start, end = match.span("x") if "x" in match.re.groupindex else match.span()
                yield Span(start, end, kind, name)


@cache
def list_numbers() -> _Listed:
    """The patterns of `schemas/deid/text/numbers.yaml`."""
    entries = read_yaml(schemas() / "deid" / "text" / "numbers.yaml")
    texts = ["".join(line.strip() for line in entry["pattern"].splitlines()) for entry in entries]
    begins = [entry.get("begins", "anywhere") for entry in entries]
    patterns = Patterns(tuple(zip(map(re.compile, texts), begins, strict=True)))
    return _Listed(patterns, tuple((entry["name"], entry.get("check", ""), "NUM") for entry in entries))


@cache
def list_messages() -> _Listed:
    """The patterns of fields of HL7 messages."""
    found = list(_fields_of_messages())
    patterns = Patterns(tuple((pattern, "anywhere") for pattern, _ in found))
    return _Listed(patterns, tuple(("field of a message", "", kind) for _, kind in found))


def _fields_of_messages() -> Iterator[tuple[re.Pattern[str], Kind]]:
    """Fields of HL7 messages that name somebody, by segment and number (`schemas/deid/text/messages.yaml`)."""
    for segment, kinds in read_yaml(schemas() / "deid" / "text" / "messages.yaml").items():
        for kind, numbers in kinds.items():
            for number in numbers:
                # the sign between fields is the first field of a header
                before = number - 1 - (segment == "msh")
                pattern = rf"(?m)^{segment}(?:\|[^|\n]{{0,300}}){{{before}}}\|(?P<x>[^|\n]{{2,300}})"
                yield re.compile(pattern), kind


FEWEST_DICTATED = 5
"""Digits in words, one behind the other, from which on they are an identifier and no count."""

_POSTAL = re.compile(r"(?<![\w.,/-])(?:[a-z]-)?\d{5}(?=[ ,-]{1,3}[^\W\d_])")
_LETTERS = re.compile(r"[^\W\d_]+")
_HINT = re.compile(r"[\d@]|www|//|arro[bv]|usuari|user|login| at ")
"""What every text with a number or an address holds."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """The recogniser of numbers; a number with a check digit needs no word beside it, most others do."""

    def find(self, text: str) -> Iterator[Span]:
        """Numbers, postal codes before the name of a place, and fields of messages."""
        plain = fold_text(text)
        yield from _find_dictated(text, plain)
        if not _HINT.search(plain):
            return
        yield from list_numbers().find(plain)
        if "|" in plain:
            yield from list_messages().find(plain)
        yield from _postal_codes(text, plain)


def _find_dictated(text: str, plain: str) -> Iterator[Span]:
    """Five or more digits in words of numbers below a hundred in a row: dos cero cuatro cinco uno, double two three."""
    lists = _said()
    for run in _find_runs(text, plain):
        if len(run) < FEWEST_DICTATED:
            continue
        said = [word.plain for word in run]
        digits = [
            at
            for at, (before, one, after) in enumerate(zip(["", *said], said, [*said[1:], ""], strict=False))
            if one not in lists["links"] and not _is_or(before, one, after)
        ]
        if len(digits) >= FEWEST_DICTATED:
            yield Span(run[digits[0]].start, run[digits[-1]].end, "NUM", "dictated")


def _is_or(before: str, one: str, after: str) -> bool:
    """Whether a word says *or*, or counts things, and no digit: dos o tres, siete u ocho, una."""
    if one == "o":
        return not {before, after} & _said()["beside_o"]
    return one == "una" or (one == "u" and after.startswith("o"))


def _find_runs(text: str, plain: str) -> Iterator[list[Word]]:
    """Words of numbers, what links and what doubles them, with one blank or hyphen between."""
    known, run = _said()["all"], list[Word]()
    for word in words(text):
        if word.plain not in known and ("-" not in word.plain or word.plain.partition("-")[0] not in known):
            continue
        for part in _LETTERS.finditer(plain, word.start, word.end):
            if run and plain[run[-1].end : part.start()] not in (" ", "-"):
                yield run
                run = []
            if part[0] in known:
                run.append(Word(*part.span(), part[0], part[0]))
    yield run


@cache
def _said() -> Mapping[str, frozenset[str]]:
    """Words of numbers below a hundred (`all`, with what links and doubles them), `links`, and those `beside_o`."""
    content = read_yaml(schemas() / "deid" / "text" / "months.yaml")["dictated"]
    lists = {key: frozenset(content[key]) for key in content}
    return {**lists, "all": frozenset().union(*lists.values())}


def _postal_codes(text: str, plain: str) -> Iterator[Span]:
    """Five digits before a capitalised word that is no ordinary one: 28016 Madrid."""
    following = {word.start: word for word in words(text)}
    for match in _POSTAL.finditer(plain):
        word = next((following[at] for at in range(match.end(), match.end() + 4) if at in following), None)
        if word is not None and word.is_capitalised and word.plain not in ordinary():
            yield Span(match.start(), match.end(), "NUM", "postal code")


# --- check digits ----------------------------------------------------------------------------------------


def is_dni(digits: str, letter: str) -> bool:
    """Whether the letter is that of a Spanish DNI or NIE (Royal Decree 1553/2005: the number modulo 23)."""
    number = digits.upper().translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == letter.upper()


def is_nir(number: str, key: str) -> bool:
    """Whether the key is that of a French NIR (INSEE: 97 minus the 13 digits modulo 97; 2A counts as 19, 2B as 18)."""
    month = int(number[3:5])
    plain = int(number.upper().replace("2A", "19").replace("2B", "18"))
    return (1 <= month <= 12 or 20 <= month <= 42 or month >= 50) and 97 - plain % 97 == int(key)


def is_iranian(digits: str) -> bool:
    """Whether ten digits are an Iranian national code: the last one is a checksum modulo 11 of the others."""
    if len(set(digits)) == 1:
        return False
    rest = sum(int(digit) * (10 - at) for at, digit in enumerate(digits[:9])) % 11
    return int(digits[9]) == (rest if rest < 2 else 11 - rest)


def passes(check: str, match: re.Match[str]) -> bool:
    """Whether what a pattern of `schemas/deid/text/numbers.yaml` found passes the check that it names."""
    number = re.sub(r"[ .-]", "", match["number"])
    if check == "dni":
        return is_dni(number, match["letter"])
    if check == "nir":
        return is_nir(number, match["key"])
    raise ValueError(f"there is no check {check!r}")
