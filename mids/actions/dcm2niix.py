"""A series → one NIfTI volume through dcm2niix: one series a call, in a private folder, every file accounted for.

dcm2niix exits with 0 on volumes that lie wrongly (tilted or unevenly spaced series) and on some compressed
pixels that it decodes wrongly, so its output is checked against the DICOM headers and pixels before it passes.
"""

import errno
import json
import os
import re
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import dcm2niix
import nibabel as nib
import numpy as np
from pydicom import config
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from mids.actions import gz
from mids.actions.regrid import regular
from mids.errors import DataError, MidsError
from mids.issues import Issue, issue
from mids.readers.archives.files import materialise
from mids.readers.dicom.geometry import affine as expected_affine
from mids.readers.dicom.pixels import modality, read_dataset, stored
from mids.records import Box, Compression, Geometry, Json, Made, Source

NATIVE = frozenset(
    f"1.2.840.10008.1.2{suffix}" for suffix in ("", ".1", ".2", ".4.70", ".4.80", ".4.81", ".4.90", ".4.91", ".5")
)
"""Transfer syntaxes that dcm2niix decodes exactly as pydicom does; all others are decoded by pydicom first."""

OPTIONS = ("-z", "n", "-b", "y", "-ba", "y", "-g", "i", "-w", "1", "-x", "i", "-f", "out")
"""Uncompressed (isal is faster), user defaults ignored, 3D MR neither cropped nor rotated."""

KEEP = (
    "SliceTiming PhaseEncodingDirection PhaseEncodingAxis EffectiveEchoSpacing TotalReadoutTime DwellTime "
    "ParallelReductionFactorInPlane PartialFourier MultibandAccelerationFactor"
).split()
"""What dcm2niix derives and the headers alone do not say; nothing else of its JSON is used, for it leaks."""


_UNWRITABLE = (AttributeError, KeyError, NotImplementedError, OverflowError, TypeError, ValueError, struct.error)
_ASIDE = re.compile(r"_(Tilt|Eq|Tilt_Eq|ROI)_?\d+$")
"""What dcm2niix lays beside a volume: its own corrections, and overlays (PS3.3 C.9.2), which may hold text."""
SCRUBBED = ((4, 10), (14, 18), (148, 80), (228, 24), (328, 16))
"""Offset and length of the text fields of a NIfTI-1 header: data_type, db_name, descrip, aux_file, intent_name."""


@dataclass(frozen=True, slots=True)
class Volume:
    """One series as ``volume.nii.gz`` (and ``.bval``, ``.bvec``).

    `decode` has pydicom decompress the slices first; `gradients` declares that a .bval and a .bvec are made;
    `blank` are boxes (top, left, bottom, right) in pixels of the source slices, blanked on every slice.
    """

    VERSION: ClassVar[int] = 1
    sources: tuple[Source, ...]
    geometry: Geometry
    modality: str
    decode: bool = False
    gradients: bool = False
    compression: Compression = "fast"
    blank: tuple[Box, ...] = ()

    def make(self, root: Path, scratch: Path) -> Made:
        """Makes the volume; raises `DataError` where it can't be made right."""
        inputs, outputs = scratch / "in", scratch / "out"
        inputs.mkdir()
        outputs.mkdir()
        slices = materialise(root, self.sources, inputs)
        if self.decode:
            for path in slices:
                _decode(path)
        log = _run(inputs, outputs)
        path = _choose(outputs)
        self._check(path, slices)
        _scrub(path, _flipped(self.blank, self.geometry.rows))
        path = _regrid(path, self.geometry, scratch) if self.geometry.problem else path
        _compress(path, scratch / "volume.nii.gz", self.compression)
        files = ("volume.nii.gz", *_gradients(outputs, scratch, wanted=self.gradients))
        facts = {**self._facts(_opened(path).shape), **_derived(outputs)}
        return Made(files, facts, _provenance(log), _resampled(self.geometry))

    def _check(self, path: Path, slices: Sequence[Path]) -> None:
        """Raises `DataError` unless the uncorrected volume has the headers' shape, pixels and place."""
        image = _opened(path)
        _check_shape(image, self.geometry)
        _check_pixels(image, slices, self.geometry, exact=self.modality != "MR" and not self.geometry.frames)
        if not self.geometry.problem:
            _check_affine(image, self.geometry)

    def _facts(self, shape: Sequence[int]) -> dict[str, Json]:
        """What the sidecar says of the delivered volume, whose shape is (columns, rows, slices …)."""
        facts: dict[str, Json] = {
            "Rows": int(shape[1]),
            "Columns": int(shape[0]),
            "Resampled": bool(self.geometry.problem),
            "ConversionSoftware": "dcm2niix",
        }
        if self.geometry.problem:
            facts["ResampledReason"] = self.geometry.problem
        if self.geometry.missing:
            facts["MissingSlices"] = self.geometry.missing
        if self.blank:
            facts["BlankedRegions"] = [list(box) for box in self.blank]
        return facts


