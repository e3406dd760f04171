"""Runs dcm2niix on the files of one series, in a private folder.

What it makes is only taken after every slice has been compared with its file (`mids.actions.volumes.comparison`): it
exits with 0 on volumes that lie wrongly and on pixels that it decodes wrongly.
"""

import errno
import json
import os
import re
import signal
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import dcm2niix
import numpy as np
from pydicom import config
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from mids.errors import DataError, MidsError
from mids.readers.dicom.pixels import read_dataset, stored
from mids.readers.programs import limit_seconds, run_program
from mids.records import Json

NATIVE = frozenset(
    f"1.2.840.10008.1.2{suffix}" for suffix in ("", ".1", ".2", ".4.70", ".4.80", ".4.81", ".4.90", ".4.91", ".5")
)
"""Transfer syntaxes that dcm2niix decodes exactly as pydicom does; all others are decoded by pydicom first."""

OPTIONS = ("-z", "n", "-b", "y", "-ba", "y", "-g", "i", "-w", "1", "-x", "i", "-f", "out")
"""Uncompressed (isal is faster), user defaults ignored, 3D MR neither cropped nor rotated."""

_MR = ("-p", "n")
"""Philips images are scaled by RescaleSlope and RescaleIntercept as all others are, not by the private scale slope. Of
PET this would have dcm2niix 1.0.20260724 scale all slices as the first."""

KEEP = (
    "SliceTiming PhaseEncodingDirection PhaseEncodingAxis EffectiveEchoSpacing TotalReadoutTime DwellTime "
    "ParallelReductionFactorInPlane PartialFourier MultibandAccelerationFactor "
    "PhilipsRescaleSlope PhilipsRescaleIntercept PhilipsScaleSlope UsePhilipsFloatNotDisplayScaling"
).split()
"""What dcm2niix derives and the headers alone do not say; nothing else of its JSON is used, for it leaks."""


_UNWRITABLE = (AttributeError, KeyError, NotImplementedError, OverflowError, TypeError, ValueError, struct.error)
_ASIDE = re.compile(r"_(Tilt|Eq|Tilt_Eq|ROI)_?\d+$")
"""What dcm2niix lays beside a volume: its own corrections, and overlays (PS3.3 C.9.2), which may hold text."""
_CRASHES = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGBUS, signal.SIGILL})
"""By these signals the program itself ends; by others somebody ends it, and it may do better the next time."""


@dataclass(frozen=True, slots=True)
class Converted:
    """What dcm2niix made of a series: its volumes, without its own corrections of tilt and spacing.

    `failure` says why there is none, `warnings` what it says of geometry and order.
    """

    volumes: tuple[Path, ...]
    failure: str = ""
    warnings: tuple[str, ...] = ()

    def derived(self, volume: Path) -> dict[str, Json]:
        """What it derived for one of its volumes and the headers alone do not say."""
        path = volume.with_suffix(".json")
        try:
            values = json.loads(path.read_text(encoding="utf-8", errors="replace"), strict=False)
        except (OSError, ValueError):
            values = {}  # there is none, or control characters of damaged headers stand in it as they are
        found = {key: values[key] for key in KEEP if key in values}
        if not _is_multiband(found):
            found.pop("MultibandAccelerationFactor", None)
        return found


def _is_multiband(derived: Mapping[str, Json]) -> bool:
    """Whether the times of slices bear out the number of slices that were excited at once.

    Without them dcm2niix counts equal AcquisitionTimes, which in a classic series may be one time for all slices.
    """
    times = derived.get("SliceTiming")
    factor = derived.get("MultibandAccelerationFactor")
    return isinstance(times, list) and isinstance(factor, int | float) and len(times) > len(set(map(str, times))) > 1


def command(modality: str) -> str:
    """The command line with placeholders for the folders, as it goes into the provenance table."""
    return " ".join(["dcm2niix", *_options(modality), "-o", "<out>", "<series>"])


def _options(modality: str) -> tuple[str, ...]:
    return (*OPTIONS, *_MR) if modality == "MR" else OPTIONS


def version() -> str:
    """The version of the dcm2niix that the PyPI wheel carries."""
    return str(dcm2niix.__version__)


def run(inputs: Path, outputs: Path, modality: str) -> Converted:
    """Converts the folder `inputs` into the folder `outputs`.

    Raises `DataError` ``CONVERTER_FAILED`` where it was killed, ``TIME_LIMIT`` where it does not end, and `MidsError`
    where it can't be started.
    """
    size = sum(path.stat().st_size for path in inputs.iterdir())
    command = [dcm2niix.bin, *_options(modality), "-o", str(outputs), str(inputs)]
    try:
        done = run_program(command, seconds=limit_seconds(size))
    except OSError as error:
        raise MidsError(
            f"dcm2niix can't be started ({error.strerror}): reinstall it with pip install dcm2niix"
        ) from error
    if b"disk full?" in done.stderr:  # "Error: Unable to write … (disk full?)"
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if -done.returncode in _CRASHES:
        return Converted((), f"dcm2niix crashed (signal {-done.returncode})")
    if done.returncode < 0:
        raise DataError("CONVERTER_FAILED", f"dcm2niix was killed (signal {-done.returncode}): run again")
    made = tuple(path for path in sorted(outputs.glob("*.nii")) if not _ASIDE.search(path.stem))
    failure = "" if made else f"dcm2niix made no volume (exit code {done.returncode})"
    return Converted(made, failure, tuple(_warnings(done.stdout.decode("utf-8", "replace"))))


def decode(path: Path) -> None:
    """Replaces a link to a slice by a copy with native pixels, for dcm2niix to read.

    Raises `DataError` where the pixels can't be decoded or the copy can't be written; the link then stays.
    """
    with path.open("rb") as stream:
        dataset = read_dataset(stream)
    values = stored(dataset)
    dataset.PixelData = np.ascontiguousarray(values).tobytes()
    dataset["PixelData"].VR = "OW" if values.dtype.itemsize > 1 else "OB"
    dataset["PixelData"].is_undefined_length = False
    dataset.HighBit = int(dataset.BitsStored) - 1  # where the decoded values lie, whatever the words were before
    plain = Dataset()  # a fresh one, for pydicom refuses to change the byte order of a dataset that was read
    plain.update(dataset)
    plain.file_meta = FileMetaDataset()
    plain.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    plain.preamble = b"\0" * 128
    beside = path.with_name(f"{path.name}.decoded")
    try:
        with config.disable_value_validation():
            plain.save_as(beside, enforce_file_format=False)
    except _UNWRITABLE as error:
        beside.unlink(missing_ok=True)
        raise DataError("PIXELS_UNREADABLE", f"a damaged header ({type(error).__name__})") from error
    beside.replace(path)


def _warnings(log: str) -> list[str]:
    """dcm2niix's warnings about geometry and order; those that quote header text are left out."""
    kept = (
        "Interslice distance varies",
        "gantry tilt",
        "Missing images",
        "order is not spatial",
        "single slice",
    )
    lines = (line.split("Warning:", 1)[1].strip() for line in log.splitlines() if "Warning:" in line)
    return sorted({line for line in lines if any(text in line for text in kept)})
