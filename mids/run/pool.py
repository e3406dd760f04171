"""Runs actions on worker processes: a few in flight, failures isolated, a dying worker survived."""

import errno
import os
import shutil
import signal
import sys
import tempfile
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Protocol, TypeVar

from mids.actions.unchanged import check_identity, check_stamps, watching_identity
from mids.dataset.disk.fingerprint import pixel_digest
from mids.errors import DataError, MidsError
from mids.plan.job import Job
from mids.readers.programs import limit_seconds
from mids.records import PIXELS, Made, Map
from mids.run.disk import mark

IMAGES = (".nii.gz", ".nii", ".png")
"""Files of which the pixels are digested."""

IN_FLIGHT = 4
"""Jobs handed out for each worker: enough to keep it busy, few enough to stop soon."""

_LONGEST = 600.0
"""Seconds that a worker may spend on the smallest item; what takes longer is taken for stuck."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Failed:
    """A job that made nothing: the code of its issue and why; `crash` holds a traceback if the fault is ours."""

    code: str
    message: str
    crash: str = ""


@dataclass(frozen=True, slots=True)
class Finished:
    """A job that made its files, in a scratch folder that the coordinator empties.

    `marks` tell the content of each file again (`mids.run.disk.mark`).
    """

    made: Made
    scratch: str
    marks: tuple[str, ...] = ()


class Workers(Protocol):
    """Who does the work: processes of this machine, or those of a cluster (`mids.run.cluster`)."""

    def reading(self) -> AbstractContextManager[Map]:
        """`map` for the headers of a source."""

    def making(
        self, function: Callable[[Job], R], jobs: Iterable[Job], died: Callable[[Job], R]
    ) -> Iterator[tuple[Job, R]]:
        """`function` over `jobs`, each result with its job, as they come; ``died(job)`` where it kills its worker."""


@dataclass(frozen=True, slots=True)
class Processes:
    """So many processes of this machine."""

    count: int = 1

    @contextmanager
    def reading(self) -> Iterator[Map]:
        """`map` over the processes (`mapping`)."""
        with executor(self.count) as pool:
            yield mapping(pool, self.count)

    def making(
        self, function: Callable[[Job], R], jobs: Iterable[Job], died: Callable[[Job], R]
    ) -> Iterator[tuple[Job, R]]:
        """`function` over `jobs` on the processes (`mapped`)."""
        return mapped(function, jobs, self.count, died)


def executor(workers: int) -> ProcessPoolExecutor:
    """Worker processes; forked where that is safe and cheap, so that imports are paid once."""
    context = get_context("fork" if sys.platform == "linux" else "spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_begin)


def mapping(pool: Executor, workers: int) -> Map:
    """`map` over a pool where more than one worker is asked for, a few calls in flight; the built-in one else.

    Raises `MidsError` where a worker dies.
    """

    def mapped(function: Callable[[T], R], items: Iterable[T], /) -> Iterator[R]:
        running: deque[Future[R]] = deque()
        try:
            for item in items:  # Executor.map would take all of them before the first result
                running.append(pool.submit(function, item))
                if len(running) >= IN_FLIGHT * workers:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        except BrokenProcessPool as error:
            raise MidsError(
                "a process that read the source died, perhaps out of memory: run again with --jobs 1"
            ) from error
        finally:
            for future in running:
                future.cancel()

    return mapped if workers > 1 else map


def _begin() -> None:
    """What a worker does first: it leaves Ctrl-C to the coordinator, and ends when the coordinator is killed.

    Without the second it would wait for work for ever: its siblings hold the other end of its queue open.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_coordinator, daemon=True).start()


def _end_with_coordinator() -> None:
    coordinator = parent_process()
    if coordinator is not None:
        coordinator.join()
        os._exit(1)


