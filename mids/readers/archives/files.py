"""Opens input: plain files, and members of archives of all kinds, without unpacking them all."""

import atexit
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import groupby
from pathlib import Path
from typing import BinaryIO, cast

from mids.errors import DataError, MidsError
from mids.readers.archives import opened as kept
from mids.readers.archives.containers import unpack
from mids.readers.archives.kinds import by_name, lacks_preamble, recognise
from mids.readers.archives.streams import BROKEN, Budget
from mids.readers.archives.volumes import pieces
from mids.records import Source

_LONG = 64 * 1024**2
_CHUNK = 1 << 20
_PREAMBLE = 132
_UNLISTED = "can't read SOURCE: give this user the right to list it"

atexit.register(kept.close_all)

Watch = Callable[[Source, BinaryIO], None]
"""Called with each member of an archive that is opened, and a stream at its begin; may raise `DataError`."""

_watch: ContextVar[Watch | None] = ContextVar("watch", default=None)


@contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """Has members that this thread opens meanwhile looked at as they are unpacked: a second pass may cost minutes."""
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)


def batched(sources: Iterable[Source], size: int) -> Iterator[tuple[Source, ...]]:
    """The sources in tuples of `size`; what may be one long piece of work, such as an archive, alone."""
    batch: list[Source] = []
    for source in sources:
        if source.size >= _LONG or by_name(source.path):
            yield (source,)
            continue
        batch.append(source)
        if len(batch) == size:
            yield tuple(batch)
            batch = []
    if batch:
        yield tuple(batch)


def base(root: Path) -> Path:
    """The folder that source paths are relative to: a single file is its own collection."""
    return root.parent if root.is_file() else root


def walk(root: Path) -> Iterator[Source]:
    """Every file below `root` (or the file `root` itself), sorted by path, links to folders followed once.

    Raises `MidsError` where `root` is absent or can't be listed.
    """
    if not os.path.exists(root):  # noqa: PTH110 - unlike Path.exists it never raises
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
        except OSError as error:
            if folder == root:
                raise MidsError(_UNLISTED) from error
            yield Source(folder.relative_to(root).as_posix())  # reading it will say that it can't be opened
            continue
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        kinds = [(Path(entry.path), _kind(entry)) for entry in entries]
        pending += [path for path, kind in reversed(kinds) if kind == "folder"]
        yield from (_source(path, root) for path, kind in kinds if kind == "file")


def _kind(entry: os.DirEntry[str]) -> str:
    """Whether an entry is a folder or a file; links that lead nowhere are files that can't be read, as mounts are."""
    try:
        if entry.is_dir():
            return "folder"
        is_lost = entry.is_symlink() and not os.path.exists(entry.path)  # noqa: PTH110 - as above
        return "file" if is_lost or entry.is_file() else ""
    except OSError:
        return "file"


def _source(path: Path, root: Path) -> Source:
    """A file; of what can't be read neither size nor time, so that reading it says so and nothing old counts."""
    name = path.relative_to(root).as_posix()
    try:
        status = path.stat()
    except OSError:
        return Source(name)
    return Source(name, "", status.st_size, status.st_mtime_ns) if os.access(path, os.R_OK) else Source(name)


def contents(root: Path, source: Source) -> Iterator[tuple[Source, BinaryIO]]:
    """A file with a stream on it; of an archive each file inside, in the archive's own order.

    Archives inside archives are entered, their members named ``inner.zip!member``. A member is known to be whole once
    the next is asked for. Reading a member raises `DataError` ``ARCHIVE_UNREADABLE`` where it is broken, encrypted or
    a bomb; so does going on where that is true of the whole archive.
    Raises `DataError` ``SOURCE_UNREADABLE`` where the file is gone or can't be read.
    """
    path = base(root) / source.path
    try:
        stream, container = kept.open_file(path)
    except BROKEN as error:
        raise DataError("SOURCE_UNREADABLE", f"the file can't be opened ({type(error).__name__})") from error
    with stream:
        if container is None:
            yield source, stream
            return
        budget = Budget(sum(part.stat().st_size for part in pieces(path)))
        for name, size, content in unpack(container, budget):
            yield Source(source.path, name, size, source.mtime_ns), cast(BinaryIO, content)


