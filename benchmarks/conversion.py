"""Compares `mids-convert` with other converters, and our PNG encoder with others, in turn and in one run.

    python -m benchmarks.conversion ct mr png --peers peers/bin

The peers (`pip install "mids[benchmark]"`) may stand in an environment of their own. Every converter gets the same
binary of dcm2niix, with its own compression (`-z i`): `-z y` would use pigz where there is one. Each part writes
its table into benchmarks/README.md, but not with --quick.
"""

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import nibabel as nib
import numpy as np

from benchmarks import inputs, measuring
from benchmarks.measuring import Command, Run
from mids.readers.dicom.pixels import read_dataset, render
from mids.testing import KEY

BIN = Path(sys.executable).parent
REFERENCE = "dcm2niix -z i"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="+", choices=["ct", "mr", "png"])
    parser.add_argument("--quick", action="store_true", help="small inputs; the README is left alone")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where to make (and keep) the inputs")
    parser.add_argument("--peers", type=Path, default=BIN, help="the bin folder of the peers' environment")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as scratch:
        sources = (arguments.folder or Path(scratch)) / ("quick" if arguments.quick else "full")
        inputs.make(sources, inputs.QUICK if arguments.quick else inputs.FULL)
        for part in arguments.what:
            if part == "png":
                text = pictures(sources / "rx", Path(scratch), arguments.peers, arguments.rounds)
            else:
                text = volumes(sources / part, Path(scratch), arguments.peers, arguments.rounds)
            print(text) if arguments.quick else measuring.write("conversion", part, text)


# --- volumes -----------------------------------------------------------------------------------------------

_HEURISTIC = """
def infotodict(seqinfo):
    key = "sub-{subject}/anat/sub-{subject}_acq-%d_T1w"
    return {(key % number, ("nii.gz",), None): [one.series_id] for number, one in enumerate(seqinfo, 1)}
"""


