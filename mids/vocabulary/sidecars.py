"""The JSON Schemas of sidecars, made from the fields of the vocabulary."""

import json
from functools import lru_cache
from typing import Any

import jsonschema
from jsonschema.protocols import Validator

from mids.resources import schemas
from mids.vocabulary.schema import PICTURES, Field, Schema


def sidecar_schema(name: str, schema: Schema | None = None) -> dict[str, Any]:
    """The JSON Schema of a group's sidecars ("rx", "ct", …), of "common" or of "dataset_description".

    Without `schema` it is the file of `schemas/sidecars/`. Raises `KeyError` for a name without one.
    """
    if schema is not None and name != "dataset_description":
        return _sidecar(name, schema)
    found = {path.stem: path for path in (schemas() / "sidecars").glob("*.json")}
    content: dict[str, Any] = json.loads(found[name].read_bytes())
    return content


@lru_cache(maxsize=128)
def validator(name: str, schema: Schema | None = None) -> Validator:
    """The compiled validator of `sidecar_schema(name, schema)`."""
    return jsonschema.Draft202012Validator(sidecar_schema(name, schema))


def _sidecar(name: str, schema: Schema) -> dict[str, Any]:
    """The JSON Schema of a group's sidecars; "common" has the keys that every group may carry."""
    folder = "" if name == "common" else schema.groups[name].folder
    required = ["Modality"] if folder else []
    if name in PICTURES:
        required += ["PhotometricInterpretation", "Rows", "Columns"]
    fields = [f for f in schema.fields.values() if not f.groups or name in f.groups]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": "Made of schemas/fields.yaml by docs/make_vocabulary.py: change that, not this.",
        "title": f"Sidecars of {folder}" if folder else "Any sidecar",
        "type": "object",
        "required": required,
        "properties": {f.key: _key(f) for f in fields},
    }


_CODE = {
    "type": "object",
    "properties": {key: {"type": "string"} for key in ("CodeValue", "CodingSchemeDesignator", "CodeMeaning")},
    "required": ["CodeValue", "CodingSchemeDesignator"],
}
"""An item of a code sequence (PS3.3 8.8), as BIDS has it."""


def _key(field: Field) -> dict[str, Any]:
    """The JSON Schema of one key."""
    *arrays, kind = field.type.split(" of ")
    value: dict[str, Any] = _CODE if kind == "code" else {"type": kind}
    if field.enum:
        value["enum"] = list(field.enum)
    if field.minimum is not None:
        value["minimum"] = field.minimum
    if field.maximum is not None:
        value["maximum"] = field.maximum
    single = value
    for _ in arrays:
        value = {"type": "array", "items": value}
    if field.length:
        value |= {"minItems": field.length, "maxItems": field.length}
    if field.either and arrays:
        value = {"anyOf": [single, value]}
    elif field.per_slice or field.either:
        value = {"anyOf": [value, {"type": "array", "items": value}]}
    unit = f", in {field.unit}" if field.unit else ""
    return {"description": field.description + unit, **value}
