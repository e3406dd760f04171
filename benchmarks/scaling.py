"""What one series, one file and one job cost, and what whole collections cost by that.

    python -m benchmarks.scaling --folder /tmp/benchmarks

Writes the tables of docs/scaling.md, but not with --quick. Times are seconds of a processor, which other work on the
machine hardly changes; the sources are those of `benchmarks.inputs`.
"""

import argparse
import json
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median

import psutil

from benchmarks import inputs, measuring
from benchmarks.measuring import Command
from mids.collections import dicom
from mids.conversion import convert, write_texts
from mids.deid.policy import preset
from mids.plan import Plan
from mids.plan.job import Job, Subject
from mids.plan.shelf import Shelf
from mids.plan.texts.files import Words
from mids.records import Made, Source
from mids.run import Journal, run
from mids.run.cluster import connected
from mids.run.pool import Processes, Workers
from mids.run.run import Place
from mids.testing import KEY
from mids.vocabulary.schema import load

PROGRAM = str(Path(sys.executable).with_name("mids-convert"))
ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "scaling.md"
LAPTOP, CLUSTER = 4, 100
"""Workers."""


@dataclass(frozen=True, slots=True)
class Collection:
    """How much there is to do: files with a header, slices of CT, radiographs, jobs, and GB to be read."""

    name: str
    files: int
    slices: int
    radiographs: int
    jobs: int
    size: int


COLLECTIONS = (
    Collection("MIDRC-RICORD-1A", 31_856, 31_856, 0, 229, 11),
    Collection("FIDAC", 5_944 * 500, 5_944 * 500, 0, 5_944, 1_560),
    Collection("BIMCV COVID-19+ 1, 2, 3", 59_800 + 4_300 * 600, 4_300 * 600, 59_800, 59_800 + 4_300 * 2, 2_250),
)


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds of a processor: for a header on a worker, and for its place in index and plan; for a slice of CT, a
    radiograph; and for a job what the coordinator does to take it in, to write its texts, and what that and the
    scheduler take over Dask. `memory` is bytes for a job, `rate` and `rate_over_dask` jobs a second on the clock.
    """

    header: float
    planned: float
    slice: float
    radiograph: float
    taken_in: float
    written: float
    client: float
    scheduler: float
    memory: float
    rate: float
    rate_over_dask: float


# --- jobs that do nothing ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Small:
    """Makes a file of a few bytes."""

    number: int

    VERSION = 1

    @property
    def sources(self) -> tuple[Source, ...]:
        return (Source(f"IM{self.number:09d}", size=1),)

    def make(self, root: Path, scratch: Path) -> Made:
        (scratch / "made").write_text(str(self.number))
        return Made(("made",))


def small(source: Path, scratch: Path, count: int) -> Plan:
    """A plan of so many patients with one radiograph, as the plan of a real one with another label."""
    found = convert("dicom", source, scratch / "one", dry_run=True, key=_key(scratch)).plan.subjects[0]
    shelf = Shelf()
    for number in range(count):
        shelf.add(_relabel_subject(found, f"S{number:010d}", number))
    return Plan(shelf)


def _relabel_subject(subject: Subject, label: str, number: int) -> Subject:
    def said(values: Mapping[str, str]) -> dict[str, str]:
        return {name: value.replace(subject.label, label) for name, value in values.items()}

    job = subject.jobs[0]
    path = job.path.replace(subject.label, label)
    moved = replace(job, key=label, subject=label, outputs=(path,), row=said(job.row), action=Small(number))
    return Subject(label, said(subject.row), {job.session: said(subject.sessions[job.session])}, (moved,))


def coordinate_plan(plan: Plan, scratch: Path, workers: Workers) -> tuple[float, float, float]:
    """Seconds of this process for each job: to hand it out and take its result in, and to write the texts; and
    seconds on the clock.
    """
    words = Words(dicom.ABOUT, load(), preset("mids"))
    place = Place(scratch, scratch / "data", scratch / "data.mids")
    place.dataset.mkdir()
    place.state.mkdir()
    journal = Journal(place.state / "journal.sqlite")
    last = [0.0]

    def step(done: int, total: int, path: str) -> None:
        last[0] = time.process_time()

    began, clock = time.process_time(), time.perf_counter()
    run(plan, place, journal, lambda inventory, outcome: write_texts(inventory, words), workers=workers, progress=step)
    journal.close()
    count = len(plan.subjects)
    ended = time.process_time(), time.perf_counter()
    return (last[0] - began) / count, (ended[0] - last[0]) / count, (ended[1] - clock) / count


@contextmanager
def cluster(folder: Path, workers: int) -> Iterator[tuple[str, psutil.Process]]:
    """A scheduler with worker processes here: its address and its process."""
    file = folder / "scheduler.json"
    dask = [sys.executable, "-m"]
    options = ["--host", "127.0.0.1", "--no-dashboard"]
    start = partial(subprocess.Popen, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    at = [*dask, "distributed.cli.dask_scheduler", *options, "--port", "0", "--scheduler-file", str(file)]
    started = [start(at)]
    while not file.is_file():
        time.sleep(0.1)
    alone = ["--nthreads", "1", "--no-nanny", "--scheduler-file", str(file), "--local-directory", str(folder)]
    started += [start([*dask, "distributed.cli.dask_worker", *options, *alone]) for _ in range(workers)]
    try:
        yield json.loads(file.read_text())["address"], psutil.Process(started[0].pid)
    finally:
        for process in started:
            process.kill()
            process.wait()


def over_dask(plan: Plan, scratch: Path) -> tuple[float, float, float]:
    """Seconds for each job of this process until its result is taken in, of the scheduler, and on the clock."""
    with cluster(scratch, 2) as (address, scheduler), connected(address, scratch) as workers:
        list(workers.making(Job.digest, list(small_jobs(plan, 8)), lambda job: ""))  # the workers are warm
        before = sum(scheduler.cpu_times()[:2])
        taken_in, _, clock = coordinate_plan(plan, scratch, workers)
        return taken_in, (sum(scheduler.cpu_times()[:2]) - before) / len(plan.subjects), clock


def small_jobs(plan: Plan, count: int) -> Iterator[Job]:
    return (job for subject in plan.subjects[:count] for job in subject.jobs)


def _plan(source: Path, count: int) -> None:
    """Prints seconds for each of so many files: of the workers that read headers, and of this process."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        convert("dicom", source, Path(folder) / "data", dry_run=True, key=_key(Path(folder)), jobs=2)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(json.dumps([(used.ru_utime + used.ru_stime) / count, (time.process_time() - began) / count]))


