"""What is done with an image by what its header says of text burned into it, and of a face that it may show.

DICOM PS3.15 E.3.1 (Clean Pixel Data) and E.3.2 (Clean Recognizable Visual Features); the rules are data
(`schemas/deid/burned_in.yaml`, `schemas/deid/devices.yaml`).
"""

from dataclasses import dataclass
from typing import Literal

from mids.deid.burned.devices import boxes
from mids.deid.burned.rules import Header, first, rules, text
from mids.deid.policy import BurnedIn, Detect, Policy
from mids.records import Box, Json, Record

Outcome = Literal["deliver", "hold", "blank", "report", "release"]

VOLUMES = frozenset({"CT", "MR", "PT", "NM"})
"""Modalities of which no detector looks at slices: only their headers are evidence."""

_ANATOMY = ("BodyPartExamined", "AnatomicRegionSequence", "ProtocolName", "StudyDescription", "SeriesDescription")


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of an image, and why, without a value of its header.

    `boxes` are blanked. `certain` says that the header is sure of text: where nothing is found and nothing
    blanked, the image is not delivered. ``release`` is the word of a person who has looked at the image.
    """

    outcome: Outcome
    reason: str = ""
    boxes: tuple[Box, ...] = ()
    certain: bool = False


DELIVER = Decision("deliver")


@dataclass(frozen=True, slots=True)
class Screen:
    """How the pixels of one image are looked at: `expected` says that its header is sure of text in them."""

    burned_in: BurnedIn = "release"
    detect: Detect = "none"
    expected: bool = False


UNSEEN = Screen()
"""Pixels are not looked at."""


def decide(record: Record, policy: Policy) -> Decision:
    """What becomes of a record by its header; what a detector finds in its pixels is decided when it is made."""
    varying: dict[str, Json] = {keyword: list(values) for keyword, values in record.per_slice.items()}
    header = {**varying, **record.header, "Modality": record.modality}
    return decide_by_header(header, policy, is_volume=record.kind in ("volume", "nifti"))


def decide_by_header(header: Header, policy: Policy, *, is_volume: bool) -> Decision:
    """What becomes of an image whose header has these DICOM keywords.

    BurnedInAnnotation NO clears it of all other evidence of text, RecognizableVisualFeatures NO of a face. With
    ``blank`` it is withheld where neither a region is known nor a detector may look (none looks into volumes).
    """
    face = _face(header) if "clean_recognizable_visual_features" in policy.options else ""
    if face:
        return Decision("hold", face)
    if policy.burned_in == "release" or text(header.get("BurnedInAnnotation")).upper() == "NO":
        return DELIVER
    rule = first(rules("text"), header)
    known = boxes(header)
    if rule is None and not known:
        return DELIVER
    reason = (
        rule.reason.format(Modality=text(header.get("Modality"))) if rule else "its device writes text into its images"
    )
    certain = rule.certain if rule else True
    if policy.burned_in == "hold" or policy.burned_in == "report":
        return Decision(policy.burned_in, reason, (), certain)
    if known or (policy.detect != "none" and not is_volume):
        return Decision("blank", reason, known, certain)
    return Decision("hold", f"{reason}, and no region to redact is known")


def screen(decision: Decision, policy: Policy) -> Screen:
    """How the pixels of an image that is not withheld are looked at."""
    is_looked_at = "release" not in (policy.burned_in, decision.outcome) and policy.detect != "none"
    return Screen(policy.burned_in, policy.detect, decision.certain) if is_looked_at else UNSEEN


def _face(header: Header) -> str:
    """Why an image may show a face, or empty."""
    if text(header.get("RecognizableVisualFeatures")).upper() == "NO":
        return ""
    anatomy = [part for keyword in _ANATOMY if (part := text(header.get(keyword)))]
    rule = first(rules("faces"), {**header, "Anatomy": "\\".join(anatomy)})
    return rule.reason if rule else ""
