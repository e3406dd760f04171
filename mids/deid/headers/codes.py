"""Codes of sequences (PS3.3 8.8): those of published coding schemes stay, the meaning of others may be anything."""

from collections.abc import Iterator, Mapping
from functools import cache

from pydicom import Dataset
from pydicom.sr._concepts_dict import concepts

from mids.deid.headers import elements
from mids.deid.headers.tables import extra

SCHEME = 0x00080102
VALUES = (0x00080100, 0x00080119, 0x00080120)
"""CodeValue, LongCodeValue and URNCodeValue."""
MEANING = 0x00080104
VERSION = 0x00080103
PRIVATE = "99REMOVED"
REMOVED = "REMOVED"


def of(item: Dataset) -> tuple[str, str]:
    """Code and coding scheme of an item, empty where it has none."""
    code = next((text for tag in VALUES if (text := elements.text(item.get_item(tag)))), "")
    return code, elements.text(item.get_item(SCHEME))


def is_published(item: Dataset, tag: int) -> bool:
    """Whether an attribute of an item belongs to a code of a published coding scheme."""
    is_code = tag in (*VALUES, SCHEME, MEANING, VERSION)
    return is_code and elements.text(item.get_item(SCHEME)) in extra().coding_schemes


def is_defined(item: Dataset) -> bool:
    """Whether a code has the meaning that the standard gives it (PS3.16 Annex D and its context groups)."""
    code, scheme = of(item)
    meaning = elements.text(item.get_item(MEANING))
    return meaning.casefold() in _meanings(scheme).get(code, frozenset())


@cache
def _meanings(scheme: str) -> dict[str, frozenset[str]]:
    """The meanings of the codes of a coding scheme that pydicom's dictionary has."""
    found: dict[str, set[str]] = {}
    known: Mapping[str, Mapping[str, tuple[str, object]]] = concepts.get(scheme, {})  # type: ignore[assignment]
    for entries in known.values():
        for code, (meaning, _) in entries.items():
            found.setdefault(code, set()).add(meaning.casefold())
    return {code: frozenset(meanings) for code, meanings in found.items()}


def defined_meanings() -> Iterator[str]:
    """The meanings of all codes that pydicom's dictionary has, folded."""
    return (meaning for scheme in concepts for meanings in _meanings(scheme).values() for meaning in meanings)


def clean(item: Dataset) -> None:
    """Leaves nothing of a code whose coding scheme is not a published one."""
    tags = [tag for tag in (*VALUES, MEANING) if tag in item]
    if not tags or elements.text(item.get_item(SCHEME)) in extra().coding_schemes:
        return
    for keyword in ("CodingSchemeVersion", "CodingSchemeUID", "ContextIdentifier", "ContextUID"):
        item.pop(keyword, None)
    for tag in tags:
        del item[tag]
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = REMOVED, PRIVATE, REMOVED
