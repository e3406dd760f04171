"""Converts random small series and compares what is delivered with their files, slice by slice.

    python -m benchmarks.geometries --examples 20000
    python -m benchmarks.geometries --seed 17 --keep FOLDER

Each seed makes one series: orientation, spacing, order of the files, digits of the positions, times, rescale (one, or
one for each slice), bits, transfer syntax, classic or enhanced. Delivered has to mean that every slice lies at its
place and time with its values; refused, that a code names a cause. Seeds that break this are printed, and the exit
code is 1.
"""

import argparse
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import imagecodecs
import nibabel as nib
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless

import mids

CAUSES = frozenset({
    "GEOMETRY_IRREGULAR", "ORIENTATION_INVALID", "PIXELS_UNREADABLE", "POSITIONS_EQUAL", "RESCALE_CONTRADICTED",
    "SERIES_SPARSE", "SERIES_UNSTACKABLE", "SPACING_MISSING",
})  # fmt: skip

_KINDS = {
    "CT": ("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1"),
    "MR": ("1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4.1"),
    "PT": ("1.2.840.10008.5.1.4.1.1.128", "1.2.840.10008.5.1.4.1.1.130"),
}


@dataclass(frozen=True, slots=True)
class Plane:
    """What one slice is to be: position in mm (LPS), time, real values (rows, columns)."""

    position: np.ndarray
    time: int
    real: np.ndarray


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=1000)
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="one seed alone")
    parser.add_argument("--keep", type=Path, help="where the series of one seed and its dataset stay")
    arguments = parser.parse_args()
    first, count = (arguments.seed, 1) if arguments.seed is not None else (arguments.start, arguments.examples)
    counts: Counter[str] = Counter()
    wrong = 0
    for seed in range(first, first + count):
        with tempfile.TemporaryDirectory(prefix="geometry-") as scratch:
            said = tried(seed, arguments.keep or Path(scratch))
        counts[said.split(":")[0]] += 1
        if said.startswith("wrong"):
            wrong += 1
            print(f"seed {seed}\t{said}", flush=True)
    print(", ".join(f"{word} {number}" for word, number in counts.most_common()))
    return int(wrong > 0)


def tried(seed: int, folder: Path) -> str:
    """``right``, ``resampled``, ``refused`` with the code, or ``wrong`` with what is wrong."""
    source = folder / "source"
    source.mkdir(parents=True)
    planes, rows, columns = make(seed, source)
    done = mids.convert("dicom", source, folder / "dataset")
    paths = sorted(done.dataset.glob("sub-*/**/*.nii.gz"))
    errors = {found.code for found in done.issues if found.level == "error"}
    if not paths:
        return f"refused {min(errors)}" if errors & CAUSES else f"wrong: nothing delivered, {sorted(errors)}"
    volumes: list[Any] = [nib.load(path) for path in paths]
    resampled = any(found.code == "VOLUME_RESAMPLED" for found in done.issues)
    there = sum(any(is_there(volume, plane, rows) for volume in volumes) for plane in planes)
    if resampled:
        return "resampled"
    voxels = sum(int(np.prod(volume.shape)) for volume in volumes)
    if there != len(planes) or voxels != len(planes) * rows * columns:
        shapes = [volume.shape for volume in volumes]
        return f"wrong: {there} of {len(planes)} slices at their place, volumes {shapes}, {sorted(errors)}"
    return "right"


def is_there(volume: Any, plane: Plane, rows: int) -> bool:
    """Whether a volume holds the slice at its place and, where it has several volumes, at its time."""
    i, j, k = (np.linalg.inv(volume.affine) @ [*(plane.position * (-1, -1, 1)), 1])[:3]
    data = np.asarray(volume.dataobj, float)
    data = data[..., None] if data.ndim == 3 else data
    if abs(i) > 0.2 or abs(j - rows + 1) > 0.2 or not -0.2 < k < data.shape[2] - 0.8 or abs(k - round(k)) > 0.2:
        return False
    found = data[:, ::-1, round(k), plane.time if data.shape[3] > 1 else 0].T
    top = float(np.abs(plane.real).max())
    return found.shape == plane.real.shape and bool(np.allclose(found, plane.real, rtol=0, atol=3e-7 * top))


@dataclass(frozen=True, slots=True)
class Series:
    """What the slices of a series have in common; lengths in mm."""

    modality: str
    shape: tuple[int, int, int, int]
    right: np.ndarray
    down: np.ndarray
    spacing: np.ndarray
    step: float
    digits: int
    slope: float
    intercept: float
    per_slice: bool
    syntax: str
    signed: bool
    bits: int
    enhanced: bool


_SYNTAXES = (
    ExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless,
)  # fmt: skip


def drawn(random: np.random.Generator) -> Series:
    """A series; its shape is (rows, columns, slices, times)."""
    modality, syntax = str(random.choice(list(_KINDS))), str(random.choice(_SYNTAXES))
    rows, columns, slices = (int(random.integers(*limits)) for limits in ((5, 14), (5, 14), (2, 9)))
    right, down = orientation(random)
    spacing = 10 ** random.uniform(-1.5, 0.7, 2) if random.random() < 0.3 else np.ones(2) * 10 ** random.uniform(-2, 1)
    step = float(np.max(spacing)) * float(random.choice([0.5, 1, 1, 2, 4]))
    return Series(
        modality, (rows, columns, slices, int(random.choice([1, 1, 1, 2, 3]))), right, down, spacing, step,
        digits=int(random.choice([2, 4, 6])) if spacing.min() > 0.2 else 6,
        slope=float(random.choice([1, 1, 0.5, 7.5e-9, 3e4, 1.23457])),
        intercept=float(random.choice([0, 0, -1024, 0.25])),
        per_slice=modality == "PT" and random.random() < 0.7,
        syntax=syntax,
        signed=bool(random.random() < 0.4) and syntax != JPEGLSLossless,
        bits=int(random.choice([12, 16])),
        enhanced=random.random() < 0.25,
    )  # fmt: skip


