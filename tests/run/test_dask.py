"""The same jobs on a real scheduler of Dask with worker processes on loopback: the same tree, whoever dies."""

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest
from places import ROOT
from trees import COMMANDS, fill_folder, radiographs, tree

from example_datasets.generate import INPUT
from mids.conversion import Conversion, convert
from mids.deidentification import deidentify
from mids.errors import MidsError
from mids.plan.job import Job
from mids.records import Made, Source

pytestmark = pytest.mark.slow

distributed = pytest.importorskip("distributed", reason="the extra `dask` is not installed")
dask_config = pytest.importorskip("dask.config")

ALONE = ("--no-nanny",)
NAME = "ROE^RICHARD"


@pytest.fixture
def cluster() -> ModuleType:
    """The module that is imported only when a cluster is asked for."""
    from mids.run import cluster  # noqa: PLC0415 - distributed may be absent

    return cluster


@dataclass
class Dask:
    """A scheduler and its workers, each a process with a log."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, program: str, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        """A program of Dask; it finds the functions of this file."""
        here, support = Path(__file__).parent, ROOT / "tests" / "support"
        path = os.pathsep.join([environment.get("first", str(ROOT)), *map(str, (ROOT, here, support))])
        number = len(self.processes)
        with (self.folder / f"log-{number}").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{program}", *arguments],
                cwd=self.folder, env={**os.environ, "PYTHONPATH": path, **self.settings}, stdout=log, stderr=log,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def start_scheduler(self) -> subprocess.Popen[bytes]:
        """On a port that is free."""
        at = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(self._file))
        return self.start("scheduler", *at)

    def start_worker(self, *options: str, threads: int = 1, **environment: str) -> subprocess.Popen[bytes]:
        """One worker process, with a nanny that starts it again unless `ALONE` says otherwise."""
        at = (self.address, "--host", "127.0.0.1", "--no-dashboard", "--nthreads", str(threads))
        return self.start("worker", *at, "--local-directory", str(self.folder / "spill"), *options, **environment)

    @property
    def _file(self) -> Path:
        return self.folder / "scheduler.json"

    @property
    def address(self) -> str:
        """Of the scheduler, once it is there."""
        for _ in range(300):
            if self._file.is_file() and (content := self._file.read_text(encoding="utf-8")):
                return str(json.loads(content)["address"])
            time.sleep(0.1)
        raise TimeoutError("the scheduler does not start")

    def logs(self) -> str:
        """All that Dask wrote."""
        return "".join(path.read_text(encoding="utf-8") for path in self.folder.glob("log-*"))

    def end(self) -> None:
        """Ends every process; a nanny ends its worker."""
        scheduler, *workers = self.processes
        for process in workers:
            process.terminate()
        for process in workers:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        scheduler.kill()
        scheduler.wait()


@contextmanager
def run_cluster(folder: Path, workers: int = 2, *options: str, **settings: str) -> Iterator[Dask]:
    """A scheduler with so many workers."""
    folder.mkdir()
    dask = Dask(folder, settings)
    with ExitStack() as stack:
        stack.callback(dask.end)
        dask.start_scheduler()
        for _ in range(workers):
            dask.start_worker(*options)
        yield dask


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    """A scheduler and two workers that nobody kills."""
    with run_cluster(tmp_path_factory.mktemp("dask") / "two", 2, *ALONE) as found:
        yield found


@contextmanager
def program(dest: Path, key: Path, address: str) -> Iterator[tuple[subprocess.Popen[str], Iterator[str]]]:
    """The real program on the phantom, with its lines."""
    arguments = ["dicom", INPUT, dest, "--key", key, "--dask", address, "-v"]
    with subprocess.Popen(
        [COMMANDS / "mids-convert", *arguments], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stderr is not None
        try:
            yield process, iter(process.stderr)
        finally:
            process.kill()


def await_progress(lines: Iterator[str], images: int) -> None:
    """Returns when so many images are there."""
    for line in lines:
        if line[0].isdigit() and int(line.partition("/")[0]) >= images:
            return


# Conversions


def test_a_cluster_makes_the_same_tree_and_a_killed_worker_costs_nothing(
    phantom: Conversion, tmp_path: Path, key: Path
) -> None:
    with (
        run_cluster(tmp_path / "dask", 2, *ALONE) as dask,
        program(tmp_path / "dest", key, dask.address) as (run, lines),
    ):
        await_progress(lines, 3)
        victim = dask.processes[1]
        assert victim.poll() is None
        victim.kill()
        rest = [line for line in lines if line[0].isdigit()]
        assert run.wait() == phantom.exit_code
        said = dask.logs()
    assert len(rest) > 3
    assert tree(tmp_path / "dest") == tree(phantom.dataset)
    assert not (tmp_path / "dest.mids" / "scratch").exists()
    names = {source.name for job in phantom.plan.jobs for source in job.action.sources}
    assert [name for name in {str(INPUT), *names} if name in said] == []


@pytest.mark.slow
@pytest.mark.nightly
def test_when_the_scheduler_dies_it_is_one_line_and_the_next_run_goes_on(
    phantom: Conversion, tmp_path: Path, key: Path
) -> None:
    dest = tmp_path / "dest"
    with run_cluster(tmp_path / "dask", 1, *ALONE) as dask, program(dest, key, dask.address) as (run, lines):
        await_progress(lines, 2)
        dask.processes[0].kill()
        said = [line for line in lines if not line[0].isdigit()]
        assert run.wait() == 2
    assert len(said) == 1
    assert "finished work is kept" in said[0]
    again = convert("dicom", INPUT, dest, key=key)
    assert again.outcome is not None
    assert len(again.outcome.kept) >= 2
    assert tree(dest) == tree(phantom.dataset)


def test_the_dashboard_names_what_is_made(dask: Dask, tmp_path: Path, key: Path) -> None:
    source = fill_folder(tmp_path / "source", radiographs())
    with distributed.Client(dask.address, set_as_default=False) as client:
        seen = client.run_on_scheduler(_watch_scheduler)
        done = convert("dicom", source, tmp_path / "dest", key=key, dask=dask.address)
        assert done.exit_code == 0
        kinds, labels = client.run_on_scheduler(_names)
    assert seen == 0
    assert {"headers", "cr", "dx"} <= set(kinds)
    assert set(labels) == {job.path for job in done.plan.jobs}
    assert tree(tmp_path / "dest") == tree(convert("dicom", source, tmp_path / "local", key=key).dataset)


def _watch_scheduler(dask_scheduler: object) -> int:
    """On the scheduler: keeps the names of tasks from now on; returns how many."""
    plugin = Names()
    dask_scheduler.add_plugin(plugin)  # type: ignore[attr-defined]
    return len(plugin.keys)


def _names(dask_scheduler: object) -> tuple[list[str], list[str]]:
    plugin = dask_scheduler.plugins["names"]  # type: ignore[attr-defined]
    kinds = list(dask_scheduler.task_prefixes)  # type: ignore[attr-defined]
    return kinds, [key[1] for key in plugin.keys if key[0] != "headers"]


class Names(distributed.diagnostics.plugin.SchedulerPlugin):  # type: ignore[misc]
    """Keeps the key of every task that is carried out."""

    name = "names"

    def __init__(self) -> None:
        self.keys: set[tuple[str, ...]] = set()

    def transition(self, key: object, start: str, finish: str, *args: object, **kwargs: object) -> None:
        if finish == "memory" and isinstance(key, tuple):
            self.keys.add(key)


def test_files_are_deidentified_on_a_cluster(dask: Dask, tmp_path: Path, key: Path) -> None:
    source = fill_folder(tmp_path / "source", radiographs())
    done = deidentify(source, tmp_path / "dest", key=key, dask=dask.address)
    assert done.exit_code == 0
    local = deidentify(source, tmp_path / "local", key=key)
    assert len(tree(tmp_path / "dest")) == 4
    assert tree(tmp_path / "dest") == tree(local.dataset)


def test_a_cluster_object_of_dask_will_do_and_over_tls(tmp_path: Path, key: Path) -> None:
    pytest.importorskip("cryptography", reason="Dask makes certificates with it")
    source = fill_folder(tmp_path / "source", radiographs())
    secure = {"protocol": "tls://", "security": distributed.Security.temporary()}
    one = {"n_workers": 1, "threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": ":0", **secure}
    with (
        distributed.LocalCluster(processes=True, local_directory=str(tmp_path), **one) as local,
        dask_config.set({"distributed.comm.require-encryption": True}),
    ):
        done = convert("dicom", source, tmp_path / "dest", key=key, dask=local)
        with pytest.raises(MidsError, match="no Dask scheduler answers"):
            convert("dicom", source, tmp_path / "dest", key=key, dask="tcp://127.0.0.1:9")
    assert done.exit_code == 0
    assert len(done.plan.subjects) == 2


# Jobs that kill their workers


@dataclass(frozen=True, slots=True)
class Nothing:
    """An action that is never carried out."""

    sources: tuple[Source, ...] = ()

    VERSION = 1

    def make(self, root: Path, scratch: Path) -> Made:
        raise NotImplementedError


def _square(job: Job) -> int:
    if job.path == "7":
        os.kill(os.getpid(), signal.SIGKILL)
    if job.path == "3" and not Path(job.key).exists():
        Path(job.key).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return int(job.path) ** 2


def test_a_job_that_kills_its_workers_is_told_and_the_rest_goes_on(cluster: ModuleType, tmp_path: Path) -> None:
    jobs = [Job(str(tmp_path / "died"), "S", "E", None, (str(number),), Nothing()) for number in range(1, 12)]
    with (
        run_cluster(tmp_path / "dask", 2, DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0") as dask,
        cluster.connected(dask.address, tmp_path) as workers,
    ):
        found = {job.path: result for job, result in workers.making(_square, jobs, lambda job: -1)}
    assert found == {job.path: -1 if job.path == "7" else int(job.path) ** 2 for job in jobs}


# What is refused


def _faulty(number: int) -> int:
    raise ValueError(NAME)


def _full(number: int) -> int:
    raise MidsError("the disk is full")


def _run_all(workers: object, function: Callable[[int], int], items: Iterable[int]) -> list[int]:
    with workers.reading() as mapped:  # type: ignore[attr-defined]
        return sorted(mapped(function, items))


def test_results_come_back_and_faults_without_their_text(dask: Dask, cluster: ModuleType, tmp_path: Path) -> None:
    with cluster.connected(dask.address, tmp_path) as workers:
        assert _run_all(workers, abs, range(-50, 0)) == list(range(1, 51))
        assert _run_all(workers, abs, []) == []
        with pytest.raises(MidsError, match=r"^the disk is full$"):
            _run_all(workers, _full, range(50))
        with pytest.raises(cluster.WorkerError) as fault:
            _run_all(workers, _faulty, range(50))
    frames = "".join(traceback.format_exception(fault.value))
    assert "in _faulty" in frames
    assert NAME not in dask.logs()
    assert NAME not in str(fault.value)


def test_a_worker_must_see_the_source(dask: Dask, cluster: ModuleType, tmp_path: Path) -> None:
    with (
        cluster.connected(dask.address, tmp_path / "elsewhere") as workers,
        pytest.raises(MidsError, match="can't see SOURCE"),
    ):
        _run_all(workers, abs, [1])


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "127.0.0.1:9", "nonsense", "odd://127.0.0.1:9"])
def test_where_nobody_listens_nothing_is_made(
    address: str, cluster: ModuleType, tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "REACH", 0.5)
    with pytest.raises(MidsError, match="no Dask scheduler answers"):
        convert("dicom", INPUT, tmp_path / "dest", key=key, dask=address)
    assert [*tmp_path.iterdir()] == []


def test_a_cluster_without_workers(cluster: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "PATIENCE", 1.0)
    with run_cluster(tmp_path / "dask", 0) as dask, cluster.connected(dask.address, tmp_path) as workers:
        with pytest.raises(MidsError, match="no worker for 1 s: start some with `dask worker"):
            _run_all(workers, abs, [1])
        dask.start_worker(*ALONE, threads=2)
        monkeypatch.setattr(cluster, "PATIENCE", 60.0)
        with pytest.raises(MidsError, match="--nthreads 1"):
            _run_all(workers, abs, [1])
        dask.processes[-1].kill()
        (tmp_path / "isal-0.0.1.dist-info").mkdir()
        (tmp_path / "isal-0.0.1.dist-info" / "METADATA").write_text("Name: isal\nVersion: 0.0.1\n", encoding="ascii")
        dask.start_worker(*ALONE, first=str(tmp_path))
        with pytest.raises(MidsError, match=r"a worker .* a different environment \(isal 0\.0\.1 instead of"):
            _run_all(workers, abs, [1])


def test_processes_here_or_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MidsError, match="give only one of them"):
        convert("dicom", INPUT, tmp_path / "dest", jobs=2, dask="tcp://127.0.0.1:9")
    monkeypatch.delitem(sys.modules, "mids.run.cluster", raising=False)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MidsError, match=r"needs the package distributed: pip install 'mids\[dask\]'"):
        convert("dicom", INPUT, tmp_path / "dest", dask="tcp://127.0.0.1:9")
