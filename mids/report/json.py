"""A report as JSON for programs; the keys are stable."""

import json
from collections.abc import Iterator

from mids.issues import Issue
from mids.report.issue import Style, record, totals
from mids.validation.outcome import Report

VERSION = 1
"""Goes up when a key changes its meaning or disappears."""


def write(report: Report, style: Style) -> Iterator[str]:
    """One JSON object: version, dataset, crashed, counts, levels, issues; every issue is a line of its own."""
    yield json.dumps(head(report), ensure_ascii=False, indent=1)[:-2] + ',\n "issues": ['
    for number, issue in enumerate(report.issues):
        yield (",\n  " if number else "\n  ") + _line(record(issue))
    yield "\n ]\n}\n"


def line(issue: Issue) -> str:
    """One issue as a line of JSON lines."""
    return _line(record(issue)) + "\n"


def last_line(report: Report) -> str:
    """The line that ends JSON lines and sums up; it has no `code`. Without it the file is cut."""
    return _line(head(report)) + "\n"


def write_lines(report: Report, style: Style) -> Iterator[str]:
    """JSON lines: one object for each issue, then one that sums up."""
    yield from map(line, report.issues)
    yield last_line(report)


def render(report: Report) -> str:
    """The report as one JSON object in one text."""
    return "".join(write(report, Style())).rstrip("\n")


def head(report: Report) -> dict[str, object]:
    """Everything but the issues; `counts` says how many were waived or known from a baseline."""
    return {
        "version": VERSION,
        "dataset": report.dataset,
        "crashed": report.crashed,
        "counts": {**report.counts.as_dict(), "waived": report.number_waived, "known": report.number_known},
        "levels": {str(level): number for level, number in totals(report).items()},
    }


def _line(content: dict[str, object] | dict[str, str | int | None]) -> str:
    # A name that is not UTF-8 is escaped: it could not be written.
    text = json.dumps(content, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(content)
