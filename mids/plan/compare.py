"""What is left to do: the plan against the journal of earlier runs and the files on disk."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from pathlib import Path

from mids.issues import Issue
from mids.plan.job import Job, Plan
from mids.readers.dicom.scan import NOT_DICOM
from mids.records import Source

UNREAD = frozenset({
    "SOURCE_UNREADABLE", "ARCHIVE_UNREADABLE", "FILE_TRUNCATED", "FILE_EMPTY", "DICOM_UNREADABLE", "SOURCE_CHANGED",
})  # fmt: skip
"""Codes of input that another run may read: what can't be read, or is half-written, is not gone.

Images that stand beside it are not counted for good.
"""

UNLISTED = "IMAGE_UNLISTED"
"""The code of images that no table names: a table that was copied in part takes no image away."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the journal knows of one job: its digest and, by output, the size in bytes and mtime in ns."""

    digest: str
    outputs: Mapping[str, tuple[int, int]]
    key: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The images of jobs by the state of these, and the paths on disk that no job of the plan accounts for.

    `needed` is the size of the sources of what is new or stale, in bytes. `superseded` were made by earlier runs and
    are no longer wanted; `vanished` are images of which a source can't be found or read any more, and that are kept,
    `hidden` those of them of which one can't be read, and that no leave removes;
    `changed` were made by this program and altered since; `damaged` are ours too, but a power cut left nothing or only
    a part of them; `foreign` never were ours; `blocked` are jobs whose place a foreign file takes.
    """

    done: tuple[str, ...]
    new: tuple[str, ...]
    stale: tuple[str, ...]
    blocked: tuple[str, ...]
    superseded: tuple[str, ...]
    changed: tuple[str, ...]
    foreign: tuple[str, ...]
    needed: int = 0
    vanished: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()


Stamps = Mapping[str, tuple[int, int]]
"""Files by path relative to the dataset, with size in bytes and mtime in ns."""

Origins = Callable[[str], Sequence[str]]
"""The names of the sources that an image of an earlier run was made of."""


def _no_origins(_: str) -> Sequence[str]:
    return ()


def _is_never(_: str) -> bool:
    return False


def compare(
    plan: Plan, known: Mapping[str, Known], texts: Stamps, present: Stamps, *,
    damaged: Collection[str] = (), origins: Origins = _no_origins, is_empty: Callable[[str], bool] = _is_never,
) -> Comparison:  # fmt: skip
    """The plan against the journal's jobs (by image path) and texts, and against the files that are there.

    `damaged` are files of ours that a power cut left no or only a part of. Where no more images vanished than the plan
    may remove, they are superseded; not so those of which a source can't be read, or lay in a folder that `is_empty`
    says to be there and to hold nothing, as where a disk is not mounted.
    """
    compared = partial(_compared, known=known, texts=texts, present=present, damaged=damaged)
    found = compared(plan, gone=_Gone(plan, known, origins, is_empty))
    if plan.removes is None or not 0 < len(found.vanished) - len(found.hidden) <= plan.removes:
        return found
    plan = replace(plan, removes=None)
    return compared(plan, gone=_Gone(plan, known, origins, is_empty))


def _compared(
    plan: Plan, known: Mapping[str, Known], texts: Stamps, present: Stamps, *, damaged: Collection[str], gone: "_Gone"
) -> Comparison:
    ours = {path: stamp for entry in known.values() for path, stamp in entry.outputs.items()} | dict(texts)
    changed = {path for path, stamp in ours.items() if path in present and present[path] != stamp} - {*damaged}
    there = {path: stamp for path, stamp in present.items() if path not in damaged}
    states: dict[str, list[str]] = {"done": [], "new": [], "stale": [], "blocked": []}
    vanished: list[str] = []
    wanted: set[str] = set()
    needed = 0
    for subject in plan.subjects:
        sources: set[Source] = set()
        for job in subject.jobs:
            state = _state(job, known.get(job.path), there, ours, changed)
            if state == "stale" and gone.holds(job):
                vanished.append(job.path)
                state = "done" if known[job.path].key == job.key else "blocked"
            states[state].append(job.path)
            wanted.update(job.outputs)
            sources.update(job.action.sources if state in ("new", "stale") else ())
        needed += sum(source.size for source in sources)
    superseded = _superseded(plan, known, wanted, {path for path in there if path not in changed})
    lost = {image for image, paths in superseded.items() if gone.lacks(image)}
    foreign = sorted(path for path in present if path not in ours)
    done, new, stale, blocked = (tuple(states[state]) for state in ("done", "new", "stale", "blocked"))
    unwanted = tuple(path for image, paths in superseded.items() if image not in lost for path in paths)
    kept = sorted({*vanished, *lost})
    return Comparison(
        done, new, stale, blocked, unwanted, tuple(sorted(changed)), tuple(foreign), needed,
        tuple(kept), tuple(sorted(damaged)), tuple(path for path in kept if gone.hides(path)),
    )  # fmt: skip


def _superseded(
    plan: Plan, known: Mapping[str, Known], wanted: Collection[str], there: Collection[str]
) -> dict[str, list[str]]:
    """The files that the plan does not want any more, by their image."""
    if plan.adds:
        return {}
    scope = None if plan.complete else {subject.label for subject in plan.subjects}
    found = {
        image: [path for path in entry.outputs if path not in wanted and path in there]
        for image, entry in known.items()
        if scope is None or _subject(image) in scope
    }
    return {image: paths for image, paths in found.items() if paths}


class _Gone:
    """Which images of earlier runs have a source that the plan does not speak of: it vanished, or can't be read.

    The plan is asked once, and only where an image is not what the plan wants.
    """

    def __init__(
        self, plan: Plan, known: Mapping[str, Known], origins: Origins, is_empty: Callable[[str], bool]
    ) -> None:
        self._plan, self._known, self._origins, self._is_empty = plan, known, origins, cache(is_empty)

    @cached_property
    def _sources(self) -> set[str]:
        """The names of all sources that the plan speaks of."""
        unlisted = {found.path for found in read_issues(self._plan) if found.code == UNLISTED}
        return {*_spoken_of(self._plan)} - self._shut - unlisted

    @cached_property
    def _keys(self) -> set[str]:
        return {job.key for job in self._plan.jobs}

    @cached_property
    def _shut(self) -> set[str]:
        """Files, folders and archives that can't be read, or not whole."""
        return {found.path for found in read_issues(self._plan) if found.code in UNREAD}

    def hides(self, image: str) -> bool:
        """Whether a source of an image can't be read, or lies in what can't be, or in a folder that is empty now."""
        around = {place for name in self._origins(image) for place in _around(name)}
        return not self._shut.isdisjoint(around) or any(map(self._is_empty, around))

    def _misses(self, image: str) -> bool:
        if self._plan.removes is None:
            return self.hides(image)
        return not self._sources.issuperset(self._origins(image))

    def lacks(self, image: str) -> bool:
        """Whether an image that the plan does not have lacks a source; one with a new name does not."""
        return self._known[image].key not in self._keys and self._misses(image)

    def holds(self, job: Job) -> bool:
        """Whether what stands in the place of a job must stay, for the job would be made of less, or of another."""
        entry = self._known[job.path]
        before, now = {*self._origins(job.path)}, {source.name for source in job.action.sources}
        is_elsewhere = len(now) >= len(before) and before.isdisjoint(now)  # all files were moved
        if entry.key == job.key and (now >= before or is_elsewhere):
            return False
        return (entry.key == job.key or entry.key not in self._keys) and self._misses(job.path)


