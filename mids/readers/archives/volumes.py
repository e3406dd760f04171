"""Archives in volumes: which file is the first one, and several files as one stream."""

import io
import re
from pathlib import Path
from typing import BinaryIO, cast

_PACKED = r"zip|7z|rar|tar|tgz|tbz2?|txz|tzst|gz|bz2|xz|zst|iso"
_VOLUME = re.compile(
    r"(?P<stem>.+)\.(part(?P<part>\d+)\.rar|(?P<rar>[r-y]\d\d|z00)|(?P<zip>z\d\d)"
    rf"|(?P<kind>{_PACKED})\.(?P<number>\d{{3,}})|(?P<lettered>{_PACKED})\.(?P<letters>a[a-z]|b[a-q]))",
    re.I | re.S,
)
"""Names of the volumes of one archive: x.part1.rar, x.part2.rar; x.rar, x.r00; x.zip, x.z01; x.7z.001, x.7z.002;
x.tar.gz.aa, x.tar.gz.ab."""

_NUMBERED = re.compile(r"(?P<stem>.+)\.(?P<number>\d{3,})", re.S)
"""Names that pieces of anything may have, and single images too: x.001, x.002."""


def first_volume(path: str) -> str:
    """Where the first volume of the archive lies that `path` is a later volume of; empty if it is none.

    Of a zip in volumes the one that has its directory counts as the first: it is read by it.
    """
    volume = _VOLUME.fullmatch(path)
    if volume is None:
        return ""
    if old := volume["rar"] or volume["zip"]:
        suffix = "rar" if volume["rar"] else "zip"
        return f"{volume['stem']}.{suffix.upper() if old[0].isupper() else suffix}"
    if volume["letters"]:
        first = "AA" if volume["letters"].isupper() else "aa"
        return "" if volume["letters"] == first else path[:-2] + first
    number = volume["part"] or volume["number"]
    begin = volume.start("part" if volume["part"] else "number")
    return path[:begin] + "1".zfill(len(number)) + path[begin + len(number) :] if int(number) > 1 else ""


def first_piece(path: str) -> str:
    """Where the first piece lies if `path` is a later one of anything that was cut; an image may be called so too."""
    piece = _NUMBERED.fullmatch(path)
    if piece is None or int(piece["number"]) < 2:
        return ""
    return f"{piece['stem']}.{'1'.zfill(len(piece['number']))}"


def pieces(path: Path) -> list[Path]:
    """The files that follow one another, from `path` on: x.001, x.002 …, or x.aa, x.ab …; mostly `path` alone."""
    match = re.fullmatch(r"(?P<stem>.+\.)(?P<count>\d{3,}|aa)", path.name, re.I | re.S)
    if match is None or (match["count"].isdigit() and int(match["count"]) != 1):
        return [path]
    found = [path]
    count = match["count"]
    while True:
        count = str(int(count) + 1).zfill(len(count)) if count.isdigit() else _next_letters(count)
        following = path.with_name(match["stem"] + count)
        if not count or not following.is_file():
            return found
        found.append(following)


def _next_letters(letters: str) -> str:
    """``ab`` after ``aa``, ``ba`` after ``az``, and nothing after ``zz``."""
    first, second = letters[0], letters[1]
    if second not in "zZ":
        return first + chr(ord(second) + 1)
    return "" if first in "zZ" else chr(ord(first) + 1) + ("A" if first.isupper() else "a")


def open_pieces(paths: list[Path], begin: int = 0) -> BinaryIO:
    """Files that follow one another as one stream, which begins `begin` bytes into the first."""
    if len(paths) == 1 and not begin:
        return paths[0].open("rb")
    return cast(BinaryIO, io.BufferedReader(_Joined(paths, begin)))


class _Joined(io.RawIOBase):
    """Several files as one, from `begin` on."""

    def __init__(self, paths: list[Path], begin: int) -> None:
        self._files = [path.open("rb") for path in paths]
        self._ends: list[int] = []
        for file in self._files:
            self._ends.append(file.seek(0, io.SEEK_END) + (self._ends[-1] if self._ends else 0))
        self._begin = self._at = begin

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: self._begin, io.SEEK_CUR: self._at, io.SEEK_END: self._ends[-1]}[whence]
        if start + offset < self._begin:
            raise ValueError("before the start")
        self._at = start + offset
        return self._at - self._begin

    def readinto(self, buffer: object, /) -> int:
        view = memoryview(cast(bytearray, buffer)).cast("B")
        for number, end in enumerate(self._ends):
            if self._at < end:
                file = self._files[number]
                file.seek(self._at - (self._ends[number - 1] if number else 0))
                data = file.read(min(len(view), end - self._at))
                view[: len(data)] = data
                self._at += len(data)
                return len(data)
        return 0

    def close(self) -> None:
        for file in self._files:
            file.close()
        super().close()
