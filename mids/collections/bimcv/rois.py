"""Regions of interest of BIMCV, from whichever file they come in, as regions on records."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import BinaryIO

from mids.issues import Issue, issue
from mids.readers.annotations import aim, rtstruct, segmentation
from mids.readers.dicom.geometry import positions
from mids.records import MaskFile, Outline, Record, Regions, Source
from mids.vocabulary.schema import load

CLASSES = "roi_findings"
"""The code list of the classes."""

CORNERSTONE_NOTE = (
    "Drawn in a viewer on cornerstone, whose (0, 0) is the upper left corner of the first pixel: 0.5 was subtracted."
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an image of a source lies: in a record, at one of its slices (from 0)."""

    record: Record
    slice: int = 0


@dataclass(frozen=True, slots=True)
class File:
    """A file of annotations: its source, and who drew it as far as may be said."""

    source: Source
    reader: str


def places(records: Iterable[Record]) -> dict[str, Place]:
    """Every image of some records by its SOPInstanceUID."""
    found: dict[str, Place] = {}
    for record in records:
        instances = record.per_slice.get("SOPInstanceUID") or (record.header.get("SOPInstanceUID"),)
        found |= {str(uid): Place(record, number) for number, uid in enumerate(instances) if uid}
    return found


@cache
def lookup() -> Mapping[str, int]:
    """The classes of the paper with their values, from 1."""
    return {code: number for number, code in enumerate(load().code_lists[CLASSES].codes, start=1)}


def finding(text: str, modality: str) -> str:
    """The class that a region's name means on an image of that modality; empty where it is none."""
    codes = load().code_lists[CLASSES]
    kind = "ct" if modality == "CT" else "xray"
    return codes.find(text) or codes.find(f"{text} {kind}") or ""


def classes(labels: Iterable[str], modality: str) -> dict[str, str]:
    """The class of each label; what is none of the paper's becomes "other1", "other2" ….

    Its own words are not kept: a reader writes what they like into the name of a region.
    """
    found: dict[str, str] = {}
    strange = 0
    for label in dict.fromkeys(labels):
        found[label] = finding(label, modality)
        if not found[label]:
            strange += 1
            found[label] = f"other{strange}"
    return found


def _values(names: Iterable[str]) -> dict[str, int]:
    """The values of classes, in their order; those of the others follow the paper's."""
    known = lookup()
    values = {name: known.get(name) or len(known) + int(name.removeprefix("other")) for name in names}
    return dict(sorted(values.items(), key=lambda item: item[1]))


def of_aim(data: bytes, file: File, known: Mapping[str, Place]) -> Iterator[Regions | Issue]:
    """The outlines of an AIM file on the records that they name; raises `DataError` for what is no AIM."""
    drawn = _Drawn()
    for number, shape in enumerate(aim.read(data), start=1):
        place = known.get(shape.instance)
        if shape.problem:
            yield _invalid(file, number, shape.problem)
        elif place is None:
            drawn.lost += 1
        else:
            points = tuple((x - 0.5, y - 0.5) for x, y in shape.points)
            index = shape.frame if place.record.kind == "frames" else place.slice
            drawn.add(place.record, Outline(shape.label, points, index))
    yield from drawn.items(file, CORNERSTONE_NOTE)


def of_rtstruct(stream: BinaryIO, file: File, known: Mapping[str, Place]) -> Iterator[Regions | Issue]:
    """The contours of a structure set on the slices that they name; raises `DataError` for what is none."""
    drawn = _Drawn()
    for number, contour in enumerate(rtstruct.read(stream), start=1):
        place = known.get(contour.instance)
        if contour.problem:
            yield _invalid(file, number, contour.problem)
        elif place is None:
            drawn.lost += 1
        elif (points := _on_slice(contour, place)) is None:
            yield _invalid(file, number, "a contour that does not lie on the image that it names")
        else:
            drawn.add(place.record, Outline(contour.label, points, place.slice))
    yield from drawn.items(file, "Points in mm were put onto the slices that they name.")


