"""Compares two releases of a dataset."""

from collections.abc import Container, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from mids.analysis.counting import LABELS
from mids.dataset.disk.door import LINK_BROKEN, Door, opening
from mids.dataset.disk.progress import watched
from mids.errors import DataError
from mids.issues import Issue
from mids.releases.files import files, have_same_bytes, is_image, renamed, stem
from mids.releases.images import Difference, difference
from mids.releases.tables import Names, TableChanges, names
from mids.releases.texts import Counts, Keys, Pair, Texts, labels


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed from one release to another: names and counts, never a value.

    Paths are relative to the dataset. `renamed` images have the same bytes under another name; `pixels` and `headers`
    are images of one name. `labels` gives the rows of labels.tsv that have a label, before and after. `files` are all
    others (texts, gradients …), `changed` those whose content differs. `rewritten` files mean the same but are
    written differently (order of rows, compression): they do not count as a change. `issues` say what can't
    be read of either release (OLD/…, NEW/…), of which nothing else here tells.
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
    issues: tuple[Issue, ...] = ()

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__slots__ if name not in ("rewritten", "issues"))


def compare(old: Path, new: Path, *, jobs: int = 1, quick: bool = False) -> Changes:
    """What changed from the dataset `old` to the dataset `new`, read by `jobs` threads.

    With `quick`, images of the same name and size count as the same. Only files whose bytes differ are decoded. Raises
    `MidsError` where one of them is no dataset.
    """
    doors = (Door(old, closed=frozenset()), Door(new, closed=frozenset()))
    ours, theirs = (files(door) for door in doors)
    moved = _find_renamed(ours, theirs)
    pair = Pair({moved.get(path, path): file for path, file in ours.items()}, theirs, moved)
    kinds = _different(pair, doors, jobs=jobs, quick=quick)
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
        issues=tuple(
            replace(found, path=f"{side}/{found.path}")
            for side, door in zip(("OLD", "NEW"), doors, strict=True)
            for found in door.issues
            if found.code != LINK_BROKEN  # of a link whose content was not fetched its target tells
        ),
    )


def _find_renamed(old: Mapping[str, Path], new: Mapping[str, Path]) -> dict[str, str]:
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


def _different(
    pair: Pair, doors: tuple[Door, Door], *, jobs: int, quick: bool
) -> dict[str, Difference | Literal["text"]]:
    """The paths whose bytes differ, and how: a difference of images, or "text" for all else."""

    def kind(path: str) -> Difference | Literal["", "text"]:
        places = pair.old[path], pair.new[path]
        for door, place in zip(doors, places, strict=True):
            if (problem := _refusal(place)) is not None:
                door.keep(problem, place.relative_to(door.root).as_posix())
                return ""
        if have_same_bytes(*places, quick=quick and is_image(path)):
            return ""
        if not is_image(path):
            return "text"
        found, problem = difference(*places)
        if problem is not None:
            doors[1].keep(problem, path)
        return found

    with ThreadPoolExecutor(jobs) as pool:
        kinds = watched(pool.map(kind, pair.both), "files compared", len(pair.both))
        found = zip(pair.both, kinds, strict=True)
        return {path: kind for path, kind in found if kind}


def _refusal(place: Path) -> DataError | None:
    """Why a file that is there can't be opened."""
    try:
        with opening(place.name):
            if place.exists():
                place.open("rb").close()
    except DataError as error:
        return error
    return None


def _folders(paths: Iterable[str], depth: int) -> list[str]:
    """The subjects (depth 1), or the sessions with their subjects (depth 2)."""
    parts = (tuple(path.split("/")) for path in paths if path.startswith("sub-"))
    found = {"/".join(part[:depth]) for part in parts if len(part) > depth}
    return sorted(place for place in found if depth == 1 or "/ses-" in place)


def _is_other(path: str, alone: Container[str]) -> bool:
    """Whether a file that only one release has is told apart from images and tables."""
    return not is_image(path) and not path.endswith(".tsv") and stem(path) not in alone
