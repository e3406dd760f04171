"""A report as one HTML page without scripts or links to elsewhere, light or dark as the reader's system is."""

from collections.abc import Iterator
from html import escape
from pathlib import Path

from mids.issues import Level, count, escape_controls
from mids.report.issue import Group, Style, find_definition, groups, scope, totals, verdict
from mids.validation.outcome import Report

CSS = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
"""The style of every page."""


def write(report: Report, style: Style) -> Iterator[str]:
    """The page: the verdict, the codes with their numbers, then the issues of each code."""
    title = f"mids-validate: {_text(report.dataset)}"
    yield from begin(title)
    yield f"<h1>{title}</h1>\n"
    yield f'<p class="verdict"><span class="badge {worst(report)}">{verdict(report)}</span> in {scope(report)}</p>\n'
    found = list(groups(report, style.shown))
    if found:
        heads = _heads("code", "level", "issues", "what")
        yield f"<h2>Codes</h2>\n<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n"
        yield from map(_row, found)
        yield "</tbody>\n</table>\n<h2>Issues</h2>\n"
    for group in found:
        yield from _section(group)
    yield END


def begin(title: str) -> Iterator[str]:
    """The start of a page without scripts, whose `title` is HTML already."""
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield f'<title>{title}</title>\n<style>{CSS}</style>\n</head>\n<body>\n<main class="text">\n'


END = "</main>\n</body>\n</html>\n"
"""The end of such a page."""


def worst(report: Report) -> str:
    """The worst level of a report that is worth a look, else "good"."""
    found = totals(report)
    return next((str(level) for level in (Level.ERROR, Level.WARNING) if found[level]), "good")


def _row(group: Group) -> str:
    """The line of a code in the table at the top."""
    code, level, definition = _text(group.code), group.level, find_definition(group.code)
    what = _text(definition.what if definition else "")
    link, number = f'<a href="#{code}">{code}</a>', f"{group.number:,}"
    return f'<tr><td>{link}</td><td class="{level}">{level}</td><td class="number">{number}</td><td>{what}</td></tr>\n'


def _section(group: Group) -> Iterator[str]:
    """The issues of one code, some of them."""
    code, definition = _text(group.code), find_definition(group.code)
    level = f'<span class="level {group.level}">{group.level}</span>'
    yield f'<details id="{code}" class="issue" open>\n<summary>{level} {code}: '
    yield f"{count(group.number, 'issue')}</summary>\n"
    if definition:
        yield f"<p>{_text(definition.what)} {_text(definition.why)}</p>\n"
    yield f'<p><strong>Fix:</strong> {_text(group.fix)}</p>\n<div class="wide">\n<table>\n<thead><tr>'
    yield _heads("path", "where", "message", "found", "expected") + "</tr></thead>\n<tbody>\n"
    for issue in group.shown:
        cells = issue.path or "the dataset", issue.where, issue.message, issue.value, issue.expected
        yield "<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in cells) + "</tr>\n"
    yield "</tbody>\n</table>\n</div>\n"
    if group.more:
        yield f"<p>… and {group.more:,} more</p>\n"
    yield "</details>\n"


def _heads(*words: str) -> str:
    return "".join(f'<th scope="col">{word}</th>' for word in words)


def _text(text: str) -> str:
    return escape(escape_controls(text))
