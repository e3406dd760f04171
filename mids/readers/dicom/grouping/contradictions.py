"""What a source says twice, and differently: series and images that stand under several patients."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mids.issues import Issue, issue
from mids.readers.dicom.grouping.classes import kind_of
from mids.readers.dicom.grouping.places import places
from mids.readers.dicom.grouping.series import subject_key
from mids.readers.dicom.grouping.slices import direction, grouped, slices_of, stacks
from mids.readers.dicom.grouping.twins import pixel_digest
from mids.readers.dicom.headers import Instance
from mids.readers.dicom.index import Index
from mids.records import Item, Skipped, Source


@dataclass(slots=True)
class Contradictions:
    """What was found: issues and skipped files, and the sources that are not converted."""

    items: list[Item] = field(default_factory=list)
    sources: set[Source] = field(default_factory=set)

    def without(self, instances: Iterable[Instance]) -> list[Instance]:
        """The instances that are converted."""
        return [instance for instance in instances if instance.source not in self.sources]


def find_contradictions(root: Path, index: Index) -> Contradictions:
    """Looks for series and images of several patients; pixels are read of files that claim to be one image.

    Equal images are converted for the first patient only; a series whose slices were torn apart for none.
    """
    found = Contradictions()
    told: set[tuple[str, ...]] = set()
    for instances in index.shared("image"):
        _take_image(root, grouped(instances, subject_key), told, found)
    for instances in index.shared("series"):
        _take_series(grouped(found.without(instances), subject_key), found)
    return found


def tell_shared(index: Index, patient_of: Callable[[Source], str]) -> Iterator[Issue]:
    """An Issue for each series of several patients where a file's place says whose it is, not its header.

    All are converted: that a place is a person is the collection's custom, and no header's word.
    """
    for instances in index.shared_by(patient_of):
        patients = grouped(instances, lambda one: patient_of(one.source))
        images = [{one.text("SOPInstanceUID") for one in patient} for patient in patients]
        is_image = len(set().union(*images)) < sum(map(len, images))
        code, what = ("IMAGE_OF_TWO_PATIENTS", "SOPInstanceUID") if is_image else _SERIES
        message = f"{len(patients)} patients have the same {what}, and all were converted"
        yield issue(code, message, instances[0].source.name, origin="read")


_SERIES = ("SERIES_OF_TWO_PATIENTS", "SeriesInstanceUID")


def _take_image(
    root: Path, patients: Sequence[Sequence[Instance]], told: set[tuple[str, ...]], found: Contradictions
) -> None:
    first = pixel_digest(root, patients[0][0].source)
    copies = [one for others in patients[1:] for one in others if pixel_digest(root, one.source) == first]
    for one in copies:
        found.sources.add(one.source)
        reason = "another patient has the same image; it is converted for that patient"
        found.items.append(Skipped((one.source,), reason, "", one.text("SeriesInstanceUID")))
    instances = [one for patient in patients for one in patient]
    series = tuple(sorted({one.text("SeriesInstanceUID") for one in instances}))
    if series not in told:  # once for all images of a series
        told.add(series)
        done = "the first patient's was converted" if copies else "their pixels differ, and all were converted"
        message = f"{len(patients)} patients have the same SOPInstanceUID: {done}"
        found.items.append(issue("IMAGE_OF_TWO_PATIENTS", message, instances[0].source.name, origin="read"))


def _take_series(patients: Sequence[Sequence[Instance]], found: Contradictions) -> None:
    if len(patients) < 2:
        return
    instances = [one for patient in patients for one in patient]
    name = instances[0].source.name
    if not _is_torn(patients):
        message = f"{len(patients)} patients have the same SeriesInstanceUID, but their own images"
        found.items.append(issue("SERIES_OF_TWO_PATIENTS", message, name, origin="read"))
        return
    message = f"the slices of one series belong to {len(patients)} patients"
    found.items.append(issue("SERIES_TORN", message, name, origin="read"))
    sources = tuple(one.source for one in instances)
    found.sources |= {*sources}
    found.items.append(Skipped(sources[1:], message, "", instances[0].text("SeriesInstanceUID"), "lost"))


def _is_torn(patients: Sequence[Sequence[Instance]]) -> bool:
    """Whether the slices of several patients make up one volume: of one study, and at one place at most once."""
    every = [instance for patient in patients for instance in patient]
    if len({instance.text("StudyInstanceUID") for instance in every}) > 1:
        return False
    slices = [one for instance in every if kind_of(instance) == "volume" for one in slices_of(instance)]
    placed = [one for one in slices if one.position]
    if not placed:
        return False
    return not any(direction(stack) and len(set(places(stack))) < len(stack) for stack in stacks(placed))