def _on_slice(contour: rtstruct.Contour, place: Place) -> tuple[tuple[float, float], ...] | None:
    shape = place.record.geometry
    corners = positions(shape) if shape is not None else []
    if shape is None or not corners:
        return None
    return rtstruct.on_slice(contour, shape, corners[place.slice % len(corners)])


def of_segmentation(stream: BinaryIO, file: File, known: Mapping[str, Place]) -> Iterator[MaskFile | Issue]:
    """The frames of a segmentation on the slices that they name; raises `DataError` for what is none."""
    head = segmentation.read(stream)
    frames: dict[str, list[tuple[segmentation.Frame, int]]] = defaultdict(list)
    records: dict[str, Record] = {}
    lost = 0
    for frame in head.frames:
        place = known.get(frame.instance) or _nearest(frame.position, head.series, known)
        if place is None:
            lost += 1
        else:
            records[place.record.image] = place.record
            frames[place.record.image].append((frame, place.slice))
    yield from _unmatched(file, lost)
    for image, listed in frames.items():
        record = records[image]
        texts = {frame.segment: head.labels.get(frame.segment, "") for frame, _ in listed}
        named = classes(texts.values(), record.modality)
        yield from _strange(named.values(), file)
        values = _values(named.values())
        placed = tuple((frame.number, index, values[named[texts[frame.segment]]]) for frame, index in listed)
        yield MaskFile(record.subject, record.study, image, file.reader, file.source, values, placed)


def _nearest(position: tuple[float, ...], series: str, known: Mapping[str, Place]) -> Place | None:
    """The slice of a series that begins at a point, to 0.5 mm, for frames that name no image."""
    for place in known.values() if len(position) == 3 else ():
        shape = place.record.geometry
        corners = positions(shape) if shape is not None and place.record.series == series else []
        if (
            corners
            and max(abs(a - b) for a, b in zip(corners[place.slice % len(corners)], position, strict=True)) < 0.5
        ):
            return place
    return None


def of_volume(file: File, record: Record) -> MaskFile:
    """A NIfTI label map whose values are the paper's classes."""
    return MaskFile(record.subject, record.study, record.image, file.reader, file.source, lookup())


@dataclass(slots=True)
class _Drawn:
    """Outlines by the record that they lie on, their labels as the file has them; `lost` lie on none."""

    outlines: dict[str, list[Outline]] = field(default_factory=lambda: defaultdict(list))
    records: dict[str, Record] = field(default_factory=dict)
    lost: int = 0

    def add(self, record: Record, outline: Outline) -> None:
        self.records[record.image] = record
        self.outlines[record.image].append(outline)

    def items(self, file: File, note: str) -> Iterator[Regions | Issue]:
        """One label map for each record, its classes the paper's."""
        yield from _unmatched(file, self.lost)
        for image, outlines in self.outlines.items():
            record = self.records[image]
            named = classes((outline.label for outline in outlines), record.modality)
            yield from _strange(named.values(), file)
            drawn = tuple(replace(outline, label=named[outline.label]) for outline in outlines)
            yield Regions(
                record.subject, record.study, image, file.reader, drawn, _values(named.values()), file.source, note
            )


def _unmatched(file: File, lost: int) -> Iterator[Issue]:
    if lost:
        message = f"{lost} regions name an image that the source does not hold"
        yield issue("REGION_UNMATCHED", message, file.source.name, origin="read")


def _invalid(file: File, number: int, problem: str) -> Issue:
    return issue("ANNOTATION_INVALID", problem, file.source.name, where=f"region {number}", origin="read")


def _strange(names: Iterable[str], file: File) -> Iterator[Issue]:
    count = len({name for name in names if name.startswith("other")})
    if count:
        message = f"{count} labels of regions are not classes of the paper"
        yield issue("VALUE_UNKNOWN", message, file.source.name, origin="read")
