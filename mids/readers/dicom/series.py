"""From DICOM instances of one patient to records: which files are one volume, one image, one cine loop.

Grouping goes by SeriesInstanceUID and geometry, never by folder, suffix or SeriesNumber alone.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from mids.errors import DataError
from mids.issues import Issue, issue
from mids.readers.archives.files import open_source
from mids.readers.dicom.geometry import even_slices, geometry, orientation_key, position
from mids.readers.dicom.headers import Instance
from mids.readers.dicom.mosaic import is_sheet
from mids.readers.dicom.pixels import read_dataset, stored
from mids.records import Item, Json, Kind, Record, Skipped, Source
from mids.resources import read_yaml, schemas

LOST = "lost with its series: "
"""How the reason of a Skipped begins whose sources are lost, not rightly left out."""

VOLUMES = frozenset({"CT", "MR", "PT", "NM"})
"""Modalities that are always delivered as NIfTI, one slice included (docs/decisions.md)."""


def subject_key(instance: Instance) -> str:
    """The patient an instance belongs to: (issuer, PatientID), else its study, series or file; never merged.

    Leading zeros matter, outer blanks do not (PS3.3 C.7.1.1).
    """
    patient = instance.text("PatientID")
    if patient:
        return f"{instance.text('IssuerOfPatientID')}|{patient}"
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID"):
        if instance.text(keyword):
            return f"{keyword}|{instance.text(keyword)}"
    return f"file|{instance.source.name}"


def study_key(instance: Instance) -> str:
    """The study an instance belongs to, else its series or file."""
    return instance.text("StudyInstanceUID") or f"series|{instance.text('SeriesInstanceUID') or instance.source.name}"


def by_subject(instances: Iterable[Instance]) -> Iterator[list[Instance]]:
    """The instances patient by patient, in order of the patients' keys."""
    groups: dict[str, list[Instance]] = defaultdict(list)
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
    return "" if instance.has_pixels else "not an image: it holds no pixel data"


def _joined(value: Json) -> str:
    return "\\".join(str(part) for part in value) if isinstance(value, list) else str(value or "")


def records(root: Path, instances: Sequence[Instance]) -> Iterator[Item]:
    """Everything that one patient's instances hold: records to deliver, skipped input, issues.

    `root` is the source root; pixels are read only where two files claim to be one instance or one slice.
    """
    subject = subject_key(instances[0])
    yield from _identity_issues(instances)
    images: list[Instance] = []
    for instance in sorted(instances, key=lambda i: i.source):
        reason = skip_reason(instance)
        if reason:
            yield Skipped((instance.source,), reason, subject, instance.text("SeriesInstanceUID"))
        elif instance.truncated:
            yield issue("FILE_TRUNCATED", "the pixel data breaks off", instance.source.name, origin="read")
        else:
            images.append(instance)
    images, repeated = _distinct(root, images, lambda i: i.text("SOPInstanceUID") or i.source)
    for twin, original in repeated:
        yield _duplicate(twin, original, subject)
    for group in _grouped(images, _series_key).values():
        yield from _series(root, subject, group)


def _identity_issues(instances: Sequence[Instance]) -> Iterator[Issue]:
    for keyword in ("PatientBirthDate", "PatientSex"):
        values = {instance.text(keyword) for instance in instances} - {""}
        if len(values) > 1:
            message = f"one PatientID stands with {len(values)} different values of {keyword}"
            yield issue("PATIENT_AMBIGUOUS", message, instances[0].source.name, origin="read")


def _grouped(instances: Iterable[Instance], key: Callable[[Instance], Hashable]) -> dict[Hashable, list[Instance]]:
    groups: dict[Hashable, list[Instance]] = defaultdict(list)
    for instance in instances:
        groups[key(instance)].append(instance)
    return groups


def _series_key(instance: Instance) -> Hashable:
    """A series; without a SeriesInstanceUID whatever else tells series apart (missing tags are normal)."""
    uid = instance.text("SeriesInstanceUID")
    rest = () if uid else ("SeriesNumber", "SeriesDescription", "SeriesTime", "AccessionNumber")
    return (instance.text("StudyInstanceUID"), uid, instance.text("Modality"), *map(instance.text, rest))


