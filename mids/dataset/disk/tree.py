"""What a dataset holds on disk: one walk, no link followed to a folder or out of the dataset."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Oddity = Literal["broken", "loop", "outside", "folder", "special", "unreadable", "encoding", "leftover"]

CLOSED = frozenset({"sourcedata", "code", "stimuli"})
"""Top-level folders whose content is free: not looked into."""

ROIS = "derivatives/rois/"

CONVERSIONS = "derivatives/provenance/conversions.tsv"
"""How each image was made: the table that a conversion writes, with a digest of the pixels."""

IGNORE_FILE = ".midsignore"


@dataclass(frozen=True, slots=True)
class Odd:
    """An entry that is neither a plain file nor a plain folder, and what it is."""

    path: str
    kind: Oddity


@dataclass(frozen=True, slots=True)
class Tree:
    """The files (size in bytes by path) and folders of a dataset; paths are relative, POSIX, sorted."""

    root: Path
    files: Mapping[str, int]
    folders: frozenset[str]
    odd: tuple[Odd, ...] = ()
    ignored: int = 0
    shifted: bool = False

    def subjects(self) -> Iterator[tuple[str, "Tree"]]:
        """Each subject folder with what lies in it, in `derivatives/rois` too, and with the files that apply to all."""
        common = {path: size for path, size in self.files.items() if is_common(path)}
        files: dict[str, dict[str, int]] = {}
        for path, size in self.files.items():
            if subject := find_subject(path):
                files.setdefault(subject, {})[path] = size
        folders: dict[str, list[str]] = {}
        for folder in self.folders:
            folders.setdefault(folder.partition("/")[0], []).append(folder)
        for subject in sorted(files):
            yield subject, Tree(self.root, {**common, **files[subject]}, frozenset(folders.get(subject, ())))

    def common(self, *, shifted: bool) -> "Tree":
        """The files that apply to all subjects alone; `shifted` says that the dataset shifts dates."""
        files = {path: size for path, size in self.files.items() if is_common(path)}
        return Tree(self.root, files, frozenset(), shifted=shifted)


def find_subject(path: str) -> str:
    """The `sub-…` folder that a file belongs to, in the raw data or below `derivatives/rois`; "" for none."""
    first, _, rest = path.removeprefix(ROIS).partition("/")
    return first if rest and first.startswith("sub-") else ""


def is_common(path: str) -> bool:
    """Whether a file can apply to every subject: at the top, at the top of `derivatives/rois`, or of provenance."""
    return "/" not in path.removeprefix(ROIS) or path == CONVERSIONS


def walk(
    root: Path, *, closed: frozenset[str] = CLOSED, heeds_ignore: bool = True, follows_subjects: bool = False
) -> Tree:
    """Everything below `root` but hidden entries, what lies in `closed` folders, and what `.midsignore` names.

    `follows_subjects` goes into subjects' folders that are links: whole subjects may be kept elsewhere.
    """
    ignore = read_ignore(root / IGNORE_FILE) if heeds_ignore else Ignore(())
    real = os.path.realpath(root)
    files: dict[str, int] = {}
    folders: list[str] = []
    odd: list[Odd] = []
    ignored = 0
    stack = [""]
    while stack:
        folder = stack.pop()
        try:
            entries = _entries(real, folder)
        except OSError:
            odd.append(Odd(folder, "unreadable"))
            continue
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.name.startswith("."):
                odd += (
                    [Odd(path, "leftover")] if LEFT.fullmatch(entry.name) and not ignore(path, entry.is_dir()) else []
                )
                continue
            kind = _kind(entry, real)
            if ignore.rules and ignore(path, kind == "directory"):
                ignored += 1
            elif not path.isascii() and not _is_utf8(path):
                odd.append(Odd(path.encode("utf-8", "backslashreplace").decode(), "encoding"))
            elif kind == "file":
                try:
                    files[path] = entry.stat().st_size
                except OSError:  # a folder that may be listed and not entered
                    odd.append(Odd(path, "unreadable"))
            elif kind == "directory" or (follows_subjects and _is_subject(entry, path)):
                folders.append(path)
                stack += [path] if path not in closed else []
            else:
                odd.append(Odd(path, kind))
    odd.sort(key=lambda o: o.path)
    return Tree(root, dict(sorted(files.items())), frozenset(folders), tuple(odd), ignored)


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
        return "broken"
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