def work(job: Job, root: Path, scratch_root: Path) -> Finished | Failed:
    """Carries the action of a job out in a folder of its own; runs in a worker.

    Raises `MidsError` where the disk is full or read-only: no other job could do better.
    """
    try:
        scratch = Path(tempfile.mkdtemp(dir=scratch_root))
    except OSError as error:
        raise MidsError(f"can't write to the disk of DEST ({error.strerror})") from None
    action = job.action
    try:
        _set_alarm(limit_seconds(sum(source.size for source in action.sources), base=_LONGEST))
        check_stamps(action.sources, root)
        check_identity(action.sources, root, job.identity)
        with watching_identity(action.sources, job.identity):
            made = action.make(root, scratch)
        made = with_digest(job, made, scratch)
        check_stamps(action.sources, root)
        return Finished(made, str(scratch), tuple(mark(scratch / name) for name in made.files))
    except (MidsError, KeyboardInterrupt, SystemExit):
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    except BaseException as error:
        # Isolation is the point: whatever a job does wrong, a panic of foreign code included, the others go on.
        shutil.rmtree(scratch, ignore_errors=True)
        if isinstance(error, OSError) and error.errno in _FULL:
            raise MidsError(
                f"can't write to DEST ({error.strerror}): finished work is kept; run again to continue"
            ) from None
        return _failure(error)
    finally:
        _set_alarm(0)


def with_digest(job: Job, made: Made, scratch: Path) -> Made:
    """What was made with a digest of the pixels of its image; where its action took none, the file is read back."""
    if PIXELS in made.private:
        return made
    name = dict(zip(job.outputs, made.files, strict=True)).get(job.path, "")
    if not name.endswith(IMAGES):
        return made
    try:
        return replace(made, private={**made.private, PIXELS: pixel_digest(scratch / name)})
    except DataError:
        return made  # voxels of a type, or of a number, that nobody compares


def _set_alarm(seconds: float) -> None:
    """Has this process end after some time, whatever foreign code it is stuck in; 0 takes that back."""
    if parent_process() is not None and hasattr(signal, "setitimer"):  # never the coordinator; not on Windows
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _failure(error: BaseException) -> Failed:
    """What is told of a failed job; never the text of an unexpected exception, which may quote a header."""
    if isinstance(error, DataError):
        return Failed(error.code, error.message)
    if isinstance(error, OSError):
        reason = error.strerror or type(error).__name__
        return Failed("SOURCE_UNREADABLE", f"can't read the input ({reason})")
    return Failed("JOB_CRASHED", f"unexpected {type(error).__name__}", _frames(error))


def _frames(error: BaseException) -> str:
    """Where an exception came from, without its text, which may quote a header."""
    return "".join(traceback.format_tb(error.__traceback__)) + type(error).__name__


def mapped(
    function: Callable[[T], R], items: Iterable[T], workers: int, died: Callable[[T], R]
) -> Iterator[tuple[T, R]]:
    """`function` over `items` on worker processes, each result with its item, as they come.

    When a worker dies, what was in flight is done again one at a time, and the item that kills its worker
    again gets ``died(item)``.
    """
    pending = iter(items)
    suspects: list[T] = []
    while True:
        with executor(workers) as pool:
            broken = yield from _drain(function, pending, workers, pool, suspects)
        if not broken:
            return
        while suspects:
            item = suspects.pop()
            with executor(1) as single:
                try:
                    yield item, single.submit(function, item).result()
                except BrokenProcessPool:
                    yield item, died(item)


def _drain(
    function: Callable[[T], R], pending: Iterator[T], workers: int, pool: Executor, suspects: list[T]
) -> Generator[tuple[T, R], None, bool]:
    """Hands items out and yields results until all is done; returns whether a worker died."""
    running: dict[Future[R], T] = {}
    try:
        while True:
            while len(running) < IN_FLIGHT * workers and (item := next(pending, None)) is not None:
                suspects.append(item)  # lost if the pool breaks before it is handed out
                running[pool.submit(function, item)] = item
                suspects.pop()
            if not running:
                return False
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                result = future.result()
                yield running.pop(future), result
    except BrokenProcessPool:
        suspects += list(running.values())
        return True
    finally:
        for future in running:
            future.cancel()
