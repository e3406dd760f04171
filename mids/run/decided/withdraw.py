"""Takes a patient out of a dataset and out of its state; a tombstone keeps a later delivery of the patient out."""

import gzip
import os
import re
import shutil
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mids.dataset.disk.progress import watched
from mids.deid import keys
from mids.deid.labels import Labels
from mids.deid.policy import Policy, preset
from mids.deid.pseudonyms import Pseudonyms
from mids.deid.references import References
from mids.errors import MidsError
from mids.plan.job import Outcome, Plan
from mids.plan.texts.files import PROVENANCE, Inventory, Text
from mids.readers.dicom.index import forget
from mids.readers.given.curation import LABELS, written_alike
from mids.records import About, Json, PatientKey, Source
from mids.run.decided.choices import Choices, load_choices, read_renamed, recorded_policy
from mids.run.decided.people import bury, bury_name, bury_number
from mids.run.decided.reviewed import forget_reviewed
from mids.run.disk import write_privately
from mids.run.done import forget_issues
from mids.run.moving import Place
from mids.run.run import run
from mids.run.sources import escape_path
from mids.run.state import State, is_made
from mids.run.workers import hire_workers

_LINES = (".tsv", ".csv", ".txt", ".md", ".bidsignore")
"""Files of which single lines can be dropped; names without an ending (README, CHANGES) are such too."""

_IMAGES = (".nii.gz", ".nii", ".png", ".dcm")
_PACKED = (
    ".zip", ".xlsx", ".ods", ".docx", ".parquet", ".feather", ".npz", ".7z", ".rar", ".tgz", ".bz2", ".xz", ".zst",
)  # fmt: skip
"""Files that are not searched: a person is told of them."""

_PAGES = (".html", ".compared.html", ".certificate.json", ".certificate.html", ".mids/report.html")
"""What shows or lists all images, by the end of its path after that of the dataset; its commands make it again."""

_MOST = 1 << 28
"""Bytes of a packed table that are searched."""

Texts = Callable[[Inventory, Policy, Choices], Iterator[Text]]
"""The small files of a dataset, from what the journal knows is there."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What was taken out: the subject ID, how many files, and files that still name it and can't be mended here.

    `unread` are files and folders that can't be read, or searched, and may name it.
    """

    label: str
    removed: int
    left: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def withdraw(
    dataset: Path, patient: str, about: Callable[[str], About], texts: Texts, *,
    key: Path | None = None, issuer: str | None = None,
) -> Withdrawal:  # fmt: skip
    """Takes a patient, by PatientID or subject ID, out of `dataset`; `about` describes a collection by its name.

    Whatever stops it, the patient stays out, and the same call goes on. Raises `MidsError` where no run made the
    dataset, the key is another, the ID is that of nobody, or of several, or a file can't be removed.
    """
    target = dataset.resolve()
    if not is_made(target):
        raise MidsError(f"no run of mids made {dataset}, or its state is gone: give the DEST of a conversion")
    choices = load_choices(target)
    values: Mapping[str, Any] = choices.values
    policy = recorded_policy(choices) or preset("mids")
    secret = keys.find(key or (Path(values["key"]) if values.get("key") else None))[0]
    with State(target, dry_run=False) as state:
        made_by = state.journal.fact("collection")
        complaint = f"{dataset} was made with another key than {secret.fingerprint}: give that one with --key"
        state.journal.settle("key", secret.digest, complaint)
        described = about(made_by)
        choices = replace(choices, collection="" if described.name == "deidentify" else made_by)
        labels = Labels(Pseudonyms(secret), described, policy.ids, values.get("id-table", {}), read_renamed(values))
        label = _find(patient, issuer, labels, choices, state)
        folder = f"sub-{label}" if choices.collection else label
        people = _keys(state, labels, label, patient, issuer)
        own, proposed = _names(labels, label)
        tombstones = {bury(labels, name) for name in proposed} | {bury_name(labels, name) for name in own}
        tombstones = tombstones.union(*(bury_number(labels, one) for one in people))
        gone = _sources(state, labels, label, folder)
        folders = tuple(f"{folder.removesuffix(label)}{name}/" for name in own)
        theirs = _Theirs(folders, label, frozenset(proposed), frozenset(map(written_alike, gone)))
        state.drop_copy()
        state.journal.bury(tombstones, label)  # first of all: no run between brings the patient back
        removed = _remove(target, folder, state.journal.outputs(label))
        state.journal.withdraw(label)
        references = References(labels.pseudonyms)
        named = _naming(folder, [references.of(name) for name in gone])
        _write(state, target, lambda inventory: texts(inventory, policy, load_choices(target)), named)
        left, unread = _drop_mentions(target, named)
        forget_issues(target, lambda found: found.path in gone or any(map(named.search, (found.path, found.message))))
        state.journal.forget_lines(named)
        _clear_state(state, theirs, {patient, *(one.id for one in people), *gone}, choices)
        for index in state.folder.glob("index-*.sqlite"):
            forget(index, lambda text: _read_key(text) in people)
        state.journal.rest(label)
        state.keep_copy()
    return Withdrawal(label, removed, tuple(left), tuple(unread))


