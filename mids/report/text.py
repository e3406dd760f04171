"""A report as text for a terminal: grouped by code, the worst first."""

from collections.abc import Iterator, Sequence

from mids.checks.outcome import Report
from mids.issues import Definition, Issue, Level

COLOURS = {Level.ERROR: "31", Level.WARNING: "33", Level.INFO: "36"}


def render(report: Report, *, colour: bool = False, max_per_code: int = 20) -> str:
    """The issues with their places, at most `max_per_code` of each code, and a last line that sums up."""
    groups: dict[str, list[Issue]] = {}
    for issue in report.issues:
        groups.setdefault(issue.code, []).append(issue)
    order = list(Level)
    ranked = sorted(groups.values(), key=lambda issues: (order.index(issues[0].level), issues[0].code))
    lines = [line for issues in ranked for line in _group(issues, max_per_code, colour=colour)]
    return "\n".join([*lines, summary(report, colour=colour)])


def _group(issues: Sequence[Issue], limit: int, *, colour: bool) -> Iterator[str]:
    """The lines of one code."""
    first = issues[0]
    times = f" ({len(issues)} times)" if len(issues) > 1 else ""
    yield _paint(f"{first.level}: {first.code}{times}", COLOURS[first.level], colour=colour)
    for issue in issues[:limit]:
        place = ", ".join(part for part in (issue.path or "the dataset", issue.where) if part)
        yield f"  {_plain(place)}: {_plain(issue.message)}{_details(issue)}"
    if len(issues) > limit:
        yield f"  … and {len(issues) - limit} more"
    yield f"  fix: {first.fix}"
    yield ""


def _details(issue: Issue) -> str:
    found = f" found {_plain(issue.value)}" if issue.value else ""
    expected = f" expected {_plain(issue.expected)}" if issue.expected else ""
    return f";{found}{',' if found and expected else ''}{expected}" if found or expected else ""


def summary(report: Report, *, colour: bool = False) -> str:
    """One line: how many errors and warnings in how many files."""
    errors, warnings = len(report.errors), len(report.warnings)
    infos = len(report) - errors - warnings
    counts = report.counts
    verdict = f"{_count(errors, 'error')}, {_count(warnings, 'warning')}, {_count(infos, 'note')}"
    code = COLOURS[Level.ERROR] if errors else COLOURS[Level.WARNING] if warnings else "32"
    numbers = (counts.files, "file"), (counts.images, "image"), (counts.subjects, "subject")
    size = ", ".join(_count(number, word) for number, word in numbers)
    ignored = f"; {counts.ignored} ignored" if counts.ignored else ""
    crashed = "; a check crashed" if report.crashed else ""
    return f"{_paint(verdict, code, colour=colour)} in {size}{ignored}{crashed}"


def explain(definition: Definition) -> str:
    """What a code means, why it matters and how to mend it."""
    head = f"{definition.code} ({definition.level})"
    return f"{head}\n\n{definition.what}\n\nWhy: {definition.why}\n\nFix: {definition.fix}"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _plain(text: str) -> str:
    """Text without control characters: a file name must not steer a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _paint(text: str, code: str, *, colour: bool) -> str:
    return f"\x1b[1;{code}m{text}\x1b[0m" if colour else text