def _coordinate(source: Path, count: int, *, dask: bool) -> None:
    """Prints what `coordinated` or `over_dask` gives."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        plan = small(source, scratch, count)
        print(json.dumps(over_dask(plan, scratch) if dask else coordinate_plan(plan, scratch, Processes(1))))


def _remember(source: Path, count: int) -> None:
    """Prints the most bytes that this process holds for so many jobs."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        plan = small(source, scratch, count)
        tracemalloc.start()
        coordinate_plan(plan, scratch, Processes(1))
        print(json.dumps([tracemalloc.get_traced_memory()[1]]))


def _run_apart(source: Path, count: int, *flags: str) -> list[float]:
    """What `_coordinate`, `_plan` or `_remember` prints, in a process of its own."""
    call = "from benchmarks.scaling import main; main()"  # so that workers find its classes by that name
    words = [sys.executable, "-c", call, "--folder", str(source), "--count", str(count), *flags]
    done = subprocess.run(words, stdout=subprocess.PIPE, check=True, cwd=ROOT, text=True)
    return list(json.loads(done.stdout))


# --- real work -----------------------------------------------------------------------------------------------


def _key(scratch: Path) -> Path:
    path = scratch / "key"
    path.write_text(KEY + "\n", encoding="ascii")
    path.chmod(0o600)
    return path


def busy(source: Path, rounds: int, *flags: str) -> float:
    """Seconds of all processors to convert a source into nothing, the median of some rounds."""
    found = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(dir=source.parent) as folder:
            target = Path(folder) / "data"
            words = (PROGRAM, "dicom", str(source), str(target), "--quiet", "--key", str(_key(Path(folder))), *flags)
            found.append(measuring.measure_command(Command(source.name, words)).busy)
    return median(found)


