"""Moves finished files into a dataset and removes what is superseded: the journal and the disk agree after any stop."""

import shutil
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePosixPath

from mids.errors import MidsError
from mids.issues import Issue
from mids.plan.job import Job
from mids.records import Json
from mids.run.disk import find_place, flush_files, flush_folders, make_parents
from mids.run.journal import TOLD, Journal
from mids.run.lock import Lock
from mids.run.pool import Failed, Finished

BATCH = 32
"""Finished jobs that are moved in together at most, and a quarter of the texts that are."""

PAUSE = 0.25
"""Seconds between two batches: what is quick is moved in together, what is slow at once."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run reads and writes: the source, the dataset, and the state beside it, under its lock."""

    source: Path
    dataset: Path
    state: Path
    lock: Lock | None = None

    @property
    def scratch(self) -> Path:
        """A folder on the destination's disk for half-made files."""
        return self.state / "scratch"


@contextmanager
def scratch_folder(place: Place) -> Iterator[None]:
    """An empty folder for half-made files while it lasts; a link in its place is removed, what it leads to stays."""
    try:
        if place.scratch.is_symlink():
            place.scratch.unlink()
        shutil.rmtree(place.scratch, ignore_errors=True)
        place.scratch.mkdir(parents=True, exist_ok=True)  # a program whose worker died may still write there
    except OSError as error:
        raise MidsError(f"can't write {place.scratch} ({error.strerror}): check permissions and space") from error
    try:
        yield
    finally:
        shutil.rmtree(place.scratch, ignore_errors=True)


def check_result(job: Job, result: Finished, scratch: Path) -> Finished | Failed:
    """The result, or that it is not what the job declares: a worker may be another computer's.

    Its files must be regular ones in a folder of its own in `scratch`, as many as the outputs.
    """
    folder, made = Path(result.scratch), result.made.files
    is_own = folder.parent == scratch and not folder.is_symlink()
    if is_own and len(made) == len(job.outputs) == len(result.marks) and all(_is_file(folder, name) for name in made):
        return result
    if is_own:
        shutil.rmtree(folder, ignore_errors=True)
    return Failed("CONVERTER_SURPLUS", f"{len(made)} files were made where {len(job.outputs)} are declared")


def _is_file(folder: Path, name: str) -> bool:
    parts = PurePosixPath(name).parts
    if not parts or ".." in parts or PurePosixPath(name).is_absolute():
        return False
    steps = [folder.joinpath(*parts[:count]) for count in range(1, len(parts) + 1)]
    try:
        return not any(step.is_symlink() for step in steps) and stat.S_ISREG(steps[-1].lstat().st_mode)
    except OSError:
        return False


@dataclass(slots=True)
class Mover:
    """Moves the files of finished jobs into the dataset, a few jobs at a time."""

    place: Place
    journal: Journal
    _waiting: list[tuple[Job, Finished]] = field(default_factory=list)
    _last: float = float("-inf")

    def add(self, job: Job, result: Finished) -> list[Issue]:
        """Moves the job in now or with the next ones; returns what is noteworthy of it."""
        self._waiting.append((job, result))
        if len(self._waiting) >= BATCH or time.monotonic() - self._last >= PAUSE:
            self.flush()
        return _issues(job, result)

    def flush(self) -> None:
        """Moves in what waits.

        What stood in its place is ours, or the job would be blocked. It goes before the new files are announced:
        whenever the program is stopped, a file of ours is either the one that the journal knows, or absent. Content
        is on the disk before it is announced, the announcement before the files are moved, and names before they count
        as done.
        """
        waiting, self._waiting = self._waiting, []
        if self.place.lock is not None:
            self.place.lock.check()
        try:
            self._settle(waiting)
        except OSError as error:
            raise MidsError(
                f"can't write the dataset ({error.strerror}): finished work is kept; run again to continue"
            ) from error
        self._last = time.monotonic()

    def _settle(self, waiting: Sequence[tuple[Job, Finished]]) -> None:
        moves: list[tuple[Path, Path]] = []
        announced = []
        done = []
        for job, result in waiting:
            made = [Path(result.scratch) / name for name in result.made.files]
            targets = [find_place(self.place.dataset, output) for output in job.outputs]
            digest = job.digest()
            stamps = {output: read_stamp(path) for output, path in zip(job.outputs, made, strict=True)}
            for target in targets:
                target.unlink(missing_ok=True)
            announced.append((job, digest, stamps, dict(zip(job.outputs, result.marks, strict=True))))
            done.append((job, digest, result.made.facts, {**result.made.private, **_noteworthy(job, result)}))
            moves += zip(made, targets, strict=True)
        flush_files([path for path, _ in moves])
        self.journal.announce(announced)
        move(moves, self.place.dataset)
        self.journal.finish(done)
        for _, result in waiting:
            shutil.rmtree(result.scratch, ignore_errors=True)


def _issues(job: Job, result: Finished) -> list[Issue]:
    return [found if found.path else replace(found, path=job.path) for found in result.made.issues]


def _noteworthy(job: Job, result: Finished) -> dict[str, Json]:
    """What the journal keeps of what was noteworthy: a run that makes other images says nothing of this one."""
    issues: list[Json] = [asdict(found) for found in _issues(job, result)]
    return {TOLD: issues} if issues else {}


@contextmanager
def moving(place: Place, journal: Journal) -> Iterator[Mover]:
    """A mover while it lasts; what is finished when the run stops is moved in too."""
    mover = Mover(place, journal)
    try:
        yield mover
    except BaseException:
        with suppress(MidsError):
            mover.flush()
        raise
    mover.flush()


def read_stamp(path: Path) -> tuple[int, int]:
    """Size in bytes and time in ns."""
    status = path.lstat()
    return status.st_size, status.st_mtime_ns


def move(moves: Iterable[tuple[Path, Path]], root: Path) -> None:
    """Moves each finished file to its place in one step: no reader ever sees half of it."""
    folders: set[Path] = set()
    for path, target in moves:
        folders.update(make_parents(root, target))
        path.replace(target)
    flush_folders(folders)


def remove(paths: Sequence[str], place: Place, journal: Journal) -> list[str]:
    """Removes files that we made and no longer want, and the folders that this leaves empty."""
    try:
        for path in paths:
            target = find_place(place.dataset, path)
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
    return [*paths]