def make(seed: int, folder: Path) -> tuple[list[Plane], int, int]:
    """Writes the files of one series."""
    random = np.random.default_rng(seed)
    common = drawn(random)
    rows, columns, slices, times = common.shape
    corner, normal = random.uniform(-300, 300, 3), np.cross(common.right, common.down)
    low, high = (-(1 << common.bits - 1), 1 << common.bits - 1) if common.signed else (0, 1 << common.bits)
    planes, frames = [], []
    for time, k in product(range(times), range(slices)):
        stored = random.integers(low, high, (rows, columns)).astype("<i2" if common.signed else "<u2")
        slope = float(f"{common.slope * (1 + k * common.per_slice):.6g}")
        place = np.round(corner + normal * common.step * k, common.digits)
        planes.append(Plane(place, time, stored * slope + common.intercept))
        frames.append((k, time, slope, place, stored))
    order = random.permutation(len(frames))
    if common.enhanced:
        write(folder / "0", enhanced_of([frames[n] for n in order], common))
    else:
        for name, number in enumerate(order):
            write(folder / str(name), classic_of(*frames[number], common))
    return planes, rows, columns


def orientation(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Directions of rows and of columns, written with six digits."""
    matrix = np.linalg.qr(random.normal(size=(3, 3)))[0] if random.random() < 0.6 else np.eye(3)[random.permutation(3)]
    return np.round(matrix[0], 6) + 0.0, np.round(matrix[1], 6) + 0.0


def base(common: Series, stored: np.ndarray) -> Dataset:
    """What every file has."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = common.syntax
    dataset.SOPClassUID = _KINDS[common.modality][common.enhanced]
    dataset.Modality, dataset.PatientID = common.modality, "P"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = "1.2.3", "1.2.4", "1.2.5"
    dataset.StudyDate, dataset.StudyTime, dataset.SeriesNumber = "20200101", "101010", 1
    dataset.Rows, dataset.Columns = stored.shape[-2:]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, common.bits, common.bits - 1
    dataset.PixelRepresentation = int(stored.dtype.kind == "i")
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    frames = stored if stored.ndim == 3 else stored[None]
    if common.syntax in (JPEG2000Lossless, JPEGLSLossless):
        dataset.PixelData = encapsulate([packed(frame, common) for frame in frames])
        dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    else:
        dataset.PixelData = frames.tobytes()
        dataset["PixelData"].VR = "OW"
    return dataset


def packed(frame: np.ndarray, common: Series) -> bytes:
    if common.syntax == JPEG2000Lossless:
        more = {"codecformat": "j2k", "reversible": True, "bitspersample": common.bits}
        return bytes(imagecodecs.jpeg2k_encode(frame, **more))
    return bytes(imagecodecs.jpegls_encode(frame))


def classic_of(k: int, time: int, slope: float, place: np.ndarray, stored: np.ndarray, common: Series) -> Dataset:
    dataset = base(common, stored)
    dataset.InstanceNumber = time * common.shape[2] + k + 1
    dataset.SOPInstanceUID = f"1.2.6.{dataset.InstanceNumber}"
    dataset.ImagePositionPatient = [float(f"{v:.8g}") for v in place]
    dataset.ImageOrientationPatient = [*common.right, *common.down]
    dataset.PixelSpacing = [float(f"{v:.8g}") for v in common.spacing]
    dataset.SliceThickness = float(f"{common.step:.8g}")
    dataset.RescaleSlope, dataset.RescaleIntercept = f"{slope:.6g}", common.intercept
    dataset.AcquisitionTime = f"1010{10 + time}"
    dataset.TemporalPositionIdentifier = time + 1
    return dataset


def enhanced_of(frames: list[tuple[int, int, float, np.ndarray, np.ndarray]], common: Series) -> Dataset:
    dataset = base(common, np.stack([frame[4] for frame in frames]))
    dataset.NumberOfFrames, dataset.SOPInstanceUID, dataset.InstanceNumber = len(frames), "1.2.6.1", 1
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    measures = {
        "PixelSpacing": [float(f"{v:.8g}") for v in common.spacing],
        "SliceThickness": float(f"{common.step:.8g}"),
    }
    plane = {"ImageOrientationPatient": [*common.right, *common.down]}
    dataset.SharedFunctionalGroupsSequence = [group(PixelMeasuresSequence=measures, PlaneOrientationSequence=plane)]
    dataset.PerFrameFunctionalGroupsSequence = [
        group(
            PlanePositionSequence={"ImagePositionPatient": [float(f"{v:.8g}") for v in place]},
            PixelValueTransformationSequence={
                "RescaleSlope": f"{slope:.6g}",
                "RescaleIntercept": common.intercept,
                "RescaleType": "US",
            },
            FrameContentSequence={"StackID": "1", "InStackPositionNumber": k + 1, "TemporalPositionIndex": time + 1},
        )
        for k, time, slope, place, _ in frames
    ]
    return dataset


def group(**macros: dict[str, Any]) -> Dataset:
    """An item of functional groups."""
    item = Dataset()
    for keyword, values in macros.items():
        inner = Dataset()
        for key, value in values.items():
            setattr(inner, key, value)
        setattr(item, keyword, [inner])
    return item


def write(path: Path, dataset: Dataset) -> None:
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.save_as(path, enforce_file_format=True)


if __name__ == "__main__":
    sys.exit(main())
