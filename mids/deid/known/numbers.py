"""Whether a number repeats what the header tells: an id, a day as digits, or a day as programs count it.

Ids and days that are glued to other letters and digits too: P77889911, 20200317101112.
"""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import lru_cache

from mids.deid.text.words import compose_text, fold_text

SHORTEST_ID = 4
"""Characters of the shortest id that is searched: "12" stands in every report."""

DIGITS_OF_IDS = 10_000
"""The least number that is searched for as a day, or as the digits of an id of letters and digits."""

GLUED = 5
"""Characters of the shortest id that is searched between letters and, if it has letters, digits: X77889 holds 77889."""

LONG = 8
"""Digits of an id from which on it is searched between other digits too; a day with its year has as many."""

_NUMBER = re.compile(r"[+-]?(?:\d{1,16}(?:\.\d{0,12})?|\.\d{1,12})(?:[eE][+-]?\d{1,2})?", re.ASCII)
_STARTS = (date(1899, 12, 30), date(1904, 1, 1), date(1970, 1, 1))
"""Day 0 of spreadsheets and of Unix."""
_JULIAN, _MATLAB = 1_721_425, 366
"""What a Julian day number (at noon) and a day of MATLAB are more than Python's ordinal."""
_TICKS = (86_400, 86_400_000)
"""Seconds and milliseconds of a day."""
_LEAST_TICKS = 10**8


def is_number(text: str) -> bool:
    """Whether a text is a number as IS and DS write it (PS3.5 6.2)."""
    return _NUMBER.fullmatch(text) is not None


def is_number_told(text: str, ids: tuple[str, ...], days: tuple[date, ...]) -> bool:
    """Whether a number is one of the ids, whole, or falls on one of the days, whatever its exponent and zeros."""
    value = Decimal(text)
    whole = int(abs(value))
    if whole in day_numbers(days) or any(text in digits_of(day) for day in days):
        return True
    if whole >= _LEAST_TICKS and any(
        int(value // ticks) == (day - _STARTS[-1]).days for day in days for ticks in _TICKS
    ):
        return True
    if any(True for _ in find_glued(str(whole), ids if whole == abs(value) else (), days)):
        return True
    return whole > 9 and whole == abs(value) and str(whole) in id_forms(ids)


def find_glued(plain: str, ids: tuple[str, ...], days: tuple[date, ...]) -> Iterator[re.Match[str]]:
    """Ids and days (group ``day``) within runs of letters and digits of a folded text."""
    pattern = _compile_glued(ids, days)
    return iter(()) if pattern is None else pattern.finditer(plain)


@lru_cache(maxsize=64)
def _compile_glued(ids: tuple[str, ...], days: tuple[date, ...]) -> re.Pattern[str] | None:
    """Each id with a digit, its leading zeros included, and each day with its four digits of a year; None of nothing.

    Other digits beside the digits of a short id make another number.
    """
    found = sorted({form for day in days for form in digits_of(day)[:3]})
    said = [rf"(?P<day>{'|'.join(found)})"] if found else []
    for form in sorted(id_forms(ids), key=lambda form: (-len(form), form)):
        if len(form) >= GLUED and re.search("[0-9]", form):
            is_long = form.isdigit() and len(form) >= LONG
            before = "" if is_long or not form[0].isdigit() else "(?<![0-9])0{0,12}"
            after = "" if is_long or not form[-1].isdigit() else "(?![0-9])"
            said.append(before + re.escape(form) + after)
    return re.compile("|".join(said)) if said else None


@lru_cache(maxsize=64)
def day_numbers(days: tuple[date, ...]) -> frozenset[int]:
    """Days as numbers from 10,000 on: their digits in the orders in use, and counted as programs count them."""
    digits = (int(form) for day in days for form in digits_of(day))
    counts = (
        count
        for day in days
        for count in (
            *((day - start).days for start in _STARTS), day.toordinal() + _JULIAN, day.toordinal() + _MATLAB,
        )
    )  # fmt: skip
    return frozenset(number for number in (*digits, *counts) if number >= DIGITS_OF_IDS)


def digits_of(day: date) -> tuple[str, ...]:
    """A day as digits without separators, in the orders in use: those with four digits of a year, then those of two."""
    return f"{day:%Y%m%d}", f"{day:%d%m%Y}", f"{day:%m%d%Y}", f"{day:%y%m%d}", f"{day:%d%m%y}"


@lru_cache(maxsize=64)
def id_forms(ids: tuple[str, ...]) -> frozenset[str]:
    """Ids without separators and leading zeros, and the digits of those that have letters too."""
    whole = (re.sub(r"[\W_]+", "", fold_text(compose_text(text))) for text in ids)
    found = set()
    for letters in (one for one in whole if len(one) >= SHORTEST_ID):
        found.add(letters.lstrip("0") or letters)
        digits = re.sub("[^0-9]+", "", letters).lstrip("0")
        if digits and int(digits) >= DIGITS_OF_IDS:
            found.add(digits)
    return frozenset(found)