def _provenance(log: str) -> dict[str, Json]:
    warned: list[Json] = [*_warnings(log)]
    return {"software": "dcm2niix", "version": version(), "command": command(), "warnings": warned}


def _resampled(shape: Geometry) -> tuple[Issue, ...]:
    if not shape.problem:
        return ()
    return (issue("VOLUME_RESAMPLED", f"the slices are {shape.problem}: resampled", origin="run"),)


def _opened(path: Path) -> Any:
    """The NIfTI image (nibabel has no types)."""
    return nib.load(path)


def command() -> str:
    """The command line with placeholders for the folders, as it goes into the provenance table."""
    return " ".join(["dcm2niix", *OPTIONS, "-o", "<out>", "<series>"])


def version() -> str:
    """The version of the dcm2niix that the PyPI wheel carries."""
    return str(dcm2niix.__version__)


def _run(inputs: Path, outputs: Path) -> str:
    try:
        done = subprocess.run(
            [dcm2niix.bin, *OPTIONS, "-o", str(outputs), str(inputs)],
            capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip
    except OSError as error:
        raise MidsError(f"can't start dcm2niix ({error.strerror}): reinstall it with pip install dcm2niix") from error
    if "disk full?" in done.stderr:  # "Error: Unable to write … (disk full?)"
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if done.returncode < 0:
        raise DataError("CONVERTER_FAILED", f"dcm2niix was killed (signal {-done.returncode}): run again")
    if not any(outputs.glob("*.nii")):
        raise DataError("CONVERTER_FAILED", f"dcm2niix made no volume (exit code {done.returncode})")
    return done.stdout


def _decode(path: Path) -> None:
    """Replaces a link to a slice by a copy with native pixels, for dcm2niix to read."""
    with path.open("rb") as stream:
        dataset = read_dataset(stream)
    values = stored(dataset)
    dataset.PixelData = np.ascontiguousarray(values).tobytes()
    dataset["PixelData"].VR = "OW" if values.dtype.itemsize > 1 else "OB"
    dataset["PixelData"].is_undefined_length = False
    plain = Dataset()  # a fresh one, for pydicom refuses to change the byte order of a dataset that was read
    plain.update(dataset)
    plain.file_meta = FileMetaDataset()
    plain.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    plain.preamble = b"\0" * 128
    path.unlink()
    try:
        with config.disable_value_validation():
            plain.save_as(path, enforce_file_format=False)
    except _UNWRITABLE as error:
        raise DataError("PIXELS_UNREADABLE", f"a damaged header ({type(error).__name__})") from error


def _choose(outputs: Path) -> Path:
    """The uncorrected volume; what dcm2niix lays beside it is not used (see `regrid`)."""
    made = [path for path in sorted(outputs.glob("*.nii")) if not _ASIDE.search(path.stem)]
    if len(made) != 1:
        raise DataError("CONVERTER_SURPLUS", f"dcm2niix made {len(made)} volumes where one was expected")
    return made[0]


def _check_shape(image: Any, shape: Geometry) -> None:
    columns, rows, slices, volumes = (*tuple[int, ...](image.shape), 1, 1)[:4]
    if (columns, rows) != (shape.columns, shape.rows) or slices * volumes < shape.slices * shape.volumes:
        raise DataError("GEOMETRY_MISMATCH", f"the volume has the shape {image.shape}, which differs from the headers")


def _check_affine(image: Any, shape: Geometry) -> None:
    expected = expected_affine(shape)
    if expected is None:
        return
    columns = slice(0, 3) if shape.slices > 1 else slice(0, 2)
    found = np.asarray(image.affine)
    corners = np.array([[0, 0, 0, 1], [shape.columns, shape.rows, shape.slices - 1, 1]]).T
    far = float(np.abs((found - expected) @ corners)[:3].max()) if shape.slices > 1 else 0.0
    if far > 0.5 or not np.allclose(found[:3, columns], expected[:3, columns], atol=0.02):
        raise DataError("GEOMETRY_MISMATCH", f"the volume lies up to {far:.1f} mm from where the headers put it")


def _check_pixels(image: Any, slices: Sequence[Path], shape: Geometry, *, exact: bool) -> None:
    """Compares the middle slice with pydicom's pixels; MR may be rescaled linearly by dcm2niix (Philips), an
    enhanced image frame by frame.
    """
    if len(slices) != shape.slices * shape.volumes and not shape.frames:
        return
    k = shape.slices // 2
    with slices[0 if shape.frames else k].open("rb") as stream:
        dataset = read_dataset(stream)
    pixels = stored(dataset, frame=shape.frames[k] if shape.frames else None)
    wanted = np.asarray(modality(pixels, dataset), dtype=np.float64)
    if wanted.ndim != 2:
        return
    found = np.asarray(image.dataobj[:, ::-1, k], dtype=np.float64)
    for volume in np.moveaxis(found.reshape(*found.shape[:2], -1), 2, 0):
        if _same(volume.T, wanted, exact=exact):
            return
    raise DataError("GEOMETRY_MISMATCH", "the voxels of the middle slice differ from the DICOM pixels")


def _same(found: np.ndarray, wanted: np.ndarray, *, exact: bool) -> bool:
    if exact:
        return bool(np.allclose(found, wanted, rtol=1e-4, atol=0.51 if np.abs(wanted).max() > 100 else 1e-3))
    if found.std() == 0 or wanted.std() == 0:
        return bool(found.std() == wanted.std())
    return float(np.corrcoef(found.ravel(), wanted.ravel())[0, 1]) > 0.9999


def _flipped(boxes: Sequence[Box], rows: int) -> list[tuple[slice, slice]]:
    """Boxes of source pixels as slices of columns and of rows counted from the bottom, as dcm2niix stores them."""
    return [(slice(left, right), slice(rows - bottom, rows - top)) for top, left, bottom, right in boxes]


def _scrub(path: Path, blank: Sequence[tuple[slice, slice]]) -> None:
    """Empties the header's text fields, which hold times and comments, and blanks boxes on every slice."""
    with path.open("r+b") as stream:
        for begin, length in SCRUBBED:
            stream.seek(begin)
            stream.write(bytes(length))
    if not blank:
        return
    image = _opened(path)
    content = np.memmap(path, dtype=np.uint8, mode="r+")
    voxels = np.ndarray(image.shape, image.get_data_dtype(), content, int(image.dataobj.offset), order="F")
    for columns, rows in blank:
        voxels[columns, rows] = voxels.min()


def _regrid(path: Path, shape: Geometry, scratch: Path) -> Path:
    """The volume on a regular grid, its intensity scaling kept."""
    image = _opened(path)
    voxels = np.asanyarray(image.dataobj.get_unscaled())
    if voxels.ndim != 3 or not shape.positions or len(shape.spacing) < 2:
        raise DataError("GEOMETRY_IRREGULAR", f"the slices are {shape.problem} and can't be put on a regular grid")
    grid = regular(voxels, shape)
    fresh: Any = nib.Nifti1Image(grid.voxels, grid.affine)  # type: ignore[no-untyped-call]
    fresh.header.set_xyzt_units("mm", "sec")
    fresh.header.set_qform(grid.affine, 1)
    fresh.header.set_sform(grid.affine, 1)
    fresh.header.set_slope_inter(float(image.dataobj.slope), float(image.dataobj.inter))
    target = scratch / "regular.nii"
    fresh.to_filename(target)
    return target


def _compress(path: Path, target: Path, compression: Compression) -> None:
    content = np.memmap(path, dtype=np.uint8, mode="r")
    gz.write(target, (content.data,), compression)


def _derived(outputs: Path) -> dict[str, Json]:
    path = next(iter(sorted(outputs.glob("*.json"))), None)
    try:
        values = json.loads(path.read_text(encoding="utf-8", errors="replace"), strict=False) if path else {}
    except ValueError:
        values = {}  # dcm2niix writes control characters of damaged headers as they are
    return {key: values[key] for key in KEEP if key in values}


def _gradients(outputs: Path, scratch: Path, *, wanted: bool) -> tuple[str, ...]:
    if not wanted:
        return ()
    names = []
    for suffix in (".bval", ".bvec"):
        found = sorted(outputs.glob(f"*{suffix}"))
        if not found:
            raise DataError("CONVERTER_FAILED", f"dcm2niix made no {suffix} of a diffusion series")
        found[0].rename(scratch / f"volume{suffix}")
        names.append(f"volume{suffix}")
    return tuple(names)


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
