"""Institutions and addresses that the header tells, searched as phrases; an institution by one of its words too."""

import re
from collections.abc import Iterator
from functools import cache, lru_cache

from mids.deid.headers.descriptors import listed_words
from mids.deid.known.numbers import SHORTEST_ID
from mids.deid.text.guards import is_of_medicine
from mids.deid.text.spans import Span
from mids.deid.text.words import compose_text, eponyms, fold_text, ordinary, particles, vocabulary, words

LONG = 6
"""Letters from which on a place's own name, without a Hospital before it, is searched."""


def find_places(text: str, places: tuple[str, ...]) -> Iterator[Span]:
    """The places of a header, whatever stands between their words."""
    plain = fold_text(text)
    for pattern in _place_patterns(places):
        for match in pattern.finditer(plain):
            yield Span(match.start(), match.end(), "INST", "known")


def find_institutions(text: str, institutions: tuple[str, ...]) -> Iterator[Span]:
    """One word of an institution's own name, where it is written as a name: Fosca, of the Hospital Vall Fosca."""
    own = _list_own_words(institutions)
    if own and not own.isdisjoint(re.findall(r"[^\W_]+", fold_text(text))):
        yield from (
            Span(word.start, word.end, "INST", "known")
            for word in words(text)
            if word.plain in own and word.is_capitalised
        )


@lru_cache(maxsize=64)
def _list_own_words(institutions: tuple[str, ...]) -> frozenset[str]:
    """The words of institutions that are theirs alone: no kind of institution, ordinary word, finding or eponym."""
    found = {word for name in institutions for word in re.findall(r"[^\W\d_]+", fold_text(compose_text(name)))}
    common = ordinary() | particles() | eponyms() | _heads() | _departments() | listed_words().plain
    common |= frozenset(vocabulary()["words_in_small_letters"])
    return frozenset(word for word in found - common if len(word) >= SHORTEST_ID and not is_of_medicine(word))


@lru_cache(maxsize=64)
def _place_patterns(places: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    """A pattern for each place, whatever stands between its words, and for its own name without a Hospital before."""
    found = set()
    for place in places:
        parts = re.findall(r"[^\W_]+", fold_text(compose_text(place)))
        own, headed = parts, [parts]
        while own and (own[0] in _heads() or own[0] in ("de", "del", "d", "of", "du", "des")):
            own = own[1:]
            headed += [own] if own and own[0] in _heads() else []  # Fundació Hospital d'Olot, hospital d'olot
        strong = [one for one in own if not (one in ordinary() or one in particles() or one.isdigit())]
        for one in headed if strong else headed[:1]:
            if sum(map(len, one)) >= SHORTEST_ID:
                found.add(tuple(one))
        if strong and sum(map(len, own)) >= LONG - min(len(own), 2):
            found.add(tuple(own))
        first = parts
        while first and first[-1] in _heads():
            first = first[:-1]  # Saint Bride Hospital, saint bride
        if len(first) > 1 and not _list_own_words((place,)).isdisjoint(first):
            found.add(tuple(first))
    return tuple(
        re.compile(r"(?<![^\W\d_])" + r"[\W_]{0,3}".join(map(re.escape, one)) + r"(?![^\W\d_])")
        for one in sorted(found)
    )


@cache
def _heads() -> frozenset[str]:
    """Words that begin the names of many institutions."""
    return _words_of("heads", "tails", "generic")


@cache
def _departments() -> frozenset[str]:
    """Words of departments: Radiología, Medicina."""
    return _words_of("services", "fields", "more_fields")


def _words_of(*keys: str) -> frozenset[str]:
    lists = vocabulary()["institutions"]
    return frozenset(word.strip(".") for key in keys for one in lists[key] for word in one.split())
