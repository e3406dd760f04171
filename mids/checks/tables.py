"""Tables: their text, and every cell against the column's definition in the vocabulary."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime

from mids.checks.registry import Finding, Found, check
from mids.checks.views import FileView
from mids.issues import Level
from mids.readers.tsv import NA, Fault
from mids.schema import Column

SHOWN = 40
"""Characters of a cell that a report shows."""


def _text_problems(table: FileView, kind: Fault) -> Iterator[Finding]:
    for problem in table.rows.problems:
        if problem.kind == kind:
            yield Finding(problem.message, where=f"line {problem.line}" if problem.line else "")


@check("TABLE_ENCODING", per="table")
def table_encoding(table: FileView) -> Found:
    """A table is not UTF-8.

    Why: Accents are read wrong or not at all.

    Fix: Save it as UTF-8.
    """
    return _text_problems(table, "encoding")


@check("TABLE_BYTE_ORDER_MARK", per="table", level=Level.WARNING)
def table_byte_order_mark(table: FileView) -> Found:
    """A table begins with a byte order mark.

    Why: Many readers take it as a part of the first column's name.

    Fix: Save it as UTF-8 without BOM.
    """
    return _text_problems(table, "byte order mark")


@check("TABLE_LINE_ENDS", per="table", level=Level.WARNING)
def table_line_ends(table: FileView) -> Found:
    """The lines of a table end with a carriage return.

    Why: Some readers take it as a part of the last column.

    Fix: Save it with Unix line ends.
    """
    return _text_problems(table, "line ends")


@check("TABLE_RAGGED", per="table")
def table_ragged(table: FileView) -> Found:
    """A row has more or fewer cells than the header.

    Why: Its values stand below the wrong columns. The row's cells were not checked.

    Fix: Separate cells with exactly one tab, and write n/a for what is missing.
    """
    return _text_problems(table, "ragged")


@check("TABLE_BLANK_LINE", per="table", level=Level.WARNING)
def table_blank_line(table: FileView) -> Found:
    """A line of a table is blank.

    Why: Some readers stop there, others read a row of missing values.

    Fix: Remove the line.
    """
    return _text_problems(table, "blank line")


@check("TABLE_EMPTY", per="table", level=Level.WARNING)
def table_empty(table: FileView) -> Found:
    """A table has a header and no rows.

    Why: What should be in it is missing.

    Fix: Fill the table, or remove it.
    """
    if table.size and not table.rows.rows and not table.rows.problems:
        yield "there are no rows"


@check("TABLE_UNKNOWN", per="table", level=Level.INFO)
def table_unknown(table: FileView) -> Found:
    """A table is none that the vocabulary defines.

    Why: Its columns could not be checked.

    Fix: Nothing, or describe the table in `schemas/tables/`.
    """
    if table.table is None and not table.subject:
        yield "the vocabulary defines no table of this name at this place"


@check("COLUMN_MISSING", per="table")
def column_missing(table: FileView) -> Found:
    """A table lacks a required column.

    Why: Programs that join tables fail.

    Fix: Add the column, with n/a where nothing is known.
    """
    if table.table and table.size:
        for column in table.table.columns.values():
            if column.required and column.name not in table.rows.header:
                yield Finding("a required column is missing", where=f"column {column.name}")


@check("COLUMN_DUPLICATED", per="table")
def column_duplicated(table: FileView) -> Found:
    """Two columns of a table have the same name.

    Why: Readers keep one, or rename both.

    Fix: Remove one of the two, or rename it.
    """
    header = table.rows.header
    for name in dict.fromkeys(header):
        if header.count(name) > 1:
            yield Finding("the name stands twice in the header", where=f"column {name[:SHOWN]}")


@check("COLUMN_NAME", per="table", level=Level.WARNING)
def column_name(table: FileView) -> Found:
    """The name of a column is empty or not snake_case, such as `Patient's Sex (0010,0040)`.

    Why: Other tools can't address it, and HTML entities or accents in it never compare equal.

    Fix: Rename it with lower-case letters, digits and underscores.
    """
    for number, name in enumerate(table.rows.header, start=1):
        known = table.table is not None and name in table.table.columns
        if not known and not re.fullmatch("[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
            yield Finding("the name is not snake_case", where=f"column {number}", value=name[:SHOWN])


@check("COLUMN_UNKNOWN", per="table", level=Level.WARNING)
def column_unknown(table: FileView) -> Found:
    """A column is none that the vocabulary defines for this table, and no JSON file describes it.

    Why: Nobody can know what it means or in which unit it is.

    Fix: Describe it in the JSON file beside the table, or use a column of docs/vocabulary.md.
    """
    if table.table and table.table.additional_columns != "allow":
        described = table.described_columns
        for name in dict.fromkeys(table.rows.header):
            if name and name not in table.table.columns and name not in described:
                yield Finding("nothing says what this column means", where=f"column {name[:SHOWN]}")


# --- cells -----------------------------------------------------------------------------------------------


def _cells(table: FileView) -> Iterator[tuple[Column, str, str]]:
    """(column, place, value) of every cell of a defined column; cells with n/a are left out."""
    columns: Mapping[str, Column] = table.table.columns if table.table else {}
    known = [(at, columns[name]) for at, name in enumerate(table.rows.header) if name in columns]
    for line, row in zip(table.rows.lines, table.rows.rows, strict=True):
        for at, column in known:
            if row[at] != NA:
                yield column, f"row {line}, column {column.name}", row[at]


@check("CELL_EMPTY", per="table", level=Level.WARNING)
def cell_empty(table: FileView) -> Found:
    """A cell is empty.

    Why: Whether the value is missing or was forgotten can't be told; BIDS writes n/a.

    Fix: Write n/a, or the value.
    """
    header = table.rows.header
    for line, row in zip(table.rows.lines, table.rows.rows, strict=True):
        for at, value in enumerate(row):
            if not value.strip():
                yield Finding("the cell is empty", where=f"row {line}, column {header[at][:SHOWN]}", expected=NA)


@check("CELL_BLANKS", per="table", level=Level.WARNING)
def cell_blanks(table: FileView) -> Found:
    """A cell begins or ends with a blank.

    Why: " F" is not "F" for any program.

    Fix: Remove the blanks.
    """
    for _, where, value in _cells(table):
        if value.strip() and value != value.strip():
            yield Finding("the cell begins or ends with a blank", where=where)


@check("CELL_TYPE", per="table")
def cell_type(table: FileView) -> Found:
    """A cell has not the type of its column: number, integer, label, path, list.

    Why: The whole column is read as text, or the program fails.

    Fix: Write the value as docs/vocabulary.md says, or n/a.
    """
    for column, where, value in _cells(table):
        test = TYPES.get(column.type)
        if test and value.strip() and not test(value.strip()):
            yield Finding(f"the cell is not of type {column.type}", where, value[:SHOWN], column.type)


@check("CELL_DATE", per="table")
def cell_date(table: FileView) -> Found:
    """A date or time is not written in ISO 8601, or does not exist, such as 2020-02-31.

    Why: Each program guesses another day, or fails.

    Fix: Write YYYY-MM-DD or YYYY-MM-DDThh:mm:ss, or n/a.
    """
    for column, where, value in _cells(table):
        form = DATES.get(column.type)
        if form and value.strip() and not _is_date(value.strip(), column.type):
            yield Finding("this is no date, or not one in ISO 8601", where, value[:SHOWN], form)


@check("CELL_CODE", per="table")
def cell_code(table: FileView) -> Found:
    """A cell holds a word that is not in the code list of its column.

    Why: Selecting by that column misses the row.

    Fix: Use the word shown under expected, or one of the code list.
    """
    lists = table.dataset.schema.code_lists
    for column, where, value in _cells(table):
        words = lists.get(column.code_list) if column.code_list else None
        if words:
            for item in value.split(";") if column.type == "semicolon_list" else (value,):
                text = item.strip()
                if text and text not in words.codes:
                    message = f"the word is not in the list {words.name}"
                    yield Finding(message, where, text[:SHOWN], words.find(text) or " ".join(list(words.codes)[:12]))


@check("CELL_RANGE", per="table")
def cell_range(table: FileView) -> Found:
    """A number is below the least or above the greatest that its column can have.

    Why: It is a slip, or stands in another unit.

    Fix: Correct the value, or write n/a.
    """
    for column, where, value in _cells(table):
        if (column.minimum is not None or column.maximum is not None) and _is_number(value.strip()):
            low = -math.inf if column.minimum is None else column.minimum
            high = math.inf if column.maximum is None else column.maximum
            too_old = column.name == "age" and float(value) > high  # a matter of privacy, see PRIVACY_AGE
            if not low <= float(value) <= high and not too_old:
                yield Finding("the number is out of range", where, value[:SHOWN], f"{low:g} to {high:g}")


@check("KEY_DUPLICATED", per="table")
def key_duplicated(table: FileView) -> Found:
    """Two rows of a table have the same key.

    Why: Joining tables multiplies rows, or drops one of them.

    Fix: Remove one of the rows, or correct its key.
    """
    header = table.rows.header
    key = [name for name in (table.table.key if table.table else ()) if name in header]
    if not key:
        return
    columns = [header.index(name) for name in key]
    first: dict[tuple[str, ...], int] = {}
    for line, row in zip(table.rows.lines, table.rows.rows, strict=True):
        before = first.setdefault(tuple(row[at] for at in columns), line)
        if before != line:
            yield Finding(f"the key is that of row {before}", where=f"row {line}, column {' + '.join(key)}")


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", text, re.ASCII) is not None


def _is_json_list(text: str) -> bool:
    try:
        return isinstance(json.loads(text), list)
    except ValueError:
        return False


def _is_path(text: str) -> bool:
    return not (text.startswith("/") or "\\" in text or ":" in text or ".." in text.split("/"))


def _is_date(text: str, kind: str) -> bool:
    try:
        if kind == "date":
            return len(text) == 10 and date.fromisoformat(text) is not None
        return text[10:11] == "T" and len(text) >= 16 and datetime.fromisoformat(text) is not None
    except ValueError:
        return False


TYPES: Mapping[str, Callable[[str], bool]] = {
    "integer": lambda text: re.fullmatch(r"[-+]?\d+", text, re.ASCII) is not None,
    "number": _is_number,
    "label": lambda text: re.fullmatch("((sub|ses|sample)-)?[0-9a-zA-Z]+", text) is not None,
    "path": _is_path,
    "json_list": _is_json_list,
    "semicolon_list": lambda text: all(item.strip() for item in text.split(";")),
}
DATES = {"date": "YYYY-MM-DD", "datetime": "YYYY-MM-DDThh:mm:ss"}
