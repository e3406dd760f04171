"""The JSON files of a dataset as one JSON Schema."""

from typing import Any

from mids.vocabulary.schema import Schema
from mids.vocabulary.sidecars import sidecar_schema


def json_schema(schema: Schema) -> dict[str, Any]:
    """The JSON Schemas of all sidecars and of dataset_description.json, by name under `$defs`.

    Refer to one of them: `{"$ref": "mids.json#/$defs/rx"}`. As it stands the bundle takes any of them.
    """
    names = ["dataset_description", "common", *schema.groups]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "JSON files of a MIDS dataset",
        "description": "$defs has a schema for dataset_description.json and one for the sidecars of each group.",
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in names],
        "$defs": {name: sidecar_schema(name, schema) for name in names},
    }
