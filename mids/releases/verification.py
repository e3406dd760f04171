"""Whether a copy of a release is complete: every file of its manifest, with its size and SHA-256, and no other.

What was verified is noted outside of the dataset, so that a check that was stopped goes on where it was.
"""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platformdirs

from mids.dataset.disk.folder import require_folder
from mids.dataset.disk.progress import watched
from mids.releases.manifest import NAME, Entry, Release, digest_file, in_threads, read, walk_files

Kind = Literal["missing", "changed", "unreadable", "extra"]

Stamp = tuple[int, int]
"""Size in bytes and time of change in ns."""
EVERY = 1000
LARGE = 1 << 28
"""Files, and bytes of them, after which what was verified is written down."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A file that is not as the manifest says, and how."""

    kind: Kind
    path: str
    what: str = ""


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of a check: the release, what differs, how many files were read now, and how many before."""

    release: Release
    differences: tuple[Difference, ...]
    read: int
    known: int

    @property
    def is_complete(self) -> bool:
        """Whether the copy is the release."""
        return not self.differences


def verify(root: Path, manifest: Path | None = None, *, threads: int = 2, again: bool = False) -> Verification:
    """Compares the files below `root` with a manifest, by default the dataset's own.

    Files that an earlier, stopped check found right, and whose size and time are the same, are not read again, unless
    `again`. Raises `MidsError` where there is no manifest or it can't be read.
    """
    require_folder(root)
    table = manifest or root / NAME
    release, rows = read(table)
    notes = Notes(root, table, forget=again)
    listed: set[str] = set()
    differences: list[Difference] = []
    waiting = _compare_quickly(root, rows, notes, listed, differences)
    count = 0
    try:
        answers = watched(
            _digests(root, waiting, threads), "files compared", release.files or 0,
            problems=lambda found: isinstance(found, Difference),
        )  # fmt: skip
        for found in answers:
            count += 1
            if isinstance(found, Difference):
                differences.append(found)
            else:
                notes.add(*found)
    finally:
        notes.save()
    own = {NAME, NAME.removesuffix(".tsv") + ".json"}

    def shut(folder: str, error: OSError) -> None:
        differences.append(Difference("unreadable", folder, error.strerror or ""))

    differences += [Difference("extra", path) for path in walk_files(root, shut, leave=own) if path not in listed]
    notes.drop()
    return Verification(release, tuple(sorted(differences, key=lambda d: (d.path, d.kind))), count, notes.used)


def _compare_quickly(
    root: Path, rows: Iterable[Entry], notes: "Notes", listed: set[str], differences: list[Difference]
) -> Iterator[tuple[Entry, Stamp]]:
    """The files that must be read: those that are there with the right size, and that no earlier check knows."""
    for entry in rows:
        listed.add(entry.path)
        try:
            status = os.stat(root / entry.path)  # noqa: PTH116 - text is faster than Path, and there may be millions
        except FileNotFoundError:
            what = "its content is not here" if os.path.islink(root / entry.path) else ""  # noqa: PTH114
            differences.append(Difference("missing", entry.path, what))
            continue
        except OSError as error:
            differences.append(Difference("unreadable", entry.path, error.strerror or ""))
            continue
        stamp = status.st_size, status.st_mtime_ns
        if not stat.S_ISREG(status.st_mode):
            differences.append(Difference("changed", entry.path, "it is not a file"))
        elif status.st_size != entry.size:
            differences.append(Difference("changed", entry.path, f"{status.st_size} bytes, not {entry.size}"))
        elif not notes.knows(entry.path, stamp):
            yield entry, stamp


def _digests(
    root: Path, waiting: Iterable[tuple[Entry, Stamp]], threads: int
) -> Iterator[Difference | tuple[str, Stamp]]:
    """What reading each file says: that it differs, or that it is right."""

    def look(item: tuple[Entry, Stamp]) -> Difference | tuple[str, Stamp]:
        entry, stamp = item
        try:
            _, found = digest_file(root / entry.path)
        except OSError as error:
            return Difference("unreadable", entry.path, error.strerror or "")
        return (entry.path, stamp) if found == entry.sha256 else Difference("changed", entry.path, "another content")

    return in_threads(look, waiting, threads, lambda item: item[0].size)


class Notes:
    """What a check found right: path, size and time, in a file of the user's cache, until the check is done."""

    def __init__(self, root: Path, table: Path, *, forget: bool) -> None:
        what = f"{root.resolve()}\n{digest_file(table)[1]}"
        name = hashlib.sha256(what.encode("utf-8", "surrogateescape")).hexdigest()[:32]
        self._path = Path(platformdirs.user_cache_dir("mids")) / "verify" / f"{name}.tsv"
        self._known: dict[str, Stamp] = {} if forget else dict(self._load())
        self._new: list[str] = []
        self._bytes = 0
        self.used = 0
        if forget:
            self.drop()

    def _load(self) -> Iterator[tuple[str, Stamp]]:
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return
        for line in lines:
            path, _, rest = line.partition("\t")
            size, _, time = rest.partition("\t")
            if size.isdecimal() and time.isdecimal():  # the last line of a check that was killed may be half a one
                yield path, (int(size), int(time))

    def knows(self, path: str, stamp: Stamp) -> bool:
        """Whether an earlier check found this file right, and it has not changed since."""
        is_known = self._known.get(path) == stamp
        self.used += is_known
        return is_known

    def add(self, path: str, stamp: Stamp) -> None:
        """Notes that a file is right."""
        self._new.append(f"{path}\t{stamp[0]}\t{stamp[1]}\n")
        self._bytes += stamp[0]
        if len(self._new) >= EVERY or self._bytes >= LARGE:
            self.save()

    def save(self) -> None:
        """Writes down what is new; a cache that can't be written costs a later check its time, and nothing else."""
        new, self._new, self._bytes = self._new, [], 0
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8", newline="\n") as stream:
                stream.writelines(new)
        except OSError:
            return

    def drop(self) -> None:
        """Forgets everything: a check that is done is begun anew."""
        self._path.unlink(missing_ok=True)
