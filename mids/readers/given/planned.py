"""Reads the table of a plan (`mids-convert --plan`) again: what a person changed in it becomes corrections."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from mids.errors import MidsError
from mids.readers.given.curation import VALUES, Correction, check_row, open_table

PLANNED = "planned"
"""The column that holds what the plan proposed in the other columns of its row."""

FIXED = ("subject", "session", "name")
"""Columns that say what follows from other choices."""

DECISIONS: Mapping[str, frozenset[str]] = {
    "convert": frozenset({"exclude"}),
    "withheld": frozenset({"release", "exclude"}),
}
"""What a person may decide instead of what was proposed."""

COLUMNS = (
    "file", "files", "modality", *FIXED, *VALUES, "decision", "reason", "who", "why", PLANNED,
)  # fmt: skip


def note_proposal(row: Mapping[str, str]) -> str:
    """What a row proposes, as its column `planned` holds it."""
    return "; ".join(f"{column}={row[column]}" for column in (*FIXED, *VALUES, "decision"))


def read(path: Path) -> tuple[Correction, ...]:
    """The corrections that a table of a plan makes, in any of the forms of a table of corrections.

    Raises `MidsError` where it can't be read, and for what can't be changed in it.
    """
    table = open_table(path, "plan", COLUMNS)
    found = []
    for line, cells in table.numbered():
        row = {column: cells[column].strip() for column in COLUMNS}
        place = f"row {line} of the plan {path}"
        for correction in _changes(row, line, place) if any(row.values()) else ():
            check_row(correction, place)
            found.append(correction)
    return tuple(found)


def _changes(row: Mapping[str, str], line: int, place: str) -> Iterator[Correction]:
    """The corrections that one row makes; `place` is how errors call it."""
    proposed = dict(part.split("=", 1) for part in row[PLANNED].split("; ") if "=" in part)
    if set(proposed) != {*FIXED, *VALUES, "decision"}:
        raise MidsError(f"{place} has another text under {PLANNED} than the plan wrote: leave this column as it is")
    for column in FIXED:
        if row[column] != proposed[column]:
            raise MidsError(
                f"{place} changes {column}, which follows from other choices: put it back; see --id-table, --layout "
                f"and the columns {', '.join(VALUES)}"
            )
    file, who, why = row["file"], row["who"], row["why"]
    for column in VALUES:
        if (row[column] or "n/a") != proposed[column]:
            yield Correction(file, column, proposed[column], row[column] or "n/a", who, why, line)
    decision = row["decision"].lower()
    if decision == proposed["decision"]:
        return
    if decision not in (possible := DECISIONS.get(proposed["decision"], frozenset())):
        known = ", ".join((proposed["decision"], *sorted(possible)))
        raise MidsError(f"{place} has the decision {decision or 'n/a'}: write {known}")
    yield Correction(file, decision, "", "", who, why, line)
