"""Whether a header's descriptions name a screen, a dose page or a report: words as data (`schemas/deid/pages.yaml`)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any, Literal

from mids.deid.burned.words import normalise_words
from mids.records import Json
from mids.resources import read_yaml, schemas

Page = Literal["screen", "dose", "report", ""]


@dataclass(frozen=True, slots=True)
class _Words:
    """The patterns of each kind of page; they match texts of `normalise_words`, a space at either end."""

    screen: re.Pattern[str]
    dose: re.Pattern[str]
    only_dose: re.Pattern[str]
    report: re.Pattern[str]
    own: tuple[str, ...]
    of_study: tuple[str, ...]


def attributes() -> tuple[str, ...]:
    """The attributes that are read, by DICOM keyword."""
    words = _load()
    return (*words.own, *words.of_study)


def name_page(header: Mapping[str, Json]) -> Page:
    """What kind of page the descriptions of a header name; empty where they name none."""
    words = _load()
    for keyword in (*words.own, *words.of_study):
        for value in _list_values(header.get(keyword)):
            text = f" {normalise_words(value)} "
            if words.screen.search(text):
                return "screen"
            if words.dose.search(text) or words.only_dose.fullmatch(text):
                return "dose"
            if keyword in words.own and words.report.search(text):
                return "report"
    return ""


def _list_values(value: Json) -> Iterable[str]:
    values = value if isinstance(value, list) else [value]
    return (part for item in values if isinstance(item, str) for part in item.split("\\"))


@cache
def _load() -> _Words:
    content: Mapping[str, Any] = read_yaml(schemas() / "deid" / "pages.yaml")
    screen, page, report = (_join(chain.from_iterable(content[kind].values())) for kind in ("screen", "page", "report"))
    dose, between = _join(content["dose"]), _join(content["between"])
    filler = rf"(?: (?:{between}))*"
    pairs = rf"(?:{page}){filler} (?:{dose})|(?:{dose}){filler} (?:{page})|(?:{dose})(?:{page})"
    return _Words(
        re.compile(rf" (?:{screen}) "),
        re.compile(rf" (?:{pairs}) "),
        re.compile(rf"{filler} (?:{dose})(?: (?:{dose}|{between}|[0-9]+))* "),
        re.compile(rf" (?:{report}) "),
        tuple(content["attributes"]),
        tuple(content["of_study"]),
    )


def _join(words: Iterable[str]) -> str:
    """The alternatives of a pattern, the longest first."""
    found = {normalise_words(word) + ("[A-Z]*" if word.endswith("*") else "") for word in words}
    return "|".join(sorted(found, key=lambda word: (-len(word), word)))
