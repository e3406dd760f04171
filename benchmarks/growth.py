"""How `mids-convert` grows with its work: 1, 10, 100 series, and 1,000, 10,000, 100,000 files.

    python -m benchmarks.growth

Each source is converted twice: the second run finds nothing to do. Writes a table and a plot
(benchmarks/growth.svg) into benchmarks/README.md, but not with --quick.
"""

import argparse
import math
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks import inputs, measuring
from benchmarks.measuring import Command, Run
from mids.testing import KEY

PROGRAM = str(Path(sys.executable).with_name("mids-convert"))
PLOT = Path(__file__).with_name("growth.svg")

Point = tuple[int, Run, Run]
"""How many series or files, the first run, and the second over the same."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small inputs; the README is left alone")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where to make (and keep) the inputs")
    arguments = parser.parse_args()
    size = inputs.QUICK if arguments.quick else inputs.FULL
    with tempfile.TemporaryDirectory(dir=arguments.folder) as scratch:
        sources = (arguments.folder or Path(scratch)) / ("quick" if arguments.quick else "full")
        inputs.make(sources, size, growth=True)
        key = Path(scratch) / "key"
        key.write_text(KEY + "\n", encoding="ascii")
        key.chmod(0o600)
        found = {
            kind: [_point(sources / f"{kind}-{count}", count, Path(scratch), key, arguments.jobs) for count in counts]
            for kind, counts in (("series", size.series), ("files", size.files))
        }
    text = table(found, arguments.jobs)
    if arguments.quick:
        print(text)
        return
    PLOT.write_text(plot(found), encoding="utf-8")
    measuring.write("growth", "table", text)


def _point(source: Path, count: int, scratch: Path, key: Path, jobs: int) -> Point:
    target = scratch / "mids"
    words = (PROGRAM, "dicom", str(source), str(target), "--quiet", "--key", str(key), "--jobs", str(jobs))
    first = measuring.measure_command(Command(f"{source.name}", words))
    second = measuring.measure_command(Command(f"{source.name} again", words))
    print(f"{source.name}: {first}, again {second}", file=sys.stderr)
    for folder in (target, target.with_name("mids.mids")):
        shutil.rmtree(folder, ignore_errors=True)
    return count, first, second


def table(found: Mapping[str, Sequence[Point]], jobs: int) -> str:
    """What each run took; `ms each` is time of the processors by series or file, the start included."""
    rows = [
        "| source | seconds | of the processors | ms each | memory, MB | again, seconds | memory, MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind, points in found.items():
        for count, first, again in points:
            each = 1000 * first.busy / count
            tail = f"{first.memory} | {again.seconds:.2f} | {again.memory}"
            failed = {first.code, again.code} - {0}
            note = f" (exit {min(failed)})" if failed else ""
            rows.append(f"| {count:,} {kind}{note} | {first.seconds:.2f} | {first.busy:.2f} | {each:.2f} | {tail} |")
    where = f"{platform.system()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return "\n".join([*rows, "", f"`mids-convert --jobs {jobs}`; {where}.", "", "![plot](growth.svg)"])


# --- the plot ----------------------------------------------------------------------------------------------

_WIDE, _HIGH, _EDGE = 300, 240, 60
_LINES: tuple[tuple[str, str, Callable[[Point], float]], ...] = (
    ("seconds", "#1b6ca8", lambda point: point[1].seconds),
    ("seconds, again", "#7fb2d6", lambda point: point[2].seconds),
    ("memory, MB", "#b5482f", lambda point: point[1].memory),
)


def plot(found: Mapping[str, Sequence[Point]]) -> str:
    """An SVG: seconds and memory against series and against files, both axes logarithmic, the same scale on both."""
    panels = [_panel(kind, points, number * (_WIDE + 2 * _EDGE)) for number, (kind, points) in enumerate(found.items())]
    size = f'width="{len(panels) * (_WIDE + 2 * _EDGE)}" height="{_HIGH + 2 * _EDGE}"'
    style = 'font-family="sans-serif" font-size="12"'
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>', *panels, "</svg>\n"])


def _panel(kind: str, points: Sequence[Point], left: int) -> str:
    counts = [count for count, _, _ in points]
    values = [value(point) for _, _, value in _LINES for point in points]
    x = _scale(counts, left + _EDGE, left + _EDGE + _WIDE)
    y = _scale(values, _EDGE + _HIGH, _EDGE)
    parts = [f'<text x="{left + _EDGE}" y="{_HIGH + 2 * _EDGE - 10}">{kind}</text>']
    for power in range(math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))) + 1):
        at = y(10**power)
        parts.append(f'<line x1="{left + _EDGE}" x2="{left + _EDGE + _WIDE}" y1="{at}" y2="{at}" stroke="#ddd"/>')
        parts.append(f'<text x="{left + 10}" y="{at + 4}">{10**power:g}</text>')
    parts += [f'<text x="{x(count) - 10}" y="{_EDGE + _HIGH + 20}">{count:,}</text>' for count in counts]
    for number, (name, colour, value) in enumerate(_LINES):
        line = " ".join(f"{x(point[0])},{y(value(point))}" for point in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{left + _EDGE}" y="{15 + 14 * number}" fill="{colour}">{name}</text>')
    return "\n".join(parts)


def _scale(values: Sequence[float], begin: int, end: int) -> Callable[[float], float]:
    """Where a value lies between two edges, from the power of ten below all values to that above them."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return lambda value: round(begin + (end - begin) * (math.log10(value) - low) / max(1, high - low), 1)


if __name__ == "__main__":
    main()
