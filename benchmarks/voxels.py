"""Converts random series of known truth and says of every voxel whether it is in its place.

    python -m benchmarks.voxels --examples 2000 --seed 1

Examples (`benchmarks.series`) are converted by `mids.convert`, many in one run. Delivered means: every slice has the
values of its file after rescale, and lies where its position puts it, through the affine. Refused means: its files are
lost, by a code that names the cause. Nothing else is right. Prints how many examples had which property, and each
failure with its seed; the exit code is 1 if there is one.
"""

import argparse
import csv
import json
import re
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

import mids
from benchmarks.objects import save
from benchmarks.series import Example, Slice, draw_example

Array = Any
_TO_RAS = np.array([-1, -1, 1])
_EDGE = 0.02
"""Voxels by which an outermost slice may lie outside its grid."""


@dataclass(frozen=True, slots=True)
class Row:
    """What the table of sources says of a file."""

    reference: str
    source: str
    status: str
    filename: str
    reason: str


@dataclass(frozen=True, slots=True)
class Volume:
    """A delivered volume: `data` (columns, rows, slices, times)."""

    name: str
    data: Array
    affine: Array
    resampled: bool


def judge_examples(examples: Sequence[Example], folder: Path) -> dict[int, list[str]]:
    """Writes and converts examples below `folder`; what is wrong, by seed. Empty lists are right."""
    source, dataset = folder / "source", folder / "dataset"
    for example in examples:
        for name, file in example.files.items():
            save(file, source / name)
    done = mids.convert("dicom", source, dataset, key=_key(folder))
    with (folder / "dataset.mids/sources.tsv").open(encoding="utf-8", newline="") as stream:
        rows = [Row(**{k: r[k] for k in Row.__slots__}) for r in csv.DictReader(stream, delimiter="\t")]
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.source.split("/")[0]].append(row)
    codes: defaultdict[str, set[str]] = defaultdict(set)
    for issue in done.issues:
        for part in re.findall(r"source:\w+|sub-[A-Z0-9]+", f"{issue.path} {issue.where}"):
            codes[part].add(issue.code)
    return {one.seed: list(_judge(one, found[str(one.seed)], codes, dataset)) for one in examples}


def _key(folder: Path) -> Path:
    path = folder / "key"
    if not path.exists():
        path.write_text("0123456789abcdef" * 4 + "\n")
        path.chmod(0o600)
    return path


def _judge(example: Example, rows: Sequence[Row], codes: dict[str, set[str]], dataset: Path) -> Iterable[str]:
    by_file = {row.source: row for row in rows}
    for name in sorted(example.files):
        if name not in by_file:
            yield f"vanished: {name}"
    names = {row.filename for row in rows if row.status == "converted"}
    yield from _judge_fates(example, by_file)
    told = set().union(*(codes[row.reference] for row in rows)) if rows else set()
    for subject in {name.split("/")[0] for name in names}:
        told |= codes[subject]
    told |= {row.reason.split(":")[0] for row in rows}
    if missing := example.told - told:
        yield f"not told: {sorted(missing)}, but {sorted(told & _codes_among(told))}"
    subjects = {name.split("/")[0] for name in names}
    delivered = [p for s in sorted(subjects) for p in sorted((dataset / s).glob("**/*.nii.gz"))]
    if example.slices and delivered:
        yield from _judge_volumes(example, [_load(path) for path in delivered])


def _codes_among(told: Iterable[str]) -> set[str]:
    return {code for code in told if re.fullmatch(r"[A-Z_]+", code)}


def _judge_fates(example: Example, rows: dict[str, Row]) -> Iterable[str]:
    wrong: Counter[str] = Counter()
    due_codes = set().union(*example.lost.values())
    named = [row.reason.partition(": ") for row in rows.values() if row.status == "lost"]
    along = {start + text for code, _, text in named if code in due_codes for start in ("", "lost with its series: ")}
    for name, row in rows.items():
        if due := example.lost.get(name):
            if row.status != "lost" or (row.reason.split(":")[0] not in due and row.reason not in along):
                wrong[f"{row.status} ({row.reason}), not lost by {'/'.join(sorted(due))}"] += 1
        elif row.status == "lost":
            wrong[f"lost: {row.reason}"] += 1
        elif row.status == "skipped" and not (name in example.skipped and "duplicate" in row.reason):
            wrong[f"skipped: {row.reason}"] += 1
    for text, count in wrong.items():
        yield f"{text} [{count} of {len(rows)} files]"


