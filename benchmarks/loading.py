"""Patches and radiographs per second: `Dataset.torch` beside nibabel, MONAI, TorchIO and Pillow on the same files.

    python -m benchmarks.loading FOLDER [--rounds N]

makes three CT-like volumes (512 x 512 x 300, int16) and six radiographs (2,500 x 2,048) in FOLDER where there are none,
reads in turn with each program, and fills the tables in benchmarks/README.md. Seconds are those of the processor,
without imports. Where zarr 3 is installed, a copy in OME-Zarr's blocks (64 x 64 x 64, Zstandard) is read too.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import monai.transforms
import nibabel as nib
import numpy as np
import torchio
from PIL import Image

import mids
from benchmarks.measuring import write
from mids.actions import gz, png

SIDE = 128
SHAPE = (512, 512, 300)
Read = Callable[[Any, np.random.Generator], object]


def make(root: Path) -> None:
    """A BIDS dataset with a volume of noise on a body, and six radiographs."""
    random = np.random.default_rng(0)
    root.mkdir(parents=True)
    (root / "dataset_description.json").write_text('{"Name": "Invented", "BIDSVersion": "1.11.1"}')
    y, x = np.mgrid[-256:256, -256:256].astype(np.float32)
    body = 1000 * np.exp(-(x**2 + y**2) / 20000) - 900
    for number in range(3):
        slices = [(body + random.normal(0, 20, body.shape)).astype("<i2") for _ in range(SHAPE[2])]
        head = nib.Nifti1Header()
        head.set_data_shape(SHAPE)
        head.set_data_dtype(np.int16)
        head["vox_offset"], head["magic"] = 352, b"n+1"
        path = root / f"sub-{number}" / "anat" / f"sub-{number}_T1w.nii.gz"
        path.parent.mkdir(parents=True)
        gz.write(path, [head.binaryblock + bytes(4), *slices], "fast")
    y, x = np.mgrid[-1250:1250, -1024:1024].astype(np.float32)
    lungs = 180 * np.exp(-(x**2 + y**2) / 800000)
    for number in range(6):
        grey = (lungs + random.normal(20, 2, lungs.shape)).clip(0, 255).astype(np.uint8)
        path = root / f"sub-{number}" / "mim-rx" / f"sub-{number}_dx.png"
        path.parent.mkdir(parents=True)
        path.write_bytes(png.encode(grey, compression="fast"))


def crop(data: Any, random: np.random.Generator) -> np.ndarray:
    """A patch at a random place of (…, columns, rows, slices), float32."""
    x, y, z = (int(random.integers(side - SIDE + 1)) for side in SHAPE)
    return np.ascontiguousarray(data[..., x : x + SIDE, y : y + SIDE, z : z + SIDE], np.float32)


def patches(root: Path, cache: Path) -> dict[str, Read]:
    """Ways to a random patch of a volume."""
    dataset = mids.Dataset(root)
    rows = dataset.images[dataset.images["filename"].str.endswith(".nii.gz")]
    places = {str(root / name): number for number, name in enumerate(rows["filename"])}
    load = monai.transforms.LoadImage(image_only=True, ensure_channel_first=True)

    def ours(**options: Any) -> Read:
        samples = dataset.torch(rows, size=(SIDE,) * 3, **options)
        return lambda path, _: samples[places[str(path)]]["image"]

    return {
        "nibabel, `get_fdata`": lambda path, random: crop(nib.load(path).get_fdata(dtype=np.float32), random),
        "MONAI, `LoadImage`": lambda path, random: crop(load(path).numpy(), random),
        "TorchIO, `ScalarImage`": lambda path, random: crop(torchio.ScalarImage(path).data.numpy(), random),
        **_blocks(cache, crop),
        **_ours(ours, cache),
    }


def _blocks(cache: Path, take: Read) -> dict[str, Read]:
    """The way through a copy in blocks, made when a volume is read first."""
    if find_spec("zarr") is None:
        return {}
    zarr: Any = import_module("zarr")
    codec = zarr.codecs.BloscCodec(cname="zstd", clevel=5, shuffle="shuffle")

    def read(path: Path, random: np.random.Generator) -> object:
        place = cache / "blocks" / f"{path.name}.zarr"
        if not place.exists():
            kind = {"shape": SHAPE, "dtype": np.int16, "chunks": (64,) * 3, "compressors": codec}
            zarr.create_array(place, **kind)[:] = np.asarray(nib.load(path).dataobj)
        return take(zarr.open_array(place, mode="r"), random)

    return {"OME-Zarr": read}


def _ours(make: Callable[..., Read], cache: Path) -> dict[str, Read]:
    """Our way without a cache, with points of gzip, and with unpacked copies."""
    return {
        "`Dataset.torch`": make(),
        "`Dataset.torch`, `cache`": make(cache=str(cache / "points")),
        "`Dataset.torch`, `cache`, `unpack`": make(cache=str(cache / "unpacked"), unpack=True),
    }


def slices(root: Path, cache: Path) -> dict[str, Read]:
    """Ways to a random slice of a volume, as it is."""
    dataset = mids.Dataset(root)
    rows = dataset.images[dataset.images["filename"].str.endswith(".nii.gz")]
    first = {str(root / name): number * SHAPE[2] for number, name in enumerate(rows["filename"])}

    def ours(**options: Any) -> Read:
        samples = dataset.torch(rows, size=SHAPE[1::-1], **options)
        return lambda path, random: samples[first[str(path)] + int(random.integers(SHAPE[2]))]["image"]

    return {
        "nibabel, `dataobj`": lambda path, random: np.asarray(
            nib.load(path).dataobj[..., int(random.integers(SHAPE[2]))], np.float32
        ),
        **_blocks(cache, lambda data, random: np.asarray(data[..., int(random.integers(SHAPE[2]))], np.float32)),
        **_ours(ours, cache),
    }


def pictures(root: Path, _: Path) -> dict[str, Read]:
    """Ways to a radiograph as float32."""
    dataset = mids.Dataset(root)
    rows = dataset.images[dataset.images["filename"].str.endswith(".png")]
    places = {str(root / name): number for number, name in enumerate(rows["filename"])}
    samples = dataset.torch(rows)
    return {
        "Pillow": lambda path, _: np.array(Image.open(path)).astype(np.float32)[None] / 255,
        "`Dataset.torch`": lambda path, _: samples[places[str(path)]]["image"],
    }


def measure(ways: dict[str, Read], paths: list[Path], rounds: int) -> Iterator[str]:
    """The rows of a table: seconds an item, and how many times as many items as the first way has, by round."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for read in ways.values():
        for path in paths:
            read(path, np.random.default_rng(0))  # what is made once
    for number in range(rounds):
        for path in paths:
            for name, read in ways.items():
                began = time.process_time()
                read(path, np.random.default_rng(number))
                taken[name].append(time.process_time() - began)
    reference = next(iter(taken.values()))
    yield from ("| program | seconds an item | items a second |", "|---|---|---|")
    for name, seconds in taken.items():
        times = median(theirs / own for theirs, own in zip(reference, seconds, strict=True))
        yield f"| {name} | {median(seconds):.3f} | {times:.1f} × |"


def main() -> None:
    """Fills the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    root = folder / "dataset"
    if not root.exists():
        make(root)
    volumes, radiographs = (sorted(root.rglob(f"*.{ending}")) for ending in ("nii.gz", "png"))
    for name, ways, paths in (
        ("patches", patches, volumes),
        ("slices", slices, volumes),
        ("radiographs", pictures, radiographs),
    ):
        lines = list(measure(ways(root, folder / "cache"), paths, arguments.rounds))
        print(name, *lines, sep="\n")
        write("loading", name, "\n".join(lines))


if __name__ == "__main__":
    main()
