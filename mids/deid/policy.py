"""What may leave a header, and how ids and dates go out: the policy of a conversion."""

from dataclasses import dataclass
from typing import Literal

from mids.records import Record

_SCREENS = frozenset({"US", "IVUS", "ES", "XC", "GM", "SM", "OT", "SC"})
"""Modalities whose pictures commonly carry a name; CR, DX and the like are held back only by evidence."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Choices of de-identification.

    `burned_in` says what happens to pictures that may show a name: ``hold`` keeps them back, ``release``
    delivers them.
    """

    burned_in: Literal["hold", "release"] = "hold"


def held_back(record: Record, policy: Policy) -> str:
    """Why a picture is held back for text that may be burned into it (BurnedInAnnotation, PS3.3 C.7.6.1), or empty."""
    if policy.burned_in == "release":
        return ""
    value = str(record.header.get("BurnedInAnnotation") or "").strip().upper()
    if value == "YES":
        return "held back: its header says BurnedInAnnotation YES"
    if record.modality in _SCREENS and value != "NO":
        return f"held back: {record.modality} that is not marked BurnedInAnnotation NO"
    return ""
