"""The readers of containers: what each kind holds, file by file, archives inside archives entered."""

import bz2
import io
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import PurePosixPath
from typing import BinaryIO, NamedTuple, Protocol, cast

from isal import igzip

from mids.errors import DataError
from mids.readers.archives import multipart, sevenzip
from mids.readers.archives.bounded import TarMember, Xz
from mids.readers.archives.kinds import Kind, looks_like_dicom, recognise
from mids.readers.archives.streams import BOMB, BROKEN, MEMBER_LIMIT, Budget, Forward, Refused, Unpacked, reading

NESTING_LIMIT = 3
"""Archives inside archives are entered this deep."""

_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2})
"""What Python unpacks; its LZMA takes whatever memory a member claims."""

_ENCRYPTED = 1
_PASSWORD = "it is protected by a password"
_PEEK = 1024


class Member(NamedTuple):
    """One file inside an archive: its name, its size in bytes as far as it is known, and its content."""

    name: str
    size: int
    content: Unpacked


class Container(Protocol):
    """An open archive."""

    def members(self, budget: Budget) -> Iterator[Member]:
        """Its files in its own order; each can be read until the next is asked for, and is whole only then.

        Raises `DataError` ``ARCHIVE_UNREADABLE`` where nothing more can be read.
        """

    def find(self, name: str) -> Unpacked | None:
        """One of its files, where it is at hand without reading those before it; None where it is not there."""

    @property
    def is_random(self) -> bool:
        """Whether `find` finds."""


def open_container(stream: BinaryIO, name: str, kind: Kind) -> Container:
    """The container that begins at the start of a stream; `name` is its file's.

    Raises `DataError` ``ARCHIVE_UNREADABLE``.
    """
    if kind.reader == "zip":
        return _open_zip(stream, name)
    if kind.reader == "tar":
        return _Sequence(partial(_tar_members, stream.forward())) if isinstance(stream, Unpacked) else _Tar(stream)
    if kind.reader == "multipart":
        return _Parts(stream)
    if kind.reader == "7-Zip":
        return _Sequence(partial(_seven, stream, name))
    if kind.reader:
        return _Sequence(partial(_single, stream, name, kind.reader))
    raise DataError("ARCHIVE_UNREADABLE", f"no installed program reads {kind.name}")


def unpack(container: Container, budget: Budget, depth: int = 0) -> Generator[Member]:
    """Every file inside a container, archives inside it entered, their files named ``inner.zip!member``.

    An archive inside it that can't be read stands there itself: reading it raises `DataError`.
    """
    for member in container.members(budget):
        try:
            kind = recognise(cast(BinaryIO, member.content), member.name)
        except DataError as error:
            if budget.is_spent:
                raise
            yield _refused(member, error, budget)
            continue
        if kind is None:
            yield member if member.size <= budget.besides or _is_dicom(member.content) else _bomb(member, budget)
            continue
        try:
            if depth == NESTING_LIMIT:
                message = f"an archive lies more than {NESTING_LIMIT} archives deep: unpack the outer ones"
                raise DataError("ARCHIVE_UNREADABLE", message)
            for inner in unpack(open_inner(member, kind, budget), budget, depth + 1):
                yield Member(f"{member.name}!{inner.name}", inner.size, inner.content)
        except DataError as error:
            if budget.is_spent:
                raise
            yield _refused(member, error, budget)


def open_inner(member: Member, kind: Kind, budget: Budget) -> Container:
    """A container inside a container: what has to be read at any place is unpacked first.

    Raises `DataError` ``ARCHIVE_UNREADABLE``.
    """
    stream = member.content
    if kind.begin:
        raise DataError("ARCHIVE_UNREADABLE", "a self-extracting script inside an archive: unpack the outer one")
    if kind.reader in ("zip", "multipart", "7-Zip"):
        stream.fill(limit=budget.besides)
    return open_container(cast(BinaryIO, stream), member.name, kind)


def _budget() -> Budget:
    return Budget(MEMBER_LIMIT)


def _refused(member: Member, error: DataError, budget: Budget) -> Member:
    return Member(member.name, member.size, Unpacked(Refused(error), budget))


def _bomb(member: Member, budget: Budget) -> Member:
    return _refused(member, DataError("ARCHIVE_UNREADABLE", BOMB), budget)


def _is_dicom(content: Unpacked) -> bool:
    content.seek(0)
    head = content.read(_PEEK)
    content.seek(0)
    return looks_like_dicom(head)


class _Names:
    """Names that stay apart: one that comes again is numbered."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def of(self, name: str) -> str:
        self._seen[name] += 1
        return name if self._seen[name] == 1 else f"{name} ({self._seen[name]})"


class _Sequence:
    """A container of which nothing is at hand before what lies in front of it is read."""

    is_random = False

    def __init__(self, members: Callable[[Budget], Iterator[Member]]) -> None:
        self._members = members

    def members(self, budget: Budget) -> Iterator[Member]:
        with reading():
            yield from self._members(budget)

    def find(self, name: str) -> Unpacked | None:
        return None


# --- zip ---


def _open_zip(stream: BinaryIO, name: str) -> Container:
    """A zip; what Python can't read of its kinds (volumes, Deflate64, damage) 7-Zip does."""
    try:
        archive = zipfile.ZipFile(stream)
    except BROKEN:
        return _Sequence(partial(_seven, stream, name))
    infos = [info for info in archive.infolist() if not info.is_dir()]
    if any(info.volume or (info.compress_type not in _METHODS and not info.flag_bits & _ENCRYPTED) for info in infos):
        return _Sequence(partial(_seven, stream, name))
    return _Zip(archive, infos)


