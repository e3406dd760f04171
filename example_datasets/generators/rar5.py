"""Writes RAR 5.0 archives of stored (uncompressed) members, whole or in volumes, without any tool.

Layout: RAR 5.0 archive format (rarlab.com, technote): a signature, then blocks of a CRC-32, a header and its data;
numbers are little-endian, seven bits a byte.
"""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SIGNATURE = b"Rar!\x1a\x07\x01\x00"
MODIFIED = 1_585_094_400
"""Every member's time: 2020-03-25, 0:00 UTC."""

_MAIN, _FILE, _END = 1, 2, 5
_HAS_EXTRA, _HAS_DATA, _FROM_BEFORE, _GOES_ON = 1, 2, 8, 16
_HAS_TIME, _HAS_CRC, _UNIX, _REDIRECTION = 2, 4, 1, 5

SYMLINK, HARD_LINK, FILE_COPY = 1, 4, 5
"""Kinds of redirection."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file, or where `link` names another one a redirection of `kind` to it."""

    name: str
    content: bytes = b""
    link: str = ""
    kind: int = SYMLINK


def archive(members: Iterable[Member]) -> bytes:
    """One archive."""
    (whole,) = volumes(members)
    return whole


def volumes(members: Iterable[Member], size: int | None = None) -> list[bytes]:
    """The volumes of an archive, each with at most `size` bytes of data; one if that is None."""
    parts: list[list[bytes]] = [[]]
    room = size
    for member in members:
        pieces, room = _pieces(member.content, room, size)
        for number, piece in enumerate(pieces):
            if number:
                parts.append([])
            flags = _FROM_BEFORE * (number > 0) | _GOES_ON * (number < len(pieces) - 1)
            checked = piece if flags & _GOES_ON else member.content
            parts[-1].append(_file(member, piece, zlib.crc32(checked), flags))
    is_split = len(parts) > 1
    return [
        b"".join((SIGNATURE, _main(number, is_split=is_split), *blocks, _end(is_last=number == len(parts) - 1)))
        for number, blocks in enumerate(parts)
    ]


def _pieces(content: bytes, room: int | None, size: int | None) -> tuple[Sequence[bytes], int | None]:
    """The content cut to the room that is left in this volume and in those that follow, and the room then left."""
    if room is None or size is None or len(content) <= room:
        return [content], None if room is None else room - len(content)
    rest = content[room:]
    pieces = [content[:room], *(rest[at : at + size] for at in range(0, len(rest), size))]
    return pieces, size - len(pieces[-1])


def _main(number: int, *, is_split: bool) -> bytes:
    flags = is_split | 2 * (number > 0)
    return _block(_MAIN, 0, _number(flags) + (_number(number) if number else b""))


def _end(*, is_last: bool) -> bytes:
    return _block(_END, 0, _number(not is_last))


def _file(member: Member, piece: bytes, checksum: int, flags: int) -> bytes:
    name = member.name.encode()
    fields = b"".join((
        _number(_HAS_TIME | (0 if member.link else _HAS_CRC)), _number(len(member.content)), _number(0o100644),
        MODIFIED.to_bytes(4, "little"), b"" if member.link else checksum.to_bytes(4, "little"),
        _number(0), _number(_UNIX), _number(len(name)), name,
    ))  # fmt: skip
    return _block(_FILE, flags | _HAS_DATA, fields, piece, _redirection(member) if member.link else b"")


def _redirection(member: Member) -> bytes:
    target = member.link.encode()
    record = _number(_REDIRECTION) + _number(member.kind) + _number(0) + _number(len(target)) + target
    return _number(len(record)) + record


def _block(kind: int, flags: int, fields: bytes, data: bytes = b"", extra: bytes = b"") -> bytes:
    sizes = (_number(len(extra)) if extra else b"") + (_number(len(data)) if flags & _HAS_DATA else b"")
    body = _number(kind) + _number(flags | (_HAS_EXTRA if extra else 0)) + sizes + fields + extra
    header = _number(len(body)) + body
    return zlib.crc32(header).to_bytes(4, "little") + header + data


def _number(value: int) -> bytes:
    """A vint: seven bits a byte, the eighth says that more follow."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
