"""Reads the DICOM headers of a source, file by file or archive by archive, on any worker."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from mids.errors import DataError
from mids.issues import Issue, issue
from mids.readers.archives.files import archive_kind, base, batched, contents, first_volume, open_source, walk
from mids.readers.dicom.headers import IDENTIFYING, NAMING, Instance, PrivateTag, read_instance
from mids.readers.dicom.index import Batch, Index, packed
from mids.records import Map, Skipped, Source
from mids.vocabulary.schema import load

CHUNK = 128
"""Files that one worker reads at a time."""

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

    Without a folder the index is a temporary one, and everything is read anew.
    """

    mapped: Map = map
    folder: Path | None = None

    def scan(self, root: Path, private: tuple[PrivateTag, ...] = (), sources: Iterable[Source] | None = None) -> Index:
        """The headers of everything below `root` (or of `sources`), of which only what changed is read.

        Raises `MidsError` where the index can't be read or written.
        """
        index = Index(self._place(root), (keywords(), private))
        todo = _Changed(index, batched(walk(root), CHUNK))
        for batch in self.mapped(partial(_read, root=root, private=private), todo):
            index.add(*batch)
        again = tuple(_source_of(root, path) for path in sorted(todo.volumes) if (base(root) / path).is_file())
        if again:
            index.add(*_read(again, root=root, private=private))
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
                firsts = {first_volume(source.path) for source in changed} - {""}
                read |= {source.path for source in changed if archive_kind(source.path)}
                self.volumes |= firsts
                yield tuple(changed)
        self.volumes -= read


def _source_of(root: Path, path: str) -> Source:
    status = (base(root) / path).stat()
    return Source(path, "", status.st_size, status.st_mtime_ns)


def _read(sources: Sequence[Source], root: Path, private: tuple[PrivateTag, ...]) -> tuple[Sequence[Source], Batch]:
    found = scan(sources, root, private)
    return sources, packed(found.instances, found.others, found.issues)


def scan(
    sources: Sequence[Source], root: Path, private: tuple[PrivateTag, ...] = (), wanted: tuple[str, ...] = ()
) -> Scan:
    """Reads the headers of `sources` (files or archives), and of private elements those that are asked for.

    `wanted` are the keywords of other attributes than `keywords`.
    """
    found = Scan()
    wanted = wanted or keywords()
    for source in sources:
        try:
            if archive_kind(source.path):
                for member, stream in contents(root, source):
                    _take(found, member, read_instance(member, stream, wanted, private))
            else:
                with open_source(root, source) as stream:
                    instance = read_instance(source, stream, wanted, private)
                _take(found, source, instance)
                if instance is None and (first := first_volume(source.path)) and not (base(root) / first).is_file():
                    found.others.remove(source)
                    raise DataError("ARCHIVE_UNREADABLE", "the first volume of the archive is missing")
        except DataError as error:
            found.issues.append(issue(error.code, error.message, source.name, origin="read"))
    return found


def left_out(others: Sequence[Source]) -> list[Skipped]:
    """The files that are not DICOM, with the reasons why they are not converted."""
    groups: dict[str, list[Source]] = {}
    for source in others:
        is_volume = not source.member and bool(first_volume(source.path))
        groups.setdefault(
            "a volume of an archive, read with its first volume" if is_volume else "not DICOM", []
        ).append(source)
    return [Skipped(tuple(sources), reason) for reason, sources in groups.items()]


def _take(found: Scan, source: Source, instance: Instance | None) -> None:
    if instance is not None:
        found.instances.append(instance)
    elif source.size == 0 and source.name.lower().endswith(_IMAGE_NAMES):
        found.issues.append(issue("FILE_EMPTY", "the file is empty", source.name, origin="read"))
    else:
        found.others.append(source)
