"""The files of a release, and whether two of them are the same."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from mids.dataset.disk.door import Door

BIDSIGNORE = ".bidsignore"
IMAGES = (".nii.gz", ".nii", ".png", ".ome.tif", ".ome.btf", ".tif", ".tiff", ".jpg", ".jpeg")
_BLOCK = 1 << 20


def files(door: Door) -> dict[str, Path]:
    """Every file of a dataset by its POSIX path, sorted; what is hidden is left out, but `.bidsignore`."""
    found = [*door.files, *([BIDSIGNORE] if door.holds(BIDSIGNORE) else ())]
    return {path: door.root / path for path in sorted(found)}


def is_image(path: str) -> bool:
    """Whether a file of that name holds pixels."""
    return path.casefold().endswith(IMAGES)


def stem(path: str) -> str:
    """The path without its extensions: what an image and its sidecar have in common."""
    folder, slash, name = path.rpartition("/")
    return folder + slash + name.partition(".")[0]


def have_same_bytes(old: Path, new: Path, *, quick: bool = False) -> bool:
    """Whether two files hold the same bytes; `quick` believes that files of one size do.

    Of a file that is not here (a link of git-annex whose content was not fetched) the name of what it links to counts.
    """
    if not (old.exists() and new.exists()):
        return _target(old) == _target(new)
    ours, others = old.stat(), new.stat()
    if os.path.samestat(ours, others):
        return True
    if ours.st_size != others.st_size or quick:
        return ours.st_size == others.st_size
    with old.open("rb") as left, new.open("rb") as right:
        while block := left.read(_BLOCK):
            if block != right.read(_BLOCK):
                return False
    return True


def _target(path: Path) -> str:
    return path.readlink().name if path.is_symlink() else ""


def renamed(removed: Iterable[Path], added: Iterable[Path]) -> Mapping[Path, Path]:
    """Which removed file came back under which name: the bytes are the same, and of several the order of names.

    Only files whose size occurs on both sides are read.
    """
    gone, come = _group_by_size(removed), _group_by_size(added)
    pairs: dict[Path, Path] = {}
    for size in gone.keys() & come.keys():
        waiting: dict[bytes, list[Path]] = {}
        for path in reversed(come[size]):
            waiting.setdefault(_digest(path), []).append(path)
        for path in gone[size]:
            if found := waiting.get(_digest(path)):
                pairs[path] = found.pop()
    return pairs


def _group_by_size(paths: Iterable[Path]) -> dict[int, list[Path]]:
    found: dict[int, list[Path]] = {}
    for path in sorted(paths):
        if path.is_file():
            found.setdefault(path.stat().st_size, []).append(path)
    return found


def _digest(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "blake2b").digest()
    except OSError:  # told where files are compared
        return str(path).encode("utf-8", "surrogateescape")