def _load(path: Path) -> Volume:
    image = nib.load(path)
    data = np.asarray(image.get_fdata())
    while data.ndim < 4:
        data = data[..., None]
    sidecar = json.loads(path.with_name(path.name.replace(".nii.gz", ".json")).read_text())
    return Volume(path.name, data, image.affine, bool(sidecar.get("Resampled")))


def _judge_volumes(example: Example, volumes: Sequence[Volume]) -> Iterable[str]:
    is_grid = {volume.resampled for volume in volumes}
    if example.resampled is not None and is_grid != {example.resampled}:
        yield f"resampled: {sorted(is_grid)}, not {example.resampled}"
        return
    if is_grid == {True}:
        yield from _judge_field(example, volumes)
        return
    places: dict[int, tuple[str, int, int]] = {}
    wrong: Counter[str] = Counter()
    for index, one in enumerate(example.slices):
        where, why = _find(one, example, volumes)
        if where:
            places[index] = where
        else:
            wrong[why] += 1
    for text, count in wrong.items():
        yield f"{text} [{count} of {len(example.slices)} slices]"
    if not wrong:
        yield from _judge_order(example, volumes, places)


def _points(one: Slice, example: Example) -> Array:
    """Centres of the pixels of a slice (rows, columns, 3), mm, RAS."""
    rows, columns = np.mgrid[: example.space.shape[0], : example.space.shape[1]]
    points = (
        one.position
        + rows[..., None] * example.space.spacing[0] * one.orientation[3:]
        + columns[..., None] * example.space.spacing[1] * one.orientation[:3]
    )
    return points * _TO_RAS


def _find(one: Slice, example: Example, volumes: Sequence[Volume]) -> tuple[tuple[str, int, int] | None, str]:
    """Where a slice lies: name of the volume, number of slice and of time; else why nowhere."""
    points = _points(one, example)
    size = np.abs(one.values).max()
    near = 0.01 * one.slope + 2e-6 * size
    best = "no voxels at its place"
    for volume in volumes:
        index = nib.affines.apply_affine(np.linalg.inv(volume.affine), points)
        whole = np.rint(index).astype(int)
        voxel = np.sqrt((volume.affine[:3, :3] ** 2).sum(axis=0))
        off = float((np.abs(index - whole) * voxel).max())
        if (whole < 0).any() or (whole >= volume.data.shape[:3]).any() or off > example.space.tolerance:
            continue
        there = volume.data[whole[..., 0], whole[..., 1], whole[..., 2]]
        away = np.abs(there - one.values[..., None]).max(axis=(0, 1))
        if away.min() <= near:
            return (volume.name, int(whole[0, 0, 2]), int(away.argmin())), ""
        best = "other values at its place"
    return None, best


def _judge_order(example: Example, volumes: Sequence[Volume], places: dict[int, tuple[str, int, int]]) -> Iterable[str]:
    """Every place is taken once, each volume holds one set of slices, and times are in order."""
    if len(set(places.values())) < len(places):
        yield "two slices at one place"
    if sum(volume.data.shape[2] * volume.data.shape[3] for volume in volumes) != len(places):
        yield f"{[v.data.shape for v in volumes]} are not {len(places)} slices"
    names: defaultdict[int, set[str]] = defaultdict(set)
    times: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
    for index, (name, _, number) in places.items():
        one = example.slices[index]
        names[one.volume].add(name)
        times[one.volume, one.time].add(number)
    if any(len(found) > 1 for found in names.values()):
        yield f"one volume became {max(map(len, names.values()))}"
    elif len({next(iter(found)) for found in names.values()}) < len(names):
        yield "volumes of several kinds became one"
    elif any(len(found) > 1 for found in times.values()):
        yield "slices of several times are mixed"
    elif example.ordered:
        for (volume, due), found in times.items():
            if found != {due}:
                yield f"time {due} of volume {volume} is number {sorted(found)}"
                return


