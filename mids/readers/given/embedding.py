"""A table of metadata for a private block of each patient's files, as FIDAC published its data."""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unicodedata import normalize

from mids.errors import MidsError
from mids.readers.tables.table import DELIMITERS
from mids.vocabulary.schema import load

FIRST = 0x10
"""The element of the first column where the header names none."""

LAST = 0xFF
_NAMED = re.compile(r"([0-9A-Fa-f]{2})\s*:\s*(\S.*)")
"""A column that names its element: ``01:region``."""

HEADER_AGE = -1
"""In place of an element: the column PatientAge, which replaces the header's age (0010,1010) by a range."""

_AGES = re.compile(r"[<>]?\s*\d{1,3}|\d{1,3}\s*-\s*\d{1,3}|")
"""An age in years, or a range of ages, as FIDAC wrote it: 60-70, >90."""

LO = 64
"""Characters of a value of VR LO at most (PS3.5 6.2)."""


@dataclass(frozen=True, slots=True)
class Embedding:
    """Rows by patient, with the block that they go into: odd `group`, `creator`; `columns` in the table's order.

    `elements` are the columns' elements inside the block, 00 to FF, or `HEADER_AGE`.
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
    columns, elements = tuple(content["columns"]), tuple(content["elements"])
    return Embedding(**{**content, "columns": columns, "elements": elements, "rows": rows})


def read(path: Path, *, group: int, creator: str) -> Embedding:
    """A CSV in UTF-8, separated by commas, semicolons or tabs; its first column is the PatientID of the source.

    The others are embedded under their names. A name may begin with its element in hexadecimal (``01:region``, as
    FIDAC's table 1 has it, Diagn Interv Imaging 2022); where none does, the elements count from 10 (PS3.5 7.8.1). The
    column PatientAge goes into the header itself.

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
            first = stream.readline()
            stream.seek(0)
            table = csv.reader(stream, delimiter=max(DELIMITERS, key=first.count))
            head = [name.strip() for name in next(table, [])]
            columns, elements = _place_columns(head, path)
            for row in table:
                if len(row) != len(head) or not row[0].strip():
                    raise MidsError(f"{path}, line {table.line_num}: give {len(head)} cells, the ID first")
                patient = row[0].strip()
                if patient in rows:
                    raise MidsError(f"{path}, line {table.line_num}: an earlier line has the same patient: remove one")
                rows[patient] = tuple(value.strip() for value in row[1:])
                if not all(_AGES.fullmatch(v) for v, e in zip(rows[patient], elements, strict=True) if e == HEADER_AGE):
                    raise MidsError(f"{path}, line {table.line_num}: PatientAge must be like 60-70, >90 or 65")
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
    is_age = [name.lower() == "patientage" for name in head[1:]]
    found = [_NAMED.fullmatch(name) for name in head[1:]]
    columns = tuple(match[2] if match else name for match, name in zip(found, head[1:], strict=True))
    if len(head) < 2 or len({head[0], *columns}) < len(head) or "" in head:
        raise MidsError(f"{path} needs a first line with different names: the PatientID's column, then others")
    if len(columns) > LAST - FIRST + 1:
        raise MidsError(
            f"{path} has more columns besides the ID than a private block holds: keep at most {LAST - FIRST + 1}"
        )
    named = [int(match[1], 16) for match in found if match]
    inside = len(columns) - sum(is_age)
    if named and len(named) < inside:
        raise MidsError(f"{path} names the element of some columns only: write all as 01:region, or none")
    if len({*named}) < len(named):
        raise MidsError(f"{path} gives two columns the same element: give each its own")
    places = iter(named or range(FIRST, FIRST + inside))
    return columns, tuple(HEADER_AGE if age else next(places) for age in is_age)


def generalise_regions(found: Embedding, counts: Path, minimum: int) -> Embedding:
    """The same with ``other`` for regions of at most `minimum` patients by the counts of all centres.

    `counts` is a table with the columns region (or row) and patients (or here), as ``mids stats --table NAME
    --format tsv`` writes it; of several centres the tables stand one after another, and their numbers are added.
    Raises `MidsError` where the embedding has no column region, or the counts can't be read.
    """
    if "region" not in found.columns:
        raise MidsError("--region-counts needs a column called region in the table to embed")
    known, column = _region_counts(counts), found.columns.index("region")

    def general(value: str) -> str:
        return "other" if value and known.get(_folded(value), 0) <= minimum else value

    rows = {patient: (*row[:column], general(row[column]), *row[column + 1 :]) for patient, row in found.rows.items()}
    return replace(found, rows=rows)


def _region_counts(path: Path) -> dict[str, int]:
    """The patients of each region, its name folded, over all parts of a table."""
    totals: dict[str, int] = {}
    places: tuple[int, int] | None = None
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            text = stream.read()
    except (OSError, UnicodeDecodeError) as error:
        raise MidsError(f"can't read {path} ({type(error).__name__}): give a table of regions and patients") from error
    for row in csv.reader(text.splitlines(), delimiter="\t" if "\t" in text else ","):
        names = [cell.strip().lower() for cell in row]
        region = next((names.index(name) for name in ("region", "row") if name in names), None)
        number = next((names.index(name) for name in ("patients", "here") if name in names), None)
        if region is not None and number is not None:
            places = region, number
        elif places and len(row) > max(places) and re.fullmatch(r"\d+", row[places[1]].strip()):
            name = _folded(row[places[0]])
            totals[name] = totals.get(name, 0) + int(row[places[1]])
    if places is None:
        raise MidsError(f"{path} has no columns region and patients (or row and here, as mids stats --table writes)")
    return totals


def _folded(name: str) -> str:
    """One name for all spellings of a region (HDF, "Hauts de France"); others without case and accents."""
    if code := load().code_lists["french_regions"].find(name):
        return code
    plain = normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]", "", plain)
