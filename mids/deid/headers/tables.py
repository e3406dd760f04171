"""The tables of DICOM PS3.15 Annex E and our additions to them, as `schemas/deid` holds them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydicom.datadict import dictionary_has_tag, dictionary_VM, dictionary_VR, tag_for_keyword

from mids.deid.headers.editions import OPTION_COLUMNS, Edition, Row, read
from mids.deid.policy import Option
from mids.resources import read_yaml, schemas


@dataclass(frozen=True, slots=True)
class Concept:
    """A concept of Table E.3.4-1: its code and scheme, the value type of its content items, and their actions."""

    code: str
    scheme: str
    value_type: str
    basic: str
    options: Mapping[Option, str]


@dataclass(frozen=True, slots=True)
class Extra:
    """What the standard leaves to us (`schemas/deid/rules.yaml`)."""

    method: Mapping[str, tuple[str, str]]
    remove_vr: frozenset[str]
    remove: frozenset[int]
    keep: frozenset[int]
    dummies: Mapping[str, Any]
    subject: frozenset[int]
    dummy_items: Mapping[int, Mapping[str, Any]]
    coding_schemes: frozenset[str]
    coding_scheme_uids: re.Pattern[str]
    makers: frozenset[int]
    prose: frozenset[int]
    termed: frozenset[int]
    says_burned_in: frozenset[str]


@cache
def edition() -> Edition:
    """The edition of Table E.1-1 that the rules follow."""
    return read(schemas() / "deid" / "table_e1_1.tsv")


@cache
def attributes() -> Mapping[int, Row]:
    """The rows of Table E.1-1 that are one attribute, by tag; patterns (50xx, 60xx, odd groups) are not among them."""
    return {
        int(tag[1:5] + tag[6:10], 16): row for tag, row in edition().rows.items() if "x" not in tag and tag != "odd"
    }


@cache
def tags() -> Mapping[str, int]:
    """The tags of Table E.1-1 by keyword."""
    return {row.keyword: tag for tag, row in attributes().items() if row.keyword}


def find_tag(keyword: str) -> int | None:
    """The tag of a keyword of the DICOM dictionary or of the table."""
    tag = tag_for_keyword(keyword)
    return tags().get(keyword) if tag is None else int(tag)


@cache
def find_vr(tag: int) -> str:
    """The VR of a public attribute by dictionary or table, such as ``US or SS``; empty for one that neither knows."""
    if dictionary_has_tag(tag):
        return str(dictionary_VR(tag))
    return attributes()[tag].vr if tag in attributes() else ""


@cache
def find_value_count(tag: int) -> int:
    """How many values a public attribute has by the dictionary, 0 where that varies or is not known."""
    vm = dictionary_VM(tag) if dictionary_has_tag(tag) else ""
    return int(vm) if vm.isdigit() else 0


@cache
def safe_private() -> Mapping[tuple[str, int, int], str]:
    """The VR of each attribute of Table E.3.10-1 by creator, group and element within the creator's block."""
    return {(row[0], int(row[1], 16), int(row[2], 16)): row[3] for row in _rows("safe_private.tsv")}


@cache
def concepts() -> Mapping[tuple[str, str], Concept]:
    """The concepts of Table E.3.4-1 by code and coding scheme."""
    found = {}
    for code, scheme, value_type, _, basic, *codes in _rows("structured_content.tsv"):
        options = {option: action for option, action in zip(OPTION_COLUMNS, codes, strict=True) if action}
        found[code, scheme] = Concept(code, scheme, value_type, basic, options)
    return found


@cache
def iods() -> Mapping[str, Mapping[int, str]]:
    """The types of attributes that are not 3, by SOP class and tag."""
    types: dict[str, Mapping[int, str]] = {}
    for _, classes, entries in _rows("iod_types.tsv"):
        pairs = [entry.split("=") for entry in entries.split()]
        by_tag = {tag: kind for keyword, kind in pairs if (tag := find_tag(keyword)) is not None}
        types.update(dict.fromkeys(classes.split(), by_tag))
    return types


@cache
def extra() -> Extra:
    """Our additions; raises `KeyError` for a keyword that is none: that is our bug."""
    content = read_yaml(schemas() / "deid" / "rules.yaml")
    outside = content["outside"]
    return Extra(
        method={name: (code, meaning) for name, (code, meaning) in content["method"].items()},
        remove_vr=frozenset(outside["remove_vr"]),
        remove=frozenset(_tags(outside["remove"])),
        keep=frozenset(_tags(outside["keep"])),
        dummies=content["dummies"],
        subject=frozenset(_tags(content["subject"])),
        dummy_items={tag: content["dummy_items"][key] for key in content["dummy_items"] for tag in _tags([key])},
        coding_schemes=frozenset(content["coding_schemes"]),
        coding_scheme_uids=re.compile(content["coding_scheme_uids"]),
        makers=frozenset(_tags(outside["makers"])),
        prose=frozenset(_tags(content["prose"])),
        termed=frozenset(_tags(content["termed"])),
        says_burned_in=frozenset(content["says_burned_in"]),
    )


def _tags(keywords: Any) -> Iterator[int]:
    for keyword in keywords:
        tag = find_tag(keyword)
        if tag is None:
            raise KeyError(keyword)
        yield tag


def _rows(name: str) -> Iterator[list[str]]:
    """The cells of each row of a table of `schemas/deid`, without notes and heads."""
    lines = (schemas() / "deid" / name).read_text(encoding="utf-8").splitlines()
    body = [line for line in lines if not line.startswith("#")]
    return (line.split("\t") for line in body[1:])
