"""Reads a table of corrections (curation.tsv): what a person says of single images and files of a source."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mids.errors import DataError, MidsError
from mids.readers.given.binary import refuse_binary
from mids.readers.tables.table import Table
from mids.readers.tables.workbook import count_filled_sheets, read_table
from mids.records import Box, Source
from mids.vocabulary.names import label

COLUMNS = ("file", "field", "old", "new", "who", "why")
VALUES = ("view", "body_part", "laterality")
"""Fields that change what is said of an image."""

LABELS = ("subject", "session")
"""Fields that call somebody, or a visit, otherwise; `old` is the subject ID, and of a session `subject/session`."""

FIELDS = ("redact", "exclude", "release", "acknowledge", *VALUES, *LABELS)
GUARDS = frozenset({"redact", "exclude", "release"})
"""Fields that decide what may be seen: a run that can't apply such a row does not begin."""

_ALIASES = {"blank": "redact"}
_EXPLAINED = ("release", "acknowledge")
"""Fields whose rows must say who decided, and why."""

_EMPTY = frozenset({"n/a", "na", "n.a.", "nan", "none", "null", "unknown"})

_BOX = re.compile(r"(\d{1,9}),(\d{1,9}),(\d{1,9}),(\d{1,9})")


@dataclass(frozen=True, slots=True)
class Correction:
    """One row of a table of corrections; `row` is its line number in the file, `table` what errors call that.

    `file` is an image of the dataset as it would be named without corrections, a source file relative to
    SOURCE, or a SOPInstanceUID.
    """

    file: str
    field: str
    old: str
    new: str
    who: str
    why: str
    row: int
    table: str = "curation table"

    @property
    def place(self) -> str:
        """How errors call the row."""
        return f"row {self.row} of the {self.table}"

    @property
    def decision(self) -> tuple[str, str, str]:
        """What the row decides, whoever decided it and wherever it stands."""
        return self.file, self.field, "" if self.field in ("exclude", "release") else self.new


def read(path: Path) -> tuple[Correction, ...]:
    """The rows of a table of corrections.

    Raises `MidsError` where it can't be read, or a row can't be understood: what it should hide might be a name.
    """
    return tuple(_corrections(open_table(path, "curation table", COLUMNS), path))


def open_table(path: Path, what: str, columns: Sequence[str]) -> Table:
    """A table that a person filled in: tabs, commas or semicolons part its cells, or it is a workbook (.xlsx).

    Text is UTF-8, or UTF-16 with a byte order mark; quotation marks are those of CSV (RFC 4180). Raises `MidsError`,
    which calls it `what`, where it can't be read or lacks one of `columns`.
    """
    if path.is_dir():
        raise MidsError(f"the {what} {path} is a folder: give a file")
    refuse_binary(path, what, workbook=True)
    try:
        table = read_table(path.parent, Source(path.name))
        is_elsewhere = not table.rows and path.suffix.lower() == ".xlsx" and count_filled_sheets(path) > 1
    except (OSError, DataError) as error:
        if not path.exists():
            raise MidsError(f"there is no {what} {path}: check the path") from error
        raise MidsError(
            f"can't read the {what} {path} ({type(error).__name__}): check its permissions, and that it is a table"
        ) from error
    for found in table.issues:
        raise MidsError(f"the {what} {path}, {found.where or 'as a whole'}: {found.message}: correct it")
    if is_elsewhere:
        raise MidsError(f"the {what} {path} has no rows on its first sheet, and others on a later one: move them")
    missing = [column for column in columns if column not in table.header]
    if missing:
        raise MidsError(f"the {what} {path} lacks the column {missing[0]}: it needs {', '.join(columns)}")
    return table


def read_box(text: str) -> Box | None:
    """Top, left, bottom and right of a box as a row gives it; None where it is none."""
    found = _BOX.fullmatch(text.replace(" ", ""))
    if not found:
        return None
    top, left, bottom, right = map(int, found.groups())
    return (top, left, bottom, right) if top < bottom and left < right else None


def written_alike(name: str) -> str:
    """The name of a file as it is compared: other programs write accents and slashes in other ways."""
    return unicodedata.normalize("NFC", name).replace("\\", "/").removeprefix("./")


def _corrections(table: Table, path: Path) -> Iterator[Correction]:
    for line, cells in table.numbered():
        values = {column: cells[column].strip() for column in COLUMNS}
        if not any(values.values()):
            continue
        field = values["field"].lower()
        row = Correction(**{**values, "field": _ALIASES.get(field, field)}, row=line)
        check_row(row, f"row {line} of the curation table {path}")
        yield row


def check_row(row: Correction, place: str) -> None:
    """Raises `MidsError` for a row that can't be meant; `place` is how it calls the row."""
    if problem := _problem(row):
        raise MidsError(f"{place} {problem}")


def _says_something(cell: str) -> bool:
    """Whether a cell holds a word: n/a, a dash or a full stop says that nobody filled it in."""
    return any(char.isalnum() for char in cell) and cell.casefold() not in _EMPTY


def _problem(row: Correction) -> str:
    """Why a row can't be meant, and what to do."""
    if row.field not in FIELDS:
        return f"has an unknown field: use {', '.join(FIELDS)}"
    if not row.file:
        return "names no file: name one, or remove the row"
    if row.field == "redact" and read_box(row.new) is None:
        return "has no box: write top,left,bottom,right in pixels under new"
    if row.field in LABELS and (not row.new or label(row.new) != row.new):
        return f"has an invalid {row.field}: write letters and digits under new"
    if row.field in _EXPLAINED and not (_says_something(row.who) and _says_something(row.why)):
        return f"does not say who decided to {row.field}, and why: fill in who and why"
    return ""
