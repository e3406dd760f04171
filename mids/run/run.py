"""Runs a plan: makes what is left to do, moves it in, writes the tables, removes what is superseded."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mids.errors import MidsError
from mids.issues import Issue, issue
from mids.plan.compare import Comparison, compare, files_below
from mids.plan.job import Job, Plan
from mids.plan.texts import dataset_texts, sidecar_texts
from mids.records import About, Delivered
from mids.run.journal import Journal
from mids.run.pool import Failed, Finished, mapped, work

Progress = Callable[[int, int, str], None]
"""Called with how many jobs are done, how many there are, and the path of the last one."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did: the images it made, those that were there, what was lost, and what is wrong."""

    made: tuple[str, ...]
    kept: tuple[str, ...]
    lost: tuple[str, ...]
    removed: tuple[str, ...]
    issues: tuple[Issue, ...]
    crashes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run reads and writes: the source, the dataset, and the state beside it."""

    source: Path
    dataset: Path
    state: Path

    @property
    def scratch(self) -> Path:
        """A folder on the destination's disk for half-made files."""
        return self.state / "scratch"


def run(
    plan: Plan, place: Place, journal: Journal, about: About, *,
    jobs: int = 1, progress: Progress = lambda done, total, path: None, extra: Mapping[str, str] | None = None,
) -> Outcome:  # fmt: skip
    """Makes everything of the plan that is not done yet.

    `extra` are further small files of the dataset (path → content). Raises `MidsError` where the destination
    can't take the result; what is finished by then stays, and the next run goes on from there.
    """
    comparison = compare(plan, journal.known(), journal.texts(), files_below(place.dataset))
    todo = comparison.new + comparison.stale
    _check_space(todo, place)
    shutil.rmtree(place.scratch, ignore_errors=True)
    place.scratch.mkdir(parents=True)
    issues = [*_foreign(comparison)]
    made: list[str] = []
    crashes: list[str] = []
    try:
        for number, (job, result) in enumerate(_results(todo, place, jobs), start=1):
            found = _settle(job, result, place, journal)
            issues += found
            if isinstance(result, Failed) and result.crash:
                crashes.append(result.crash)
            if isinstance(result, Finished) and not any(i.code == "OUTPUT_FAILED" for i in found):
                made.append(job.path)
            progress(number, len(todo), job.path)
    finally:
        shutil.rmtree(place.scratch, ignore_errors=True)
    kept = tuple(job.path for job in comparison.done)
    lost = tuple(sorted({job.path for job in plan.jobs} - set(made) - set(kept)))
    for subject in plan.subjects:
        journal.describe(subject)
    removed = _remove([*comparison.superseded, *(path for path in lost if path in journal.known())], place, journal)
    removed += _write_texts(plan, place, journal, about, extra or {}, set(comparison.foreign) | set(comparison.changed))
    return Outcome(tuple(made), kept, lost, tuple(removed), tuple(issues), tuple(crashes))


def _check_space(todo: tuple[Job, ...], place: Place) -> None:
    """Refuses to start where the disk can't take the outputs: they are hardly ever larger than their sources."""
    needed = sum(source.size for job in todo for source in job.action.sources)
    free = shutil.disk_usage(place.state).free
    if needed > free:
        raise MidsError(
            f"the destination has {free / 1e9:.1f} GB free and needs up to {needed / 1e9:.1f} GB: "
            "free space, or convert fewer subjects with --limit"
        )


def _foreign(comparison: Comparison) -> Iterator[Issue]:
    for path in comparison.foreign:
        yield issue("FOREIGN_FILE", "not made by this program; it is kept", path, origin="run")
    for path in comparison.changed:
        yield issue("FOREIGN_FILE", "changed since it was made; it is kept", path, origin="run")
    for job in comparison.blocked:
        message = "a file that was not made by this program, or was changed since, is in the way"
        yield issue("FOREIGN_IN_THE_WAY", message, job.path, origin="run")


def _results(todo: tuple[Job, ...], place: Place, workers: int) -> Iterator[tuple[Job, Finished | Failed]]:
    function = partial(_work, root=place.source, scratch=place.scratch)
    largest_first = sorted(todo, key=lambda job: (-sum(source.size for source in job.action.sources), job.path))
    return mapped(function, largest_first, workers, lambda job: Failed("WORKER_DIED", "its process died"))


def _work(job: Job, root: Path, scratch: Path) -> Finished | Failed:
    return work(job.action, root, scratch)


def _settle(job: Job, result: Finished | Failed, place: Place, journal: Journal) -> list[Issue]:
    """Moves the files of a finished job into the dataset; a failed one becomes an Issue."""
    if isinstance(result, Failed):
        return [issue(result.code, result.message, job.path, origin="run")]
    scratch = Path(result.scratch)
    made = [scratch / name for name in result.made.files]
    if len(made) != len(job.outputs) or not all(path.is_file() for path in made):
        shutil.rmtree(scratch, ignore_errors=True)
        message = f"{len(made)} files were made where {len(job.outputs)} are declared"
        return [issue("CONVERTER_SURPLUS", message, job.path, origin="run")]
    digest = job.digest()
    stamps = {output: _stamp(path) for output, path in zip(job.outputs, made, strict=True)}
    journal.announce(job, digest, stamps)
    try:
        for output, path in zip(job.outputs, made, strict=True):
            _move(path, place.dataset / output)
    except OSError as error:
        raise MidsError(f"the dataset can't be written ({error.strerror}): what is finished is kept") from error
    journal.finish(job, digest, result.made.facts, result.made.private)
    shutil.rmtree(scratch, ignore_errors=True)
    return [_about(found, job) for found in result.made.issues]


def _about(found: Issue, job: Job) -> Issue:
    return found if found.path else Issue(found.code, found.level, found.message, job.path, fix=found.fix, origin=found.origin)


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _move(path: Path, target: Path) -> None:
    """Moves a finished file into place in one step: no reader ever sees half of it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    path.replace(target)


def _remove(paths: list[str], place: Place, journal: Journal) -> list[str]:
    """Removes files that we made and no longer want, and the folders that this leaves empty."""
    removed = []
    for path in paths:
        target = place.dataset / path
        target.unlink(missing_ok=True)
        removed.append(path)
        for folder in target.parents:
            if folder == place.dataset or not folder.is_dir() or any(folder.iterdir()):
                break
            folder.rmdir()
    journal.forget(removed)
    return removed


def _write_texts(
    plan: Plan, place: Place, journal: Journal, about: About, extra: Mapping[str, str], kept: set[str]
) -> list[str]:
    """Writes sidecars, tables and descriptions from the journal, and removes those that nothing wants any more."""
    delivered: list[Delivered] = journal.delivered()
    ours = journal.texts()
    wanted: set[str] = set()
    for path, content in (*sidecar_texts(delivered), *dataset_texts(delivered, journal.subjects(), about), *extra.items()):
        wanted.add(path)
        if path in kept:
            continue
        stamp = _write(place, path, content.encode())
        if ours.get(path) != stamp:
            journal.wrote(path, stamp)
    return _remove([path for path in ours if path not in wanted and path not in kept], place, journal)


def _write(place: Place, path: str, content: bytes) -> tuple[int, int]:
    """Writes a small file unless it holds the content already, so that a second run changes nothing."""
    target = place.dataset / path
    try:
        if not target.is_file() or target.read_bytes() != content:
            half = place.state / "half-written"
            half.write_bytes(content)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(half, target)
        return _stamp(target)
    except OSError as error:
        raise MidsError(f"the dataset can't be written ({error.strerror}): what is finished is kept") from error
