"""What changed in tables: columns, and rows by the table's key."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from mids.readers.tables import tsv

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Names:
    """Names that are only in the new release, and names that are only in the old one."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)


def names(old: Iterable[str], new: Iterable[str]) -> Names:
    """The difference of two sets of names, in their order."""
    before, after = dict.fromkeys(old), dict.fromkeys(new)
    return Names(tuple(n for n in after if n not in before), tuple(n for n in before if n not in after))


@dataclass(frozen=True, slots=True)
class TableChanges:
    """What changed in one table, or in all tables of one kind (`*_scans.tsv`).

    A row is changed where its key is in both releases and a cell of a column that both have is not; `cells` counts
    such cells by column.
    """

    columns: Names = Names()
    rows_added: int = 0
    rows_removed: int = 0
    rows_changed: int = 0
    cells: Mapping[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.columns or self.rows_added or self.rows_removed or self.rows_changed)

    def __add__(self, other: "TableChanges") -> "TableChanges":
        """Both together, for tables of one kind."""
        return TableChanges(
            Names(
                tuple(dict.fromkeys((*self.columns.added, *other.columns.added))),
                tuple(dict.fromkeys((*self.columns.removed, *other.columns.removed))),
            ),
            self.rows_added + other.rows_added,
            self.rows_removed + other.rows_removed,
            self.rows_changed + other.rows_changed,
            dict(Counter(self.cells) + Counter(other.cells)),
        )


def kind(path: str) -> str:
    """What a table is called: its path, or for one of many subjects the end of its name."""
    name = path.rpartition("/")[2]
    return f"*_{name.rpartition('_')[2]}" if name.startswith("sub-") and "_" in name else path


def read(path: Path | None) -> tsv.Rows:
    """A table; an empty one where there is no file."""
    return tsv.read(path) if path else tsv.Rows((), (), ())


def changes(old: tsv.Rows, new: tsv.Rows, key: Sequence[str], moved: Mapping[str, str]) -> TableChanges:
    """What changed between two versions of a table whose rows are told apart by the columns `key`.

    Where none of these is in both, the first column is the key. `moved` gives values of the old key that mean the same
    as others in the new one (renamed images). A table that is new or gone has rows, and no columns that changed.
    """
    if not (old.header and new.header):
        return TableChanges(rows_added=len(new.rows), rows_removed=len(old.rows))
    common = [column for column in dict.fromkeys(old.header) if column in new.header]
    keys = [column for column in key if column in common] or common[:1]
    before, after = _group_rows(old, common, keys, moved), _group_rows(new, common, keys, {})
    added = removed = changed = 0
    cells: Counter[str] = Counter()
    for one in before.keys() | after.keys():
        gone, come = before.get(one, Counter()), after.get(one, Counter())
        for left, right in zip_longest(sorted((gone - come).elements()), sorted((come - gone).elements())):
            added, removed = added + (left is None), removed + (right is None)
            if left is not None and right is not None:
                changed += 1
                cells.update(name for name, a, b in zip(common, left, right, strict=True) if a != b)
    return TableChanges(names(old.header, new.header), added, removed, changed, dict(cells))


def _group_rows(
    table: tsv.Rows, columns: Sequence[str], keys: Sequence[str], moved: Mapping[str, str]
) -> Mapping[Row, Counter[Row]]:
    """The rows, cut to `columns`, by their key."""
    places = [table.header.index(column) for column in columns]
    at = [columns.index(column) for column in keys]
    found: dict[Row, Counter[Row]] = {}
    for row in table.rows:
        cells = [row[place] for place in places]
        for place in at:
            cells[place] = moved.get(cells[place], cells[place])
        found.setdefault(tuple(cells[place] for place in at), Counter())[tuple(cells)] += 1
    return found
