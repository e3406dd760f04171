"""Labels against the texts of their reports: whether those of two reports were exchanged."""

import re
from collections.abc import Iterator
from itertools import combinations

from mids.checks.labels.cells import TABLE, read_cell
from mids.inspection.registry import Finding, Found, check
from mids.inspection.views import DatasetView, FileView
from mids.issues import Level
from mids.readers.tables.tsv import NA

REPORTS = "derivatives/ehr/reports.tsv"
MOST = 300
"""Rows whose labels stand nowhere in their report that are compared with each other."""
LETTERS = 4
"""Letters of the shortest label that is looked for in a text."""

Row = tuple[int, frozenset[str], str]
"""Line of the label table, labels, text of the report."""


@check("LABELS_EXCHANGED", per="dataset", level=Level.WARNING)
def labels_exchanged(dataset: DatasetView) -> Found:
    """The labels of a report stand word for word in the text of another report, and the other way round.

    Why: Two rows were exchanged: two people have each other's findings.

    Fix: Read both reports, and exchange the labels.
    """
    if dataset.has(TABLE) and dataset.has(REPORTS):
        strangers = [row for row in _rows(dataset) if not any(_stands_in(label, row[2]) for label in row[1])]
        for (line, labels, text), (other, others, its) in combinations(strangers[:MOST], 2):
            if all(_stands_in(label, its) for label in labels) and all(_stands_in(label, text) for label in others):
                yield Finding(f"the labels fit the report of row {other}", f"row {line}, column labels", path=TABLE)


def _rows(dataset: DatasetView) -> Iterator[Row]:
    texts = dict(_pairs(dataset.view(REPORTS), "report_id", "report"))
    table = dataset.view(TABLE)
    for line, (report, cell) in zip(table.rows.lines, _pairs(table, "report_id", "labels"), strict=False):
        words = read_cell(cell).items if cell not in ("", NA) else ()
        labels = frozenset(word.strip().casefold() for word in words if len(word.strip()) >= LETTERS)
        if labels and report in texts:
            yield line, labels, texts[report].casefold()


def _pairs(table: FileView, one: str, other: str) -> Iterator[tuple[str, str]]:
    return zip(table.rows.column(one), table.rows.column(other), strict=False)


def _stands_in(label: str, text: str) -> bool:
    return re.search(rf"\b{re.escape(label)}\b", text) is not None
