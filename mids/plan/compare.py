"""What is left to do: the plan against the journal of earlier runs and the files on disk."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mids.plan.job import Job, Plan


@dataclass(frozen=True, slots=True)
class Known:
    """What the journal knows of one job: its digest and, by output, the size in bytes and mtime in ns."""

    digest: str
    outputs: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The jobs by state, and the paths on disk that no job of the plan accounts for.

    `superseded` were made by earlier runs and are no longer wanted; `changed` were made by this program and
    altered since; `foreign` never were ours; `blocked` are jobs whose place a foreign file takes.
    """

    done: tuple[Job, ...]
    new: tuple[Job, ...]
    stale: tuple[Job, ...]
    blocked: tuple[Job, ...]
    superseded: tuple[str, ...]
    changed: tuple[str, ...]
    foreign: tuple[str, ...]


Stamps = Mapping[str, tuple[int, int]]
"""Files by path relative to the dataset, with size in bytes and mtime in ns."""


def compare(plan: Plan, known: Mapping[str, Known], texts: Stamps, present: Stamps) -> Comparison:
    """The plan against the journal's jobs (by image path) and texts, and against the files that are there."""
    ours = {path: stamp for entry in known.values() for path, stamp in entry.outputs.items()} | dict(texts)
    changed = {path for path, stamp in ours.items() if path in present and present[path] != stamp}
    done: list[Job] = []
    new: list[Job] = []
    stale: list[Job] = []
    blocked: list[Job] = []
    for job in plan.jobs:
        entry = known.get(job.path)
        if any(path in present and (path not in ours or path in changed) for path in job.outputs):
            blocked.append(job)
        elif entry is None or any(path not in present for path in job.outputs):
            new.append(job)
        else:
            (done if entry.digest == job.digest() else stale).append(job)
    wanted = {path for job in plan.jobs for path in job.outputs}
    scope = {subject.label for subject in plan.subjects}
    superseded = [] if plan.adds else [
        path for entry in known.values() for path in entry.outputs
        if path not in wanted and path in present and path not in changed and (plan.complete or _subject(path) in scope)
    ]  # fmt: skip
    foreign = sorted(path for path in present if path not in ours)
    return Comparison(
        tuple(done), tuple(new), tuple(stale), tuple(blocked),
        tuple(superseded), tuple(sorted(changed)), tuple(foreign),
    )  # fmt: skip


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
