"""Streets, places, institutions and headings, by their words and by closed lists."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from mids.deid.text.guards import ends_sentence
from mids.deid.text.societies import build_origins, find_societies
from mids.deid.text.spans import Kind, Span
from mids.deid.text.words import (
    LONGEST,
    Patterns,
    Word,
    blocked,
    build_alternation,
    eponyms,
    find_matches,
    fold_text,
    ordinary,
    particles,
    read_entries,
    vocabulary,
    words,
)

_EDGE = r"(?<![\w])"
_FLOOR = (
    r"(?:\d{1,3}oa?\b|\d{1,3} ?[ºª°.]{0,2}(?:[a-f]\b|er\b)?|[a-f]\b|p\d{1,2}\b|portal \d{1,3}"
    r"|bloque \d{1,3}|local \d{1,3}|esc(?:alera)?\.? ?\w\b|pta\.?|puerta|piso|bajo|izq?\b\.?|dcha\b\.?)"
)
_HOUSE = r"(?:\d{1,4}[a-z]?(?: ?bis)?|s/n\b|sn\b|km\.? ?\d{1,4}(?:[.,]\d{1,3})?)"
_NUMBER = re.compile(
    rf"[ ,-]{{0,3}}(?:(?:n[º°o.u]{{0,2}}m?(?:ero)?\.?:? ?)?{_HOUSE})(?:[-ºª°]{{1,2}}|\b)"
    rf"(?:[ ,-]{{0,3}}{_FLOOR}){{0,5}}"
    r"(?:[ ,.-]{1,4}(?:[a-z]-)?\d{5}(?!\d))?"
)
_SMALL = re.compile(r"(?:[^\W\d_]{1,20}\.? ){0,4}[^\W\d_]{1,20}(?=[ ,]{1,3}(?:n[º°o.]{1,2} ?)?\d{1,4}\b)")
_UNTYPED = re.compile(
    rf"(?<!\w)(?P<x>(?:[^\W\d_]{{1,25}}[ .]{{1,2}}){{0,4}}[^\W\d_]{{1,25}}[, ]{{1,3}}(?:n[º°o.]{{1,2}} ?)?{_HOUSE}"
    rf"(?:[ ,-]{{0,3}}{_FLOOR}){{0,3}})"
    r"[ .,-]{1,4}\d{5}(?!\d)"
)
"""A street without its kind: words and a number before a postal code."""

_FIVE = re.compile(r"(?<!\d)\d{5}(?!\d)")
_END = re.compile(r"\n|\t| {2,}|;|\. (?=[^\W\d_])|\.$|$")


@cache
def _patterns() -> tuple[tuple[Kind, str, re.Pattern[str]], ...]:
    """Words before a place, a street or an institution, whose name begins where they end."""
    place, street, institution = (vocabulary()[name] for name in ("places", "streets", "institutions"))

    def pattern(phrases: list[str], after: str) -> re.Pattern[str]:
        return re.compile(_EDGE + build_alternation(phrases) + after)

    return (
        (
            "DIR",
            "street",
            pattern(street["types"], r"(?![\w]) {0,2}(?:de la |de los |de las |del |de |d'|dels |des )?"),
        ),
        ("LOC", "place", pattern(place["before"], r" {1,2}(?:la |el |l')?")),
        ("INST", "institution", pattern(institution["heads"], r"(?![\w])")),
        (
            "INST",
            "service",
            pattern(institution["services"], rf" {{0,2}}{build_alternation(institution['fields'])}(?![\w])"),
        ),
    )


@cache
def _places() -> Patterns:
    return Patterns(tuple((pattern, "letter") for _, _, pattern in _patterns()))


@cache
def _fields() -> tuple[tuple[Kind, re.Pattern[str]], ...]:
    """Fields of a form, by what their value is."""
    place, street, institution = (vocabulary()[name] for name in ("places", "streets", "institutions"))
    colon = r"[ \t]{0,4}(?::|=|\t)[ \t]{0,8}"
    value = r"(?P<x>[^\n\t;]{1,120})"
    kinds: tuple[tuple[Kind, list[str]], ...] = (
        ("DIR", street["labels"]), ("LOC", place["labels"]), ("INST", institution["labels"]),
    )  # fmt: skip
    edge = r"(?<!\w)(?:^|(?<=[\n\t;|.])|(?<=  )|(?<=[;.,|-] )) {0,8}"  # "información clínica: …" is no clinic
    return tuple((kind, re.compile(edge + build_alternation(labels) + colon + value)) for kind, labels in kinds)


@dataclass(frozen=True, slots=True)
class Places:
    """The recogniser of DIR, LOC, INST and CAB."""

    def find(self, text: str) -> Iterator[Span]:
        """Streets, places, institutions and headings."""
        plain = fold_text(text)
        found = [
            *_field_values(plain),
            *_find_named_places(text, plain),
            *_find_known_places(text, plain),
            *_find_places_before_words(text, plain),
            *find_societies(text),
        ]
        yield from found
        yield from _find_towns_beside(text, plain, found)
        yield from _headings(text, plain)


def _field_values(plain: str) -> Iterator[Span]:
    for kind, pattern in _fields():
        for match in pattern.finditer(plain):
            end = _END.search(plain, match.start("x"), match.end("x"))
            value = plain[match.start("x") : end.start() if end else match.end("x")]
            if not (kind == "INST" and _speciality().fullmatch(value)):
                yield Span(match.start("x"), match.start("x") + len(value), kind, "field")


@cache
def _speciality() -> re.Pattern[str]:
    """A department alone, which says nothing of where: Urgencias, Cirugía Oral y Maxilofacial."""
    lists = vocabulary()["institutions"]
    field = build_alternation([*lists["fields"], *lists["more_fields"]])
    head = build_alternation(lists["services"])
    return re.compile(
        rf" {{0,3}}(?:{head} {{0,2}})?{field}"
        rf"(?:(?:,| y| i| et| and| e|/|-)? {{0,2}}(?:de |del )?{field}){{0,3}}[ .]{{0,3}}"
    )


_LINE_START = re.compile(r"(?:^|\n)[ \t]{0,10}$")

_STOPS = frozenset("km tel telf tlf telefono fax e-mail email correo nhc fecha".split())
_BETWEEN = re.compile(r""" {1,2}|\.? ?|-|'|\. | ?["“”«»(]{0,1}(?:\d{1,3} )?["“”«»)]?""")


