"""Makes the sources that conversions are measured on: the phantom of `example_datasets` at clinical size.

    python -m benchmarks.inputs /tmp/inputs --quick

Noise is laid over the phantom so that files compress as real ones do: a soft and a sharp kernel of CT pack to
0.56 and 0.61 of their size with zlib's level 6 (chest CT of TCIA Lung-PET-CT-Dx to 0.57 and 0.64), a radiograph to
about 0.5. The same arguments give the same bytes; nothing is made twice.
"""

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    MRImageStorage,
)

from example_datasets.generators.anatomy import head, hu
from example_datasets.generators.dicomfile import Values, axis, encode, instance, uid, with_pixels
from example_datasets.generators.patients import PATIENT_A, series, study
from example_datasets.generators.radiograph import frontal

Floats = npt.NDArray[np.float32]
Words = npt.NDArray[np.uint16]

BANK = 4
"""Fields of noise; each image takes one of them, shifted and mirrored by its number."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is made: slices of each of the four CT series, of the four MR series, radiographs and their rows
    and columns, and what grows: series, and files.
    """

    ct: int
    ct_side: int
    mr: tuple[int, int, int, int]
    radiographs: int
    plate: tuple[int, int]
    series: tuple[int, ...]
    files: tuple[int, ...]


FULL = Size(260, 512, (192, 160, 128, 120), 20, (3000, 2500), (1, 10, 100), (1_000, 10_000, 100_000))
QUICK = Size(16, 512, (24, 20, 16, 12), 2, (1500, 1250), (1, 4), (100, 1_000))


# --- files -------------------------------------------------------------------------------------------------

_NAME, _NUMBER, _HEIGHT = uid("instance", ""), "999999", "-99999.999"
"""What stands in a series' template for SOPInstanceUID, InstanceNumber and the z of ImagePositionPatient."""


@dataclass(frozen=True, slots=True)
class Template:
    """The bytes of a file up to its pixels; what tells one slice from the next is filled in at equal length."""

    header: bytes

    def file(self, name: str, number: int, height: float, pixels: Words | npt.NDArray[np.int16]) -> bytes:
        """The file of one slice: `number` counts from 1, `height` is z in mm."""
        unique = f"2.25.{uid(name)[5:]:0<39}"[: len(_NAME)]
        header = self.header.replace(_NAME.encode(), unique.encode())
        header = header.replace(_NUMBER.encode(), f"{number:06d}".encode())
        return header.replace(_HEIGHT.encode(), f"{height:010.3f}".encode()) + pixels.tobytes()


def template(sop_class: str, level: Values, header: Values, empty: npt.NDArray[np.generic], bits: int) -> Template:
    """The template of a series whose slices have shape and type of `empty`."""
    parts = (PATIENT_A, _study(level), level, {"InstanceNumber": _NUMBER, **header})
    content = encode(with_pixels(instance(sop_class, "", *parts), empty, "MONOCHROME2", bits))
    return Template(content[: len(content) - empty.nbytes])


def _study(level: Values) -> Values:
    return study(f"benchmark-{level['Modality']}", "20210304", "101500", "BENCHMARK", 1)


