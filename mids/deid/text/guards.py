"""What a removed span may never hold: the next sentence, negations, findings, signs and measures.

A finding must not turn round because a hospital's name stands before it: "Hospital La Fe. Sin neumotórax." keeps
"Sin neumotórax". The words are data (`schemas/deid/text/guards.yaml`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any

from mids.deid.headers.descriptors import listed_words
from mids.deid.text.spans import Kind, Span
from mids.deid.text.words import (
    eponyms,
    fold_text,
    list_ambiguous_names,
    list_given_names,
    ordinary,
    particles,
    read_entries,
    titles,
)
from mids.resources import read_yaml, schemas

_END = re.compile(r"(?P<word>[^\W_]{1,64}+)[\"”»)’']{0,2}[.!?][\"”»)]{0,2}\s{1,4}(?=[\"“«¿¡(]{0,2}(?P<next>[^\W_]+))")
_WORD = re.compile(r"[^\W\d_]+")
_WHOLE_NAME = re.compile(r"[A-ZÀ-Þ][a-zß-ÿ'’-]{1,30}(?: [A-ZÀ-Þ][a-zß-ÿ'’-]{1,30}){1,3}")
_LINE_END = re.compile(r"\.?[ \t]{0,8}(?:\n|$)")
_NUMBER_BEHIND = re.compile(r"\.? ?\d")
_WORD_BEFORE = re.compile(r"[a-zß-ÿ]{4} ")
_LONGEST_EPONYM = 4
"""Words of the longest stretch that is called after somebody: Tornillo de Herbert, Budd-Chiari."""
_LONGEST_FILM = 50
"""Characters of the longest request to look at somebody's film."""
_LONGEST_MEASURE = 60
"""Characters of the longest measure."""


@cache
def _lists() -> Mapping[str, Any]:
    content: Mapping[str, Any] = read_yaml(schemas() / "deid" / "text" / "guards.yaml")
    return content


@cache
def _abbreviations() -> frozenset[str]:
    return frozenset(_lists()["abbreviations"])


@cache
def negations() -> frozenset[str]:
    """Words that deny, in four languages, folded."""
    return frozenset(_lists()["negations"])


@cache
def _findings() -> re.Pattern[str]:
    """A word that is one of the list, or begins with one of its stems."""
    return re.compile(f"(?:{'|'.join(_lists()['stems'])}).{{0,12}}|(?:{'|'.join(_lists()['findings'])})")


@lru_cache(maxsize=1 << 14)
def _is_finding(word: str) -> bool:
    return _findings().fullmatch(word) is not None


@cache
def _measures() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """A number with its unit, and a unit alone."""
    unit = rf"[ -]{{0,2}}(?:{'|'.join(map(re.escape, _lists()['units']))})(?![^\W_])"
    number = r"\d{1,6}(?:[.,]\d{1,4})?"
    return re.compile(rf"(?<![\w.,]){number}(?: ?[x×-] ?{number}){{0,2}}{unit}"), re.compile(unit)


def guard_spans(text: str, spans: Iterable[Span]) -> Iterator[Span]:
    """The spans, each cut where it would take what the text says of the patient's state; empty ones left out.

    What the header and the lists of the user hold (sources ``known`` and ``list``) is exact, and stays whole.
    """
    plain = fold_text(text)
    for span in spans:
        if span.kind == "NAME" and _names_tissue(plain, span):
            continue
        if span.source in ("known", "list") or span.kind == "CAB":
            yield span
        elif span.source == "trained" and _is_of_the_report(text, plain, span):
            continue
        elif span.kind in ("NUM", "FECHA"):
            if not _measures()[1].match(plain, span.end):
                yield span
        elif not (
            plain[span.start - 2 : span.start].strip()[-1:].isdigit() and _measures()[1].match(plain, span.start)
        ):
            is_surname = span.source == "field" and _is_written_as_name(text, span)
            end = (
                span.end if is_surname else min(_find_sentence_end(text, plain, span), _find_guarded_word(plain, span))
            )
            if end - span.start > (end < span.end):  # an initial that is cut off is none: doble J. Anillo de
                yield replace(span, end=end) if end < span.end else span