def measure(sources: Path, size: inputs.Size, count: int, rounds: int) -> Costs:
    """The costs on this machine."""
    one, files = sources / "one", sources / f"files-{count}"
    if not one.exists():
        inputs.radiographs(one, 1, (64, 64))
    if not files.exists():
        inputs.growing_files(files, count)
    scanned = {name: busy(sources / name, rounds, "--dry-run") for name in ("ct", "rx")}
    made = {name: busy(sources / name, rounds) - scanned[name] for name in ("ct", "rx")}
    header, planned = _run_apart(files, count, "--plan")
    taken_in, written, clock = _run_apart(one, count)
    client, scheduler, clock_over_dask = _run_apart(one, count, "--over-dask")
    few, many = count // 20, count // 4
    memory = (_run_apart(one, many, "--memory")[0] - _run_apart(one, few, "--memory")[0]) / (many - few)
    return Costs(
        header, planned, made["ct"] / (4 * size.ct), made["rx"] / size.radiographs,
        taken_in, written, client, scheduler, memory, 1 / clock, 1 / clock_over_dask,
    )  # fmt: skip


# --- tables --------------------------------------------------------------------------------------------------


def units(costs: Costs) -> str:
    """What one of each costs."""
    rows = (
        ("read a header", costs.header, "worker"),
        ("put it into index and plan", costs.planned, "coordinator"),
        ("make a slice of CT, 512 × 512", costs.slice, "worker"),
        ("make a radiograph, 3000 × 2500", costs.radiograph, "worker"),
        ("hand an image out and take it in, with processes here", costs.taken_in, "coordinator"),
        ("the same over Dask", costs.client, "coordinator"),
        ("the same over Dask", costs.scheduler, "scheduler"),
        ("write its sidecar and rows", costs.written, "coordinator"),
    )
    lines = [f"| {what} | {seconds * 1000:.1f} | {where} |" for what, seconds, where in rows]
    note = (
        f"Images that cost nothing are finished at a rate of {costs.rate:.0f} a second with a process here, and of "
        f"{costs.rate_over_dask:.0f} over Dask with two workers.\n"
        f"The coordinator's memory grows by {costs.memory / 1000:.1f} kB for each image."
    )
    return "\n".join(["| step | ms of a processor | where |", "|---|---|---|", *lines, "", note])


def reckon_costs(costs: Costs) -> str:
    """What collections cost: first headers, then images, then texts."""
    lines = [
        "| collection | files | images | work, one core | 4 cores | 100 workers | coordinator | reading, 1 GB/s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for found in COLLECTIONS:
        headers, written = found.files * costs.header, found.jobs * costs.written
        images = found.slices * costs.slice + found.radiographs * costs.radiograph
        planned, here = found.files * costs.planned, found.jobs * costs.taken_in
        over_dask = found.jobs * max(costs.client, costs.scheduler)
        laptop = (headers + planned + images + here) / LAPTOP + written  # all of it shares these cores
        cluster = max(headers / CLUSTER, planned) + max(images / CLUSTER, over_dask) + written
        alone = planned + found.jobs * costs.client + written
        times = map(_time, (headers + images, laptop, cluster, alone, found.size))
        lines.append(f"| {' | '.join((found.name, f'{found.files:,}', f'{found.jobs:,}', *times))} |")
    return "\n".join(lines)


def _time(seconds: float) -> str:
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def write(part: str, text: str) -> None:
    """Puts `text` between the marks of `part` in the page."""
    marks = re.compile(rf"(<!-- made by benchmarks/scaling\.py: {part} -->\n).*?(<!-- end -->)", re.DOTALL)
    page = PAGE.read_text("utf-8")
    PAGE.write_text(marks.sub(lambda found: f"{found[1]}\n{text}\n\n{found[2]}", page), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small inputs; the page is left alone")
    parser.add_argument("--folder", type=Path, required=True, help="where to make (and keep) the inputs")
    parser.add_argument("--count", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--plan", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--memory", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--over-dask", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory:
        _remember(arguments.folder, arguments.count)
        return
    if arguments.plan:
        _plan(arguments.folder, arguments.count)
        return
    if arguments.count:
        _coordinate(arguments.folder, arguments.count, dask=arguments.over_dask)
        return
    size = inputs.QUICK if arguments.quick else inputs.FULL
    sources = arguments.folder / ("quick" if arguments.quick else "full")
    inputs.make(sources, size)
    costs = measure(sources, size, 300 if arguments.quick else 10_000, 1 if arguments.quick else 3)
    where = f"{platform.system()}, {psutil.cpu_count()} cores, Python {platform.python_version()}."
    parts = {"units": f"{units(costs)}\n{where}", "reckoned": reckon_costs(costs)}
    for part, text in parts.items():
        print(text)
        if not arguments.quick:
            write(part, text)


if __name__ == "__main__":
    main()
