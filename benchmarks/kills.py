"""Kills conversions while they work, as often as asked, and compares what the next run makes with an undisturbed one.

The source has series of one kind that grow, so that their run numbers would be others if they came from the order of
the work. Each round starts ``mids-convert``, waits until some images are there and the victim exists (the coordinator,
a worker, a dcm2niix, and the scheduler of Dask where that is installed, in turn), and kills it with SIGKILL. Then an
undisturbed run must end in the tree of one that was never disturbed, byte for byte. With ``--home`` what is reached is
kept in a folder, and the same command goes on from there after it was stopped.
``python -m benchmarks.kills --kills 100``
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from example_datasets.generators import ct, radiograph
from example_datasets.generators.dicomfile import encode

Victim = Literal["coordinator", "worker", "dcm2niix", "scheduler"]
VICTIMS: tuple[Victim, ...] = ("coordinator", "worker", "dcm2niix", "scheduler")
SERIES = 6
SECONDS = 900.0
"""How long a run may take before it counts as stuck."""


def make_source(folder: Path) -> None:
    """Six CT series of one kind, each a slice longer than the last, and two radiographs of others."""
    for number in range(1, SERIES + 1):
        for place, dataset in enumerate(ct.slices(ct.SOFT)):
            if place >= 3 + number:
                break
            dataset.SeriesInstanceUID += f".{number}"
            dataset.SOPInstanceUID += f".{number}"
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
            dataset.SeriesNumber = number
            dataset.SeriesTime = dataset.AcquisitionTime = dataset.ContentTime = f"1{number}0000"
            _put(folder / f"ct/{number}-{place:02}", encode(dataset))
    _put(folder / "cr/1", encode(radiograph.cr_pa()))
    _put(folder / "cr/2", encode(radiograph.dx_pa()))


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def tree(folder: Path) -> dict[str, str]:
    """The digest of every file by path."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def count_images(dest: Path) -> int:
    """How many images are there."""
    return sum(path.name.endswith((".nii.gz", ".png")) for path in dest.rglob("*"))


def start_run(source: Path, dest: Path, key: Path, *options: str) -> subprocess.Popen[bytes]:
    """A conversion on its way."""
    program = [sys.executable, "-c", "from mids.cli.commands import convert_main; raise SystemExit(convert_main())"]
    command = [*program, "dicom", str(source), str(dest), "--key", str(key), "-q", *options]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def list_children(process: int) -> dict[int, str]:
    """The processes that a process started, and those these started, by their names (Linux)."""
    found: dict[int, str] = {}
    try:
        for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
            found[int(child)] = Path(f"/proc/{child}/comm").read_text().strip()
            found |= list_children(int(child))
    except OSError:
        pass  # one has just ended
    return found


def kill(process: subprocess.Popen[bytes], victim: Victim, dest: Path, after: int, chance: random.Random) -> bool:
    """Kills the coordinator or a worker once `after` images are there, or the dcm2niix that so many were before.

    Whether there was one.
    """
    seen: set[int] = set()
    while process.poll() is None:
        if victim != "dcm2niix" and count_images(dest) < after:
            time.sleep(0.002)
            continue
        if victim == "coordinator":
            process.kill()
            return True
        others = [
            pid for pid, name in list_children(process.pid).items() if (name == "dcm2niix") == (victim == "dcm2niix")
        ]
        seen.update(others)
        try:
            if others and (victim == "worker" or len(seen) > after):
                os.kill(chance.choice(others), signal.SIGKILL)
                return True
        except ProcessLookupError:
            pass  # it ended just now: the next one
    return False