def _is_written_as_name(text: str, span: Span) -> bool:
    """Whether a field holds nothing but two or three words with one capital each: Apellidos: Lumiquinga Masa."""
    return _WHOLE_NAME.fullmatch(text, span.start, span.end) is not None and _LINE_END.match(text, span.end) is not None


def is_of_medicine(word: str) -> bool:
    """Whether a folded word is that of a finding, a disease or a procedure, or denies one."""
    found = (
        _is_finding(word),
        _is_finding_of_labels(word),
        len(word) > 6 and _suffixes().search(word),
    )
    return word in negations() or any(found)


def says_state(word: str) -> bool:
    """Whether a folded word denies, or is a finding and no listed name."""
    is_finding = _is_finding(word) or _is_finding_of_labels(word)
    return word in negations() or (is_finding and word not in _names())


def _is_of_the_report(text: str, plain: str, span: Span) -> bool:
    """Whether a stretch that only training takes for a name is a word of the report, not somebody whose film it is."""
    if _films().search(plain, max(span.start - _LONGEST_FILM, 0), span.start):
        return False
    before = span.start
    while before and text[before - 1] == " ":
        before -= 1
    begins = (before == 0 or text[before - 1] in ".\n") and text[span.end : span.end + 2].strip().islower()
    word = plain[span.start : span.end]
    is_common = begins and (word in ordinary() or word in listed_words().plain or _is_finding_of_labels(word))
    is_short = span.kind in ("NAME", "LOC") and word in _abbreviations_of_labels() and text[span.start].isupper()
    is_called = _has_result(plain, span) if span.kind in ("NAME", "LOC", "DIR") else False
    is_called |= _is_score(text, plain, span) or _is_named_after(plain, span)
    if is_called or word in _people_and_scales():
        return is_called
    return is_common or is_short or _is_medical(word, span.kind)


_CUT_NUMBER = re.compile(r"(?<=\d)[.,]\d")
_OUTCOME = re.compile(
    r"(?: a la derecha| derech[oa]| izquierd[oa])? (?:positi|negati)[vf]\w{0,2}(?: bilateral\w{0,4})?(?=[.,;)\n]|$)"
)


def _has_result(plain: str, span: Span) -> bool:
    """Whether what only training takes for a name is something measured or tested: TAPSE 19 mm, Zanca positivo."""
    behind = span.end + len(plain[span.end : span.end + 3]) - len(plain[span.end : span.end + 3].lstrip(" :="))
    measure = _measures()[0].match(plain, behind)
    is_result = measure or _CUT_NUMBER.match(plain, span.end) or _OUTCOME.match(plain, span.end)
    named = _WORD.findall(plain[span.start : span.end])
    return is_result is not None and len(named) <= 2 and _names().isdisjoint(named)


@cache
def _films() -> re.Pattern[str]:
    """What somebody is asked to look at, before the name of whose it is: mirar la placa de Hickman."""
    verbs, films = ("|".join(_lists()["films"][key].split()) for key in ("verbs", "films"))
    return re.compile(
        rf"(?<![^\W_])(?:{verbs}) (?:de nou |again |again at )?(?:el |la |l'|le |the )?(?:{films}) (?:de |d'|du |of )$"
    )


@cache
def _medicines() -> tuple[re.Pattern[str], frozenset[str], re.Pattern[str]]:
    """Ends of names of medicines; whole names, media and stains; a scale or test with its result."""
    content = read_yaml(schemas() / "deid" / "text" / "medicines.yaml")
    scores, results, grades, signs = ("|".join(content[key]) for key in ("scores", "results", "grades", "signs"))
    scale = rf"(?P<score>{scores})(?: (?:score|scale|index|test))?[ :=]{{1,3}}"
    result = rf"(?:{results}|(?P<grade>{grades})|(?P<sign>{signs}))[ ,;.]{{0,2}}"
    return (
        re.compile(f"[^\\W\\d_]{{2,}}(?:{'|'.join(content['stems'])})"),
        frozenset(content["names"] + content["media"]),
        re.compile(scale + result),
    )


