"""The journal beside a dataset (``<DEST>.mids/journal.sqlite``): what was made, from what, under which name.

One file, one writer, survives SIGKILL. Its folder is readable by its owner only: it holds what the dataset
must not.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mids.errors import MidsError
from mids.plan.compare import Known
from mids.plan.job import Job, Subject, TableRow
from mids.records import Delivered, Json

IN_MEMORY = ":memory:"
"""The name of a journal that is kept nowhere: that of a dry run without an earlier run."""

VERSION = 2
"""Of the tables below (user_version of the file); a journal of another version is not touched."""

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS jobs (
  path TEXT PRIMARY KEY, key TEXT NOT NULL, subject TEXT NOT NULL, session TEXT NOT NULL, digest TEXT NOT NULL,
  outputs TEXT NOT NULL, sources TEXT NOT NULL, row TEXT NOT NULL, facts TEXT NOT NULL, private TEXT NOT NULL,
  sidecar TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS texts (path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS subjects (label TEXT PRIMARY KEY, row TEXT NOT NULL, sessions TEXT NOT NULL,
  entries TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS people (patient TEXT PRIMARY KEY, source TEXT NOT NULL, born TEXT NOT NULL,
  sex TEXT NOT NULL, label TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS withdrawn (patient TEXT PRIMARY KEY);
"""


def state_folder(dataset: Path) -> Path:
    """Where the state of a dataset lives: beside it, never in it."""
    return dataset.with_name(dataset.name + ".mids")