def _run(text: str, all_words: tuple[Word, ...], first: int, most: int, *, strict: bool) -> int:
    """The index after the last of the capitalised words from `first`, linked by particles; `first` for none.

    Between them a quotation mark or a number may stand: Hospital "12 de Octubre".
    """
    last = at = first
    while at < len(all_words) and at - first < most:
        word = all_words[at]
        if at > first and not _BETWEEN.fullmatch(text[all_words[at - 1].end : word.start]):
            break
        if word.plain in particles() or (at > first and word.plain in ("para", "a")):
            at += 1
            continue
        if (
            word.plain in _STOPS
            or not word.is_capitalised
            or len(word.text) > LONGEST
            or (strict and word.plain in ordinary())
        ):
            break
        at += 1
        last = at
    return last


_NOT_UPPER = frozenset({"se", "con", "para", "por", "que", "en", "sin", "y", "a", "el", "los"})


def _find_named_places(text: str, plain: str) -> Iterator[Span]:
    all_words = words(text)
    starts = [word.start for word in all_words]
    for number, match in _places().find(plain):
        kind, source, _ = _patterns()[number]
        if source == "service":  # "en el Servicio de Urgencias" says nothing of where; a letterhead may
            if text[match.start()].isupper() and _LINE_START.search(plain, max(match.start() - 12, 0), match.start()):
                yield Span(match.start(), match.end(), kind, source)
            continue
        first = bisect_left(starts, match.end())
        if first >= len(all_words) or all_words[first].start - match.end() > 5:
            continue
        gap = text[match.end() : all_words[first].start]
        if gap.strip(" .,'\"«“-0123456789") or ends_sentence(text, match.start(), all_words[first].end):
            continue
        upper = text[match.start() : all_words[first].end].isupper()
        last = _run(text, all_words, first, 8, strict=upper and kind != "INST")
        if kind == "INST" and last == first and (small := _small_institution().match(plain, match.end())):
            yield Span(match.start(), small.end(), kind, source)
        if kind == "INST" and upper:
            last = _upper_institution(all_words, first, last)
        yield from _build_whole_span(plain, match, kind, source, all_words, first, last)


@cache
def _small_institution() -> re.Pattern[str]:
    """What goes on in small letters: hospital general de castellon, clinique des cèdres."""
    known, listed = vocabulary()["places"]["known"], vocabulary()["institutions"]["small_names"]
    article = " (?:des|dels?|de (?:los|las|les|la)|du|los|las|les|els) "
    return re.compile(
        rf"(?:(?: {{1,2}}[^\W\d_]{{1,20}}){{0,3}}? {{1,2}}{build_alternation(known)}"
        rf"|{article}{build_alternation(listed)})(?!\w)"
    )


def _upper_institution(all_words: tuple[Word, ...], first: int, last: int) -> int:
    """In capitals an institution ends at a word that begins something else."""
    for at in range(first, last):
        if all_words[at].plain in _NOT_UPPER and at > first:
            return at
    return last


