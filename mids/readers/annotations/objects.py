"""DICOM segmentations and structure sets as regions on the records of a source (PS3.3 A.51 and A.19).

A region lies where its own coordinates put it. The images that it names tell which record it belongs to; where it
names none, its series or its frame of reference does.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np

from mids.issues import Issue, issue
from mids.readers.annotations import contours, rtstruct, segmentation
from mids.readers.annotations.places import Places, around, distance, frame_of_reference, is_placed, normal_of
from mids.readers.dicom.geometry import positions
from mids.readers.dicom.grouping.slices import grouped, is_direction
from mids.readers.dicom.headers import Instance
from mids.records import Geometry, MaskFile, Outline, Record, Regions, Source

SEGMENTATION, STRUCTURES = "SEG", "RTSTRUCT"
_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.66.4": SEGMENTATION,
    "1.2.840.10008.5.1.4.1.1.66.7": SEGMENTATION,
    "1.2.840.10008.5.1.4.1.1.481.3": STRUCTURES,
}
"""SOP classes of segmentations, of label maps, and of structure sets."""

_NOTE = "Points in mm were put onto the slices that they lie nearest to."


@dataclass(frozen=True, slots=True)
class File:
    """A file of annotations: its source, and who drew it as far as may be said."""

    source: Source
    reader: str


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What labels become: `classes` gives the class of each label of a file on a record, `values` that of each class.

    `is_own` says that classes are the words of whoever drew.
    """

    classes: Callable[[Sequence[str], Record], Mapping[str, str]]
    values: Callable[[Iterable[str]], Mapping[str, int]]
    is_own: bool = False


def kind_of(instance: Instance) -> str:
    """Whether an instance is a segmentation (SEG), a structure set (RTSTRUCT), or neither (an empty text)."""
    stated = instance.text("SOPClassUID")
    if stated:
        return _CLASSES.get(stated, "")
    modality = instance.text("Modality")
    return modality if modality in (SEGMENTATION, STRUCTURES) else ""


def _classes(labels: Sequence[str], _: Record) -> dict[str, str]:
    return {label: label or f"region {number}" for number, label in enumerate(dict.fromkeys(labels), start=1)}


