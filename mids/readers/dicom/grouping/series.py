"""From DICOM instances of one patient to records: which files are one volume, one image, one cine loop.

Grouping goes by SeriesInstanceUID, SOP class and geometry, never by folder, suffix or SeriesNumber alone.
"""

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from pydicom.uid import UID

from mids.issues import Issue, issue
from mids.readers.dicom.grouping.classes import is_contradicted, kind_of, modality_of
from mids.readers.dicom.grouping.counts import tell_absent
from mids.readers.dicom.grouping.slices import Slice, grouped, slices_of
from mids.readers.dicom.grouping.twins import distinct
from mids.readers.dicom.grouping.volumes import record, volumes
from mids.readers.dicom.headers import Instance
from mids.records import Item, Json, PatientKey, Skipped, Source
from mids.resources import read_yaml, schemas


def subject_key(instance: Instance) -> PatientKey:
    """The patient an instance belongs to: (issuer, PatientID), else its study, series or file; never merged.

    Leading zeros matter, outer blanks do not (PS3.3 C.7.1.1).
    """
    patient = instance.text("PatientID")
    if patient:
        return PatientKey(instance.text("IssuerOfPatientID"), patient)
    if study := instance.text("StudyInstanceUID"):
        return PatientKey("", study, "study")
    if series := instance.text("SeriesInstanceUID"):
        return PatientKey("", series, "series")
    return PatientKey("", instance.source.name, "file")


def study_key(instance: Instance) -> str:
    """The study an instance belongs to, else its series or file."""
    return instance.text("StudyInstanceUID") or f"series|{instance.text('SeriesInstanceUID') or instance.source.name}"


def by_subject(instances: Iterable[Instance]) -> Iterator[list[Instance]]:
    """The instances patient by patient, in order of the patients' keys."""
    groups: dict[PatientKey, list[Instance]] = defaultdict(list)
    for instance in instances:
        groups[subject_key(instance)].append(instance)
    yield from (groups[key] for key in sorted(groups))


@cache
def _skip_rules() -> tuple[tuple[str, tuple[tuple[str, re.Pattern[str]], ...]], ...]:
    rules = read_yaml(schemas() / "skips.yaml")
    return tuple(
        (rule["reason"], tuple((key, re.compile(text, re.IGNORECASE)) for key, text in rule["when"].items()))
        for rule in rules
    )


def skip_reason(instance: Instance) -> str:
    """Why an instance is rightly not converted (`schemas/skips.yaml`), or an empty text."""
    for reason, patterns in _skip_rules():
        if all(pattern.search(_joined(instance.header.get(key))) for key, pattern in patterns):
            return reason
    return "" if instance.has_pixels or cut_off(instance) else "not an image: it holds no pixel data"


def cut_off(instance: Instance) -> str:
    """What is missing at the end of a file, or an empty text: half-written files must not pass for other objects."""
    if instance.truncated:
        return "the pixel data is cut off"
    sop_class = instance.text("SOPClassUID")
    if not instance.has_pixels and (not sop_class or "Image Storage" in UID(sop_class).name):
        return "an image without pixel data: its header may be cut off"
    return ""


def _joined(value: Json) -> str:
    return "\\".join(str(part) for part in value) if isinstance(value, list) else str(value or "")


def records(root: Path, instances: Sequence[Instance]) -> Iterator[Item]:
    """Everything that one patient's instances hold: records to deliver, skipped input, issues.

    `root` is the source root; pixels are read only where two files claim to be one instance or one slice.
    """
    subject = subject_key(instances[0])
    yield from _identity_issues(instances)
    yield from tell_absent(instances)
    images: list[Instance] = []
    for instance in sorted(instances, key=lambda i: i.source):
        reason = skip_reason(instance)
        if reason:
            yield Skipped((instance.source,), reason, subject, instance.text("SeriesInstanceUID"))
        elif missing := cut_off(instance):
            yield issue("FILE_TRUNCATED", missing, instance.source.name, origin="read")
        else:
            images.append(instance)
    images, repeated = distinct(root, images)
    for twin, differing in repeated:
        yield _duplicate(twin, differing, subject)
    for group in grouped(images, _series_key):
        yield from _mended(group)
        yield from _without_slope(group)
        yield from _of_other_class(group)
        studies = grouped(group, study_key)
        together = len(studies) == 1 or _is_one(studies)
        if len(studies) > 1:
            yield _studies(studies, together=together)
        for part in [group] if together else studies:
            yield from _series(root, subject, part)


def stacked(root: Path, instances: Sequence[Instance]) -> Iterator[Item]:
    """What `records` makes of the images of one patient, none of which is cut off, skipped or given twice."""
    for group in grouped(instances, _series_key):
        yield from _series(root, subject_key(group[0]), group)


