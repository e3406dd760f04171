"""Runs commands in turn, so that each meets the same weather, and writes tables into benchmarks/README.md."""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

README = Path(__file__).parent / "README.md"


@dataclass(frozen=True, slots=True)
class Run:
    """What a command took: `seconds` on the clock, `busy` ones of the processors, and MB of its largest process.

    `busy` and `memory` count the processes that it started and waited for too.
    """

    seconds: float
    busy: float
    memory: int
    code: int


@dataclass(frozen=True, slots=True)
class Command:
    """A program to measure: `words` run after `prepare`, which is not measured."""

    name: str
    words: tuple[str, ...]
    prepare: Callable[[], object] = lambda: None


def measure_command(command: Command, environment: Mapping[str, str] | None = None) -> Run:
    """Runs a command once; its output is thrown away."""
    command.prepare()
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as report:
        launcher = (sys.executable, "-I", "-S", str(Path(__file__).with_name("launch.py")))
        subprocess.run([*launcher, report.name, *command.words], env=environment, check=True)
        return Run(*json.load(report))


def run_in_turn(
    commands: Sequence[Command], rounds: int, environment: Mapping[str, str] | None = None
) -> dict[str, list[Run]]:
    """Runs all commands (A, B, A, B …), `rounds` times; exit codes other than 0 are said on stderr."""
    runs: dict[str, list[Run]] = {command.name: [] for command in commands}
    for number in range(rounds):
        for command in commands:
            run = measure_command(command, environment)
            runs[command.name].append(run)
            print(f"round {number + 1}: {command.name}: {run.seconds:.2f} s, exit {run.code}", file=sys.stderr)
    return runs


def ratio(runs: Sequence[Run], reference: Sequence[Run]) -> tuple[float, float]:
    """Medians over the rounds of time and of processor time, in units of the reference in the same round."""
    pairs = list(zip(runs, reference, strict=True))
    return median(a.seconds / b.seconds for a, b in pairs), median(a.busy / b.busy for a, b in pairs)


def write(script: str, part: str, text: str) -> None:
    """Puts `text` between the marks of `part` in the README, and prints it."""
    marks = re.compile(rf"(<!-- made by benchmarks/{script}\.py: {part} -->\n).*?(<!-- end -->)", re.DOTALL)
    page = README.read_text("utf-8")
    README.write_text(marks.sub(lambda found: f"{found[1]}\n{text}\n\n{found[2]}", page), encoding="utf-8")
    print(text)