def _values(names: Iterable[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(dict.fromkeys(names), start=1)}


OWN_WORDS = Vocabulary(_classes, _values, is_own=True)
"""Every label as the file has it, with values from 1 in their order."""


def told(file: File, code: str, message: str) -> Issue:
    """An Issue of a file of annotations."""
    return issue(code, message, file.source.name, origin="read")


# --- segmentations ---------------------------------------------------------------------------------------


def of_segmentation(
    stream: BinaryIO, file: File, known: Places, words: Vocabulary = OWN_WORDS
) -> Iterator[MaskFile | Issue]:
    """The frames of a segmentation on the records that they lie on; raises `DataError` for what is none."""
    head = segmentation.read(stream)
    homes: dict[str, Record] = {}
    frames: dict[str, list[tuple[segmentation.Frame, int]]] = defaultdict(list)
    problems: Counter[tuple[str, str]] = Counter()
    for frame in head.frames:
        found = [(*home, _problem(frame, head, *home)) for home in _homes(frame, head, known)]
        for record, index, problem in [one for one in found if one[2] is None] or found[:1]:
            if problem is not None:
                problems[problem] += 1
            if record is not None and (problem is None or problem[0] == "REGION_CONTRADICTED"):
                homes[record.image] = record
                frames[record.image].append((frame, index))
    for (code, text), count in problems.items():
        yield told(file, code, f"{count} frames of the segmentation {text}")
    for image, listed in frames.items():
        yield _mask(file, head, homes[image], listed, words)


_SEVERAL = -2
"""In the place of the number of a slice: several records can be meant."""


def _homes(
    frame: segmentation.Frame, head: segmentation.Segmentation, known: Places
) -> list[tuple[Record | None, int]]:
    """The records that a frame lies on, and which of its slices it names of each (-1: none)."""
    places = [place for image, number in frame.images if (place := known.find(image, number)) is not None]
    if places:  # one of another size was derived from, too
        places = [place for place in places if _has_size(place.record, head)] or places[:1]
        named = grouped(places, lambda place: place.record.image)
        return [(one[0].record, one[0].slice if len({place.slice for place in one}) == 1 else -1) for one in named]
    if frame.images and any(image for image, _ in frame.images):
        return [(None, -1)]
    candidates: Sequence[Record] = known.of_series(head.series)
    if not candidates and not head.series:
        candidates = known.of_frame(head.frame_of_reference)
    if len(candidates) > 1 and frame.is_placed:
        candidates = list(around(candidates, _corners(frame, head)))
    if len(candidates) > 1 and len(frame.position) == 3:
        candidates = [record for record in candidates if _has_size(record, head)]
        candidates = list(around(candidates, np.array([frame.position])))
    is_said = len({record.series for record in candidates} & set(head.series)) == len(candidates)
    if candidates and (is_said or len(candidates) == 1):  # each of the series that the file says it lies on
        return [(record, -1) for record in candidates]
    return [(None, _SEVERAL if candidates else -1)]


def _has_size(record: Record, head: segmentation.Segmentation) -> bool:
    shape = record.geometry
    size = (shape.rows, shape.columns) if shape else (record.header.get("Rows"), record.header.get("Columns"))
    return size == (head.rows, head.columns)


def _corners(frame: segmentation.Frame, head: segmentation.Segmentation) -> np.ndarray:
    """Corners and centre of a frame (5 × 3, LPS mm)."""
    x, y = np.array(frame.orientation[:3]) * frame.spacing[1], np.array(frame.orientation[3:]) * frame.spacing[0]
    right, down = x * (head.columns - 1), y * (head.rows - 1)
    corners = np.array([0 * x, right, down, right + down, (right + down) / 2])
    return np.asarray(corners + np.array(frame.position))


def _problem(
    frame: segmentation.Frame, head: segmentation.Segmentation, record: Record | None, index: int
) -> tuple[str, str] | None:
    """Why a frame can't be placed, or what contradicts its place: a code and what it says of the frame."""
    if head.kind != "LABELMAP" and frame.segment not in head.labels:
        return "ANNOTATION_INVALID", "show a segment that its SegmentSequence does not describe"
    if (frame.orientation and not is_direction(frame.orientation)) or min(frame.spacing, default=1.0) <= 0:
        return "REGION_MISMATCH", "have no directions of length 1 at right angles, or no distance of their pixels"
    if record is None:
        several = "name no image, and several are possible"
        return "REGION_UNMATCHED", several if index == _SEVERAL else "name or lie on no image that is converted"
    shape = record.geometry
    frame = frame if shape is None else frame.on(shape)
    if shape is None or not frame.is_placed:
        if not _has_size(record, head):
            return "REGION_MISMATCH", "have no place of their own, and another size than the image that they name"
        if index < 0 and (shape is None or shape.slices > 1):
            return "REGION_MISMATCH", "have no place of their own and name no single image"
        return None
    if not is_placed(shape):
        return "REGION_MISMATCH", "lie on an image whose own place is not known"
    assert shape is not None
    frames = (frame_of_reference(record), head.frame_of_reference)
    off = _off(frame, shape, index)
    if all(frames) and frames[0] != frames[1]:
        if index < 0 or off > 0.1:
            return "REGION_ELSEWHERE", "lie in another frame of reference than the image"
        return "REGION_CONTRADICTED", "lie on the image that they name, but say another frame of reference"
    return ("REGION_CONTRADICTED", "lie on another slice than the image that they name") if off > 0.6 else None


def _off(frame: segmentation.Frame, shape: Geometry, index: int) -> float:
    """How far a frame lies from the slice that it names, in distances of slices; 0 where it names none."""
    normal = normal_of(shape)
    own = np.cross(frame.orientation[:3], frame.orientation[3:])
    if index < 0 or abs(float(own @ normal)) < 0.9:
        return 0.0
    corners = positions(shape)
    step = np.array(frame.position) - np.array(corners[index % len(corners)])
    return abs(float(step @ normal)) / distance(shape)


def _mask(
    file: File, head: segmentation.Segmentation, record: Record,
    listed: Sequence[tuple[segmentation.Frame, int]], words: Vocabulary,
) -> MaskFile:  # fmt: skip
    """The label map of the frames on one record; of a label map object all segments, of others those that are shown."""
    shown = (
        sorted({frame.segment for frame, _ in listed}) if head.kind != "LABELMAP" else sorted(set(head.labels) - {0})
    )
    texts = {number: head.labels.get(number, "") or f"segment {number}" for number in shown}
    repeated = Counter(texts.values())
    texts = {n: text if repeated[text] == 1 else f"{text} {n}" for n, text in texts.items()}
    classes = words.classes(list(texts.values()), record)
    codes = {classes[text]: head.codes[n] for n, text in texts.items() if head.codes.get(n)}
    return MaskFile(
        record.subject, record.study, record.image, file.reader, file.source,
        words.values(classes[text] for text in texts.values()),
        tuple((frame.number, index) for frame, index in listed),
        tuple((number, classes[text]) for number, text in texts.items()), codes if words.is_own else None,
    )  # fmt: skip


# --- structure sets --------------------------------------------------------------------------------------


def of_structures(
    stream: BinaryIO, file: File, known: Places, words: Vocabulary = OWN_WORDS
) -> Iterator[Regions | Issue]:
    """The contours of a structure set on the slices that they lie on; raises `DataError` for what is none."""
    drawn = rtstruct.read(stream)
    closed = [contour for contour in drawn.contours if contour.points]
    yield from _unusable(drawn.contours, file)
    homes: dict[str, Record] = {}
    groups: dict[str, list[rtstruct.Contour]] = defaultdict(list)
    others = _unnamed(drawn, known)
    usual = _at(others, [contour.points[0] for contour in closed if not contour.image[0]])
    problems: Counter[tuple[str, str]] = Counter()
    for contour in closed:
        other = _at(others, contour.points) or usual
        record, problem = _record_of(contour, drawn, known, other)
        if problem is not None:
            problems[problem] += 1
        if record is not None and (problem is None or problem[0] == "REGION_CONTRADICTED"):
            homes[record.image] = record
            groups[record.image].append(contour)
    for (code, text), count in problems.items():
        yield told(file, code, f"{count} contours {text}")
    for image, listed in groups.items():
        yield from _regions(file, homes[image], listed, drawn, words)


def _unusable(listed: Sequence[rtstruct.Contour], file: File) -> Iterator[Issue]:
    for text, count in Counter(contour.problem for contour in listed if contour.problem).items():
        yield told(file, "ANNOTATION_INVALID", f"{text} ({count})")
    if count := sum(contour.encloses_nothing for contour in listed):
        yield told(file, "REGION_WITHOUT_AREA", f"{count} points or open lines enclose nothing")


def _unnamed(drawn: rtstruct.Structures, known: Places) -> tuple[Record, ...]:
    """The records that contours may lie on which name no image: of the series or frame of reference of the file."""
    candidates = known.of_series(drawn.series)
    if not candidates and not drawn.series:
        own = {record.image for uid in drawn.frames_of_reference for record in known.of_frame(uid)}
        candidates = tuple(record for record in known.records if record.image in own)
        candidates = candidates or (() if drawn.frames_of_reference else known.records)
    return tuple(record for record in candidates if is_placed(record.geometry))


def _at(candidates: Sequence[Record], points: Sequence[Sequence[float]]) -> Record | None:
    """The one record within which some points lie, or the only one there is; None for several."""
    if not points:
        return None
    fitting = list(around(candidates, np.array(points))) or candidates
    return fitting[0] if len(fitting) == 1 else None


def _record_of(
    contour: rtstruct.Contour, drawn: rtstruct.Structures, known: Places, other: Record | None
) -> tuple[Record | None, tuple[str, str] | None]:
    """The record that a contour lies on, and why it can't be placed or what contradicts its place."""
    image, number = contour.image
    place = known.find(image, number) if image else None
    record = place.record if place is not None else (None if image else other)
    if record is None:
        frames = drawn.frames_of_reference
        if frames and not image and not drawn.series and not any(known.of_frame(uid) for uid in frames):
            return None, ("REGION_ELSEWHERE", "lie in a frame of reference that no image has")
        return None, ("REGION_UNMATCHED", "name no image that is converted, or several are possible")
    shape = record.geometry
    if not is_placed(shape):
        return None, ("REGION_MISMATCH", "lie on an image whose own place is not known")
    assert shape is not None
    own = frame_of_reference(record)
    is_elsewhere = bool(own and drawn.frames_of_reference and own not in drawn.frames_of_reference)
    index = contours.slice_of(contour.points, shape)
    is_off = place is not None and place.slice >= 0 and index != place.slice % shape.slices
    if is_elsewhere and (place is None or is_off):
        return None, ("REGION_ELSEWHERE", "lie in another frame of reference than the image")
    if is_elsewhere:
        return record, ("REGION_CONTRADICTED", "lie on the image that they name, but say another frame of reference")
    if is_off and index is not None:
        return record, ("REGION_CONTRADICTED", "lie on another slice than the image that they name")
    return record, None


def _regions(
    file: File, record: Record, listed: Sequence[rtstruct.Contour], drawn: rtstruct.Structures, words: Vocabulary
) -> Iterator[Regions | Issue]:
    assert record.geometry is not None
    laid = contours.lay(listed, record.geometry)
    for code, text, count in (
        ("REGION_OBLIQUE", "contours are not parallel to the slices", laid.oblique),
        ("REGION_OUTSIDE", "contours lie outside the image", laid.outside),
        ("REGION_RESAMPLED", f"contours lie between slices, up to {laid.farthest:.2f} mm away", laid.moved),
        ("REGION_RESAMPLED", "contours lie between others that are nearer to a slice", laid.between),
        ("REGION_HOLE", "contours lie within another of their region: taken as holes", laid.nested),
        ("ANNOTATION_REPEATED", "contours were drawn twice", laid.repeated),
        ("REGION_INVALID", "contours of exclusive or are equal and cancel out", laid.cancelled),
    ):
        if count:
            yield told(file, code, f"{count} {text}")
    if not laid.outlines:
        return
    classes = words.classes([outline.label for outline in laid.outlines], record)
    outlines: tuple[Outline, ...] = tuple(replace(outline, label=classes[outline.label]) for outline in laid.outlines)
    codes = {classes[label]: text for label, text in drawn.codes.items() if label in classes}
    yield Regions(
        record.subject, record.study, record.image, file.reader, outlines, words.values(o.label for o in outlines),
        file.source, _NOTE, codes=codes if words.is_own else None, off=laid.farthest,
    )  # fmt: skip
