"""A page of headings, paragraphs, lists and tables, written as text, Markdown or HTML without links to elsewhere."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from textwrap import fill
from typing import TypeAlias

from mids.issues import escape_controls
from mids.report.html import END, begin


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 1 is the page's title."""

    text: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph; `strong` stands out in front of it."""

    text: str
    strong: str = ""


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts; columns whose cells all begin with a digit are set to the right."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def is_number(self, column: int) -> bool:
        """Whether a column holds figures."""
        return all(re.match(r"[\d-]", row[column]) for row in self.rows)


WIDTH = 100
"""Characters of a line of text, tables apart."""

Block: TypeAlias = "Heading | Paragraph | Items | Table"


# --- text ------------------------------------------------------------------------------------------------


def text(blocks: Iterable[Block]) -> Iterator[str]:
    """The page for a terminal."""
    for block in blocks:
        if isinstance(block, Heading):
            line = escape_controls(block.text)
            yield f"\n{line}\n{'=-'[block.level > 1] * len(line)}\n" if block.level < 3 else f"\n{line}\n"
        elif isinstance(block, Paragraph):
            yield (
                fill(
                    f"{escape_controls(block.strong)}{': ' if block.strong else ''}{escape_controls(block.text)}", WIDTH
                )
                + "\n"
            )
        elif isinstance(block, Items):
            items = (
                fill(escape_controls(item), WIDTH, initial_indent="  - ", subsequent_indent="    ")
                for item in block.texts
            )
            yield from (f"{item}\n" for item in items)
        else:
            yield from _columns(block)


def _columns(table: Table) -> Iterator[str]:
    rows = [tuple(map(escape_controls, row)) for row in (table.header, *table.rows)]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    right = [table.is_number(number) for number in range(len(widths))]
    for row in rows:
        cells = zip(row, widths, right, strict=True)
        yield "  " + "  ".join(c.rjust(w) if is_right else c.ljust(w) for c, w, is_right in cells).rstrip() + "\n"


# --- Markdown --------------------------------------------------------------------------------------------


def markdown(blocks: Iterable[Block]) -> Iterator[str]:
    """The page as Markdown."""
    between = ""
    for block in blocks:
        yield between
        between = "\n"
        if isinstance(block, Heading):
            yield f"{'#' * block.level} {_escape_markdown(block.text)}\n"
        elif isinstance(block, Paragraph):
            strong = f"**{_escape_markdown(block.strong)}:** " if block.strong else ""
            yield f"{strong}{_escape_markdown(block.text)}\n"
        elif isinstance(block, Items):
            yield from (f"- {_escape_markdown(item)}\n" for item in block.texts)
        else:
            marks = ["---:" if block.is_number(number) else "---" for number in range(len(block.header))]
            yield _join_cells(map(_escape_markdown, block.header)) + _join_cells(marks)
            yield from (_join_cells(map(_escape_markdown, row)) for row in block.rows)


def _join_cells(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |\n"


def _escape_markdown(words: str) -> str:
    """Text that Markdown shows as it is: a value of a table must make no link, mention or HTML."""
    return "".join(f"&#{ord(c)};" if c in "\\`*_[]<>#|~@&$" else c for c in escape_controls(words))


# --- HTML ------------------------------------------------------------------------------------------------


def html(blocks: Sequence[Block]) -> Iterator[str]:
    """The page as one HTML file without scripts or anything from elsewhere."""
    title = next(_escape_text(block.text) for block in blocks if isinstance(block, Heading))
    yield from begin(title)
    for block in blocks:
        yield from _html(block)
    yield END


def _html(block: Block) -> Iterator[str]:
    if isinstance(block, Heading):
        yield f"<h{block.level}>{_escape_text(block.text)}</h{block.level}>\n"
    elif isinstance(block, Paragraph):
        strong = f"<strong>{_escape_text(block.strong)}:</strong> " if block.strong else ""
        yield f"<p>{strong}{_escape_text(block.text)}</p>\n"
    elif isinstance(block, Items):
        yield "<ul>\n" + "".join(f"<li>{_escape_text(item)}</li>\n" for item in block.texts) + "</ul>\n"
    else:
        kinds = [' class="number"' if block.is_number(number) else "" for number in range(len(block.header))]
        words = zip(kinds, block.header, strict=True)
        heads = "".join(f'<th scope="col"{kind}>{_escape_text(word)}</th>' for kind, word in words)
        yield f'<div class="wide">\n<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n'
        for row in block.rows:
            cells = (f"<td{kind}>{_escape_text(cell)}</td>" for kind, cell in zip(kinds, row, strict=True))
            yield f"<tr>{''.join(cells)}</tr>\n"
        yield "</tbody>\n</table>\n</div>\n"


def _escape_text(words: str) -> str:
    return escape(escape_controls(words))


WRITERS: Mapping[str, Callable[[Sequence[Block]], Iterator[str]]] = {"text": text, "markdown": markdown, "html": html}
"""The forms of a page by their names."""