def _around(name: str) -> Iterator[str]:
    """A source, and the archives and folders that it lies in."""
    yield name
    while found := re.match(r"(.*)[/!]", name, re.DOTALL):
        name = found[1]
        yield name


def _spoken_of(plan: Plan) -> Iterator[str]:
    """The names of sources that are converted, skipped or wrong; not of those that can't be read.

    Nor of files that are no images: what an image was made of, and now is none, was overwritten.
    """
    for job in plan.jobs:
        yield from (source.name for source in job.action.sources)
    for skipped in (*plan.skipped, *(item for subject in plan.subjects for item in subject.skipped)):
        yield from (source.name for source in skipped.sources if skipped.reason != NOT_DICOM)
    yield from (found.path for found in read_issues(plan) if found.code not in UNREAD)


def read_issues(plan: Plan) -> Iterator[Issue]:
    """What is wrong with the source."""
    for found in (*plan.issues, *(found for subject in plan.subjects for found in subject.issues)):
        if found.origin == "read":
            yield found


def _state(job: Job, entry: Known | None, present: Stamps, ours: Stamps, changed: set[str]) -> str:
    if any(path in present and (path not in ours or path in changed) for path in job.outputs):
        return "blocked"
    if any(folder in present for path in job.outputs for folder in _folders(path)):
        return "blocked"  # a link, or a file, stands where a folder should be
    if entry is None or any(path not in present for path in job.outputs):
        return "new"
    return "done" if entry.digest == job.digest() else "stale"


def _folders(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _subject(path: str) -> str:
    return path.split("/", 1)[0].removeprefix("sub-")


def files_below(dataset: Path) -> dict[str, tuple[int, int]]:
    """The stamps of every file of a dataset, and of links, which are never ours."""
    found = {}
    for path in dataset.rglob("*"):
        if path.is_symlink() or path.is_file():
            status = path.lstat()
            found[path.relative_to(dataset).as_posix()] = (status.st_size, status.st_mtime_ns)
    return found
