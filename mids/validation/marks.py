"""What a walk saw, as one number for each subject and one for what all share: another number means another content.

A file is known by path, size, times and number on the disk, as git, make and rsync know it; or by its content, for
checkouts whose times are new.
"""

import os
from collections.abc import Callable, Iterator
from hashlib import blake2b, file_digest
from pathlib import Path
from time import time_ns
from typing import Literal

from mids.dataset.disk.tree import CONVERSIONS, FOLDER, find_subject, is_common
from mids.inspection.paths import classify_path

CacheBy = Literal["off", "times", "contents"]
"""How files are recognised as unchanged; "off": not at all, nothing is kept."""
COMMON, OTHER = "*", "?"
"""In place of a subject: what applies to all of them, and everything else; no folder can have such a name."""
BY_ROW = frozenset({"participants.tsv", CONVERSIONS})
"""Common tables of which a subject's checks look at the rows of the subject alone."""
SETTLED = 2_000_000_000
"""Nanoseconds after which a change of a file surely gives it another time (FAT counts two seconds)."""
_MODULUS = 1 << 128


class Marks:
    """The numbers of a dataset in the folder `root`, filled by the walk that calls it."""

    def __init__(self, root: Path, *, by_content: bool) -> None:
        self._root, self.by_content, self.begun = root, by_content, time_ns()
        self._sums: dict[str, int] = {}
        self._latest: dict[str, int] = {}
        self.holders: set[str] = set()

    def __call__(self, path: str, what: str, stat: os.stat_result | None) -> None:
        """Adds an entry: `what` it is, with its state where it is a file."""
        part = _part_of(path, what)
        if stat is not None:
            self.holders.add(part)
            self._latest[part] = max(self._latest.get(part, 0), stat.st_mtime_ns, stat.st_ctime_ns)
            what = f"{what} {self._content(path) if self.by_content else _state(stat)}"
        # A sum, for folders are listed in any order.
        self._sums[part] = (self._sums.get(part, 0) + _number(f"{path}\0{what}")) % _MODULUS

    def of(self, part: str) -> str:
        """The number of a subject, of COMMON or OTHER."""
        return f"{self._sums.get(part, 0):032x}"

    def all(self) -> Iterator[str]:
        """The numbers of all parts, with their names."""
        yield from (f"{part}={number:032x}" for part, number in sorted(self._sums.items()))

    def is_settled(self, part: str) -> bool:
        """Whether a change since the walk began can't be missed because it left the times as they were."""
        return self.by_content or self._latest.get(part, 0) + SETTLED <= self.begun

    def _content(self, path: str) -> str:
        try:
            with (self._root / path).open("rb") as stream:
                return file_digest(stream, "sha256").hexdigest()
        except OSError:
            return "unreadable"


def of_folder(folder: Path, *, by_content: bool) -> str:
    """A number for all files below a folder that the walk does not look into."""
    marks = Marks(folder, by_content=by_content)
    for parent, _, names in os.walk(folder):
        for name in names:
            place = Path(parent) / name
            try:
                marks(os.path.relpath(place, folder), "file", place.stat())
            except OSError:
                marks(os.path.relpath(place, folder), "unreadable", None)
    return " ".join(marks.all())


def rows_of(place: Path) -> Callable[[str], str]:
    """A function that gives a number for a subject's rows of a table in `BY_ROW`, the header included.

    The rows begin with the subject, or with a path in its folder. Where lines can't be told apart by bytes alone, it is
    the number of the whole table.
    """
    try:
        with place.open("rb") as stream:
            header = b""
            found: dict[str, bytes] = {}
            for line in stream:
                if not line.isascii() or b"\r" in line or b"\t" not in line:
                    stream.seek(0)
                    whole = file_digest(stream, "sha256").hexdigest()
                    return lambda subject: whole
                header = header or _digest(line)
                subject = line.split(b"\t", 1)[0].split(b"/", 1)[0].decode()
                found[subject] = _digest(found.get(subject, header) + line)
    except OSError:
        return lambda subject: ""
    return lambda subject: found.get(subject, header).hex()


def _part_of(path: str, what: str) -> str:
    if subject := find_subject(path) or find_subject(f"{path}/_"):
        return subject
    apart = what == FOLDER or not is_common(path) or path in BY_ROW or classify_path(path) == "document"
    return OTHER if apart else COMMON


def _state(stat: os.stat_result) -> str:
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_ino}"


def _number(text: str) -> int:
    return int.from_bytes(_digest(text.encode("utf-8", "surrogateescape")))


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()
