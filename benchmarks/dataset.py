"""Opening a dataset: `mids.Dataset`, with and without its index, beside pybids and bids2table.

    python -m benchmarks.dataset FOLDER [--images N] [--rounds N] [--without NAME]

makes a tree of N plain BIDS images in FOLDER where there is none, opens it with each program in turn, and fills the
table of that size in benchmarks/README.md. Every program is a process of its own, with its imports.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.measuring import Command, Run, ratio, run_in_turn, write
from benchmarks.trees import make

FIELD = "EchoTime"
"""The key of sidecars that is asked for, where sidecars are read."""
REFERENCE = "`mids.Dataset`"
PROGRAMS = {
    REFERENCE: "import mids; assert len(mids.Dataset({root!r}).images) == {images}",
    "`mids.Dataset`, a key of each sidecar": (
        f"import mids; assert mids.Dataset({{root!r}}, fields=['{FIELD}']).images['{FIELD}'].notna().all()"
    ),
    "the same, index made": (
        f"import mids; assert len(mids.Dataset({{root!r}}, fields=['{FIELD}'], index={{index!r}}).images) == {{images}}"
    ),
    "the same, index fresh": (
        f"import mids; assert len(mids.Dataset({{root!r}}, fields=['{FIELD}'], index={{index!r}}).images) == {{images}}"
    ),
    "bids2table, names": "import bids2table as b; assert len(b.index_dataset({root!r})) >= {images}",
    "bids2table, names, then each sidecar": (
        "import bids2table as b\nfrom pathlib import Path\n"
        "rows = b.index_dataset({root!r}).to_pylist()\n"
        "rows = [row for row in rows if row['suffix'] == 'T1w' and row['ext'] == '.nii.gz']\n"
        f"assert len([b.load_bids_metadata(Path(row['root'], row['path']))['{FIELD}'] for row in rows]) == {{images}}"
    ),
    "pybids, names": (
        "import bids; i = bids.BIDSLayoutIndexer(validate=False, index_metadata=False); "
        "assert len(bids.BIDSLayout({root!r}, validate=False, indexer=i)"
        ".get(suffix='T1w', extension='.nii.gz')) == {images}"
    ),
    "pybids, with sidecars": (
        "import bids; assert len(bids.BIDSLayout({root!r}, validate=False)"
        ".get(suffix='T1w', extension='.nii.gz')) == {images}"
    ),
}


def commands(root: Path, images: int, without: Sequence[str]) -> list[Command]:
    """One process for each program; the index is removed before it is to be made."""
    index = root.parent / f"{root.name}.parquet"
    found = []
    for name, code in PROGRAMS.items():
        if not any(word in name for word in without):
            text = code.format(root=str(root), images=images, index=str(index))
            prepare = (lambda: index.unlink(missing_ok=True)) if name.endswith("index made") else (lambda: None)
            found.append(Command(name, (sys.executable, "-c", text), prepare))
    return found


def table(runs: dict[str, list[Run]]) -> str:
    """Medians of the rounds, in units of the first program in the same round."""
    lines = ["| program | seconds | time | processor time | memory, MB |", "|---|---|---|---|---|"]
    for name, own in runs.items():
        time, busy = ratio(own, runs[REFERENCE])
        seconds, memory = median(run.seconds for run in own), median(run.memory for run in own)
        shown = name if all(run.code == 0 for run in own) else f"{name} (failed)"
        lines.append(f"| {shown} | {seconds:.1f} | {time:.1f} × | {busy:.1f} × | {memory:.0f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without", action="append", default=[], metavar="NAME")
    arguments = parser.parse_args()
    root = arguments.folder.resolve() / f"b{arguments.images}"
    if not root.exists():
        make(root, arguments.images, "bids")
    runs = run_in_turn(commands(root, arguments.images, arguments.without), arguments.rounds)
    write("dataset", str(arguments.images), table(runs))


if __name__ == "__main__":
    main()
