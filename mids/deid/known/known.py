"""Identifiers that the study's own headers and tables tell: searched in texts, file names and cells."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, lru_cache
from itertools import pairwise

from mids.deid.known.numbers import digits_of, find_glued, id_forms, is_number, is_number_told
from mids.deid.known.places import find_institutions, find_places
from mids.deid.text.dates import find_dates
from mids.deid.text.guards import ends_sentence, negations, says_state
from mids.deid.text.spans import Span
from mids.deid.text.words import (
    LONGEST,
    Word,
    ambiguous,
    compose_text,
    fold_text,
    ordinary,
    particles,
    vocabulary,
    words,
)

IDS = "PatientID OtherPatientIDs AccessionNumber AdmissionID StudyID ServiceEpisodeID RequestedProcedureID".split()
PLACES = (
    "InstitutionName InstitutionAddress InstitutionalDepartmentName PatientAddress StationName "
    "RequestingService CurrentPatientLocation PatientInstitutionResidence"
).split()
"""Attributes of a header whose values are IDs of the patient or visit, or places."""

FUZZY = 6
"""Letters from which on a part of a name is found with one letter wrong, missing, doubled or too many."""


@dataclass(frozen=True, slots=True, repr=False)
class Known:
    """What is known of a study; its text form shows nothing of it.

    `names` of people, in any order or as DICOM PN (``SURNAME^GIVEN``); `ids` of patient, visit and study; `dates`
    that identify, such as the day of birth; `places`, institutions and addresses as the header spells them.
    `subject` stands for the patient where surrogates are made, `shift` is what the patient's dates are moved by. `days`
    are the others of the study: texts are searched for them as eight digits alone, and a number may be one.
    `institutions` are those of `places` whose names are searched by single words too.
    """

    names: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    dates: tuple[date, ...] = ()
    places: tuple[str, ...] = ()
    subject: str = ""
    shift: timedelta | None = None
    days: tuple[date, ...] = ()
    institutions: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return (
            f"Known({len(self.names)} names, {len(self.ids)} ids, {len(self.dates)} dates, {len(self.places)} places)"
        )

    def find(self, text: str) -> Iterator[Span]:
        """All mentions, whatever their case, accents, order and separators."""
        yield from _names(text, self)
        yield from _ids(text, self)
        yield from _dates(text, self)
        yield from find_places(text, self.places)
        yield from find_institutions(text, self.institutions)

    def is_told(self, value: str) -> bool:
        """Whether a short text or a number repeats any of it; a number has to be an id or a day as a whole."""
        return _is_told(self, value.strip())

    def is_told_in_cell(self, value: str) -> bool:
        """The same of a cell of a table, where the year of a day that identifies is enough: a year of birth."""
        years = {f"{day:%Y}" for day in self.dates}
        return self.is_told(value) or not years.isdisjoint(re.findall(r"(?<!\d)\d{4}(?!\d)", value))


@lru_cache(maxsize=1 << 14)
def _is_told(known: Known, value: str) -> bool:
    if is_number(value):
        return is_number_told(value, known.ids, (*known.dates, *known.days))
    return any(True for _ in known.find(value))


@dataclass(frozen=True, slots=True)
class _Parts:
    """The parts of known names: as they are, and with one letter left out, to meet what is misspelt."""

    exact: frozenset[str]
    near: frozenset[str]


def _drop_each_letter(word: str) -> set[str]:
    return {word[:at] + word[at + 1 :] for at in range(len(word))}


@lru_cache(maxsize=64)
def _parts(names: tuple[str, ...]) -> _Parts:
    written = (form for name in names for form in _write_forms(name))
    read = [[word.plain for word in words(name)] for name in written]
    found = {form for name in read for word in name for form in _read_word(word)}
    # Le Goffic, LEGOFFIC
    found |= {a + b for name in read for a, b in pairwise(name) if a in particles() and len(a + b) >= FUZZY}
    short = {form for part in found for form in vocabulary()["short_names"].get(part, ())}
    exact = frozenset(part for part in found | short if len(part) > 1 and part not in particles())
    near = frozenset(short for part in exact if len(part) >= FUZZY for short in (part, *_drop_each_letter(part)))
    return _Parts(exact, near)


def _write_forms(name: str) -> Iterator[str]:
    """A name without DICOM's separators, prefix and suffix (PS3.5 6.2.1), also with its umlauts as two letters or one.

    A prefix such as MR is no name, and would be found everywhere.
    """
    groups = (" ".join(group.split("^")[:3]) for group in compose_text(name).casefold().split("="))
    plain = " ".join(groups).replace("_", " ")
    yield fold_text(plain)
    yield fold_text(re.sub("[äöüæœø]", lambda match: _UMLAUTS[match[0]], plain))
    yield re.sub("([aou])e", r"\1", fold_text(plain))


_UMLAUTS = {"ä": "ae", "ö": "oe", "ü": "ue", "æ": "ae", "œ": "oe", "ø": "oe"}
_LETTERS = str.maketrans(
    {"ß": "ss", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "·": ""}
)
"""Letters that folding leaves, as they are written without them."""


def _read_word(word: str) -> set[str]:
    """A folded word as it is, its parts between hyphens and apostrophes, and all with plain letters."""
    forms = {word, word.replace("-", ""), *re.split("['·-]", word)}
    return forms | {form.translate(_LETTERS) for form in forms}


def _is_joined(word: str, parts: frozenset[str]) -> bool:
    """Whether a word is two or more parts of three letters or more, run together."""
    if not 6 <= len(word) <= LONGEST:
        return False
    counts = {0: 0}  # how many parts end at a letter
    for end in range(3, len(word) + 1):
        before = [counts[at] for at in range(end - 2) if at in counts and word[at:end] in parts]
        if before:
            counts[end] = max(before) + 1
    return counts.get(len(word), 0) >= 2


_INITIALS_BEFORE = re.compile(
    r"(?<![^\W_])(?P<letters>(?:[^\W\d_](?:\.?ª ?|\. ?| |-|'(?=$))){1,3})(?P<particles>(?:[^\W\d_]{2,5} ){0,2})$"
)
_INITIALS_AFTER = re.compile(r"(?P<particles>)(?P<letters>,? ?(?:[^\W\d_]\.[ -]?){1,3}|,? [^\W\d_](?![^\W_]))")


def _add_initials(text: str, span: Span, parts: frozenset[str]) -> Span:
    """A name with the initials of its other parts before or behind it: J. García, García, J."""
    initials = {part[0] for part in parts}

    def width(match: re.Match[str] | None) -> int:
        if match is None or not all(word in particles() for word in fold_text(match["particles"] or "").split()):
            return 0
        letters = [char for char in match["letters"] if char.isalpha() and char != "ª"]
        good = letters and all(char.isupper() and fold_text(char) in initials for char in letters)
        return len(match[0].rstrip()) if good else 0

    before = _INITIALS_BEFORE.search(text[max(span.start - 20, 0) : span.start])
    start = span.start - (len(before[0]) if before and width(before) else 0)
    return Span(start, span.end + width(_INITIALS_AFTER.match(text, span.end)), span.kind, span.source)


def _is_near(word: str, parts: _Parts) -> bool:
    return FUZZY - 1 <= len(word) <= LONGEST and (
        word in parts.near or not parts.near.isdisjoint(_drop_each_letter(word))
    )


def _names(text: str, known: Known) -> Iterator[Span]:
    """Parts of names; a short part or an ordinary word only where it is written as a name or stands beside one."""
    parts = _parts(known.names)
    if not parts.exact:
        return
    yield from _find_parts(text, parts)
    yield from _find_spelt_letters(text, parts.exact)
    yield from _find_initials(text, _initials(known.names))


def _find_parts(text: str, parts: _Parts) -> Iterator[Span]:
    last: Word | None = None
    waiting: Word | None = None
    before: Word | None = None
    for word in words(text):
        exact = not parts.exact.isdisjoint(_read_word(word.plain)) or _is_joined(word.plain, parts.exact)
        if before is not None and not exact and _is_cut(text, before, word, parts.exact):
            yield Span(before.start, word.end, "NAME", "known")
        previous, before = before, word
        if not exact and (word.plain in ordinary() or not _is_near(word.plain, parts) or says_state(word.plain)):
            if word.plain not in particles():
                last = waiting = None
            continue
        unsure = exact and _may_be_no_name(text, word, previous)
        if not unsure or _stands_beside(text, word, last) or _is_called(text, word, previous):
            if waiting is not None and last is None and previous is not None:
                yield Span(waiting.start, previous.end, "NAME", "known")
            yield _add_initials(text, Span(word.start, word.end, "NAME", "known"), parts.exact)
            last, waiting = word, None
        elif waiting is not None and _is_one_name(text, waiting, word):
            yield Span(waiting.start, word.end, "NAME", "known")
            last, waiting = word, None
        else:
            waiting = word


def _may_be_no_name(text: str, word: Word, previous: Word | None) -> bool:
    """Whether a word of a name may be another one here: in small letters, or said of the patient's state.

    What says the state has a capital for another reason at the head of a sentence and among capitals.
    """
    if not word.is_capitalised:
        return len(word.plain) < 4 or word.plain in ambiguous() or says_state(word.plain)
    if not says_state(word.plain):
        return False
    heads = text[max(word.start - 3, 0) : word.start].rstrip(" ")[-1:] in ("", *".:;-\n")
    among = previous is not None and previous.is_upper and word.is_upper
    return word.plain in negations() or heads or among


def _is_one_name(text: str, first: Word, word: Word) -> bool:
    """Whether two words that each may be another one are parts of a name in one line: sol de la fuente."""
    said = says_state(first.plain) or says_state(word.plain)
    return first.plain != word.plain and not said and re.search(r"[^\w ,'-]", text[first.end : word.start]) is None


def _stands_beside(text: str, word: Word, last: Word | None) -> bool:
    """Whether another part of the name stands before a word, in its sentence."""
    return last is not None and not (says_state(word.plain) and ends_sentence(text, last.start, word.end))


def _is_called(text: str, word: Word, previous: Word | None) -> bool:
    """Whether a title, label or field stands before a word; before one that denies only a title does: Mr No."""
    is_caller = previous is not None and previous.plain in _callers()
    if previous is None or not is_caller or text[max(previous.start - 1, 0)] == "[":  # [NAME] is no field
        return False
    return word.plain not in negations() or (word.is_capitalised and previous.plain in _titles())


@cache
def _titles() -> frozenset[str]:
    """Titles, folded, each by its last word."""
    return frozenset(fold_text(title).split()[-1].strip(".") for title in vocabulary()["titles"])


@cache
def _callers() -> frozenset[str]:
    """Words before a name: what follows is one in small letters too, though it is an ordinary word."""
    lists = vocabulary()
    phrases = (*lists["titles"], *lists["labels"], *lists["weak"], *lists["signatures"])
    return frozenset(fold_text(phrase).split()[-1] for phrase in phrases) - particles()


def _is_cut(text: str, before: Word, word: Word, parts: frozenset[str]) -> bool:
    """Whether two words are one part of six letters or more, cut by a blank or the end of a line."""
    whole = before.plain + word.plain
    return (
        len(whole) >= FUZZY
        and whole in parts
        and re.fullmatch(r" |-?\n {0,8}", text[before.end : word.start]) is not None
    )


_SPACED = re.compile(r"(?<![^\W_])[^\W\d_](?:[ .][^\W\d_]){3,24}(?![^\W_])")
_MIXED = re.compile(r"(?<![^\W_])(?=[^\W\d_]{0,40}\d)[^\W_]{4,40}(?![^\W_])")
_READ_AS = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "6": "g", "8": "b", "9": "g"})
"""Digits that stand for letters in what a machine read."""


def _find_spelt_letters(text: str, parts: frozenset[str]) -> Iterator[Span]:
    """Parts written with blanks between their letters, or with digits in place of some."""
    plain = fold_text(text)
    for match in _SPACED.finditer(plain):
        if re.sub("[ .]", "", match[0]) in parts:
            yield Span(match.start(), match.end(), "NAME", "known")
    for match in _MIXED.finditer(plain):
        letters = match[0].translate(_READ_AS)
        if not letters.isdigit() and (letters in parts or match[0].replace("1", "l").translate(_READ_AS) in parts):
            yield Span(match.start(), match.end(), "NAME", "known")


_DOTTED = re.compile(r"(?<![^\W_])(?:[^\W\d_]\. ?-?){1,5}[^\W\d_](?:\.|(?![^\W_]))")


def _pieces(word: str) -> list[str]:
    """The parts of a word between hyphens; what stands before an apostrophe is part of its piece."""
    return [piece for piece in word.split("-") if piece]


@lru_cache(maxsize=64)
def _initials(names: tuple[str, ...]) -> frozenset[str]:
    """The initials of each name, given names first or last, all of them or the first of each."""
    found = set()
    for name in names:
        parts = [[word.plain for word in words(part)] for part in fold_text(name).split("^")[:3]]
        plain = [[word[0] for word in part if word not in particles()] for part in parts]
        spelt = [[piece[0] for word in part for piece in _pieces(word)] for part in parts]  # Le Goffic, Müller-Groß
        for last, *others in (plain, spelt):
            given = [one for group in others for one in group]
            for ones in (given, given[:1]):
                found |= {"".join(one) for one in (ones + last, last + ones, ones + last[:1], last[:1] + ones)}
    return frozenset(one for one in found if len(one) > 1)


def _find_initials(text: str, initials: frozenset[str]) -> Iterator[Span]:
    """The initials of a name with full stops; two letters, which may be anything, only behind a title and the like."""
    for match in _DOTTED.finditer(text):
        letters = "".join(char for char in fold_text(match[0]) if char.isalpha())
        before = re.search(r"([^\W\d_]+)[.:]? ?$", fold_text(text[max(match.start() - 24, 0) : match.start()]))
        if letters in initials and (len(letters) > 2 or (before and before[1] in _callers())):
            yield Span(match.start(), match.end(), "NAME", "known")


@lru_cache(maxsize=64)
def _id_patterns(ids: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    """One pattern for each id: with or without leading zeros, blanks, dots, hyphens, slashes between characters."""
    forms = [bare for bare in sorted(id_forms(ids)) if len(bare) >= 2]
    bodies = (r"[ ./_-]?".join(_read_as(char, bare) for char in bare) for bare in forms)
    return tuple(re.compile(rf"(?<![^\W_])[0o]{{0,12}}{body}(?![^\W_])") for body in bodies)


def _read_as(char: str, number: str) -> str:
    """A pattern for a character, and for the letters that a machine reads for digits of six or more: 2O45ll8."""
    return _MISREAD.get(char, re.escape(char)) if len(number) >= FUZZY and number.isdigit() else re.escape(char)


_MISREAD = {"0": "[0od]", "1": "[1il|]", "2": "[2z]", "5": "[5s]", "6": "[6gb]", "8": "[8b]", "9": "[9gq]"}


def _ids(text: str, known: Known) -> Iterator[Span]:
    plain = fold_text(text)
    for pattern in _id_patterns(known.ids):
        for match in pattern.finditer(plain):
            yield Span(match.start(), match.end(), "NUM", "known")
    for match in find_glued(plain, known.ids, ()):
        yield Span(match.start(), match.end(), "NUM", "known")


def _dates(text: str, known: Known) -> Iterator[Span]:
    for match in find_glued(text, (), known.days):
        yield Span(match.start(), match.end(), "FECHA", "day of the study")
    if not known.dates:
        return
    for match in find_glued(text, (), known.dates):
        yield Span(match.start(), match.end(), "FECHA", "known")
    for found in find_dates(text):
        if found.value in known.dates:
            yield Span(found.start, found.end, "FECHA", "known")
    for pattern in _day_patterns(known.dates):
        for match in pattern.finditer(text):
            yield Span(match.start(), match.end(), "FECHA", "known")


@lru_cache(maxsize=64)
def _day_patterns(days: tuple[date, ...]) -> tuple[re.Pattern[str], ...]:
    """Dates without separators, in the orders in use, and US dates."""
    digits = [digits_of(day) for day in days]
    forms, short = {form for one in digits for form in one[:3]}, {form for one in digits for form in one[3:]}
    us = {rf"0?{day.month}[/.-]0?{day.day}[/.-](?:{day:%Y}|{day:%y})" for day in days}
    return (re.compile(rf"(?<!\d)(?:{'|'.join(sorted(forms | us))}|{'|'.join(sorted(short))})(?!\d)"),)


def names_in(text: str, known: Known) -> bool:
    """Whether a file name, a folder or a cell holds a known name, id or date.

    Names count as words between any separators or changes of case (``GarciaLopez_ct``), parts of six letters or
    more inside words too; ordinary words alone do not, so that `blanco.dcm` is no finding for a patient Blanco.
    """
    plain = compose_text(text)
    spaced = re.sub(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])|_", " ", re.sub(r"(?<=[a-zß-ÿ])(?=[A-ZÀ-Þ])", " ", plain))
    parts = _parts(known.names).exact
    strong = {part for part in parts if len(part) >= 3 and part not in ambiguous()}
    pieces = {piece for word in words(spaced) for piece in (word.plain, *re.split("['-]", word.plain))}
    if strong & pieces or any(len(part) >= 6 and part in fold_text(plain) for part in strong):
        return True
    hits = pieces & parts
    found = (one for text in (plain, spaced) for search in (_ids, _dates) for one in search(text, known))
    return len(hits) >= 2 or next(found, None) is not None
