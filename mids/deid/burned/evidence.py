"""What is done with an image by what its header says of text burned into it, and of a face that it may show.

DICOM PS3.15 E.3.1 (Clean Pixel Data) and E.3.2 (Clean Recognizable Visual Features); the rules are data
(`schemas/deid/burned_in.yaml`, `schemas/deid/devices.yaml`).
"""

from dataclasses import dataclass, replace
from typing import Literal

from pydicom.uid import SecondaryCaptureImageStorage

from mids.deid.burned.devices import find_regions
from mids.deid.burned.pages import name_page
from mids.deid.burned.rules import Header, first, rules, text
from mids.deid.policy import BurnedIn, Detect, Policy
from mids.records import Box, Json, Record

Outcome = Literal["deliver", "hold", "blank", "report", "release"]

VOLUMES = frozenset({"CT", "MR", "PT", "NM"})
"""Modalities of which a detector looks at slices only where their headers are evidence of text."""

DEFACED = frozenset({"CT", "MR"})
"""Modalities of volumes from which faces can be removed."""

UNFOUND = "no text was found to redact"
"""How a message ends of an image that is withheld since nothing in it could be redacted."""

_ANATOMY = ("BodyPartExamined", "AnatomicRegionSequence", "ProtocolName", "StudyDescription", "SeriesDescription")


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of an image, and why, without a value of its header.

    `boxes` are blanked. `certain` says that the header is sure of text: where nothing is found and nothing
    blanked, the image is not delivered. ``release`` is the word of a person who has looked at the image.
    `certified` says that the pixels name nobody once it is done: by that person, or by a complete rule for the device.
    `face` is why an image that is delivered may show one; `deface` says that it is removed first.
    """

    outcome: Outcome
    reason: str = ""
    boxes: tuple[Box, ...] = ()
    certain: bool = False
    certified: bool = False
    face: str = ""
    deface: bool = False


DELIVER = Decision("deliver")


@dataclass(frozen=True, slots=True)
class Screen:
    """How the pixels of one image are looked at.

    `asked` says that its header or its device is evidence of text, `expected` that the header is sure of it.
    """

    burned_in: BurnedIn = "release"
    detect: Detect = "none"
    expected: bool = False
    asked: bool = False


UNSEEN = Screen()
"""Pixels are not looked at."""


def is_slice(modality: str, sop_class: str) -> bool:
    """Whether an image is a slice of a volume, looked at only if its header asks; a secondary capture is none."""
    is_capture = sop_class == SecondaryCaptureImageStorage or sop_class.startswith(f"{SecondaryCaptureImageStorage}.")
    return modality in VOLUMES and not is_capture


def decide(record: Record, policy: Policy) -> Decision:
    """What becomes of a record by its header; what a detector finds in its pixels is decided when it is made."""
    varying: dict[str, Json] = {keyword: list(values) for keyword, values in record.per_slice.items()}
    header = {**varying, **record.header, "Modality": record.modality}
    is_volume = record.kind in ("volume", "nifti")
    return decide_by_header(header, policy, is_volume=is_volume, can_look=record.kind != "nifti")


def decide_by_header(header: Header, policy: Policy, *, is_volume: bool = False, can_look: bool = True) -> Decision:
    """What becomes of an image whose header has these DICOM keywords.

    BurnedInAnnotation NO clears it of other evidence of text, but for the label of a slide, RecognizableVisualFeatures
    NO of a face. With ``blank`` it is withheld where neither a region is known nor a detector can look (none looks into
    a NIfTI).
    """
    face = _face(header) if policy.face_rule != "keep" else ""
    if not face or policy.face_rule == "warn":
        return replace(_decide_on_text(header, policy, can_look=can_look), face=face)
    if policy.face_rule == "deface" and is_volume and header.get("Modality") in DEFACED:
        return replace(_decide_on_text(header, policy, can_look=can_look), deface=True)
    return Decision("hold", face)


def _decide_on_text(header: Header, policy: Policy, *, can_look: bool) -> Decision:
    if policy.burned_in == "release":
        return DELIVER
    is_cleared = text(header.get("BurnedInAnnotation")).upper() == "NO"
    holding = [rule for rule in rules("text") if rule.stronger or not is_cleared]
    rule = first(holding, {**header, "Page": name_page(header)})
    if is_cleared and rule is None:
        return DELIVER
    known, is_complete = find_regions(header)
    if rule is None and not known:
        return DELIVER
    reason = (
        rule.reason.format(Modality=text(header.get("Modality"))) if rule else "its device writes text into its images"
    )
    certain = rule.certain if rule else True
    if policy.burned_in == "hold" or policy.burned_in == "report":
        return Decision(policy.burned_in, reason, (), certain)
    if known or (policy.detect != "none" and can_look):
        return Decision("blank", reason, known, certain, certified=is_complete)
    return Decision("hold", f"{reason}, and no region to redact is known")


def screen(decision: Decision, policy: Policy) -> Screen:
    """How the pixels of an image that is not withheld are looked at."""
    is_looked_at = "release" not in (policy.burned_in, decision.outcome) and policy.detect != "none"
    asked = decision.outcome in ("blank", "report")
    expected = decision.certain and not decision.certified
    return Screen(policy.burned_in, policy.detect, expected, asked) if is_looked_at else UNSEEN


def _face(header: Header) -> str:
    """Why an image may show a face, or empty."""
    if text(header.get("RecognizableVisualFeatures")).upper() == "NO":
        return ""
    anatomy = [part for keyword in _ANATOMY if (part := text(header.get(keyword)))]
    rule = first(rules("faces"), {**header, "Anatomy": "\\".join(anatomy)})
    return rule.reason if rule else ""
