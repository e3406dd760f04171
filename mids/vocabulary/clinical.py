"""The clinical columns of a collection, declared as data.

They stand in `schemas/collections/<name>.yaml`, or, for a collection of another package, in ``vocabulary.yaml`` beside
the module that its entry point names.

A file holds ``missing`` (spellings of missing values, compared without case) and ``tables``: for each table its
``columns``, and for a table of the collection's own its ``file``, ``key`` and ``description``. A column has the
fields of every column of the vocabulary, and

* ``from``: the column of the source table that it is taken from (its own name if absent);
* ``values``: source spellings (without case) and the values that they mean.

Of a column that every dataset has, only what is different need be said: ``age: {from: edad}``. A file with ``extends``
names another collection, whose parts hold where it has none of its own (sister releases of one collection).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mids.resources import read_yaml, schemas
from mids.vocabulary.schema import Column, Schema, Table
from mids.vocabulary.schema import load as load_schema

_COMMA = re.compile(r"^([+-]?\d+),(\d{1,2}|\d{4,})$")
"""A number with a decimal comma; three digits behind it may be thousands."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a column comes from in the source, and what its spellings mean there (keys in lower case)."""

    column: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Problem:
    """A value that is not what the vocabulary wants: `code` is an issue's, `value` the source's spelling."""

    code: str
    column: str
    value: str


@dataclass(frozen=True, slots=True)
class Clinical:
    """A collection's vocabulary: the common one with the collection's tables and columns added."""

    schema: Schema
    origins: Mapping[str, Mapping[str, Origin]]
    missing: frozenset[str]

    def sources(self, table: str) -> frozenset[str]:
        """The columns of the source that a table takes values from."""
        return frozenset(origin.column for origin in self.origins.get(table, {}).values())

    def values(self, table: str, row: Mapping[str, str]) -> tuple[dict[str, str], list[Problem]]:
        """The values of one table that a source row gives, by our column names; what is missing is left out.

        A value outside its code list is kept in ``<column>_raw``; one outside its limits is kept as it is.
        """
        found: dict[str, str] = {}
        problems: list[Problem] = []
        for name, origin in self.origins.get(table, {}).items():
            raw = " ".join(row.get(origin.column, "").split())
            if raw.lower() in self.missing:
                continue
            column = self.schema.tables[table].columns[name]
            value, code = self._value(column, origin, raw)
            if value is None:
                found[f"{name}_raw"] = raw
            else:
                found[name] = value
            if code:
                problems.append(Problem(code, name, raw))
        return found, problems

    def _value(self, column: Column, origin: Origin, raw: str) -> tuple[str | None, str]:
        """The value that a spelling means (None: unknown) and the code of what is wrong with it, if anything."""
        if raw.lower() in origin.values:
            return origin.values[raw.lower()], ""
        if column.code_list:
            code = self.schema.code_lists[column.code_list].find(raw)
            return code, "" if code else "VALUE_UNKNOWN"
        if column.type in ("number", "integer"):
            raw = _COMMA.sub(r"\1.\2", raw)
            if not re.fullmatch(r"[+-]?\d+(\.\d+)?", raw):
                return None, "VALUE_UNKNOWN"
            if column.type == "integer":
                if not float(raw).is_integer():
                    return None, "VALUE_UNKNOWN"
                raw = raw.partition(".")[0]  # spreadsheets write 18 as 18.0
            low, high = column.minimum, column.maximum
            is_possible = (low is None or float(raw) >= low) and (high is None or float(raw) <= high)
            return raw, "" if is_possible else "VALUE_IMPLAUSIBLE"
        return raw, ""


def promises(name: str) -> Mapping[str, Any]:
    """What the paper of a collection promises of it (``paper: promises``); nothing where no paper is known."""
    content: Mapping[str, Any] = declared(name) if name else {}
    found: Mapping[str, Any] = content.get("paper", {}).get("promises", {})
    return found


def read_collection_name(description: object) -> str:
    """The name of the collection that a dataset was converted from, "" where dataset_description.json says none."""
    made = description.get("GeneratedBy") if isinstance(description, dict) else None
    texts = [str(item.get("Description")) for item in made if isinstance(item, dict)] if isinstance(made, list) else []
    return next((match[1] for match in map(_MADE.match, texts) if match), "")


_MADE = re.compile(r"mids convert ([a-z0-9-]+)")


@cache
def load(name: str) -> Clinical:
    """The vocabulary of a collection; of one that declares nothing, the common one."""
    schema = load_schema()
    content = declared(name)
    tables = dict(schema.tables)
    origins = {}
    for table, entry in content.get("tables", {}).items():
        common = tables[table].columns if table in tables else {}
        columns = {key: _column(key, value, common.get(key)) for key, value in entry["columns"].items()}
        if table in tables:
            tables[table] = replace(tables[table], columns={**common, **columns})
        else:
            known = {**schema.tables["participants"].columns, **schema.tables["labels"].columns}
            given = {key: known[key] for key in entry["key"] if key in known and key not in columns}
            tables[table] = Table(
                name=table, file=entry["file"], key=tuple(entry["key"]), additional_columns="allow",
                description=entry["description"], columns={**given, **columns},
            )  # fmt: skip
        origins[table] = {key: _origin(key, value) for key, value in entry["columns"].items() if "from" in value}
    missing = frozenset(str(text).lower() for text in ("", "n/a", *content.get("missing", ())))
    return Clinical(replace(schema, tables=tables), origins, missing)


def declared(name: str) -> Mapping[str, Any]:
    """The content of a collection's file, empty where it has none; what it does not say is that which it `extends`."""
    path = _file(name)
    content: dict[str, Any] = read_yaml(path) if path.is_file() else {}
    return {**declared(content["extends"]), **content} if "extends" in content else content


def _file(name: str) -> Path:
    """Where a collection's columns are declared; nothing need be there."""
    own = schemas() / "collections" / f"{name}.yaml"
    module = Path(__file__).parents[1] / "collections" / f"{name}.py"
    if own.is_file() or module.is_file():  # looking through the installed packages takes long
        return own
    for entry in entry_points(group="mids.collections"):
        spec = find_spec(entry.module) if entry.name == name else None
        if spec and spec.origin:
            return Path(spec.origin).with_name("vocabulary.yaml")
    return own


_VALUES = ("type", "unit", "code_list", "minimum", "maximum")
"""What says which values a column takes: it is given anew as a whole, or not at all."""
_COLUMN = (*_VALUES, "required", "holds", "description", "source")


def _column(name: str, entry: Mapping[str, Any], common: Column | None) -> Column:
    """A column as a collection declares it; what it does not say of a `common` one stays as it is there.

    A column that every dataset must have stays `required`, whatever the collection says.
    """
    given = {key: entry[key] for key in _COLUMN if key in entry}
    if common is None:
        return Column(name=name, **given)
    kept = ("required", "holds", "description", "source", *(() if "type" in given else _VALUES))
    inherited = {key: getattr(common, key) for key in kept}
    return Column(name=name, **{**inherited, **given, "required": common.required or bool(given.get("required"))})


def _origin(name: str, entry: Mapping[str, Any]) -> Origin:
    values = {str(key).lower(): str(value) for key, value in entry.get("values", {}).items()}
    return Origin(str(entry.get("from", name)), values)