def _is_score(text: str, plain: str, span: Span) -> bool:
    """Whether a stretch that only training takes for a name is nothing but scales with their results.

    Letters are a result as capitals; one letter, plus and minus only of scales that nobody is called as (Wilson A.).
    """
    at = span.start
    while at < span.end and (found := _medicines()[2].match(plain, at)):
        grade, sign = (text[slice(*found.span(key))] for key in ("grade", "sign"))
        is_name = sign and found["score"] in _people_and_scales()
        if is_name or grade + sign != (grade + sign).upper():
            return False
        at = found.end()
    return at >= span.end


@cache
def _people_and_scales() -> frozenset[str]:
    """Scales that are called as listed people: Wilson."""
    scales = read_yaml(schemas() / "deid" / "text" / "medicines.yaml")["scores"]
    return (read_entries("given") | list_given_names() | read_entries("surnames")).intersection(scales)


@lru_cache(maxsize=1 << 14)
def _is_medicine(word: str) -> bool:
    """Whether a folded word is the name of a medicine, a contrast medium or a stain."""
    stems, names, _ = _medicines()
    return word in names or (len(word) > 5 and stems.fullmatch(word) is not None)


def _is_medical(text: str, kind: Kind) -> bool:
    """Whether a stretch that only training takes for a name holds an eponym, a disease or a medicine and no name."""
    parts = set(_WORD.findall(text))
    medical = not eponyms().isdisjoint(parts) or (bool(parts & titles()) and parts <= titles() | particles())
    medical |= any(map(_is_medicine, parts))
    if kind in ("NAME", "LOC"):
        medical |= any(len(part) > 6 and _suffixes().search(part) for part in parts)
        medical |= any(map(_is_finding_of_labels, parts))
        medical |= len(parts) == 1 and parts <= ordinary()
    return medical and _names_alone().isdisjoint(parts)


@cache
def _names_alone() -> frozenset[str]:
    """The words of listed names and towns that are no eponym, title or unit."""
    return _names() - eponyms() - titles() - _units()


@cache
def _given_alone() -> frozenset[str]:
    """Given names that are no ordinary words."""
    return (read_entries("given") | list_given_names()) - ordinary()


def _is_named_after(plain: str, span: Span) -> bool:
    """Whether a stretch that only training takes for a name is that of a sign, scale or device: Arco de Riolano.

    The word stands before it, at its beginning, or in English behind it (Couinaud segment); a span that holds a given
    name, or as many words as a society's name, is none.
    """
    named = _WORD.findall(plain[span.start : span.end])
    if span.kind not in ("NAME", "INST", "LOC") or len(named) > _LONGEST_EPONYM:
        return False
    before, inside, behind = _things()
    around = behind.match(plain, span.end) or before.search(plain, max(span.start - 30, 0), span.start)
    found = around or inside.match(plain, span.start, span.end)
    return found is not None and _given_alone().isdisjoint(named)


@cache
def _things() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """What is called after somebody: before a name, at the beginning of a span, behind a name."""
    before, behind = ("|".join(_lists()["named_after"][key].split()) for key in ("before", "behind"))
    thing = rf"(?<![^\W_])(?:{before})(?: (?:del?|di|du|of)(?: (?:la|el))? | d['’]| )"
    return re.compile(f"{thing}$"), re.compile(thing), re.compile(rf"(?:['’]s)? (?:{behind})(?![^\W_])")


@cache
def _units() -> frozenset[str]:
    return frozenset(_lists()["units"])


@cache
def _colours() -> re.Pattern[str]:
    """Two words that say a tissue by its colour: white matter, whoever is called White."""
    return re.compile(f"(?:{'|'.join(_lists()['colours'])})(?![^\\W_])")


def _names_tissue(plain: str, span: Span) -> bool:
    """Whether a span is in words that say a tissue by its colour, at their beginning or, in Spanish, at their end."""
    first = plain.rfind(" ", 0, max(span.start - 1, 0)) + 1
    return any((found := _colours().match(plain, at)) and found.end() >= span.end for at in (span.start, first))


