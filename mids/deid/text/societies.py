"""Bodies of people, whose names run on in small letters, and what a person is beside age and sex."""

import re
from collections.abc import Iterator
from functools import cache

from mids.deid.text.spans import Span
from mids.deid.text.words import join_patterns, vocabulary


def find_societies(text: str) -> Iterator[Span]:
    """Societies and offices up to their last capital: Asociación para Evitar la Ceguera en México."""
    for match in _pattern().finditer(text):
        yield Span(*match.span(), "INST", "society")


@cache
def _pattern() -> re.Pattern[str]:
    heads = "|".join(word.capitalize().replace("cion", "ci[oó]n") for word in vocabulary()["institutions"]["societies"])
    link = r"(?:para|por|de|del|dels|des|la|el|los|las|en|y|e|i|et|contra|a|pour|of|for|the|and|d['’]|l['’])"
    name = r"(?:[dl]['’])?[A-ZÀ-Þ][\w-]{1,30}"
    return re.compile(rf"(?<!\w)(?:{heads})(?:(?: {{1,2}}{link}){{0,3}} {{1,2}}{name}){{1,7}}")


@cache
def build_origins() -> re.Pattern[str]:
    """Nationality, people, race or situation of a person: varón peruano, de raza gitana, a Moroccan woman, viudo."""
    lists = vocabulary()["places"]
    person, people, situation = (f"(?:{join_patterns(lists[key])})" for key in ("persons", "peoples", "situations"))
    of = r"(?:nacionalidad|nacionalitat|origen|etnia|raza|raca|ethnie|race|nationalite|nationality|ethnicity)"
    before = rf"(?:{person}|anos|anys|ans|old),? {{1,2}}(?:de )?(?P<y>{people})"
    found = rf"(?P<x>{of} {{0,2}}:? {{0,2}}{people})|{before}|(?P<z>{people}) {person}|(?P<s>{situation})"
    return re.compile(rf"(?<!\w)(?:{found})(?!\w)")
