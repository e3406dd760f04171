"""Tables of a dataset as frames of strings: TSV files of any origin, read tolerantly."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mids.dataset.disk.door import Door, opening
from mids.errors import DataError


def read_table(path: Path, shown: str = "") -> pd.DataFrame:
    """A TSV file as `Dataset.table` reads it; `shown` is what errors call it."""
    header, rows = read_rows(path, shown or path.name)
    return frame(rows, header)


def read_rows(path: Path, shown: str) -> tuple[list[str], list[dict[str, str]]]:
    """Header and rows of a TSV file; a missing value is "", a short row ends in missing values.

    Raises `DataError` (TABLE_ENCODING, TABLE_RAGGED, FILE_UNREADABLE).
    """
    try:
        with opening(shown):
            lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError:
        raise DataError("TABLE_ENCODING", f"{shown} is not UTF-8") from None
    header = _unique(lines[0].split("\t")) if lines[0] else []
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        cells = ["" if cell == "n/a" else cell for cell in line.split("\t")]
        if len(cells) > len(header):
            if line.strip():
                raise DataError("TABLE_RAGGED", f"{shown}, line {number}: more cells than the header has")
            continue
        if line:
            rows.append(dict.fromkeys(header, "") | dict(zip(header, cells, strict=False)))
    return header, rows


def map_rows_by_key(door: Door, path: str, key: str) -> Sequence[Mapping[str, str]]:
    """The rows of a table whose first column is `key`, whatever it is called; none where it is absent or broken."""
    if not door.holds(path):
        return []
    nothing: tuple[list[str], list[dict[str, str]]] = ([], [])
    header, rows = door.attempt(path, lambda: read_rows(door.root / path, path), nothing)
    if header and key not in header:
        message = f"there is no column {key}: the first column is used instead"
        door.keep(DataError("COLUMN_MISSING", message), path)
        return [{**row, key: row[header[0]]} for row in rows]
    return rows


def frame(rows: Iterable[Mapping[str, str]], first: Sequence[str]) -> pd.DataFrame:
    """Rows as a table of strings with `first` as its first columns; "" and what a row has not is NA."""
    kept = list(rows)
    names = dict.fromkeys([*first, *(key for row in kept for key in row)])
    return pd.DataFrame({name: pd.array([row.get(name) or None for row in kept], dtype="string") for name in names})


def add_id_prefixes(row: Mapping[str, str]) -> dict[str, str]:
    """The row with the prefixes that BIDS wants of ids, and that published tables leave out at times."""
    ids = {f"{name}_id": f"{key}-" for name, key in (("participant", "sub"), ("session", "ses"))}
    found = {name: add_prefix(prefix, row[name]) for name, prefix in ids.items() if name in row}
    return {**row, **found}


def add_prefix(prefix: str, label: str) -> str:
    """An id with its prefix; "" stays."""
    return label if label.startswith(prefix) or not label else prefix + label


def joined(images: pd.DataFrame, table: pd.DataFrame, keys: list[str], prefix: str) -> pd.DataFrame:
    """`images` with the other columns of a table, the first row of each key; no image is lost or doubled.

    A column whose name is taken gets the prefix and an underscore in front.
    """
    names = free_names(table.columns.difference(keys, sort=False), images.columns, prefix)
    once = table.dropna(subset=keys).drop_duplicates(keys).rename(columns=names)
    return images.merge(once, how="left", on=keys)


def add_missing_columns(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The frame with each of the columns, empty ones where it lacks them."""
    found = frame.copy(deep=False)
    for name in columns:
        if name not in found.columns:
            found[name] = pd.array([None] * len(frame), dtype="string")
    return found


def free_names(columns: Iterable[str], taken: Iterable[str], prefix: str) -> dict[str, str]:
    """A name for each column: its own, or with the prefix as often as it takes to be free."""
    used = set(taken)
    names: dict[str, str] = {}
    for column in columns:
        name = column
        while name in used:
            name = f"{prefix}_{name}"
        used.add(name)
        names[column] = name
    return names


def _unique(names: Iterable[str]) -> list[str]:
    """The names, each later one of several equal ones with a number behind it."""
    found: list[str] = []
    for name in names:
        free, count = name, 0
        while free in found:
            count += 1
            free = f"{name}.{count}"
        found.append(free)
    return found


def read_field(images: pd.DataFrame, key: str) -> list[Any]:
    """What sidecars say under a key, row by row of `Dataset.images`, opened with it; a table may have its name."""
    name = f"sidecar_{key}" if f"sidecar_{key}" in images else key
    return list(images[name]) if name in images else [pd.NA] * len(images)