def pixel_digest(root: Path, source: Source) -> str:
    """SHA-256 of the decoded stored values, so that transfer syntaxes do not matter; of the bytes if undecodable."""
    with open_source(root, source) as stream:
        try:
            values = stored(read_dataset(stream))
            return hashlib.sha256(repr(values.shape).encode() + values.astype("<i4").tobytes()).hexdigest()
        except DataError:
            stream.seek(0)
            return hashlib.sha256(stream.read()).hexdigest()


def _distinct(
    root: Path, instances: Sequence[Instance], key: Callable[[Instance], Hashable]
) -> tuple[list[Instance], list[tuple[Instance, bool]]]:
    """The first of each key, and the others with whether their pixels equal the first's."""
    kept: list[Instance] = []
    repeated: list[tuple[Instance, bool]] = []
    for group in _grouped(instances, key).values():
        kept.append(group[0])
        if len(group) > 1:
            first = pixel_digest(root, group[0].source)
            repeated += [(twin, pixel_digest(root, twin.source) == first) for twin in group[1:]]
    return kept, repeated


def _duplicate(twin: Instance, same: bool, subject: str) -> Item:  # noqa: FBT001 - the pair of _distinct
    if same:
        reason = "a duplicate: same SOPInstanceUID and pixels as another file"
        return Skipped((twin.source,), reason, subject, twin.text("SeriesInstanceUID"))
    message = "another file has the same SOPInstanceUID and other pixels"
    return issue("DUPLICATE_DIFFERS", message, twin.source.name, origin="read")


def _series(root: Path, subject: str, instances: list[Instance]) -> Iterator[Item]:
    first = instances[0]
    modality = first.text("Modality") or "OT"
    if modality not in VOLUMES:
        for part, instance in enumerate(sorted(instances, key=_order)):
            yield _record(subject, modality, "frames" if _frames(instance) > 1 else "image", [instance], part)
        return
    stacks = list(_grouped(sorted(instances, key=_order), _stack_key).values())
    if len(stacks) > 1:
        message = f"{len(stacks)} sets of slices of different orientation, size or echo in one series"
        yield issue("SERIES_MIXED", message, first.source.name, origin="read")
    part = 0
    for stack in stacks:
        for item in _volumes(root, subject, modality, stack, part):
            yield item
            part += isinstance(item, Record)


def _frames(instance: Instance) -> int:
    value = instance.header.get("NumberOfFrames")
    return value if isinstance(value, int) and value > 0 else 1


def _order(instance: Instance) -> tuple[float, float, Source]:
    """Acquisition order inside a series: AcquisitionNumber and InstanceNumber, then the path."""
    numbers = (instance.numbers(key, 1) for key in ("AcquisitionNumber", "InstanceNumber"))
    acquisition, number = (n[0] if n else 0.0 for n in numbers)
    return acquisition, number, instance.source


def _stack_key(instance: Instance) -> Hashable:
    """What must agree for slices to be one volume; echoes and the parts of a complex MR image are apart."""
    key: tuple[Hashable, ...] = (
        instance.source if _frames(instance) > 1 else "",
        *(instance.text(keyword) for keyword in ("Rows", "Columns", "BitsAllocated")),
        orientation_key(instance),
        tuple(round(value, 4) for value in instance.numbers("PixelSpacing", 2)),
    )
    if instance.text("Modality") == "MR":
        image_type = instance.header.get("ImageType")
        parts = tuple(str(part) for part in image_type[2:]) if isinstance(image_type, list) else ()
        key += (instance.text("EchoNumbers"), instance.text("EchoTime"), parts)
    return key


