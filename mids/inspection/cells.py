"""What can be wrong with one cell of a table, judged once for each different value of a column."""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from difflib import SequenceMatcher
from functools import lru_cache

from mids.inspection.identifiers import identify, is_private_column
from mids.readers.tables.tsv import NA, Rows
from mids.vocabulary.schema import CodeList, Column, Schema, Table

SHOWN = 40
"""Characters of a cell that a report shows."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with one cell: the code of the check that reports it, and what it reports."""

    code: str
    message: str
    where: str = ""
    value: str = ""
    expected: str = ""


def faults(rows: Rows, table: Table | None, schema: Schema) -> tuple[Fault, ...]:
    """What is wrong with every cell of a table."""
    found = []
    for at, (label, hides, judged) in enumerate(_judges(rows.header, table.name if table else "", schema)):
        for line, row in zip(rows.lines, rows.rows, strict=True):
            for fault in judged(row[at]):
                shown = "" if hides or is_free_text(fault.value) or identify(row[at]) else fault.value
                found.append(Fault(fault.code, fault.message, f"row {line}, column {label}", shown, fault.expected))
    return tuple(found)


Judge = Callable[[str], "tuple[Fault, ...]"]


@lru_cache(maxsize=256)
def _judges(header: tuple[str, ...], table: str, schema: Schema) -> tuple[tuple[str, bool, Judge], ...]:
    """For each column of a table: what it is called, whether its values are not shown, and what judges its cells."""
    columns: Mapping[str, Column] = schema.tables[table].columns if table else {}
    # The grammar of label cells has checks of its own.
    own = {"json_list"} if table == "labels" else set()
    is_binary = any("\0" in name for name in header)  # no table: another file under its name
    found = []
    for number, name in enumerate(header, start=1):
        column = columns.get(name)
        label = f"{number}" if is_binary or identify(name) else name[:SHOWN]
        judge = _judge(schema, None if column and column.type in own else column)
        found.append((label, is_binary or is_private_column(name), judge))
    return tuple(found)


@lru_cache(maxsize=512)
def _judge(schema: Schema, column: Column | None) -> Judge:
    """A function that judges the cells of a column, and remembers the values that it has seen."""
    words = schema.code_lists.get(column.code_list) if column and column.code_list else None

    @lru_cache(maxsize=1 << 12)
    def judged(value: str) -> tuple[Fault, ...]:
        return () if value == NA else tuple(_faults(value, column, words))

    return judged


def _faults(value: str, column: Column | None, words: CodeList | None) -> Iterator[Fault]:
    text = value.strip()
    if not text:
        yield Fault("CELL_EMPTY", "the cell is empty", expected=NA)
        return
    if text in MISSING and not (words and text in words.codes):
        yield Fault("CELL_MISSING_WORD", "a missing value is written as another word", value=text, expected=NA)
        return
    if ODD.search(value):
        yield from _find_odd_text(value)
    if column and not FORMULA.match(text):
        yield from _type(text, column)
        yield from _words(text, column, words)
        yield from _range(text, column)


def is_free_text(text: str) -> bool:
    """Whether a value is more than one word, so that it may name a person: reports do not show it."""
    return FREE.search(text) is not None


FREE = re.compile(r"[^\W\d_]{2}.*[\s,^]|[\s,^].*[^\W\d_]{2}", re.DOTALL)


# --- any cell --------------------------------------------------------------------------------------------

MISSING = frozenset("N/A NA NaN nan NAN NULL Null null None #N/A <NA> NaT nil NIL".split())
"""How spreadsheets and programs write a missing value; "none" and "-" can be answers."""

FORMULA = re.compile(r"=.|[+\-@][A-Za-z]{1,20}[(|]|@[A-Za-z]{2}|#(REF!|NAME\?|VALUE!|DIV/0!|NUM!|NULL!)")
"""A formula that a spreadsheet runs when it opens the table, or what is left of one."""
HTML = re.compile(r"&(#\d{1,6}|#x[0-9a-fA-F]{1,6}|[A-Za-z]{2,8}\d{0,2});|</?(b|i|u|br|p|div|span|su[bp]|td|tr) ?/?>")
MOJIBAKE = re.compile("\ufffd|[ÂÃ][\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|â€.|ï»¿")
"""UTF-8 that was read as Latin-1 or Windows-1252."""
INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\xa0\xad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]")
ODD = re.compile(
    r"^[\s=+@\"-]|\s$|[&<#\ufffdÂÃâï\x00-\x08\x0b-\x1f\x7f-\xa0\xad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]"
)
"""One search that tells of most cells that none of the others is needed."""


