"""Joins what a person changed in a small file with what it says now: cells of tables, keys of JSON.

Three texts are compared: what was written last (`base`, None where it is not known), what the file holds, and what it
says now. What a person changed stays; everything else is brought up to date.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from mids.plan.texts.files import as_json, as_tsv
from mids.readers.tables import tsv
from mids.records import Json

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Merged:
    """A file after a merge: its bytes, and what was done and kept, without a value.

    `added` and `removed` count rows (or keys) that came and went; `columns` are ours in which a person's cells differ
    from ours, or that a person removed; `own_columns` and `own_rows` count those that only a person has.
    """

    content: bytes
    added: int = 0
    removed: int = 0
    updated: int = 0
    columns: tuple[str, ...] = ()
    own_columns: int = 0
    own_rows: int = 0

    @property
    def holds_own(self) -> bool:
        """Whether anything of a person is in it."""
        return bool(self.columns or self.own_columns or self.own_rows)


def can_merge(path: str) -> bool:
    """Whether a small file, by its path in the dataset, is merged: tables, and JSON that is about no single image."""
    name = path.rpartition("/")[2]
    return name.endswith(".tsv") or (name.endswith(".json") and not name.startswith("sub-"))


def merge(path: str, base: bytes | None, found: bytes, planned: bytes) -> Merged | None:
    """The file with a person's changes and ours; None where it can't be read any more as what it was."""
    if path.endswith(".json"):
        return _merge_json(base, found, planned)
    own = _table(found)
    return None if own is None else _merge_tables(None if base is None else _table(base), own, found, _table(planned))


@dataclass(frozen=True, slots=True)
class _Table:
    """Columns, and rows by column; missing cells are n/a."""

    columns: tuple[str, ...]
    rows: tuple[dict[str, str], ...]

    def by(self, columns: Sequence[str]) -> dict[Key, dict[str, str]]:
        """The rows by the values of some columns, and by how often these came before."""
        seen = Counter[Key]()
        keyed = {}
        for row in self.rows:
            key = tuple(row.get(column, tsv.NA) for column in columns)
            keyed[*key, str(seen[key])] = row
            seen[key] += 1
        return keyed

    def cells(self, column: str) -> Counter[str]:
        """The values of a column, with how often each stands there."""
        return Counter(row[column] for row in self.rows if row[column] != tsv.NA)


def _table(content: bytes | None) -> _Table | None:
    """The table of a file; None where rows of it would be lost."""
    read = tsv.parse(content or b"")
    if not read.header or len({*read.header}) < len(read.header) or not all(read.header):
        return None
    if any(problem.kind in ("encoding", "ragged") for problem in read.problems):
        return None
    rows = tuple(
        {name: cell.strip() or tsv.NA for name, cell in zip(read.header, row, strict=True)} for row in read.rows
    )
    return _Table(read.header, rows)


def _find_key(*tables: _Table | None) -> tuple[str, ...]:
    """The fewest leading columns that tell the rows of our tables apart; all where none do."""
    ours = [table for table in tables if table is not None]
    columns = ours[0].columns
    for count in range(1, len(columns)):
        if all(
            len(table.rows) == len({tuple(row.get(c) for c in columns[:count]) for row in table.rows}) for table in ours
        ):
            return columns[:count]
    return columns


def _merge_tables(base: _Table | None, own: _Table, found: bytes, planned: _Table | None) -> Merged | None:
    if planned is None:
        return None
    key = _find_key(planned, base)
    if not {*key} <= {*own.columns}:
        return None
    was, there, now = (base.by(key) if base else {}), own.by(key), planned.by(key)
    columns = _Columns.sort(base, own, planned)
    joined: dict[Key, dict[str, str]] = {}
    differing: set[str] = set(columns.missing)
    removed = updated = 0
    for name, row in there.items():
        if name not in now and (base is None or name in was):
            removed += 1
        elif name not in now:
            joined[name] = row
        else:
            cells, kept = _join_cells(was.get(name), row, now[name], columns)
            joined[name] = cells
            differing |= kept
            updated += any(cells.get(column) != row.get(column) for column in columns.all)
    own_rows = len([name for name in joined if name not in now])
    added = len([name for name in now if name not in there])
    content = found
    if added or removed or updated or columns.all != own.columns:
        content = as_tsv(columns.all, [*_in_order(joined, now)]).encode()
    kept_columns = tuple(name for name in planned.columns if name in differing)
    return Merged(content, added, removed, updated, kept_columns, len(columns.foreign), own_rows)


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns of a merged table; those of a person only, and ours that a person removed."""

    all: tuple[str, ...]
    foreign: tuple[str, ...]
    missing: tuple[str, ...]

    @staticmethod
    def sort(base: _Table | None, own: _Table, planned: _Table) -> "_Columns":
        """A column that a person removed stays away, and one that we no longer fill goes unless a person filled it."""
        known = own.columns if base is None else base.columns
        missing = tuple(name for name in planned.columns if name not in own.columns and (base is None or name in known))
        new = tuple(name for name in planned.columns if name not in own.columns and name not in missing)
        gone = (name for name in own.columns if base and name in base.columns and name not in planned.columns)
        dropped = {name for name in gone if base and not own.cells(name) - base.cells(name)}
        left = tuple(name for name in own.columns if name not in dropped)
        return _Columns((*left, *new), tuple(name for name in left if name not in planned.columns), missing)


