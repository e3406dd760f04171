"""A report as JUnit XML: one test suite for each family of checks, one test for each check.

A test fails where issues of its code are as bad as the level that fails; milder ones are its output.
"""

from collections.abc import Iterator
from itertools import groupby
from xml.sax.saxutils import escape, quoteattr

from mids.checks.outcome import Report
from mids.issues import Issue, Level
from mids.report.issue import Style, count, cut, definition_of, docs_of, family_of, groups, plain, sentence, shown_place


def write(report: Report, style: Style) -> Iterator[str]:
    """The XML document, suite by suite."""
    found = {issues[0].code: issues for issues in groups(report)}
    waived: dict[str, str] = {one.issue.code: one.reason for one in report.waived}
    codes = sorted({*style.ran, *found, *waived}, key=lambda code: (family_of(code), code))
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f"<testsuites {_counts(codes, found, waived, style)} name={quoteattr(plain(report.dataset))}>\n"
    for family, members in groupby(codes, family_of):
        suite = list(members)
        yield f"<testsuite {_counts(suite, found, waived, style)} name={quoteattr(family)}>\n"
        for code in suite:
            yield f'<testcase classname={quoteattr(f"mids.{family}")} name={quoteattr(code)} time="0">'
            yield from _outcome(code, found.get(code, []), waived.get(code, ""), style)
            yield "</testcase>\n"
        yield "</testsuite>\n"
    yield "</testsuites>\n"


def _outcome(code: str, issues: list[Issue], reason: str, style: Style) -> Iterator[str]:
    """What stands inside one test."""
    if not issues:
        if reason:
            yield f"<skipped message={quoteattr(plain('waived: ' + reason))}/>"
        return
    definition = definition_of(code)
    text = escape("\n".join(_lines(issues, style)))
    if _fails(issues, style):
        message = f"{count(len(issues), 'issue')}: {definition.what if definition else issues[0].message}"
        yield f"<failure type={quoteattr(issues[0].level)} message={quoteattr(plain(message))}>{text}</failure>"
    else:
        yield f"<system-out>{text}</system-out>"


def _lines(issues: list[Issue], style: Style) -> Iterator[str]:
    shown = cut(issues, style.shown)
    yield from (f"{issue.level} {plain(shown_place(issue))}: {plain(sentence(issue))}" for issue in shown)
    if len(issues) > len(shown):
        yield f"… and {len(issues) - len(shown):,} more"
    yield f"fix: {plain(issues[0].fix)}"
    yield f"see: {docs_of(issues[0].code)}"


def _fails(issues: list[Issue], style: Style) -> bool:
    order = list(Level)
    return bool(issues) and order.index(issues[0].level) <= order.index(style.fail_on)


def _counts(codes: list[str], found: dict[str, list[Issue]], waived: dict[str, str], style: Style) -> str:
    """The attributes that count the tests of a suite."""
    failures = sum(_fails(found.get(code, []), style) for code in codes)
    skipped = sum(code in waived and code not in found for code in codes)
    return f'tests="{len(codes)}" failures="{failures}" errors="0" skipped="{skipped}" time="0"'
