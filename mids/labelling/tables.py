"""Tables of reports with labels that people gave, as training takes them."""

import ast
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from mids.analysis.tree import LabelTree
from mids.errors import MidsError
from mids.labelling.labeller import KEYS, LOCALIZATION
from mids.labelling.training import Example
from mids.readers.tables.table import Table
from mids.readers.tables.workbook import read_given

PEOPLE = ("participant_id", "patientid", "patient_id", "subject_id", "subject")
"""Columns that say who a report is of, in the order in which they are looked for."""


def read_examples(
    table: Path, *, text: str = "report", column: str = "labels", labels: Path | None = None
) -> list[Example]:
    """The reports of a table (CSV, TSV, XLSX) with their labels, from its own `column` or from that of a table
    `labels`, whose rows are joined by the ids that both have.

    Cells are lists as JSON or Python have them, or names between semicolons or bars. Rows without a text, or without a
    cell of labels in the other table, are left out. Raises `MidsError` where a file or a column is missing.
    """
    rows = _read(table, text, *(() if labels else (column,))).rows
    truth = _joined(rows, _read(labels, column).rows) if labels else rows
    person = next((name for name in PEOPLE if rows and name in rows[0]), "")
    found = [
        Example(row[person] if person else row[text], row[text], parse_labels(own[column]))
        for row, own in zip(rows, truth, strict=True) if own is not None and row[text].strip()
    ]  # fmt: skip
    if not found:
        raise MidsError(f"{table} has no report with labels: name the columns with --text and --column")
    return found


def read_labels(path: Path, column: str = "labels", *, tree: LabelTree | None = None) -> pd.DataFrame:
    """A table of labels (TSV, CSV, XLSX) with its cells as JSON lists, for `mids.evaluate`; raises `MidsError`.

    With a `tree` the terms above those of a cell are in it too.
    """
    close = tree.close if tree else frozenset
    table = pd.DataFrame(list(_read(path, column).rows), dtype="string").replace(["n/a", ""], pd.NA)
    return table.assign(**{
        column: [json.dumps(sorted(close(parse_labels(cell))), ensure_ascii=False) for cell in table[column].fillna("")]
    })  # fmt: skip


def _read(path: Path, *columns: str) -> Table:
    return read_given(path, columns, absent="give a table with its labels", lacking="name it with --text or --column")


def _joined(rows: Sequence[Mapping[str, str]], labels: Sequence[Mapping[str, str]]) -> list[Mapping[str, str] | None]:
    """The row of labels that belongs to each report, None where there is none."""
    keys = [key for key in KEYS if rows and labels and key in rows[0] and key in labels[0]]
    if not keys:
        raise MidsError(f"the two tables share none of the columns {', '.join(KEYS)}: add one to both")
    known = {tuple(row[key] for key in keys): row for row in labels}
    return [known.get(tuple(row[key] for key in keys)) for row in rows]


def parse_labels(cell: str) -> frozenset[str]:
    """The labels of a cell; localizations ("loc …") are none."""
    text = cell.strip()
    items = _items(text)
    flat = [name for item in items for name in (item if isinstance(item, list | tuple) else [item])]
    names = (str(name).strip().strip("'\"[]").strip() for name in flat)
    return frozenset(name for name in names if name and name != "n/a" and not name.startswith(LOCALIZATION))


def _items(text: str) -> Sequence[object]:
    if text in ("", "n/a", "nan", "None"):
        return []
    if text.startswith("["):
        for read in (json.loads, ast.literal_eval):
            try:
                found = read(text)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
            return found if isinstance(found, list) else [found]
    return re.split(r"[;|]|', ?'" if "'" in text else r"[;|]", text)
