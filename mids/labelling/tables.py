"""Tables of reports with labels that people gave, as training takes them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mids.analysis.cells import parse_labels, read_given_labels
from mids.errors import MidsError
from mids.labelling.labeller import KEYS
from mids.labelling.training import Example

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
    rows = read_given_labels(table, text, *(() if labels else (column,))).rows
    truth = _joined(rows, read_given_labels(labels, column).rows) if labels else rows
    person = next((name for name in PEOPLE if rows and name in rows[0]), "")
    found = [
        Example(row[person] if person else row[text], row[text], parse_labels(own[column]))
        for row, own in zip(rows, truth, strict=True) if own is not None and row[text].strip()
    ]  # fmt: skip
    if not found:
        raise MidsError(f"{table} has no report with labels: name the columns with --text and --column")
    return found


def _joined(rows: Sequence[Mapping[str, str]], labels: Sequence[Mapping[str, str]]) -> list[Mapping[str, str] | None]:
    """The row of labels that belongs to each report, None where there is none."""
    keys = [key for key in KEYS if rows and labels and key in rows[0] and key in labels[0]]
    if not keys:
        raise MidsError(f"the two tables share none of the columns {', '.join(KEYS)}: add one to both")
    known = {tuple(row[key] for key in keys): row for row in labels}
    return [known.get(tuple(row[key] for key in keys)) for row in rows]
