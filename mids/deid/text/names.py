"""Names of people by their context: titles, fields of a form, signatures, relatives, lines of their own."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from mids.deid.text.spans import Kind, Span
from mids.deid.text.words import (
    LONGEST,
    Begins,
    Patterns,
    Word,
    ambiguous,
    blocked,
    build_alternation,
    eponyms,
    fold_text,
    list_ambiguous_names,
    list_given_names,
    ordinary,
    particles,
    read_entries,
    vocabulary,
    words,
)

MOST = 7
"""Words of the longest name."""

_GAP = re.compile(r" {1,2}|\.? ?-? ?|'|/")
_COMMA = re.compile(r" ?, {0,2}|\.? ")
_TO_NAME = re.compile(r"[ .:ªº,=(\t/-]{0,12}\n?[ \t]{0,12}(?:dr|dra|d|sr|sra|don|dona)?[.ªº]{0,2}[ ]{0,2}")


_LETTER = re.compile(r"[^\W\d_]")
_CAPITAL = re.compile(r"[A-ZÀ-ÖØ-ÞŒŸ]")


@dataclass(frozen=True, slots=True)
class Line:
    """The words of one line and whether it is written in capitals, so that capitals say nothing."""

    start: int
    end: int
    is_upper: bool


@lru_cache(maxsize=8)
def _lines(text: str) -> tuple[Line, ...]:
    found, at = [], 0
    for line in text.splitlines(keepends=True):
        letters = len(_LETTER.findall(line))
        is_upper = letters > 25 and len(_CAPITAL.findall(line)) * 10 > letters * 9
        found.append(Line(at, at + len(line), is_upper))
        at += len(line)
    return tuple(found)


def _is_upper_at(text: str, at: int) -> bool:
    return _lines(text)[max(bisect_left(_line_starts(text), at + 1) - 1, 0)].is_upper


@lru_cache(maxsize=8)
def _line_starts(text: str) -> list[int]:
    return [line.start for line in _lines(text)]


@dataclass(frozen=True, slots=True)
class Trigger:
    """How sure a context is: `plain` takes words in small letters too, `comma` lets "SURNAMES, GIVEN" go on."""

    name: str
    pattern: re.Pattern[str]
    small: bool = False
    comma: bool = False
    sure: bool = True
    begins: Begins = "letter"


_SPEAKER = (
    r"(?:^|(?<=\n))[ \t]{0,4}(?:\[[^\]\n]{0,14}\d[:.]\d\d(?:[:.]\d\d)?(?: ?[ap]\.?m\.?)?\]"
    r"|[\d/.-]{5,10},? \d{1,2}[:.]\d\d(?: ?[ap]\.?m\.?)? -)[ \t]{1,3}(?=[^\W\d_][^:\n]{0,40}:)"
)
"""What stands before who speaks in a chat: [12/3/24, 9:14:02], 12/3/24 9:14 -."""


_SPELT_TITLE = "(?:doctora?|docteure?|doctoresse)"
_BEFORE_TITLE = (
    "(?:por|par|by|con|avec|with|per|amb|del?|du|of|pel|al?|au|to|segun|selon|segons) (?:el |la |le |the |l')?"
)
_ENDS_PHRASE = r"(?=[^\W\d_]{4,30}(?:[,.;:)\n]|$| (?:y|e|i|et|and) ))"
"""Around a title that is spelt out before a name in small letters: alone, a verb follows it (el doctor piensa que)."""

_OF_SIGNS = r" d[e'’]"
"""Behind what is no signature but a sign: signe de Golden."""


@cache
def _triggers() -> tuple[Trigger, ...]:
    lists = vocabulary()
    label = (
        rf"(?<![\w]){build_alternation(lists['labels'])}(?: ?\(?a\)?)?[ \t]{{0,6}}"
        rf"(?::|\t|=|\||\.:|\.-|\n)[ \t.:|-]{{0,12}}"
    )
    form = rf"(?:^|(?<=\n))[ \t]{{0,8}}{build_alternation(lists['labels'])}[ \t]{{1,8}}"
    title = r"(?:\.? ?/ ?(?:dra|dna|sra|a)\b)?(?![\w])[.ªº]{0,3}[ \t]{0,3}"
    signed = rf"(?<![\w]){build_alternation(lists['signatures'])}(?![\w]|{_OF_SIGNS})[ .:,-]{{0,8}}\n?[ \t]{{0,12}}"
    return (
        Trigger("field", re.compile(label), small=True, comma=True),
        Trigger("form", re.compile(form), comma=True, sure=False, begins="anywhere"),
        Trigger("signature", re.compile(signed), comma=True),
        Trigger("closing", re.compile(rf"(?<![\w]){build_alternation(lists['closings'])}[ .,:]{{0,4}}\n\s{{0,8}}")),
        Trigger("title", re.compile(rf"(?<![\w]){build_alternation(lists['titles'])}{title}")),
        Trigger("title", re.compile(rf"(?<![\w])(?:dra?s?|dres|sra?|srta|mrs?|ms|mme|mlle){title}"), small=True),
        Trigger("title", re.compile(rf"(?<![\w]){_BEFORE_TITLE}{_SPELT_TITLE}{title}(?=[^\W\d_]{{4}})"), small=True),
        Trigger("title", re.compile(rf"(?<![\w]){_SPELT_TITLE}{title}{_ENDS_PHRASE}"), small=True),
        Trigger("speaker", re.compile(_SPEAKER), sure=False, begins="anywhere"),
        Trigger(
            "weak", re.compile(rf"(?<![\w]){build_alternation(lists['weak'])}[ ,:(]{{1,4}}"), comma=True, sure=False
        ),
    )


@cache
def _trigger_patterns() -> Patterns:
    return Patterns(tuple((trigger.pattern, trigger.begins) for trigger in _triggers()))


_LETTER_TITLE = re.compile(r"(?<![\w.])(?:D\.ª|M\.[ªa]|D[ªa]\.?|D\.|M\.)[ ]{0,2}(?=[^\W\d_])")
_INNER_TITLE = re.compile(
    r"(?:(?:dr|dra|drs|sr|sra|prof|d(?=[.ªº])|dna|don|dona)\b(?:/(?:dra|dna|a)\b)?[.ªº]{0,3} {0,2}){1,3}"
)


@dataclass(frozen=True, slots=True)
class Names:
    """The recogniser of names by context; a name found once is then found everywhere in the text.

    `lines` says whether a line of capitalised words is a name: in a short label it is mostly none.
    """

    lines: bool = True

    def find(self, text: str) -> Iterator[Span]:
        """All names by context, and every later mention of their parts."""
        found = [
            *_find_triggered_names(text),
            *(_find_lone_names(text) if self.lines else ()),
            *_find_by_given_name(text),
            *_find_described_names(text),
        ]
        yield from found
        yield from find_repeated_names(text, found, "NAME")


def _find_triggered_names(text: str) -> Iterator[Span]:
    plain, all_words = fold_text(text), words(text)
    starts = [word.start for word in all_words]
    for number, match in _trigger_patterns().find(plain):
        inner = _INNER_TITLE.match(plain, match.end())
        yield from _find_name_after(text, starts, inner.end() if inner else match.end(), _triggers()[number])
    title = next(one for one in _triggers() if one.name == "title")
    for match in _LETTER_TITLE.finditer(text):
        yield from _find_name_after(text, starts, match.end(), title)


def _find_name_after(text: str, starts: list[int], at: int, trigger: Trigger) -> Iterator[Span]:
    """The name that begins at a place, if one does."""
    all_words = words(text)
    first = bisect_left(starts, at)
    if first < len(all_words) and all_words[first].start - at <= 1:
        last = _taken(text, all_words, first, trigger)
        if last > first:
            yield Span(all_words[first].start, all_words[last - 1].end, "NAME", trigger.name)


def _taken(text: str, all_words: tuple[Word, ...], first: int, trigger: Trigger) -> int:
    """The index after the last word of a name that begins at `first`; `first` where none does."""
    upper = _is_upper_at(text, all_words[first].start)
    last, at, commas = first, first, 0
    while at < len(all_words) and at - first < MOST:
        word = all_words[at]
        if at > first:
            gap = text[all_words[at - 1].end : word.start]
            if not _GAP.fullmatch(gap):
                commas += 1
                if not trigger.comma or commas > 1 or not _COMMA.fullmatch(gap):
                    break
            elif "." in gap and len(all_words[at - 1].text) > 2:
                break  # the end of a sentence
        if word.plain in particles() and at + 1 < len(all_words) and (at > first or _begins(word, trigger)):
            at += 1
            continue
        if not _is_part(word, trigger, upper=upper, is_first=at == first):
            break
        at += 1
        last = at
    return last


def _begins(word: Word, trigger: Trigger) -> bool:
    """Whether a particle can begin a name: `El Amrani`, `de la Fuente`, but not "the patient, el …"."""
    return word.is_capitalised or (trigger.name != "weak" and word.plain in ("de", "del", "d", "di", "van", "von"))


def _is_part(word: Word, trigger: Trigger, *, upper: bool, is_first: bool) -> bool:
    """Whether a word can be part of a name in its context."""
    if len(word.text) > LONGEST:
        return False
    if word.plain in list_ambiguous_names() and word.is_capitalised:
        return True
    if word.plain in blocked():  # "Dr. Willis" is a person, "Dr. Consulta" isn't
        return is_first and trigger.name in ("field", "title") and word.is_capitalised and word.plain in eponyms()
    common = word.plain in ordinary()
    if upper:
        return not common
    if not word.is_capitalised:
        is_given = trigger.name == "weak" and word.plain in read_entries("given") and word.plain not in ambiguous()
        return not common and (is_given or (trigger.small and (is_first or trigger.name == "field")))
    if trigger.sure:
        return True
    return not (common and is_first) and not (word.is_upper and len(word.text) < 5)


# --- without a word before -------------------------------------------------------------------------------

_TAIL = re.compile(
    r"[ \t,.;-]{0,4}(?:\n|$|\(|<|\d|[,-] ?m\.?d\b|n[ º°o.]{0,3}|num\b|col\b|md\b|mir\b|medic|radiolog|especialista"
    r"|facultativ|m\. ?d|frcr|servi|jefe|adjunt)"
)


def _find_lone_names(text: str) -> Iterator[Span]:
    """Lines that begin with a name and hold nothing else, or what belongs to a signature."""
    all_words, plain = words(text), fold_text(text)
    starts = [word.start for word in all_words]
    trigger = Trigger("line", _TAIL, comma=True, sure=False)
    for line in _lines(text):
        first = bisect_left(starts, line.start)
        if first >= len(all_words) or all_words[first].start >= line.end:
            continue
        if text[line.start : all_words[first].start].strip(" \t-*·.\u2022"):
            continue
        last = _taken(text, all_words, first, trigger)
        names = all_words[first:last]
        real = [word for word in names if word.plain not in particles()]
        if len(real) < 2 or not _TAIL.match(plain, names[-1].end):
            continue
        if all(word.is_upper for word in real):  # a heading, unless a given name or nothing common is in it
            if not any(word.plain in list_ambiguous_names() for word in real):
                continue
        elif any(word.plain in ordinary() for word in real):
            continue
        yield Span(names[0].start, names[-1].end, "NAME", "line")


def _find_by_given_name(text: str) -> Iterator[Span]:
    """A common given name and a capitalised word that is no ordinary one."""
    all_words = words(text)
    trigger = Trigger("given name", _TAIL, sure=False)
    given = list_given_names()
    for at, word in enumerate(all_words):
        if word.plain in given and word.is_capitalised and word.plain not in eponyms():
            last = _taken(text, all_words, at, trigger)
            real = [one for one in all_words[at:last] if one.plain not in particles()]
            if len(real) >= 2 and not all(one.plain in ordinary() for one in real[1:]):
                yield Span(word.start, all_words[last - 1].end, "NAME", "given name")


_DESCRIBED = re.compile(
    r",? {1,2}(?:natural de|vecin[oa] de|nacid[oa]|nascut|nascuda|nee? le|born|aged?|age de|agee de|resident"
    r"|de \d{1,3} (?:anos|anys|ans)|con (?:dni|nie|nhc|sip)|amb (?:dni|cip))\b"
)


def _find_described_names(text: str) -> Iterator[Span]:
    """Two or more capitalised words before what is said of a person: of so many years, born in."""
    all_words = words(text)
    starts = [word.start for word in all_words]
    for match in _DESCRIBED.finditer(fold_text(text)):
        at = first = bisect_left(starts, match.start() + 1)
        while at and first - at < MOST and _precedes(text, all_words, at, first):
            at -= 1
        run = [word for word in all_words[at:first] if word.plain not in particles()]
        if len(run) >= 2:
            yield Span(run[0].start, all_words[first - 1].end, "NAME", "described")


def _precedes(text: str, all_words: tuple[Word, ...], at: int, first: int) -> bool:
    """Whether the word before `at` goes on with a name that ends at `first`."""
    word = all_words[at - 1]
    gap = text[word.end : all_words[at].start] if at < first else " "
    good = word.is_capitalised and (word.plain not in ordinary() or word.plain in list_ambiguous_names())
    return _GAP.fullmatch(gap) is not None and (word.plain in particles() or good)


def find_repeated_names(text: str, found: Iterable[Span], kind: Kind) -> Iterator[Span]:
    """Every other mention of a part of the names found: capitalised, of four letters or more, no ordinary word."""
    all_words = words(text)
    starts = [word.start for word in all_words]
    parts = {
        word.plain
        for span in found
        for word in all_words[bisect_left(starts, span.start) : bisect_left(starts, span.end)]
        if len(word.plain) >= 4 and word.plain not in ordinary() and word.plain not in blocked()
    }
    for word in all_words if parts else ():
        if word.plain in parts and word.is_capitalised:
            yield Span(word.start, word.end, kind, "mentioned before")
