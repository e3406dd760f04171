"""Any DICOM: a folder, a file or an archive, nested, with or without suffixes."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from mids.errors import DataError
from mids.issues import Issue, issue
from mids.readers.annotations import objects
from mids.readers.annotations.places import Places, places
from mids.readers.archives.files import open_source
from mids.readers.dicom.grouping.contradictions import find_contradictions
from mids.readers.dicom.grouping.media import tell_missing
from mids.readers.dicom.grouping.series import records
from mids.readers.dicom.headers import Instance
from mids.readers.dicom.scan import PLAIN, Scanner, left_out
from mids.records import About, Item, MaskFile, Record, Regions, Skipped

ABOUT = About(
    name="dicom",
    title="A DICOM collection",
    description="Medical images converted from DICOM.",
    limitations=(
        "The conversion knows nothing of how the images were chosen.",
        "View positions come from headers and descriptions; scans.tsv says which (view_source).",
    ),
    expected="DICOM files in a folder, a file or an archive (zip, tar, 7z, RAR), nested, in any order, with or without "
    "suffixes; what a file is, its headers say.",
)


def read(root: Path, scanner: Scanner = PLAIN) -> Iterator[Sequence[Item]]:
    """Everything below `root`: first what belongs to no patient, then the items patient by patient."""
    with scanner.scan(root) as found:
        wrong = find_contradictions(root, found)
        yield [*found.issues(), *left_out(found.others(), found.archives()), *wrong.items]
        for instances in filter(None, map(wrong.without, found.by_subject())):
            absent = [told for one in instances for told in tell_missing(root, one, found)]
            yield [*absent, *_patient(root, instances)]


def _patient(root: Path, instances: Sequence[Instance]) -> Iterator[Item]:
    """The images of one patient, and what was drawn on them."""
    drawn = sorted((one for one in instances if objects.kind_of(one)), key=lambda one: one.source)
    images = [one for one in instances if not objects.kind_of(one)]
    items = list(records(root, images)) if images else []
    yield from items
    if drawn:
        yield from _drawn(root, drawn, places(item for item in items if isinstance(item, Record)))


def _drawn(root: Path, drawn: Sequence[Instance], known: Places) -> Iterator[Item]:
    """Segmentations and structure sets as label maps, numbered by kind on each image in the order of their paths."""
    numbers: dict[tuple[str, str], int] = defaultdict(int)
    seen: set[str] = set()
    for instance in drawn:
        source, uid, kind = instance.source, instance.text("SOPInstanceUID"), objects.kind_of(instance)
        if uid and uid in seen:
            reason = "a duplicate: same SOPInstanceUID as another segmentation or structure set"
            yield Skipped((source,), reason, series=instance.text("SeriesInstanceUID"))
            continue
        seen.add(uid)
        for item in _regions(root, kind, instance, known):
            if isinstance(item, Issue):
                yield item
                continue
            numbers[kind, item.image] += 1
            yield replace(item, reader=f"{kind.lower()}{numbers[kind, item.image]}")


def _regions(root: Path, kind: str, instance: Instance, known: Places) -> list[Regions | MaskFile | Issue]:
    file = objects.File(instance.source, kind.lower())
    if instance.truncated:
        return [objects.told(file, "FILE_TRUNCATED", "the pixel data breaks off")]
    read = objects.of_segmentation if kind == objects.SEGMENTATION else objects.of_structures
    try:
        with open_source(root, instance.source) as stream:
            return list(read(stream, file, known))
    except DataError as error:
        return [issue(error.code, error.message, file.source.name, origin="read")]