_HOUSE_BEFORE = re.compile(r"(?<![\w.,])\d{1,4}(?: ?(?:bis|ter|[a-d]))?,? {0,2}$")
_SURE_STREETS = frozenset(
    "calle c/ avenida avda avda. av. avinguda plaza pza. paseo passeig carretera ctra. rue avenue boulevard"
    " carrer".split()
)
"""Kinds of streets that need no number to be believed."""


def _build_whole_span(
    plain: str, match: re.Match[str], kind: Kind, source: str, all_words: tuple[Word, ...], first: int, last: int
) -> Iterator[Span]:
    """The span of a place, street with its number, or institution with its head."""
    end = all_words[last - 1].end if last > first else match.end()
    if kind == "DIR":
        if last > first and all_words[first].plain in eponyms():
            return  # Polígono de Willis
        word = match[0].split()[0]
        small = _SMALL.match(plain, match.end()) if last == first and word in _SURE_STREETS else None
        number = _NUMBER.match(plain, small.end() if small else end)
        before = _HOUSE_BEFORE.search(plain[max(match.start() - 12, 0) : match.start()])
        sure = number or before or word in _SURE_STREETS
        if sure and (last > first or small or (number and word in ("calle", "carretera"))):
            start = match.start() - len(before[0]) if before else match.start()
            yield Span(start, number.end() if number else end, kind, source)
    elif last > first:
        yield Span(all_words[first].start if kind == "LOC" else match.start(), end, kind, source)


# --- closed lists ----------------------------------------------------------------------------------------


