"""A table of metadata for a private block of each patient's files, as FIDAC published its data."""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mids.errors import MidsError

FIRST = 0x10
"""The element of the first column where the header names none."""

LAST = 0xFF
_NAMED = re.compile(r"([0-9A-Fa-f]{2})\s*:\s*(\S.*)")
"""A column that names its element: ``01:region``."""

LO = 64
"""Characters of a value of VR LO at most (PS3.5 6.2)."""


@dataclass(frozen=True, slots=True)
class Embedding:
    """Rows by patient, with the block that they go into: odd `group`, `creator`; `columns` in the table's order.

    `elements` are the columns' elements inside the block, 00 to FF.
    `lines` are the line numbers of the rows, for messages.
    """

    group: int
    creator: str
    columns: tuple[str, ...]
    elements: tuple[int, ...]
    rows: Mapping[str, tuple[str, ...]]
    lines: Mapping[str, int]

    def vr(self, column: int) -> str:
        """LO where all values of a column fit into it, else UT."""
        values = [row[column] for row in self.rows.values()]
        is_short = all(len(value) <= LO and "\\" not in value and value.isprintable() for value in values)
        return "LO" if is_short else "UT"


def recall_embedding(content: Mapping[str, Any]) -> Embedding:
    """The embedding that was kept as JSON, with lists for tuples."""
    rows = {patient: tuple(row) for patient, row in content["rows"].items()}
    return Embedding(**{**content, "columns": tuple(content["columns"]), "rows": rows})


def read(path: Path, *, group: int, creator: str) -> Embedding:
    """A CSV in UTF-8: the first column is the PatientID of the source, the others are embedded under their names.

    A name may begin with its element in hexadecimal (``01:region``, as FIDAC's table 1 has it, Diagn Interv Imaging
    2022); where none does, the elements count from 10 (PS3.5 7.8.1).

    Raises `MidsError`, without a value of the table, where the block is no private one, or the table can't be read,
    is ragged, or names a patient twice.
    """
    if group % 2 == 0 or not 0x0009 <= group <= 0xFFFD:
        raise MidsError("--embed-group must be an odd hexadecimal number from 0009 to FFFD, such as 0C19")
    if not creator.strip() or len(creator) > LO or not creator.isascii() or "\\" in creator:
        raise MidsError(f"--embed-creator must be a name of at most {LO} ASCII characters, without backslash")
    rows: dict[str, tuple[str, ...]] = {}
    lines: dict[str, int] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            table = csv.reader(stream)
            head = [name.strip() for name in next(table, [])]
            columns, elements = _place_columns(head, path)
            for row in table:
                if len(row) != len(head) or not row[0].strip():
                    raise MidsError(f"{path}, line {table.line_num}: give {len(head)} cells, the ID first")
                patient = row[0].strip()
                if patient in rows:
                    raise MidsError(f"{path}, line {table.line_num}: an earlier line has the same patient: remove one")
                rows[patient] = tuple(value.strip() for value in row[1:])
                lines[patient] = table.line_num
    except OSError as error:
        raise MidsError(f"can't read the table {path} ({error.strerror}): check its path and permissions") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise MidsError(f"the table {path} is not CSV in UTF-8: save it again as such") from error
    return Embedding(group, creator.strip(), columns, elements, rows, lines)


def _place_columns(head: list[str], path: Path) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The names of the embedded columns, and their elements inside the block.

    Raises `MidsError` for a header that lacks a name, repeats one, or names elements for some columns only.
    """
    found = [_NAMED.fullmatch(name) for name in head[1:]]
    columns = tuple(match[2] if match else name for match, name in zip(found, head[1:], strict=True))
    if len(head) < 2 or len({head[0], *columns}) < len(head) or "" in head:
        raise MidsError(f"{path} needs a first line with different names: the PatientID's column, then others")
    if len(columns) > LAST - FIRST + 1:
        raise MidsError(
            f"{path} has more columns besides the ID than a private block holds: keep at most {LAST - FIRST + 1}"
        )
    named = [int(match[1], 16) for match in found if match]
    if not named:
        return columns, tuple(range(FIRST, FIRST + len(columns)))
    if len(named) < len(columns):
        raise MidsError(f"{path} names the element of some columns only: write all as 01:region, or none")
    if len({*named}) < len(named):
        raise MidsError(f"{path} gives two columns the same element: give each its own")
    return columns, tuple(named)