def volumes(source: Path, scratch: Path, peers: Path, rounds: int) -> str:
    """The table of a source of volumes: time, memory, size, and whether the voxels are the same."""
    _read_once(source)
    out = scratch / "out"
    commands = converters(source, scratch, peers)
    environment = {**os.environ, "PATH": f"{peers}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    runs = measuring.run_in_turn(commands, rounds, environment)
    wanted, size = contents(out / commands[0].name)
    rows = [
        f"| command | seconds | of the processors | × `{REFERENCE}` | of the processors | memory, MB | size | voxels |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for command in commands:
        done = runs[command.name]
        clock, busy = measuring.ratio(done, runs[commands[0].name])
        found, bytes_ = contents(out / command.name)
        same = "the same" if found == wanted else f"{len(found & wanted)} of {len(wanted)} the same"
        times = f"{median(run.seconds for run in done):.2f} | {median(run.busy for run in done):.2f}"
        tail = f"{max(run.memory for run in done)} | × {bytes_ / size:.3f} | {same}{_failures(done)}"
        rows.append(f"| `{command.name}` | {times} | {clock:.2f} | {busy:.2f} | {tail} |")
    files = [path for path in source.rglob("*") if path.is_file()]
    megabytes = sum(path.stat().st_size for path in files) / 1e6
    about = f"{len(files):,} files in {len(wanted)} series, {megabytes:.0f} MB; medians of {rounds} rounds, in turn."
    return "\n".join([*rows, "", about, _where(peers)])


def _failures(runs: Sequence[Run]) -> str:
    codes = {run.code for run in runs} - {0}
    return f", exit {min(codes)}" if codes else ""


def converters(source: Path, scratch: Path, peers: Path) -> list[Command]:
    """The commands; each writes into ``scratch/out/<its name>``, which is emptied before."""
    files = {
        "key": KEY + "\n",
        "heuristic.py": _HEURISTIC,
        "heudiconv.json": json.dumps({"compress": "i"}),
        "dcm2bids.json": json.dumps({
            "dcm2niixOptions": "-b y -ba y -z i -f %3s_%f_%p_%t",
            "descriptions": [
                {"datatype": "anat", "suffix": "T1w", "custom_entities": f"acq-{n}", "criteria": {"SeriesNumber": n}}
                for n in "1234"
            ],
        }),
    }  # fmt: skip
    for name, text in files.items():
        (scratch / name).write_text(text, encoding="utf-8")
    key, heuristic, compress, config = (str(scratch / name) for name in files)

    def command(name: str, program: Path, *words: str) -> Command:
        folder = scratch / "out" / name
        return Command(
            name, (str(program), *(word.replace("OUT", str(folder)) for word in words)), lambda: _fresh(folder)
        )

    ours = ("dicom", str(source), "OUT/mids", "--quiet", "--key", key)
    asked = ("--files", str(source), "-o", "OUT", "-s", "01", "-c", "dcm2niix", "-b", "-f", heuristic)
    found = [
        command(REFERENCE, peers / "dcm2niix", "-z", "i", "-f", "%s", "-o", "OUT", str(source)),
        command("mids-convert", BIN / "mids-convert", *ours),
        command("mids-convert --jobs 2", BIN / "mids-convert", *ours, "--jobs", "2"),
        command("dcm2bids", peers / "dcm2bids", "-d", str(source), "-p", "01", "-c", config, "-o", "OUT"),
        command("heudiconv", peers / "heudiconv", *asked, "--dcmconfig", compress),
        command("dicom2nifti", peers / "dicom2nifti", str(source), "OUT"),
    ]
    return [one for one in found if Path(one.words[0]).exists()]


def _fresh(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def contents(folder: Path) -> tuple[set[str], int]:
    """Digests of the voxels of each volume below a folder, in the closest RAS order, and the bytes of all of them."""
    digests = set()
    size = 0
    for path in folder.rglob("*.nii.gz"):
        if path.is_symlink():
            continue
        image: Any = nib.as_closest_canonical(nib.load(path))
        values = np.ascontiguousarray(np.asanyarray(image.dataobj).astype(np.float32))
        digests.add(hashlib.sha256(repr(values.shape).encode() + values.tobytes()).hexdigest())
        size += path.stat().st_size
    return digests, size


# --- pictures ----------------------------------------------------------------------------------------------


def pictures(source: Path, scratch: Path, peers: Path, rounds: int) -> str:
    """The table of encoders of PNG, on radiographs through their window and as they are stored."""
    rows = ["| picture | encoder | seconds | × faster than Pillow | size |", "|---|---|---|---|---|"]
    encoders = {"mids fast": Path(sys.executable), "Pillow": peers / "python", "opencv": peers / "python"}
    for mode in ("window", "raw"):
        for name, number in (("noisy CR", 1), ("smooth DX", 2)):
            arrays = _arrays(sorted(source.iterdir())[number - 1 :: 2], mode, scratch)
            found = {one: _time_encoder(program, one, rounds, arrays) for one, program in encoders.items()}
            for one, results in found.items():
                pairs = zip(found["Pillow"], results, strict=True)
                factor = median(median(a["seconds"]) / median(b["seconds"]) for a, b in pairs)
                seconds = median(median(result["seconds"]) for result in results)
                size = sum(result["size"] for result in results) / sum(result["size"] for result in found["Pillow"])
                rows.append(f"| {name}, {mode} | {one} | {seconds:.3f} | {factor:.1f} | × {size:.3f} |")
    shape = "x".join(map(str, np.load(arrays[0]).shape))
    about = f"16-bit PNG of {shape} pixels, {2 * len(arrays)} radiographs of 12 bits; medians of {rounds} rounds."
    return "\n".join([*rows, "", about, _where(peers)])


def _arrays(files: Sequence[Path], mode: Any, scratch: Path) -> list[Path]:
    paths = []
    for number, path in enumerate(files[:3]):
        with path.open("rb") as stream:
            pixels = render(read_dataset(stream), mode).pixels
        paths.append(scratch / f"{number}.npy")
        np.save(paths[-1], pixels)
    return paths


def _time_encoder(program: Path, encoder: str, rounds: int, arrays: Sequence[Path]) -> list[dict[str, Any]]:
    command = [str(program), "-m", "benchmarks.encoders", encoder, str(rounds), *map(str, arrays)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


# --- where -------------------------------------------------------------------------------------------------


def _read_once(source: Path) -> None:
    """Puts the files into the system's cache, so that no command waits for the disk."""
    for path in source.rglob("*"):
        if path.is_file():
            path.read_bytes()


def _where(peers: Path) -> str:
    """The machine and the versions."""
    names = ("dcm2niix", "dcm2bids", "heudiconv", "dicom2nifti", "pillow", "opencv-python-headless", "numpy")
    code = (
        "import sys\nfrom importlib.metadata import version, PackageNotFoundError\n"
        "for name in sys.argv[1:]:\n"
        "    try: print(name, version(name))\n    except PackageNotFoundError: pass\n"
    )
    done = subprocess.run([str(peers / "python"), "-c", code, *names], capture_output=True, text=True, check=True)
    versions = ", ".join(done.stdout.splitlines())
    return f"{platform.system()}, {os.cpu_count()} cores, Python {platform.python_version()}; {versions}."


if __name__ == "__main__":
    main()
