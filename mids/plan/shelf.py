"""Subjects of a plan on disk: a plan of a million images takes no more memory than its largest subject."""

import pickle
import sqlite3
from collections.abc import Iterator, Sequence
from typing import overload

from mids.plan.job import Subject


class Shelf(Sequence[Subject]):
    """A sequence of subjects in order of their labels; only the one that is looked at is in memory.

    What is kept lies in a temporary file without a name, which ends with the program.
    """

    def __init__(self) -> None:
        # Whichever thread collects the shelf closes it: one thread at a time ever uses it.
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for statement in ("PRAGMA journal_mode=OFF", "PRAGMA synchronous=OFF", "PRAGMA cache_size=-8000"):
            self._db.execute(statement)
        self._labels: list[str] | None = None
        self._db.execute("CREATE TABLE subjects (label TEXT PRIMARY KEY, content BLOB NOT NULL) WITHOUT ROWID")

    def __del__(self) -> None:
        self._db.close()

    def add(self, subject: Subject) -> None:
        """Puts a subject in its place."""
        content = pickle.dumps(subject, protocol=pickle.HIGHEST_PROTOCOL)
        self._db.execute("INSERT INTO subjects VALUES (?, ?)", (subject.label, content))
        self._labels = None

    def replace(self, subject: Subject) -> None:
        """Puts a subject in the place of the one with its label, in whatever case."""
        content = pickle.dumps(subject, protocol=pickle.HIGHEST_PROTOCOL)
        values = (subject.label, content, subject.label)
        self._db.execute("UPDATE subjects SET label = ?, content = ? WHERE label = ? COLLATE NOCASE", values)
        self._labels = None

    def take(self, label: str) -> Subject:
        """Takes the subject of a label away; raises `KeyError` where there is none."""
        subject = self.labelled(label)
        self._db.execute("DELETE FROM subjects WHERE label = ?", (label,))
        self._labels = None
        return subject

    def labelled(self, label: str) -> Subject:
        """The subject of a label, in whatever case; raises `KeyError` where there is none."""
        found = "SELECT content FROM subjects WHERE label = ?"
        row = self._db.execute(found, (label,)).fetchone()
        row = row or self._db.execute(f"{found} COLLATE NOCASE", (label,)).fetchone()
        if row is None:
            raise KeyError(label)
        return _subject(row[0])

    def __iter__(self) -> Iterator[Subject]:
        for label in self._ordered():
            yield self.labelled(label)

    def __len__(self) -> int:
        return len(self._ordered())

    def _ordered(self) -> list[str]:
        if self._labels is None:
            self._labels = [label for (label,) in self._db.execute("SELECT label FROM subjects ORDER BY label")]
        return self._labels

    @overload
    def __getitem__(self, at: int) -> Subject: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Subject]: ...
    def __getitem__(self, at: int | slice) -> Subject | Sequence[Subject]:
        if isinstance(at, slice):
            return [self.labelled(label) for label in self._ordered()[at]]
        return self.labelled(self._ordered()[at])


def _subject(content: bytes) -> Subject:
    subject = pickle.loads(content)  # our own, from a file that nobody else can open
    assert isinstance(subject, Subject)
    return subject