def _find_odd_text(value: str) -> Iterator[Fault]:
    """What is odd in a cell; only the odd characters are shown, for the rest may be a person's name."""
    if odd := MOJIBAKE.search(value):
        yield Fault("CELL_MOJIBAKE", "the text was decoded with the wrong encoding", value=odd[0])
    elif odd := INVISIBLE.search(value):
        shown = odd[0].encode("ascii", "backslashreplace").decode()
        yield Fault("CELL_INVISIBLE", "the cell holds an invisible character", value=shown)
    elif value != value.strip():
        yield Fault("CELL_BLANKS", "the cell begins or ends with a space")
    if odd := HTML.search(value):
        yield Fault("CELL_HTML", "the cell holds an HTML entity or tag", value=odd[0])
    if FORMULA.match(value):
        yield Fault("CELL_FORMULA", "spreadsheets read the cell as a formula")
    if len(value) > 1 and value[0] == value[-1] == '"':
        yield Fault("CELL_QUOTED", "the quotation marks become a part of the value")


# --- cells of columns that the vocabulary defines --------------------------------------------------------


def _type(text: str, column: Column) -> Iterator[Fault]:
    test, form = TYPES.get(column.type), DATES.get(column.type)
    if test and not test(text):
        yield Fault("CELL_TYPE", f"the cell is not of type {column.type}", value=text[:SHOWN], expected=column.type)
    elif column.type == "label" and not text.startswith(prefix := PREFIXES.get(column.name, "")):
        yield Fault("CELL_TYPE", f"the label begins without {prefix}", value=text[:SHOWN], expected=f"{prefix}{text}")
    if form and not _is_date(text, column.type):
        message = "this is not a date in ISO 8601"
        yield Fault("CELL_DATE", message, value=text[:SHOWN], expected=form)


def _words(text: str, column: Column, words: CodeList | None) -> Iterator[Fault]:
    if words is None:
        return
    for item in text.split(";") if column.type == "semicolon_list" else (text,):
        word = item.strip()
        if word and word not in words.codes:
            expected = words.find(word) or list_nearest(word, words.codes)
            yield Fault("CELL_CODE", f"the word is not in the list {words.name}", value=word[:SHOWN], expected=expected)


NEAREST = 3
"""How many of the right words a report shows."""


def list_nearest(word: str, words: Iterable[str]) -> str:
    """The right words that are most like a wrong one, the most alike first."""
    plain = word.casefold()
    alike = sorted(words, key=lambda right: -SequenceMatcher(None, plain, right.casefold()).ratio())
    return " ".join(alike[:NEAREST])


def _range(text: str, column: Column) -> Iterator[Fault]:
    if (column.minimum is None and column.maximum is None) or not is_number(text):
        return
    low = -math.inf if column.minimum is None else column.minimum
    high = math.inf if column.maximum is None else column.maximum
    too_old = column.name == "age" and float(text) > high  # a matter of privacy, see PRIVACY_AGE
    if not low <= float(text) <= high and not too_old:
        yield Fault("CELL_RANGE", "the number is out of range", value=text[:SHOWN], expected=f"{low:g} to {high:g}")


def is_number(text: str) -> bool:
    """Whether a cell is a decimal number with a point."""
    return re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", text, re.ASCII) is not None


def _is_json_list(text: str) -> bool:
    try:
        return isinstance(json.loads(text), list)
    except (ValueError, RecursionError):
        return False


def _is_path(text: str) -> bool:
    return not (text.startswith("/") or "\\" in text or ":" in text or ".." in text.split("/"))


LAST = "2200"
"""No visit is in or after this year: 9999 stands for a date that somebody did not know."""


def _is_date(text: str, kind: str) -> bool:
    if text[:4] >= LAST:
        return False
    try:
        if kind == "date":
            return len(text) == 10 and date.fromisoformat(text) is not None
        return text[10:11] == "T" and len(text) >= 16 and datetime.fromisoformat(text) is not None
    except ValueError:
        return False


TYPES: Mapping[str, Callable[[str], bool]] = {
    "integer": lambda text: re.fullmatch(r"[-+]?\d+", text, re.ASCII) is not None,
    "number": is_number,
    "label": lambda text: re.fullmatch("((sub|ses|sample)-)?[0-9a-zA-Z]+", text) is not None,
    "path": _is_path,
    "json_list": _is_json_list,
    "semicolon_list": lambda text: all(item.strip() for item in text.split(";")),
}
PREFIXES = {"participant_id": "sub-", "session_id": "ses-", "sample_id": "sample-"}
"""How the values of columns begin that name a folder or a sample (BIDS)."""
DATES = {"date": "YYYY-MM-DD", "datetime": "YYYY-MM-DDThh:mm:ss"}
