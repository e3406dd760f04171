"""Reads the headers of finished DICOM files again: marks that are missing, names of people, what no option keeps, and
identifiers in free texts.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from mids.deid.headers.tables import attributes, extra
from mids.inspection.identifiers import identify
from mids.readers.dicom.values import BROKEN

_MUST_BE_EMPTY = (
    "PatientBirthDate OtherPatientIDs OtherPatientNames PatientAddress InstitutionAddress OperatorsName"
).split()


_TEXTS = frozenset({"LO", "LT", "SH", "ST", "UC", "UT"})
"""Value representations of texts that people write."""


@cache
def _removed() -> frozenset[int]:
    """Attributes that the Basic Profile removes and no option keeps."""
    return frozenset(tag for tag, row in attributes().items() if row.basic == "X" and not row.options)


def check_headers(dataset: Path, paths: Sequence[str]) -> dict[str, Any]:
    """What DICOM files say of themselves: `paths` are relative to `dataset`; a finding is ``path: keyword``."""
    wrong = []
    for path in paths:
        try:
            header = pydicom.dcmread(dataset / path, stop_before_pixels=True)
            kept = [keyword for keyword in _MUST_BE_EMPTY if header.get(keyword)]
            if header.get("PatientIdentityRemoved") != "YES":
                kept.append("PatientIdentityRemoved")
            subject = str(header.get("PatientID") or "")
            elements = list(_walk(header))
            kept += _list_kept(elements, frozenset({"", subject, str(extra().dummies["PN"])}))
            kept += _list_told(elements, subject)
        except BROKEN as error:
            kept = [type(error).__name__]
        wrong += [f"{path}: {keyword}" for keyword in dict.fromkeys(kept)]
    return {"Checked": len(paths), "Findings": wrong}


def _walk(dataset: Dataset) -> Iterator[DataElement]:
    """All elements at any depth, those in a sequence before it."""
    for element in dataset:
        for item in element.value if element.VR == "SQ" else ():
            yield from _walk(item)
        yield element


def _values(element: DataElement) -> Iterable[Any]:
    return element.value if isinstance(element.value, MultiValue) else [element.value]


def _list_kept(elements: Iterable[DataElement], allowed: frozenset[str]) -> Iterator[str]:
    """Names of people but the `allowed` ones, and what must be gone."""
    for element in elements:
        is_name = element.VR == "PN" and any(str(v or "").strip("^= ") not in allowed for v in _values(element))
        if is_name or (element.tag in _removed() and not element.is_empty):
            yield _name(element)


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
        codes = {str(item.get("CodeValue")) for item in header.get("DeidentificationMethodCodeSequence") or ()}
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
