"""How fast a copy is verified, against reading it: `python -m benchmarks.verifying [--folder DIR] [--large N] …`.

Writes random bytes, `large` files of 64 MB and `small` ones of 20 kB, makes their manifest, and times in turn, with the
page cache dropped for these files before each: reading all of them with as many threads, hashing nothing; hashing as
many bytes from memory, reading nothing; `sha256sum`, where it is installed, with as many processes; and `mids verify`.
Of each the best of some rounds counts. No program that reads and then hashes is quicker than the slower of the two.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mids.releases import manifest, verification

LARGE, SMALL = 64 << 20, 20_000


def make(root: Path, large: int, small: int) -> int:
    """Writes the files; returns their bytes."""
    (root / "dataset_description.json").write_text('{"Name": "made up", "BIDSVersion": "1.11.1"}\n')
    for number in range(large):
        (root / f"large-{number}.bin").write_bytes(os.urandom(LARGE))
    for number in range(small):
        folder = root / f"folder-{number // 1000}"
        folder.mkdir(exist_ok=True)
        (folder / f"small-{number}.bin").write_bytes(os.urandom(SMALL))
    os.sync()
    return large * LARGE + small * SMALL


def walked(root: Path) -> list[str]:
    """The paths of all files."""
    shut: list[str] = []
    found = list(manifest.walk_files(root, lambda path, _: shut.append(path)))
    assert not shut
    return found


def forget(root: Path) -> None:
    """Drops the files of `root` from the page cache."""
    for path in walked(root):
        with (root / path).open("rb") as stream:
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read_all(root: Path, threads: int) -> None:
    """Reads every file and does nothing with it."""

    def one(path: str) -> None:
        block = bytearray(manifest.BLOCK)
        with (root / path).open("rb", buffering=0) as stream:
            while stream.readinto(block):
                pass

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, sorted(walked(root))))


def hash_all(size: int, threads: int) -> None:
    """Hashes `size` bytes, rounded up to a block for each thread, in blocks from memory."""
    block = bytes(manifest.BLOCK)

    def one(count: int) -> None:
        digest = hashlib.sha256()
        for _ in range(count):
            digest.update(block)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, [-(-size // (manifest.BLOCK * threads))] * threads))


def sha256sum(root: Path, processes: int) -> None:
    """Hashes every file with the program of that name."""
    paths = "\0".join(sorted(walked(root))).encode()
    words = ["xargs", "-0", "-P", str(processes), "-n", "4", "sha256sum"]
    subprocess.run(words, input=paths, cwd=root, stdout=subprocess.DEVNULL, check=True)


def timed(root: Path, work: Callable[[], object]) -> tuple[float, float]:
    """Seconds that `work` takes, and seconds of the processors, with nothing of `root` in the page cache."""
    forget(root)
    begun, used = time.perf_counter(), sum(os.times()[:4])
    work()
    return time.perf_counter() - begun, sum(os.times()[:4]) - used


def main() -> None:
    """Prints MB/s of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where the files are written (default: a temporary folder)")
    parser.add_argument("--large", type=int, default=30)
    parser.add_argument("--small", type=int, default=20_000)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rounds", type=int, default=3)
    a = parser.parse_args()
    root = Path(tempfile.mkdtemp(dir=a.folder))
    try:
        size = make(root, a.large, a.small)
        manifest.write(root, threads=a.threads)
        works: dict[str, Callable[[], object]] = {
            "reading": lambda: read_all(root, a.threads),
            "hashing": lambda: hash_all(size, a.threads),
            "sha256sum": lambda: sha256sum(root, a.threads),
            "verify": lambda: verification.verify(root, threads=a.threads, again=True),
        }
        if not shutil.which("sha256sum"):
            del works["sha256sum"]
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
        for _ in range(a.rounds):
            for name, work in works.items():
                found[name].append(timed(root, work))
        best = {
            name: [size / 1e6 / min(column) for column in zip(*times, strict=True)] for name, times in found.items()
        }
        for name, (speed, busy) in best.items():
            print(f"{name:10} {speed:6.0f} MB/s  {busy:6.0f} MB per processor second")
        (reading, read), (hashing, hashed), (verifying, verified) = (best[n] for n in ("reading", "hashing", "verify"))
        cost = 1 / verified / (1 / read + 1 / hashed)
        print(f"verify has {verifying / min(reading, hashing):.0%} of the speed of the slower of reading and hashing,")
        print(f"and takes {cost:.0%} of the time that both together take of the processors")
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
