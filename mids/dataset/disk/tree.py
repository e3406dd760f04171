"""What a dataset holds on disk: one walk, no link followed to a folder or out of the dataset."""

import os
import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mids.dataset.disk.listing import OPEN, Files, is_packed, pack

Oddity = Literal["broken", "absent", "loop", "outside", "folder", "special", "unreadable", "encoding", "leftover"]

CLOSED = frozenset({"sourcedata", "code", "stimuli", "docs", "logs"})
"""Top-level folders whose content is free (BIDS, `rules.directories`, opaque): not looked into."""

ROIS = "derivatives/rois/"

CONVERSIONS = "derivatives/provenance/conversions.tsv"
"""How each image was made: the table that a conversion writes, with a digest of the pixels."""
FOLDER = "folder"
TOPS = ("sub-", "tpl-")
"""Beginnings of the folders that hold images: subjects, and templates of derivative datasets."""

IGNORE_FILE = ".midsignore"

Mark = Callable[[str, str, os.stat_result | None], None]
"""Is told the path of an entry, what it is, and, where it stands among the files, its state."""


@dataclass(frozen=True, slots=True)
class Odd:
    """An entry that is neither a plain file nor a plain folder, and what it is."""

    path: str
    kind: Oddity


@dataclass(frozen=True, slots=True)
class Tree:
    """The files (size in bytes by path) and folders of a dataset; paths are relative, POSIX, sorted.

    `recordings` are folders that are one recording each and stand among the files; `absent` are files whose content was
    not fetched (git-annex): their links stand among the files too, and among the `odd` entries.
    """

    root: Path
    files: Mapping[str, int]
    folders: frozenset[str]
    odd: tuple[Odd, ...] = ()
    ignored: int = 0
    recordings: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()

    @property
    def near(self) -> Mapping[str, int]:
        """The files but those of derivatives that no part of MIDS describes."""
        return self.files.unpacked if isinstance(self.files, Files) else self.files

    def subjects(self, wanted: Container[str] | None = None) -> Iterator[tuple[str, "Tree"]]:
        """Each subject folder with what lies in it, in `derivatives/rois` too, and with the files that apply to all.

        `wanted` are those that are asked for, by default all.
        """
        common = {path: size for path, size in self.near.items() if is_common(path)}
        paths: dict[str, list[str]] = {}
        for path in self.near:
            if (subject := find_subject(path)) and (wanted is None or subject in wanted):
                paths.setdefault(subject, []).append(path)
        folders: dict[str, list[str]] = {}
        for folder in self.folders:
            folders.setdefault(folder.partition("/")[0], []).append(folder)
        for subject in sorted(paths):
            own = {**common, **{path: self.near[path] for path in paths.pop(subject)}}
            yield subject, self._part(own, frozenset(folders.get(subject, ())))

    def pipelines(self) -> Iterator[tuple["Tree", Iterator["Tree"]]]:
        """Each folder of derivatives that no part of MIDS describes: the files at its top, and what lies below it,
        those included, subject by subject and folder by folder.
        """
        packed: dict[str, dict[str, list[str]]] = {}
        for folder in self.files.packed if isinstance(self.files, Files) else ():
            above, below = "/".join(folder.split("/")[:2]), "/".join(folder.split("/")[:3])
            packed.setdefault(above, {}).setdefault(below, []).append(folder)
        tops: dict[str, dict[str, int]] = {name: {} for name in packed}
        for path, size in self.near.items():
            if path.startswith("derivatives/") and path.count("/") == 2 and not path.startswith(OPEN):
                tops.setdefault(path.rpartition("/")[0], {})[path] = size
        for name, files in sorted(tops.items()):
            parts = packed.get(name, {})
            yield self._part(files, frozenset()), (self._below(files, parts[part]) for part in sorted(parts))

    def _below(self, tops: Mapping[str, int], folders: Iterable[str]) -> "Tree":
        assert isinstance(self.files, Files)
        return self._part({**tops, **self.files.of(folders)}, frozenset(folders))

    def common(self) -> "Tree":
        """The files that apply to all subjects alone."""
        return self._part({path: size for path, size in self.near.items() if is_common(path)}, frozenset())

    def _part(self, files: Mapping[str, int], folders: frozenset[str]) -> "Tree":
        recordings, absent = (
            frozenset(filter(files.__contains__, paths)) if paths else paths for paths in (self.recordings, self.absent)
        )
        return Tree(self.root, files, folders, recordings=recordings, absent=absent)