def _join_cells(
    was: Mapping[str, str] | None, row: Mapping[str, str], now: Mapping[str, str], columns: _Columns
) -> tuple[dict[str, str], set[str]]:
    """A row of both, and the columns in which it holds a person's value where ours is another."""
    cells, kept = {}, set()
    for name in columns.all:
        mine, ours = row.get(name), now.get(name, tsv.NA)
        if mine is None:
            cells[name] = ours
        elif name not in now:
            cells[name] = mine
        elif mine == ours or (was is not None and _unquoted(mine) == was.get(name)):
            cells[name] = ours
        else:
            cells[name] = mine
            kept.add(name)
    return cells, kept


def _unquoted(cell: str) -> str:
    """A cell without the quotation marks that spreadsheets put around some."""
    return cell[1:-1].replace('""', '"') if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def _in_order(joined: Mapping[Key, dict[str, str]], now: Mapping[Key, dict[str, str]]) -> Iterator[dict[str, str]]:
    """The rows as they stand in the file, each new one behind the one that it follows in our table."""
    behind: dict[Key | None, list[dict[str, str]]] = {}
    last: Key | None = None
    for name, row in now.items():
        if name in joined:
            last = name
        else:
            behind.setdefault(last, []).append(row)
    yield from behind.get(None, ())
    for name, row in joined.items():
        yield row
        yield from behind.get(name, ())


def _merge_json(base: bytes | None, found: bytes, planned: bytes) -> Merged | None:
    """Both objects, key by key."""
    own = _parse(found)
    if own is None:
        return None
    now, was = cast("dict[str, Json]", json.loads(planned)), None if base is None else _parse(base)
    joined: dict[str, Json] = {}
    kept = [name for name in now if name not in own and was is not None and name in was]
    own_keys = 0
    for name, value in own.items():
        is_ours = was is not None and name in was and was[name] == value
        if name in now:
            joined[name] = now[name] if is_ours else value
            kept += [name] if joined[name] != now[name] else []
        elif not is_ours:
            joined[name] = value
            own_keys += 1
    added = [name for name in now if name not in own and name not in kept]
    joined |= {name: now[name] for name in added}
    removed = len([name for name in own if name not in joined])
    updated = sum(own[name] != value for name, value in joined.items() if name in own)
    content = as_json(joined).encode() if added or removed or updated else found
    return Merged(content, len(added), removed, updated, tuple(kept), own_keys)


def _parse(content: bytes) -> dict[str, Json] | None:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
