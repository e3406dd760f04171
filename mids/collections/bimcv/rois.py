"""Regions of interest of BIMCV, from whichever file they come in, as regions on records."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import BinaryIO

from mids.issues import Issue, issue
from mids.readers.annotations import aim
from mids.readers.annotations.mdai import contains, joined
from mids.readers.annotations.objects import File, Vocabulary, of_segmentation, of_structures
from mids.readers.annotations.places import Places
from mids.records import MaskFile, Outline, Record, Regions
from mids.vocabulary.schema import load

CLASSES = "roi_findings"
"""The code list of the classes."""

CORNERSTONE_NOTE = (
    "Drawn in a viewer on cornerstone, whose (0, 0) is the upper left corner of the first pixel: 0.5 was subtracted."
)


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


def _named(labels: Sequence[str], record: Record) -> dict[str, str]:
    return classes(labels, record.modality)


PAPER = Vocabulary(_named, _values)
"""The classes of the paper, for objects of DICOM."""


def of_aim(data: bytes, file: File, known: Places) -> Iterator[Regions | Issue]:
    """The outlines of an AIM file on the records that they name; raises `DataError` for what is no AIM."""
    drawn = _Drawn()
    for number, shape in enumerate(aim.read(data), start=1):
        place = known.find(shape.instance, shape.frame + 1)
        if shape.problem:
            yield _invalid(file, number, shape.problem)
        elif place is None:
            drawn.lost += 1
        else:
            points = tuple((x - 0.5, y - 0.5) for x, y in shape.points)
            outline = Outline(shape.label, points, place.slice)
            if not shape.is_excluded:
                drawn.add(place.record, outline)
            elif not drawn.cut(place.record, outline):
                yield _invalid(file, number, "an area to be left out that lies in no outline of its label before it")
    yield from drawn.items(file, CORNERSTONE_NOTE)


def of_object(kind: str, stream: BinaryIO, file: File, known: Places) -> Iterator[Regions | MaskFile | Issue]:
    """A segmentation or structure set on the records that it lies on; raises `DataError` for what is none."""
    read = of_segmentation if kind == "SEG" else of_structures
    for item in read(stream, file, known, PAPER):
        yield item
        if not isinstance(item, Issue):
            yield from _strange(item.lookup, file)


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

    def cut(self, record: Record, hole: Outline) -> bool:
        """Takes a hole out of the outlines of its label and slice that it lies in; whether there are any."""
        found = False
        for number, outline in enumerate(self.outlines[record.image]):
            same = (outline.label, outline.slice) == (hole.label, hole.slice)
            if same and all(contains(outline.points, point) for point in hole.points):
                whole = joined((outline.points, hole.points))
                self.outlines[record.image][number] = replace(outline, points=whole)
                found = True
        return found

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
