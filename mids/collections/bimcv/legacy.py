"""Headers from the sidecars and tables of published MIDS datasets: four layouts, one result.

* XNAT's dump: ``{"ResultSet": {"Result": [{"tag1": "(0008,0060)", "vr": "CS", "value": "CR", …}]}}``;
* a bare list of the same rows;
* DICOM's JSON model (PS3.18 F.2): ``{"00080060": {"vr": "CS", "Value": ["CR"]}}``;
* an object of keywords and texts: ``{"Modality": "CR"}``.

Only the attributes that naming and the sidecar's allow-list need are taken (`mids.readers.dicom.scan.keywords`).
"""

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from pydicom.datadict import dictionary_VR, keyword_for_tag

from mids.errors import DataError
from mids.readers.dicom.headers import IDENTIFYING
from mids.readers.dicom.scan import keywords
from mids.records import Json

Header = dict[str, Json]

_INTEGERS = frozenset({"IS", "US", "SS", "UL", "SL", "SV", "UV"})
_DECIMALS = frozenset({"DS", "FD", "FL"})
_CODES = ("CodeValue", "CodeMeaning", "CodingSchemeDesignator")

_OF_SERIES = frozenset(
    "BodyPartExamined DeviceSerialNumber Manufacturer ManufacturerModelName Modality PatientAge PatientBirthDate "
    "PatientSex PatientSize PatientWeight SeriesDate SeriesNumber SeriesTime SoftwareVersions StudyDate StudyTime "
    "SeriesInstanceUID StudyInstanceUID".split()
)
"""What holds for every image of a series (PS3.3 C.7.1 to C.7.5). Descriptions do not: published series mix
projections under one."""


def header(data: bytes) -> Header:
    """DICOM keyword to typed value, from a sidecar in any of the layouts.

    Raises `DataError` ``SIDECAR_UNREADABLE`` for what is no JSON or none of the layouts.
    """
    try:
        content: Json = json.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise DataError("SIDECAR_UNREADABLE", f"the sidecar is not JSON ({type(error).__name__})") from error
    if isinstance(content, dict) and isinstance(content.get("ResultSet"), dict):
        wrapped = content["ResultSet"]
        assert isinstance(wrapped, dict)
        content = wrapped.get("Result")
    if isinstance(content, list):
        return _kept(_rows(content))
    if not isinstance(content, dict):
        raise DataError("SIDECAR_UNREADABLE", "the sidecar has none of the published layouts")
    if content and all(isinstance(value, dict) and "vr" in value for value in content.values()):
        return _kept(_model(content))
    return _kept((key, _value(value)) for key, value in content.items())


def of_series(found: Mapping[str, Json]) -> Header:
    """What of a header holds for the other images of its series too."""
    return {key: value for key, value in found.items() if key in _OF_SERIES}


def of_columns(row: Mapping[str, str]) -> Header:
    """What a row of a published scans.tsv says: its columns are called ``Modality (0008,0060)``."""
    tags = ((re.search(r"\(([0-9a-f]{4}),?\s?([0-9a-f]{4})\)\s*$", name, re.IGNORECASE), row[name]) for name in row)
    return _kept((_keyword(match[1] + match[2]), text) for match, text in tags if match)


def of_names(row: Mapping[str, str]) -> Header:
    """What a row says whose columns are called by keywords without case, such as ``bitsstored``."""
    keywords_by_name = {keyword.lower(): keyword for keyword in _wanted()}
    return _kept((keywords_by_name.get(name, ""), _value(text)) for name, text in row.items() if _is_said(text))


def _is_said(text: str) -> bool:
    return text.strip().lower() not in ("", "nan", "none")


@cache
def _wanted() -> frozenset[str]:
    return frozenset(keywords()) - frozenset(IDENTIFYING)


@cache
def _keyword(tag: str) -> str:
    return keyword_for_tag(int(tag, 16))


def _kept(pairs: Iterable[tuple[str, Json]]) -> Header:
    """The wanted attributes, typed by their VR; empty ones and those of a wrong type are left out."""
    found = {key: _typed(key, value) for key, value in pairs if key in _wanted()}
    return {key: value for key, value in found.items() if value not in (None, "", [])}


def _rows(rows: list[Json]) -> Iterator[tuple[str, Json]]:
    """XNAT's rows; those inside a sequence name it in tag1 and themselves in tag2."""
    codes: dict[str, dict[str, Json]] = {}
    for row in rows:
        if not isinstance(row, dict):
            raise DataError("SIDECAR_UNREADABLE", "the sidecar has none of the published layouts")
        tags = [re.sub(r"[^0-9A-Fa-f]", "", str(row.get(name) or "")) for name in ("tag1", "tag2")]
        if len(tags[0]) != 8:
            continue
        outer = _keyword(tags[0])
        inner = _keyword(tags[1]) if len(tags[1]) == 8 else ""
        if not inner:
            yield outer, _value(row.get("value"))
        elif inner in _CODES:
            codes.setdefault(outer, {}).setdefault(inner, row.get("value"))
    for outer, item in codes.items():
        yield outer, [item]


def _model(content: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    for tag, element in content.items():
        values = element.get("Value") if isinstance(element, dict) else None
        if re.fullmatch("[0-9A-Fa-f]{8}", tag) and isinstance(values, list) and values:
            if isinstance(values[0], dict):
                item = values[0]
                yield _keyword(tag), [dict(_model(item))] if any("vr" in str(v) for v in item.values()) else None
            else:
                yield _keyword(tag), list(values) if len(values) > 1 else values[0]


def _value(value: Json) -> Json:
    """A text as DICOM's several values where backslashes or a Python list say that it is some."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if re.fullmatch(r"\[.*\]", text, re.DOTALL):
        try:
            listed = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return text
        return list(listed) if isinstance(listed, list) else text
    return [part.strip() for part in text.split("\\")] if "\\" in text else text


def _typed(keyword: str, value: Json) -> Json:
    vr = dictionary_VR(keyword)
    if vr == "SQ":
        items = [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
        return [{key: str(item.get(key) or "") for key in _CODES} for item in items] or None
    if isinstance(value, list):
        parts = [_single(part, vr) for part in value]
        return None if not parts or any(part is None for part in parts) else parts
    return _single(value, vr)


def _single(value: Json, vr: str) -> Json:
    if value is None or isinstance(value, dict | list | bool):
        return None
    if vr not in _INTEGERS | _DECIMALS:
        return str(value).strip() or None
    try:
        number = float(str(value))
        return int(number) if vr in _INTEGERS else number if abs(number) != float("inf") and number == number else None
    except (ValueError, OverflowError):
        return None
