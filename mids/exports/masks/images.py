"""A volume of a dataset as a DICOM series, for objects that must lie on images: segmentations and structure sets.

The headers hold what the geometry needs, the pseudonyms of the dataset, and UIDs made from these: nothing of a patient.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
)

from mids.dataset.pixels import Volume
from mids.errors import DataError

CLASSES = {"ct": CTImageStorage, "pet": PositronEmissionTomographyImageStorage}
"""SOP classes by suffix; any other volume is an MR image."""

_FLIP = np.diag([-1.0, -1.0, 1.0])
"""From RAS to LPS, and back."""


@dataclass(frozen=True, slots=True)
class Names:
    """Whose a volume is: pseudonyms of subject and session, the suffix, and the image's path in its dataset."""

    subject: str
    session: str
    suffix: str
    filename: str
    dataset: str

    def uid(self, *words: object) -> UID:
        """A UID that depends on the dataset's name, the patient, and the words alone (PS3.5 B.2)."""
        digest = hashlib.sha256("/".join(map(str, (self.dataset, self.subject, *words))).encode()).digest()
        return UID(f"2.25.{int.from_bytes(digest[:16], 'big')}")


@dataclass(frozen=True, slots=True)
class Grid:
    """How a volume lies: (row, column) pixels of each slice `k` at `corner(k)`, in LPS mm.

    Slices run from row 0 at the end of the second axis: as dcm2niix flips them.
    """

    affine: npt.NDArray[np.float64]
    shape: tuple[int, int, int]

    @property
    def across(self) -> npt.NDArray[np.float64]:
        """The step from one column to the next, in mm."""
        return np.asarray(_FLIP @ self.affine[:3, 0])

    @property
    def down(self) -> npt.NDArray[np.float64]:
        """The step from one row to the next, in mm."""
        return np.asarray(-(_FLIP @ self.affine[:3, 1]))

    def corner(self, k: int) -> npt.NDArray[np.float64]:
        """The centre of the first pixel of a slice, in mm."""
        at = self.affine @ np.array([0.0, self.shape[1] - 1.0, float(k), 1.0])
        return np.asarray(_FLIP @ at[:3])

    @property
    def spacing(self) -> list[float]:
        """Distances of rows, and of columns, in mm."""
        return [_round(float(np.linalg.norm(step))) for step in (self.down, self.across)]

    @property
    def orientation(self) -> list[float]:
        """ImageOrientationPatient."""
        unit = (step / np.linalg.norm(step) for step in (self.across, self.down))
        return [_round(float(value)) for axis in unit for value in axis]


def slices(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The slices of a volume as (slices, rows, columns), rows from the top."""
    return np.ascontiguousarray(values[:, ::-1, :].transpose(2, 1, 0))


def make_grid(volume: Volume) -> Grid:
    """The grid of a volume; raises `DataError` REGION_MISMATCH where it is no straight box of numbers."""
    if not volume.is_placed:
        raise DataError("REGION_MISMATCH", "the image has no place in the patient (frames of a loop, or no affine)")
    if volume.data.dtype.kind not in "iufb":
        raise DataError("REGION_MISMATCH", "the voxels of the image are colours or pairs of numbers")
    if volume.data.ndim != 3:
        raise DataError("REGION_MISMATCH", f"the image has {volume.data.ndim} axes: a DICOM series has three")
    steps = volume.affine[:3, :3] / np.linalg.norm(volume.affine[:3, :3], axis=0)
    if not np.allclose(steps.T @ steps, np.eye(3), atol=1e-3):
        raise DataError("REGION_MISMATCH", "the axes of the image are not at right angles")
    columns, rows, depth = volume.data.shape
    return Grid(volume.affine, (columns, rows, depth))


def make_series(volume: Volume, grid: Grid, names: Names) -> list[Dataset]:
    """The images of a volume, one for each slice, with their file meta."""
    stored, slope, intercept = _stored(volume.data)
    step = _round(float(np.linalg.norm(volume.affine[:3, 2])))
    images = []
    for k, pixels in enumerate(slices(stored)):
        image = _header(names, k)
        image.ImagePositionPatient = [_round(float(value)) for value in grid.corner(k)]
        image.ImageOrientationPatient, image.PixelSpacing = grid.orientation, grid.spacing
        image.SliceThickness = image.SpacingBetweenSlices = step
        image.RescaleSlope, image.RescaleIntercept = slope, intercept
        image.set_pixel_data(pixels, "MONOCHROME2", 16, generate_instance_uid=False)
        images.append(image)
    return images


def _header(names: Names, k: int) -> Dataset:
    """What the images of a series share, and their numbers."""
    kind = CLASSES.get(names.suffix, MRImageStorage)
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID = kind
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = names.uid(names.filename, k)
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.file_meta.ImplementationClassUID = names.uid("implementation")
    image.SpecificCharacterSet = "ISO_IR 192"
    image.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
    image.Modality = {CTImageStorage: "CT", MRImageStorage: "MR"}.get(kind, "PT")
    image.Manufacturer = "mids"
    image.PatientName = image.PatientID = names.subject
    image.PatientIdentityRemoved, image.DeidentificationMethod = "YES", "exported from a de-identified dataset"
    image.StudyInstanceUID, image.StudyID = names.uid(names.session), names.session[:16]
    for keyword in ("PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "AccessionNumber",
                    "ReferringPhysicianName", "PositionReferenceIndicator", "AcquisitionNumber"):  # fmt: skip
        setattr(image, keyword, None)
    image.SeriesInstanceUID, image.SeriesNumber, image.InstanceNumber = names.uid(names.filename), 1, k + 1
    image.FrameOfReferenceUID = names.uid(names.session, names.filename, "frame of reference")
    return image


def save(images: Sequence[Dataset], folder: Path) -> list[Path]:
    """Writes a series into a new folder."""
    folder.mkdir(parents=True)
    paths = []
    for number, image in enumerate(images, start=1):
        paths.append(folder / f"{number:04}.dcm")
        image.save_as(paths[-1], enforce_file_format=True)
    return paths


def _stored(values: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int16], float, float]:
    """16-bit values with slope and intercept: whole numbers as they are, others over the whole range."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    if known.size == values.size and high - low <= 65535 and np.array_equal(values, np.round(values)):
        offset = 0.0 if low >= -(1 << 15) and high < 1 << 15 else low + (1 << 15)
        return (values.astype(np.float64) - offset).astype(np.int16), 1.0, offset
    slope = _round((high - low) / 65535.0) or 1.0
    whole = np.nan_to_num(values.astype(np.float64), nan=low, posinf=high, neginf=low)
    stored = np.clip(np.round((whole - low) / slope) - (1 << 15), -(1 << 15), (1 << 15) - 1)
    return stored.astype(np.int16), slope, _round(low + slope * (1 << 15))


def _round(number: float) -> float:
    """A number that a DS of 16 characters holds."""
    text = f"{number:.10g}"
    return float(text if len(text) <= 16 else f"{number:.8g}") + 0.0
