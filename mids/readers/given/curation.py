"""Reads curation.tsv, a person's corrections of a conversion."""

from dataclasses import dataclass
from pathlib import Path

from mids.errors import MidsError

COLUMNS = ("file", "field", "old", "new", "who", "why")


@dataclass(frozen=True, slots=True)
class Correction:
    """One row of curation.tsv; `row` is its line number in the file.

    `file` is an image of the dataset as it would be named without corrections, a source file relative to
    SOURCE, or a SOPInstanceUID.
    """

    file: str
    field: str
    old: str
    new: str
    who: str
    why: str
    row: int


def read(path: Path) -> tuple[Correction, ...]:
    """The rows of a curation table.

    Raises `MidsError` where it can't be read, a column is missing, or a row has another number of cells.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise MidsError(
            f"can't read the curation table {path} ({type(error).__name__}): check its path, and that it is UTF-8"
        ) from error
    header = lines[0].split("\t") if lines else []
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        raise MidsError(f"the curation table {path} lacks the column {missing[0]}: it needs {', '.join(COLUMNS)}")
    places = [header.index(column) for column in COLUMNS]
    found = []
    for number, line in enumerate(lines[1:], start=2):
        cells = [cell.strip() for cell in line.split("\t")]
        if not any(cells):
            continue
        if len(cells) != len(header):
            raise MidsError(f"line {number} of the curation table {path} has {len(cells)} cells, not {len(header)}")
        file, field, old, new, who, why = (cells[place] for place in places)
        found.append(Correction(file, field, old, new, who, why, number))
    return tuple(found)