@cache
def _phrases() -> dict[str, tuple[tuple[str, ...], ...]]:
    """The known places by their first word."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for name in vocabulary()["places"]["known"]:
        parts = tuple(word.plain for word in words(name))
        found.setdefault(parts[0], []).append(parts)
    return {first: tuple(sorted(parts, key=len, reverse=True)) for first, parts in found.items()}


def _find_known_places(text: str, plain: str) -> Iterator[Span]:
    """Provinces, communities and countries, where they are written as names."""
    all_words, phrases = words(text), _phrases()
    beginnings = [(at, word) for at, word in enumerate(all_words) if word.plain in phrases]
    for at, word in beginnings:
        for parts in phrases[word.plain]:
            run = all_words[at : at + len(parts)]
            if tuple(one.plain for one in run) == parts and run[-1].is_capitalised and run[0].is_capitalised:
                yield Span(word.start, run[-1].end, "LOC", "closed list")
                break


# --- by what follows -------------------------------------------------------------------------------------

_POSTAL = re.compile(r"(?<![\w.,/])(?:[a-z]-)?\d{5}[ ,-]{1,3}(?=[^\W\d_])")
_BEFORE_POSTAL = re.compile(r"(?<![^\W_])(?P<x>[^\W\d_][^\n\d,:;.()]{2,40}?)[ ,(-]{1,3}(?:[a-z]-)?\d{5}(?![\w]|[.,]\d)")
_DATED = re.compile(r"(?:^|\n)[ \t]{0,8}(?P<x>[^\W\d_][^\n\d,:;.]{1,40}), {0,2}(?:a |le |el |on )?(?=\d)")
_TRAIL = re.compile(r"[,(] ?(?P<x>[^\W\d_][^\n\d,:;.()]{2,40})\)")


def _find_places_before_words(text: str, plain: str) -> Iterator[Span]:
    all_words = words(text)
    starts = [word.start for word in all_words]
    for match in _POSTAL.finditer(plain):
        first = bisect_left(starts, match.end())
        last = _run(text, all_words, first, 6, strict=True)
        if last > first:
            yield Span(all_words[first].start, all_words[last - 1].end, "LOC", "after a postal code")
    for match in _DATED.finditer(plain):
        last = _run(text, all_words, first := bisect_left(starts, match.start("x")), 6, strict=True)
        if last > first and all_words[last - 1].end >= match.end("x") - 1:
            yield Span(match.start("x"), match.end("x"), "LOC", "before a date")
    for match in _find_before_codes(_BEFORE_POSTAL, plain, 48):
        if match["x"] in read_entries("towns") and text[match.start()].isupper():
            yield Span(match.start("x"), match.end(), "LOC", "before a postal code")
    for match in find_matches(build_origins(), plain, "letter"):
        yield Span(*match.span(match.lastgroup or 0), "LOC", "origin")
    for match in _find_before_codes(_UNTYPED, plain, 160):
        first, last = bisect_left(starts, match.start("x")), bisect_left(starts, match.end("x"))
        while first < last and not _is_place_word(all_words[first]):
            first += 1
        if first < last:
            yield Span(all_words[first].start, match.end(), "DIR", "before a postal code")
    yield from _english(text, all_words, plain)


def _find_before_codes(pattern: re.Pattern[str], plain: str, width: int) -> Iterator[re.Match[str]]:
    """What a pattern that ends with a postal code finds, looked for backwards from each, so many characters."""
    end = 0
    for code in _FIVE.finditer(plain):
        start = max(code.start() - width, end)
        if match := pattern.search(plain, start, code.end()):
            yield match
            end = match.end()


@cache
def _tails() -> tuple[re.Pattern[str], re.Pattern[str]]:
    street = build_alternation(vocabulary()["streets"]["after"])
    number = r"(?:flat \d{1,3}[a-z]?, {0,2})?\d{1,4}[a-z]? "
    return (
        re.compile(rf"{_EDGE}{number}(?P<x>(?:[^\W\d_]{{2,20}} ){{1,3}}{street})(?![\w])"),
        re.compile(rf"{_EDGE}{build_alternation(vocabulary()['institutions']['tails'])}(?![\w])"),
    )


def _english(text: str, all_words: tuple[Word, ...], plain: str) -> Iterator[Span]:
    """Streets and institutions whose kind stands behind: 12 Maple Street, Mercy Medical Center."""
    street, institution = _tails()
    for match in find_matches(street, plain, "either"):
        if text[match.start("x")].isupper():
            yield Span(match.start(), match.end(), "DIR", "street")
    starts = [word.start for word in all_words]
    for match in find_matches(institution, plain, "letter"):
        first = at = bisect_left(starts, match.start())
        while (
            at > 0
            and first - at < 5
            and re.fullmatch(r"\.? {1,2}|-", text[all_words[at - 1].end : all_words[at].start])
        ):
            word = all_words[at - 1]
            if not word.is_capitalised or word.plain in ordinary():
                break
            if ends_sentence(text, word.start, all_words[at].end):
                break
            at -= 1
        if at < first:
            yield Span(all_words[at].start, match.end(), "INST", "institution")


_CODE_BESIDE = re.compile(r"[ ,.;(-]{1,4}(?:s/n[ ,.-]{1,3})?(?:[a-z]-)?(?P<x>\d{5})(?![\w]|[.,]\d)")
_BESIDE = re.compile(r"(?:,? (?:de|en|a|del|d')|,)? ?\(?")


def _find_towns_beside(text: str, plain: str, found: list[Span]) -> Iterator[Span]:
    """The town behind a street or an institution, and before a province or a country: Utrera (España)."""
    all_words = words(text)
    starts = [word.start for word in all_words]
    for span in found:
        code = _CODE_BESIDE.match(plain, span.end) if span.kind in ("DIR", "INST") else None
        if code:
            yield Span(code.start("x"), code.end("x"), "NUM", "postal code")
        first = bisect_left(starts, span.end)
        near = first < len(all_words) and all_words[first].start - span.end <= 6 and plain[span.end] != " "
        if span.kind in ("DIR", "INST") and near and _BESIDE.fullmatch(plain[span.end : all_words[first].start]):
            while first < len(all_words) - 1 and all_words[first].plain in particles():
                first += 1
            last = _run(text, all_words, first, 5, strict=True)
            if last > first and len(all_words[first].text) > 2:
                yield Span(all_words[first].start, all_words[last - 1].end, "LOC", "beside")
        at = bisect_left(starts, span.start)
        if span.source == "closed list" and at and text[all_words[at - 1].end : span.start] in (" (", ", ", "/", ". "):
            begin = _begin(text, all_words, at)
            if begin < at:
                yield Span(all_words[begin].start, all_words[at - 1].end, "LOC", "beside")


def _begin(text: str, all_words: tuple[Word, ...], end: int) -> int:
    """The index of the first of up to four words of a place that end before `end`; `end` for none."""
    at = end
    while at and end - at < 4 and _is_place_word(all_words[at - 1]):
        if at < end and text[all_words[at - 1].end : all_words[at].start] != " ":
            break
        at -= 1
    while at < end and all_words[at].plain in particles():
        at += 1
    return at


def _is_place_word(word: Word) -> bool:
    return word.plain in particles() or (
        word.is_capitalised and word.plain not in ordinary() and word.plain not in blocked() and len(word.text) > 2
    )


# --- headings --------------------------------------------------------------------------------------------


@cache
def _heading() -> re.Pattern[str]:
    words = build_alternation(vocabulary()["headings"])
    return re.compile(rf"(?:^|(?<=\n)|(?<=[.:] ))[ \t]{{0,8}}(?P<x>{words} ?(?=:|\n|$|\. ?-)[:.]?)")


def _headings(text: str, plain: str) -> Iterator[Span]:
    for match in _heading().finditer(plain):
        if text[match.start("x")].isupper():
            yield Span(match.start("x"), match.end("x"), "CAB", "heading")
