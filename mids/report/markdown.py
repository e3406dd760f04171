"""A report as Markdown: a table of codes, then some issues of each, for a summary of a job or a comment."""

from collections.abc import Iterator

from mids.checks.outcome import Report
from mids.issues import Issue
from mids.report.issue import Style, cut, definition_of, groups, plain, scope, sentence, shown_place, verdict


def write(report: Report, style: Style) -> Iterator[str]:
    """The document: the verdict, the codes with their numbers, and folded lists of issues."""
    yield f"## mids-validate: {_text(report.dataset)}\n\n**{verdict(report)}** in {scope(report)}\n"
    found = groups(report)
    if found:
        yield "\n| code | level | issues | what | fix |\n| --- | --- | ---: | --- | --- |\n"
    for issues in found:
        definition, first = definition_of(issues[0].code), issues[0]
        cells = first.code, first.level, f"{len(issues):,}", definition.what if definition else "", first.fix
        yield "| " + " | ".join((f"`{cells[0]}`", *map(_text, cells[1:]))) + " |\n"
    for issues in found:
        yield from _group(issues, style)


def _group(issues: list[Issue], style: Style) -> Iterator[str]:
    shown = cut(issues, style.shown)
    yield f"\n<details><summary>{issues[0].code} ({len(issues):,})</summary>\n\n"
    yield from (f"- {_text(shown_place(issue))}: {_text(sentence(issue))}\n" for issue in shown)
    if len(issues) > len(shown):
        yield f"- … and {len(issues) - len(shown):,} more\n"
    yield "\n</details>\n"


def _text(text: str) -> str:
    """Text that Markdown shows as it is: a name of a file must make no table, link, mention or HTML."""
    return "".join(f"&#{ord(c)};" if c in "\\`*_[]<>#|~@&$" else c for c in plain(text))
