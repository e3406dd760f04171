"""A report as JUnit XML: one test suite for each family of checks, one test for each check.

A test fails where issues of its code are as bad as the level that fails; milder ones are its output.
"""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import groupby

from mids.issues import Level, count, escape_controls
from mids.report.issue import (
    Group,
    Style,
    build_docs_url,
    find_definition,
    find_family,
    format_place,
    groups,
    sentence,
)
from mids.validation.outcome import Report


def write(report: Report, style: Style) -> Iterator[str]:
    """The XML document, suite by suite."""
    found = {group.code: group for group in groups(report, style.shown)}
    waived = {one.issue.code: one.reason for one in report.waived}
    codes = sorted({*style.ran, *found, *waived}, key=lambda code: (find_family(code), code))
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f"<testsuites {_counts(codes, found, waived, style)} name={_quoted(escape_controls(report.dataset))}>\n"
    for family, members in groupby(codes, find_family):
        suite = list(members)
        yield f"<testsuite {_counts(suite, found, waived, style)} name={_quoted(family)}>\n"
        for code in suite:
            yield f'<testcase classname={_quoted(f"mids.{family}")} name={_quoted(code)} time="0">'
            if code in found:
                yield _outcome(found[code], style)
            elif code in waived:
                yield f"<skipped message={_quoted(escape_controls('waived: ' + waived[code]))}/>"
            yield "</testcase>\n"
        yield "</testsuite>\n"
    yield "</testsuites>\n"


def _outcome(group: Group, style: Style) -> str:
    """What stands inside the test of a check that found something."""
    definition = find_definition(group.code)
    text = escape("\n".join(_lines(group)), quote=False)
    if not _fails(group, style):
        return f"<system-out>{text}</system-out>"
    message = f"{count(group.number, 'issue')}: {definition.what if definition else group.shown[0].message}"
    return f"<failure type={_quoted(group.level)} message={_quoted(escape_controls(message))}>{text}</failure>"


def _lines(group: Group) -> Iterator[str]:
    yield from (
        f"{issue.level} {escape_controls(format_place(issue))}: {escape_controls(sentence(issue))}"
        for issue in group.shown
    )
    if group.more:
        yield f"… and {group.more:,} more"
    yield f"fix: {escape_controls(group.fix)}"
    yield f"see: {build_docs_url(group.code)}"


def _fails(group: Group, style: Style) -> bool:
    order = list(Level)
    return order.index(group.level) <= order.index(style.fail_on)


def _quoted(value: str) -> str:
    """An attribute's value; what XML calls special is special in HTML too, and `xml.sax` would load much more."""
    return f'"{escape(value)}"'


def _counts(codes: Sequence[str], found: Mapping[str, Group], waived: Mapping[str, str], style: Style) -> str:
    """The attributes that count the tests of a suite."""
    failures = sum(code in found and _fails(found[code], style) for code in codes)
    skipped = sum(code in waived and code not in found for code in codes)
    return f'tests="{len(codes)}" failures="{failures}" errors="0" skipped="{skipped}" time="0"'