def _slices(
    folder: Path, pattern: Template, name: str, heights: npt.NDArray[np.float64], pixels: Iterator[Words]
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, (height, picture) in enumerate(zip(heights, pixels, strict=True), 1):
        content = pattern.file(f"{name}-{number}", number, float(height), picture)
        (folder / f"IM{number:06d}").write_bytes(content)


# --- noise -------------------------------------------------------------------------------------------------


@cache
def noise(rows: int, columns: int, blur: float) -> Floats:
    """`BANK` fields of noise of deviation 1, blurred by a Gaussian of `blur` pixels as a detector or kernel does."""
    random = np.random.default_rng([rows, columns, int(100 * blur)])
    response = [np.exp(-2 * (np.pi * np.fft.fftfreq(n) * blur) ** 2) for n in (rows, columns)]
    fields = np.empty((BANK, rows, columns), np.float32)
    for field in fields:
        spectrum = np.fft.fft2(random.standard_normal((rows, columns), np.float32))
        blurred = np.fft.ifft2(spectrum * response[0][:, None] * response[1]).real
        field[:] = blurred / blurred.std()
    return fields


def _shaken(rows: int, columns: int, blur: float, number: int) -> Floats:
    """A field of noise for the image of this number."""
    random = np.random.default_rng(number)
    field = noise(rows, columns, blur)[number % BANK]
    field = field[:: random.choice([-1, 1]), :: random.choice([-1, 1])]
    return np.roll(field, (int(random.integers(rows)), int(random.integers(columns))), (0, 1))


# --- CT ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kernel:
    """A reconstruction: `blur` of the noise in pixels, its deviation in tissue and in air in HU."""

    name: str
    blur: float
    tissue: float
    air: float


FIELD = 340.0
"""mm, rows and columns of the CT."""

KERNELS = (
    Kernel("B40f", 0.8, 40.0, 10.0),
    Kernel("B70f", 0.6, 60.0, 22.0),
    Kernel("B30f", 0.9, 45.0, 10.0),
    Kernel("B60f", 0.7, 50.0, 16.0),
)


def chest_ct(root: Path, slices: int, side: int) -> None:
    """Four reconstructions of one scan of a chest, in one study, each `slices` of `side` by `side` pixels."""
    heights = axis(slices, 1.0)
    steps = axis(side, FIELD / side)
    for number, kernel in enumerate(KERNELS, 1):
        level = series(f"benchmark-{kernel.name}", "CT", number, f"TORAX 1.0 {kernel.name}", "CHEST", "benchmark")
        header = {
            "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
            "ImagePositionPatient": [str(round(steps[0], 3)), str(round(steps[0], 3)), _HEIGHT],
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "PixelSpacing": [round(FIELD / side, 6)] * 2,
            "SliceThickness": 1.0,
            "KVP": 120,
            "XRayTubeCurrent": 200,
            "ExposureTime": 500,
            "ConvolutionKernel": kernel.name,
            "PatientPosition": "HFS",
            "RescaleSlope": 1,
            "RescaleIntercept": -1024,
            "RescaleType": "HU",
            "WindowCenter": 40,
            "WindowWidth": 400,
        }
        pattern = template(CTImageStorage, level, header, np.zeros((side, side), np.uint16), 12)
        pixels = (
            _reconstruct_slice(height, steps, kernel, rank + 1000 * number) for rank, height in enumerate(heights)
        )
        _slices(root / f"S{number}", pattern, kernel.name, heights, pixels)


@cache
def _tissue(height: float, steps: tuple[float, ...]) -> Floats:
    """HU without noise; vessels and airways in the lungs are what a smooth noise leaves above a threshold."""
    grid = np.array(steps)
    values = hu(grid[None, :], grid[:, None], np.array(height)).astype(np.float32)
    branches = _shaken(len(grid), len(grid), 3.0, int(height // 4) + 500)
    values[(values < -800) & (values > -900)] += (
        np.clip(branches - 1.2, 0, 0.8)[(values < -800) & (values > -900)] * 900
    )
    return values


def _reconstruct_slice(height: float, steps: npt.NDArray[np.float64], kernel: Kernel, number: int) -> Words:
    """Stored values of one slice: HU + 1024 with noise, nothing below 0."""
    values = _tissue(float(height), tuple(steps))
    deviation = np.where(values > -990, np.float32(kernel.tissue), np.float32(kernel.air))
    noisy = values + deviation * _shaken(len(steps), len(steps), kernel.blur, number) + 1024
    return np.clip(np.rint(noisy), 0, 4095).astype(np.uint16)


# --- MR ----------------------------------------------------------------------------------------------------

PROTOCOLS: Mapping[str, tuple[tuple[int, ...], Values]] = {
    "t1_mprage_sag": (
        (0, 900, 150, 450, 650, 250, 1000),
        {"ScanningSequence": "GR", "SequenceVariant": ["SK", "SP", "MP"], "MRAcquisitionType": "3D",
         "SequenceName": "*tfl3d1", "RepetitionTime": 2300, "EchoTime": 2.98, "InversionTime": 900, "FlipAngle": 9},
    ),
    "t2_tirm_tra_dark-fluid": (
        (0, 500, 60, 420, 330, 950, 980),
        {"ScanningSequence": ["SE", "IR"], "SequenceVariant": ["SK", "SP"], "MRAcquisitionType": "2D",
         "SequenceName": "*tir2d1_16fs", "RepetitionTime": 9000, "EchoTime": 94, "InversionTime": 2500,
         "FlipAngle": 150},
    ),
    "t2_tse_tra": (
        (0, 600, 990, 500, 380, 900, 700),
        {"ScanningSequence": "SE", "SequenceVariant": ["SK", "SP"], "MRAcquisitionType": "2D",
         "SequenceName": "*tse2d1_17", "RepetitionTime": 4500, "EchoTime": 101, "FlipAngle": 150},
    ),
    "t1_se_tra": (
        (0, 850, 200, 430, 600, 300, 900),
        {"ScanningSequence": "SE", "SequenceVariant": ["SK", "SP"], "MRAcquisitionType": "2D",
         "SequenceName": "*se2d1", "RepetitionTime": 550, "EchoTime": 12, "FlipAngle": 90},
    ),
}  # fmt: skip
"""Stored value of each tissue of `anatomy.head`, and the sequence."""

MR_SIDE = 96


def head_mr(root: Path, slices: tuple[int, int, int, int]) -> None:
    """Four axial series of a head, of small files: 96 by 96 pixels of 2.5 mm."""
    steps = axis(MR_SIDE, 2.5)
    for number, (count, (description, (signal, sequence))) in enumerate(zip(slices, PROTOCOLS.items(), strict=True), 1):
        spacing = round(180.0 / count, 3)
        level = series(f"benchmark-{description}", "MR", number, description, "HEAD", "benchmark")
        header = {
            "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND", "NORM"],
            "AcquisitionNumber": 1,
            "ProtocolName": description,
            "MagneticFieldStrength": 3,
            "InPlanePhaseEncodingDirection": "ROW",
            "ImagePositionPatient": [str(steps[0]), str(steps[0]), _HEIGHT],
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "PixelSpacing": [2.5, 2.5],
            "SliceThickness": spacing,
            "SpacingBetweenSlices": spacing,
            "PatientPosition": "HFS",
            **sequence,
        }
        heights = axis(count, spacing)
        pattern = template(MRImageStorage, level, header, np.zeros((MR_SIDE, MR_SIDE), np.uint16), 12)
        pixels = (_signal(height, signal, rank + 1000 * number) for rank, height in enumerate(heights))
        _slices(root / f"S{number}", pattern, description, heights, pixels)


def _signal(height: float, signal: tuple[int, ...], number: int) -> Words:
    """Magnitudes: the signal of each tissue with noise in both channels (Rice)."""
    steps = axis(MR_SIDE, 2.5)
    tissue = head(steps[None, :], steps[:, None], np.array(height)).astype(np.intp)
    real, imaginary = (12 * _shaken(MR_SIDE, MR_SIDE, 0.5, number + add) for add in (0, 50_000))
    return np.rint(np.hypot(np.array(signal, np.float32)[tissue] + real, imaginary)).astype(np.uint16)


# --- radiographs -------------------------------------------------------------------------------------------


def radiographs(root: Path, count: int, plate: tuple[int, int]) -> None:
    """Frontal chest images of 12 bits, each of its own study: by turns a noisy CR (MONOCHROME1) and a smooth DX."""
    root.mkdir(parents=True, exist_ok=True)
    for number in range(1, count + 1):
        kind, photometric = ("CR", "MONOCHROME1") if number % 2 else ("DX", "MONOCHROME2")
        level = series(f"benchmark-{number}", kind, 1, "TORAX PA", "CHEST", f"benchmark-{number}")
        header = {
            "ImageType": ["ORIGINAL", "PRIMARY"],
            "InstanceNumber": 1,
            "ViewPosition": "PA",
            "PatientOrientation": ["L", "F"],
            "ImagerPixelSpacing": [0.143, 0.143],
            "KVP": 110,
            "BurnedInAnnotation": "NO",
            "WindowCenter": 2048,
            "WindowWidth": 4096,
            "PresentationLUTShape": "INVERSE" if number % 2 else "IDENTITY",
        }
        request = study(f"benchmark-{number}", "20210912", "084200", "RX TORAX", number)
        sop_class = ComputedRadiographyImageStorage if kind == "CR" else DigitalXRayImageStorageForPresentation
        dataset = instance(sop_class, f"benchmark-{number}", PATIENT_A, request, level, header)
        picture = radiograph(plate, number)
        (root / f"IM{number:06d}").write_bytes(encode(with_pixels(dataset, picture, photometric, 12)))


def radiograph(plate: tuple[int, int], number: int) -> Words:
    """Rows by columns of 12 bits: odd numbers with the noise of a plate, even ones as smooth as a processed image."""
    water = frontal().astype(np.float32)
    water = _stretch_rows(_stretch_rows(water, plate[0]).T, plate[1]).T
    blur, deviation = (0.6, 14.0) if number % 2 else (1.4, 4.0)
    bright = 3900 - 3400 * np.exp(-water / 90)
    ripple = 25 * _shaken(*plate, 8.0, number + 70_000)
    grain = deviation * np.sqrt(bright / 2000) * _shaken(*plate, blur, number)
    return np.clip(np.rint(bright + ripple + grain), 0, 4095).astype(np.uint16)


def _stretch_rows(values: Floats, rows: int) -> Floats:
    """The picture with so many rows, between those it has."""
    at = np.linspace(0, len(values) - 1.001, rows, dtype=np.float32)
    first = at.astype(np.intp)
    part = (at - first)[:, None]
    return values[first] * (1 - part) + values[first + 1] * part


# --- growth ------------------------------------------------------------------------------------------------


def growing_series(root: Path, count: int, slices: int = 20) -> None:
    """`count` CT series of 64 by 64 pixels, each of its own study and patient."""
    for number in range(1, count + 1):
        _tiny(root / f"P{number:05d}", f"{number:05d}", slices, 64)


def growing_files(root: Path, count: int) -> None:
    """`count` files of 8 by 8 pixels in series of 100 slices, one to a patient."""
    for number, first in enumerate(range(0, count, 100), 1):
        _tiny(root / f"P{number:05d}", f"{number:05d}", min(100, count - first), 8)


def _tiny(folder: Path, patient: str, slices: int, side: int) -> None:
    level = {**series(f"tiny-{side}-{patient}", "CT", 1, "TORAX", "CHEST", patient), "PatientID": f"T{patient}"}
    header = {
        "StudyInstanceUID": uid("study", "tiny", side, patient),
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "ImagePositionPatient": ["0", "0", _HEIGHT],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "PixelSpacing": [5.0, 5.0],
        "SliceThickness": 1.0,
        "RescaleSlope": 1,
        "RescaleIntercept": -1024,
    }
    pattern = template(CTImageStorage, level, header, np.zeros((side, side), np.uint16), 12)
    ramp = np.arange(side * side, dtype=np.uint16).reshape(side, side) % 1500
    pixels = (ramp + np.uint16(number + int(patient)) % np.uint16(1000) for number in range(slices))
    _slices(folder, pattern, f"tiny-{side}-{patient}", axis(slices, 1.0), pixels)


# --- all of it ---------------------------------------------------------------------------------------------


def make(root: Path, size: Size, *, growth: bool = False) -> None:
    """Makes ``ct``, ``mr`` and ``rx`` below `root`, with `growth` also ``series-N`` and ``files-N``."""
    work = {
        "ct": lambda folder: chest_ct(folder, size.ct, size.ct_side),
        "mr": lambda folder: head_mr(folder, size.mr),
        "rx": lambda folder: radiographs(folder, size.radiographs, size.plate),
    }
    if growth:
        work |= {f"series-{n}": lambda folder, n=n: growing_series(folder, n) for n in size.series}
        work |= {f"files-{n}": lambda folder, n=n: growing_files(folder, n) for n in size.files}
    for name, write in work.items():
        folder, half = root / name, root / f"{name}.half"
        if not folder.exists():
            write(half)
            half.rename(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("--quick", action="store_true", help="much less of everything")
    parser.add_argument("--growth", action="store_true", help="also what shows the cost as work grows")
    arguments = parser.parse_args()
    make(arguments.root, QUICK if arguments.quick else FULL, growth=arguments.growth)


if __name__ == "__main__":
    main()
