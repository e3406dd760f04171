"""Tables of reports with labels that people gave, as training takes them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mids.analysis.cells import parse_labels, read_given_labels
from mids.errors import MidsError
from mids.labelling.labeller import KEYS
from mids.labelling.training import Example

PEOPLE = ("participant_id", "patientid", "patient_id", "subject_id", "subject")
"""Columns that say who a report is of, in the order in which they are looked for."""
NOTHING = ("", "n/a")


def read_examples(
    table: Path, *, text: str = "report", column: str = "labels", labels: Path | None = None
) -> tuple[list[Example], list[str]]:
    """The reports of a table (CSV, TSV, XLSX) with their labels, from its own `column` or from that of a table
    `labels`, whose rows are joined by the ids that both have; and what a person should know of these tables.

    Cells are lists as JSON or Python have them, or names between semicolons or bars. Rows without a text, or without a
    cell of labels in the other table, are left out. Raises `MidsError` where a file or a column is missing.
    """
    tables = [read_given_labels(table, text, *(() if labels else (column,)))]
    tables += [read_given_labels(labels, column)] if labels else []
    rows = tables[0].rows
    truth = _joined(rows, tables[1].rows) if labels else rows
    person = next((name for name in PEOPLE if rows and name in rows[0]), "")
    pairs = [(row, own) for row, own in zip(rows, truth, strict=True) if own is not None and row[text].strip()]
    found = [Example(row.get(person) or row[text], row[text], parse_labels(own[column])) for row, own in pairs]
    if not found:
        raise MidsError(f"{table} has no report with labels: name the columns with --text and --column")
    said = [f"{one.path}, {one.where or 'its text'}: {one.message}" for given in tables for one in given.issues]
    if not person:
        said.append(f"no column {PEOPLE[0]} says whose a report is: each text counts as a participant")
    if empty := sum(own[column].strip() in NOTHING for _, own in pairs):
        said.append(f"{empty} reports have an empty cell of labels: they count as reports that find nothing")
    return found, said


def _joined(rows: Sequence[Mapping[str, str]], labels: Sequence[Mapping[str, str]]) -> list[Mapping[str, str] | None]:
    """The row of labels that belongs to each report, None where there is none."""
    keys = [key for key in KEYS if rows and labels and key in rows[0] and key in labels[0]]
    if not keys:
        raise MidsError(f"the two tables share none of the columns {', '.join(KEYS)}: add one to both")
    known = {tuple(row[key] for key in keys): row for row in labels}
    return [known.get(tuple(row[key] for key in keys)) for row in rows]
