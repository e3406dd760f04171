"""A report for code hosts: annotations of GitHub (workflow commands) and code quality of GitLab (JSON)."""

import json
from collections.abc import Iterator

from mids.issues import Issue, Level, escape_controls
from mids.report.issue import Style, groups, place, scope, sentence, verdict
from mids.report.sarif import WHOLE
from mids.validation.baseline import numbered
from mids.validation.outcome import Report

GITHUB = {Level.ERROR: "error", Level.WARNING: "warning", Level.INFO: "notice"}
GITLAB = {Level.ERROR: "major", Level.WARNING: "minor", Level.INFO: "info"}


def write_github(report: Report, style: Style) -> Iterator[str]:
    """One workflow command for each issue, some of each code, and one that sums up.

    GitHub shows ten errors and ten warnings of a step, so the worst come first.
    """
    for group in groups(report, style.shown):
        yield from (_command(issue, style) for issue in group.shown)
        if group.more:
            yield f"::notice title={group.code}::… and {group.more:,} more\n"
    yield f"::notice title=mids-validate::{_data(f'{verdict(report)} in {scope(report)}')}\n"


def _command(issue: Issue, style: Style) -> str:
    line = place(issue.where).line
    parts = {
        "file": style.prefix + (issue.path or WHOLE),
        "line": str(line) if line else "",
        "title": issue.code,
    }
    where = f"{issue.where}: " if issue.where else ""
    properties = ",".join(f"{key}={_property(value)}" for key, value in parts.items() if value)
    return f"::{GITHUB[issue.level]} {properties}::{_data(f'{where}{sentence(issue)} → {issue.fix}')}\n"


def _data(text: str) -> str:
    """Text as workflow commands escape it; control characters are shown first."""
    return escape_controls(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def write_gitlab(report: Report, style: Style) -> Iterator[str]:
    """A code quality report: a JSON list with description, check name, fingerprint, severity and location."""
    yield "["
    for number, (issue, digest) in enumerate(numbered(report.issues)):
        where = f"{issue.where}: " if issue.where else ""
        entry = {
            "description": escape_controls(f"{where}{sentence(issue)}"),
            "check_name": issue.code,
            "fingerprint": digest,
            "severity": GITLAB[issue.level],
            "location": {
                "path": style.prefix + (issue.path or WHOLE),
                "lines": {"begin": place(issue.where).line or 1},
            },
        }
        yield (",\n" if number else "\n") + json.dumps(entry)
    yield "\n]\n"