def find_subject(path: str) -> str:
    """The `sub-…` or `tpl-…` folder that a file belongs to, in the raw data or in `derivatives/rois`; "" for none."""
    first, _, rest = path.removeprefix(ROIS).partition("/")
    return first if rest and first.startswith(TOPS) else ""


def is_common(path: str) -> bool:
    """Whether a file can apply to every subject: at the top, at the top of `derivatives/rois`, or of provenance."""
    return "/" not in path.removeprefix(ROIS) or path == CONVERSIONS


def walk(
    root: Path,
    *,
    closed: frozenset[str] = CLOSED,
    heeds_ignore: bool = True,
    follows_subjects: bool = False,
    is_recording: Callable[[str], bool] | None = None,
    mark: Mark | None = None,
) -> Tree:
    """Everything below `root` but hidden entries, what lies in `closed` folders, and what `.midsignore` names.

    `follows_subjects` goes into subjects' folders that are links: whole subjects may be kept elsewhere. With
    `is_recording`, asked of the path of a folder, a folder that is one recording stands among the files, and so does a
    link of git-annex whose content was not fetched. `mark` is told of every entry.
    """
    unread = []
    try:
        ignore = read_ignore(root / IGNORE_FILE) if heeds_ignore else Ignore(())
    except OSError:
        ignore, unread = Ignore(()), [Odd(IGNORE_FILE, "unreadable")]
    found = _Found(os.path.realpath(root), ignore, closed, follows_subjects, is_recording, mark or _forget)
    found.odd += unread
    stack = [""]
    while stack:
        folder = stack.pop()
        try:
            entries = _entries(found.real, folder)
        except OSError:
            found.add_odd(folder, "unreadable")
            continue
        found.enter(folder)
        stack += [path for entry in entries if (path := found.add(entry, folder))]
        found.leave(folder)
    return found.tree(root)


class _Found:
    """What a walk has found so far."""

    def __init__(
        self,
        real: str,
        ignore: "Ignore",
        closed: frozenset[str],
        follows_subjects: bool,  # noqa: FBT001 - called once
        is_recording: Callable[[str], bool] | None,
        mark: Mark,
    ) -> None:
        self._mark = mark
        self.real, self._ignore, self._closed = real, ignore, closed
        self._follows_subjects, self._is_recording = follows_subjects, is_recording
        self.odd: list[Odd] = []
        self._files: dict[str, int] = {}
        self._here = self._files
        self._sizes: dict[int, int] = {}
        self._packed: dict[str, bytes] = {}
        self._count = 0
        self._folders: list[str] = []
        self._recordings: set[str] = set()
        self._ignored = 0

    def enter(self, folder: str) -> None:
        """Says whose entries come now."""
        self._here = {} if is_packed(folder) else self._files

    def leave(self, folder: str) -> None:
        """Packs the files of a folder that nobody looks into."""
        if self._here is not self._files and self._here:
            self._packed[folder] = pack({path[len(folder) + 1 :]: size for path, size in self._here.items()})
            self._count += len(self._here)

    def add(self, entry: os.DirEntry[str], folder: str) -> str:
        """Keeps an entry; returns its path where it is a folder to look into, else ""."""
        path = f"{folder}/{entry.name}" if folder else entry.name
        if entry.name.startswith("."):
            if LEFT.fullmatch(entry.name) and not self._ignore(path, entry.is_dir()):
                self.add_odd(path, "leftover")
            return ""
        kind = _kind(entry, self.real)
        if self._ignore.rules and self._ignore(path, kind == "directory"):
            self._ignored += 1
            self._mark(path, "ignored", None)
        elif not path.isascii() and not _is_utf8(path):
            self.add_odd(path.encode("utf-8", "backslashreplace").decode(), "encoding")
        elif kind == "file":
            try:
                stat = entry.stat()
            except OSError:  # a folder that may be listed and not entered
                self.add_odd(path, "unreadable")
                return ""
            # Many small files have the same size: one number for all of them.
            size = stat.st_size
            self._here[path] = size if size > SMALL else self._sizes.setdefault(size, size)
            self._mark(path, "file", stat)
        elif kind == "directory" or (self._follows_subjects and _is_subject(entry, path)):
            if self._is_recording and "_" in entry.name and self._is_recording(path):
                self._recordings.add(path)
                self._mark(path, "recording", entry.stat())
                return ""
            self._folders.append(path)
            self._mark(path, FOLDER, None)
            return path if path not in self._closed else ""
        else:
            self.add_odd(path, "broken" if kind == "absent" and not self._is_recording else kind)
        return ""

    def add_odd(self, path: str, kind: Oddity) -> None:
        """Keeps an entry that is neither a file nor a folder to look into."""
        self.odd.append(Odd(path, kind))
        # A link whose content was not fetched stands among the files.
        place = os.path.join(self.real, path)  # noqa: PTH118 - as above
        self._mark(path, kind, os.lstat(place) if kind == "absent" else None)

    def tree(self, root: Path) -> Tree:
        """All of it."""
        self.odd.sort(key=lambda o: o.path)
        absent = frozenset(o.path for o in self.odd if o.kind == "absent")
        self._files.update(dict.fromkeys((*absent, *self._recordings), 0))
        unpacked = {path: self._files[path] for path in sorted(self._files)}
        files = Files(unpacked, self._packed, self._count) if self._packed else unpacked
        return Tree(
            root, files, frozenset(self._folders), tuple(self.odd), self._ignored,
            frozenset(self._recordings), absent,
        )  # fmt: skip


