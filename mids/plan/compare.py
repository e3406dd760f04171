"""What is left to do: the plan against the journal of earlier runs and the files on disk."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mids.plan.job import Job, Plan
from mids.records import Source


@dataclass(frozen=True, slots=True)
class Known:
    """What the journal knows of one job: its digest and, by output, the size in bytes and mtime in ns."""

    digest: str
    outputs: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The images of jobs by the state of these, and the paths on disk that no job of the plan accounts for.

    `needed` is the size of the sources of what is new or stale, in bytes. `superseded` were made by earlier runs and
    are no longer wanted; `changed` were made by this program and altered since; `foreign` never were ours; `blocked`
    are jobs whose place a foreign file takes.
    """

    done: tuple[str, ...]
    new: tuple[str, ...]
    stale: tuple[str, ...]
    blocked: tuple[str, ...]
    superseded: tuple[str, ...]
    changed: tuple[str, ...]
    foreign: tuple[str, ...]
    needed: int = 0


Stamps = Mapping[str, tuple[int, int]]
"""Files by path relative to the dataset, with size in bytes and mtime in ns."""


def compare(plan: Plan, known: Mapping[str, Known], texts: Stamps, present: Stamps) -> Comparison:
    """The plan against the journal's jobs (by image path) and texts, and against the files that are there."""
    ours = {path: stamp for entry in known.values() for path, stamp in entry.outputs.items()} | dict(texts)
    changed = {path for path, stamp in ours.items() if path in present and present[path] != stamp}
    states: dict[str, list[str]] = {"done": [], "new": [], "stale": [], "blocked": []}
    wanted: set[str] = set()
    needed = 0
    for subject in plan.subjects:
        sources: set[Source] = set()
        for job in subject.jobs:
            state = _state(job, known.get(job.path), present, ours, changed)
            states[state].append(job.path)
            wanted.update(job.outputs)
            sources.update(job.action.sources if state in ("new", "stale") else ())
        needed += sum(source.size for source in sources)
    scope = {subject.label for subject in plan.subjects}
    superseded = [] if plan.adds else [
        path for entry in known.values() for path in entry.outputs
        if path not in wanted and path in present and path not in changed and (plan.complete or _subject(path) in scope)
    ]  # fmt: skip
    foreign = sorted(path for path in present if path not in ours)
    done, new, stale, blocked = (tuple(states[state]) for state in ("done", "new", "stale", "blocked"))
    return Comparison(
        done, new, stale, blocked, tuple(superseded), tuple(sorted(changed)), tuple(foreign), needed
    )  # fmt: skip


def _state(job: Job, entry: Known | None, present: Stamps, ours: Stamps, changed: set[str]) -> str:
    if any(path in present and (path not in ours or path in changed) for path in job.outputs):
        return "blocked"
    if entry is None or any(path not in present for path in job.outputs):
        return "new"
    return "done" if entry.digest == job.digest() else "stale"


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
