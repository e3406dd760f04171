"""DICOM Segmentation objects (PS3.3 A.51): which frame lies on which image, for which segment."""

from dataclasses import dataclass
from typing import BinaryIO

from pydicom.dataset import Dataset

from mids.errors import DataError
from mids.readers.dicom.headers import read_header
from mids.readers.dicom.values import BROKEN


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: its number from 0, its segment, the image that it names, or else its place in mm (LPS)."""

    number: int
    segment: int
    instance: str
    position: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Segmentation:
    """A segmentation without its pixels: `labels` are the segments' by number; `series` is what it lies on."""

    labels: dict[int, str]
    frames: tuple[Frame, ...]
    rows: int
    columns: int
    series: str


def read(stream: BinaryIO) -> Segmentation:
    """The head of a segmentation.

    Raises `DataError` ``ANNOTATIONS_INVALID`` for a file that is none, or whose values are shares, not classes.
    """
    dataset = read_header(stream)
    try:
        kind = str(dataset.SegmentationType)
        if kind != "BINARY":
            raise DataError("ANNOTATIONS_INVALID", f"segmentations of type {kind} are not read")
        labels = {int(item.SegmentNumber): str(item.SegmentLabel).strip() for item in dataset.SegmentSequence}
        shared = dataset.get("SharedFunctionalGroupsSequence", [Dataset()])[0]
        frames = tuple(
            _frame(number, item, shared) for number, item in enumerate(dataset.PerFrameFunctionalGroupsSequence)
        )
        referenced = dataset.get("ReferencedSeriesSequence", [])
        series = str(referenced[0].get("SeriesInstanceUID", "")) if referenced else ""
        return Segmentation(labels, frames, int(dataset.Rows), int(dataset.Columns), series)
    except BROKEN as error:
        message = f"the segmentation can't be read ({type(error).__name__})"
        raise DataError("ANNOTATIONS_INVALID", message) from error


def _frame(number: int, item: Dataset, shared: Dataset) -> Frame:
    """What the functional groups of one frame say (PS3.3 C.7.6.16.2 and C.8.20.3)."""
    segment = _first(item, shared, "SegmentIdentificationSequence")
    place = _first(item, shared, "PlanePositionSequence")
    derivation = _first(item, shared, "DerivationImageSequence")
    sources = derivation.get("SourceImageSequence", []) if derivation else []
    instance = str(sources[0].get("ReferencedSOPInstanceUID", "")) if len(sources) == 1 else ""
    position = tuple(float(value) for value in place.get("ImagePositionPatient", [])) if place else ()
    return Frame(number, int(segment.ReferencedSegmentNumber) if segment else 0, instance, position)


def _first(item: Dataset, shared: Dataset, keyword: str) -> Dataset | None:
    for group in (item, shared):
        if group.get(keyword):
            first: Dataset = group[keyword].value[0]
            return first
    return None