def _volumes(root: Path, subject: str, modality: str, stack: list[Instance], part: int) -> Iterator[Item]:
    """One record per volume of a stack; slices that lie on one another are a time series or volumes apart."""
    if all(is_sheet(instance.header) for instance in stack):
        yield _record(subject, modality, "volume", stack, part)
        return
    if len(stack) > 1 and any(position(instance) is None for instance in stack):
        message = f"{len(stack)} slices without positions can't be put into a volume"
        yield from _unstackable(subject, stack, message)
        return
    stack, repeated = _without_twins(root, stack)
    for twin in repeated:
        reason = "a duplicate: same position and pixels as another slice"
        yield Skipped((twin.source,), reason, subject, twin.text("SeriesInstanceUID"))
    for volume in _separate(stack):
        if volume is None:
            message = "slices repeat positions in a way that no attribute explains"
            yield from _unstackable(subject, stack, message)
            continue
        record = _record(subject, modality, "volume", volume, part)
        part += 1
        shape = record.geometry
        absent = even_slices(shape) - shape.slices if shape else 0
        if shape and absent > shape.slices:
            message = f"{shape.slices} slices are there and {absent} would have to be made up between them"
            yield from _unstackable(subject, volume, message)
            continue
        if shape and shape.missing:
            message = f"{shape.slices} slices are there and {shape.missing} are missing between them"
            yield issue("SERIES_GAP", message, volume[0].source.name, origin="read")
        yield record


def _unstackable(subject: str, stack: list[Instance], message: str) -> Iterator[Item]:
    """One Issue for the series; its other slices are accounted for as lost with it."""
    yield issue("SERIES_UNSTACKABLE", message, stack[0].source.name, origin="read")
    others = tuple(instance.source for instance in stack[1:])
    yield Skipped(others, LOST + message, subject, stack[0].text("SeriesInstanceUID"))


def _without_twins(root: Path, stack: list[Instance]) -> tuple[list[Instance], list[Instance]]:
    """Drops slices that repeat another's position, time and pixels; pixels are read only where positions repeat."""
    kept: list[Instance] = []
    twins: list[Instance] = []
    for group in _grouped(stack, position).values():
        seen: set[str] = set()
        for instance in group:
            digest = pixel_digest(root, instance.source) if len(group) > 1 else ""
            (twins if digest in seen else kept).append(instance)
            seen.add(digest)
    return kept, twins


_SEPARATORS = (
    "AcquisitionNumber",
    "TemporalPositionIdentifier",
    "TriggerTime",
    "AcquisitionTime",
    "ContentTime",
)


def _separate(stack: list[Instance]) -> list[list[Instance] | None]:
    """Volumes in which each position has equally many slices; None stands for what nothing could separate."""
    if _is_regular(stack):
        return [stack]
    for keyword in _SEPARATORS:
        groups = list(_grouped(stack, lambda i, keyword=keyword: i.text(keyword)).values())  # type: ignore[misc]
        if len(groups) > 1 and all(_is_regular(group) for group in groups):
            return list(groups)
    return [None]


def _is_regular(stack: list[Instance]) -> bool:
    return len({len(group) for group in _grouped(stack, position).values()}) == 1


def _record(subject: str, modality: str, kind: Kind, instances: list[Instance], part: int) -> Record:
    ordered, shape = geometry(instances)
    if is_sheet(instances[0].header):  # of which each is a volume: only its private elements say how to cut it
        ordered, shape = list(instances), replace(shape, slices=1, volumes=len(instances), problem="", positions=())
    header, per_slice = _folded(ordered)
    first = ordered[0]
    return Record(
        subject=subject,
        study=study_key(first),
        series=first.text("SeriesInstanceUID") or first.source.name,
        kind=kind,
        modality=modality,
        sources=tuple(instance.source for instance in ordered),
        header=header,
        per_slice=per_slice,
        geometry=shape if kind == "volume" else None,
        part=part,
        instance=first.text("SOPInstanceUID"),
    )


def _folded(instances: Sequence[Instance]) -> tuple[Mapping[str, Json], Mapping[str, tuple[Json, ...]]]:
    """Attributes that are constant over the instances, and the varying ones per instance."""
    keywords = dict.fromkeys(key for instance in instances for key in instance.header)
    constant: dict[str, Json] = {}
    varying: dict[str, tuple[Json, ...]] = {}
    for keyword in keywords:
        values = tuple(instance.header.get(keyword) for instance in instances)
        if all(value == values[0] for value in values):
            constant[keyword] = values[0]
        else:
            varying[keyword] = values
    return constant, varying
