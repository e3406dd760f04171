"""A report as text for a terminal: grouped by code, the worst first."""

from collections.abc import Iterator

from mids.checks.outcome import Report
from mids.issues import Definition, Issue, Level
from mids.report.issue import (
    Style,
    cut,
    definition_of,
    docs_of,
    groups,
    plain,
    scope,
    sentence,
    shown_place,
    totals,
    verdict,
)  # fmt: skip

COLOURS = {Level.ERROR: "31", Level.WARNING: "33", Level.INFO: "36"}


def write(report: Report, style: Style) -> Iterator[str]:
    """The issues with their places, some of each code, and a last line that sums up."""
    order = list(Level)
    for issues in groups(report):
        if order.index(issues[0].level) <= order.index(style.least):
            yield from (line + "\n" for line in _group(issues, style))
    yield summary(report, colour=style.colour) + "\n"


def render(report: Report, *, colour: bool = False, max_per_code: int = 20) -> str:
    """The same as one text, at most `max_per_code` issues of each code."""
    return "".join(write(report, Style(colour=colour, shown=max_per_code))).rstrip("\n")


def _group(issues: list[Issue], style: Style) -> Iterator[str]:
    """The lines of one code."""
    first = issues[0]
    times = f" ({len(issues):,} times)" if len(issues) > 1 else ""
    yield _paint(f"{first.level}: {first.code}{times}", COLOURS[first.level], colour=style.colour)
    shown = cut(issues, style.shown)
    for issue in shown:
        yield f"  {plain(shown_place(issue))}: {plain(sentence(issue))}"
    if len(issues) > len(shown):
        yield f"  … and {len(issues) - len(shown):,} more"
    definition = definition_of(first.code)
    if style.reasons and definition:
        yield f"  why: {definition.why}"
        yield f"  see: {docs_of(first.code)}"
    yield f"  fix: {plain(first.fix)}"
    yield ""


def summary(report: Report, *, colour: bool = False) -> str:
    """One line: how many errors and warnings in how many files."""
    number = totals(report)
    worst = next((level for level in (Level.ERROR, Level.WARNING) if number[level]), None)
    return f"{_paint(verdict(report), COLOURS[worst] if worst else '32', colour=colour)} in {scope(report)}"


def explain(definition: Definition) -> str:
    """What a code means, why it matters and how to mend it."""
    head = f"{definition.code} ({definition.level})"
    return f"{head}\n\n{definition.what}\n\nWhy: {definition.why}\n\nFix: {definition.fix}"


def _paint(text: str, code: str, *, colour: bool) -> str:
    return f"\x1b[1;{code}m{text}\x1b[0m" if colour else text
