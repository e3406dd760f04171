"""Ranges of whole numbers as people write them, in English, French and Spanish: ``60-70``, ``< 3 jours``, ``90+``."""

import re
import unicodedata
from dataclasses import dataclass

_UNIT = re.compile(r"\b(days?|jours?|dias?|[dj]|years?|old|ans?|anos?)\b|(?<=\d)[yd]\b")
_BETWEEN = re.compile(r"(?:between|entre|from|de|du)? ?(\d+) ?(?:-|to|a|au|et|and|y) ?(\d+)")
_BELOW = re.compile(r"(<=|≤|up to|jusqu'a|hasta)? ?(?:<|less than|under|below|moins de|inferieure? a|menos de)? ?(\d+)")
_ABOVE = re.compile(
    r"(>=|≥|at least|au moins|al menos)? ?(?:>|more than|over|above|plus de|superieure? a|mas de)? ?(\d+)"
)
_AND_MORE = re.compile(r"(\d+) ?(?:\+|(?:and|or|et|ou|y|o) (?:more|over|above|plus|mas))")


@dataclass(frozen=True, slots=True)
class Span:
    """A range of whole numbers; an end that is None is open, one that is excluded does not belong to it."""

    low: int | None
    high: int | None
    low_excluded: bool = False
    high_excluded: bool = False


def span(text: str) -> Span | None:
    """The range that a text means, None where it means none; units of days and years are ignored.

    A number alone is no range.
    """
    plain = " ".join(_UNIT.sub(" ", _plain(text)).strip("[]() ").split())
    if plain.isdigit():
        return None
    if found := _BETWEEN.fullmatch(plain):
        low, high = int(found[1]), int(found[2])
        return Span(low, high) if low <= high else None
    if found := _BELOW.fullmatch(plain):
        return Span(None, int(found[2]), high_excluded=not found[1])
    if found := _ABOVE.fullmatch(plain):
        return Span(int(found[2]), None, low_excluded=not found[1])
    found = _AND_MORE.fullmatch(plain)
    return Span(int(found[1]), None) if found else None


def _plain(text: str) -> str:
    """Lower case without accents, with one kind of dash and apostrophe."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    letters = "".join(character for character in decomposed if not unicodedata.combining(character))
    return re.sub(r"[‐-―−]", "-", letters).replace("’", "'")
