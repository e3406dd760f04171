"""Kills conversions at random points for as long as asked, and compares what is left with an undisturbed run.

Each round starts ``mids-convert``, waits a random time, and kills the coordinator, a worker, or a dcm2niix with
SIGKILL. Every tenth round the run goes to its end, and the tree must then be that of an undisturbed run, byte for byte;
in between, no image may differ from that tree. ``python -m benchmarks.kills --minutes 10 SOURCE``
"""

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Literal

Victim = Literal["coordinator", "worker", "dcm2niix"]
VICTIMS: tuple[Victim, ...] = ("coordinator", "worker", "dcm2niix")


def tree(folder: Path) -> dict[str, str]:
    """The digest of every file by path."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def start_run(source: Path, dest: Path, key: Path, jobs: int) -> subprocess.Popen[bytes]:
    """A conversion on its way."""
    program = Path(sys.executable).with_name("mids-convert")
    command = [str(program), "dicom", str(source), str(dest), "--key", str(key), "-q"]
    return subprocess.Popen([*command, "--jobs", str(jobs)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def list_children(process: int) -> dict[int, str]:
    """The processes that a process started, and those these started, by their names (Linux)."""
    found: dict[int, str] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = entry.read_text().rpartition(")")
        except OSError:
            continue  # it has ended
        parent = int(rest.split()[1])
        if parent == process:
            found[int(entry.parent.name)] = name.partition("(")[2]
            found |= list_children(int(entry.parent.name))
    return found


def kill(process: subprocess.Popen[bytes], victim: Victim, chance: random.Random) -> bool:
    """Kills the coordinator, or one of its workers, or one of their dcm2niix; whether there was one."""
    if victim == "coordinator":
        process.kill()
        return True
    others = [pid for pid, name in list_children(process.pid).items() if (name == "dcm2niix") == (victim == "dcm2niix")]
    if not others or process.poll() is not None:
        return False
    try:
        os.kill(chance.choice(others), signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def main() -> int:
    """Kills until the time is over; exit code 1 where a tree differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, metavar="SOURCE", help="a folder of DICOM")
    parser.add_argument("--minutes", type=float, default=10, help="for how long (10)")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    chance, counts = random.Random(arguments.seed), Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        key = home / "key"
        key.write_text("5d" * 32 + "\n", encoding="ascii")
        key.chmod(0o600)
        began = time.monotonic()
        start_run(arguments.source, home / "whole", key, 2).wait()
        length, whole = time.monotonic() - began, tree(home / "whole")
        end = time.monotonic() + 60 * arguments.minutes
        while time.monotonic() < end:
            dest = home / f"dest-{counts['ended']}"
            process = start_run(arguments.source, dest, key, chance.choice((1, 2)))
            if counts["rounds"] % 10 < 9:
                victim = chance.choice(VICTIMS)
                time.sleep(chance.random() * length)
                counts[victim] += kill(process, victim, chance)
            process.wait()
            counts["rounds"] += 1
            if counts["rounds"] % 10 == 0:
                same = tree(dest) == whole
                counts["ended"] += 1
            else:
                same = all(whole.get(path) == digest for path, digest in tree(dest).items()) or _is_partial(dest, whole)
            if not same:
                print(f"round {counts['rounds']}: the tree differs", file=sys.stderr)
                return 1
    kills = ", ".join(f"{counts[victim]} of a {victim}" for victim in VICTIMS)
    print(f"{counts['rounds']} rounds, kills: {kills}; {counts['ended']} runs to the end, all trees equal")
    return 0


def _is_partial(dest: Path, whole: dict[str, str]) -> bool:
    """Whether images are all right where tables tell of fewer images: a run that lost some of them wrote these."""
    images = {path: digest for path, digest in tree(dest).items() if path.endswith((".nii.gz", ".png"))}
    return all(whole.get(path) == digest for path, digest in images.items())


if __name__ == "__main__":
    sys.exit(main())