def is_archive(root: Path, source: Source) -> bool:
    """Whether a file is an archive, by its content or its name."""
    path = base(root) / source.path
    try:
        with path.open("rb") as stream:
            return recognise(stream, path.name) is not None
    except OSError:
        return False


def open_source(root: Path, source: Source) -> BinaryIO:
    """A stream on a source; the caller closes it.

    Raises `DataError` ``SOURCE_UNREADABLE`` where the file is gone or can't be read.
    """
    path = base(root) / source.path
    try:
        if not source.member:
            return path.open("rb")
        content = kept.opened(path).member(source.member)
        if content is None:
            raise DataError("SOURCE_UNREADABLE", "the archive lost the file during the run")
        filled = cast(BinaryIO, content.fill())
    except BROKEN as error:
        raise DataError("SOURCE_UNREADABLE", f"the file can't be opened ({type(error).__name__})") from error
    except DataError as error:
        raise DataError("SOURCE_UNREADABLE", error.message) from error
    if (watch := _watch.get()) is not None:
        watch(source, filled)
        filled.seek(0)
    return filled


def archive_order(root: Path, path: str) -> dict[str, int]:
    """The place of each member of an archive that is read in order, by its name.

    Empty for what is no such archive, or can't be read.
    """
    try:
        archive = kept.opened(base(root) / path)
        if archive.container.is_random:
            return {}
        return {member.name: number for number, member in enumerate(archive.members())}
    except (*BROKEN, DataError):
        return {}


def materialise(root: Path, sources: Sequence[Source], folder: Path) -> list[Path]:
    """Paths in `folder`, numbered in the order of `sources`, that an external program can open.

    Plain files become links (copies where links are not possible); members of an archive are written in one
    pass over it, and a preamble (PS3.10 7.1) where one is missing. The names say nothing of the source.
    """
    targets = {source: folder / f"{number:06}.dcm" for number, source in enumerate(sources)}
    for path, group in groupby(sorted(targets), key=lambda source: source.path):
        wanted = {source.member: targets[source] for source in group}
        if "" in wanted:
            _link(base(root) / path, wanted[""])
            continue
        watch = _watch.get()
        try:
            for name, content in kept.opened(base(root) / path).picked({*wanted}):
                target = wanted.pop(name)
                _write(cast(BinaryIO, content), target)
                if watch is not None:
                    with target.open("rb") as stream:
                        watch(Source(path, name), stream)
        except BROKEN as error:
            raise DataError("SOURCE_UNREADABLE", f"the archive can't be opened ({type(error).__name__})") from error
        if wanted:
            raise DataError("SOURCE_UNREADABLE", f"the archive lost {len(wanted)} members during the run")
    return list(targets.values())


def _link(path: Path, target: Path) -> None:
    try:
        stream = path.open("rb")
    except OSError as error:
        raise DataError("SOURCE_UNREADABLE", "the file disappeared during the run, or can't be opened") from error
    with stream:
        is_usual = not lacks_preamble(stream.read(_PREAMBLE))
        stream.seek(0)
        try:
            if is_usual:
                target.symlink_to(path.resolve())
                return
        except OSError:
            pass  # links are not possible here
        _write(stream, target)


def _write(content: BinaryIO, target: Path) -> None:
    """Writes a file of a source, with a preamble: dcm2niix takes none without for DICOM that begins with group 2."""
    with target.open("wb") as file:
        head = content.read(_PREAMBLE)
        file.write(bytes(128) + b"DICM" + head if lacks_preamble(head) else head)
        shutil.copyfileobj(content, file, _CHUNK)
