"""What changed in tables, JSON and other files of two releases."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mids.analysis.counting import LABELS, words
from mids.dataset.disk.progress import watched
from mids.errors import DataError
from mids.readers.tables import tsv
from mids.records import Json
from mids.releases import tables
from mids.releases.tables import TableChanges, names
from mids.vocabulary.schema import load


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys of one JSON file."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True)
class Counts:
    """In how many sidecars of images that both releases have a key is new, is gone, has another value."""

    added: int = 0
    removed: int = 0
    changed: int = 0


@dataclass(frozen=True, slots=True)
class Pair:
    """The files of two releases by path; those of the old one under the names that renamed images have now."""

    old: Mapping[str, Path]
    new: Mapping[str, Path]
    moved: Mapping[str, str]
    """Old paths of images and of what lies beside them to new ones."""

    @property
    def both(self) -> list[str]:
        """The paths of files that both have."""
        return [path for path in self.old if path in self.new]


class Texts:
    """What changed in tables, JSON and other files; the paths of `different` are in both releases."""

    def __init__(self, pair: Pair, different: Iterable[str]) -> None:
        self._pair = pair
        self.tables: dict[str, TableChanges] = {}
        self.sidecars: dict[str, Counts] = {}
        self.descriptions: dict[str, Keys] = {}
        self.changed: list[str] = []
        self.rewritten: list[str] = []
        self._moved = _map_moved_by_folder(pair.moved)
        for path in watched(different, "texts compared"):
            self._compare(path)
        alone = names(pair.old, pair.new)
        for path in sorted((*alone.added, *alone.removed)):
            if path.endswith(".tsv"):
                self._table(path)
        self.tables = dict(sorted(self.tables.items()))
        self.sidecars = dict(sorted(self.sidecars.items()))

    def _compare(self, path: str) -> None:
        if path.endswith(".tsv"):
            self._table(path)
        elif path.endswith(".json"):
            self._json(path)
        else:
            self.changed.append(path)

    def _table(self, path: str) -> None:
        old, new = (tables.read(side.get(path)) for side in (self._pair.old, self._pair.new))
        known = load().table_of(path)
        moved = self._moved.get("", {}) | self._moved.get(path.rpartition("/")[0], {})
        found = tables.changes(old, new, known.key if known else (), moved)
        if found:
            kind = tables.kind(path)
            self.tables[kind] = self.tables.get(kind, TableChanges()) + found
        elif _is_whole(old) and _is_whole(new):
            self.rewritten.append(path)
        if not (_is_whole(old) and _is_whole(new)):
            self.changed.append(path)

    def _json(self, path: str) -> None:
        old, new = _content(self._pair.old[path]), _content(self._pair.new[path])
        if old is None or new is None:
            self.changed.append(path)
            return
        both = [key for key in old if key in new and _text(old[key]) != _text(new[key])]
        keys = Keys(tuple(k for k in new if k not in old), tuple(k for k in old if k not in new), tuple(both))
        if not keys:
            self.rewritten.append(path)
        elif path.startswith("sub-") or "/sub-" in path:
            self._count(keys)
        else:
            self.descriptions[path] = keys

    def _count(self, keys: Keys) -> None:
        for key in (*keys.added, *keys.removed, *keys.changed):
            c = self.sidecars.get(key, Counts())
            more = (key in keys.added, key in keys.removed, key in keys.changed)
            self.sidecars[key] = Counts(c.added + more[0], c.removed + more[1], c.changed + more[2])


def _map_moved_by_folder(moved: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Renamed files as the tables of each folder name them: relative to it, or ("") to the dataset."""
    found: dict[str, dict[str, str]] = {"": dict(moved)}
    for old, new in moved.items():
        for folder in PurePosixPath(old).parents:
            if new.startswith(f"{folder}/"):
                start = len(f"{folder}/")
                found.setdefault(str(folder), {})[old[start:]] = new[start:]
    return found


def _is_whole(table: tsv.Rows) -> bool:
    """Whether every line of a table could be read."""
    return not any(problem.kind in ("ragged", "encoding") for problem in table.problems)


def _content(path: Path) -> dict[str, Json] | None:
    """The JSON object in a file, or None where it holds none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _text(value: Json) -> str:
    """A value as text: true, 1 and 1.0 are not the same."""
    return json.dumps(value, sort_keys=True)


def labels(pair: Pair) -> dict[str, tuple[int, int]]:
    """The labels that are in another number of rows than before."""
    before, after = (_count_labels(tables.read(side.get(LABELS))) for side in (pair.old, pair.new))
    found = {label: (before[label], after[label]) for label in sorted(before.keys() | after.keys())}
    return {label: numbers for label, numbers in found.items() if numbers[0] != numbers[1]}


def _count_labels(table: tsv.Rows) -> Counter[str]:
    """In how many rows each label is; a cell that is no list has none."""
    found: Counter[str] = Counter()
    for cell in table.column("labels"):
        with suppress(DataError):
            found.update(set(words(cell)))
    return found
