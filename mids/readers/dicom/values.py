"""Values of DICOM attributes as typed JSON: only what is wanted is decoded; what can't be read counts as missing."""

import re
import struct
import warnings
import zlib
from collections.abc import Iterable, Mapping, Set
from functools import cache
from typing import TypeAlias

from pydicom.datadict import dictionary_has_tag, dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.multival import MultiValue

from mids.records import Json

BROKEN = (
    InvalidDicomError, BytesLengthException, EOFError, OSError, ValueError, TypeError, KeyError, IndexError,
    AttributeError, NotImplementedError, struct.error, RecursionError, OverflowError, MemoryError, LookupError,
    zlib.error,
)  # fmt: skip

Wanted: TypeAlias = Mapping[int, tuple[str, str]]
"""Keyword and VR by tag."""

GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_CHARSET = 0x00080005
_CODES = ("CodeValue", "CodeMeaning", "CodingSchemeDesignator")
_WITH_COMMAS = re.compile(rb" *[+-]?\d*,\d+(?:[eE][+-]?\d{1,2})?[ \0]*|[^,]*")
"""A number with a decimal comma, or anything without one: a comma beside a point may group thousands."""


@cache
def elements(keywords: tuple[str, ...]) -> Wanted:
    """The tags of attributes, each with its keyword and the VR that it should have (PS3.6)."""
    return {tag: (keyword, dictionary_VR(tag)) for keyword in keywords if (tag := tag_for_keyword(keyword))}


def header(dataset: Dataset, keywords: tuple[str, ...]) -> tuple[dict[str, Json], Set[str]]:
    """The wanted attributes as JSON, looked up also in the functional groups of an enhanced image (PS3.3 C.7.6.16).

    Of a frame's own groups the first frame counts. Also returns the keywords that were read with a decimal comma.
    """
    found: dict[str, Json] = {}
    mended: set[str] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mended |= collect(dataset, elements(keywords), found)
        for group in GROUPS:
            try:
                item = dataset[group].value[0]
            except BROKEN:
                continue
            mended |= collect_macros(item, elements(keywords), found)
    return found, mended


def collect_macros(group: Dataset, wanted: Wanted, found: dict[str, Json]) -> set[str]:
    """What `collect` does, with all macros of one item of the functional groups."""
    mended: set[str] = set()
    try:
        macros = [element.value[0] for element in group if element.VR == "SQ" and element.value]
    except BROKEN:
        return mended
    for macro in macros:
        mended |= collect(macro, wanted, found)
    return mended


_Raw: TypeAlias = tuple[int, str | None, bytes, bool, str]

READ: dict[_Raw, Json] = {}
"""Values that were decoded already: most attributes are the same bytes in all slices of a series."""

_KEPT = 20_000
_LONGEST = 256


def collect(dataset: Dataset, wanted: Wanted, found: dict[str, Json]) -> set[str]:
    """Adds the wanted attributes of a dataset to `found`, where they are not there yet.

    Returns the keywords of those whose decimal comma was read as a point.
    """
    charset = getattr(dataset.get_item(_CHARSET, keep_deferred=True), "value", None)
    mended: set[str] = set()
    for tag in dataset.keys() & wanted.keys():
        keyword, vr = wanted[tag]
        raw = _raw(dataset, tag, vr, charset)
        if vr == "DS" and mend_decimal(dataset, tag):
            raw = None  # as it stands it is no number
            mended.add(keyword)
        try:
            value = READ[raw] if raw is not None and raw in READ else _json(dataset[tag].value, vr)
        except BROKEN:
            continue
        if raw is not None:
            READ[raw] = value
        if value is not None and keyword not in found:
            found[keyword] = value
    if len(READ) > _KEPT:
        READ.clear()
    return mended


def mend_decimal(dataset: Dataset, tag: int) -> bool:
    """Puts points in the place of decimal commas of a number (DS, PS3.5 6.2); says whether there were any."""
    raw: object = dataset.get_item(tag, keep_deferred=True)
    if not isinstance(raw, RawDataElement) or not raw.value or b"," not in raw.value:
        return False
    if raw.VR != "DS" and (raw.VR is not None or not dictionary_has_tag(tag) or dictionary_VR(tag) != "DS"):
        return False
    if not all(_WITH_COMMAS.fullmatch(part) for part in raw.value.split(b"\\")):
        return False
    dataset[tag] = raw._replace(value=raw.value.replace(b",", b"."))
    return True


def _raw(dataset: Dataset, tag: int, vr: str, charset: object) -> _Raw | None:
    """All that the value of an element depends on, None where that is more than its own bytes and the charset."""
    element: object = dataset.get_item(tag, keep_deferred=True)  # an empty one would be decoded, and may have no VR
    if not isinstance(element, RawDataElement) or element.value is None or len(element.value) > _LONGEST:
        return None
    if vr == "SQ" or (" or " in vr and element.VR not in ("US", "SS")):
        return None
    return tag, element.VR, element.value, element.is_little_endian, str(charset)


def _json(value: object, vr: str) -> Json:
    """A DICOM value as typed JSON: numbers are numbers, several values a list, a code sequence its first code."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if vr == "SQ":
        items = list(value) if isinstance(value, Iterable) else []
        return [{key: str(item.get(key, "")) for key in _CODES} for item in items] or None
    if isinstance(value, MultiValue | list | tuple):
        values = [_json(item, vr) for item in value]
        return None if not values or all(item is None for item in values) else values
    if vr in ("DS", "FD", "FL"):
        number = float(str(value))
        return number if number == number and abs(number) != float("inf") else None
    if vr in ("IS", "US", "SS", "UL", "SL", "SV", "UV"):
        return int(float(str(value)))
    return str(value).replace("\x00", "").strip() or None