def _find(patient: str, issuer: str | None, labels: Labels, choices: Choices, state: State) -> str:
    """The one subject ID that an ID means: a name that somebody has now, and that somebody else had, is who has it."""
    there, patient = state.journal.labels(), patient.strip()
    name = patient.removeprefix("sub-")
    now = labels.renamed.get(name, name)
    gone = {one for one in (name, now) if state.journal.is_withdrawn(bury_name(labels, one))}
    if name in there or (name in gone and now not in gone):
        return name
    if now in there or now in gone:
        return now
    issuers: set[str | None] = {issuer}
    if issuer is None:
        issuers |= {"", *(str(own.get("issuer") or own.get("site") or "") for own in choices.sources.values())}
    patients = {PatientKey(one, patient) for one in issuers}
    patients |= {one for one in _indexed(state) if issuer is None and one.id == patient}  # headers that name an issuer
    known = [one for one in patients if labels.is_known(one)]
    buried = {one for one in known if state.journal.is_withdrawn(bury(labels, labels.proposed(one)))}
    found = {labels.subject(one) for one in known if one not in buried} & there
    found = found or {one for one in map(labels.subject, buried) if state.journal.is_withdrawn(bury_name(labels, one))}
    if len(found) == 1:
        return found.pop()
    if found:
        raise MidsError("patients of several issuers have this ID: give --issuer, or the subject ID")
    raise MidsError(
        "the dataset holds no patient with this ID: give the PatientID with its --issuer, or the subject ID"
    )


def _names(labels: Labels, label: str) -> tuple[set[str], set[str]]:
    """What a subject is called or was called, and nobody else is; and what it is called without corrections."""
    names = {old: new for old, new in labels.renamed.items() if "/" not in old}
    former = {old for old, new in names.items() if new == label}
    return {label, *former - {*names.values()}}, former | ({label} - {*names, *names.values()})


def _sources(state: State, labels: Labels, label: str, folder: str) -> set[str]:
    """The names and SOPInstanceUIDs of a subject's source files: what the index says, and what became its images."""
    gone: set[str] = set()
    for path in sorted(state.folder.glob("index-*.sqlite")):
        with closing(sqlite3.connect(path)) as index:
            for (text,) in index.execute("SELECT DISTINCT subject FROM files WHERE subject IS NOT NULL").fetchall():
                patient = _read_key(_text(text))
                if not labels.is_known(patient) or labels.subject(patient) != label:
                    continue
                rows = index.execute("SELECT path, member, image FROM files WHERE subject = ?", (text,))
                for source, member, image in rows:
                    gone |= {Source(_text(source), _text(member)).name, _text(image)}
    rows_of_table = _table(state)[1:]
    gone |= {row.split("\t")[1] for row in rows_of_table if row.split("\t")[3].startswith(f"{folder}/")}
    return gone - {""}


