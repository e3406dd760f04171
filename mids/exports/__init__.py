"""The vocabulary in the forms that other tools read: BIDS, pybids, JSON Schema, Frictionless."""

from typing import Any, Literal, get_args

from mids.dataset.layout import pybids_config
from mids.errors import MidsError
from mids.exports.bids import bids_schema
from mids.exports.bundle import json_schema
from mids.exports.frictionless import table_package
from mids.vocabulary.schema import Schema

Kind = Literal["bids", "pybids", "jsonschema", "frictionless"]

KINDS: tuple[str, ...] = get_args(Kind)

_MAKERS = {
    "bids": bids_schema,
    "pybids": pybids_config,
    "jsonschema": json_schema,
    "frictionless": table_package,
}


def export_schema(kind: Kind, schema: Schema) -> dict[str, Any]:
    """The vocabulary `schema` for another tool, ready for `json.dumps`.

    * "bids": for ``bids-validator --schema file:///…``, bidsschematools and bids2table;
    * "pybids": a configuration for ``BIDSLayout(root, validate=False, config=…)``;
    * "jsonschema": every JSON file of a dataset under `$defs`, draft 2020-12;
    * "frictionless": a Data Package with one Table Schema for each table.

    Raises `MidsError` for another kind, or where a package that it needs is not installed.
    """
    if kind not in _MAKERS:
        raise MidsError(f"unknown export {kind}: choose from {', '.join(KINDS)}")
    return _MAKERS[kind](schema)
