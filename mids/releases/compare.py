"""Compares two releases of a dataset."""

from collections.abc import Container, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mids.analysis.counting import LABELS
from mids.releases.files import files, is_image, renamed, same, stem
from mids.releases.images import Difference, difference
from mids.releases.tables import Names, TableChanges, names
from mids.releases.texts import Counts, Keys, Pair, Texts, labels


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed from one release to another: names and counts, never a value.

    Paths are relative to the dataset. `renamed` images have the same bytes under another name; `pixels` and `headers`
    are images of one name. `labels` gives the rows of labels.tsv that have a label, before and after. `files` are all
    others (texts, gradients …), `changed` those whose content differs. `rewritten` files mean the same but are
    written differently (order of rows, compression): they do not count as a change.
    """

    subjects: Names
    sessions: Names
    images: Names
    renamed: tuple[tuple[str, str], ...]
    pixels: tuple[str, ...]
    headers: tuple[str, ...]
    tables: Mapping[str, TableChanges]
    sidecars: Mapping[str, Counts]
    descriptions: Mapping[str, Keys]
    labels: Mapping[str, tuple[int, int]]
    files: Names
    changed: tuple[str, ...]
    rewritten: tuple[str, ...]

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__slots__ if name != "rewritten")


def compare(old: Path, new: Path, *, jobs: int = 1, quick: bool = False) -> Changes:
    """What changed from the dataset `old` to the dataset `new`, read by `jobs` threads.

    With `quick`, images of the same name and size count as the same. Only files whose bytes differ are decoded. Raises
    `MidsError` where one of them is no dataset.
    """
    ours, theirs = files(old), files(new)
    moved = _moved(ours, theirs)
    pair = Pair({moved.get(path, path): file for path, file in ours.items()}, theirs, moved)
    kinds = _different(pair, jobs=jobs, quick=quick)
    found = Texts(pair, [path for path, kind in kinds.items() if kind == "text"])
    images = names(filter(is_image, pair.old), filter(is_image, pair.new))
    alone = {stem(path) for path in (*images.added, *images.removed)}
    others = names(*([path for path in side if _is_other(path, alone)] for side in (pair.old, pair.new)))
    return Changes(
        subjects=names(_folders(ours, 1), _folders(theirs, 1)),
        sessions=names(_folders(ours, 2), _folders(theirs, 2)),
        images=images,
        renamed=tuple(item for item in moved.items() if is_image(item[0])),
        pixels=tuple(path for path, kind in kinds.items() if kind == "pixels"),
        headers=tuple(path for path, kind in kinds.items() if kind == "header"),
        tables=found.tables,
        sidecars=found.sidecars,
        descriptions=found.descriptions,
        labels=labels(pair) if LABELS in found.tables else {},
        files=others,
        changed=tuple(found.changed),
        rewritten=tuple(sorted([*found.rewritten, *(path for path, kind in kinds.items() if kind == "packing")])),
    )


def _moved(old: Mapping[str, Path], new: Mapping[str, Path]) -> dict[str, str]:
    """Renamed images with their old and new paths, and the files beside them that have the same stem."""
    images = names(filter(is_image, old), filter(is_image, new))
    paths = {file: path for path, file in new.items()}
    pairs = renamed([old[path] for path in images.removed], [new[path] for path in images.added])
    stems = {stem(path): stem(paths[pairs[old[path]]]) for path in images.removed if old[path] in pairs}
    found: dict[str, str] = {}
    for path in old:
        if stem(path) in stems:
            target = stems[stem(path)] + path[len(stem(path)) :]
            if target not in old:
                found[path] = target
    return found


def _different(pair: Pair, *, jobs: int, quick: bool) -> dict[str, Difference | Literal["text"]]:
    """The paths whose bytes differ, and how: a difference of images, or "text" for all else."""

    def kind(path: str) -> Difference | Literal["", "text"]:
        old, new = pair.old[path], pair.new[path]
        if same(old, new, quick=quick and is_image(path)):
            return ""
        return difference(old, new) if is_image(path) else "text"

    with ThreadPoolExecutor(jobs) as pool:
        found = zip(pair.both, pool.map(kind, pair.both), strict=True)
        return {path: kind for path, kind in found if kind}


def _folders(paths: Iterable[str], depth: int) -> list[str]:
    """The subjects (depth 1), or the sessions with their subjects (depth 2)."""
    parts = (tuple(path.split("/")) for path in paths if path.startswith("sub-"))
    found = {"/".join(part[:depth]) for part in parts if len(part) > depth}
    return sorted(place for place in found if depth == 1 or "/ses-" in place)


def _is_other(path: str, alone: Container[str]) -> bool:
    """Whether a file that only one release has is told apart from images and tables."""
    return not is_image(path) and not path.endswith(".tsv") and stem(path) not in alone