def _keys(state: State, labels: Labels, label: str, patient: str, issuer: str | None) -> set[PatientKey]:
    """The issuer and number of a subject, as far as the ID that was given, the table of IDs and the index say them."""
    listed = {
        PatientKey("", number) for number, name in labels.table.items() if labels.renamed.get(name, name) == label
    }
    found = {PatientKey(issuer or "", patient.strip()), *listed, *_indexed(state)}
    return {one for one in found if labels.is_known(one) and labels.subject(one) == label}


def _indexed(state: State) -> Iterator[PatientKey]:
    """The patients of all headers that were read."""
    for path in sorted(state.folder.glob("index-*.sqlite")):
        with closing(sqlite3.connect(path)) as index:
            texts = index.execute("SELECT DISTINCT subject FROM files WHERE subject IS NOT NULL").fetchall()
        yield from (_read_key(_text(text)) for (text,) in texts)


def _text(value: bytes | str | None) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value or ""


def _read_key(text: str) -> PatientKey:
    """The key whose text (`PatientKey.text`) stands in an index."""
    found = re.fullmatch(r"((?:[^\\|]|\\.)*)\|(.*)", text, re.DOTALL)
    if not found:
        return PatientKey(None, re.sub(r"\\(.)", r"\1", text))
    return PatientKey(re.sub(r"\\(.)", r"\1", found[1]), found[2])


def _table(state: State) -> list[str]:
    """The lines of the table of sources."""
    path = state.folder / "sources.tsv"
    text = path.read_bytes().decode("utf-8", "replace") if path.is_file() else ""
    return [f"{line}\n" for line in text.split("\n")[:-1]]


def _remove(dataset: Path, folder: str, made: Iterable[str]) -> int:
    """Removes a subject's files, whoever made them, and pages that show them; how many files of the dataset."""
    named = _naming(folder, ())
    removed = 0
    try:
        for output in made:
            removed += (dataset / output).is_file()
            (dataset / output).unlink(missing_ok=True)
        for path in sorted(dataset.rglob(f"{folder}*"), reverse=True):
            if not named.match(path.name):
                continue
            if path.is_dir() and not path.is_symlink():
                removed += sum(inner.is_file() for inner in path.rglob("*"))
                shutil.rmtree(path)
            elif path.is_symlink() or path.exists():
                removed += 1
                path.unlink()
        for ending in _PAGES:
            Path(f"{dataset}{ending}").unlink(missing_ok=True)
    except OSError as error:
        place = Path(error.filename or dataset).parent
        raise MidsError(
            f"can't remove files in {place} ({error.strerror}): the patient stays out; correct that and run again"
        ) from error
    return removed


def _naming(folder: str, others: Iterable[str]) -> re.Pattern[str]:
    """What finds a subject, and the `others`, in a text."""
    subject = rf"(?<![0-9A-Za-z])(?i:{re.escape(folder)})(?![0-9A-Za-z])"
    return re.compile("|".join([subject, *map(re.escape, others)]))


def _drop_mentions(dataset: Path, named: re.Pattern[str]) -> tuple[list[str], list[str]]:
    """Drops lines that still name a subject; the files of which that can't be done, and what can't be searched."""
    left: list[str] = []
    unread: list[str] = []
    shut: list[OSError] = []
    for folder, _, names in os.walk(dataset, onerror=shut.append):
        texts = [Path(folder, name) for name in sorted(names) if not name.endswith(_IMAGES)]
        for path in watched(texts, "texts of a folder searched", len(texts)):
            if path.is_symlink() or not path.is_file():
                continue
            try:
                text = _searchable(path)
                is_done = not named.search(text) or _drop_lines(path, text, named)
            except (OSError, EOFError, zlib.error):
                unread.append(path.relative_to(dataset).as_posix())
            else:
                left += [] if is_done else [path.relative_to(dataset).as_posix()]
    unread += [Path(error.filename).relative_to(dataset).as_posix() for error in shut]
    return sorted(left), sorted(unread)


