"""What is wrong with the values of a JSON file, by the JSON Schemas of MIDS for its parts, by BIDS for the others."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mids.inspection.bids import values
from mids.inspection.bids.rules import missing_keys
from mids.inspection.documents import schema_errors, value_errors
from mids.records import Json

if TYPE_CHECKING:
    from mids.inspection.facts import Facts
    from mids.inspection.file_view import FileView

Errors = tuple[tuple[str, str, str], ...]
"""(keyword of the schema, place, message) of each."""


def errors_of(file: "FileView") -> Errors:
    """What is wrong with the values of a JSON file; keys that are required of an image are asked of the image."""
    content, schema = file.document.content, file.dataset.schema
    if not isinstance(content, dict):
        return ()
    if file.kind == "description":
        is_mids = file.dataset.facts.mids
        return schema_errors(content, "dataset_description", schema) if is_mids else _of_description(file, content)
    # The name of a sidecar at the top may have no entity, so that it can't be parsed.
    suffix = file.suffix or (schema.suffixes.get(file.context.suffix) if "/" not in file.path else None)
    name = suffix.sidecar if suffix else ""
    if file.layout != "mids":
        return ()
    if not file.is_bids:
        return value_errors(content, name, schema) if name else ()
    facts, context = file.dataset.facts, file.context
    found = tuple(values.errors(content, context.suffix, context.datatype, facts.bids))
    if not name:
        return found
    judged = {place for _, place, _ in found}
    errors = (error for error in value_errors(content, name, schema) if error[1] not in judged)
    return found + tuple(error for error in errors if _counts(error, facts))


LIMITS = ("minimum", "maximum")


def _counts(error: tuple[str, str, str], facts: "Facts") -> bool:
    """Whether what the vocabulary says of a key counts in a folder of BIDS: nothing is less than it can be.

    BIDS decides the form of its own keys; greatest values and other keys are asked of datasets with parts of MIDS.
    """
    keyword, place, _ = error
    own = place[2:].partition("[")[0].partition(".")[0] not in facts.bids.metadata
    return keyword == "minimum" or (facts.mids and (keyword in LIMITS or own))


def _of_description(file: "FileView", content: Mapping[str, Json]) -> Errors:
    """What BIDS says of dataset_description.json; of derivatives within a dataset it says nothing."""
    if file.folder:
        return ()
    missing = (("required", "$", f"'{key}' is a required property") for key in missing_keys(file.context))
    return (*missing, *values.description_errors(content, file.dataset.facts.bids))
