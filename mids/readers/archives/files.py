"""Opens input: plain files, and members of zip, tar, gzip, RAR and 7z archives, without unpacking them all."""

import atexit
import gzip
import os
import re
import shutil
import tarfile
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

from mids.errors import DataError, MidsError
from mids.readers.archives import sevenzip
from mids.records import Source

MEMBER_LIMIT = 4 * 1024**3
"""Bytes that one archive member may unpack to; a bomb is refused, an enhanced CT stays far below."""

NESTING_LIMIT = 3
"""Archives inside archives are entered this deep."""

TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_VOLUME = re.compile(
    r"(?P<stem>.+)\.(part(?P<part>\d+)\.rar|(?P<old>[r-z]\d\d)|(?P<kind>rar|7z|zip)\.(?P<number>\d{3,}))", re.I | re.S
)
"""Names of the volumes of one archive: x.part1.rar, x.part2.rar; x.rar, x.r00; x.7z.001, x.7z.002."""

_BROKEN = (
    OSError,
    EOFError,
    RuntimeError,
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    NotImplementedError,
)


def batched(sources: Iterable[Source], size: int) -> Iterator[tuple[Source, ...]]:
    """The sources in tuples of `size`; an archive, which is one long piece of work, alone."""
    batch: list[Source] = []
    for source in sources:
        if archive_kind(source.path):
            yield (source,)
            continue
        batch.append(source)
        if len(batch) == size:
            yield tuple(batch)
            batch = []
    if batch:
        yield tuple(batch)


def archive_kind(path: str) -> str:
    """``zip``, ``tar``, ``gzip``, ``rar``, ``7z`` or an empty text for a file that is no archive, by its name.

    Of an archive in several volumes only the first is one.
    """
    name = path.lower()
    volume = _VOLUME.fullmatch(name)
    if volume and volume["kind"]:
        return "7z" if int(volume["number"]) == 1 else ""  # 7-Zip reads split archives of any kind
    if name.endswith(".rar"):
        return "" if first_volume(path) else "rar"
    if name.endswith((".zip", ".7z")):
        return name.rsplit(".", 1)[1]
    if name.endswith(TARS):
        return "tar"
    return "gzip" if name.endswith(".gz") and not name.endswith(".nii.gz") else ""


def first_volume(path: str) -> str:
    """Where the first volume of the archive lies that `path` is a later volume of; empty if it is none."""
    volume = _VOLUME.fullmatch(path)
    if volume is None:
        return ""
    if volume["old"]:
        return f"{volume['stem']}.rar"
    number = volume["part"] or volume["number"]
    begin = volume.start("part" if volume["part"] else "number")
    return path[:begin] + "1".zfill(len(number)) + path[begin + len(number) :] if int(number) > 1 else ""


def base(root: Path) -> Path:
    """The folder that source paths are relative to: a single file is its own collection."""
    return root.parent if root.is_file() else root


def walk(root: Path) -> Iterator[Source]:
    """Every file below `root` (or the file `root` itself), sorted by path, links to folders followed once.

    Raises `MidsError` where `root` is absent or can't be listed.
    """
    if not root.exists():
        raise MidsError(f"{root} does not exist: give the folder, file or archive that holds the source")
    if root.is_file():
        yield _source(root, root.parent)
        return
    seen: set[tuple[int, int]] = set()
    pending = [root]
    while pending:
        folder = pending.pop()
        try:
            status = folder.stat()
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except PermissionError as error:
            if folder == root:
                raise MidsError("can't read SOURCE: give this user the right to list it") from error
            yield Source(folder.relative_to(root).as_posix())  # reading it will say that it can't be opened
            continue
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        pending += [Path(entry.path) for entry in reversed(entries) if entry.is_dir()]
        yield from (_source(Path(entry.path), root) for entry in entries if entry.is_file())


def _source(path: Path, root: Path) -> Source:
    status = path.stat()
    return Source(path.relative_to(root).as_posix(), "", status.st_size, status.st_mtime_ns)


def contents(root: Path, source: Source) -> Iterator[tuple[Source, BinaryIO]]:
    """Each file inside an archive with a stream on it, in the archive's own order; one pass, nothing on disk.

    Archives inside archives are entered, their members named ``inner.zip!member``.
    Raises `DataError` ``ARCHIVE_UNREADABLE`` where the archive is broken, encrypted or a bomb.
    """
    try:
        with (base(root) / source.path).open("rb") as stream:
            for name, size, member in _unpacked(source.path, stream, depth=0):
                yield Source(source.path, name, size, source.mtime_ns), member
    except _BROKEN as error:
        raise DataError("ARCHIVE_UNREADABLE", f"the archive can't be read ({type(error).__name__})") from error


def _unpacked(path: str, stream: BinaryIO, *, depth: int) -> Iterator[tuple[str, int, BinaryIO]]:
    """Name, size in bytes and content of each file inside the archive `path`, inner archives entered."""
    for name, size, member in _members(path, stream):
        if archive_kind(name) and depth < NESTING_LIMIT:
            for inner, inner_size, content in _unpacked(name, member, depth=depth + 1):
                yield f"{name}!{inner}", inner_size, content
        else:
            yield name, size, member