def _searchable(path: Path) -> str:
    """The content of a file as a text; raises `OSError` and others where it can't be read, or is packed."""
    if path.name.lower().endswith(_PACKED):
        raise OSError("packed")
    if path.suffix.lower() != ".gz":
        return path.read_bytes().decode("utf-8", "surrogateescape")
    with gzip.open(path) as stream:
        content = stream.read(_MOST + 1)
    if len(content) > _MOST:
        raise OSError("too large")
    return content.decode("utf-8", "surrogateescape")


def _drop_lines(path: Path, text: str, named: re.Pattern[str]) -> bool:
    """Drops the lines of a text that name a subject; whether that could be done."""
    if "." in path.name and not path.name.endswith(_LINES):
        return False
    path.write_bytes(_kept(text, named).encode("utf-8", "surrogateescape"))
    return True


def _kept(text: str, named: re.Pattern[str]) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not named.search(line))


@dataclass(frozen=True, slots=True)
class _Theirs:
    """What is a patient's: folders, as they are called now and were before, the subject ID, and source files.

    `proposed` are subject IDs without corrections: rows that rename somebody tell by them whom they mean.
    """

    folders: tuple[str, ...]
    label: str
    proposed: frozenset[str]
    files: frozenset[str]

    def has(self, file: str) -> bool:
        """Whether what a person calls a file is one of a patient's: a source file, or an image of the subject."""
        return written_alike(file) in self.files or written_alike(file).startswith(self.folders)

    def is_told_by(self, entry: Json) -> bool:
        """Whether a row of the curation table, or what one decides, is about the patient."""
        if isinstance(entry, dict):
            if entry.get("field") in LABELS and (old := entry.get("old")):
                return str(old).partition("/")[0] in self.proposed
            return self.has(str(entry.get("file")))
        if isinstance(entry, list) and entry[1:2] == ["subject"]:
            return entry[2:] == [self.label]
        return isinstance(entry, list) and bool(entry) and self.has(str(entry[0]))

    def without(self, value: Json, names: set[str]) -> Json:
        """A recorded choice without entries under one of the `names`, and rows and decisions about the patient."""
        if isinstance(value, dict):
            return {key: self.without(inner, names) for key, inner in value.items() if key not in names}
        if isinstance(value, list):
            return [self.without(inner, names) for inner in value if not self.is_told_by(inner)]
        return value


def _clear_state(state: State, theirs: _Theirs, names: set[str], choices: Choices) -> None:
    """Removes what the state says of a subject: its sources, rows of tables, and what headers said."""
    forget_reviewed(state.folder, theirs.is_told_by)
    if lines := _table(state):
        written = {escape_path(name) for name in names} | names
        kept = [line for line in lines if line.split("\t")[1] not in written]
        write_privately(state.folder / "sources.tsv", "".join(kept))
    values = {name: theirs.without(value, names) for name, value in choices.values.items()}
    sources = {
        name: {what: theirs.without(value, names) for what, value in own.items()}
        for name, own in choices.sources.items()
    }
    if choices != Choices():
        replace(choices, values=values, sources=sources).save(state.folder)


def _write(state: State, dataset: Path, texts: Callable[[Inventory], Iterator[Text]], named: re.Pattern[str]) -> None:
    """Writes sidecars, tables and descriptions anew, from what the journal still knows."""

    def written(inventory: Inventory, outcome: Outcome) -> Iterator[Text]:
        told = set()
        for path, content in texts(inventory):
            told.add(path)
            yield path, content
        for path in sorted(state.journal.texts()):  # what depends on a source stays, without the subject's lines
            is_kept = path.startswith(PROVENANCE) or not told
            if is_kept and path not in told and (dataset / path).is_file():
                yield path, _kept((dataset / path).read_text(encoding="utf-8"), named)

    with hire_workers(1, "", dataset) as workers:
        nothing = Plan((), complete=False, adds=True)
        run(nothing, Place(dataset, dataset, state.folder, state.lock), state.journal, written, workers=workers)