def _judge_field(example: Example, volumes: Sequence[Volume]) -> Iterable[str]:
    """Inner pixels of a linear field have their values where they lie in a regular grid."""
    wrong: Counter[str] = Counter()
    for one in example.slices:
        points, values = _points(one, example)[2:-2, 2:-2], one.values[2:-2, 2:-2]
        near = 2.5 * one.slope + 1e-3 * np.ptp(values)
        step = np.ptp(one.values) / max(example.space.shape)
        near += example.space.tolerance / min(*example.space.spacing, example.space.step) * step
        away = [_away(volume, time, points, values) for volume in volumes for time in range(volume.data.shape[3])]
        if min(away) > near:
            wrong["other values on the grid" if min(away) < np.inf else "outside the grid"] += 1
    for text, count in wrong.items():
        yield f"{text} [{count} of {len(example.slices)} slices]"


def _away(volume: Volume, time: int, points: Array, values: Array) -> float:
    """How far nearly all values are from those that the volume has, linearly interpolated, at their points."""
    index = nib.affines.apply_affine(np.linalg.inv(volume.affine), points)
    last = np.array(volume.data.shape[:3]) - 1
    if (index < -_EDGE).any() or (index > last + _EDGE).any():
        return np.inf
    low = np.clip(np.floor(index).astype(int), 0, np.maximum(last - 1, 0))
    part = np.clip(index - low, 0, 1)
    there = np.zeros(values.shape)
    for corner in np.ndindex(2, 2, 2):
        at = np.minimum(low + corner, last)
        weight = np.where(np.array(corner) == 1, part, 1 - part).prod(axis=-1)
        there += weight * volume.data[at[..., 0], at[..., 1], at[..., 2], time]
    return float(np.quantile(np.abs(there - values), 0.95))


def run(seeds: Sequence[int], folder: Path) -> tuple[list[Example], dict[int, list[str]]]:
    """Draws, converts and judges the examples of some seeds in one run below `folder`, which is removed.

    Where the run crashes, its examples are tried in halves, until it is known whose fault it is.
    """
    examples = [draw_example(seed) for seed in seeds]
    try:
        return examples, judge_examples(examples, folder)
    except Exception as error:
        if len(seeds) == 1:
            return examples, {seeds[0]: [f"crashed: {type(error).__name__}"]}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    parts = [run(part, folder) for part in (seeds[: len(seeds) // 2], seeds[len(seeds) // 2 :])]
    return parts[0][0] + parts[1][0], parts[0][1] | parts[1][1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1, help="of the first example; the next has the next number")
    parser.add_argument("--batch", type=int, default=40, help="examples in one run")
    parser.add_argument("--keep", type=Path, help="an empty folder where source and dataset of the last batch stay")
    arguments = parser.parse_args()
    words: Counter[str] = Counter()
    failures = refused = count = 0
    begin = time.perf_counter()
    for first in range(arguments.seed, arguments.seed + arguments.examples, arguments.batch):
        seeds = range(first, min(first + arguments.batch, arguments.seed + arguments.examples))
        if arguments.keep:
            examples = [draw_example(seed) for seed in seeds]
            judged = judge_examples(examples, arguments.keep / str(first))
        else:
            with tempfile.TemporaryDirectory(prefix="voxels-") as scratch:
                examples, judged = run(seeds, Path(scratch) / "run")
        for example in examples:
            count += 1
            words.update(example.words)
            refused += not example.slices
            if judged[example.seed]:
                failures += 1
                print(f"{example.seed}: {'; '.join(judged[example.seed])} ({', '.join(example.words)})", flush=True)
        print(f"# {count} examples, {failures} failures, {time.perf_counter() - begin:.0f} s", flush=True)
    for word, number in sorted(words.items()):
        print(f"{number:7d} {word}")
    print(f"{count} examples, {refused} of them to be refused, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