def _members(path: str, stream: BinaryIO) -> Iterator[tuple[str, int, BinaryIO]]:
    kind = archive_kind(path)
    if kind in ("rar", "7z"):
        with _on_disk(path, stream) as archive_path:
            yield from sevenzip.members(archive_path, MEMBER_LIMIT)
    elif kind == "zip":
        with zipfile.ZipFile(stream) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    yield info.filename, _allowed(info.file_size), BytesIO(archive.read(info))
    elif kind == "tar":
        with tarfile.open(fileobj=stream, mode="r|*") as packed:
            for entry in packed:
                data = packed.extractfile(entry) if entry.isfile() else None
                if data is not None:
                    yield entry.name, _allowed(entry.size), BytesIO(data.read())
    else:
        with gzip.open(stream) as unpacked:
            content = unpacked.read(MEMBER_LIMIT + 1)
        yield Path(path).stem, _allowed(len(content)), BytesIO(content)


@contextmanager
def _on_disk(path: str, stream: BinaryIO) -> Iterator[Path]:
    """A path that 7-Zip can open: the file's own, for its other volumes lie beside it; of a member a copy's."""
    if not isinstance(stream, BytesIO):
        yield Path(stream.name)
        return
    with tempfile.TemporaryDirectory(prefix="mids-") as folder:
        copy = Path(folder, "archive").with_suffix(Path(path).suffix)
        copy.write_bytes(stream.getbuffer())
        yield copy


def _allowed(size: int) -> int:
    if size > MEMBER_LIMIT:
        raise DataError("ARCHIVE_UNREADABLE", f"a member unpacks to more than {MEMBER_LIMIT} bytes")
    return size


def open_source(root: Path, source: Source) -> BinaryIO:
    """A stream on a source; the caller closes it.

    Raises `DataError` ``SOURCE_UNREADABLE`` where the file is gone or can't be read.
    """
    try:
        if not source.member:
            return (base(root) / source.path).open("rb")
        if archive_kind(source.path) == "zip" and "!" not in source.member:
            with zipfile.ZipFile(base(root) / source.path) as archive:
                return BytesIO(archive.read(source.member))
        if archive_kind(source.path) == "tar":
            return _in_order(root, source)
        return next(stream for member, stream in contents(root, source) if member.member == source.member)
    except (*_BROKEN, StopIteration, KeyError) as error:
        raise DataError("SOURCE_UNREADABLE", f"the file can't be opened ({type(error).__name__})") from error


@dataclass(slots=True)
class _Pass:
    """A pass over a tar archive that has come to some member; what it has left behind is in `passed`."""

    archive: tuple[Path, int]
    rest: Iterator[tuple[Source, BinaryIO]]
    passed: set[str] = field(default_factory=set)


class _Thread(threading.local):
    """The pass of this thread: members asked for in the archive's order cost one pass, not one each."""

    current: _Pass | None = None


_thread = _Thread()


@atexit.register
def _forget() -> None:
    """Lets go of the archive while the interpreter can still close it."""
    _thread.current = None


def _in_order(root: Path, source: Source) -> BinaryIO:
    """A member of a tar archive; raises `StopIteration` where there is none of its name."""
    archive = (base(root) / source.path, source.mtime_ns)
    current = _thread.current
    if current is None or current.archive != archive or source.member in current.passed:
        current = _thread.current = _Pass(archive, contents(root, source))
    for member, stream in current.rest:
        current.passed.add(member.member)
        if member.member == source.member:
            return stream
    _thread.current = None
    raise StopIteration


def tar_order(root: Path, path: str) -> dict[str, int]:
    """The place of each member of a tar archive, by its name; empty for what is no tar, or can't be read."""
    if archive_kind(path) != "tar":
        return {}
    try:
        with tarfile.open(base(root) / path) as archive:
            return {entry.name: number for number, entry in enumerate(archive)}
    except _BROKEN:
        return {}


def materialise(root: Path, sources: Sequence[Source], folder: Path) -> list[Path]:
    """Paths in `folder`, numbered in the order of `sources`, that an external program can open.

    Plain files become links (copies where links are not possible); members of an archive are written in one
    pass over it. The names say nothing of the source.
    """
    targets = {source: folder / f"{number:06}.dcm" for number, source in enumerate(sources)}
    for path, group in groupby(sorted(targets), key=lambda source: source.path):
        wanted = {source.member: targets[source] for source in group}
        if "" in wanted:
            _link(base(root) / path, wanted[""])
            continue
        for member, stream in contents(root, Source(path)):
            if member.member in wanted:
                wanted.pop(member.member).write_bytes(stream.read())
            if not wanted:
                break
        if wanted:
            raise DataError("SOURCE_UNREADABLE", f"the archive lost {len(wanted)} members during the run")
    return list(targets.values())


def _link(path: Path, target: Path) -> None:
    if not path.is_file():
        raise DataError("SOURCE_UNREADABLE", "the file disappeared during the run")
    try:
        target.symlink_to(path.resolve())
    except OSError:
        shutil.copyfile(path, target)
