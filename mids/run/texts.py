"""Writes sidecars, tables and descriptions; what a person changed in one is merged, or kept and told.

A file is written in this order: its new content is on the disk, the journal knows of it, it is moved in. What a person
changed is replaced in one step and never removed before; the journal holds the text that we wrote before until the new
one is in place, so that a merge that was stopped is made again from the same texts.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path, PurePosixPath

from mids.errors import MidsError
from mids.issues import Issue, issue
from mids.plan.texts.merging import Merged, can_merge, merge
from mids.run.decided.choices import EDITS
from mids.run.disk import find_place, flush_files, mark, write_file
from mids.run.journal.journal import Journal
from mids.run.journal.written import Base, Text
from mids.run.moving import BATCH, Place, move, read_stamp, remove, scratch_folder

_BACK = f"--forget {EDITS} writes the program's own text again"


@dataclass(frozen=True, slots=True)
class Held:
    """What stands in the way of a small file: `foreign` files, and those of ours that a person `changed`.

    `damaged` ones hold what a power cut left. `forgets` says that a person's changes are to go.
    """

    foreign: Collection[str] = ()
    changed: Collection[str] = ()
    damaged: Collection[str] = ()
    forgets: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """What a small file will be: its content (None: it stays as a person left it), and how that came about."""

    path: str
    content: bytes | None
    base: Base | None = None
    merged: Merged | None = None
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What would become of a small file: `new`, `changed` or `removed`; `what` counts rows or names keys."""

    state: str
    path: str
    what: str = ""


@dataclass(slots=True)
class Drafting:
    """Decides what becomes of each small file, from what it should say and what is there; writes nothing."""

    place: Place
    journal: Journal
    held: Held
    wanted: set[str] = field(default_factory=set)
    _based: Mapping[str, bool] = field(init=False)

    def __post_init__(self) -> None:
        self._based = self.journal.based()

    def drafts(self, texts: Iterable[tuple[str, str]]) -> Iterator[Draft]:
        """Each small file."""
        for path, text in texts:
            self.wanted.add(path)
            yield self._draft(path, text.encode())

    def unwanted(self) -> tuple[list[str], list[Issue]]:
        """Files of ours that nothing wants any more, once all others were drafted; and what is told of changed ones.

        A changed table goes too, unless it holds rows of a person.
        """
        gone, told = [], []
        for path in sorted(self.journal.texts().keys() - self.wanted):
            if self._is_blocked(path):
                continue
            if path not in self.held.changed or self.held.forgets or self._has_no_rows(path):
                gone.append(path)
            else:
                told.append(_tell_kept(path))
        return gone, told

    def _draft(self, path: str, planned: bytes) -> Draft:
        if self._is_blocked(path):
            return Draft(path, None)
        base = Base(planned) if can_merge(path) else None
        is_edited = path in self.held.changed or self._based.get(path, False)
        if not is_edited or self.held.forgets or not find_place(self.place.dataset, path).is_file():
            return Draft(path, planned, base)
        if base is None:
            return Draft(path, None, issues=(_tell_kept(path),))
        return self._join(path, planned)

    def _join(self, path: str, planned: bytes) -> Draft:
        """The draft of a file in which a person may have changed something."""
        was = self.journal.base(path)
        found = find_place(self.place.dataset, path).read_bytes()
        if path in self.held.damaged:
            if was is None or was.merged is None:
                return Draft(path, planned, Base(planned))
            found = was.merged
        ours = was.before if was and was.before is not None and found not in (was.merged, was.ours) else None
        joined = merge(path, ours or (was.ours if was else None), found, planned)
        if joined is None:
            message = f"the file was changed by hand, and can't be read as what it was: it stays as it is; {_BACK}"
            return Draft(path, None, issues=(issue("FILE_UNMERGED", message, path, origin="run"),))
        if joined.content == planned:
            return Draft(path, planned, Base(planned))
        last = None if was is None else ours or was.ours
        base = Base(planned, joined.content, last if joined.content != found else None)
        told = (_tell_merged(path, joined),) if joined.holds_own or path in self.held.changed else ()
        return Draft(path, joined.content, base, joined, told)

    def _has_no_rows(self, path: str) -> bool:
        base = self.journal.base(path)
        if base is None or not path.endswith(".tsv"):
            return False
        header = base.ours.split(b"\n", 1)[0] + b"\n"
        joined = merge(path, base.ours, (self.place.dataset / path).read_bytes(), header)
        return joined is not None and not joined.own_rows

    def _is_blocked(self, path: str) -> bool:
        above = map(str, PurePosixPath(path).parents)
        return path in self.held.foreign or not {*self.held.foreign, *self.held.changed}.isdisjoint(above)


