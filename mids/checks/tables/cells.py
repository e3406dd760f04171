"""Tables: every cell, by the type and code list of its column, and for what no cell should hold."""

from collections.abc import Iterator

from mids.inspection.cells import SHOWN, list_nearest
from mids.inspection.guards import has_faults
from mids.inspection.registry import Finding, Found, check
from mids.inspection.views import FileView
from mids.issues import Level
from mids.readers.tables.tsv import NA


def _faults(table: FileView, code: str) -> Iterator[Finding]:
    """The faults of one kind."""
    return (Finding(f.message, f.where, f.value, f.expected) for f in table.faults if f.code == code)


@check("CELL_EMPTY", per="table", level=Level.WARNING, when=has_faults)
def cell_empty(table: FileView) -> Found:
    """A cell is empty.

    Why: Nobody can tell whether the value is missing or was forgotten; BIDS writes n/a.

    Fix: Write n/a, or the value.
    """
    return _faults(table, "CELL_EMPTY")


@check("CELL_MISSING_WORD", per="table", level=Level.WARNING, when=has_faults)
def cell_missing_word(table: FileView) -> Found:
    """A missing value is written as NaN, NULL, None, NA or #N/A.

    Why: Some programs read it as missing, others as text; BIDS knows only n/a.

    Fix: Write n/a.
    """
    return _faults(table, "CELL_MISSING_WORD")


@check("CELL_BLANKS", per="table", level=Level.WARNING, when=has_faults)
def cell_blanks(table: FileView) -> Found:
    """A cell begins or ends with a space.

    Why: Programs treat " F" and "F" as different values.

    Fix: Remove the spaces.
    """
    return _faults(table, "CELL_BLANKS")


@check("CELL_TYPE", per="table", when=has_faults)
def cell_type(table: FileView) -> Found:
    """A cell does not have the type of its column: number, integer, label, path, list.

    Why: The whole column is read as text, or the program fails.

    Fix: Write the value as docs/vocabulary.md says, or n/a.
    """
    return _faults(table, "CELL_TYPE")


@check("CELL_DATE", per="table", when=has_faults)
def cell_date(table: FileView) -> Found:
    """A date or time is not written in ISO 8601, or does not exist, such as 2020-02-31.

    Why: Programs guess different days, or fail.

    Fix: Write YYYY-MM-DD or YYYY-MM-DDThh:mm:ss, or n/a.
    """
    return _faults(table, "CELL_DATE")


@check("CELL_CODE", per="table", when=has_faults)
def cell_code(table: FileView) -> Found:
    """A cell holds a word that is not in the code list of its column.

    Why: Selecting by this column misses the row.

    Fix: Use the word shown under expected, or another word of the code list.
    """
    return _faults(table, "CELL_CODE")


@check("CELL_RANGE", per="table", when=has_faults)
def cell_range(table: FileView) -> Found:
    """A number is below the minimum or above the maximum of its column.

    Why: It is a typing error, or in another unit.

    Fix: Correct the value, or write n/a.
    """
    return _faults(table, "CELL_RANGE")


@check("CELL_HTML", per="table", level=Level.WARNING, when=has_faults)
def cell_html(table: FileView) -> Found:
    """A cell holds an HTML entity such as `&rsquo;`, or a tag.

    Why: It was copied from a web page or an export, and never equals the text that it stands for.

    Fix: Replace it by the character that it stands for.
    """
    return _faults(table, "CELL_HTML")


@check("CELL_MOJIBAKE", per="table", level=Level.WARNING, when=has_faults)
def cell_mojibake(table: FileView) -> Found:
    """A cell holds text that was decoded with the wrong encoding, such as `TÃ³rax`, or a lost character.

    Why: Searches miss it, and each further conversion makes it worse.

    Fix: Read the source again in its own encoding, and write UTF-8.
    """
    return _faults(table, "CELL_MOJIBAKE")


@check("CELL_INVISIBLE", per="table", level=Level.WARNING, when=has_faults)
def cell_invisible(table: FileView) -> Found:
    """A cell holds an invisible character: a control character, a no-break or zero-width space.

    Why: It looks like another value, but programs treat it as a different one.

    Fix: Remove the character.
    """
    return _faults(table, "CELL_INVISIBLE")


@check("CELL_FORMULA", per="table", level=Level.WARNING, when=has_faults)
def cell_formula(table: FileView) -> Found:
    """A cell begins like a spreadsheet formula, or holds a formula's error.

    Why: Opening the table runs the formula (CSV injection), and the value is lost.

    Fix: Write the value that the formula stands for.
    """
    return _faults(table, "CELL_FORMULA")


@check("CELL_QUOTED", per="table", level=Level.WARNING, when=has_faults)
def cell_quoted(table: FileView) -> Found:
    """A cell begins and ends with a quotation mark.

    Why: BIDS tables have no quoting: the marks become part of the value.

    Fix: Remove the quotation marks.
    """
    return _faults(table, "CELL_QUOTED")


@check("CELL_LEVEL", per="table", level=Level.WARNING)
def cell_level(table: FileView) -> Found:
    """A cell holds a word that is not among the Levels of its column in the JSON file beside the table.

    Why: Nobody can know what it means.

    Fix: Correct the cell, or describe the word.
    """
    defined = table.table.columns if table.table else {}
    for view in table.dictionaries:
        for at, name in enumerate(table.rows.header):
            entry = view.keys.get(name)
            levels = entry.get("Levels") if isinstance(entry, dict) else None
            if isinstance(levels, dict) and not (name in defined and defined[name].code_list):
                for line, row in zip(table.rows.lines, table.rows.rows, strict=True):
                    if row[at] != NA and row[at].strip() and row[at] not in levels:
                        expected = list_nearest(row[at], levels)
                        where = f"row {line}, column {name[:SHOWN]}"
                        yield Finding("the word is not among the column's Levels", where, row[at][:SHOWN], expected)
