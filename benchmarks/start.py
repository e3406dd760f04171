"""What starting costs: ``--help`` beside a bare interpreter, and what is left of an MR once starting is taken off.

    python -m benchmarks.start --folder FOLDER    # where benchmarks.inputs has made its inputs

Commands run in turn; figures are medians. The share without start-up is (600 files - 1 file) of ours, by the same of
bare ``dcm2niix -z i``.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mids.testing import KEY

BIN = Path(sys.executable).parent


def seconds(words: list[str], target: Path) -> float:
    """How long a command takes that writes into a fresh place."""
    for folder in (target, target.with_name(f"{target.name}.mids")):
        shutil.rmtree(folder, ignore_errors=True)
    if words[0].endswith("dcm2niix"):
        target.mkdir()
    began = time.perf_counter()
    subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="the inputs of benchmarks.inputs")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    whole = arguments.folder / "mr"
    with tempfile.TemporaryDirectory() as scratch:
        key, single, target = (Path(scratch) / name for name in ("key", "single", "out"))
        key.write_text(KEY + "\n", encoding="ascii")
        key.chmod(0o600)
        single.mkdir()
        shutil.copy(next(path for path in sorted(whole.rglob("*")) if path.is_file()), single)
        ours = [str(BIN / "mids-convert"), "dicom"]
        rest = [str(target), "--key", str(key), "--quiet"]
        bare = [str(BIN / "dcm2niix"), "-z", "i", "-o", str(target)]
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "mids-convert --help": [ours[0], "--help"],
            "mids-validate --help": [str(BIN / "mids-validate"), "--help"],
            "mids-convert, 1 file": [*ours, str(single), *rest],
            "mids-convert, 600 files": [*ours, str(whole), *rest],
            "dcm2niix, 1 file": [*bare, str(single)],
            "dcm2niix, 600 files": [*bare, str(whole)],
        }
        times = {name: [seconds(words, target) for _ in range(1)] for name, words in commands.items()}
        for _ in range(arguments.rounds):
            for name, words in commands.items():
                times[name].append(seconds(words, target))
    found = {name: statistics.median(several[1:]) for name, several in times.items()}  # the first warms the cache
    print("| command | seconds |\n|---|---|")
    print("\n".join(f"| `{name}` | {took:.3f} |" for name, took in found.items()))
    slopes = [found[f"{name}, 600 files"] - found[f"{name}, 1 file"] for name in ("mids-convert", "dcm2niix")]
    print(f"\nWithout start-up, 600 files take {slopes[0] / slopes[1]:.2f} times as long as bare dcm2niix.")


if __name__ == "__main__":
    main()
