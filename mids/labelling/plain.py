"""Plain text of reports: lower case, no accents, common misspellings mended, cut into sentences and sections; every
character knows where it stands in the report."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from mids.labelling.lexicon import STEM, Lexicon, Pattern
from mids.labelling.spelling import mend

HEADING = re.compile(r"\s*([^\W\d][\w /()]{1,60}?)\s*(?::|\n)")
"""What may be the heading of a section, at the begin of a sentence."""
TITLE = 2
"""Words of a heading that says nothing of the image itself ("Impresión diagnóstica")."""
BREAK = re.compile(r"[;\n()]|(?<!\d)\.|\.(?!\d)")
"""What ends a sentence; a point between figures does not."""

LONGEST = 2_000
"""Characters of the longest sentence: what is longer has lost its points, and would take quadratic time."""

JOINED = {"œ": "oe", "æ": "ae", "·": ""}
"""Letters that lexica spell otherwise: "œdème", and the Catalan "sol·licitud"."""


@dataclass(frozen=True, slots=True)
class Part:
    """A sentence as plain text: `at` has, for each of its characters, the place in the report; `section` is the kind
    of section that it stands in ("request", "history", "findings"), or ""."""

    text: str
    at: tuple[int, ...]
    section: str = ""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The place in the report of the characters `start` to `end` (0-based, end excluded)."""
        return self.at[start], self.at[end - 1] + 1

    @property
    def starts(self) -> frozenset[str]:
        """The first letters of its words, by which patterns are found quickly."""
        return frozenset(word[:STEM] for word in re.findall(r"\w+", self.text))


Marks = Sequence[tuple[str, int]]


@cache
def _letters(char: str) -> str:
    """A character without accents, in lower case; a blank for all signs but those that end sentences and parts."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", char) if not unicodedata.combining(c)).lower()
    bare = JOINED.get(bare, bare)
    return re.sub(r"[^\w,.:;()\n]|_", " ", bare.replace("?", ".").replace("!", "."))


def _plain(text: str) -> tuple[str, list[int]]:
    marks = [(letter, place) for place, char in enumerate(text) for letter in _letters(char)]
    return "".join(letter for letter, _ in marks), [place for _, place in marks]


def normalise_text(text: str) -> str:
    """Text without accents and in lower case, with blanks for all signs but those that end sentences and parts."""
    return re.sub(" +", " ", _plain(text)[0])


def sentences(text: str) -> list[str]:
    """The sentences of a report as plain text; a point between figures ends none."""
    plain, _ = _plain(text)
    return [" ".join(plain[start:end].split()) for start, end in _cut(plain)]


def parts(text: str, words: Lexicon) -> list[Part]:
    """The sentences of a report, with misspelt words of the lexicon mended, each with its section.

    A section goes on to the next heading. That of a request or of the history does so only where a heading of findings
    follows; else it is its own sentence alone, so that no finding is lost to it.
    """
    plain, at = _plain(text)
    cut = list(_cut(plain))
    headings = [_heading(plain, start, words) for start, _ in cut]
    last = max((number for number, (kind, _) in enumerate(headings) if kind == "findings"), default=-1)
    found: list[Part] = []
    section = ""
    for number, (start, end) in enumerate(cut):
        kind, begin = headings[number]
        if kind:
            section = kind
        stays = section == "findings" or last > number
        here = section if kind or stays else ""
        part = _part(plain, at, (max(begin, start), end), words, here)
        if part.text:
            found.append(part)
    return found


def _cut(plain: str) -> Iterator[tuple[int, int]]:
    """Where the sentences of a plain text begin and end; one that is longer than `LONGEST` is cut between words."""
    start = 0
    for end, following in [*(match.span() for match in BREAK.finditer(plain)), (len(plain), len(plain))]:
        while end - start > LONGEST:
            blank = plain.rfind(" ", start + 1, start + LONGEST)
            cut = blank if blank > start else start + LONGEST
            if plain[start:cut].strip():
                yield start, cut
            start = cut
        if plain[start:end].strip():
            yield start, end
        start = following


def _heading(plain: str, start: int, words: Lexicon) -> tuple[str, int]:
    """The kind of the section whose heading stands at `start`, and where its text begins; "" and 0 without one."""
    match = HEADING.match(plain, start)
    if match is None:
        return "", 0
    for kind, patterns in words.sections.items():
        if any(_is_whole(pattern, match[1]) for pattern in patterns):
            is_said = kind == "findings" and len(match[1].split()) > TITLE
            return kind, start if is_said else match.end()
    return "", 0


def _is_whole(pattern: Pattern, text: str) -> bool:
    return pattern.regex.fullmatch(" ".join(text.split())) is not None


def _part(plain: str, at: Sequence[int], place: tuple[int, int], words: Lexicon, section: str) -> Part:
    """A sentence with single blanks and its misspelt words mended."""
    start, end = place
    letters: list[str] = []
    places: list[int] = []
    for match in re.finditer(r"\w+|[^\w\s]+", plain[start:end]):
        word, first = mend(match[0], words), start + match.start()
        if letters and (match[0][0].isalnum() or plain[first - 1].isspace()):
            letters.append(" ")
            places.append(at[first - 1])
        last = start + match.end() - 1
        letters.append(word)
        places += [at[min(first + offset, last)] for offset in range(len(word) - 1)] + [at[last]]
    return Part("".join(letters), tuple(places), section)
