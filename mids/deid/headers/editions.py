"""Editions of DICOM PS3.15 Table E.1-1: read from NEMA's DocBook, from JSON or from our own table, and compared.

The column heads are those of the published table (PS3.15 Table E.1-1, editions 2020 to 2026).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args
from xml.etree.ElementTree import Element, ParseError, fromstring

from mids.deid.policy import Option
from mids.errors import MidsError

Column = Literal["basic", Option]

HEADS: Mapping[str, Option] = {
    "Rtn. Safe Priv. Opt.": "retain_safe_private",
    "Rtn. UIDs Opt.": "retain_uids",
    "Rtn. Dev. Id. Opt.": "retain_device_identity",
    "Rtn. Inst. Id. Opt.": "retain_institution_identity",
    "Rtn. Pat. Chars. Opt.": "retain_patient_characteristics",
    "Rtn. Long. Full Dates Opt.": "retain_full_dates",
    "Rtn. Long. Modif. Dates Opt.": "retain_modified_dates",
    "Clean Desc. Opt.": "clean_descriptors",
    "Clean Struct. Cont. Opt.": "clean_structured_content",
    "Clean Graph. Opt.": "clean_graphics",
}
"""The options that have a column in Table E.1-1, by the head of the column."""

OPTION_COLUMNS: tuple[Option, ...] = tuple(HEADS.values())

ROW_HEADS = ("tag", "keyword", "vr", "vm", "name", "basic", *OPTION_COLUMNS)

CODES = frozenset({"D", "Z", "X", "K", "C", "U", "Z/D", "X/Z", "X/D", "X/Z/D", "X/Z/U*"})
"""The actions of Table E.1-1a."""

_TAG = re.compile(r"\([0-9A-Fx]{4},[0-9A-Fx]{4}\)|odd", re.ASCII)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of Table E.1-1; `tag` as ``(gggg,eeee)``, with ``x`` for any digit, or ``odd`` for private ones.

    `keyword`, `vr` and `vm` come from PS3.6 and are empty where they are not known. `options` holds the actions of
    the options that have one.
    """

    tag: str
    name: str
    basic: str
    options: Mapping[Option, str]
    keyword: str = ""
    vr: str = ""
    vm: str = ""