def _forget(path: str, what: str, stat: os.stat_result | None) -> None:
    """Marks nothing."""


SMALL = 1 << 14
"""Bytes up to which sizes of files come again and again."""
ANNEX = "annex/objects/"
"""Where git-annex keeps contents: what a link that leads there stands for was not fetched, if it leads to nothing."""


LEFT = re.compile(
    r"\.DS_Store|\._.+|\.Spotlight-V100|\.Trash.*|\.~lock\..*|\.ipynb_checkpoints|\.fuse_hidden.*|\.nfs.*|\..*\.sw[op]"
)
"""Hidden entries that systems and programs leave behind, with thumbnails, old versions and paths in them."""


def _entries(real: str, folder: str) -> list[os.DirEntry[str]]:
    with os.scandir(os.path.join(real, folder)) as entries:  # noqa: PTH118 - text is faster than Path here
        return list(entries)


def _is_subject(entry: os.DirEntry[str], path: str) -> bool:
    """Whether an entry at the top is a subject's folder, perhaps by way of a link."""
    return path == entry.name and path.startswith("sub-") and entry.is_dir()


def _kind(entry: os.DirEntry[str], real: str) -> Oddity | Literal["file", "directory"]:
    """What an entry is; a link counts as the file that it leads to inside the dataset."""
    if not entry.is_symlink():
        if entry.is_dir(follow_symlinks=False):
            return "directory"
        return "file" if entry.is_file(follow_symlinks=False) else "special"
    target = os.path.realpath(entry.path)
    if not os.path.exists(target) or os.path.islink(target):  # noqa: PTH110, PTH114
        return "absent" if ANNEX in os.readlink(entry.path).replace(os.sep, "/") else "broken"  # noqa: PTH115
    if target != real and not target.startswith(real + os.sep):
        return "outside"
    if entry.is_dir():
        return "loop" if (entry.path + os.sep).startswith(target + os.sep) else "folder"
    return "file" if entry.is_file() else "special"


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


# --- .midsignore -----------------------------------------------------------------------------------------


class Ignore:
    """The patterns of a `.midsignore`, as in a `.gitignore`: the last one that matches decides."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.rules = tuple(_rules(lines))

    def __call__(self, path: str, folder: bool) -> bool:  # noqa: FBT001 - called once, in a loop over files
        """Whether a dataset-relative path is left out."""
        left_out = False
        for pattern, folders_only, keeps in self.rules:
            if (folder or not folders_only) and pattern.fullmatch(path):
                left_out = not keeps
        return left_out


def read_ignore(path: Path) -> Ignore:
    """The patterns in `path`; none where there is no such file."""
    return Ignore(path.read_text("utf-8", "replace").splitlines() if path.is_file() else ())


def _rules(lines: Iterable[str]) -> Iterator[tuple[re.Pattern[str], bool, bool]]:
    """Each line as (pattern over the whole path, folders only, keeps instead of leaving out)."""
    for line in lines:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        keeps = text.startswith("!")
        text = text.removeprefix("!")
        glob = text.strip("/")
        anchored = text.startswith("/") or "/" in glob
        yield re.compile(("" if anchored else "(?:.*/)?") + _expression(glob)), text.endswith("/"), keeps


def _expression(glob: str) -> str:
    """A glob as a regular expression: `*` and `?` stay within a folder, `**` crosses folders."""
    pieces = {"**/": "(?:.*/)?", "/**": "/.*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(
        pieces.get(piece, re.escape(piece)) for piece in re.split(r"(\*\*/|/\*\*$|\*\*|\*|\?)", glob) if piece
    )