class _Zip:
    """A zip whose members Python unpacks."""

    is_random = True

    def __init__(self, archive: zipfile.ZipFile, infos: list[zipfile.ZipInfo]) -> None:
        self._archive = archive
        names = _Names()
        self._infos = {names.of(info.filename): info for info in infos}

    def members(self, budget: Budget) -> Iterator[Member]:
        if self._infos and all(info.flag_bits & _ENCRYPTED for info in self._infos.values()):
            raise DataError("ARCHIVE_UNREADABLE", _PASSWORD)
        for name, info in self._infos.items():
            with self._open(info, budget) as content:
                yield Member(name, info.file_size, content)

    def find(self, name: str) -> Unpacked | None:
        info = self._infos.get(name)
        return self._open(info, _budget()) if info else None

    def _open(self, info: zipfile.ZipInfo, budget: Budget) -> Unpacked:
        if info.flag_bits & _ENCRYPTED:
            return Unpacked(Refused(DataError("ARCHIVE_UNREADABLE", _PASSWORD)), budget)
        try:
            with reading(what="a member can't be read"):
                return Unpacked(cast(Forward, self._archive.open(info)), budget)
        except DataError as error:
            return Unpacked(Refused(error), budget)


# --- tar ---


class _Tar:
    """A tar that is packed in nothing: its members lie there to be read."""

    is_random = True

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._entries: Mapping[str, tarfile.TarInfo] | None = None
        self._archive: tarfile.TarFile | None = None

    def members(self, budget: Budget) -> Iterator[Member]:
        names = _Names()
        self._stream.seek(0)
        with reading(), tarfile.open(fileobj=self._stream, mode="r:", tarinfo=TarMember) as archive:
            for entry in archive:
                if entry.isfile():
                    yield _tar_member(names.of(entry.name), archive, entry, budget)

    def find(self, name: str) -> Unpacked | None:
        if self._archive is None or self._entries is None:
            with reading():
                names = _Names()
                self._stream.seek(0)
                self._archive = tarfile.open(  # noqa: SIM115 - kept open
                    fileobj=self._stream, mode="r:", tarinfo=TarMember
                )
                entries: dict[str, tarfile.TarInfo] = {}
                with suppress(tarfile.ReadError, DataError):  # what is whole before a cut is as `members` had it
                    entries.update((names.of(one.name), one) for one in self._archive if one.isfile())
                self._entries = entries
        entry = self._entries.get(name)
        return _tar_member(name, self._archive, entry, _budget()).content if entry else None


def _tar_members(stream: Forward, budget: Budget) -> Iterator[Member]:
    names = _Names()
    with tarfile.open(fileobj=cast(BinaryIO, stream), mode="r|", tarinfo=TarMember) as archive:
        for entry in archive:
            if entry.isfile():
                yield _tar_member(names.of(entry.name), archive, entry, budget)


def _tar_member(name: str, archive: tarfile.TarFile, entry: tarfile.TarInfo, budget: Budget) -> Member:
    return Member(name, entry.size, Unpacked(cast(Forward, archive.extractfile(entry)), budget))


# --- one file, packed ---

_UNPACKERS: dict[str, Callable[[Forward], Forward]] = {
    "gzip": lambda stream: cast(Forward, igzip.IGzipFile(fileobj=stream)),  # type: ignore[no-untyped-call]
    "bzip2": lambda stream: bz2.BZ2File(cast(BinaryIO, stream)),
    "xz": lambda stream: Xz(cast(BinaryIO, stream)),
}


def _single(stream: BinaryIO, name: str, how: str, budget: Budget) -> Iterator[Member]:
    """What one packed file holds: itself, or the members of a tar."""
    source: Forward = stream
    if isinstance(stream, Unpacked):
        source = stream.forward()
    else:
        stream.seek(0)
    return _content(name, _UNPACKERS[how](source), budget)


def _content(name: str, source: Forward, budget: Budget) -> Iterator[Member]:
    content = Unpacked(source, budget)
    kind = recognise(cast(BinaryIO, content), "")
    if kind is not None and kind.reader == "tar":
        yield from _tar_members(content.forward(), budget)
        return
    if _is_dicom(content):
        content.fill()  # only the whole of it says how long it is
    yield Member(PurePosixPath(name).stem or name, content.length, content)
    if not content.is_whole and content.passed(budget.besides):
        raise DataError("ARCHIVE_UNREADABLE", BOMB)


# --- what 7-Zip reads ---


def _seven(stream: BinaryIO, name: str, budget: Budget) -> Iterator[Member]:
    with sevenzip.on_disk(stream, PurePosixPath(name).suffix) as path:
        for member, size, piece in sevenzip.members(path):
            if size is None:
                yield from _content(name, piece, budget)
            else:
                yield Member(member, size, Unpacked(piece, budget))


# --- multipart ---


class _Parts:
    """The parts of an answer of DICOMweb."""

    is_random = True

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._parts: dict[str, multipart.Part] = {}
        self._error: DataError | None = None
        try:
            for part in multipart.parts(stream):
                self._parts[part.name] = part
        except DataError as error:
            self._error = error

    def members(self, budget: Budget) -> Iterator[Member]:
        for name, part in self._parts.items():
            yield Member(name, part.size, Unpacked(part.open(self._stream), budget))
        if self._error:
            yield _refused(Member("rest", 0, Unpacked(io.BytesIO(), budget)), self._error, budget)

    def find(self, name: str) -> Unpacked | None:
        part = self._parts.get(name)
        return Unpacked(part.open(self._stream), _budget()) if part else None
