"""BIMCV's tables, whatever their version calls things: by the names that `schemas/collections/*.yaml` gives them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from mids.collections.bimcv import labelcells
from mids.readers.tables import columns, ids
from mids.readers.tables.table import Table, check_columns, parse_csv, without_rows
from mids.resources import read_yaml, schemas

_IDS = ("participant", "study", "report_id")
_SESSION = re.compile(rb"^\"?(ses-[0-9A-Za-z]+)\"?\t", re.MULTILINE)
_BEHIND = re.compile(r"(.*[.!?\]][\"']?)\t([^\t]*)", re.DOTALL)
"""A tab behind a whole sentence, or a list of them, and what follows it."""


@dataclass(frozen=True, slots=True)
class Session:
    """A row of a published sessions.tsv; `day` is YYYYMMDD or empty, `text` the report, on one line.

    `cells` behind the report are of no known column, and left out.
    """

    session: str
    day: str
    text: str
    cells: int = 0


def named(table: Table, collection: str, kind: str, required: Sequence[str], *, called: str = "") -> Table:
    """The table with the names of the collection's vocabulary in place of its version's; other columns are Issues.

    Raises `MidsError` where a required column is missing under all its names; it calls the table `called`.
    """
    spellings: Mapping[str, list[str]] = read_yaml(schemas() / "collections" / f"{collection}.yaml")["sources"][kind]
    known = {str(spelling).lower(): name for name, given in spellings.items() for spelling in given}
    missing = [spellings[name][0] for name in required if not {s.lower() for s in spellings[name]} & {*table.header}]
    given = columns.named_by(table, known)
    checked = check_columns(
        replace(table, issues=(*table.issues, *without_rows(table))),
        {**known, **given},
        [spelling.lower() for spelling in missing],
        called=called,
    )
    renamed = columns.rename(checked, given)
    return ids.repair(renamed, _IDS)


def partitions(data: bytes, path: str) -> Table:
    """The published partitions: blanks separate the names of the header, and tabs or blanks the cells of rows."""
    head, _, _ = data.partition(b"\n")
    if b"\t" in head or b"," in head:
        return parse_csv(data, path)
    lines = (line if b"\t" in line else b"\t".join(line.split()) for line in data.split(b"\n"))
    return parse_csv(b"\n".join(lines), path)


def sessions(data: bytes) -> tuple[list[Session], int]:
    """The rows of a published sessions.tsv, and how many bytes stand before the first of them.

    Reports have line ends, tabs and quotes in them that no rule of TSV covers: a row goes from one session's label at
    the beginning of a line to the next. Cells behind the report may name people: those of columns that the header has
    more, those that all rows have, and what stands behind a tab that follows a whole sentence.
    """
    text = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
    header, _, _ = text.partition(b"\n")
    has_day = b"study_date" in header.lower()
    starts = list(_SESSION.finditer(text))
    parts = []
    for match, end in zip(starts, [*(start.start() for start in starts), len(text)][1:], strict=True):
        rest = text[match.end() : end].decode("utf-8", "replace")
        day, _, said = rest.partition("\t") if has_day else ("", "", rest)
        parts.append((match[1].decode("ascii"), re.sub(r"\.0$", "", day.strip()), said.rstrip("\r\n")))
    more = max(header.count(b"\t") - (2 if has_day else 1), 0)
    more = max([more, *([min(said.count("\t") for *_, said in parts)] if parts else [])])
    before = text[len(header) : starts[0].start() if starts else len(text)]
    return [_session(label, day, said, more) for label, day, said in parts], len(before.strip())


def _session(label: str, day: str, said: str, more: int) -> Session:
    """A row without the last cells of it: as many as are in columns `more`, and others behind a whole sentence."""
    cells = min(more, said.count("\t"))
    said = said.rsplit("\t", cells)[0] if cells else said
    while found := _BEHIND.fullmatch(said):
        said, cells = found[1], cells + 1
    return Session(label, day, _report(said), cells)


def _report(text: str) -> str:
    """A report on one line; some are lists of texts as Python writes them."""
    plain = text.strip().removeprefix('"').removesuffix('"').strip() if text.strip()[:2] != '["' else text.strip()
    if plain.startswith("['") or plain.startswith('["'):
        plain = " ".join(labelcells.parse(plain).flat)
    return " ".join(plain.replace("\\n", " ").split())


def iso_date(text: str) -> str:
    """A day as YYYY-MM-DD from dd.mm.yyyy (or with slashes, hyphens), YYYYMMDD or ISO, with or without a time after it.

    Empty for what is no day.
    """
    day, _, time = text.strip().replace("T", " ").partition(" ")
    if time and not re.match(r"\d{1,2}[:.h]?\d\d", time.strip()):
        return ""
    found = re.fullmatch(r"(?P<d>\d{1,2})([./-])(?P<m>\d{1,2})\2(?P<y>\d{4})", day) or re.fullmatch(
        r"(?P<y>\d{4})([./-]?)(?P<m>\d{2})\2(?P<d>\d{2})", day
    )
    try:
        return date(int(found["y"]), int(found["m"]), int(found["d"])).isoformat() if found else ""
    except ValueError:
        return ""


def label_of(text: str) -> str:
    """The label of a subject or session without its ``sub-`` or ``ses-``."""
    return text.strip().removeprefix("sub-").removeprefix("ses-")
