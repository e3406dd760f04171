"""A report as SARIF 2.1.0, which code hosts and editors read (OASIS standard, sarif-v2.1.0-os).

Waived issues are there as suppressed results with their reason, those known from a baseline as unchanged. What GitHub
does not take is left out and counted (`resultsLeftOut`).
"""

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote

from mids._version import __version__
from mids.issues import Issue, Level, escape_controls
from mids.report.issue import (
    Style,
    build_docs_url,
    find_definition,
    find_family,
    place,
    record,
    sentence,
)
from mids.validation.baseline import numbered
from mids.validation.outcome import Report

LEVELS = {Level.ERROR: "error", Level.WARNING: "warning", Level.INFO: "note"}
"""Section 3.27.10."""
WHOLE = "dataset_description.json"
"""Stands for the dataset where an issue is of no file: readers want a file for each result."""


def write(report: Report, style: Style) -> Iterator[str]:
    """One SARIF log with one run; every result is a line of its own."""
    every = [*report.issues, *report.known, *(waived.issue for waived in report.waived)]
    codes = sorted({issue.code for issue in every} | style.ran)
    index = {code: number for number, code in enumerate(codes)}
    driver = {"name": "mids-validate", "version": __version__, "rules": [_rule(code) for code in codes]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": not report.crashed}],
    }
    properties = {"dataset": report.dataset, **report.counts.as_dict()}
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0"}
    yield json.dumps(log)[:-1] + ', "runs": [' + json.dumps(run)[:-1] + ', "results": ['
    chosen = Limit(every)
    yield from _results(report, every, index, style, chosen)
    yield f'\n], "properties": {json.dumps({**properties, "resultsLeftOut": chosen.left_out})}}}]}}\n'


class Limit:
    """Which results fit into what GitHub takes of a run: errors first, and no more than 10 MB when compressed."""

    def __init__(self, issues: Sequence[Issue]) -> None:
        order = list(Level)
        best = sorted(range(len(issues)), key=lambda number: order.index(issues[number].level))
        self._chosen = frozenset(best[:RESULTS]) if len(issues) > RESULTS else None
        self._packed, self._bytes = zlib.compressobj(1), 0
        self.left_out = 0

    def takes(self, number: int) -> bool:
        """Whether a result is among those that are written, by its number."""
        is_taken = (self._chosen is None or number in self._chosen) and self._bytes < BYTES
        self.left_out += not is_taken
        return is_taken

    def count(self, text: str) -> str:
        """The text of a result, whose compressed size counts from now on."""
        self._bytes += len(self._packed.compress(text.encode("utf-8", "backslashreplace")))
        return text


RESULTS = 25_000
"""Results of a run that GitHub takes (GitHub docs, "SARIF support for code scanning", limits)."""
BYTES = 9_500_000
"""Compressed bytes of results; GitHub takes 10 MB of a file."""


def _results(
    report: Report, every: Sequence[Issue], index: Mapping[str, int], style: Style, chosen: Limit
) -> Iterator[str]:
    """The text of each result that fits, with what becomes of it: new, known or waived."""
    reasons = [waived.reason for waived in report.waived]
    first_known, first_waived = len(report.issues), len(report.issues) + len(report.known)
    written = 0
    for number, (issue, digest) in enumerate(numbered(every)):
        if not chosen.takes(number):
            continue
        result = _result(issue, index[issue.code], digest, style)
        if report.known:
            result["baselineState"] = "unchanged" if first_known <= number < first_waived else "new"
        if number >= first_waived:
            justification = escape_controls(reasons[number - first_waived])
            result["suppressions"] = [{"kind": "external", "justification": justification}]
        yield (",\n" if written else "\n") + chosen.count(json.dumps(result))
        written += 1


def _rule(code: str) -> dict[str, object]:
    """A reportingDescriptor (section 3.49)."""
    definition = find_definition(code)
    if definition is None:
        return {"id": code}
    return {
        "id": code,
        "name": code.title().replace("_", ""),
        "shortDescription": {"text": definition.what},
        "fullDescription": {"text": definition.why},
        "help": {"text": definition.fix, "markdown": f"{definition.why}\n\n**Fix:** {definition.fix}"},
        "defaultConfiguration": {"level": LEVELS[definition.level]},
        "properties": {"tags": [find_family(code)], "docs": build_docs_url(code)},
    }


def _result(issue: Issue, rule: int, digest: str, style: Style) -> dict[str, object]:
    """A result (section 3.27)."""
    at = place(issue.where)
    uri = quote(style.prefix + (issue.path or WHOLE), errors="surrogateescape")
    physical: dict[str, object] = {"artifactLocation": {"uri": uri}}
    if at.line:
        physical["region"] = {"startLine": at.line}
    location: dict[str, object] = {"physicalLocation": physical}
    if issue.where:
        location["logicalLocations"] = [{"fullyQualifiedName": escape_controls(at.json_path or issue.where)}]
    details = {key: value for key, value in record(issue).items() if key in DETAILS and value}
    return {
        "ruleId": issue.code,
        "ruleIndex": rule,
        "level": LEVELS[issue.level],
        "message": {"text": escape_controls(sentence(issue))},
        "locations": [location],
        "partialFingerprints": {"midsIssue/v1": digest},
        "properties": details,
    }


DETAILS = ("column", "json_path", "value", "expected", "fix", "docs")
