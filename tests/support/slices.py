"""Series of small slices for tests of grouping: any attribute that a test is about, and pixels that tell the slice."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from example_datasets.generators.dicomfile import Values, encode, instance, with_pixels
from mids.collections.dicom import read
from mids.issues import Issue
from mids.records import Item, Record, Skipped

CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2", "MR": "1.2.840.10008.5.1.4.1.1.4", "PT": "1.2.840.10008.5.1.4.1.1.128",
    "NM": "1.2.840.10008.5.1.4.1.1.20", "CR": "1.2.840.10008.5.1.4.1.1.1",
    "Enhanced PT": "1.2.840.10008.5.1.4.1.1.130",
    "Enhanced CT": "1.2.840.10008.5.1.4.1.1.2.1", "Enhanced MR": "1.2.840.10008.5.1.4.1.1.4.1",
    "XA": "1.2.840.10008.5.1.4.1.1.12.1", "X-Ray 3D": "1.2.840.10008.5.1.4.1.1.13.1.1",
    "DBT": "1.2.840.10008.5.1.4.1.1.13.1.3", "OPT": "1.2.840.10008.5.1.4.1.1.77.1.5.4",
    "SM": "1.2.840.10008.5.1.4.1.1.77.1.6", "Enhanced US": "1.2.840.10008.5.1.4.1.1.6.2",
    "Captured words": "1.2.840.10008.5.1.4.1.1.7.3", "Parametric map": "1.2.840.10008.5.1.4.1.1.30",
}  # fmt: skip
AXIAL = (1, 0, 0, 0, 1, 0)
SAGITTAL = (0, 1, 0, 0, 0, -1)


def pixels(number: int) -> np.ndarray:
    """12 × 16 values without symmetry, of which no two numbers have the same."""
    picture = np.add.outer(np.arange(12) * 20, np.arange(16) * 3)
    picture[2:4, 3:9] = 700
    return np.asarray(picture + 10 * number, np.uint16)


def one(name: str, values: np.ndarray, modality: str = "CT", sop_class: str = "", **more: Any) -> Dataset:
    """An image of a patient; keywords that are None are left out."""
    common: Values = {
        "PatientID": "P1", "PatientName": "A^B", "StudyInstanceUID": "2.25.1", "SeriesInstanceUID": "2.25.2",
        "StudyDate": "20200101", "StudyTime": "100000", "Modality": modality, "BurnedInAnnotation": "NO",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], "PixelSpacing": [1, 1], "SliceThickness": 3,
        "InstanceNumber": 1, "RescaleSlope": 1, "RescaleIntercept": 0,
    }  # fmt: skip
    merged = {key: value for key, value in {**common, **more}.items() if value is not None}
    dataset = instance(sop_class or CLASSES[modality], name, merged)
    return with_pixels(dataset, values, "MONOCHROME2", 16)


def slice_at(number: int, place: Sequence[float], direction: Sequence[float] = AXIAL, **more: Any) -> Dataset:
    """A slice; `number` tells its pixels and name, the place is in mm (LPS), written with up to ten digits."""
    name = more.pop("name", number)
    more = {"InstanceNumber": number + 1, **more}
    digits = [f"{value:.10g}" for value in place]
    directed = [f"{value:.10g}" for value in direction]
    return one(
        f"slice {name}", pixels(number), ImagePositionPatient=digits, ImageOrientationPatient=directed, **more
    )  # fmt: skip


def enhanced(
    name: str, frames: Sequence[Values], shared: Values, sop_class: str, modality: str, **more: Any
) -> Dataset:
    """An image with frames; `frames` and `shared` are functional groups. Frame n has the pixels of n."""
    values = np.stack([pixels(number) for number in range(len(frames))])
    groups: dict[str, Any] = {"SharedFunctionalGroupsSequence": [shared], "PerFrameFunctionalGroupsSequence": [*frames]}
    more = {"PixelSpacing": None, "SliceThickness": None, **more}
    return one(name, values, modality, CLASSES[sop_class], **groups, **more)


def measures(spacing: float = 1.0, thickness: float = 3.0) -> Values:
    """The macro of pixel measures."""
    return {"PixelMeasuresSequence": [{"PixelSpacing": [spacing, spacing], "SliceThickness": thickness}]}


def placed(place: Sequence[float], direction: Sequence[float] | None = AXIAL) -> Values:
    """The macros of a frame's place."""
    where: dict[str, Any] = {"PlanePositionSequence": [{"ImagePositionPatient": [*place]}]}
    if direction is not None:
        where["PlaneOrientationSequence"] = [{"ImageOrientationPatient": [*direction]}]
    return where


def written(folder: Path, datasets: Iterable[Dataset]) -> Path:
    """The datasets as files whose names say nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, dataset in enumerate(datasets):
        (folder / f"{(index * 7919) % 99991:05}").write_bytes(encode(dataset))
    return folder


def items(folder: Path, datasets: Iterable[Dataset]) -> list[Item]:
    """What the collection `dicom` reads of them."""
    return [item for group in read(written(folder, datasets)) for item in group]


def records(found: Iterable[Item]) -> list[Record]:
    """The records."""
    return [item for item in found if isinstance(item, Record)]


def codes(found: Iterable[Item]) -> list[str]:
    """The codes of the issues."""
    return [item.code for item in found if isinstance(item, Issue)]


def skipped(found: Iterable[Item]) -> list[str]:
    """The reasons of skipped input, one for each file."""
    return [item.reason for item in found if isinstance(item, Skipped) for _ in item.sources]


def numbers(record: Record) -> list[int]:
    """The values of InstanceNumber of the record's slices, in their order."""
    found = record.per_slice.get("InstanceNumber") or (record.header["InstanceNumber"],)
    return [value for value in found if isinstance(value, int)]
