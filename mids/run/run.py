"""Runs a plan: makes what is left to do, moves it in, writes the tables, removes what is superseded."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mids.errors import MidsError
from mids.issues import Issue, issue
from mids.plan.compare import Comparison, compare, files_below
from mids.plan.job import NOBODY, Job, Outcome, Plan, Subject
from mids.plan.texts.files import Inventory
from mids.readers.archives.files import tar_order
from mids.records import Source
from mids.run.journal import Journal
from mids.run.pool import Failed, Finished, Workers, work

Progress = Callable[[int, int, str], None]
"""Called with how many jobs are done, how many there are, and the path of the last one."""

Texts = Callable[[Inventory, Outcome], Iterable[tuple[str, str]]]
"""The small files of a dataset (path, content), from what the journal knows is there and what became of each job."""


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
    plan: Plan, place: Place, journal: Journal, texts: Texts, *,
    workers: Workers, progress: Progress = lambda done, total, path: None,
) -> Outcome:  # fmt: skip
    """Makes everything of the plan that is not done yet.

    `texts` gives the small files of the dataset: sidecars, tables, descriptions. Raises `MidsError` where the
    destination can't take the result; what is finished by then stays, and the next run goes on from there.
    """
    known = journal.known()
    comparison = compare(plan, known, journal.texts(), files_below(place.dataset))
    todo = {*comparison.new, *comparison.stale}
    _check_space(comparison.needed, place)
    issues = [*_foreign(comparison)]
    made: list[str] = []
    crashes: list[str] = []
    with _scratch(place):
        for number, (job, result) in enumerate(_results(plan, todo, place, workers), start=1):
            if isinstance(result, Finished):
                issues += _settle(job, result, place, journal)
                made.append(job.path)
            else:
                issues.append(issue(result.code, result.message, job.path, origin="run"))
                crashes += [result.crash] if result.crash else []
            progress(number, len(todo), job.path)
    lost = _lost(plan, {*made, *comparison.done})
    known = journal.known()
    for subject in plan.subjects:
        journal.describe(subject, adds=plan.adds)
    journal.describe(Subject(NOBODY, entries=plan.entries), adds=plan.adds)
    failed = lost & set(known) - {*comparison.blocked}
    unwanted = [*comparison.superseded, *(path for image in failed for path in known[image].outputs)]
    untouched = {*comparison.foreign, *comparison.changed}
    removed = _remove(sorted({*unwanted} - untouched), place, journal)
    journal.forget([path for path in known if not (place.dataset / path).exists()])
    outcome = Outcome(
        tuple(path for path in made if path not in lost),
        tuple(path for path in comparison.done if path not in lost),
        tuple(sorted(lost)),
        (),
        tuple(issues),
        tuple(crashes),
    )
    written = texts(journal, outcome)
    removed += _write_texts(place, journal, written, untouched)
    return replace(outcome, removed=tuple(removed))


def _lost(plan: Plan, there: set[str]) -> set[str]:
    """The images that were not delivered; a label map without its image lies on nothing."""
    lost = {job.path for job in plan.jobs if job.path not in there}
    return lost | {job.path for job in plan.jobs if job.of in lost} if lost else lost


@contextmanager
def _scratch(place: Place) -> Iterator[None]:
    """An empty folder for half-made files while it lasts."""
    shutil.rmtree(place.scratch, ignore_errors=True)
    try:
        place.scratch.mkdir(parents=True)
    except OSError as error:
        raise MidsError(f"can't write {place.scratch} ({error.strerror}): check permissions and space") from error
    try:
        yield
    finally:
        shutil.rmtree(place.scratch, ignore_errors=True)


def _check_space(needed: int, place: Place) -> None:
    """Refuses to start where the disk can't take the outputs: they are hardly ever larger than their sources."""
    free = shutil.disk_usage(place.state).free
    if needed > free:
        raise MidsError(
            f"DEST has {_size(free)} free and needs up to {_size(needed)}: "
            "free some space, or convert fewer subjects with --limit"
        )


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _foreign(comparison: Comparison) -> Iterator[Issue]:
    for path in comparison.foreign:
        yield issue("FOREIGN_FILE", "this program did not make the file; it is kept", path, origin="run")
    for path in comparison.changed:
        yield issue("FOREIGN_FILE", "the file was changed since it was made; it is kept", path, origin="run")
    for path in comparison.blocked:
        message = "in the way: this program did not make the file, or it was changed since"
        yield issue("FOREIGN_IN_THE_WAY", message, path, origin="run")


def _results(plan: Plan, todo: set[str], place: Place, workers: Workers) -> Iterator[tuple[Job, Finished | Failed]]:
    function = partial(_work, root=place.source, scratch=place.scratch)
    waiting = _in_order(plan, todo, place)
    return workers.making(function, waiting, lambda job: Failed("WORKER_DIED", "its process died"))