def _tell_kept(path: str) -> Issue:
    message = f"the file was changed since it was made; it is kept as it is: {_BACK}, or delete the file and run"
    return issue("FOREIGN_FILE", message, path, origin="run")


def _tell_merged(path: str, joined: Merged) -> Issue:
    """What a merge did and kept, without a value and without a name that a person gave."""
    word = "rows" if path.endswith(".tsv") else "keys"
    what = ("cells of " if word == "rows" else "") + ", ".join(joined.columns)
    kept = [what] if joined.columns else []
    kept += [f"{joined.own_columns} {'columns' if word == 'rows' else 'keys'} more"] if joined.own_columns else []
    kept += [f"{joined.own_rows} rows more"] if joined.own_rows else []
    done = f"{joined.added} {word} added, {joined.removed} removed, {joined.updated} updated"
    stays = (
        f"what was changed by hand stays ({'; '.join(kept)})" if kept else "nothing that was changed by hand is left"
    )
    return issue("FILE_MERGED", f"{done}; {stays}; {_BACK}", path, origin="run")


def preview_texts(place: Place, journal: Journal, texts: Iterable[tuple[str, str]], held: Held) -> Iterator[Change]:
    """What `write_texts` would change; no value of a file is in it."""
    drafting = Drafting(place, journal, held)
    for draft in drafting.drafts(texts):
        target = place.dataset / draft.path
        if draft.content is None:
            continue
        if not target.is_file():
            yield Change("new", draft.path)
        elif (found := target.read_bytes()) != draft.content:
            yield Change("changed", draft.path, _difference(draft.path, found, draft.content))
    for path in drafting.unwanted()[0]:
        if (place.dataset / path).is_file():
            yield Change("removed", path)


def _difference(path: str, old: bytes, new: bytes) -> str:
    """How many rows of a table, or which keys of an object, are not what they were."""
    if path.endswith(".tsv"):
        before, after = Counter(old.splitlines()[1:]), Counter(new.splitlines()[1:])
        return f"{(after - before).total()} rows new or changed, {(before - after).total()} gone or changed"
    try:
        was, now = json.loads(old), json.loads(new)
        return "keys " + ", ".join(key for key in {**was, **now} if was.get(key) != now.get(key))
    except (ValueError, TypeError, AttributeError):
        return ""


def write_texts(
    place: Place, journal: Journal, texts: Iterable[tuple[str, str]], held: Held
) -> tuple[list[str], list[Issue]]:
    """Writes sidecars, tables and descriptions; returns what nothing wanted any more and is removed, and Issues."""
    drafting = Drafting(place, journal, held)
    told: list[Issue] = []

    def due() -> Iterator[Draft]:
        for draft in drafting.drafts(texts):
            told.extend(draft.issues)
            if draft.content is not None:
                yield draft

    try:
        with scratch_folder(place):
            waiting = due()
            ours = journal.texts()
            while batch := tuple(islice(waiting, 4 * BATCH)):
                _write(place, journal, batch, ours)
        unwanted, kept = drafting.unwanted()
    except OSError as error:
        raise MidsError(
            f"can't write the dataset ({error.strerror}): finished work is kept; run again to continue"
        ) from error
    return remove(unwanted, place, journal), [*told, *kept]


def _write(place: Place, journal: Journal, drafts: Sequence[Draft], ours: Mapping[str, tuple[int, int]]) -> None:
    """Writes small files unless they hold the content already, so that a second run changes nothing.

    Old files that hold nothing of a person go before the new ones are announced, as in `Mover.flush`.
    """
    moves: list[tuple[Path, Path]] = []
    announced: list[Text] = []
    ours_only: list[Path] = []
    settled: list[tuple[str, Base]] = []
    for draft in drafts:
        path, content, base = draft.path, draft.content or b"", draft.base
        target = find_place(place.dataset, path)
        if target.is_file() and target.read_bytes() == content:
            if ours.get(path) != read_stamp(target):
                announced.append(Text(path, read_stamp(target), mark(target), base))
            elif base is not None and journal.base(path) != base:
                settled.append((path, base))
            continue
        half = place.scratch / str(len(moves))
        write_file(half, content)
        announced.append(Text(path, read_stamp(half), mark(half), base))
        moves.append((half, target))
        if draft.merged is None:
            ours_only.append(target)
        elif base is not None:
            settled.append((path, replace(base, before=None)))
    if announced:
        flush_files([half for half, _ in moves])
        for target in ours_only:
            target.unlink(missing_ok=True)
        journal.wrote(announced)
        move(moves, place.dataset)
    if settled:
        journal.set_bases(settled)
