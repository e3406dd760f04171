"""Writing that lasts: on the disk before the journal says so, never through a link, and what a power cut left of it."""

import hashlib
import os
import sys
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path, PurePosixPath

from mids.errors import MidsError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_AT_ONCE = 16
"""Files that are flushed at a time: a journalling file system writes them in one go."""

_FIRST, _STEP, _BLOCK = 1, 4, 1 << 20
"""Prefixes of 1, 4, 16, 64 … bytes are marked; content is read in blocks of 1 MiB."""

_BEHIND = 1 << 40
"""A byte that no file has: a lock covers it on Windows."""

_ZEROS = 512
"""Zero bytes at the end of a file that say that a power cut wrote them: a sector of a disk."""


def flush_files(paths: Iterable[Path]) -> None:
    """Has the content of files on the disk; raises `OSError`."""
    _flush(paths, os.O_RDWR | getattr(os, "O_BINARY", 0))


def flush_folders(folders: Iterable[Path]) -> None:
    """Has the names in folders on the disk, where the file system can do that."""
    with suppress(OSError):
        _flush(folders, os.O_RDONLY)


def _flush(paths: Iterable[Path], flags: int) -> None:
    def flush(path: Path) -> None:
        handle = os.open(path, flags)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for flushed in [pool.submit(flush, path) for path in paths]:
            flushed.result()


def write_file(path: Path, content: bytes, *, mode: int = 0o666) -> None:
    """Writes a new file in place of what has its name, never through a link; raises `OSError`."""
    path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags, mode), "wb") as stream:
        stream.write(content)


def write_privately(path: Path, text: str) -> None:
    """Replaces a text in one step; its owner alone can read it. Raises `MidsError` where it can't be written."""
    half = path.with_name(f"{path.name}.half")
    try:
        write_file(half, text.encode("utf-8", "backslashreplace"), mode=0o600)
        flush_files([half])
        half.replace(path)
    except OSError as error:
        raise MidsError(f"can't write {path} ({error.strerror}): check permissions and space") from error


def lock(handle: int) -> None:
    """Holds an open file until it is closed: who locks it too waits, as far as the file system has locks."""
    with suppress(OSError):
        if sys.platform == "win32":
            os.lseek(handle, _BEHIND, os.SEEK_SET)  # what is locked there can't be read by others
            msvcrt.locking(handle, msvcrt.LK_LOCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX)


def is_inside(path: str) -> bool:
    """Whether a path that the journal gives stays in the dataset."""
    pure = PurePosixPath(path)
    return (
        bool(path)
        and "\0" not in path
        and not pure.is_absolute()
        and not {"..", "."} & {*path.split("/")}
        and "\\" not in path
    )


def find_place(root: Path, path: str) -> Path:
    """Where a path lies below `root`; raises `MidsError` where that is outside, or behind a link."""
    if not is_inside(path):
        raise MidsError(f"the state beside {root} names a file outside of it: move both away, and run again")
    place = root
    for part in PurePosixPath(path).parts[:-1]:
        place = place / part
        if place.is_symlink():
            where = place.relative_to(root).as_posix()
            raise MidsError(f"{where} in DEST is a link, and nothing is written through links: remove it, or move it")
    return root.joinpath(*PurePosixPath(path).parts)


def make_parents(root: Path, target: Path) -> list[Path]:
    """Makes the folders of a file below `root`; returns those that hold a new name because of it."""
    found, folder = [target.parent], target.parent
    while folder != root and not folder.exists():
        folder = folder.parent
        found.append(folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    return found


def mark(path: Path) -> str:
    """Digests of the file's first 1, 4, 16, 64 … bytes and of all, by which what is left of it is known again."""
    found: list[str] = []
    whole, size, border = hashlib.blake2b(digest_size=16), 0, _FIRST
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            view = memoryview(block)
            while len(view) >= border - size:
                whole.update(view[: border - size])
                view = view[border - size :]
                size, border = border, border * _STEP
                found.append(whole.hexdigest()[:8])
            whole.update(view)
            size += len(view)
    return " ".join([*found, whole.hexdigest()])


def is_damaged(path: Path, size: int, marked: str) -> bool:
    """Whether a file that was `size` bytes long is what a power cut leaves of it, and nothing that a person made.

    That is an empty file, one of zeros, or one that begins as ours and ends early or in zeros. What ends as a complete
    file does is a person's.
    """
    length = path.stat().st_size
    kept = _kept(path)
    if kept == 0:
        return size > 0
    if not marked or length > size or (length == size and length - kept < _ZEROS) or _is_complete(path):
        return False
    borders = list(_borders(kept))
    return bool(borders) and digest_prefix(path, borders[-1]) == marked.split(" ")[len(borders) - 1]


def digest_prefix(path: Path, length: int) -> str:
    """The digest of the first bytes of a file, as `mark` has it."""
    digest, left = hashlib.blake2b(digest_size=16), length
    with path.open("rb") as stream:
        while left and (block := stream.read(min(left, _BLOCK))):
            digest.update(block)
            left -= len(block)
    return digest.hexdigest()[:8]


def _borders(length: int) -> Iterator[int]:
    border = _FIRST
    while border <= length:
        yield border
        border *= _STEP


def _kept(path: Path) -> int:
    """How many bytes a file has before nothing but zeros follows."""
    kept = size = 0
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            filled = len(block.rstrip(b"\0"))
            kept = size + filled if filled else kept
            size += len(block)
    return kept


def _is_complete(path: Path) -> bool:
    """Whether a file ends as one does that was written to its end: lines, JSON, PNG, gzip."""
    with path.open("rb") as stream:
        head = stream.read(2)
        stream.seek(-min(8, path.stat().st_size), os.SEEK_END)
        tail = stream.read()
        if head != b"\x1f\x8b":
            return tail.endswith((b"\n", b"}", b"IEND\xaeB\x60\x82"))
        stream.seek(0)
        packed = zlib.decompressobj(31)
        try:
            while not packed.eof and (block := stream.read(1 << 16)):
                while block:
                    packed.decompress(block, _BLOCK)
                    block = packed.unconsumed_tail
        except zlib.error:
            return False
        return packed.eof