@cache
def _patterns_of_labels(language: str = "es") -> str:
    """The patterns of the findings and places that reports of a language are labelled by, folded."""
    content = read_yaml(schemas() / "lexicon" / f"{language}.yaml")
    entries = [entry for part in ("findings", "localizations") for entry in content[part].values()]
    return fold_text(" ".join(pattern for entry in entries for pattern in entry.get("words", ())))


@cache
def _abbreviations_of_labels() -> frozenset[str]:
    """Two or three letters that stand for a finding or a place, and are no listed name: LSD, TEP."""
    return frozenset(re.findall(r"(?<![^\W\d_])[^\W\d_]{2,3}(?![^\W\d_*])", _patterns_of_labels())) - _names()


@cache
def _findings_of_labels() -> re.Pattern[str]:
    """The words of the findings and places that reports are labelled by, with their endings.

    Short beginnings are taken from the Spanish ones only, for in other languages some begin names ("hili*" of the
    Catalan hilum, Hilario).
    """
    found = set(re.findall(r"[^\W\d_]{4,}\*?", _patterns_of_labels()))
    for language in ("ca", "en", "fr"):
        found.update(re.findall(r"(?<![^\W\d_])[^\W\d_]{6,}\*?", _patterns_of_labels(language)))
    return re.compile("|".join(sorted(word.replace("*", ".{0,12}") for word in found)))


@lru_cache(maxsize=1 << 14)
def _is_finding_of_labels(word: str) -> bool:
    return _findings_of_labels().fullmatch(word) is not None


@cache
def _names() -> frozenset[str]:
    """The words of listed names and towns."""
    entries = read_entries("given") | list_given_names() | read_entries("surnames") | read_entries("towns")
    return frozenset(word for entry in entries for word in _WORD.findall(entry)) - ordinary() - particles()


@cache
def _suffixes() -> re.Pattern[str]:
    """Ends of words of diseases, findings and procedures."""
    return re.compile(f"(?:{'|'.join(_lists()['suffixes'])})$")


def ends_sentence(text: str, start: int, end: int) -> bool:
    """Whether a sentence ends between two words: text[start:end] runs from the first one to the second one's end."""
    return any(_is_sentence_end(match) for match in _END.finditer(text, start, end))


def _is_sentence_end(match: re.Match[str]) -> bool:
    """Whether a full stop ends a sentence: a capital follows, and no abbreviation, initial or number of a floor."""
    word, following = fold_text(match["word"]), match["next"]
    if word in _abbreviations():
        return False
    if len(word) == 1 and word.isalpha():
        before = match.string[max(match.start() - 5, 0) : match.start()]
        return _WORD_BEFORE.fullmatch(before) is not None and _begins_sentence(following)
    return following[0].isupper() and not (word[0].isdigit() and len(following) == 1)


def _begins_sentence(word: str) -> bool:
    """Whether an ordinary word in capitals stands behind a letter, which is no initial then: stent doble J. Anillo."""
    plain = fold_text(word)
    return word[0].isupper() and plain in ordinary() and plain not in list_ambiguous_names() | read_entries("surnames")


def _find_sentence_end(text: str, plain: str, span: Span) -> int:
    """Where the first sentence inside a span ends."""
    for match in _END.finditer(text, span.start, span.end):
        if _is_sentence_end(match):
            return match.end("word")
    return span.end


def _find_guarded_word(plain: str, span: Span) -> int:
    """Where a span has to end before a negation, a finding or a measure.

    After a particle a finding is part of a name (Instituto del Cáncer), and some are surnames beside a title.
    """
    measure = _measures()[0].search(plain, span.start, min(span.end + _LONGEST_MEASURE, len(plain)))
    end = measure.start() if measure and measure.start() < span.end else span.end
    before = ""
    for word in _WORD.finditer(plain, span.start, end):
        if word[0] == "no" and span.kind == "DIR" and _NUMBER_BEHIND.match(plain, word.end()):
            continue  # nº 5, with a letter for its sign
        is_finding = _is_finding(word[0]) and before not in particles() and plain[word.start() - 1] != "-"
        if word[0] in negations() or (is_finding and word[0] not in list_ambiguous_names()):
            return max(span.start, len(plain[: word.start()].rstrip(" ,;:.-(")))
        before = word[0]
    return end
