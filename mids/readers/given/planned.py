"""Reads the table of a plan (`mids-convert --plan`) again: what a person changed in it becomes corrections."""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from mids.errors import MidsError
from mids.readers.given.curation import LABELS, VALUES, Correction, check_row, open_table

PLANNED = "planned"
"""The column that holds what the plan proposed in the other columns of its row."""

_NAME = "name"
"""The column that follows from the others."""
_NOTED = (*LABELS, _NAME, *VALUES, "decision")
BOXES = "redact"
"""The column of boxes to redact, `top,left,bottom,right` in pixels of the source, with semicolons between them."""

DECISIONS: Mapping[str, frozenset[str]] = {
    "convert": frozenset({"exclude"}),
    "withheld": frozenset({"release", "exclude"}),
    "lost": frozenset({"acknowledge"}),
}
"""What a person may decide instead of what was proposed."""

COLUMNS = (
    "file", "files", "modality", *LABELS, _NAME, *VALUES, BOXES, "decision", "reason", "who", "why", PLANNED,
)  # fmt: skip


def note_proposal(row: Mapping[str, str]) -> str:
    """What a row proposes, as its column `planned` holds it."""
    return "; ".join(f"{column}={row[column]}" for column in _NOTED)


def read(path: Path) -> tuple[Correction, ...]:
    """The corrections that a table of a plan makes, in any of the forms of a table of corrections.

    Raises `MidsError` where it can't be read, and for what can't be changed in it.
    """
    found: list[Correction] = []
    named: dict[str, tuple[str, str]] = {}
    for row, line in read_rows(path):
        place = f"row {line} of the plan {path}"
        for correction in _changes(row, line, place):
            check_row(correction, place)
            found.append(correction)
        _check_names(row, place, named)
    return tuple(_once(found))


def read_rows(path: Path) -> Iterator[tuple[dict[str, str], int]]:
    """The rows of a table of a plan with the columns `COLUMNS`, and their numbers; empty ones are left out.

    Raises `MidsError` where it can't be read.
    """
    for line, cells in open_table(path, "plan", [column for column in COLUMNS if column != BOXES]).numbered():
        row = {column: cells.get(column, "").strip() for column in COLUMNS}
        if any(row.values()):
            yield row, line


def read_proposal(row: Mapping[str, str]) -> dict[str, str]:
    """What the plan proposed in the columns of a row; nothing where another text than the plan wrote stands there."""
    proposed = dict(part.split("=", 1) for part in row[PLANNED].split("; ") if "=" in part)
    return proposed if set(proposed) == set(_NOTED) else {}


def _check_names(row: Mapping[str, str], place: str, named: dict[str, tuple[str, str]]) -> None:
    """Raises `MidsError` where rows of one subject, or of one session, are called differently."""
    proposed = read_proposal(row)
    for old, new in (
        (proposed["subject"], row["subject"]),
        (f"{proposed['subject']}/{proposed['session']}", f"{row['subject']}/{row['session']}"),
    ):
        first, where = named.setdefault(old, (new, place))
        if first != new and proposed["subject"] != "n/a":
            raise MidsError(
                f"{place} gives a subject or session another name than {where}: change all of its rows in the same way"
            )


def _once(found: Iterable[Correction]) -> Iterator[Correction]:
    """The corrections, a new name of a subject or session once only."""
    seen: set[tuple[str, str]] = set()
    for each in found:
        if each.field not in LABELS or (each.field, each.old) not in seen:
            seen.add((each.field, each.old))
            yield each


def _changes(row: Mapping[str, str], line: int, place: str) -> Iterator[Correction]:
    """The corrections that one row makes; `place` is how errors call it."""
    proposed = read_proposal(row)
    if not proposed:
        raise MidsError(f"{place} has another text under {PLANNED} than the plan wrote: leave this column as it is")
    if row[_NAME] != proposed[_NAME]:
        raise MidsError(f"{place} changes {_NAME}, which follows from the other columns and --layout: put it back")
    made = partial(Correction, row["file"], who=row["who"], why=row["why"], row=line, table="plan")
    for column in LABELS:
        if (row[column] or "n/a") != proposed[column]:
            old = proposed["subject"] + (f"/{proposed[column]}" if column == "session" else "")
            yield made(column, old, row[column].removeprefix(f"{column[:3]}-"))
    for box in filter(None, map(str.strip, row[BOXES].split(";"))):
        yield made("redact", "", box)
    for column in VALUES:
        if (row[column] or "n/a") != proposed[column]:
            yield made(column, proposed[column], row[column] or "n/a")
    decision = row["decision"].lower()
    if decision == proposed["decision"]:
        return
    if decision not in (possible := DECISIONS.get(proposed["decision"], frozenset())):
        known = ", ".join((proposed["decision"], *sorted(possible)))
        raise MidsError(f"{place} has the decision {decision or 'n/a'}: write {known}")
    yield made(decision, "", "")
