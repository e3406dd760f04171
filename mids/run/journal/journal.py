"""The journal beside a dataset (``<DEST>.mids/journal.sqlite``): what was made, from what, under which name.

Its folder is readable by its owner only: it holds what the dataset must not.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, replace
from pathlib import Path

from mids.errors import MidsError
from mids.issues import Issue, read_issue
from mids.plan.compare import UNREAD, Known
from mids.plan.job import Job, Plan, Subject, TableRow
from mids.records import Delivered, Json, Source
from mids.run.journal.database import IN_MEMORY
from mids.run.journal.written import Written


def state_folder(dataset: Path) -> Path:
    """Where the state of a dataset lives: beside it, never in it."""
    return dataset.with_name(dataset.name + ".mids")


_UNFINISHED = "withdrawing "
"""What a fact's name begins with that stands for a withdrawal until its end; the subject ID follows."""


TOLD = "issues"
"""The private fact of an image that holds what was noteworthy when it was made."""


class Journal(Written):
    """The journal of one dataset; a second run on the same dataset is refused while it is open.

    Every method raises `MidsError` where the journal can't be written.
    """

    def copy(self) -> "Journal":
        """A copy in memory, in which a dry run notes what a run would."""
        other = Journal(Path(IN_MEMORY))
        self._db.backup(other._db)
        return other

    def settle(self, name: str, value: str, complaint: str, *, before: str = "") -> None:
        """Records a fact that every run on this dataset must share; `MidsError` where it differs.

        `before` is what holds for a dataset that was made before journals knew of this fact.
        """
        row = next(self._ask("SELECT value FROM meta WHERE name = ?", (name,)), None)
        if row is None and before and self.names():
            row = (before,)
        if row is None:
            self._do("INSERT INTO meta VALUES (?, ?)", (name, value))
        elif row[0] != value:
            raise MidsError(complaint)

    def fact(self, name: str) -> str:
        """A recorded fact; empty where there is none."""
        row = next(self._ask("SELECT value FROM meta WHERE name = ?", (name,)), None)
        return str(row[0]) if row else ""

    def note(self, name: str, value: str) -> None:
        """Records a fact of the newest run, in place of an earlier one's."""
        self._do("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def seal(self) -> None:
        """Forgets everything but that the dataset is finished, so that nothing here links a source to an output."""
        self._do("PRAGMA secure_delete=ON")
        with self._together(lasting=True):
            for table in ("jobs", "texts", "subjects", "meta", "names", "marks", "people", "withdrawn", "bases"):
                self._do(f"DELETE FROM {table}")
            self._do("INSERT INTO meta VALUES ('sealed', 'yes')")
        self._do("VACUUM")

    def has_facts(self) -> bool:
        """Whether a run on this dataset began before; one without facts of it is new, or empty after a power cut."""
        return next(self._ask("SELECT 1 FROM meta"), None) is not None

    def is_sealed(self) -> bool:
        """Whether an earlier run gave random ids and ended."""
        return next(self._ask("SELECT value FROM meta WHERE name = 'sealed'"), None) is not None

    def known(self) -> dict[str, Known]:
        """Every job ever finished, by its image."""
        rows = self._ask("SELECT path, digest, outputs, key FROM jobs")
        return {path: Known(digest, self._stamps(outputs), key) for path, digest, outputs, key in rows}

    def _stamps(self, text: str) -> dict[str, tuple[int, int]]:
        try:
            found = {str(path): (int(stamp[0]), int(stamp[1])) for path, stamp in self._parse(text).items()}
        except (AttributeError, TypeError, ValueError, LookupError) as error:
            raise self._damage() from error
        return dict(self._checked(found.items()))

    def origins(self, image: str) -> list[str]:
        """The names of the sources that an image was made of."""
        return [source.name for source in self.sources(image)]

    def sources(self, image: str) -> list[Source]:
        """The sources that an image was made of; journals of earlier versions know no size and time of them."""
        found = next(self._ask("SELECT sources FROM jobs WHERE path = ?", (image,)), ("[]",))
        try:
            return [Source(*parts) for parts in self._parse(found[0], list)]
        except TypeError as error:
            raise self._damage() from error

    def names(self) -> dict[str, str]:
        """The image path that each source item has for good, by the item's key."""
        made = "SELECT key, path FROM jobs WHERE key NOT IN (SELECT key FROM names)"
        return dict(self._ask(f"SELECT key, path FROM names WHERE is_settled UNION {made}"))

    def given(self) -> dict[str, str]:
        """The image path that each source item has until a run can read the whole source, by the item's key."""
        return dict(self._ask("SELECT key, path FROM names WHERE NOT is_settled"))

    def give_names(self, plan: Plan) -> None:
        """Records what the plan calls its images, before any is made: whatever stops the run, the next goes on so.

        Where a part of the source could not be read, an image of it may stand between these: their names are not for
        good. Names of images that neither the plan nor the dataset has are free again once all could be read.
        """
        is_whole = not any(found.code in UNREAD for found in plan.issues)
        rows = (
            (job.key, job.path, int(is_whole and not any(found.code in UNREAD for found in subject.issues)))
            for subject in plan.subjects
            for job in subject.jobs
            if job.name is not None
        )
        with self._together(lasting=True):
            self._do("CREATE TEMP TABLE planned (key TEXT PRIMARY KEY, path TEXT, is_settled INTEGER)")
            for row in rows:
                self._do("INSERT OR REPLACE INTO planned VALUES (?, ?, ?)", row)
            self._do(
                "INSERT INTO names SELECT * FROM planned WHERE TRUE ON CONFLICT (key) DO UPDATE SET "
                "path = excluded.path, is_settled = max(is_settled, excluded.is_settled)"
            )
            if is_whole and plan.complete and not plan.adds:
                kept = "SELECT key FROM planned UNION SELECT key FROM jobs"
                self._do(f"DELETE FROM names WHERE key NOT IN ({kept})")
            self._do("DROP TABLE planned")

    def announce(self, jobs: Iterable[tuple[Job, str, Mapping[str, tuple[int, int]], Mapping[str, str]]]) -> None:
        """Records jobs whose files are about to be moved in, so that after a crash they are known as ours.

        Each is a job, its digest, and size and time of each output, and its marks.
        """
        with self._together(lasting=True):
            for job, digest, outputs, marks in jobs:
                self._do(
                    "INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, '{}', '{}', '{}')",
                    (job.path, job.key, job.subject, job.session, f"moving {digest}", json.dumps(outputs),
                     json.dumps([astuple(source) for source in job.action.sources]),
                     json.dumps(dict(job.row))),
                )  # fmt: skip
                for path, found in marks.items():
                    self._do("INSERT OR REPLACE INTO marks VALUES (?, ?)", (path, found))

    def finish(self, jobs: Iterable[tuple[Job, str, Mapping[str, Json], Mapping[str, Json]]]) -> None:
        """Records jobs as done, each with its digest, its facts and what is private of it."""
        with self._together():
            for job, digest, facts, private in jobs:
                self._do(
                    "UPDATE jobs SET digest = ?, facts = ?, private = ? WHERE path = ?",
                    (digest, json.dumps(dict(facts)), json.dumps(dict(private)), job.path),
                )

    def joined(self, source: str, *, keep: bool) -> bool:
        """Whether the dataset has another source too; the source of this run is recorded if it is to be kept."""
        row = next(self._ask("SELECT value FROM meta WHERE name = 'sources'"), None)
        known = self._parse(row[0], list) if row else []
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
        entries = json.dumps([[entry.table, dict(entry.row)] for entry in subject.entries])
        with self._together():
            self._do(
                "INSERT OR REPLACE INTO subjects VALUES (?, ?, ?, ?)",
                (subject.label, json.dumps(dict(subject.row)), sessions, entries),
            )
            for job in subject.jobs:
                values = (json.dumps(dict(job.row)), json.dumps(dict(job.sidecar)), job.path)
                self._do("UPDATE jobs SET row = ?, sidecar = ? WHERE path = ?", values)

    def images(self) -> Iterator[Delivered]:
        """Every image that is in the dataset, ordered by path, one at a time."""
        paths = [*self._ask("SELECT path FROM jobs WHERE digest NOT LIKE 'moving %' ORDER BY path")]
        for (path,) in paths:
            columns = "subject, session, row, sidecar, facts, private"
            row = next(self._ask(f"SELECT {columns} FROM jobs WHERE path = ?", (path,)))
            cells, sidecar, facts, private = map(self._parse, row[2:])
            taken = {key for key, value in facts.items() if value is None}
            said = {key: value for key, value in {**sidecar, **facts}.items() if key not in taken}
            yield Delivered(path, row[0], row[1], cells, said, private)

    def told(self) -> Iterator[Issue]:
        """What was noteworthy of each image that is in the dataset when it was made."""
        rows = self._ask("SELECT private FROM jobs WHERE digest NOT LIKE 'moving %' ORDER BY path")
        for (private,) in rows:
            try:
                yield from map(read_issue, self._parse(private).get(TOLD, ()))
            except (TypeError, ValueError, LookupError, AttributeError) as error:
                raise self._damage() from error

    def subject(self, label: str) -> Subject | None:
        """What is known of a subject but its jobs; None where it is not known at all."""
        found = next(self._ask("SELECT row, sessions, entries FROM subjects WHERE label = ?", (label,)), None)
        if found is None:
            return None
        row, sessions, entries = self._parse(found[0]), self._parse(found[1]), self._parse(found[2], list)
        return Subject(label, row, sessions, entries=tuple(TableRow(table, cells) for table, cells in entries))

    def person(self, patient: str) -> tuple[str, str, str] | None:
        """Which source told of a patient, and keyed digests of birth date and sex (empty: unknown)."""
        row = next(self._ask("SELECT source, born, sex FROM people WHERE patient = ?", (patient,)), None)
        return (row[0], row[1], row[2]) if row else None

    def restamp(self, stamps: Mapping[str, tuple[int, int]]) -> None:
        """Records the times of files of ours that were copied, and that hold what they held."""
        with self._together():
            for path, (size, time) in stamps.items():
                self._do("UPDATE texts SET size = ?, mtime = ? WHERE path = ?", (size, time, path))
            for image, entry in self.known().items() if stamps else ():
                if not stamps.keys().isdisjoint(entry.outputs):
                    outputs = {path: stamps.get(path, stamp) for path, stamp in entry.outputs.items()}
                    self._do("UPDATE jobs SET outputs = ? WHERE path = ?", (json.dumps(outputs), image))

    def bury(self, tombstones: Iterable[str], label: str) -> None:
        """Records that a patient is withdrawn, and that this is not finished (`rest`)."""
        with self._together(lasting=True):
            self.note(f"{_UNFINISHED}{label}", "yes")
            for tombstone in sorted(tombstones):
                self._do("INSERT OR IGNORE INTO withdrawn VALUES (?)", (tombstone,))

    def rest(self, label: str) -> None:
        """Records that nothing is left of a patient who was buried."""
        self._do("PRAGMA secure_delete=ON")
        self._do("DELETE FROM meta WHERE name = ?", (f"{_UNFINISHED}{label}",))
        self._do("PRAGMA wal_checkpoint(TRUNCATE)")

    def unfinished(self) -> int:
        """How many withdrawals were stopped before their end."""
        rows = self._ask("SELECT count(*) FROM meta WHERE name LIKE ?", (f"{_UNFINISHED}%",))
        return int(next(rows)[0])

    def outputs(self, label: str) -> list[str]:
        """The files that were made of a subject."""
        made = self._ask("SELECT outputs FROM jobs WHERE subject = ?", (label,))
        return [path for (outputs,) in [*made] for path in self._stamps(outputs)]

    def withdraw(self, label: str) -> None:
        """Forgets everything of a subject but its tombstones.

        Deleted rows are overwritten (https://www.sqlite.org/pragma.html#pragma_secure_delete), in the log too.
        """
        ours = [path for path in self.texts() if f"sub-{label}/" in path]
        self._do("PRAGMA secure_delete=ON")
        with self._together(lasting=True):
            self._do("DELETE FROM jobs WHERE subject = ?", (label,))
            self._do("DELETE FROM subjects WHERE label = ?", (label,))
            self._do("DELETE FROM people WHERE label = ?", (label,))
            for path in ours:
                self._do("DELETE FROM texts WHERE path = ?", (path,))
            for table in ("names", "marks", "bases"):
                self._do(f"DELETE FROM {table} WHERE path LIKE ?", (f"%sub-{label}/%",))
        self._do("VACUUM")
        self._do("PRAGMA wal_checkpoint(TRUNCATE)")

    def labels(self) -> frozenset[str]:
        """The subjects that anything is known of."""
        rows = self._ask("SELECT subject FROM jobs UNION SELECT label FROM subjects")
        return frozenset(label for (label,) in rows if label)

    def is_withdrawn(self, patient: str) -> bool:
        """Whether a patient, by a keyed reference, was withdrawn from the dataset."""
        return next(self._ask("SELECT 1 FROM withdrawn WHERE patient = ?", (patient,)), None) is not None

    def meet(self, people: Mapping[str, tuple[str, str, str, str]]) -> None:
        """Records what deliveries say of patients, by keyed references."""
        with self._together(lasting=True):
            for patient, said in people.items():
                self._do("INSERT OR REPLACE INTO people VALUES (?, ?, ?, ?, ?)", (patient, *said))

    def forget(self, paths: Sequence[str]) -> None:
        """Forgets files, and jobs whose image is among them."""
        with self._together():
            for path in paths:
                for table in ("texts", "jobs", "marks", "bases"):
                    self._do(f"DELETE FROM {table} WHERE path = ?", (path,))
