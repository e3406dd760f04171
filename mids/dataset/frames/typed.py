"""Columns of strings as numbers, times and categories: by the vocabulary's tables, else by what their values are.

Ids, paths, entities and lists stay text. What is missing stays missing, in every kind.
"""

import math
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pandas as pd

from mids.vocabulary.schema import load

KINDS = {"number": "number", "integer": "integer", "date": "time", "datetime": "time", "code": "category"}
"""The kinds of the column types in `schemas/tables`; all other types are text."""

PREFIXES = ("scan_", "session_", "participant_")
NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d+)?")
"""A number as a program writes it: 007, +7 and numbers of 16 digits are names of something."""
TIME = re.compile(r"(1\d|2[01])\d\d-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?")
"""A day, or a time of it. Years from 2200 on (9999) stand for a date that somebody did not know."""
OLDEST = 130
"""Years that nobody reaches. Ages above the vocabulary's limit are a matter of privacy, and ages all the same."""
ABOVE = r"^(?:(?=[>≥])|(?=.*\+$))[>≥]?=?\s*(\d{1,3}(?:\.\d+)?)\s*\+?$"
"""An age that is only known to be above a limit, as tables of BIDS write it (89+, >89)."""

Told = Callable[[str, int], None]
"""Hears of a column, and of how many of its values are not of its kind."""


def typed(frame: pd.DataFrame, told: Told, known: Mapping[str, str] | None = None) -> pd.DataFrame:
    """The frame with each column in its kind; `known` are kinds that go before those of the vocabulary.

    Numbers are `Float64`, whole numbers `Int64`, times `datetime64` (UTC, where an offset is given), categories
    `category`, all else `string`. A value that is not of its column's kind is missing, which `told` hears.
    """
    found = {}
    for name in map(str, frame.columns):
        values = frame[name]
        if values.dtype != "string":  # already of its kind
            found[name] = values
            continue
        kind = (known or {}).get(name) or _kind_of(name, values)
        closed = close_oldest(values) if strip_prefix(name) == "age" else values
        found[name] = _READ[kind](closed) if kind in _READ else values
        if kind in ("number", "integer"):
            found[name] = _leave_out_impossible(name, found[name])
        lost = int(values.notna().sum() - found[name].notna().sum())
        if lost:
            told(name, lost)
    return pd.DataFrame(found, index=frame.index, columns=frame.columns)


def _kind_of(name: str, values: "pd.Series[Any]") -> str:
    """The kind of a column: that of the vocabulary, else number or time where all that is known is such."""
    plain, kinds = strip_prefix(name), _kinds()
    if plain in kinds or plain.endswith("_id"):
        return kinds.get(plain, "text")
    distinct = values.dropna().unique()
    if not len(distinct):
        return "text"
    if all(NUMBER.fullmatch(value) for value in distinct):
        return "number" if any("." in value for value in distinct) else "integer"
    return "time" if all(TIME.fullmatch(value) for value in distinct) else "text"


def strip_prefix(name: str) -> str:
    """A column's name without that of the table that it is from."""
    return next((name.removeprefix(prefix) for prefix in PREFIXES if name.startswith(prefix)), name)


@cache
def _kinds() -> Mapping[str, str]:
    """The kinds of all columns of the vocabulary's tables; entities of names, such as run 01, are text."""
    schema = load()
    columns = [column for table in schema.tables.values() for column in table.columns.values()]
    found = {column.name: KINDS.get(column.type, "text") for column in columns}
    return found | dict.fromkeys((*schema.entities, "extension", "datatype"), "text")


def close_oldest(ages: "pd.Series[Any]") -> "pd.Series[Any]":
    """Ages in which 89 stands for 89 and more, however it is written (89+, >90)."""
    above = ages.str.extract(ABOVE)[0].astype("string")
    return ages.mask(pd.to_numeric(above).ge(89).fillna(False).astype(bool), "89")


def read_mixed(name: str, values: "pd.Series[Any]") -> "pd.Series[Any] | None":
    """The numbers of a column of text most of whose known values are numbers, the others missing; None for others."""
    known = values.dropna()
    if strip_prefix(name) in _kinds() or not all(isinstance(value, str) for value in known):
        return None
    count = sum(NUMBER.fullmatch(value) is not None for value in known)
    return read_numbers(name, values) if len(known) / 2 < count < len(known) else None


def read_numbers(name: str, values: "pd.Series[Any]") -> "pd.Series[Any]":
    """The values of a column as `Float64`; missing where they are none, or outside what the vocabulary allows."""
    return _leave_out_impossible(name, _number(values))


def _leave_out_impossible(name: str, values: "pd.Series[Any]") -> "pd.Series[Any]":
    low, high = _limits().get(strip_prefix(name), (-math.inf, math.inf))
    return values.where(values.between(low, high) & values.abs().lt(math.inf))


@cache
def _limits() -> Mapping[str, tuple[float, float]]:
    """The lowest and the highest value of each column of numbers of the vocabulary."""
    columns = [column for table in load().tables.values() for column in table.columns.values()]
    found = {
        column.name: (
            -math.inf if column.minimum is None else column.minimum,
            OLDEST if column.holds == "age" else math.inf if column.maximum is None else column.maximum,
        )
        for column in columns
    }
    return {name: limits for name, limits in found.items() if limits != (-math.inf, math.inf)}


def _number(values: "pd.Series[Any]") -> "pd.Series[Any]":
    return pd.to_numeric(values.astype("object"), errors="coerce").astype("Float64")


def _integer(values: "pd.Series[Any]") -> "pd.Series[Any]":
    found = _number(values)
    return found.where(found == found.round()).astype("Int64")


def _time(values: "pd.Series[Any]") -> "pd.Series[Any]":
    dates = values.where(values.str.fullmatch(TIME.pattern).fillna(False).astype(bool))
    found = pd.to_datetime(dates.astype("object"), format="ISO8601", errors="coerce", utc=True)
    return found.dt.tz_localize(None).astype("datetime64[us]")


def _category(values: "pd.Series[Any]") -> "pd.Series[Any]":
    return values.astype("category")


_READ = {"number": _number, "integer": _integer, "time": _time, "category": _category}
