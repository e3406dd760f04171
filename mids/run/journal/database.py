"""The database of a journal: one file, one writer, survives SIGKILL; what is damaged or locked is one clear line."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from mids.errors import MidsError
from mids.run.disk import flush_files

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
CREATE TABLE IF NOT EXISTS names (key TEXT PRIMARY KEY, path TEXT NOT NULL, is_settled INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS marks (path TEXT PRIMARY KEY, marks TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS people (patient TEXT PRIMARY KEY, source TEXT NOT NULL, born TEXT NOT NULL,
  sex TEXT NOT NULL, label TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS withdrawn (patient TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS bases (path TEXT PRIMARY KEY, ours BLOB NOT NULL, merged BLOB, before BLOB);
"""


def begin_anew(state: Path) -> str:
    """What is left to do where a journal is lost with its copy: the tombstones of who withdrew are lost with it."""
    return f"move {state} and the dataset away, run again, and withdraw again who was withdrawn"


class DamagedJournalError(MidsError):
    """The database can't be read, or holds what no journal does."""


class Database:
    """The tables of one journal; a second run on the same dataset is refused while it is open.

    Every method raises `MidsError` where the journal can't be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
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
            if self._db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise self._damage()
            self._check_version(path)
            for statement in _TABLES.split(";"):
                self._db.execute(statement)
            self._db.execute("COMMIT")
        except (sqlite3.OperationalError, OSError) as error:
            if "locked" in str(error):
                raise MidsError("another run is writing to DEST: wait until it has ended") from error
            reason = error.strerror if isinstance(error, OSError) else error
            raise MidsError(f"can't open the journal {path} ({reason}): check its permissions") from error
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # the latter for its own message of damage
            raise self._damage() from error

    def _check_version(self, path: Path) -> None:
        if self._db.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
            self._db.execute(f"PRAGMA user_version = {VERSION}")
        elif self._db.execute("PRAGMA user_version").fetchone() != (VERSION,):
            raise MidsError(f"another version of mids made the journal {path}: use that version, or another DEST")

    def _damage(self) -> DamagedJournalError:
        return DamagedJournalError(f"the journal {self._path} is damaged: {begin_anew(self._path.parent)}")

    def _do(self, statement: str, values: Sequence[str | int | bytes | None] = ()) -> None:
        try:
            self._db.execute(statement, values)
        except sqlite3.OperationalError as error:
            raise MidsError(
                f"can't write the journal ({error}): finished work is kept; run again to continue"
            ) from error
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise self._damage() from error

    def _ask(self, question: str, values: Sequence[str | int | bytes | None] = ()) -> Iterator[Any]:
        """The rows that answer a question; raises `MidsError` where the journal is damaged."""
        try:
            for row in self._db.execute(question, values):  # noqa: UP028 - it would close a cursor after its journal
                yield row
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise self._damage() from error

    def _parse(self, text: str, kind: type = dict) -> Any:
        """A value as JSON that a row holds; raises `MidsError` where it is of another kind."""
        try:
            found = json.loads(text)
        except (TypeError, ValueError) as error:
            raise self._damage() from error
        if not isinstance(found, kind):
            raise self._damage()
        return found

    @contextmanager
    def _together(self, *, lasting: bool = False) -> Iterator[None]:
        """What is written meanwhile is there as a whole or not at all; on the disk at its end if it is `lasting`."""
        self._do(f"PRAGMA synchronous={'FULL' if lasting else 'NORMAL'}")
        self._do("BEGIN")
        try:
            yield
        except BaseException:
            if self._db.in_transaction:
                self._do("ROLLBACK")
            raise
        self._do("COMMIT")
        self._do("PRAGMA synchronous=NORMAL")

    def write_copy(self, path: Path) -> None:
        """Writes the journal into a new file, readable by its owner only; raises `MidsError` where it can't be."""
        try:
            path.unlink(missing_ok=True)
            path.touch(mode=0o600)
            with closing(sqlite3.connect(path)) as other:
                self._db.backup(other)
                other.execute("PRAGMA journal_mode=DELETE")
            flush_files([path])
        except (sqlite3.Error, OSError) as error:
            raise MidsError(f"can't write {path} ({error}): check permissions and free space") from error

    def close(self) -> None:
        """Closes the journal and lets other runs in."""
        self._db.close()
