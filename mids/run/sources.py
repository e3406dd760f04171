"""Which source became which file: the table beside the dataset, and the part of it that may be published.

Paths of source files often hold names of patients. Only ``<DEST>.mids/sources.tsv`` holds them, which its
owner alone can read; everywhere else a keyed reference stands for a source.
"""

import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain, islice
from pathlib import Path

from mids.deid.references import References
from mids.errors import MidsError
from mids.plan.job import Outcome, Plan, Row
from mids.plan.texts.files import PROVENANCE, as_tsv
from mids.readers.given.curation import COLUMNS, LABELS, Correction
from mids.records import Source
from mids.run.disk import flush_files
from mids.run.journal import state_folder

_OURS = re.compile(r"sub-S[A-Z2-7]{10}/ses-E[A-Z2-7]{10}/")
"""How an image of the dataset begins, also one that has another name since; a source may lie in ``sub-DOE``."""

SOURCE_COLUMNS = ("reference", "source", "status", "filename", "reason")


_STATUS = {"withheld": "skipped"}
"""What the table calls a status, where it has another word."""


def fates(plan: Plan, outcome: Outcome | None) -> Iterator[tuple[Source, str, str, str]]:
    """Each source file with its status (converted, skipped, withheld, lost), its output, and the reason for none."""
    lost = set(outcome.lost) if outcome else set()
    withheld = outcome.withheld if outcome else {}
    issues = (*plan.issues, *(found for subject in plan.subjects for found in subject.issues))
    errors = [found for found in issues if found.origin == "read" and found.level == "error"]
    untold = {found.path for found in errors}
    reasons = {found.path: f"{found.code}: {found.message}" for found in (outcome.issues if outcome else ())}

    for job in plan.jobs:
        said = ("lost", "", reasons.get(job.path, "")) if job.path in lost else ("converted", job.path, "")
        said = ("withheld", "", withheld[job.path]) if job.path in withheld else said
        for source in job.action.sources:
            yield source, *said
    for skipped in chain(plan.skipped, (item for subject in plan.subjects for item in subject.skipped)):
        for source in skipped.sources:
            untold.discard(source.name)
            yield source, skipped.status, "", skipped.reason
    for found in errors:
        if found.path in untold:
            yield Source(found.path), "lost", "", f"{found.code}: {found.message}"


def _rows(plan: Plan, outcome: Outcome | None, references: References) -> Iterator[dict[str, str]]:
    """One row of the table for each source file."""
    for source, status, filename, reason in fates(plan, outcome):
        values = (references.of(source.name), source.name, _STATUS.get(status, status), filename, reason)
        yield dict(zip(SOURCE_COLUMNS, values, strict=True))


def write_sources(
    folder: Path, plan: Plan, outcome: Outcome | None, references: References, *, linked: bool = True
) -> None:
    """Writes ``sources.tsv`` into the state folder, with real paths; what each became only where `linked`.

    Where subjects were left out on request, what earlier runs said of their files stays. Backslashes, tabs and
    line ends of a path, and bytes that are no UTF-8, stand as in a Python text (``\\t``, ``\\udcd3``).
    Raises `MidsError` where it can't be written.
    """
    path, half = folder / "sources.tsv", folder / "half-written"
    rows = (row if linked else {**row, "filename": ""} for row in _rows(plan, outcome, references))
    try:
        half.unlink(missing_ok=True)
        half.touch(mode=0o600)
        with half.open("w", encoding="utf-8", newline="\n") as stream, closing(_Sorted()) as table:
            table.add(tuple(escape_path(value) for value in row.values()) for row in rows)
            if not plan.complete and path.is_file():
                with path.open(encoding="utf-8", errors="replace", newline="\n") as earlier:
                    old = (tuple(line.rstrip("\n").split("\t")) for line in islice(earlier, 1, None))
                    table.add_unmentioned(row for row in old if len(row) == len(SOURCE_COLUMNS))
            stream.writelines("\t".join(cells) + "\n" for cells in chain((SOURCE_COLUMNS,), table.rows()))
        flush_files([half])
        half.replace(path)
    except OSError as error:
        raise MidsError(
            f"can't write {path} ({error.strerror}): finished work is kept; run again to continue"
        ) from error


