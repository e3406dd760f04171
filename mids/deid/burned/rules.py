"""Rules on headers as data: keywords and the patterns that their values match."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from mids.records import Json
from mids.resources import read_yaml, schemas

Header = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Rule:
    """Holds where every pattern is found in the value of its keyword; an absent attribute is an empty text.

    `certain` says that there is text, `stronger` that BurnedInAnnotation NO does not clear an image of it.
    """

    reason: str
    when: tuple[tuple[str, re.Pattern[str]], ...]
    certain: bool = False
    stronger: bool = False

    def holds(self, header: Header) -> bool:
        """Whether the header matches all patterns."""
        return all(pattern.search(text(header.get(keyword))) for keyword, pattern in self.when)


@cache
def rules(part: str) -> tuple[Rule, ...]:
    """The rules of one part (``text`` or ``faces``) of `schemas/deid/burned_in.yaml`, in order."""
    entries = read_yaml(schemas() / "deid" / "burned_in.yaml")[part]
    return tuple(
        Rule(entry["reason"], patterns(entry["when"]), entry.get("certain", False), entry.get("stronger", False))
        for entry in entries
    )


def patterns(when: Mapping[str, Any]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Keywords with their compiled patterns; a number matches itself alone."""
    return tuple(
        (keyword, re.compile(value if isinstance(value, str) else rf"^{value}$", re.IGNORECASE))
        for keyword, value in when.items()
    )


def first(found: Iterable[Rule], header: Header) -> Rule | None:
    """The first rule that holds."""
    return next((rule for rule in found if rule.holds(header)), None)


def text(value: Json) -> str:
    """A value as text, stripped; several values and those inside sequences joined by a backslash."""
    return "\\".join(_texts(value))


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif value is not None:
        yield str(value).strip()
