"""DICOM Segmentation objects (PS3.3 A.51, label maps A.85): what each frame shows, and where it lies by itself."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from pydicom.dataset import Dataset

from mids.errors import DataError
from mids.readers.dicom.headers import read_header
from mids.readers.dicom.values import BROKEN
from mids.records import Geometry

_KINDS = ("BINARY", "FRACTIONAL", "LABELMAP")


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: its number from 0, its segment (0: all of a label map), the images that it was drawn on.

    `images` are SOPInstanceUIDs with the frame (from 1, 0 where none is named). `position`, `orientation` and `spacing`
    (row, column) are in mm (LPS), empty where the file does not state them; `step` (SpacingBetweenSlices) and
    `thickness` are then 0.
    """

    number: int
    segment: int
    images: tuple[tuple[str, int], ...] = ()
    position: tuple[float, ...] = ()
    orientation: tuple[float, ...] = ()
    spacing: tuple[float, ...] = ()
    step: float = 0.0
    thickness: float = 0.0

    @property
    def is_placed(self) -> bool:
        """Whether the frame says where it lies in the patient."""
        return len(self.position) == 3 and len(self.orientation) == 6 and len(self.spacing) == 2

    def on(self, shape: Geometry) -> "Frame":
        """The same with the directions and pixel spacing of an image, where it states only its position."""
        if self.is_placed or len(self.position) != 3 or len(shape.orientation) != 6:
            return self
        orientation, spacing = self.orientation or shape.orientation, self.spacing or shape.spacing[:2]
        return replace(self, orientation=orientation, spacing=spacing)


@dataclass(frozen=True, slots=True)
class Segmentation:
    """A segmentation without its pixels.

    `labels` are the segments' by number, `codes` the meanings of their codes. A pixel of a fractional one is part of
    its segment from `threshold` (of `maximum`) on; `fraction` says of what it is a share; `background` is the value of
    a label map that is no segment. `series` are those that it
    says it lies on; `frame_of_reference` is that of its positions.
    """

    labels: dict[int, str]
    codes: dict[int, str]
    frames: tuple[Frame, ...]
    rows: int
    columns: int
    series: tuple[str, ...] = ()
    frame_of_reference: str = ""
    kind: str = "BINARY"
    fraction: str = ""
    maximum: int = 1
    background: int = 0

    @property
    def threshold(self) -> float:
        """The least pixel value that belongs to a segment: half of the largest, where pixels are shares."""
        return self.maximum / 2 if self.kind == "FRACTIONAL" else 1


def read(stream: BinaryIO) -> Segmentation:
    """The head of a segmentation.

    Raises `DataError` ``ANNOTATIONS_INVALID`` for a file that is none, ``REGION_TILED`` for one of a tiled slide.
    """
    dataset = read_header(stream)
    try:
        return _read(dataset)
    except BROKEN as error:
        message = f"the segmentation can't be read ({type(error).__name__})"
        raise DataError("ANNOTATIONS_INVALID", message) from error


def _read(dataset: Dataset) -> Segmentation:
    kind = str(dataset.SegmentationType).strip().upper()
    if kind not in _KINDS:
        raise DataError("ANNOTATIONS_INVALID", "its SegmentationType is none of BINARY, FRACTIONAL and LABELMAP")
    shared = (list(dataset.get("SharedFunctionalGroupsSequence") or []) or [Dataset()])[0]
    groups = list(dataset.get("PerFrameFunctionalGroupsSequence") or [])
    is_tiled = "TotalPixelMatrixRows" in dataset or any(_first(g, shared, "PlanePositionSlideSequence") for g in groups)
    if is_tiled or str(dataset.get("DimensionOrganizationType", "")).startswith("TILED"):
        raise DataError("REGION_TILED", "the segmentation is one of a tiled slide")
    count = int(dataset.get("NumberOfFrames") or 1)
    if len(groups) != count:
        message = f"the segmentation has {count} frames and describes {len(groups)}"
        raise DataError("ANNOTATIONS_INVALID", message)
    segments = list(dataset.SegmentSequence)
    return Segmentation(
        labels={int(item.SegmentNumber): str(item.get("SegmentLabel", "")).strip() for item in segments},
        codes={int(item.SegmentNumber): _meaning(item) for item in segments},
        frames=tuple(_frame(number, item, shared, kind) for number, item in enumerate(groups)),
        rows=int(dataset.Rows), columns=int(dataset.Columns),
        series=tuple(str(item.SeriesInstanceUID) for item in dataset.get("ReferencedSeriesSequence") or []),
        frame_of_reference=str(dataset.get("FrameOfReferenceUID", "")),
        kind=kind, fraction=str(dataset.get("SegmentationFractionalType", "")).strip().upper(),
        maximum=int(dataset.get("MaximumFractionalValue") or 255) if kind == "FRACTIONAL" else 1,
        background=int(dataset.get("PixelPaddingValue") or 0) if kind == "LABELMAP" else 0,
    )  # fmt: skip


def _meaning(segment: Dataset) -> str:
    """What the code of a segment's property means (PS3.3 C.8.20.2), with its modifier, such as a side."""
    found = segment.get("SegmentedPropertyTypeCodeSequence") or []
    modifiers = found[0].get("SegmentedPropertyTypeModifierCodeSequence") or [] if found else []
    return " ".join(str(item.get("CodeMeaning", "")).strip() for item in (*found[:1], *modifiers[:1])).strip()


def _frame(number: int, item: Dataset, shared: Dataset, kind: str) -> Frame:
    """What the functional groups of one frame say (PS3.3 C.7.6.16.2 and C.8.20.3)."""
    segment = _first(item, shared, "SegmentIdentificationSequence")
    if segment is None and kind != "LABELMAP":
        raise DataError("ANNOTATIONS_INVALID", f"frame {number + 1} does not say which segment it shows")
    measures = _first(item, shared, "PixelMeasuresSequence")
    step, thickness = (
        abs(float(measures.get(keyword) or 0)) if measures else 0.0
        for keyword in ("SpacingBetweenSlices", "SliceThickness")
    )
    return Frame(
        number,
        int(segment.ReferencedSegmentNumber) if segment is not None and kind != "LABELMAP" else 0,
        tuple(_images(item, shared)),
        _numbers(_first(item, shared, "PlanePositionSequence"), "ImagePositionPatient"),
        _numbers(_first(item, shared, "PlaneOrientationSequence"), "ImageOrientationPatient"),
        _numbers(measures, "PixelSpacing"),
        step,
        thickness,
    )


def _images(item: Dataset, shared: Dataset) -> Iterator[tuple[str, int]]:
    """Each image that a frame was derived from, and which frame of it."""
    for group in (item, shared):
        for derivation in group.get("DerivationImageSequence") or []:
            for source in derivation.get("SourceImageSequence") or []:
                frames = source.get("ReferencedFrameNumber")
                numbers = frames if isinstance(frames, list) or hasattr(frames, "__iter__") else [frames or 0]
                yield from ((str(source.get("ReferencedSOPInstanceUID", "")), int(frame)) for frame in numbers)


def _numbers(group: Dataset | None, keyword: str) -> tuple[float, ...]:
    return tuple(float(value) for value in group.get(keyword) or []) if group is not None else ()


def _first(item: Dataset, shared: Dataset, keyword: str) -> Dataset | None:
    for group in (item, shared):
        if group.get(keyword):
            first: Dataset = group[keyword].value[0]
            return first
    return None
