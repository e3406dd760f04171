"""Contours from DICOM RT Structure Sets (PS3.3 C.8.8.5 and C.8.8.6): points in mm, and what they say they lie on."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from pydicom.dataset import Dataset

from mids.errors import DataError
from mids.readers.dicom.decoding import quiet
from mids.readers.dicom.headers import read_header
from mids.readers.dicom.values import BROKEN

_CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
_WITHOUT_AREA = ("POINT", "OPEN_PLANAR", "OPEN_NONPLANAR")


@dataclass(frozen=True, slots=True)
class Contour:
    """One closed contour: `points` are x, y, z in mm (LPS), none of them twice at the end.

    `image` is the SOPInstanceUID that it names and the frame of it (from 1, 0 for none), empty where it names none.
    With `is_xor` it is combined with the others of its region on its plane by exclusive or. `encloses_nothing` says
    that it is a point or an open line, `problem` why else it can't be used.
    """

    label: str
    image: tuple[str, int] = ("", 0)
    points: tuple[tuple[float, float, float], ...] = ()
    is_xor: bool = False
    encloses_nothing: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Structures:
    """A structure set: its contours in the order of its regions, and what their names mean by their codes.

    `series` are those that it says it lies on, `frames_of_reference` those of its coordinates.
    """

    contours: tuple[Contour, ...]
    codes: dict[str, str]
    series: tuple[str, ...] = ()
    frames_of_reference: tuple[str, ...] = ()


def read(stream: BinaryIO) -> Structures:
    """Every contour of a structure set.

    Raises `DataError` ``ANNOTATIONS_INVALID`` for a file that is none.
    """
    dataset = read_header(stream)
    try:
        rois = {int(roi.ROINumber): roi for roi in dataset.StructureSetROISequence}
        names = _names(rois)
        contours = [
            _contour(names.get(int(roi.ReferencedROINumber), ""), item)
            for roi in dataset.ROIContourSequence
            for item in roi.get("ContourSequence") or []
        ]
        frames = [str(roi.get("ReferencedFrameOfReferenceUID", "")) for roi in rois.values()]
        frames += [
            str(item.get("FrameOfReferenceUID", "")) for item in dataset.get("ReferencedFrameOfReferenceSequence") or []
        ]
        found = tuple(dict.fromkeys(uid for uid in frames if uid))
        return Structures(tuple(contours), _codes(dataset, names), tuple(dict.fromkeys(_series(dataset))), found)
    except BROKEN as error:
        message = f"the structure set can't be read ({type(error).__name__})"
        raise DataError("ANNOTATIONS_INVALID", message) from error


def _names(rois: dict[int, Dataset]) -> dict[int, str]:
    """The name of each region; regions that share one are told apart by their number."""
    names = {number: str(roi.get("ROIName", "")).strip() for number, roi in rois.items()}
    texts = list(names.values())
    return {n: text if text and texts.count(text) == 1 else f"{text} {n}".strip() for n, text in names.items()}


def _codes(dataset: Dataset, names: dict[int, str]) -> dict[str, str]:
    """What a region's code means, or else its RTROIInterpretedType, such as GTV or ORGAN (PS3.3 C.8.8.8.1)."""
    found = {}
    for item in dataset.get("RTROIObservationsSequence") or []:
        codes = item.get("RTROIIdentificationCodeSequence") or []
        meaning = str(codes[0].get("CodeMeaning", "")) if codes else str(item.get("RTROIInterpretedType", "") or "")
        name = names.get(int(item.get("ReferencedROINumber") or -1))
        if name is not None and meaning.strip():
            found[name] = meaning.strip()
    return found


def _series(dataset: Dataset) -> Iterator[str]:
    for frame in dataset.get("ReferencedFrameOfReferenceSequence") or []:
        for study in frame.get("RTReferencedStudySequence") or []:
            for series in study.get("RTReferencedSeriesSequence") or []:
                yield str(series.get("SeriesInstanceUID", ""))


def _contour(label: str, item: Dataset) -> Contour:
    images = item.get("ContourImageSequence") or []
    frame = images[0].get("ReferencedFrameNumber") if images else None
    number = int(frame[0] if isinstance(frame, list) else frame or 0)
    image = (str(images[0].get("ReferencedSOPInstanceUID", "")) if images else "", number)
    kind = str(item.get("ContourGeometricType", "")).strip().upper()
    if kind in _WITHOUT_AREA:
        return Contour(label, image, encloses_nothing=True)
    if kind not in _CLOSED:
        return Contour(label, image, problem="a contour without a known ContourGeometricType")
    try:
        with quiet():
            numbers = [float(value) for value in item.get("ContourData") or []]
    except ValueError:
        return Contour(label, image, problem="a contour whose points are not numbers")
    if not all(abs(value) < 1e6 for value in numbers):
        return Contour(label, image, problem="a contour whose points are not places in a patient")
    points = [(numbers[i], numbers[i + 1], numbers[i + 2]) for i in range(0, len(numbers) - 2, 3)]
    while len(points) > 1 and points[0] == points[-1]:
        points.pop()
    if len(numbers) % 3 or len(points) < 3:
        return Contour(label, image, problem="an outline of fewer than 3 whole points")
    return Contour(label, image, tuple(points), is_xor=kind == "CLOSEDPLANAR_XOR")
