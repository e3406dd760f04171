"""What a policy makes of each attribute: Table E.1-1 of DICOM PS3.15 with options and overrides applied.

Where options disagree, cleaning wins over keeping: ``C`` over ``K``. A compound code such as ``X/Z/D`` is resolved by
the type of the attribute in its IOD (PS3.15 E.1-1a); where that is not known, in a nested item or an unknown SOP
class, by its last part, which is valid for every type and tells nothing either.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydicom.datadict import keyword_dict

from mids.deid.headers.tables import attributes, concepts, extra, find_tag, find_vr, iods, tags
from mids.deid.policy import Code, Option, Policy
from mids.errors import MidsError, nearest

_TAG = re.compile(r"\(?([0-9A-Fa-f]{4}),?([0-9A-Fa-f]{4})\)?", re.ASCII)
_NEEDED = {"3": 0, "2C": 1, "2": 1, "1C": 2, "1": 2}
_GIVES: Mapping[str, int] = {"X": 0, "Z": 1, "D": 2, "U*": 2}
_SIMPLE: Mapping[str, Code] = {"D": "D", "Z": "Z", "X": "X", "K": "K", "C": "C", "U": "U", "U*": "U"}
_STRONGEST = "1"
_BY_TYPE = "X/Z/D"


@dataclass(frozen=True, slots=True)
class Rules:
    """The actions of one policy, ready to be applied to many datasets."""

    policy: Policy

    def of(self, keyword: str) -> Code:
        """The action for a top-level attribute as sidecars and tables need it, as if it were optional (type 3)."""
        tag = find_tag(keyword)
        return "X" if tag is None else self.action(tag, "3")

    def action(self, tag: int, kind: str) -> Code:
        """The action for a public attribute of a type (PS3.5 7.4; empty where it is not known)."""
        return _action(self.policy, tag, kind)

    def basic(self, tag: int, kind: str) -> Code:
        """What the Basic Profile alone does, where cleaning is impossible; outside the table what the type needs."""
        row = attributes().get(tag)
        return _simplify_code(row.basic if row else _BY_TYPE, kind)

    def is_explicit(self, tag: int) -> bool:
        """Whether the table or the policy names the attribute, rather than that it stays because nobody does."""
        return tag in attributes() or tag in overrides(self.policy)

    def concept(self, code: str, scheme: str) -> Code | None:
        """The action for a content item by its concept (Table E.3.4-1), None where the concept is not in the table."""
        found = concepts().get((code, scheme))
        return None if found is None else _simplify_code(_chosen(found.basic, found.options, self.policy), "")


def resolve(policy: Policy) -> Rules:
    """The rules of a policy; raises `MidsError` for an override of an attribute that nobody knows."""
    overrides(policy)
    return Rules(policy)


def types(sop_class: str) -> Mapping[int, str] | None:
    """The types of a SOP class's attributes that are not 3, None where its IOD is not known."""
    return iods().get(sop_class)


@cache
def overrides(policy: Policy) -> Mapping[int, Code]:
    """The overrides of a policy by tag."""
    return {_tag(override.attribute): override.action for override in policy.overrides}


@cache
def _action(policy: Policy, tag: int, kind: str) -> Code:
    if tag in overrides(policy):
        return overrides(policy)[tag]
    row = attributes().get(tag)
    return _outside(policy, tag, kind) if row is None else _simplify_code(_chosen(row.basic, row.options, policy), kind)


def _chosen(basic: str, options: Mapping[Option, str], policy: Policy) -> str:
    """The code of the profile, or that of an option that is chosen; of several the one that cleans."""
    codes = {code for option, code in options.items() if option in policy.options}
    return "C" if "C" in codes else min(codes, default=basic)


def _simplify_code(code: str, kind: str) -> Code:
    """One action of a compound code: the least that an attribute of this type needs."""
    needed = _NEEDED[kind or _STRONGEST]
    parts = sorted(code.split("/"), key=lambda part: _GIVES.get(part, 0))
    fitting = [part for part in parts if _GIVES.get(part, 0) >= needed]
    return _SIMPLE[fitting[0] if fitting else parts[-1]]


def _outside(policy: Policy, tag: int, kind: str) -> Code:
    """The action for an attribute outside the table: by what it is for, by its VR, or none."""
    vr = find_vr(tag)
    if not vr or tag in extra().remove:
        return "X"
    if tag in extra().keep:
        return "K"
    if vr in ("DA", "DT", "TM"):
        by_dates: Mapping[str, Code] = {"keep": "K", "shift": "C", "remove": "X"}
        return by_dates[policy.dates]
    if vr == "UI":
        return "K" if "retain_uids" in policy.options else "U"
    return _simplify_code(_BY_TYPE, kind or "3") if vr in extra().remove_vr else "K"


def _tag(attribute: str) -> int:
    """The tag of an override; raises `MidsError` with the nearest keywords where nobody knows the attribute."""
    numbers = _TAG.fullmatch(attribute.strip())
    tag = int(numbers[1] + numbers[2], 16) if numbers else find_tag(attribute.strip())
    if tag is not None and tag >> 16 & 0xFF01 in (0x5000, 0x6000):
        raise MidsError(
            f"the policy overrides {attribute}, but curves and overlays are always removed, "
            "because they may show a name: remove the override"
        )
    if tag is not None and tag >> 16 & 1:
        raise MidsError(
            f"the policy overrides {attribute}, but private attributes are kept by safe_private: name it there, "
            "with its creator"
        )
    if tag is not None and find_vr(tag):
        return tag
    known: Mapping[str, Any] = {**keyword_dict, **tags()}
    advice = nearest(attribute, known, 3) or "give a keyword of DICOM PS3.6, or gggg,eeee"
    raise MidsError(f"the policy overrides {attribute!r}, which is not a DICOM attribute: {advice}")
