"""Reads the DICOM headers of a source, file by file or archive by archive, on any worker."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from mids.errors import DataError
from mids.issues import Issue, issue
from mids.readers.archives.files import base, batched, contents, is_archive, open_source, walk
from mids.readers.archives.kinds import looks_like_dicom
from mids.readers.archives.volumes import first_piece, first_volume
from mids.readers.dicom.headers import IDENTIFYING, NAMING, Instance, PrivateTag, read_instance
from mids.readers.dicom.index import Batch, Index, packed
from mids.records import Map, Skipped, Source
from mids.vocabulary.schema import load

CHUNK = 128
"""Files that one worker reads at a time."""

NOT_DICOM = "not DICOM"
VOLUME = "a volume of an archive, read with its first volume"
"""Reasons why a file is left out."""

_IMAGE_NAMES = (".dcm", ".dicom", ".ima")


@dataclass(slots=True)
class Scan:
    """What reading some files found: instances, issues, and the files that are not DICOM."""

    instances: list[Instance] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    others: list[Source] = field(default_factory=list)


def keywords() -> tuple[str, ...]:
    """The attributes that are taken out of a header: what naming and privacy need, and the sidecar's allow-list."""
    allowed = (field.dicom for field in load().fields.values() if field.dicom)
    return tuple(dict.fromkeys((*NAMING, *IDENTIFYING, *allowed)))


@dataclass(frozen=True, slots=True)
class Scanner:
    """How a source is read: `mapped` may spread the work over processes, `folder` is where its index is kept.

    Without a folder the index is a temporary one, and everything is read anew. `issuer` is the IssuerOfPatientID of
    headers that have none.
    """

    mapped: Map = map
    folder: Path | None = None
    issuer: str = ""

    def scan(self, root: Path, private: tuple[PrivateTag, ...] = (), sources: Iterable[Source] | None = None) -> Index:
        """The headers of everything below `root` (or of `sources`), of which only what changed is read.

        Raises `MidsError` where the index can't be read or written.
        """
        what = (keywords(), private, *filter(None, (self.issuer,)))  # without an issuer as in earlier versions
        index = Index(self._place(root), what)
        todo = _Changed(index, batched(walk(root), CHUNK))
        for batch in self.mapped(partial(_read, root=root, private=private, issuer=self.issuer), todo):
            index.add(*batch)
        again = tuple(_source_of(root, path) for path in sorted(todo.volumes) if (base(root) / path).is_file())
        if again:
            index.add(*_read(again, root=root, private=private, issuer=self.issuer))
        index.complete()
        return index

    def _place(self, root: Path) -> Path | None:
        """The file of the index: each source root has its own."""
        if self.folder is None:
            return None
        name = hashlib.sha256(str(root.resolve()).encode("utf-8", "surrogatepass")).hexdigest()[:10]
        return self.folder / f"index-{name}.sqlite"


PLAIN = Scanner()
"""Reads alone and keeps nothing."""


class _Changed:
    """The batches of files that have to be read; `volumes` are archives of which a later volume changed."""

    def __init__(self, index: Index, batches: Iterable[tuple[Source, ...]]) -> None:
        self._index, self._batches = index, batches
        self.volumes: set[str] = set()

    def __iter__(self) -> Iterator[tuple[Source, ...]]:
        read: set[str] = set()
        for batch in self._batches:
            changed = self._index.changed(batch)
            if changed:
                self.volumes |= {find(source.path) for source in changed for find in (first_volume, first_piece)} - {""}
                read |= {source.path for source in changed}
                yield tuple(changed)
        self.volumes -= read


def _source_of(root: Path, path: str) -> Source:
    status = (base(root) / path).stat()
    return Source(path, "", status.st_size, status.st_mtime_ns)


def _read(
    sources: Sequence[Source], root: Path, private: tuple[PrivateTag, ...], issuer: str
) -> tuple[Sequence[Source], Batch]:
    found = scan(sources, root, private, issuer=issuer)
    return sources, packed(found.instances, found.others, found.issues)


def scan(
    sources: Sequence[Source], root: Path, private: tuple[PrivateTag, ...] = (), wanted: tuple[str, ...] = (),
    *, issuer: str = "",
) -> Scan:  # fmt: skip
    """Reads the headers of `sources` (files or archives), and of private elements those that are asked for.

    `wanted` are the keywords of other attributes than `keywords`; `issuer` gave out the PatientIDs whose headers don't
    say who did (PS3.3 C.7.1.1).
    """
    found = Scan()
    wanted = wanted or keywords()
    for source in sources:
        try:
            if _is_volume(root, source):
                found.others.append(source)
            else:
                _take_contents(found, source, root, wanted, private)
        except DataError as error:
            found.issues.append(issue(error.code, error.message, source.name, origin="read"))
    found.instances = [_issued(instance, issuer) for instance in found.instances] if issuer else found.instances
    return found


def _issued(instance: Instance, issuer: str) -> Instance:
    """The instance with the issuer of its PatientID, if it has an ID and no issuer."""
    if not instance.text("PatientID") or instance.text("IssuerOfPatientID"):
        return instance
    return replace(instance, header={**instance.header, "IssuerOfPatientID": issuer})


def _is_volume(root: Path, source: Source) -> bool:
    """Whether a file is a later volume or piece of an archive, by its name and by what the first one is.

    Raises `DataError` ``ARCHIVE_UNREADABLE`` where the first one is missing.
    """
    first = first_volume(source.path) or first_piece(source.path)
    if first and is_archive(root, Source(first)):
        return True
    if first_volume(source.path) and not (base(root) / first).is_file() and not _is_dicom(root, source):
        message = f"the first volume of the archive ({_ending(first)}) is missing"
        raise DataError("ARCHIVE_UNREADABLE", message)
    return False


def _is_dicom(root: Path, source: Source) -> bool:
    with open_source(root, source) as stream:
        return looks_like_dicom(stream.read(132))


def _ending(path: str) -> str:
    """The last suffix of a name, which says nothing of a patient."""
    return "." + path.rpartition(".")[2]


def _take_contents(
    found: Scan, source: Source, root: Path, wanted: tuple[str, ...], private: tuple[PrivateTag, ...]
) -> None:
    """Adds a file, or what an archive holds: each member once it is known to be whole."""
    last: tuple[Source, Instance | DataError | None] | None = None
    for one, stream in contents(root, source):
        if last:
            _take(found, *last)
        try:
            last = one, read_instance(one, stream, wanted, private)
        except DataError as error:
            last = one, error
    if last:
        _take(found, *last)


def left_out(others: Sequence[Source], archives: Collection[str] = ()) -> list[Skipped]:
    """The files that are not DICOM, with the reasons why they are not converted.

    Of pieces whose names do not say what was cut, `archives` tells: the paths of archives (`Index.archives`).
    """
    groups: dict[str, list[Source]] = {}
    for source in others:
        is_volume = not source.member and (first_volume(source.path) or first_piece(source.path) in archives)
        groups.setdefault(VOLUME if is_volume else NOT_DICOM, []).append(source)
    return [Skipped(tuple(sources), reason) for reason, sources in groups.items()]


def _take(found: Scan, source: Source, read: Instance | DataError | None) -> None:
    if isinstance(read, Instance):
        found.instances.append(read)
    elif isinstance(read, DataError):
        found.issues.append(issue(read.code, read.message, source.name, origin="read"))
    elif source.size == 0 and source.name.lower().endswith(_IMAGE_NAMES):
        found.issues.append(issue("FILE_EMPTY", "the file is empty", source.name, origin="read"))
    else:
        found.others.append(source)
