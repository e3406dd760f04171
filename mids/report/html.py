"""A report as one HTML page without scripts or links to elsewhere, light or dark as the reader's system is."""

from collections.abc import Iterator
from html import escape

from mids.issues import count, escape_controls
from mids.report.issue import Group, Style, find_definition, groups, scope, totals, verdict
from mids.validation.outcome import Report

CSS = """
:root { color-scheme: light dark; --line: #d0d0d0; --soft: #f4f4f4 }
:root { --error: #b00020; --warning: #8a5a00; --info: #0b5f7d }
@media (prefers-color-scheme: dark) {
  :root { --line: #444; --soft: #222; --error: #ff8a95; --warning: #f0b95a; --info: #7fc8e8 }
}
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: left; vertical-align: top }
td { overflow-wrap: anywhere }
td.number { text-align: right; font-variant-numeric: tabular-nums }
summary { cursor: pointer; padding: .4rem .6rem; background: var(--soft); font-weight: 600 }
details { margin: 1rem 0; border: 1px solid var(--line) }
details > :not(summary) { margin: .6rem }
.error { color: var(--error) } .warning { color: var(--warning) } .info { color: var(--info) }
"""


def write(report: Report, style: Style) -> Iterator[str]:
    """The page: the verdict, the codes with their numbers, then the issues of each code."""
    title = f"mids-validate: {_text(report.dataset)}"
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield f"<title>{title}</title>\n<style>{CSS}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n"
    worst = next((level for level, number in totals(report).items() if number), "info")
    yield f'<p><strong class="{worst}">{verdict(report)}</strong> in {scope(report)}</p>\n'
    found = list(groups(report, style.shown))
    if found:
        yield "<table>\n<thead><tr>" + _heads("code", "level", "issues", "what") + "</tr></thead>\n<tbody>\n"
        yield from map(_row, found)
        yield "</tbody>\n</table>\n"
    for group in found:
        yield from _section(group)
    yield "</main>\n</body>\n</html>\n"


def _row(group: Group) -> str:
    """The line of a code in the table at the top."""
    code, level, definition = _text(group.code), group.level, find_definition(group.code)
    what = _text(definition.what if definition else "")
    link, number = f'<a href="#{code}">{code}</a>', f"{group.number:,}"
    return f'<tr><td>{link}</td><td class="{level}">{level}</td><td class="number">{number}</td><td>{what}</td></tr>\n'


def _section(group: Group) -> Iterator[str]:
    """The issues of one code, some of them."""
    code, definition = _text(group.code), find_definition(group.code)
    yield f'<details id="{code}" open>\n<summary><span class="{group.level}">{group.level}</span> {code}: '
    yield f"{count(group.number, 'issue')}</summary>\n"
    if definition:
        yield f"<p>{_text(definition.what)} {_text(definition.why)}</p>\n"
    yield f"<p><strong>Fix:</strong> {_text(group.fix)}</p>\n<table>\n<thead><tr>"
    yield _heads("path", "where", "message", "found", "expected") + "</tr></thead>\n<tbody>\n"
    for issue in group.shown:
        cells = issue.path or "the dataset", issue.where, issue.message, issue.value, issue.expected
        yield "<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in cells) + "</tr>\n"
    yield "</tbody>\n</table>\n"
    if group.more:
        yield f"<p>… and {group.more:,} more</p>\n"
    yield "</details>\n"


def _heads(*words: str) -> str:
    return "".join(f'<th scope="col">{word}</th>' for word in words)


def _text(text: str) -> str:
    return escape(escape_controls(text))