def _identity_issues(instances: Sequence[Instance]) -> Iterator[Issue]:
    for keyword in ("PatientBirthDate", "PatientSex"):
        values = {instance.text(keyword) for instance in instances} - {""}
        if len(values) > 1:
            message = f"one PatientID has {len(values)} different values of {keyword}"
            yield issue("PATIENT_AMBIGUOUS", message, instances[0].source.name, origin="read")


def _mended(instances: Sequence[Instance]) -> Iterator[Issue]:
    keywords = sorted({keyword for instance in instances for keyword in instance.mended})
    if keywords:
        message = f"decimal commas were read as points in {', '.join(keywords)}"
        yield issue("DECIMAL_COMMA", message, instances[0].source.name, origin="read")


def _without_slope(instances: Sequence[Instance]) -> Iterator[Issue]:
    count = sum(1 for instance in instances if any(plane.number("RescaleSlope") == 0 for plane in slices_of(instance)))
    if count:
        message = f"RescaleSlope is 0 in {count} of {len(instances)} files; 1 was taken"
        yield issue("SLOPE_ZERO", message, instances[0].source.name, origin="read")


def _of_other_class(instances: Sequence[Instance]) -> Iterator[Issue]:
    if odd := [instance for instance in instances if is_contradicted(instance)]:
        said, taken = odd[0].text("Modality"), modality_of(odd[0])
        message = f"Modality is {said} in {len(odd)} of {len(instances)} files of a class of {taken}; {taken} was taken"
        yield issue("MODALITY_CONTRADICTED", message, odd[0].source.name, origin="read")


def _is_one(studies: Sequence[Sequence[Instance]]) -> bool:
    """Whether the files of one series that stand under several studies are one series nevertheless.

    A study for each file, or slices of one day of which none repeats another's position, were torn apart; visits that
    were given one SeriesInstanceUID repeat positions, or were made on different days.
    """
    every = [instance for study in studies for instance in study]
    days = {instance.text(key) for instance in every for key in ("AcquisitionDate",)} - {""}
    days = days or {instance.text("StudyDate") for instance in every} - {""}
    positions = [place for instance in every if (place := instance.numbers("ImagePositionPatient", 3))]
    is_complement = len(positions) == len(every) == len(set(positions))
    return len(days) < 2 and (len(studies) == len(every) or is_complement)


def _studies(studies: Sequence[Sequence[Instance]], *, together: bool) -> Issue:
    done = "their slices were combined" if together else "each study's files were converted separately"
    message = f"{len(studies)} studies have the same SeriesInstanceUID: {done}"
    return issue("SERIES_OF_TWO_STUDIES", message, studies[0][0].source.name, origin="read")


def _series_key(instance: Instance) -> Hashable:
    """A series; without a SeriesInstanceUID whatever else tells series apart (missing tags are normal)."""
    uid = instance.text("SeriesInstanceUID")
    others = ("StudyInstanceUID", "SeriesNumber", "SeriesDescription", "SeriesTime", "AccessionNumber")
    return (uid, modality_of(instance), *(() if uid else map(instance.text, others)))


def _duplicate(twin: Instance, differing: Sequence[str], subject: PatientKey) -> Item:
    if not differing:
        reason = "a duplicate: same SOPInstanceUID and pixels as another file"
        return Skipped((twin.source,), reason, subject, twin.text("SeriesInstanceUID"))
    message = f"another file has the same SOPInstanceUID, but differs in {', '.join(differing)}"
    return issue("DUPLICATE_DIFFERS", message, twin.source.name, origin="read")


def _series(root: Path, subject: PatientKey, instances: list[Instance]) -> Iterator[Item]:
    slices: list[Slice] = []
    part = 0
    for instance in sorted(instances, key=_order):
        kind = kind_of(instance)
        if kind == "volume":
            slices += slices_of(instance)
        elif kind == "tiles":
            message = "the image is a whole slide of tiles, which this program does not combine"
            yield issue("SLIDE_TILED", message, instance.source.name, origin="read")
        else:
            yield record(subject, study_key(instance), modality_of(instance), kind, [Slice(instance)], part)
            part += 1
    if slices:
        first = slices[0].instance
        yield from volumes(root, (subject, study_key(first), modality_of(first)), slices, part)


def _order(instance: Instance) -> tuple[float, float, Source]:
    """Acquisition order inside a series: AcquisitionNumber and InstanceNumber, then the path."""
    numbers = (instance.numbers(key, 1) for key in ("AcquisitionNumber", "InstanceNumber"))
    acquisition, number = (n[0] if n else 0.0 for n in numbers)
    return acquisition, number, instance.source
