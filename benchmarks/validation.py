"""Compares `mids-validate` with the official bids-validator: how fast, and with how much memory.

    python -m benchmarks.validation speed --images 100000 --folder /tmp/trees

It writes its table into benchmarks/README.md (what is found: `conformance.py`). The bids-validator runs as it is on a
tree of BIDS, and with the schema that `mids-validate --export-schema bids` makes on one of MIDS, without `.bidsignore`,
so that it looks into `mim-` folders.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import trees
from mids.exports import export_schema
from mids.vocabulary.schema import load

README = Path(__file__).parent / "README.md"
BIN = Path(sys.executable).parent
BIDS = str(BIN / "bids-validator-deno")
OURS = str(BIN / "mids-validate")
SHOWN = ("--no-cache", "--jobs", "2")
"""Words of a command that the table shows."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed"])
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, help="where to make (and keep) the trees")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        schema = Path(scratch) / "mids_schema.json"
        schema.write_text(json.dumps(export_schema("bids", load())), encoding="utf-8")
        folder = arguments.folder or Path(scratch)
        text = speed(folder, arguments.images, schema)
    part = re.compile(rf"(<!-- made by benchmarks/validation\.py: {arguments.what} -->\n).*?(<!-- end -->)", re.DOTALL)
    README.write_text(part.sub(lambda m: f"{m[1]}\n{text}\n\n{m[2]}", README.read_text("utf-8")), encoding="utf-8")
    print(text)


# --- speed and memory ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Run:
    """How long a command took and how much of the processors, in seconds, and its largest process, in MB."""

    seconds: float
    busy: float
    memory: int
    code: int


def measure_command(command: Sequence[str]) -> Run:
    """Runs a command, and samples its processes from /proc."""
    begin = time.perf_counter()
    busy: dict[int, float] = {}
    memory = 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            for pid in _family(process.pid):
                seconds, peak = _use(pid)
                busy[pid] = max(seconds, busy.get(pid, 0.0))
                memory = max(memory, peak)
            time.sleep(0.25)
    return Run(time.perf_counter() - begin, sum(busy.values()), memory // 1024, process.returncode)


def _family(pid: int) -> Iterator[int]:
    """A process and all that descend from it."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(words[1]), []).append(int(entry.parent.name))
    stack = [pid]
    while stack:
        current = stack.pop()
        stack += parents.get(current, [])
        yield current


def _use(pid: int) -> tuple[float, int]:
    """Processor time in seconds and peak memory in kB of a process; zeros where it is gone."""
    folder = Path("/proc") / str(pid)
    try:
        words = (folder / "stat").read_text().rpartition(")")[2].split()
        match = re.search(r"VmHWM:\s+(\d+)", (folder / "status").read_text())
    except OSError:
        return 0.0, 0
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK"), int(match[1]) if match else 0


def speed(folder: Path, images: int, schema: Path) -> str:
    """The table of files per second and memory, on a tree of MIDS and on one of plain BIDS."""
    rows = [
        "| tree | command | seconds | of the processors | files per second | memory, MB |",
        "|---|---|---|---|---|---|",
    ]
    for kind in ("mids", "bids"):
        root = folder / f"{kind}-{images}"
        if not root.exists():
            trees.make(root, images, kind)
            # The bids-validator would not look into mim- folders.
            (root / ".bidsignore").unlink()
        files = _read_once(root)
        theirs = [BIDS, "--format", "json", "-o", str(folder / "report.json")]
        theirs += ["--schema", schema.as_uri()] if kind == "mids" else []
        anew = [OURS, "--quiet", "--no-cache"]
        again = [OURS, "--quiet", "--cache-by", "times"]
        subprocess.run([*again, str(root)], stdout=subprocess.DEVNULL, check=False)  # keeps its results
        for command in (anew, [*anew, "--jobs", "2"], again, theirs):
            run = measure_command([*command, str(root)])
            shown = " ".join([Path(command[0]).name, *(word for word in command[1:] if word in SHOWN)])
            shown += " (again, nothing changed)" if command == again else ""
            shown += " --schema mids_schema.json" if "--schema" in command else ""
            name = f"{kind}, {files:,} files"
            times = f"{run.seconds:.1f} | {run.busy:.1f} | {files / run.seconds:,.0f}"
            rows.append(f"| {name} | `{shown}` | {times} | {run.memory} |")
            print(rows[-1], f"exit {run.code}", file=sys.stderr)
    where = f"{platform.system()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return "\n".join(
        [*rows, "", f"{images:,} images in each tree; one run after the other, files in the cache; {where}."]
    )


def _read_once(root: Path) -> int:
    """Reads every file, so that none of the validators waits for the disk; returns how many there are."""
    number = 0
    for folder, _, names in os.walk(root):
        for name in names:
            (Path(folder) / name).read_bytes()
            number += 1
    return number


if __name__ == "__main__":
    main()
