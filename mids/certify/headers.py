"""Reads finished DICOM files again: marks that are missing, what the profile that a file states does not let stay,
names of people, identifiers in free texts.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from mids.deid.headers.elements import is_public_uid
from mids.deid.headers.rules import Rules
from mids.deid.headers.tables import extra
from mids.deid.policy import Policy
from mids.deid.pseudonyms import AGE_CAP
from mids.inspection.identifiers import identify
from mids.readers.dicom.values import BROKEN
from mids.records import Json

_META = frozenset({0x00020000, 0x00020001, 0x00020002, 0x00020003, 0x00020010, 0x00020012, 0x00020013})
"""What this program writes into a file meta group; others name stations and programs."""

_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_IDENTITY = "PatientIdentityRemoved"

_TEXTS = frozenset({"LO", "LT", "SH", "ST", "UC", "UT"})
"""Value representations of texts that people write."""


def check_headers(dataset: Path, paths: Sequence[str], said: Mapping[str, Json]) -> dict[str, Any]:
    """What DICOM files say of themselves: `paths` are relative to `dataset`; a finding is ``path: keyword``.

    `said` is what ``deidentification.json`` says of the policy: how ages are kept, which attributes it keeps.
    """
    wrong = []
    for path in paths:
        try:
            header = pydicom.dcmread(dataset / path)
            kept = [*_check_file(header), *_check_elements(header, said)]
        except BROKEN as error:
            kept = [type(error).__name__]
        wrong += [f"{path}: {keyword}" for keyword in dict.fromkeys(kept)]
    return {"Checked": len(paths), "Findings": wrong}


def _check_file(header: Dataset) -> Iterator[str]:
    """What stands before the attributes, and the mark that they are de-identified."""
    if any(getattr(header, "preamble", None) or b""):
        yield "preamble"
    yield from (_name(element) for element in getattr(header, "file_meta", ()) if element.tag not in _META)
    if header.get(_IDENTITY) != "YES":
        yield _IDENTITY


def _check_elements(header: Dataset, said: Mapping[str, Json]) -> Iterator[str]:
    subject = str(header.get("PatientID") or "")
    kept = said.get("Kept")
    allowed = frozenset(map(str, kept)) if isinstance(kept, list) else frozenset()
    elements = [element for element in _walk(header) if element.tag not in _PIXELS]
    rules = _rules(_read_codes(header))
    dummies = frozenset({"", subject, *map(str, extra().dummies.values())})
    for element in elements:
        if _name(element) not in allowed and not _may_stay(element, rules, dummies):
            yield _name(element)
    if said.get("Ages") != "keep" and _is_old(header):
        yield "PatientAge"
    yield from _list_told(elements, subject)


def _walk(dataset: Dataset) -> Iterator[DataElement]:
    """All elements at any depth, those in a sequence before it."""
    for element in dataset:
        for item in element.value if element.VR == "SQ" else ():
            yield from _walk(item)
        yield element


def _read_codes(header: Dataset) -> frozenset[str]:
    """The codes of the profile and its options that a file states (PS3.16 CID 7050)."""
    return frozenset(str(item.get("CodeValue")) for item in header.get("DeidentificationMethodCodeSequence") or ())


@cache
def _rules(codes: frozenset[str]) -> Rules:
    """The rules of the options that are stated."""
    stated = (name for name, (code, _) in extra().method.items() if code in codes and name != "basic")
    return Rules(Policy("stated", frozenset(stated)))  # type: ignore[arg-type]


def _may_stay(element: DataElement, rules: Rules, dummies: frozenset[str]) -> bool:
    """Whether the stated profile lets an element stay as it is: removed ones may be empty, a dummy or the subject."""
    if element.tag.group & 0xFF01 in (0x5000, 0x6000):
        return False  # curves and overlays
    if element.tag.is_private or element.is_empty:
        return True
    action = rules.action(int(element.tag), "")
    if element.VR == "UI":
        is_kept = action == "K" and "retain_uids" in rules.policy.options
        return is_kept or element.keyword == "SOPClassUID" or all(map(_is_made, _values(element)))
    if action in ("K", "C"):
        return element.VR != "PN" or _is_dummy(element, dummies)
    return (element.VR == "SQ" and action != "X") or _is_dummy(element, dummies)


def _is_made(uid: Any) -> bool:
    """Whether a UID is of the standard, of a coding scheme, or such as this program makes."""
    return str(uid or "2.25.0").startswith("2.25.") or is_public_uid(str(uid))


def _is_dummy(element: DataElement, dummies: frozenset[str]) -> bool:
    if isinstance(element.value, bytes):
        return not any(element.value)
    return all(str(value or "").strip("^= ") in dummies for value in _values(element))


def _is_old(header: Dataset) -> bool:
    """Whether an age is above 89 years; a range that was embedded in its place is none."""
    age = re.fullmatch(r"(\d{3})Y", str(header.get("PatientAge") or ""), re.ASCII)
    return age is not None and int(age[1]) > AGE_CAP


def _values(element: DataElement) -> Iterable[Any]:
    return element.value if isinstance(element.value, MultiValue) else [element.value]


def _list_told(elements: Iterable[DataElement], subject: str) -> Iterator[str]:
    """Identifiers in free texts, private ones too, by the rules of the validator; dates may be shifted."""
    for element in elements:
        if element.VR in _TEXTS:
            texts = (value for value in _values(element) if value and value != subject)
            told = {what for text in texts for what in _identifiers(str(text))}
            yield from (f"{_name(element)} holds {what}" for what in sorted(told))


def _identifiers(text: str) -> tuple[str, ...]:
    return tuple(what for kind, what in identify(text) if kind != "date")


def _name(element: DataElement) -> str:
    return str(element.keyword) or f"({element.tag.group:04X},{element.tag.element:04X})"


@dataclass(frozen=True, slots=True)
class Claims:
    """What the header of one DICOM file says was done to it."""

    is_certified: bool = False
    is_defaced: bool = False
    is_searched: bool = False
    is_clean: bool = False


def read_claims(path: Path) -> Claims:
    """The claims of a file; none of one that can't be read, which `check_headers` tells."""
    wanted = ["DeidentificationMethod", "DeidentificationMethodCodeSequence", "BurnedInAnnotation"]
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=wanted)
        codes = _read_codes(header)
        method = header.get("DeidentificationMethod") or ()
        texts = [method] if isinstance(method, str) else [str(text) for text in method]
    except BROKEN:
        return Claims()
    known = extra().method
    return Claims(
        known["clean_pixel_data"][0] in codes,
        known["clean_recognizable_visual_features"][0] in codes,
        any(text.startswith("pixels searched by") for text in texts),
        header.get("BurnedInAnnotation") == "NO",
    )
