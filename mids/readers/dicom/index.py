"""The index of a source: what every file's header says, so that a second run reads only what changed.

One SQLite file beside the dataset, readable by its owner only, for it holds what headers say; without a place for it
a temporary one that ends with the program. What memory holds is one batch of files, or one patient.
"""

import hashlib
import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from mids.errors import MidsError
from mids.issues import Issue, read_issue
from mids.readers.dicom.grouping.series import subject_key
from mids.readers.dicom.headers import Instance
from mids.records import Json, Source

VERSION = 2
"""Of what is read from a header and how it is kept; an index of another version is made anew."""

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS templates (id INTEGER PRIMARY KEY, header TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS files (
  path BLOB NOT NULL, member BLOB NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL, run INTEGER NOT NULL,
  kind TEXT NOT NULL, inner INTEGER NOT NULL, subject BLOB, series BLOB, image BLOB, template INTEGER, content TEXT,
  PRIMARY KEY (path, member)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_subject ON files (subject);
"""
_INSTANCE, _OTHER, _ISSUE, _CONTAINER = "instance", "other", "issue", "container"


_SELECT = "SELECT path, member, size, mtime, template, content FROM files"
_ORDER = "ORDER BY path, member"
_Found = tuple[bytes, bytes, int, int, int, str]


@dataclass(frozen=True, slots=True)
class Row:
    """One file of a batch: an instance (with the number of its template), another file, an Issue, or an archive."""

    source: Source
    kind: str
    subject: str = ""
    series: str = ""
    image: str = ""
    template: int = -1
    content: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """What a worker hands back: its files, and what the headers of each of their series have in common."""

    templates: tuple[str, ...]
    rows: tuple[Row, ...]


def forget(path: Path, is_theirs: Callable[[str], bool]) -> None:
    """Drops the headers of patients (`PatientKey.text`) from an index; one that can't be mended is removed.

    What is dropped is overwritten. An archive that held a file of theirs is read again by the next run.
    """
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as index:
            index.execute("PRAGMA secure_delete=ON")
            found = index.execute("SELECT DISTINCT subject FROM files WHERE subject IS NOT NULL").fetchall()
            for (subject,) in found:
                text = subject.decode("utf-8", "surrogateescape") if isinstance(subject, bytes) else subject
                if is_theirs(text):
                    members = "SELECT path FROM files WHERE subject = ? AND length(member) > 0"
                    again = f"UPDATE files SET mtime = -1 WHERE length(member) = 0 AND path IN ({members})"
                    index.execute(again, (subject,))
                    index.execute("DELETE FROM files WHERE subject = ?", (subject,))
            used = "SELECT template FROM files WHERE template IS NOT NULL"
            index.execute(f"DELETE FROM templates WHERE id NOT IN ({used})")
            index.execute("VACUUM")
            index.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.DatabaseError:
        path.unlink()


def packed(instances: Sequence[Instance], others: Sequence[Source], issues: Sequence[Issue]) -> Batch:
    """What reading some files found, small: what all instances of a series share is kept once."""
    series: dict[str, list[Instance]] = defaultdict(list)
    for instance in instances:
        series[instance.text("SeriesInstanceUID")].append(instance)
    templates, rows = [], []
    for number, group in enumerate(series.values()):
        common = _common(group)
        templates.append(json.dumps(common))
        for one in group:
            own = {key: value for key, value in one.header.items() if key not in common}
            frames: Json = {keyword: [*values] for keyword, values in one.per_frame.items()}
            facts: Json = [own, one.transfer_syntax, one.has_pixels, one.truncated, frames, [*one.mended]]
            uids = one.text("SeriesInstanceUID"), one.text("SOPInstanceUID")
            rows.append(Row(one.source, _INSTANCE, subject_key(one).text, *uids, number, json.dumps(facts)))
    rows += [Row(source, _OTHER) for source in others]
    rows += [Row(Source(found.path), _ISSUE, content=json.dumps(asdict(found))) for found in issues]
    return Batch(tuple(templates), tuple(rows))


def _common(group: Sequence[Instance]) -> dict[str, Json]:
    first = group[0].header
    if len(group) == 1:
        return dict(first)
    # JSON tells 1 from 1.0 and True, which == does not.
    return {
        key: value
        for key, value in first.items()
        if all(key in one.header and repr(one.header[key]) == repr(value) for one in group)
    }


class Index:
    """The headers of one source.

    `wanted` is what of a header is read: an index that was made for something else begins anew. Raises `MidsError`
    where the file can't be read or written.
    """

    def __init__(self, path: Path | None, wanted: Sequence[object]) -> None:
        digest = hashlib.sha256(repr((VERSION, wanted)).encode()).hexdigest()
        try:
            try:
                self._open(path, digest)
            except sqlite3.DatabaseError as error:
                if path is None or isinstance(error, sqlite3.OperationalError):
                    raise
                self._db.close()
                path.unlink()  # damaged: it can be made anew
                self._open(path, digest)
        except (sqlite3.Error, OSError) as error:
            raise MidsError(
                f"can't open the index {path or ''}: check that its disk is neither full nor read-only"
            ) from error

    def _open(self, path: Path | None, wanted: str) -> None:
        if path is not None:
            path.touch(mode=0o600)
        self._db = sqlite3.connect(path or "", isolation_level=None)
        self._db.execute("PRAGMA synchronous=OFF")  # an index that is lost is made anew
        self._db.execute("PRAGMA journal_mode=" + ("WAL" if path is not None else "OFF"))
        for statement in _TABLES.split(";"):
            self._db.execute(statement)
        known = dict(self._db.execute("SELECT name, value FROM meta"))
        if known.get("wanted") != wanted:
            for table in ("files", "templates", "meta"):
                self._db.execute(f"DELETE FROM {table}")
        self._run = int(known.get("run", 0)) + 1
        self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", [("wanted", wanted), ("run", str(self._run))])

    def __enter__(self) -> "Index":
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def changed(self, sources: Sequence[Source]) -> list[Source]:
        """Those of `sources` (files, archives) that have to be read; the others are marked as still there."""
        left: list[Source] = []
        with self._transaction():
            self._compare(sources, left)
        return left

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._db.execute("BEGIN")
            yield
            self._db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise MidsError(f"can't write the index beside DEST ({error})") from error

    def _compare(self, sources: Sequence[Source], left: list[Source]) -> None:
        for source in sources:
            path = _blob(source.path)
            stamp = (path, source.size, source.mtime_ns)
            # What could not be read is tried again: its rights may have changed, and no time tells that.
            row = self._db.execute(
                "SELECT 1 FROM files WHERE path = ? AND size = ? AND mtime = ? AND inner = 0 AND kind <> 'issue'", stamp
            )
            if row.fetchone() is None:
                left.append(source)
            else:
                self._db.execute("UPDATE files SET run = ? WHERE path = ?", (self._run, path))

    def add(self, read: Sequence[Source], batch: Batch) -> None:
        """Keeps what was found in the files `read`, in place of what was known of them."""
        stamps = {source.path: (source.size, source.mtime_ns) for source in read}
        with self._transaction():
            self._db.executemany("DELETE FROM files WHERE path = ?", [(_blob(path),) for path in stamps])
            ids = [
                self._db.execute("INSERT INTO templates (header) VALUES (?)", (header,)).lastrowid
                for header in batch.templates
            ]
            rows = [self._row(row, ids, stamps) for row in batch.rows]
            known = {(row[0], row[1]) for row in rows}
            for source in read:
                if (_blob(source.path), b"") not in known:  # an archive, or a file with nothing to tell
                    rows.append(self._row(Row(source, _CONTAINER), ids, stamps))
            self._db.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def _row(self, row: Row, ids: Sequence[int | None], stamps: dict[str, tuple[int, int]]) -> tuple[object, ...]:
        source, content = row.source, row.content
        if row.kind == _ISSUE and source.path not in stamps:  # path!member
            path = next((path for path in stamps if source.path.startswith(f"{path}!")), source.path)
            source = Source(path, source.path.removeprefix(f"{path}!"))
        size, mtime = (source.size, source.mtime_ns) if source.member else stamps.get(source.path, (0, 0))
        template = ids[row.template] if row.template >= 0 else None
        names = (_blob(source.path), _blob(source.member), size, mtime, self._run)
        uids = _digest(row.series), _digest(row.image)
        return (*names, row.kind, int(bool(source.member)), _blob(row.subject) or None, *uids, template, content)

    def complete(self) -> None:
        """Forgets the files that this run did not see."""
        unused = "id NOT IN (SELECT template FROM files WHERE template NOT NULL)"
        with self._transaction():
            self._db.execute("DELETE FROM files WHERE run <> ?", (self._run,))
            self._db.execute(f"DELETE FROM templates WHERE {unused}")

    def issues(self, within: Iterable[Source] | None = None) -> list[Issue]:
        """What is wrong with files of the source, or of some files and archives."""
        return [read_issue(json.loads(content)) for *_, content in self._rows(_ISSUE, within)]

    def others(self, within: Iterable[Source] | None = None) -> list[Source]:
        """The files that are not DICOM."""
        return [_source(row) for row in self._rows(_OTHER, within)]

    def archives(self) -> set[str]:
        """The paths of archives, whether they could be read or not."""
        found = self._db.execute(
            "SELECT DISTINCT path FROM files WHERE inner = 1 OR kind = ? "
            "OR (kind = 'issue' AND content LIKE '%\"ARCHIVE_UNREADABLE\"%')",
            (_CONTAINER,),
        )
        return {_text(path) for (path,) in found}

    def instances(self, within: Iterable[Source] | None = None) -> Iterator[Instance]:
        """Every instance in the order of paths, or those of some files and archives."""
        return self._unpacked(self._rows(_INSTANCE, within))

    def by_subject(self) -> Iterator[list[Instance]]:
        """The instances patient by patient, in order of the patients' keys; one patient is in memory at a time."""
        subjects = self._db.execute("SELECT DISTINCT subject FROM files WHERE subject NOT NULL ORDER BY subject")
        for subject in subjects.fetchall():
            yield list(self._unpacked(self._db.execute(f"{_SELECT} WHERE subject = ? {_ORDER}", subject)))

    def shared(self, what: Literal["series", "image"]) -> Iterator[list[Instance]]:
        """The instances of each series, or of each image, that stands under several patients."""
        subjects = f"WHERE {what} NOT NULL GROUP BY {what} HAVING count(DISTINCT subject) > 1 ORDER BY {what}"
        for (uid,) in self._db.execute(f"SELECT {what} FROM files {subjects}").fetchall():
            yield list(self._unpacked(self._db.execute(f"{_SELECT} WHERE {what} = ? {_ORDER}", (uid,))))

    def shared_by(self, patient_of: Callable[[Source], str]) -> Iterator[list[Instance]]:
        """The instances of each series whose files belong to several patients, as `patient_of` says it of a file."""
        first: dict[bytes, str] = {}
        found: dict[bytes, None] = {}
        for path, member, series in self._db.execute("SELECT path, member, series FROM files WHERE series NOT NULL"):
            patient = patient_of(Source(_text(path), _text(member)))
            if first.setdefault(series, patient) != patient:
                found[series] = None
        for series in found:
            yield list(self._unpacked(self._db.execute(f"{_SELECT} WHERE series = ? {_ORDER}", (series,))))

    def without(self, named: Mapping[str, str]) -> int:
        """How many of the named files are absent: by name (without case) and by image, its SOPInstanceUID."""
        names: dict[str, list[str]] = defaultdict(list)
        images: dict[bytes | None, list[str]] = defaultdict(list)
        for name, uid in named.items():
            names[name.casefold()].append(name)
            images[_digest(uid)].append(name)
        found: set[str] = set()
        for path, member, image in self._db.execute("SELECT path, member, image FROM files"):
            found.update(names.get(Source(_text(path), _text(member)).name.casefold(), ()))
            found.update(images.get(image, ()) if image else ())
        return len(named.keys() - found)

    def count(self) -> int:
        """How many instances there are."""
        (number,) = self._db.execute("SELECT count(*) FROM files WHERE kind = ?", (_INSTANCE,)).fetchone()
        return int(number)

    def _rows(self, kind: str, within: Iterable[Source] | None) -> Iterator[_Found]:
        if within is None:
            yield from self._db.execute(f"{_SELECT} WHERE kind = ? {_ORDER}", (kind,))
            return
        for source in within:
            values = (kind, _blob(source.path))
            yield from self._db.execute(f"{_SELECT} WHERE kind = ? AND path = ? {_ORDER}", values)

    def _unpacked(self, rows: Iterable[_Found]) -> Iterator[Instance]:
        headers: dict[int, dict[str, Json]] = {}
        for row in rows:
            if row[4] not in headers:
                headers = {row[4]: self._template(row[4])}  # the files of a series mostly lie together
            own, syntax, pixels, truncated, frames, mended = json.loads(row[5])
            columns = {keyword: tuple(values) for keyword, values in frames.items()}
            header = {**headers[row[4]], **own}
            yield Instance(_source(row), header, syntax, pixels, truncated, columns, tuple(mended))

    def _template(self, number: int) -> dict[str, Json]:
        (text,) = self._db.execute("SELECT header FROM templates WHERE id = ?", (number,)).fetchone()
        header: dict[str, Json] = json.loads(text)
        return header


def _source(row: _Found) -> Source:
    return Source(_text(row[0]), _text(row[1]), row[2], row[3])


def _digest(uid: str) -> bytes | None:
    """Enough of a UID to tell it from others, in less room."""
    return hashlib.blake2b(uid.encode("utf-8", "surrogatepass"), digest_size=12).digest() if uid else None


def _blob(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # a path may be no text


def _text(blob: bytes) -> str:
    return blob.decode("utf-8", "surrogatepass")
