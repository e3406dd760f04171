"""Compares `mids-validate` with the official bids-validator: how fast, with how much memory, and what is found.

    python -m benchmarks.validation speed --images 100000 --folder /tmp/trees
    python -m benchmarks.validation found

Each writes its table into benchmarks/README.md. The bids-validator runs as it is, and with the schema that
`mids-validate --export-schema bids` makes, on a copy without `.bidsignore`, so that it looks into `mim-` folders.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import trees
from example_datasets.defects import FAMILIES
from example_datasets.mutations import Files, dataset
from mids.exports import export_schema
from mids.validation.runner import validate
from mids.vocabulary.schema import load

README = Path(__file__).parent / "README.md"
BIN = Path(sys.executable).parent
BIDS = str(BIN / "bids-validator-deno")
OURS = str(BIN / "mids-validate")
SHOWN = ("--no-cache", "--jobs", "2")
"""Words of a command that the table shows."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "found"])
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, help="where to make (and keep) the trees")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        schema = Path(scratch) / "mids_schema.json"
        schema.write_text(json.dumps(export_schema("bids", load())), encoding="utf-8")
        folder = arguments.folder or Path(scratch)
        text = found(Path(scratch), schema) if arguments.what == "found" else speed(folder, arguments.images, schema)
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


# --- what is found ---------------------------------------------------------------------------------------


def found(folder: Path, schema: Path) -> str:
    """The table of single defects, and who reports each."""
    tools = {"plain": _Official(folder, None), "schema": _Official(folder, schema)}
    rows = ["| defect | `mids-validate` | bids-validator | bids-validator with our schema |", "|---|---|---|---|"]
    counts = [0, 0, 0]
    total = 0
    for family, defects in FAMILIES.items():
        rows.append(f"| **{family}** | | | |")
        for defect in defects:
            files = defect.change(dataset())
            root = write_files(files, folder / "defect")
            quick = {issue.code for issue in validate(root)}
            ours = defect.code in quick or defect.code in {issue.code for issue in validate(root, deep=True)}
            flag = f"`{defect.code}`" + ("" if defect.code in quick else " (`--deep`)")
            theirs = [tool.says(files) for tool in tools.values()]
            cells = [flag if ours else "–", *(f"`{code}`" if code else "–" for code in theirs)]
            rows.append(f"| {defect.name} | {' | '.join(cells)} |")
            counts = [count + bool(cell) for count, cell in zip(counts, (ours, *theirs), strict=True)]
            total += 1
            print(rows[-1], file=sys.stderr)
    rows.append(f"| **{total} defects** | **{counts[0]}** | **{counts[1]}** | **{counts[2]}** |")
    return "\n".join(rows)


class _Official:
    """The official validator, and what it says of the dataset without a defect."""

    def __init__(self, folder: Path, schema: Path | None) -> None:
        self._root = folder / ("with-schema" if schema else "plain")
        self._schema = schema
        self._before = self._report(dataset())

    def says(self, files: Files) -> str:
        """The first code that it reports of these files and not of the dataset without a defect; "" for none."""
        return min(self._report(files) - self._before, default=("", ""))[0]

    def _report(self, files: Files) -> set[tuple[str, str]]:
        """(code, path) of everything that it reports."""
        files = {path: content for path, content in files.items() if self._schema is None or path != ".bidsignore"}
        write_files(files, self._root)
        options = ["--schema", self._schema.as_uri()] if self._schema else []
        command = [BIDS, *options, "--recursive", "--format", "json", str(self._root)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        try:
            issues = json.loads(done.stdout)["issues"]["issues"]
        except ValueError:
            return {("crash", "")}
        return {(issue["code"], issue.get("location", "")) for issue in issues}


def write_files(files: Files, root: Path) -> Path:
    """Writes a dataset in place of an older one."""
    shutil.rmtree(root, ignore_errors=True)
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


if __name__ == "__main__":
    main()