def read_sources(dataset: Path) -> Iterator[dict[str, str]]:
    """The rows of the table of sources beside a dataset, by `SOURCE_COLUMNS`; n/a is empty, `source` a path as it is.

    Raises `MidsError` where no run has left a table, or it can't be read.
    """
    path = state_folder(dataset.resolve()) / "sources.tsv"
    try:
        with path.open(encoding="utf-8", errors="replace", newline="\n") as stream:
            for line in islice(stream, 1, None):
                cells = ("" if cell == "n/a" else cell for cell in line.rstrip("\n").split("\t"))
                row = dict(zip(SOURCE_COLUMNS, cells, strict=False))
                if len(row) == len(SOURCE_COLUMNS):
                    yield {**row, "source": _unescaped(row["source"])}
    except FileNotFoundError as error:
        raise MidsError(f"there is no {path}: give the folder of a dataset that mids convert made here") from error
    except OSError as error:
        raise MidsError(f"can't read {path} ({error.strerror}): correct its permissions") from error


def find_sources(dataset: Path, what: str, roots: Iterable[Path] = ()) -> list[dict[str, str]]:
    """The rows of the table of sources whose reference, source or file in the dataset is `what`.

    It may also be the path of a file below the dataset, or below one of `roots`, the sources.
    """
    path = Path(what).resolve()
    below = (path.relative_to(root).as_posix() for root in (dataset.resolve(), *roots) if path.is_relative_to(root))
    wanted = {what, what.removeprefix("./"), f"source:{what}", *below}
    return [row for row in read_sources(dataset) if not wanted.isdisjoint(row[name] for name in _NAMES)]


_NAMES = ("reference", "source", "filename")


def count_sources(dataset: Path) -> Mapping[str, int]:
    """How many source files had each status (converted, skipped, withheld, lost); empty where no table says."""
    if not (state_folder(dataset.resolve()) / "sources.tsv").is_file():
        return {}
    rows = read_sources(dataset)
    return Counter("withheld" if row["reason"].startswith("withheld") else row["status"] for row in rows)


class _Sorted:
    """The lines of the table in order of source and output, on disk: there is one for each file of the source."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("PRAGMA journal_mode=OFF")
        self._db.execute(f"CREATE TABLE lines ({', '.join(SOURCE_COLUMNS)})")
        self._db.execute("BEGIN")

    def add(self, rows: Iterable[tuple[str, ...]]) -> None:
        self._db.executemany(f"INSERT INTO lines VALUES ({', '.join('?' * len(SOURCE_COLUMNS))})", rows)

    def add_unmentioned(self, rows: Iterable[tuple[str, ...]]) -> None:
        """Adds those rows whose source no row before these has."""
        self._db.execute("CREATE TABLE mentioned AS SELECT DISTINCT source FROM lines")
        self._db.execute("CREATE INDEX by_source ON mentioned (source)")
        known = "SELECT 1 FROM mentioned WHERE source = ?"
        self.add(row for row in rows if self._db.execute(known, (row[1],)).fetchone() is None)

    def rows(self) -> Iterator[tuple[str, ...]]:
        yield from self._db.execute("SELECT * FROM lines ORDER BY source, filename")

    def close(self) -> None:
        self._db.close()


def escape_path(value: str) -> str:
    """A path as a cell of the table: on one line, and UTF-8."""
    for character, code in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        value = value.replace(character, code)
    return value.encode("utf-8", "backslashreplace").decode("utf-8") or "n/a"


_ESCAPES = {"\\\\": "\\", "\\t": "\t", "\\n": "\n", "\\r": "\r"}


def _unescaped(value: str) -> str:
    return re.sub(r"\\[\\tnr]", lambda found: _ESCAPES[found[0]], value)


def published(
    plan: Plan,
    references: References,
    corrections: Sequence[Correction],
    outcome: Outcome,
    *,
    with_sources: bool,
    cleaned: Callable[[str], str] = str,
) -> dict[str, str]:
    """The provenance that goes into the dataset: corrections, and if asked for the sources by reference.

    What a subject or session was called before is not in it: whoever renames one wants no link. `cleaned` is what is
    done with texts that a person typed.
    """
    texts: dict[str, str] = {}
    if with_sources:
        rows: list[Row] = sorted(_rows(plan, outcome, references), key=lambda row: (row["reference"], row["filename"]))
        columns = [column for column in SOURCE_COLUMNS if column != "source"]
        texts[f"{PROVENANCE}/sources.tsv"] = as_tsv(columns, rows)
    if corrections := [row for row in corrections if row.decision not in plan.dropped]:
        named = {job.path for job in plan.jobs}
        if not any(row.field in LABELS for row in corrections):  # a path that is none now may hold a former name
            named |= {row.file for row in corrections if _OURS.match(row.file)}
        shown = [
            {name: str(getattr(row, name)) for name in COLUMNS}
            | {"old": "n/a" if row.field in LABELS else cleaned(row.old), "why": cleaned(row.why)}
            | {"file": row.file if row.file in named else references.of(row.file)}
            for row in corrections
        ]
        texts[f"{PROVENANCE}/curation.tsv"] = as_tsv(COLUMNS, shown)
    return texts
