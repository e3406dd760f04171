"""Dates in running text: Spanish, Catalan, French and English, in words and in numbers; the same moved by a shift."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from typing import Any

from mids.deid.text.spans import Span
from mids.deid.text.words import Begins, Patterns, find_matches, fold_text, join_patterns
from mids.resources import read_yaml, schemas

YEARS = (1900, 2059)
ROMAN = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")
"""Months in Roman numbers."""

AROUND = 120
"""Characters before and behind a month in which its day and year stand in words."""

_WORD = re.compile(r"[a-z]{3,}")

PIVOT = 40
"""Years of two digits below this are 20yy, others 19yy."""


@dataclass(frozen=True, slots=True)
class Found:
    """A date: text[start:end], with the places of its parts; `day` is (0, 0) where only month and year are given."""

    start: int
    end: int
    value: date | None
    day: tuple[int, int] = (0, 0)
    month: tuple[int, int] = (0, 0)
    year: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Months:
    """The names of the months: number by word, and the lists of twelve, full names first."""

    number: Mapping[str, int] = field(default_factory=dict)
    forms: tuple[tuple[str, ...], ...] = ()


@cache
def months() -> Months:
    """The table of `schemas/deid/text/months.yaml`; keys are folded."""
    table: Mapping[str, Mapping[str, Any]] = read_yaml(schemas() / "deid" / "text" / "months.yaml")
    number: dict[str, int] = {}
    forms = []
    languages = [entry for entry in table.values() if "names" in entry]
    for form in ("names", "short"):
        for entry in languages:
            forms.append(tuple(entry[form]))
            number.update({fold_text(name): at for at, name in enumerate(entry[form], start=1)})
    for entry in languages:
        number.update(entry["other"])
    return Months(number, tuple(forms))


@cache
def _patterns() -> Patterns:
    names = join_patterns(sorted(months().number, key=lambda name: (-len(name), name)))
    month = rf"(?P<word>{names})(?![a-z])\.?"
    year = r"(?P<year>(?:19|20)\d\d|'?\d\d)(?!\d|[.,/-]\d)"
    full = r"(?P<year>(?:1[89]|20)\d\d)(?![\d])"
    link = r"(?:[ .,/-]{1,3}|[ ]{0,2}(?:del mes de|de|d'|of|del)[ ]{1,3}|[ ]{0,2}d' ?)"
    before = r"(?:(?<![\w.,/-])\d{1,2} {1,2}(?:al?|y|i|et|au|to|and|o) {1,2}(?:el )?)?"
    begins: tuple[Begins, ...] = (
        "digit", "word", "word", "word", "word", "word", "digit", "digit", "digit", "digit",
        "digit", "word", "word", "digit", "digit", "word", "word", "either", "word", "either", "word", "digit",
    )  # fmt: skip
    texts = (
        rf"(?<![\w.,/-]){before}(?P<day>\d{{1,2}})(?:º|°|er|st|nd|rd|th|[ornte]\b)?{link}{month}"
        rf"(?:(?:[ ]{{0,2}}[,.]?[ ]{{0,2}}(?:del? +any |de l'any |del ano |de |del |of |d')?[ ]{{0,2}}|[-/.]){year})?",
        rf"(?<![\w]){month} {{1,2}}(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:,? {{1,2}}|,){full}",
        rf"(?<![a-z]){month}[ ]{{0,2}}(?:[-/,.]|de l'any|de|del ano|del|of|d')?[ ]{{0,2}}{full}",
        rf"(?<![a-z]){month}[-/'. ]{{1,2}}(?P<year>\d\d)(?![\d\w]|[.,/-]\d| {{0,2}}(?:mm|cm|%|anos|ans|anys|dias|h\b))",
        rf"(?<![\w])(?P<x>{month} {{1,2}}(?P<day>\d{{1,2}})(?:st|nd|rd|th))(?![\w])",
        rf"\b(?:on|since|from|until|by|dated|of) {{1,2}}(?P<x>{month} {{1,2}}(?P<day>\d{{1,2}}))"
        r"(?![\w]|[.,/-]\d| {0,2}(?:mm|cm|%))",
        rf"(?<![\w])(?P<day>\d{{1,2}})(?P<word>{names})(?P<year>(?:19|20)\d\d|\d\d)(?!\w)",
        r"(?<![\d/·-])(?<!\d\.)(?P<day>\d{1,2}) ?(?P<sep>[/.·|-]) ?(?P<month>\d{1,3}) ?(?P=sep)"
        r" ?(?P<year>\d{4}|\d\d)(?![\d]|[./-]\d)",
        r"(?<![\d./-])(?P<year>(?:19|20)\d\d)(?P<sep>[-/.])(?P<month>\d{1,2})(?P=sep)(?P<day>\d{1,2})(?!\d|[./-]\d)",
        r"(?<![\w./-])(?P<year>(?:19|20)\d\d)(?P<month>0[1-9]|1[0-2])(?P<day>0[1-9]|[12]\d|3[01])(?!\w)",
        r"(?<![\d./-])(?P<month>0?[1-9]|1[0-2])[/-](?P<year>(?:19|20)\d\d)(?![\d/-])",
        r"\b(?:el|dia|dias|fecha|del|le|du|data|dated|sesion|desde|hasta) {1,2}(?:de )?(?:el )?"
        r"(?P<x>(?P<day>\d{1,2})/(?P<month>\d{1,2}))(?![\d/]| {0,2}(?:mm|cm|%))",
        r"\b(?:el|dia|fecha|del|le|du|desde|hasta) {1,2}(?P<x>(?P<day>[0-3]\d)-(?P<month>0[1-9]|1[0-2]))"
        r"(?![\d-]| {0,2}(?:mm|cm|%))",
        r"(?<![\w.,/-])(?P<x>(?P<day>0[1-9]|[12]\d|3[01])/(?P<month>0[1-9]))(?![\w/]|[.,]\d| {0,2}(?:mm|cm|%|ganglio))",
        r"(?<![\w.,/-])(?P<day>[0-3]\d) (?P<month>0[1-9]|1[0-2]) (?P<year>(?:19|20)\d\d)(?!\w|[.,/-]\d| \d)",
        rf"(?<![\w]){month} {{1,2}}(?:del? (?:ano |any )?|de l'any |d'|of )'?(?P<year>\d\d)"
        rf"(?![\d\w]|[.,/-]\d| {{0,2}}(?:mm|cm|%|anos|ans|anys|dias|h\b))",
        rf"\b(?:el|dia|del|le|du|on|fecha) {{1,2}}(?P<x>(?P<day>\d{{1,2}}) {{1,2}}(?:de |d')?{month})(?!\w)",
        rf"(?<![\w./-])(?:(?P<day>\d{{1,2}})(?P<sep>[./-]))?(?P<roman>{'|'.join(ROMAN)})[./-](?P<year>\d{{4}}|\d\d)"
        r"(?!\w|[./-]\d)",
        r"\b(?:en|desde|ano|any|anys|anos|since|in|year|depuis|annee|des de|el|de|del|hasta|hacia|des del|d'|verano"
        r"|invierno|primavera|otono|nacimiento|nacid[oa]|naixement|born|quinta|trimestre|[1-4]t|q[1-4]) ?"
        r"(?:el |l'|de |del )?(?:ano |any |annee )?"
        r"(?P<x>(?P<year>(?:19[2-9]|20[0-4])\d))(?![\d\w]|[.,/-]\d)",
        r"(?:\(|\bet al\.?,? "
        r"|\b(?:tc|tac|rm|rmn|rx|ct|mri|pet|irm|eco|scanner|cirugia|biopsia|previ[oa]|controle?|prior)\b"
        r"[ :,(]{1,3}(?:de |del )?)"
        r"(?P<x>(?P<year>(?:19[2-9]|20[0-4])\d))(?=[).,;:]|\s|$)(?![.,]\d| {0,2}(?:mm|cm|ml|mg|cc|%|uh|hu|g\b))",
        r"\b(?:en|in|desde|depuis|since|des de) {1,2}(?P<x>(?P<month>0[1-9]|1[0-2]) (?P<year>(?:19|20)\d\d))"
        r"(?!\w|[.,/-]\d| {0,2}(?:mm|cm|%))",
        rf"(?<![\w.,/-])(?P<x>(?P<day>0?[1-9]|[12]\d|3[01])(?:(?:st|nd|rd|th) (?:of )?)?{month})(?!\w)",
    )
    return Patterns(tuple(zip(map(re.compile, texts), begins, strict=True)))


def find_dates(text: str) -> Iterator[Found]:
    """The dates of a text, where they overlap each as found; those that are no real dates (32/13/2019) are left out.

    Which of two numbers is the month follows the text: the first one, where that makes sense of all its dates.
    """
    plain = _mend_misread(fold_text(text))
    month_first = _is_month_first(plain)
    for _, match in _patterns().find(plain):
        found = _read(match, month_first=month_first)
        if found is not None:
            yield found


_MISREAD = re.compile(
    r"(?<![^\W_])(?:[\doils]{1,2}(?P<sep>[./-])(?:\d[\doils]?|[oils]\d)(?P=sep)[\doilsb]{2,4}"  # 3O/l2/2O19
    r"|(?:\d[oil]|[oil]\d)(?= {1,2}(?:de |d'|of )?[a-z]{3})|(?:[1l][89]|2[0o])[\doilsb]{2}"  # 3l de enero, 2O19
    r"|(?P<word>[a-z]{1,9}[01][a-z01]{1,8}))(?![^\W_])"  # jui1let
)
_MIXED = re.compile(r"\d[oilsb]|[oilsb]\d|[a-z][01]")
"""What every misread number or month holds."""
_AS_DIGITS = str.maketrans("oilsb", "01158")


def _mend_misread(plain: str) -> str:
    """A folded text with letters that a machine read for digits in what may be a date, and digits for letters in
    months, as they were; as long as before."""
    return _MISREAD.sub(_read_again, plain) if _MIXED.search(plain) else plain


def _read_again(match: re.Match[str]) -> str:
    found = match[0]
    if match["word"]:
        forms = (found.translate(str.maketrans("01", f"o{letter}")) for letter in "il")
        return next((form for form in forms if form in months().number), found)
    digits = sum(char.isdigit() for char in found)
    return found.translate(_AS_DIGITS) if digits * 2 >= len(re.sub(r"\W", "", found)) else found


_TWO_NUMBERS_AND_YEAR = re.compile(r"(?<!\d)(\d{1,2})[/-](\d{1,2})[/-](?:\d{4}|\d\d)(?!\d)")


def _is_month_first(plain: str) -> bool:
    """Whether the dates of a text are month/day/year."""
    pairs = [(int(match[1]), int(match[2])) for match in find_matches(_TWO_NUMBERS_AND_YEAR, plain, "digit")]
    return any(b > 12 for _, b in pairs) and all(a <= 12 for a, _ in pairs)


def _read(match: re.Match[str], *, month_first: bool) -> Found | None:
    parts = match.groupdict()
    day, year = parts.get("day"), parts.get("year")
    word = parts.get("word")
    roman = parts.get("roman")
    if word is not None and year is None and len(word) < 4 and word != "mai" and "x" not in parts:
        return None  # "3 mar", "5 may": only with a year
    swapped = month_first and parts.get("month") is not None and match.start("day") < match.start("month")
    first, second = ("month", "day") if swapped else ("day", "month")
    number = months().number[word] if word else ROMAN.index(roman) + 1 if roman else int(parts.get(second) or 1)
    value = _date(year, number, int(match[first] if day else 15))
    if value is None:
        # 32/13/2019 is a slip of the pen for a date: found, and nothing that can be moved
        return Found(match.start(), match.end(), None) if len(year or "") == 4 and day and not word else None
    start, end = match.span("x") if "x" in parts else match.span()
    names = (first, "roman" if roman else "word", "year")
    places = [match.span(name) if name in parts and match[name] else (0, 0) for name in names]
    if not word and parts.get("month"):
        places[1] = match.span(second)
    return Found(start, end, value if year else None, places[0], places[1], places[2])


def _date(year: str | None, month: int, day: int) -> date | None:
    number = int(year.lstrip("'")) if year else 2000
    if year and len(year.lstrip("'")) == 2:
        number += 2000 if number < PIVOT else 1900
    if not YEARS[0] <= number <= YEARS[1] and year:
        return None
    try:
        return date(number, month, day)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Dates:
    """The recogniser of dates."""

    def find(self, text: str) -> Iterator[Span]:
        """All dates, and years after a word such as 'since'."""
        for found in find_dates(text):
            yield Span(found.start, found.end, "FECHA", "date")
        plain = fold_text(text)
        for match in _find_spelt_out(plain):
            yield Span(match.start(), match.end(), "FECHA", "date spelt out")
        for _, match in _relative().find(plain):
            start, end = match.span("x") if "x" in match.re.groupindex else match.span()
            yield Span(start, end, "FECHA", "relative date")


def has_spelt_day(text: str) -> bool:
    """Whether a text holds a day or a year in words, or is a day of a month: 3 Feb, Feb 3rd."""
    plain = fold_text(text)
    is_day = _DAY_OF_A_MONTH.fullmatch(plain.strip(" ."))
    return (is_day is not None and not months().number.keys().isdisjoint(is_day.groups())) or any(
        True for _ in _find_spelt_out(plain)
    )


_DAY_OF_A_MONTH = re.compile(
    r"\d{1,2}(?:st|nd|rd|th|er|º)?[ .-]{0,2}(?:de |d'|of )?([a-z]{3,10})"
    r"|(?!set|des)([a-z]{3,10})[ .-]{0,2}\d{1,2}(?:st|nd|rd|th)?"
)


def _find_spelt_out(plain: str) -> Iterator[re.Match[str]]:
    """Days and years in words around each month."""
    end = 0
    for name in _WORD.finditer(plain):
        if name[0] in months().number and name.start() >= end:
            match = _spelt_out().search(plain, max(name.start() - AROUND, end), name.end() + AROUND)
            if match:
                yield match
                end = match.end()


@cache
def _spelt_out() -> re.Pattern[str]:
    """Days and years in words: le trois mars vingt-neuf, 22 de octubre de dos mil diecinueve."""
    numbers = read_yaml(schemas() / "deid" / "text" / "months.yaml")["numbers"]
    word = rf"(?:{'|'.join(sorted(numbers, key=lambda one: (-len(one), one)))})"
    run = rf"{word}(?:(?: y | i | et | and |[ -]){word}){{0,6}}"
    month = rf"(?:{'|'.join(sorted(name for name in months().number if len(name) > 3 or name == 'mai'))})"
    link = r"(?:,? {1,2}(?:del? |d'|of |of the year |del ano |de l'any )?)"
    return re.compile(
        rf"(?<!\w)(?:{run}{link}{month}(?:{link}(?:{run}|\d{{4}}))?|(?:\d{{1,2}}{link})?{month}{link}{run})(?!\w)"
    )


@cache
def weekdays() -> frozenset[str]:
    """The days of the week and the seasons, folded."""
    lists = read_yaml(schemas() / "deid" / "text" / "months.yaml")["relative"]
    return frozenset((*lists["weekdays"], *lists["seasons"]))


@cache
def _relative() -> Patterns:
    """Days that only their neighbours date: martes 3, last Monday, verano del 19, el día 17 del presente."""
    lists = read_yaml(schemas() / "deid" / "text" / "months.yaml")["relative"]
    keys = ("weekdays", "last", "seasons", "this", "before", "ago")
    day, last, season, this, before, before_days = (f"(?:{'|'.join(lists[key])})" for key in keys)
    month = "|".join(sorted(name for name in months().number if len(name) > 4))
    number = r"\d{1,2}(?:st|nd|rd|th|r|n|t|er|º)?(?![\w]|[.,:/]\d| {0,2}(?:mm|cm|%|h\b|horas|anos|dias))"
    return Patterns(
        (
            (re.compile(rf"(?<!\w){day},? {{1,2}}(?:dia |day |le |the |el )?{number}"), "word"),
            (re.compile(rf"(?<!\w)(?:{last} {{1,2}}{day}|{day} {{1,2}}{last})(?!\w)"), "anywhere"),
            (re.compile(rf"(?<!\w){season} {{1,2}}(?:del? |de l'|d'|of )?(?:ano |any )?'?\d\d(?!\w|[.,/-]\d)"), "word"),
            (re.compile(rf"(?<!\w){before} (?P<x>(?:{month}))(?!\w)"), "anywhere"),
            (re.compile(rf"(?<!\w){before_days} {{1,2}}\w{{2,6}} {{1,2}}{day}(?!\w)"), "anywhere"),
            (
                re.compile(
                    r"(?<!\w)(?:mon|tues?|wed|thu(?:rs?)?|fri|sat|sun),? {1,2}(?:the )?\d{1,2}(?:st|nd|rd|th)(?!\w)"
                ),
                "word",
            ),
            (re.compile(r"(?<!\w)(?:el|del|al|desde el) (?P<x>dia \d{1,2})(?=[,.;)]|$)(?![.,]\d)"), "word"),
            (re.compile(rf"(?<!\w)(?:el |le |the )?(?:dia |passat |pasado )?\d{{1,2}} {{1,2}}{this}(?!\w)"), "either"),
        )
    )


# --- moved -----------------------------------------------------------------------------------------------


def move_date(text: str, shift: timedelta) -> str | None:
    """A date moved by a shift in its own notation, or None where it is none, or has no year.

    Of a month and year the 15th counts, of a year alone the 1st of July.
    """
    if _mend_misread(fold_text(text)) != fold_text(text):
        return None  # 3O/l2/2O19 has no notation of its own
    whole = [found for found in find_dates(" el " + text) if found.end == len(text) + 4 and found.value is not None]
    found = max(whole, key=lambda one: one.end - one.start, default=None)
    if found is None or found.value is None or found.start != 4:
        return None
    if min(start for start, end in (found.day, found.month, found.year) if end) != 4:
        return None  # "3 al 12 de marzo": the first day is no part
    day = found.value if found.month != (0, 0) else found.value.replace(month=7, day=1)
    try:
        new = day + shift
    except OverflowError:
        return None
    line = " el " + text
    numbers = [line[start:end] for start, end in (found.day, found.month) if end]
    width = 2 if all(len(number) == 2 and number.isdigit() for number in numbers) else 1
    pieces = (
        (found.day, f"{new.day:0{width}}"),
        (found.month, f"{new.month:0{width}}"),
        (found.year, f"{new.year:04}"),
    )
    for (start, end), value in sorted(pieces, reverse=True):
        if end:
            line = line[:start] + _format_like(line[start:end], value, new.month) + line[end:]
    return _elides_article(line[4:])


def _format_like(old: str, value: str, month: int) -> str:
    """A number or the name of a month in the manner of the old one."""
    if old.strip("'").isdigit():
        if len(old.strip("'")) == 2 and len(value) == 4:
            return old[:-2] + value[2:]
        return value.zfill(len(old)) if old.startswith("0") or len(old) == 4 else value
    plain = fold_text(old)
    if plain in ROMAN:
        return ROMAN[month - 1].upper() if old.isupper() else ROMAN[month - 1]
    for names in months().forms:
        at = months().number[plain]
        if fold_text(names[at - 1]) == plain:
            name = names[month - 1]
            return name.upper() if old.isupper() else name.capitalize() if old[0].isupper() else name.lower()
    names = months().forms[0]
    return names[month - 1]


def _elides_article(text: str) -> str:
    """Catalan: "d'agost", but "de març"."""
    return re.sub(r"\b([dD])['’] ?(?=[b-df-hj-np-tv-zB-DF-HJ-NP-TV-Z])", r"\1e ", text)
