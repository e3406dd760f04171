"""A report as Markdown: a table of codes, then some issues of each, for a summary of a job or a comment."""

from collections.abc import Iterator

from mids.issues import escape_controls
from mids.report.issue import Style, find_definition, format_place, groups, scope, sentence, verdict
from mids.validation.outcome import Report


def write(report: Report, style: Style) -> Iterator[str]:
    """The document: the verdict, the codes with their numbers, and folded lists of issues."""
    yield f"## mids-validate: {_text(report.dataset)}\n\n**{verdict(report)}** in {scope(report)}\n"
    found = list(groups(report, style.shown))
    if found:
        yield "\n| code | level | issues | what | fix |\n| --- | --- | ---: | --- | --- |\n"
    for group in found:
        definition = find_definition(group.code)
        cells = group.level, f"{group.number:,}", definition.what if definition else "", group.fix
        yield "| " + " | ".join((f"`{group.code}`", *map(_text, cells))) + " |\n"
    for group in found:
        yield f"\n<details><summary>{group.code} ({group.number:,})</summary>\n\n"
        yield from (f"- {_text(format_place(issue))}: {_text(sentence(issue))}\n" for issue in group.shown)
        if group.more:
            yield f"- … and {group.more:,} more\n"
        yield "\n</details>\n"


def _text(text: str) -> str:
    """Text that Markdown shows as it is: a name of a file must make no table, link, mention or HTML."""
    return "".join(f"&#{ord(c)};" if c in "\\`*_[]<>#|~@&$" else c for c in escape_controls(text))
