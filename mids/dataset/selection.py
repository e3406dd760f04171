"""Which images a criterion means."""

from collections.abc import Collection
from typing import TypeAlias

from mids.errors import MidsError
from mids.vocabulary.schema import Schema

Choice: TypeAlias = "str | Collection[str] | None"
"""One value, several of which any will do, or None for all."""


def given(choice: Choice) -> Collection[str]:
    """The values of a choice."""
    return (choice,) if isinstance(choice, str) else choice or ()


def suffixes(modality: str, schema: Schema) -> set[str]:
    """The suffixes of a group or a DICOM Modality; `MidsError` for neither."""
    known = schema.suffixes.values()
    found = {s.suffix for s in known if s.group == modality.lower() or modality.upper() in s.modalities}
    if not found:
        groups = " ".join(schema.groups)
        raise MidsError(f"unknown modality {modality}: give a DICOM Modality or one of {groups}")
    return found


def code(key: str, value: str, schema: Schema) -> str:
    """The code of an entity that a spelling means, else the spelling."""
    return schema.code_lists[schema.entities[key].code_list].find(value) or value