def _in_order(plan: Plan, todo: set[str], place: Place) -> Iterator[Job]:
    """Subject by subject, the one with the largest job first, so that the last job to end is short.

    Members of tar archives come as they lie in them.
    """
    places = _TarPlaces(place.source)
    firsts: list[tuple[tuple[str, int, int, str], int]] = []
    for number, subject in enumerate(plan.subjects):
        keys = [places.key(job) for job in subject.jobs if job.path in todo]
        firsts += [(min(keys), number)] if keys else []
    for _, number in sorted(firsts):
        jobs = [job for job in plan.subjects[number].jobs if job.path in todo]
        yield from sorted(jobs, key=places.key)


class _TarPlaces:
    """Where members lie in tar archives; each archive is listed once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._archives: dict[str, Mapping[str, int]] = {}

    def key(self, job: Job) -> tuple[str, int, int, str]:
        """What jobs are sorted by."""
        first = job.action.sources[0] if job.action.sources else Source("")
        if first.path not in self._archives and first.member:
            self._archives[first.path] = tar_order(self._root, first.path)
        number = self._archives.get(first.path, {}).get(first.member)
        size = sum(source.size for source in job.action.sources)
        return ("", 0, -size, job.path) if number is None else (first.path, number, 0, job.path)


def _work(job: Job, root: Path, scratch: Path) -> Finished | Failed:
    result = work(job.action, root, scratch)
    if isinstance(result, Failed):
        return result
    made = result.made.files
    if len(made) == len(job.outputs) and all((Path(result.scratch) / name).is_file() for name in made):
        return result
    shutil.rmtree(result.scratch, ignore_errors=True)
    return Failed("CONVERTER_SURPLUS", f"{len(made)} files were made where {len(job.outputs)} are declared")


def _settle(job: Job, result: Finished, place: Place, journal: Journal) -> list[Issue]:
    """Moves the files of a finished job into the dataset; returns what is noteworthy of it.

    What stood in their place is ours, or the job would be blocked. It goes before the new files are announced:
    whenever the program is killed, a file of ours is either the one that the journal knows, or absent.
    """
    made = [Path(result.scratch) / name for name in result.made.files]
    digest = job.digest()
    try:
        stamps = {output: _stamp(path) for output, path in zip(job.outputs, made, strict=True)}
        for output in job.outputs:
            (place.dataset / output).unlink(missing_ok=True)
        journal.announce(job, digest, stamps)
        for output, path in zip(job.outputs, made, strict=True):
            _move(path, place.dataset / output)
    except OSError as error:
        raise MidsError(
            f"can't write the dataset ({error.strerror}): finished work is kept; run again to continue"
        ) from error
    journal.finish(job, digest, result.made.facts, result.made.private)
    shutil.rmtree(result.scratch, ignore_errors=True)
    return [found if found.path else replace(found, path=job.path) for found in result.made.issues]


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _move(path: Path, target: Path) -> None:
    """Moves a finished file into place in one step: no reader ever sees half of it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    path.replace(target)


def _remove(paths: list[str], place: Place, journal: Journal) -> list[str]:
    """Removes files that we made and no longer want, and the folders that this leaves empty."""
    try:
        for path in paths:
            target = place.dataset / path
            target.unlink(missing_ok=True)
            for folder in target.parents:
                if folder == place.dataset or (folder.is_dir() and any(folder.iterdir())):
                    break
                if folder.is_dir():
                    folder.rmdir()
    except OSError as error:
        raise MidsError(
            f"can't write {place.dataset} ({error.strerror}): finished work is kept; run again to continue"
        ) from error
    journal.forget(paths)
    return paths


def _write_texts(place: Place, journal: Journal, texts: Iterable[tuple[str, str]], kept: set[str]) -> list[str]:
    """Writes sidecars, tables and descriptions, and removes those that nothing wants any more."""
    ours = journal.texts()
    wanted: set[str] = set()
    for path, content in texts:
        wanted.add(path)
        if path not in kept:
            _write(place, path, content.encode(), journal, ours.get(path))
    return _remove([path for path in ours if path not in wanted and path not in kept], place, journal)


def _write(place: Place, path: str, content: bytes, journal: Journal, known: tuple[int, int] | None) -> None:
    """Writes a small file unless it holds the content already, so that a second run changes nothing.

    As in `_settle`, the old file goes before the new one is announced.
    """
    target = place.dataset / path
    try:
        if target.is_file() and target.read_bytes() == content:
            if known != _stamp(target):
                journal.wrote(path, _stamp(target))
            return
        half = place.state / "half-written"
        half.write_bytes(content)
        target.unlink(missing_ok=True)
        journal.wrote(path, _stamp(half))
        _move(half, target)
    except OSError as error:
        raise MidsError(
            f"can't write the dataset ({error.strerror}): finished work is kept; run again to continue"
        ) from error
