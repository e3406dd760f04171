"""Rules from the header of an MR series to its suffix, as `schemas/mr_suffixes.yaml` states them."""

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any


@dataclass(frozen=True, slots=True)
class Condition:
    """What header fields (keywords joined by `|`) must be: `test` names an entry of `_TESTS`."""

    keyword: str
    test: str
    operand: Any


@dataclass(frozen=True, slots=True)
class Rule:
    """Header values that mean a suffix; all conditions must hold. Values are in DICOM's units (ms)."""

    suffix: str
    datatype: str
    when: tuple[Condition, ...]
    description: str

    def matches(self, header: Mapping[str, Any]) -> bool:
        """Whether a header (DICOM keyword to value, list for a multi-valued one) meets every condition."""
        return all(_TESTS[c.test](_texts(header, c.keyword), c.operand) for c in self.when)


def rule(entry: Mapping[str, Any]) -> Rule:
    """An entry of `schemas/mr_suffixes.yaml`."""
    when = tuple(
        Condition(keyword, test, operand) for keyword, tests in entry["when"].items() for test, operand in tests.items()
    )
    return Rule(entry["suffix"], entry["datatype"], when, entry["description"])


def _texts(header: Mapping[str, Any], keywords: str) -> list[str]:
    """The values of header fields as texts, absent ones left out."""
    values: list[str] = []
    for keyword in keywords.split("|"):
        value = header.get(keyword)
        if value is not None:
            values.extend(str(v) for v in (value if isinstance(value, list | tuple) else (value,)))
    return values


def _number(text: str) -> float:
    """The text as a number; NaN, which no test accepts, for what is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


_compiled = cache(re.compile)


def _normalise_text(text: str) -> str:
    """Lower case, without accents, `_` and `-` as blanks, so that word boundaries work."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return re.sub("[_-]", " ", "".join(c for c in decomposed if not unicodedata.combining(c)))


_TESTS: Mapping[str, Callable[[list[str], Any], bool]] = {
    "any": lambda texts, words: any(t.upper() in words for t in texts),
    "none_of": lambda texts, words: not any(t.upper() in words for t in texts),
    "matches": lambda texts, expression: any(_compiled(expression).search(_normalise_text(t)) for t in texts),
    "lt": lambda texts, limit: any(_number(t) < limit for t in texts),
    "ge": lambda texts, limit: any(_number(t) >= limit for t in texts),
    "between": lambda texts, limits: any(limits[0] <= _number(t) < limits[1] for t in texts),
}
