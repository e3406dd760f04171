"""The smallest DICOM images that the pixel tests need: known values in, nothing of a patient but a canary."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from places import REAL
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from mids.readers.dicom import pixels

CANARY = "CANARY^NAME"
BUNDLED = Path(pydicom.__file__).parent / "data" / "test_files"
SHARED = REAL / "dicom"


def image(values: npt.NDArray[Any], attributes: Mapping[str, Any] | None = None) -> Dataset:
    """An uncompressed image of integers (rows, columns), MONOCHROME2, all bits stored, but for `attributes`.

    With NumberOfFrames the first axis is that of frames; with SamplesPerPixel 3 the last is that of colour.
    """
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset.PatientName = CANARY
    dataset.PixelRepresentation = int(values.dtype.kind == "i")
    start = int("NumberOfFrames" in (attributes or {}))
    dataset.Rows, dataset.Columns = values.shape[start : start + 2]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8 * values.dtype.itemsize
    dataset.add_new("PixelData", "OW", pad_data(values.tobytes()))
    for keyword, value in (attributes or {}).items():
        setattr(dataset, keyword, value)
    dataset.HighBit = (attributes or {}).get("HighBit", dataset.BitsStored - 1)
    return dataset


def pad_data(data: bytes) -> bytes:
    """The data with a zero where its length is odd."""
    return data + bytes(len(data) % 2)


def ramp(bits: int = 12) -> npt.NDArray[np.uint16]:
    """Every unsigned value of so many bits once, as a picture."""
    return np.arange(1 << bits, dtype=np.uint16).reshape(-1, 1 << bits // 2)


def write_dataset(dataset: Dataset) -> bytes:
    """The dataset as a file."""
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def lut_item(entries: npt.NDArray[Any], first: int, bits: int, data: Any = None) -> Dataset:
    """An item of a LUT sequence; `data` replaces the entries as LUTData."""
    item = Dataset()
    signed = first < 0
    item.add_new("LUTDescriptor", "SS" if signed else "US", [len(entries) % 65536, first, bits])
    item.add_new("LUTData", "OW", entries.astype("<u2").tobytes() if data is None else data)
    return item


def bundled(name: str) -> Dataset:
    """An image that comes with pydicom."""
    with (BUNDLED / name).open("rb") as stream:
        return pixels.read_dataset(stream)


def window(dataset: Dataset) -> npt.NDArray[Any]:
    """The picture that is made of an image, its window applied."""
    return pixels.render(dataset, "window").pixels
