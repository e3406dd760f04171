"""A report as text for a terminal: grouped by code, the worst first."""

from collections.abc import Iterator

from mids.issues import Definition, Level, escape_controls
from mids.report.issue import (
    Group,
    Style,
    build_docs_url,
    find_definition,
    format_place,
    groups,
    scope,
    sentence,
    totals,
    verdict,
)  # fmt: skip
from mids.validation.outcome import Report

COLOURS = {Level.ERROR: "31", Level.WARNING: "33", Level.INFO: "36"}


def write(report: Report, style: Style) -> Iterator[str]:
    """The issues with their places, some of each code, and a last line that sums up."""
    order = list(Level)
    for group in groups(report, style.shown):
        if order.index(group.level) <= order.index(style.least):
            yield from (line + "\n" for line in _lines(group, style))
    yield summary(report, colour=style.colour) + "\n"


def render(report: Report, *, colour: bool = False, max_per_code: int = 20) -> str:
    """The same as one text, at most `max_per_code` issues of each code."""
    return "".join(write(report, Style(colour=colour, shown=max_per_code))).rstrip("\n")


def _lines(group: Group, style: Style) -> Iterator[str]:
    """The lines of one code."""
    times = f" ({group.number:,} times)" if group.number > 1 else ""
    yield _paint(f"{group.level}: {group.code}{times}", COLOURS[group.level], colour=style.colour)
    for issue in group.shown:
        yield f"  {escape_controls(format_place(issue))}: {escape_controls(sentence(issue))}"
    if group.more:
        yield f"  … and {group.more:,} more"
    definition = find_definition(group.code)
    if style.reasons and definition:
        yield f"  why: {definition.why}"
        yield f"  see: {build_docs_url(group.code)}"
    yield f"  fix: {escape_controls(group.fix)}"
    yield ""


def summary(report: Report, *, colour: bool = False) -> str:
    """One line: how many errors and warnings in how many files."""
    number = totals(report)
    worst = next((level for level in (Level.ERROR, Level.WARNING) if number[level]), None)
    return f"{_paint(verdict(report), COLOURS[worst] if worst else '32', colour=colour)} in {scope(report)}"


def explain(definition: Definition) -> str:
    """What a code means, why it matters and how to repair it."""
    head = f"{definition.code} ({definition.level})"
    return f"{head}\n\n{definition.what}\n\nWhy: {definition.why}\n\nFix: {definition.fix}"


def _paint(text: str, code: str, *, colour: bool) -> str:
    return f"\x1b[1;{code}m{text}\x1b[0m" if colour else text