class Journal:
    """The journal of one dataset; a second run on the same dataset is refused while it is open.

    Every method raises `MidsError` where the journal can't be written.
    """

    def __init__(self, path: Path) -> None:
        try:
            if path.parent.is_dir() and path.name != IN_MEMORY:
                path.touch(mode=0o600)  # it holds real paths; sqlite alone would let everybody read them
            self._db = sqlite3.connect(path, timeout=0, isolation_level=None)
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            # A write-ahead log waits for the disk now and then, not twice a file: 6 ms each time on a common disk.
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA wal_autocheckpoint=16")  # pages: the log stays small on a small disk
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute("BEGIN EXCLUSIVE")
            self._check_version(path)
            for statement in _TABLES.split(";"):
                self._db.execute(statement)
            self._db.execute("COMMIT")
        except (sqlite3.OperationalError, OSError) as error:
            if "locked" in str(error):
                raise MidsError("another run is writing to DEST: wait until it has ended") from error
            reason = error.strerror if isinstance(error, OSError) else error
            raise MidsError(f"can't open the journal {path} ({reason}): check its permissions") from error
        except sqlite3.DatabaseError as error:
            raise MidsError(
                f"the journal {path} is damaged: move {path.parent} and the dataset away, and run again"
            ) from error

    def _check_version(self, path: Path) -> None:
        if self._db.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
            self._db.execute(f"PRAGMA user_version = {VERSION}")
        elif self._db.execute("PRAGMA user_version").fetchone() != (VERSION,):
            raise MidsError(f"another version of mids made the journal {path}: use that version, or another DEST")

    def _do(self, statement: str, values: Sequence[str | int] = ()) -> None:
        try:
            self._db.execute(statement, values)
        except sqlite3.OperationalError as error:
            raise MidsError(
                f"can't write the journal ({error}): finished work is kept; run again to continue"
            ) from error

    def close(self) -> None:
        """Closes the journal and lets other runs in."""
        self._db.close()

    def settle(self, name: str, value: str, complaint: str, *, before: str = "") -> None:
        """Records a fact that every run on this dataset must share; `MidsError` where it differs.

        `before` is what holds for a dataset that was made before journals knew of this fact.
        """
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        if row is None and before and self.names():
            row = (before,)
        if row is None:
            self._do("INSERT INTO meta VALUES (?, ?)", (name, value))
        elif row[0] != value:
            raise MidsError(complaint)

    def fact(self, name: str) -> str:
        """A recorded fact; empty where there is none."""
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def note(self, name: str, value: str) -> None:
        """Records a fact of the newest run, in place of an earlier one's."""
        self._do("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def seal(self) -> None:
        """Forgets everything but that the dataset is finished, so that nothing here links a source to an output."""
        self._do("PRAGMA secure_delete=ON")
        self._do("BEGIN")
        for table in ("jobs", "texts", "subjects", "people", "withdrawn", "meta"):
            self._do(f"DELETE FROM {table}")
        self._do("INSERT INTO meta VALUES ('sealed', 'yes')")
        self._do("COMMIT")
        self._do("VACUUM")

    def is_sealed(self) -> bool:
        """Whether an earlier run gave random ids and ended."""
        return self._db.execute("SELECT value FROM meta WHERE name = 'sealed'").fetchone() is not None

    def known(self) -> dict[str, Known]:
        """Every job ever finished, by its image."""
        rows = self._db.execute("SELECT path, digest, outputs FROM jobs")
        return {path: Known(digest, _stamps(outputs)) for path, digest, outputs in rows}

    def names(self) -> dict[str, str]:
        """The image path that each source item has, by the item's key."""
        return dict(self._db.execute("SELECT key, path FROM jobs"))

    def announce(self, job: Job, digest: str, outputs: Mapping[str, tuple[int, int]]) -> None:
        """Records a job whose files are about to be moved in, so that after a crash they are known as ours."""
        self._do(
            "INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, '{}', '{}', '{}')",
            (job.path, job.key, job.subject, job.session, f"moving {digest}", json.dumps(outputs),
             json.dumps([[source.path, source.member] for source in job.action.sources]), json.dumps(dict(job.row))),
        )  # fmt: skip

    def finish(self, job: Job, digest: str, facts: Mapping[str, Json], private: Mapping[str, Json]) -> None:
        """Records a job as done."""
        self._do(
            "UPDATE jobs SET digest = ?, facts = ?, private = ? WHERE path = ?",
            (digest, json.dumps(dict(facts)), json.dumps(dict(private)), job.path),
        )

    def joined(self, source: str, *, keep: bool) -> bool:
        """Whether the dataset has another source too; the source of this run is recorded if it is to be kept."""
        row = self._db.execute("SELECT value FROM meta WHERE name = 'sources'").fetchone()
        known = json.loads(row[0]) if row else []
        if keep and source not in known:
            self._do("INSERT OR REPLACE INTO meta VALUES ('sources', ?)", (json.dumps([*known, source]),))
        return bool({*known} - {source})

    def describe(self, subject: Subject, *, adds: bool = False) -> None:
        """Records what the headers say of a subject, its sessions and images: the newest plan's word counts.

        `adds` keeps what another source said of its sessions and tables.
        """
        old = self.subject(subject.label) if adds else None
        if old:
            others = tuple(entry for entry in old.entries if entry not in subject.entries)
            sessions_of_both = {**old.sessions, **subject.sessions}
            subject = replace(subject, sessions=sessions_of_both, entries=(*others, *subject.entries))
        sessions = json.dumps({label: dict(row) for label, row in subject.sessions.items()})
        self._do("BEGIN")
        entries = json.dumps([[entry.table, dict(entry.row)] for entry in subject.entries])
        self._do(
            "INSERT OR REPLACE INTO subjects VALUES (?, ?, ?, ?)",
            (subject.label, json.dumps(dict(subject.row)), sessions, entries),
        )
        for job in subject.jobs:
            values = (json.dumps(dict(job.row)), json.dumps(dict(job.sidecar)), job.path)
            self._do("UPDATE jobs SET row = ?, sidecar = ? WHERE path = ?", values)
        self._do("COMMIT")

    def images(self) -> Iterator[Delivered]:
        """Every image that is in the dataset, ordered by path, one at a time."""
        paths = self._db.execute("SELECT path FROM jobs WHERE digest NOT LIKE 'moving %' ORDER BY path").fetchall()
        for (path,) in paths:
            columns = "subject, session, row, sidecar, facts, private"
            row = self._db.execute(f"SELECT {columns} FROM jobs WHERE path = ?", (path,)).fetchone()
            cells, sidecar, facts, private = map(json.loads, row[2:])
            yield Delivered(path, row[0], row[1], cells, {**sidecar, **facts}, private)

    def subject(self, label: str) -> Subject | None:
        """What is known of a subject but its jobs; None where it is not known at all."""
        found = self._db.execute("SELECT row, sessions, entries FROM subjects WHERE label = ?", (label,)).fetchone()
        if found is None:
            return None
        row, sessions, entries = map(json.loads, found)
        return Subject(label, row, sessions, entries=tuple(TableRow(table, cells) for table, cells in entries))

    def person(self, patient: str) -> tuple[str, str, str] | None:
        """Which source told of a patient, and keyed digests of birth date and sex (empty: unknown)."""
        row = self._db.execute("SELECT source, born, sex FROM people WHERE patient = ?", (patient,)).fetchone()
        return (row[0], row[1], row[2]) if row else None

    def withdraw(self, label: str, tombstone: str) -> list[str]:
        """Forgets everything of a subject but the tombstone; returns the files that were made of it.

        Deleted rows are overwritten (https://www.sqlite.org/pragma.html#pragma_secure_delete), in the log too.
        """
        made = self._db.execute("SELECT outputs FROM jobs WHERE subject = ?", (label,)).fetchall()
        self._do("PRAGMA secure_delete=ON")
        self._do("BEGIN")
        self._do("INSERT OR IGNORE INTO withdrawn VALUES (?)", (tombstone,))
        self._do("DELETE FROM jobs WHERE subject = ?", (label,))
        self._do("DELETE FROM subjects WHERE label = ?", (label,))
        self._do("DELETE FROM people WHERE label = ?", (label,))
        for path in self.texts():
            if f"sub-{label}/" in path:
                self._do("DELETE FROM texts WHERE path = ?", (path,))
        self._do("COMMIT")
        self._do("VACUUM")
        self._do("PRAGMA wal_checkpoint(TRUNCATE)")
        return [path for (outputs,) in made for path in json.loads(outputs)]

    def labels(self) -> frozenset[str]:
        """The subjects that anything is known of."""
        rows = self._db.execute("SELECT subject FROM jobs UNION SELECT label FROM subjects")
        return frozenset(label for (label,) in rows if label)

    def is_withdrawn(self, patient: str) -> bool:
        """Whether a patient, by a keyed reference, was withdrawn from the dataset."""
        return self._db.execute("SELECT 1 FROM withdrawn WHERE patient = ?", (patient,)).fetchone() is not None

    def meet(self, people: Mapping[str, tuple[str, str, str, str]]) -> None:
        """Records what deliveries say of patients, by keyed references."""
        self._do("BEGIN")
        for patient, said in people.items():
            self._do("INSERT OR REPLACE INTO people VALUES (?, ?, ?, ?, ?)", (patient, *said))
        self._do("COMMIT")

    def texts(self) -> dict[str, tuple[int, int]]:
        """The small files (sidecars, tables, descriptions) that we wrote."""
        return {path: (size, mtime) for path, size, mtime in self._db.execute("SELECT * FROM texts")}

    def wrote(self, path: str, stamp: tuple[int, int]) -> None:
        """Records a small file as ours."""
        self._do("INSERT OR REPLACE INTO texts VALUES (?, ?, ?)", (path, *stamp))

    def forget(self, paths: Sequence[str]) -> None:
        """Forgets files, and jobs whose image is among them."""
        self._do("BEGIN")
        for path in paths:
            self._do("DELETE FROM texts WHERE path = ?", (path,))
            self._do("DELETE FROM jobs WHERE path = ?", (path,))
        self._do("COMMIT")


def _stamps(text: str) -> dict[str, tuple[int, int]]:
    return {path: (stamp[0], stamp[1]) for path, stamp in json.loads(text).items()}
