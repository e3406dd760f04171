"""CSV and TSV tables as publishers write them: tolerant of encodings, quotes and headers, with every row told of.

Names of columns are compared without case and outer blanks, for they change so from version to version of one table;
values stay the strings they are. (`mids.readers.tables.tsv` reads BIDS's tables, which know no quotes.)
"""

import csv
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from io import StringIO
from pathlib import Path

from mids.errors import MidsError
from mids.issues import Issue, issue
from mids.readers.archives.files import open_source
from mids.records import Source

DELIMITERS = (",", "\t", ";", "|")
_NAMELESS = re.compile(r"column \d+")


@dataclass(frozen=True, slots=True)
class Table:
    """A source table: `header` (names in lower case) and `rows` by these names, in the order of the file.

    `lines` are the rows' first lines in the file, from 1; `issues` say what was wrong with its text, and which rows
    were left out. `path` is the file's name in issues.
    """

    path: str
    header: tuple[str, ...]
    rows: tuple[dict[str, str], ...]
    lines: tuple[int, ...]
    issues: tuple[Issue, ...] = ()

    def numbered(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Each row with its line in the file."""
        return zip(self.lines, self.rows, strict=True)

    def where(self, line: int, column: str = "") -> str:
        """A row's place as issues state it."""
        return f"row {line}, column {column}" if column else f"row {line}"


def read_csv(root: Path, source: Source | str, *, comment: str = "") -> Table:
    """The table in a file (or archive member) below `root`; the delimiter is the one that its header has most of.

    Lines before the header that begin with `comment` are left out, and rows of empty cells. A row with another number
    of cells than the header is an Issue and left out; so is what is no text at all. Raises `DataError`
    ``SOURCE_UNREADABLE`` where the file can't be opened.
    """
    place = Source(source) if isinstance(source, str) else source
    with open_source(root, place) as stream:
        return parse_csv(stream.read(), place.name, comment=comment)


def parse_csv(data: bytes, path: str, *, comment: str = "") -> Table:
    """The table whose file holds `data`; `path` is its name in issues (see `read_csv`)."""
    text, issues = _decoded(data, path)
    leading = 0
    lines = text.split("\n")
    while leading < len(lines) and (not lines[leading].strip() or (comment and lines[leading].startswith(comment))):
        leading += 1
    if leading == len(lines):
        issues.append(issue("TABLE_INVALID", "the table is empty", path, origin="read"))
        return Table(path, (), (), (), tuple(issues))
    delimiter = max(DELIMITERS, key=lines[leading].count)
    body = "\n".join(lines[leading:])
    issues += _quoting(body, delimiter, path, leading)
    records = _records(body, delimiter, leading)
    _, cells = next(records)
    header, problems = _header(cells, path, leading + 1)
    issues += problems
    rows: list[dict[str, str]] = []
    numbers: list[int] = []
    for line, row in records:
        if not any(cell.strip() for cell in row):
            continue
        filled = row[: len(header)] if not any(cell.strip() for cell in row[len(header) :]) else row
        if len(filled) == len(header):
            rows.append(dict(zip(header, filled, strict=True)))
            numbers.append(line)
        else:
            message = f"the row has {len(row)} cells, the header {len(header)}"
            issues.append(issue("ROW_INVALID", message, path, where=f"row {line}", origin="read"))
    return Table(path, tuple(header), tuple(rows), tuple(numbers), tuple(issues))


def check_columns(table: Table, known: Collection[str], required: Collection[str] = (), *, called: str = "") -> Table:
    """The table with its `known` columns (names in lower case), and an Issue for each other column.

    A column that has neither a name nor a value is left out without one: separators at the ends of lines make it.
    The values of the others are left where they are: nobody has said what they are, so they may name people. Raises
    `MidsError` for the first required column that is absent, with the nearest name; the table is `called` so there,
    where its path may name somebody.
    """
    lacking = [name for name in required if name not in table.header]
    unknown = [name for name in table.header if name not in known]
    if lacking:
        others = _other_names(table, known, lacking[0], is_private=bool(called))
        raise MidsError(f"{called or table.path} lacks the column {lacking[0]!r}; {others}")
    if not unknown:
        return table
    return replace(
        table,
        header=tuple(name for name in table.header if name in known),
        rows=tuple({name: row[name] for name in row if name in known} for row in table.rows),
        issues=(
            *table.issues,
            *(_report_unknown(table, name, known) for name in unknown if _says_something(table, name)),
        ),
    )


def _other_names(table: Table, known: Collection[str], lacking: str, *, is_private: bool) -> str:
    """What the header has instead of a column.

    Nothing of a line without any known name that may be no header but a patient's row, nor of one that is no text.
    """
    near = get_close_matches(lacking, [name for name in table.header if name not in known], 1, 0.5)
    is_text = all(name.isprintable() for name in table.header)
    is_unknown = table.header and not {*table.header} & {*known}
    if is_unknown and (is_private or not is_text or not near):
        return "no name in its first line is known: is that line a header?"
    return f"{near[0]!r} is like it" if near else f"it has {', '.join(table.header[:8]) or 'none'}"


def _says_something(table: Table, name: str) -> bool:
    return not _NAMELESS.fullmatch(name) or any(row[name].strip() for row in table.rows)


def _report_unknown(table: Table, name: str, known: Collection[str]) -> Issue:
    if _NAMELESS.fullmatch(name):
        message, near = f"{name} has no name", []
    else:
        message, near = f"the column {name!r} is in no known version", get_close_matches(name, known, 1, 0.5)
    hint = f": did you mean {near[0]!r}?" if near else ""
    return issue("COLUMN_UNREAD", f"{message}{hint}", table.path, where=f"column {name}", origin="read")


def without_rows(table: Table) -> list[Issue]:
    """An Issue where a table that a collection needs has a header and no row."""
    message = "the table has no rows, so nothing of it is in the dataset"
    return [] if table.rows else [issue("TABLE_ABSENT", message, table.path, origin="read")]


def find_file(folder: Path, names: Sequence[str]) -> str:
    """The first of `names` that is a file in `folder`; raises `MidsError` with the nearest name that is there."""
    for name in names:
        if (folder / name).is_file():
            return name
    present = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    near = get_close_matches(names[0], present, 1, 0.5)
    inside = next((path.parent.name for name in names for path in sorted(folder.glob(f"*/{name}"))), "")
    hint = f": did you mean {near[0]}?" if near else f": give the folder that holds it{inside and f', {inside}'}"
    packed = any(name.lower().endswith((".zip", ".tar", ".gz", ".tgz")) for name in present or (folder.name,))
    if not near and not inside and packed:
        hint = ": unpack the archive, and give the folder that holds it"
    raise MidsError(f"{folder} holds no {' or '.join(names)}{hint}")


def _decoded(data: bytes, path: str) -> tuple[str, list[Issue]]:
    """The text with Unix line ends: UTF-8, UTF-16 where a byte order mark says so, else Latin-1 with an Issue."""
    issues = []
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = "the table is not UTF-8 and was read as Latin-1"
        issues.append(issue("TABLE_READ_AS_LATIN1", message, path, where=f"line {line}", origin="read"))
        text = data.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", ""), issues


def _quoting(body: str, delimiter: str, path: str, leading: int) -> list[Issue]:
    """An Issue where a quoted cell never ends, or goes on behind its quote: rows may have run into each other."""
    reader = csv.reader(StringIO(body), delimiter=delimiter, strict=True)
    try:
        for _ in reader:
            pass
    except csv.Error as error:
        where = f"line {leading + reader.line_num}"
        return [
            issue("TABLE_INVALID", f"the quotation marks are not balanced ({error})", path, where=where, origin="read")
        ]
    return []


def _records(body: str, delimiter: str, leading: int) -> Iterator[tuple[int, list[str]]]:
    """Each record with its first line; csv's own errors (a cell of over 128 KiB) end the table."""
    reader = csv.reader(StringIO(body), delimiter=delimiter)
    line = leading + 1
    while True:
        try:
            row = next(reader)
        except (StopIteration, csv.Error):
            return
        yield line, row
        line = leading + reader.line_num + 1


def _header(cells: Sequence[str], path: str, line: int) -> tuple[list[str], list[Issue]]:
    """The names of the columns; one without a name is called by its place, one that repeats gets a number."""
    issues = []
    names = [" ".join(cell.split()).lower() or f"column {number}" for number, cell in enumerate(cells, start=1)]
    seen: Counter[str] = Counter()
    for number, name in enumerate(names):
        seen[name] += 1
        if seen[name] > 1:
            names[number] = f"{name}.{seen[name]}"
            message = f"the header holds the column {name} twice; the second is read as {names[number]}"
            issues.append(issue("TABLE_HEADER", message, path, where=f"line {line}", origin="read"))
    return names, issues
