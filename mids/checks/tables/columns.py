"""Tables: their text, their columns and keys against the vocabulary."""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache

from mids.inspection.cells import SHOWN, is_number
from mids.inspection.guards import has_text_problems, is_described_table
from mids.inspection.registry import Finding, Found, check, of_name, only_if
from mids.inspection.views import FileView
from mids.issues import Level
from mids.readers.tables.tsv import Fault
from mids.records import Json
from mids.resources import read_yaml, schemas
from mids.vocabulary.schema import Column


def _text_problems(table: FileView, kind: Fault) -> Iterator[Finding]:
    for problem in table.rows.problems:
        if problem.kind == kind:
            yield Finding(problem.message, where=f"line {problem.line}" if problem.line else "")


@check("TABLE_ENCODING", per="table", when=has_text_problems)
def table_encoding(table: FileView) -> Found:
    """A table is not UTF-8.

    Why: Accents are read wrong or not at all.

    Fix: Save the table as UTF-8.
    """
    return _text_problems(table, "encoding")


@check("TABLE_BYTE_ORDER_MARK", per="table", level=Level.WARNING, when=has_text_problems)
def table_byte_order_mark(table: FileView) -> Found:
    """A table begins with a byte order mark.

    Why: Many programs read it as part of the first column's name.

    Fix: Save the table as UTF-8 without BOM.
    """
    return _text_problems(table, "byte order mark")


@check("TABLE_LINE_ENDS", per="table", level=Level.WARNING, when=has_text_problems)
def table_line_ends(table: FileView) -> Found:
    """The lines of a table end with a carriage return.

    Why: Some programs read it as part of the last column.

    Fix: Save the table with Unix line ends.
    """
    return _text_problems(table, "line ends")


@check("TABLE_RAGGED", per="table", when=has_text_problems)
def table_ragged(table: FileView) -> Found:
    """A row has more or fewer cells than the header.

    Why: Its values stand below the wrong columns. The cells of the row were not checked.

    Fix: Separate cells with exactly one tab, and write n/a for missing values.
    """
    return _text_problems(table, "ragged")


@check("TABLE_BLANK_LINE", per="table", level=Level.WARNING, when=has_text_problems)
def table_blank_line(table: FileView) -> Found:
    """A line of a table is blank.

    Why: Some programs stop there, others read a row of missing values.

    Fix: Remove the line.
    """
    return _text_problems(table, "blank line")


@check("TABLE_SEPARATOR", per="table", when=has_text_problems)
def table_separator(table: FileView) -> Found:
    """The columns of a table are separated by commas, semicolons or spaces, not by tabs.

    Why: BIDS tools see one column with a long name. This validator used the separator that it found.

    Fix: Save the table with tabs between the cells.
    """
    return _text_problems(table, "separator")


@check("TABLE_EMPTY", per="table", level=Level.WARNING)
def table_empty(table: FileView) -> Found:
    """A table has a header but no rows.

    Why: Its content is missing.

    Fix: Fill the table, or remove it.
    """
    if table.size and not table.rows.rows and not table.rows.problems:
        yield "the table has no rows"


@of_name
def _is_unknown(table: FileView) -> bool:
    return table.table is None and not table.subject


@check("TABLE_UNKNOWN", per="table", level=Level.INFO, mids=True, when=_is_unknown)
def table_unknown(table: FileView) -> Found:
    """The vocabulary does not define a table.

    Why: Only what it says of files, marks and people could be checked, not what its columns may hold.

    Fix: Nothing, or describe the table in `schemas/tables/`.
    """
    return ("the vocabulary does not define a table of this name here",)


@check("COLUMN_MISSING", per="table", when=is_described_table)
def column_missing(table: FileView) -> Found:
    """A table lacks a required column.

    Why: Programs that join tables fail.

    Fix: Add the column, with n/a for unknown values.
    """
    for name in table.required_columns:
        if name not in table.rows.header:
            yield Finding("a required column is missing", where=f"column {name}")


@cache
def _repeats(header: tuple[str, ...]) -> bool:
    return len(set(header)) < len(header)


@check("COLUMN_DUPLICATED", per="table", when=lambda table: _repeats(table.rows.header))
def column_duplicated(table: FileView) -> Found:
    """Two columns of a table have the same name.

    Why: Some programs keep one, others rename both.

    Fix: Remove one of the two, or rename it.
    """
    header = table.rows.header
    for name in dict.fromkeys(header):
        if header.count(name) > 1:
            yield Finding("the header holds the name twice", where=f"column {name[:SHOWN]}")