@contextmanager
def start_cluster(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A scheduler of Dask and a worker: its process and its address."""
    file = folder / "scheduler.json"
    file.unlink(missing_ok=True)
    module = [sys.executable, "-m"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    at = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
    scheduler = subprocess.Popen([*module, "distributed.cli.dask_scheduler", *at], **quiet)  # type: ignore[call-overload]
    with_one = [
        "--scheduler-file",
        str(file),
        "--nthreads",
        "1",
        "--no-nanny",
        "--no-dashboard",
        "--death-timeout",
        "5",
    ]
    while not file.is_file() and scheduler.poll() is None:
        time.sleep(0.05)
    options = [*with_one, "--local-directory", str(folder)]
    worker = subprocess.Popen([*module, "distributed.cli.dask_worker", *options], **quiet)  # type: ignore[call-overload]
    try:
        time.sleep(0.2)
        yield scheduler, file.read_text(encoding="utf-8").partition('"address": "')[2].partition('"')[0]
    finally:
        for process in (worker, scheduler):
            process.kill()
            process.wait()


def disturb_run(source: Path, dest: Path, key: Path, victim: Victim, after: int, chance: random.Random) -> bool:
    """One run that is disturbed; whether the victim was met."""
    if victim != "scheduler":
        process = start_run(source, dest, key, "--jobs", chance.choice(("1", "2")))
        is_met = kill(process, victim, dest, after, chance)
        process.wait(SECONDS)
        return is_met
    with start_cluster(dest.parent) as (scheduler, address):
        process = start_run(source, dest, key, "--dask", address)
        while process.poll() is None and count_images(dest) < after:
            time.sleep(0.002)
        is_met = process.poll() is None
        scheduler.kill()
        process.wait(SECONDS)
    return is_met


@dataclass(slots=True)
class Reached:
    """What was reached: kept in a file after each tree, so that a stopped benchmark goes on."""

    file: Path
    counts: Counter[str]

    @classmethod
    def load(cls, file: Path) -> "Reached":
        return cls(file, Counter(json.loads(file.read_text(encoding="ascii")) if file.is_file() else {}))

    def save(self) -> None:
        self.file.write_text(json.dumps(self.counts), encoding="ascii")

    def total(self) -> int:
        return sum(self.counts[victim] for victim in VICTIMS)

    def __str__(self) -> str:
        kills = ", ".join(f"{self.counts[victim]} of a {victim}" for victim in VICTIMS)
        return f"{self.counts['rounds']} trees, {self.total()} kills ({kills})"


def disturb_and_compare(home: Path, whole: dict[str, str], reached: Reached, chance: random.Random) -> str:
    """One tree that is disturbed once or more; what differs in the end from the `whole` one."""
    source, key, dest, counts = home / "source", home / "key", home / "dest", reached.counts
    victims = [victim for victim in VICTIMS if victim != "scheduler" or find_spec("distributed")]
    for folder in (dest, dest.with_name("dest.mids")):
        shutil.rmtree(folder, ignore_errors=True)
    for _ in range(chance.choice((1, 1, 2, 3))):
        victim = victims[counts["strikes"] % len(victims)]
        counts["strikes"] += 1
        counts[victim] += disturb_run(source, dest, key, victim, chance.randrange(SERIES + 1), chance)
    counts["rounds"] += 1
    code = start_run(source, dest, key).wait(SECONDS)
    found = tree(dest)
    differing = sorted(path for path in found | whole if found.get(path) != whole.get(path))
    return f"after {victim} (exit code {code}): {', '.join(differing)} differ" if differing else ""


def main() -> int:
    """Kills as often as asked; exit code 1 where a tree differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="how many that meet their victim (100)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--home", type=Path, help="a folder that keeps what was reached (default: nothing is kept)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = arguments.home or Path(folder)
        source, key = home / "source", home / "key"
        if not key.exists():
            make_source(source)
            key.write_text("5d" * 32 + "\n", encoding="ascii")
            key.chmod(0o600)
        start_run(source, home / "whole", key).wait(SECONDS)
        whole, reached = tree(home / "whole"), Reached.load(home / "reached.json")
        chance = random.Random(f"{arguments.seed} {reached.counts['rounds']}")
        while reached.total() < arguments.kills:
            if difference := disturb_and_compare(home, whole, reached, chance):
                print(f"round {reached.counts['rounds']}, {difference}", file=sys.stderr)
                return 1
            reached.save()
        print(f"{reached}; all trees equal")
    return 0


if __name__ == "__main__":
    sys.exit(main())
