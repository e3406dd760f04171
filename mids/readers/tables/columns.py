"""Columns of a source table under the names that a collection's vocabulary gives them."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from mids.issues import Issue, issue
from mids.readers.tables.table import Table

_MISSING = frozenset({"", "n/a", "na", "nan", "none", "null"})
_AGAIN = re.compile(r"(.+)\.\d+")
"""A column whose name the header holds twice (see `mids.readers.tables.table.parse_csv`)."""


def named_by(table: Table, known: Mapping[str, str]) -> dict[str, str]:
    """The name of each column that is `known` by its spelling; the second of one spelling has the first's."""
    found = {}
    for column in table.header:
        again = _AGAIN.fullmatch(column)
        first = again[1] if again and again[1] in table.header else column
        if name := known.get(column) or known.get(first):
            found[column] = name
    return found


def rename(table: Table, names: Mapping[str, str]) -> Table:
    """The table under `names` (by column); what columns of one name say is one value.

    Where they say different things, it is left empty and an Issue.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for column in table.header:
        groups[names.get(column, column)].append(column)
    rows = []
    issues: list[Issue] = []
    for line, row in table.numbered():
        said = {name: _distinct([row[column] for column in columns]) for name, columns in groups.items()}
        rows.append({name: values[0] if len(values) == 1 else "" for name, values in said.items()})
        for name in (name for name, values in said.items() if len(values) > 1):
            message = f"the columns {' and '.join(map(repr, groups[name]))} say different things: none is used"
            issues.append(
                issue("VALUE_CONTRADICTED", message, table.path, where=table.where(line, name), origin="read")
            )
    return replace(table, header=tuple(groups), rows=tuple(rows), issues=(*table.issues, *issues))


def _distinct(cells: Sequence[str]) -> list[str]:
    """The different values of some cells; one cell, and cells without any value, as they are."""
    found: list[str] = []
    for cell in cells if len(cells) > 1 else ():
        if cell.strip().lower() not in _MISSING and not any(_agree(cell, one) for one in found):
            found.append(cell)
    return found or [cells[0]]


def _agree(one: str, other: str) -> bool:
    """Whether two cells say the same: case and blanks make no difference, nor does 84.84 beside 84."""
    first, second = (" ".join(text.split()).casefold().replace(",", ".") for text in (one, other))
    if first == second or not all(re.fullmatch(r"\d{1,9}(\.\d+)?", text) for text in (first, second)):
        return first == second
    low, high = sorted(map(float, (first, second)))
    return low == high or (low.is_integer() and int(high) == low)