@check("COLUMN_NAME", per="table", level=Level.WARNING, mids=True)
def column_name(table: FileView) -> Found:
    """The name of a column is empty or not snake_case, such as `Patient's Sex (0010,0040)`.

    Why: Other tools can't address it, and names with HTML entities or accents never compare equal.

    Fix: Rename it with lower-case letters, digits and underscores.
    """
    for number, name in enumerate(table.rows.header, start=1):
        known = table.table is not None and name in table.table.columns
        if not known and not re.fullmatch("[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
            yield Finding("the name is not snake_case", where=f"column {number}", value=name[:SHOWN])


@check("COLUMN_UNKNOWN", per="table", level=Level.WARNING)
def column_unknown(table: FileView) -> Found:
    """The vocabulary does not define a column of this table, and no JSON file describes it.

    Why: Nobody can know its meaning or its unit.

    Fix: Describe it in the JSON file beside the table, or use a column of docs/vocabulary.md.
    """
    rule = table.rule
    known = table.table.columns if table.table else rule.columns if rule else {}
    is_open = table.table.additional_columns == "allow" if table.table else rule is None or rule.others != "allowed"
    if not is_open:
        for name in dict.fromkeys(table.rows.header):
            if name and name not in known and name not in table.described:
                yield Finding(
                    "neither the vocabulary nor a JSON file describes this column", where=f"column {name[:SHOWN]}"
                )


TABLES = (".tsv", ".tsv.gz")


@only_if(lambda file: file.extension in TABLES)
def _has_dictionary(table: FileView) -> bool:
    return table.extension in TABLES and bool(table.dictionaries)


def _header(table: FileView) -> Sequence[str]:
    """The names of a table's columns; those of one without a header are in its sidecar."""
    if table.kind == "table":
        return table.rows.header
    names = table.metadata.get("Columns")
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else ()


@check("COLUMN_ABSENT", per="bids", level=Level.WARNING, when=_has_dictionary)
def column_absent(table: FileView) -> Found:
    """A JSON file describes a column that the table has under a slightly different name.

    Why: A name is misspelt in one of the two: the column is not described, and programs find no levels for it.

    Fix: Correct the name.
    """
    header = _header(table)
    bare = [name for name in header if name and name not in table.described]
    defined = (table.rule.columns if table.rule else {}, table.table.columns if table.table else {}, header)
    for file in table.dictionaries:
        # A file above may describe columns of other tables too, whose names are alike.
        known = [name for name in header if name] if file.stem == table.stem else bare
        absent = (key for key, said in file.keys.items() if _describes(said) and not any(key in of for of in defined))
        for name in absent if known else ():
            if meant := _misspelt(name, known, bare):
                yield Finding("the table has no such column", f"$.{name[:SHOWN]}", expected=meant, path=file.path)


def _describes(entry: Json) -> bool:
    return isinstance(entry, dict) and not {"Description", "LongName", "Levels", "Units"}.isdisjoint(entry)


def _misspelt(name: str, known: list[str], bare: list[str]) -> str:
    """The column that a name stands for; one that is described as well differs in more than a number."""
    folded = {column.casefold(): column for column in known}
    for close in get_close_matches(name.casefold(), folded, 1, CLOSE):
        if folded[close] in bare or re.sub(r"\d", "", close) != re.sub(r"\d", "", name.casefold()):
            return folded[close]
    return next((column for column in known if column.casefold() == name.casefold()), "")


CLOSE = 0.857
"""How much the names of two columns have in common where one is the other misspelt (difflib's ratio)."""


@check("KEY_DUPLICATED", per="table")
def key_duplicated(table: FileView) -> Found:
    """Two rows of a table have the same key.

    Why: Joining tables multiplies rows, or drops one of them.

    Fix: Remove one of the rows, or correct its key.
    """
    header = table.rows.header
    lookup = ("index",) if table.path.endswith("dseg.tsv") else ()  # BIDS: a row for each value of a segmentation
    own = table.table.key if table.table else table.rule.key if table.rule else lookup
    key = [name for name in own if name in header]
    if not key:
        return
    columns = [header.index(name) for name in key]
    first: dict[tuple[str, ...], int] = {}
    for line, row in zip(table.rows.lines, table.rows.rows, strict=True):
        before = first.setdefault(tuple(row[at] for at in columns), line)
        if before != line:
            yield Finding(f"row {before} has the same key", where=f"row {line}, column {' + '.join(key)}")


@cache
def _spellings() -> Mapping[str, frozenset[str]]:
    """The spellings of each unit in `schemas/units.yaml`, lower case."""
    return {unit: frozenset(words) for unit, words in read_yaml(schemas() / "units.yaml")["spellings"].items()}


@cache
def _usual() -> Sequence[tuple[re.Pattern[str], Mapping[str, tuple[float, float]]]]:
    """Columns by their names, and the least and the greatest value of a body in each unit (`schemas/units.yaml`)."""
    rules = read_yaml(schemas() / "units.yaml")["usual"]
    return [(re.compile(rule["columns"], re.IGNORECASE), rule["limits"]) for rule in rules]


@check("COLUMN_UNIT", per="table", level=Level.WARNING, when=is_described_table)
def column_unit(table: FileView) -> Found:
    """The JSON file beside a table gives a column another unit than the vocabulary, or one that a value contradicts: a
    weight of 72000 kg.

    Why: No other check finds months instead of years, or grams instead of kilograms.

    Fix: Convert the column or the value, or correct Units.
    """
    columns: Mapping[str, Column] = table.table.columns if table.table else {}
    for view in table.dictionaries:
        for at, name in enumerate(table.rows.header):
            entry = view.keys.get(name)
            said = entry.get("Units") if isinstance(entry, dict) else None
            if not isinstance(said, str):
                continue
            unit = columns[name].unit if name in columns else ""
            if unit and said.strip().casefold() not in _spellings().get(unit, {unit.casefold()}):
                yield Finding(
                    "the unit differs from that of the vocabulary", f"$.{name}.Units", said[:SHOWN], unit, view.path
                )
            yield from _impossible(table, at, said.strip().casefold())


def _impossible(table: FileView, at: int, said: str) -> Iterator[Finding]:
    """The first value of a column that nobody has in the unit that is said."""
    name = table.rows.header[at]
    limits = next((limits for names, limits in _usual() if names.fullmatch(name)), {})
    unit = next((unit for unit in limits if said in _spellings()[unit]), None)
    if unit is None:
        return
    low, high = limits[unit]
    for line, row in zip(table.rows.lines, table.rows.rows, strict=True):
        if is_number(row[at]) and not low <= float(row[at]) <= high:
            message, where = "the value is implausible in the stated unit", f"row {line}, column {name}"
            yield Finding(message, where, row[at][:SHOWN], f"{low:g} to {high:g} {unit}")
            return
