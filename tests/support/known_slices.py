"""Small series of slices with known values at known places."""

import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
from image2d import image, write_dataset
from pydicom.dataset import Dataset

from mids import Conversion, convert

ROWS, COLUMNS, SLICES = 12, 16, 6
CORNER = (-20.0, -30.0, 5.0)
STEP = 3.0

Change = Callable[[Dataset, int], object]


def picture(k: int, kind: str = "<i2") -> npt.NDArray[Any]:
    """The stored values of slice k: no two slices, rows or columns are alike."""
    row, column = np.mgrid[0:ROWS, 0:COLUMNS]
    return (row * 16 + column + 5 * k).astype(kind)


def slice_of(k: int, values: npt.NDArray[Any], modality: str = "CT", **attributes: Any) -> Dataset:
    """Slice k of an axial series."""
    given = {
        "SOPClassUID": {"CT": "1.2.840.10008.5.1.4.1.1.2", "PT": "1.2.840.10008.5.1.4.1.1.128"}.get(
            modality, "1.2.840.10008.5.1.4.1.1.4"
        ),
        "SOPInstanceUID": f"1.2.3.{k + 1}", "SeriesInstanceUID": "1.2.4", "StudyInstanceUID": "1.2.5",
        "PatientID": "P", "StudyDate": "20200101", "StudyTime": "101010", "Modality": modality, "SeriesNumber": 1,
        "InstanceNumber": k + 1, "AcquisitionNumber": 1, "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PixelSpacing": [2, 1.5], "SliceThickness": STEP,
        "ImagePositionPatient": [CORNER[0], CORNER[1], CORNER[2] + STEP * k], "FrameOfReferenceUID": "1.2.6",
        "RescaleSlope": 1, "RescaleIntercept": 0, **attributes,
    }  # fmt: skip
    return image(values, {key: value for key, value in given.items() if value is not None})


def converted(datasets: Sequence[Dataset], folder: Path, key: Path) -> Conversion:
    """The files converted as a source of their own."""
    source = folder / "source"
    source.mkdir()
    for number, dataset in enumerate(datasets):
        (source / str(number)).write_bytes(write_dataset(dataset))
    return convert("dicom", source, folder / "dataset", key=key)


def volume(done: Conversion) -> Any:
    """The only volume that was delivered."""
    assert done.outcome is not None, done.issues
    (path,) = (path for path in done.outcome.made if path.endswith(".nii.gz"))
    return nib.load(done.dataset / path)


def placed(found: Any, position: Sequence[float], time: int = 0) -> npt.NDArray[np.float64]:
    """The voxels (rows, columns) of the slice whose first pixel lies at a position in mm (LPS)."""
    x, y, z = (np.linalg.inv(found.affine) @ [-position[0], -position[1], position[2], 1])[:3]
    data = np.asarray(found.dataobj, np.float64)
    data = data[..., None] if data.ndim == 3 else data
    assert np.allclose([x, y], [0, data.shape[1] - 1], atol=0.01)
    assert abs(z - round(z)) < 0.01
    plane: npt.NDArray[np.float64] = data[:, ::-1, round(z), time].T
    return plane


def csa(tags: Sequence[tuple[str, Sequence[object]]]) -> bytes:
    """A CSA header of the format SV10 (as nibabel's documentation describes it)."""
    data = b"SV10\4\3\2\1" + struct.pack("<II", len(tags), 77)
    for name, values in tags:
        data += struct.pack("<64si4siii", name.encode(), len(values), b"FD", 3, 6, 77)
        for text in (*(str(value).encode() + b"\0" for value in values), *[b""] * (6 - len(values))):
            data += struct.pack("<iiii", len(text), len(text), 77, len(text)) + text + bytes(-len(text) % 4)
    return data
