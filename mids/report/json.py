"""A report as JSON for programs; the keys are stable."""

import json
from dataclasses import asdict

from mids.checks.outcome import Report

VERSION = 1
"""Goes up when a key changes its meaning or disappears."""


def render(report: Report) -> str:
    """The report as one JSON object: version, dataset, crashed, counts, levels, issues."""
    levels = {
        "error": len(report.errors),
        "warning": len(report.warnings),
        "info": len(report) - len(report.errors) - len(report.warnings),
    }
    content = {
        "version": VERSION,
        "dataset": report.dataset,
        "crashed": report.crashed,
        "counts": report.counts.as_dict(),
        "levels": levels,
        "issues": [asdict(issue) for issue in report.issues],
    }
    return json.dumps(content, ensure_ascii=False, indent=1)
