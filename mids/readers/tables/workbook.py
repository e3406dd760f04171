"""Reads the sheets of an Excel workbook (.xlsx) as the same tables that their CSV would give."""

import csv
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterable
from datetime import date, datetime
from io import BytesIO, StringIO
from pathlib import Path
from xml.etree.ElementTree import ParseError

from mids.errors import DataError, MidsError
from mids.readers.archives.files import open_source
from mids.readers.tables.table import Table, parse_csv
from mids.records import Source

LARGEST = 256 * 1024**2
"""Bytes that a workbook may unpack to; a bomb is refused, a table of a million rows stays below."""

_BROKEN = (
    zipfile.BadZipFile, ParseError, LookupError, ValueError, TypeError, EOFError, OSError, AttributeError,
    ArithmeticError, RuntimeError, struct.error, zlib.error, lzma.LZMAError,
)  # fmt: skip


def read_given(path: Path, columns: Iterable[str], *, absent: str, lacking: str) -> Table:
    """A table that a person gave, with some columns at least.

    Raises `MidsError` where there is no such file (with the advice `absent`), it can't be read, or lacks a column (with
    `lacking`).
    """
    if not path.is_file():
        raise MidsError(f"{path}: no such file: {absent}")
    try:
        table = read_table(path.parent, Source(path.name))
    except DataError as error:
        raise MidsError(f"{path}: {error.message}") from error
    for name in columns:
        if name not in table.header:
            raise MidsError(f"{path} lacks the column {name!r}: {lacking}")
    return table


def read_table(root: Path, source: Source) -> Table:
    """The table in a CSV, TSV or XLSX file below `root`, by its name (see `mids.readers.tables.table.read_csv`).

    Raises `DataError`: ``TABLE_INVALID`` where a workbook is broken or unpacks to too much, ``SOURCE_UNREADABLE``
    where the file can't be opened.
    """
    return read_sheets(root, source)[0]


def read_sheets(root: Path, source: Source) -> list[Table]:
    """The table in a CSV or TSV file, or those in the sheets of an XLSX file, in their order (see `read_table`)."""
    with open_source(root, source) as stream:
        data = stream.read()
    if not source.name.lower().endswith(".xlsx"):
        return [parse_csv(data, source.name)]
    return [parse_csv(_as_csv(rows), source.name) for rows in _cells(data)]


def count_filled_sheets(path: Path) -> int:
    """How many sheets of a workbook, of which `read_table` has read the first, hold anything.

    Raises `DataError` ``TABLE_INVALID`` where one of them is broken.
    """
    from openpyxl import load_workbook  # heavy, and most tables are text

    try:
        book = load_workbook(path, read_only=True, data_only=True)
        filled = [any(any(row) for row in sheet.iter_rows(values_only=True)) for sheet in book.worksheets]
        book.close()
    except _BROKEN as error:
        raise DataError("TABLE_INVALID", f"the workbook can't be read ({type(error).__name__})") from error
    return sum(filled)


def _cells(data: bytes) -> list[list[list[str]]]:
    """The cells of each sheet; of a row that is quite empty none."""
    from openpyxl import load_workbook  # heavy, and most tables are text

    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            size = sum(info.file_size for info in archive.infolist())
            if size > LARGEST:
                raise DataError("TABLE_INVALID", f"the workbook unpacks to {size} bytes")
            for info in archive.infolist():
                if info.filename.endswith((".xml", ".rels")) and b"<!DOCTYPE" in archive.read(info)[:4096]:
                    raise DataError("TABLE_INVALID", "the workbook defines entities, which no program writes")
        book = load_workbook(BytesIO(data), read_only=True, data_only=True)
        sheets = [[[_text(v) for v in row] for row in sheet.iter_rows(values_only=True)] for sheet in book.worksheets]
        book.close()
    except _BROKEN as error:
        raise DataError("TABLE_INVALID", f"the workbook can't be read ({type(error).__name__})") from error
    return [[row if any(row) else [] for row in rows] for rows in sheets]


def _text(value: object) -> str:
    """A cell as text: whole numbers without a point, days in ISO 8601 without a time."""
    if value is None:
        return ""
    if isinstance(value, datetime | date):
        return value.isoformat()[:10]
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _as_csv(rows: Iterable[list[str]]) -> bytes:
    buffer = StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue().encode()
