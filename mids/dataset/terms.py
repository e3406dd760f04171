"""What may be done with images: the terms of use of a dataset, and those of single images."""

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from mids.records import Json

STRICT: Mapping[str, tuple[str, ...]] = {
    "CommercialUse": ("forbidden", "unknown", "allowed"),
    "Redistribution": ("forbidden", "unknown", "allowed"),
    "Attribution": ("required", "unknown", "not_required"),
    "Agreement": ("required", "unknown", "not_required"),
}
"""The terms of use of dataset_description.json, the strictest answer first."""

OPEN = frozenset({
    "CC0", "CC0-1.0", "PDDL-1.0", "ODC-BY-1.0", "ODBL-1.0", "CDLA-PERMISSIVE-1.0", "CDLA-PERMISSIVE-2.0", "APACHE-2.0",
    "MIT", "BSD-2-CLAUSE", "BSD-3-CLAUSE", "UNLICENSE",
})  # fmt: skip
"""Licences (SPDX, upper case) other than CC BY, BY-SA and BY-ND whose texts allow commercial use."""

COLUMNS = ("usage_terms", "license", "session_usage_terms", "participant_usage_terms")
"""Columns of `Dataset.images` that name the licence of an image, the closest first."""


def read_terms(description: Mapping[str, Json]) -> dict[str, str]:
    """The terms of one dataset, unknown where it says nothing that is in the vocabulary."""
    said = description.get("UsageTerms")
    given = said if isinstance(said, dict) else {}
    return {key: str(given[key]) if given.get(key) in order else "unknown" for key, order in STRICT.items()}


def derive_terms(licence: str) -> dict[str, str]:
    """What the name of a licence says by itself: of Creative Commons licences NC and BY, of `OPEN` ones their texts."""
    spelled = licence.strip().removeprefix("LicenseRef-")
    if spelled.upper() in OPEN:
        return {"CommercialUse": "allowed"}
    if not _CC.fullmatch(spelled):
        return {}
    parts = set(re.split(r"[- ]", spelled))
    commercial = "forbidden" if "NC" in parts else "allowed"
    return {"CommercialUse": commercial, **({"Attribution": "required"} if "BY" in parts else {})}


_CC = re.compile(r"CC[- ][A-Z]+([- ][A-Z]+)*([- ][\d.]+)?")


def commercial_use(images: pd.DataFrame, description: Mapping[str, Json]) -> "pd.Series[Any]":
    """Whether each image may be used commercially: allowed, forbidden or unknown.

    The licence of an image goes before the terms of its dataset, which are the strictest of all that is in it. A
    licence that is not known by its name is forbidden where the dataset forbids, else unknown.
    """
    whole = read_terms(description)["CommercialUse"]
    if whole == "unknown":
        whole = derive_terms(str(description.get("License") or "")).get("CommercialUse", "unknown")
    own = pd.Series(pd.NA, index=images.index, dtype="string")
    for column in COLUMNS:
        if column in images.columns:
            own = own.fillna(images[column])
    unnamed = "forbidden" if whole == "forbidden" else "unknown"
    meant = {licence: derive_terms(str(licence)).get("CommercialUse", unnamed) for licence in own.dropna().unique()}
    return own.map(meant).astype("string").fillna(whole).rename("commercial_use")
