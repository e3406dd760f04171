"""Ids that a program took for decimal numbers and wrote as such: 4321 as 4321.0, in all rows of a table or in some."""

import re
from collections.abc import Sequence
from dataclasses import replace

from mids.issues import Issue, issue
from mids.readers.tables.table import Table

_WHOLE = re.compile(r"(\d+)\.0+")
_DECIMAL = re.compile(r"\d+\.\d*[1-9]\d*")


def plain(text: str) -> str:
    """An id without the ``.0`` of a decimal number."""
    found = _WHOLE.fullmatch(text.strip())
    return found[1] if found else text.strip()


def repair(table: Table, columns: Sequence[str]) -> Table:
    """The table with the ids in `columns` as they were before a program took them for decimal numbers.

    Where ids of a column have decimals of their own (1.1 beside 1.0), its ids stay. Ids that only this program would
    take for one, or for several (0123 beside 123.0), are an Issue and stay apart.
    """
    rows = [dict(row) for row in table.rows]
    issues: list[Issue] = []
    for column in (name for name in columns if name in table.header):
        cells = [row[column].strip() for row in table.rows]
        added = {cell for cell in cells if _WHOLE.fullmatch(cell)}
        if not added:
            continue
        is_kept = any(map(_DECIMAL.fullmatch, cells))
        doubtful = _doubtful(set(cells), added, is_kept=is_kept)
        issues += [_told(table, column, cells, doubtful, "AMBIGUOUS")] if doubtful else []
        if not is_kept:
            issues.append(_told(table, column, cells, added, "REPAIRED"))
            for row in rows:
                row[column] = plain(row[column])
    return replace(table, rows=tuple(rows), issues=(*table.issues, *issues)) if issues else table


def _doubtful(cells: set[str], added: set[str], *, is_kept: bool) -> set[str]:
    """Which of the `added` ids may be another id of the column too."""
    if is_kept:
        return {cell for cell in added if plain(cell) in cells}
    padded = {cell.lstrip("0") for cell in cells if re.fullmatch(r"0+\d+", cell)}
    return {cell for cell in added if plain(cell).lstrip("0") in padded and plain(cell) == plain(cell).lstrip("0")}


def _told(table: Table, column: str, cells: Sequence[str], which: set[str], what: str) -> Issue:
    lines = [line for line, cell in zip(table.lines, cells, strict=True) if cell in which]
    message = {
        "AMBIGUOUS": f"ids of {len(lines)} rows end in .0 and may be others of the column: they are kept apart",
        "REPAIRED": f"ids of {len(lines)} rows end in .0, which is left out",
    }[what]
    where = f"{table.where(lines[0], column)}{' …' if len(lines) > 1 else ''}"
    return issue(f"ID_{what}", message, table.path, where=where, origin="read")
