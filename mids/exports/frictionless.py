"""The tables as a Data Package (https://datapackage.org, version 2): one Table Schema for each table.

`path` of a resource is the place of the table where it is fixed; tables that every subject has, and phenotype
tables, have a glob instead, which a program replaces by the files that it finds.
"""

import re
from typing import Any

from mids.vocabulary.schema import Column, Schema, Table

PARTICIPANTS = "participants"


def table_package(schema: Schema) -> dict[str, Any]:
    """A descriptor with a resource for each table: types, limits, code lists, keys, the key to participants."""
    return {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": "mids",
        "title": "Tables of a MIDS dataset",
        "resources": [_resource(table, schema) for table in schema.tables.values()],
    }


def _resource(table: Table, schema: Schema) -> dict[str, Any]:
    return {
        "name": table.name,
        "type": "table",
        "path": _glob(table.file),
        "description": table.description,
        "format": "tsv",
        "mediatype": "text/tab-separated-values",
        "encoding": "utf-8",
        # BIDS tables know no quotes.
        "dialect": {"delimiter": "\t", "quoteChar": "\0", "doubleQuote": False},
        "schema": table_schema(table, schema),
    }


def table_schema(table: Table, schema: Schema) -> dict[str, Any]:
    """The Table Schema of one table; fields are matched by name, and other columns may stand beside them."""
    content: dict[str, Any] = {
        "fields": [_field(column, schema) for column in table.columns.values()],
        "fieldsMatch": "partial",
        "missingValues": ["n/a"],
        # A key of columns that may be absent can't be said.
        "primaryKey": list(table.key) if all(table.columns[name].required for name in table.key) else [],
    }
    if "participant_id" in table.columns and table.name != PARTICIPANTS:
        reference = {"resource": PARTICIPANTS, "fields": ["participant_id"]}
        content["foreignKeys"] = [{"fields": ["participant_id"], "reference": reference}]
    return {key: value for key, value in content.items() if value}


def _field(column: Column, schema: Schema) -> dict[str, Any]:
    kinds = {"integer": "integer", "number": "number", "date": "date", "datetime": "datetime", "json_list": "array"}
    constraints: dict[str, Any] = {}
    if column.type == "label":
        constraints["pattern"] = "((sub|ses|sample)-)?[0-9a-zA-Z]+"
    if column.minimum is not None:
        constraints["minimum"] = column.minimum
    if column.maximum is not None:
        constraints["maximum"] = column.maximum
    if column.code_list:
        codes = list(schema.code_lists[column.code_list].codes)
        word = f"({'|'.join(map(re.escape, codes))})"
        constraints |= {"enum": codes} if column.type == "code" else {"pattern": f"{word}(;{word})*"}
    field = {"name": column.name, "type": kinds.get(column.type, "string"), "description": column.description}
    return {
        **field,
        **({"format": "any"} if column.type == "datetime" else {}),
        **({"unit": column.unit} if column.unit else {}),
        **({"constraints": constraints} if constraints else {}),
    }


def _glob(place: str) -> str:
    """The place of a table as a glob: `sub-*/**/sub-*_scans.tsv`."""
    optional = re.sub(r"\[[^\]]*\]", "*", re.sub(r"\[/[^\]]*\]", "/**", place))
    return re.sub(r"\{\w+\}", "*", optional).replace("***", "**").replace("-**", "-*")