@dataclass(frozen=True, slots=True)
class Edition:
    """An edition of Table E.1-1, its rows by tag."""

    name: str
    rows: Mapping[str, Row]


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One difference of two editions: a row ``added`` or ``removed``, or an action ``changed`` in a column."""

    kind: Literal["added", "changed", "removed"]
    tag: str
    name: str
    column: str = ""
    old: str = ""
    new: str = ""

    def __str__(self) -> str:
        """The change as one line."""
        codes = f", {self.column}: {self.old or '–'} → {self.new or '–'}" if self.column else f": {self.old}{self.new}"
        return f"{self.kind:<8} {self.tag} {self.name}{codes}"


def read(path: Path) -> Edition:
    """An edition from NEMA's ``part15.xml``, from JSON with ``rows``, or from a table like ours.

    Raises `MidsError` where the file can't be read or holds no such table.
    """
    try:
        if path.suffix == ".xml":
            return _docbook(path)
        text = path.read_text(encoding="utf-8")
        return _json(json.loads(text)) if path.suffix == ".json" else _table(text)
    except OSError as error:
        raise MidsError(f"can't read the table {path} ({error.strerror}): check its path and permissions") from error
    except (ValueError, KeyError, TypeError, ParseError) as error:
        advice = "give NEMA's part15.xml, JSON with rows, or a table like schemas/deid/table_e1_1.tsv"
        raise MidsError(f"{path} holds no readable Table E.1-1 of DICOM PS3.15: {advice}") from error


def differences(old: Edition, new: Edition) -> tuple[Change, ...]:
    """What changes from one edition to another: rows added, removed, and actions changed, in that order by tag."""
    added = [Change("added", tag, row.name, new=row.basic) for tag, row in new.rows.items() if tag not in old.rows]
    removed = [Change("removed", tag, row.name, old=row.basic) for tag, row in old.rows.items() if tag not in new.rows]
    changed = [
        Change("changed", tag, row.name, column, before, after)
        for tag, row in new.rows.items()
        if tag in old.rows
        for column, before, after in _columns(old.rows[tag], row)
        if before != after
    ]
    return tuple(sorted([*added, *changed, *removed]))


def _columns(old: Row, new: Row) -> Iterator[tuple[str, str, str]]:
    yield "basic", old.basic, new.basic
    for option in OPTION_COLUMNS:
        yield option, old.options.get(option, ""), new.options.get(option, "")


def _edition(name: str, rows: Iterable[Row]) -> Edition:
    """The rows by tag; raises `ValueError` where there are none, or one is no row of such a table."""
    by_tag: dict[str, Row] = {}
    for row in rows:
        if not _TAG.fullmatch(row.tag) or not {row.basic, *row.options.values()} <= CODES or row.tag in by_tag:
            raise ValueError("no row of Table E.1-1")
        by_tag[row.tag] = row
    if not by_tag:
        raise ValueError("no rows")
    return Edition(name, by_tag)


# --- forms of the table --------------------------------------------------------------------------------------


def as_table(edition: Edition, *, notice: Iterable[str] = ()) -> str:
    """An edition as the text of our own table: a first line with its name, a notice, and tab-separated rows."""
    head = [f"# edition: {edition.name}", *(f"# {line}" for line in notice), "\t".join(ROW_HEADS)]
    rows = ("\t".join(_cells(row)) for row in sorted(edition.rows.values(), key=lambda row: row.tag))
    return "\n".join([*head, *rows]) + "\n"


def _cells(row: Row) -> Iterator[str]:
    yield from (row.tag, row.keyword, row.vr, row.vm, row.name, row.basic)
    yield from (row.options.get(option, "") for option in OPTION_COLUMNS)


def _table(text: str) -> Edition:
    notes = [line for line in text.splitlines() if line.startswith("#")]
    head, *lines = [line for line in text.splitlines() if not line.startswith("#")]
    if tuple(head.split("\t")) != ROW_HEADS:
        raise ValueError("other columns")
    name = next((note.split(":", 1)[1].strip() for note in notes if note.startswith("# edition:")), "")
    return _edition(name, map(_row, lines))


def _row(line: str) -> Row:
    tag, keyword, vr, vm, name, basic, *codes = line.split("\t")
    options = {option: code for option, code in zip(OPTION_COLUMNS, codes, strict=True) if code}
    return Row(tag, name, basic, options, keyword, vr, vm)


def _json(content: Mapping[str, Any]) -> Edition:
    rows = []
    for entry in content["rows"]:
        options = {_option(name): str(code) for name, code in entry["options"].items() if code}
        known = (str(entry.get(key) or "") for key in ("keyword", "vr", "vm"))
        rows.append(Row(_tag(entry["tag"]), _normalise_text(entry["name"]), entry["basic_profile"], options, *known))
    return _edition(str(content["edition"]), rows)


def _option(name: str) -> Option:
    """An option by its name, which the standard gives with ``longitudinal`` for dates."""
    short = name.replace("longitudinal_", "")
    for option in get_args(Option):
        if option == short:
            return option  # type: ignore[no-any-return]
    raise ValueError("an unknown option")


def _tag(text: str) -> str:
    """A tag in our form: upper case but for ``x``; the row of private attributes is ``odd``."""
    text = text.strip()
    return "odd" if "odd" in text else text.upper().replace("X", "x")


def _normalise_text(text: str) -> str:
    """Text without zero-width spaces and doubled blanks, both of which NEMA's names hold."""
    return " ".join(text.replace("\u200b", "").split())


# --- NEMA's DocBook ------------------------------------------------------------------------------------------


def _docbook(path: Path) -> Edition:
    """Table E.1-1 of ``part15.xml``; its subtitle names the edition."""
    root = _parse_xml(path.read_bytes())
    subtitle = next((_text(element) for element in root.iter() if _local(element) == "subtitle"), "")
    edition = re.search(r"\d{4}[a-z]\b", subtitle)
    for table in root.iter():
        if _local(table) == "table" and table.get("label") == "E.1-1":
            return _edition(edition[0] if edition else "unknown", _docbook_rows(table))
    raise ValueError("no such table")


def _parse_xml(content: bytes) -> Element:
    """The root of an XML text; one that declares entities is refused, for they can be made to explode."""
    if b"<!ENTITY" in content:
        raise ValueError("entities")
    return fromstring(content)


def _docbook_rows(table: Element) -> Iterator[Row]:
    lines = [[_normalise_text(_text(cell)) for cell in line if _local(cell) in ("td", "th")] for line in _lines(table)]
    heads, *body = lines
    for cells in body:
        values = dict(zip(heads, cells, strict=True))
        options = {option: values[head] for head, option in HEADS.items() if values[head]}
        yield Row(_tag(values["Tag"]), values["Attribute Name"], values["Basic Prof."], options)


def _lines(table: Element) -> Iterator[Element]:
    return (element for element in table.iter() if _local(element) == "tr")


def _text(element: Element) -> str:
    return "".join(element.itertext())


def _local(element: Element) -> str:
    """The name of an element without its namespace."""
    return element.tag.rsplit("}", 1)[-1] if isinstance(element.tag, str) else ""
