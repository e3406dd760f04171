"""Puts pixels and attributes into DICOM files that are the same bytes on every run."""

import hashlib
from collections.abc import Mapping
from io import BytesIO
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

Values: TypeAlias = Mapping[str, Any]
"""DICOM keyword -> value; a list of such mappings is a sequence."""

IMPLEMENTATION = "MIDSPHANTOM"


def uid(*names: object) -> str:
    """A UID below 2.25. that depends on nothing but the names (PS3.5 B.2)."""
    digest = hashlib.sha256("/".join(map(str, names)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def fill(dataset: Dataset, values: Values) -> Dataset:
    """Sets every keyword of `values`, mappings inside lists as items of a sequence; returns `dataset`."""
    for keyword, value in values.items():
        items = isinstance(value, list) and value and isinstance(value[0], Mapping)
        setattr(dataset, keyword, [fill(Dataset(), item) for item in value] if items else value)
    return dataset


def instance(sop_class: str, name: str, *parts: Values, syntax: str = ExplicitVRLittleEndian) -> Dataset:
    """A dataset with its file meta; `name` makes SOPInstanceUID; later parts win over earlier ones."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    meta = {
        "FileMetaInformationVersion": b"\0\1",
        "MediaStorageSOPClassUID": sop_class,
        "MediaStorageSOPInstanceUID": uid("instance", name),
        "TransferSyntaxUID": syntax,
        "ImplementationClassUID": uid("implementation"),
        "ImplementationVersionName": IMPLEMENTATION,
    }
    fill(dataset.file_meta, meta)
    fill(dataset, {"SOPClassUID": sop_class, "SOPInstanceUID": uid("instance", name)})
    for part in parts:
        fill(dataset, part)
    return dataset


def with_pixels(dataset: Dataset, pixels: NDArray[Any], photometric: str, bits: int) -> Dataset:
    """Adds an image, `pixels` being (frames,) rows, columns (, 3) of 8 or 16 bits, signed or not.

    An RLE transfer syntax in the file meta compresses them.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian if syntax == RLELossless else syntax
    dataset.set_pixel_data(pixels, photometric, bits, generate_instance_uid=False)
    if syntax == RLELossless:
        dataset.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    return dataset


def encode(dataset: Dataset) -> bytes:
    """The file, preamble and file meta included."""
    buffer = BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def scramble_name(name: str) -> str:
    """A file name without order or suffix, as archives hand them out."""
    return hashlib.sha256(name.encode()).hexdigest()[:10].upper()


def axis(count: int, step: float, centre: float = 0.0) -> NDArray[np.float64]:
    """`count` positions in mm, `step` apart, around `centre`."""
    return centre + step * (np.arange(count) - (count - 1) / 2)


_GLYPHS = {
    "A": "01110 10001 10001 11111 10001 10001 10001",
    "C": "01110 10001 10000 10000 10000 10001 01110",
    "D": "11110 10001 10001 10001 10001 10001 11110",
    "E": "11111 10000 10000 11110 10000 10000 11111",
    "G": "01110 10001 10000 10111 10001 10001 01110",
    "H": "10001 10001 10001 11111 10001 10001 10001",
    "I": "01110 00100 00100 00100 00100 00100 01110",
    "J": "00111 00010 00010 00010 00010 10010 01100",
    "L": "10000 10000 10000 10000 10000 10000 11111",
    "N": "10001 11001 10101 10011 10001 10001 10001",
    "O": "01110 10001 10001 10001 10001 10001 01110",
    "R": "11110 10001 10001 11110 10100 10010 10001",
    "S": "01111 10000 10000 01110 00001 00001 11110",
    "Y": "10001 10001 01010 00100 00100 00100 00100",
    "1": "00100 01100 00100 00100 00100 00100 01110",
    "2": "01110 10001 00001 00110 01000 10000 11111",
    "3": "11110 00001 00001 01110 00001 00001 11110",
    "0": "01110 10001 10011 10101 11001 10001 01110",
    " ": "00000 00000 00000 00000 00000 00000 00000",
}


def lettering(text: str, scale: int = 1) -> NDArray[np.bool_]:
    """The text as a mask of 7 * scale rows, letters 5 columns wide and 1 apart (before scaling)."""
    letters = [np.array([[c == "1" for c in row] for row in _GLYPHS[letter].split()]) for letter in text]
    line = np.hstack([np.pad(letter, ((0, 0), (0, 1))) for letter in letters])
    return np.asarray(np.kron(line, np.ones((scale, scale), dtype=np.bool_)))
