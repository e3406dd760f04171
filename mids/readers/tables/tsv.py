"""Tab-separated tables: every value a string, every line counted, nothing guessed.

BIDS tables know no quotes: a quotation mark is a character like any other.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mids.errors import DataError

Fault = Literal["encoding", "byte order mark", "line ends", "separator", "ragged", "blank line"]

NA = "n/a"
"""How BIDS and MIDS write a missing value."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with the text of a table, at a line (the header is line 1; 0 is the whole file)."""

    kind: Fault
    message: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Rows:
    """A table: `header`, and `rows` that are each as wide as it; `lines` are the rows' line numbers."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    problems: tuple[Problem, ...] = ()

    def column(self, name: str) -> tuple[str, ...]:
        """The values of the first column called `name`; empty where there is none."""
        if name not in self.header:
            return ()
        at = self.header.index(name)
        return tuple(row[at] for row in self.rows)


def read(path: Path) -> Rows:
    """The table in `path`; what is wrong with its text is in `problems`, ragged rows are left out.

    Never raises for content. Raises `OSError` where the file can't be read.
    """
    return parse(path.read_bytes())


def read_strict(path: Path) -> Rows:
    """The table in `path`. Raises `DataError` (TABLE_INVALID) for the first thing wrong with its text."""
    rows = read(path)
    for problem in rows.problems:
        place = f"line {problem.line}: " if problem.line else ""
        raise DataError("TABLE_INVALID", f"{place}{problem.message}")
    return rows


def parse(data: bytes) -> Rows:
    """The table whose file holds `data` (see `read`)."""
    text, problems = _decode(data)
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    separators = _separators(lines)
    header = tuple(lines[0].split(separators[0])) if lines else ()
    width = len(header)
    if separators != ("\t", "\t"):
        problems.append(Problem("separator", "the cells are not separated by tabs", 1))
    rows, numbers = [], []
    for number, line in enumerate(lines[1:], start=2):
        row = tuple(line.split(separators[1]))
        if len(row) == width and (line or width > 1):
            rows.append(row)
            numbers.append(number)
        elif not line.strip():
            problems.append(Problem("blank line", "the line is blank", number))
        else:
            problems.append(Problem("ragged", f"the row has {len(row)} cells, the header {width}", number))
    return Rows(header, tuple(rows), tuple(numbers), tuple(problems))


def _separators(lines: list[str]) -> tuple[str | None, str]:
    """What separates the cells of the header (None: blanks), and those of the rows; tabs where nothing else does.

    A table without a tab in its header is one of one column, unless another separator gives all rows its width.
    """
    if not lines or "\t" in lines[0]:
        return "\t", "\t"
    rows = [line for line in lines[1:] if line.strip()]
    for separator in (",", ";"):
        width = lines[0].count(separator)
        if width and rows and all(line.count(separator) == width and "\t" not in line for line in rows):
            return separator, separator
    width = len(lines[0].split()) - 1
    if width and rows and all(line.count("\t") == width for line in rows):
        return None, "\t"
    return "\t", "\t"


def _decode(data: bytes) -> tuple[str, list[Problem]]:
    """The text with Unix line ends, and what was wrong with its encoding."""
    problems = []
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):  # a spreadsheet's "Unicode text"
        problems.append(Problem("encoding", "the text is UTF-16, not UTF-8"))
        return re.sub("\r\n?", "\n", data.decode("utf-16", "replace")), problems
    for order, zeros in (("le", data[1::2]), ("be", data[::2])):
        if zeros and 2 * zeros.count(0) > len(zeros):
            problems.append(Problem("encoding", "the text is UTF-16, not UTF-8"))
            return re.sub("\r\n?", "\n", data.decode(f"utf-16-{order}", "replace")), problems
    if data.startswith(b"\xef\xbb\xbf"):
        problems.append(Problem("byte order mark", "the file begins with a byte order mark"))
        data = data[3:]
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problems.append(Problem("encoding", "the text is not UTF-8", line))
        text = data.decode("latin-1")
    if "\r" in text:
        problems.append(Problem("line ends", "lines end with a carriage return"))
        text = re.sub("\r\n?", "\n", text)
    return text, problems
