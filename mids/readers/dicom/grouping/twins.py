"""Files that are the same image twice: equal pixels alone never say so."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from pydicom.dataset import Dataset

from mids.errors import DataError
from mids.readers.archives.files import open_source
from mids.readers.dicom.grouping.slices import Slice, grouped
from mids.readers.dicom.headers import IDENTIFYING, Instance
from mids.readers.dicom.pixels import quiet, read_dataset, stored
from mids.records import Source

_GREY = (
    "PhotometricInterpretation PresentationLUTShape RescaleSlope RescaleIntercept RescaleType ModalityLUTSequence "
    "WindowCenter WindowWidth VOILUTFunction VOILUTSequence PixelPaddingValue PixelPaddingRangeLimit "
    "RedPaletteColorLookupTableData GreenPaletteColorLookupTableData BluePaletteColorLookupTableData "
    "PixelAspectRatio PixelIntensityRelationshipSign"
).split()
"""What makes a picture of stored values (PS3.4 N.2)."""

_PLACE = (
    "ImagePositionPatient ImageOrientationPatient PixelSpacing AcquisitionTime AcquisitionDateTime TriggerTime "
    "TemporalPositionIdentifier FrameReferenceTime"
).split()

_LABELS = frozenset(
    (
        "AccessionNumber IssuerOfPatientID PatientID PatientAge PatientBirthDate PatientSex StudyInstanceUID "
        "StudyDescription StudyDate StudyTime SeriesInstanceUID SeriesDescription SeriesNumber SeriesDate SeriesTime "
        "ProtocolName PerformedProcedureStepDescription ImageComments InstanceNumber NumberOfSeriesRelatedInstances "
        "TransferSyntaxUID BurnedInAnnotation RecognizableVisualFeatures DeidentificationMethod "
        "DeidentificationMethodCodeSequence BitsAllocated Manufacturer ManufacturerModelName SoftwareVersions"
    ).split()
).union(IDENTIFYING)
"""What archives and de-identification write anew without making another image."""

_OWN = frozenset({"SOPInstanceUID", "TransferSyntaxUID", "InstanceNumber"})
"""What the header of a slice may have of its own although it is another's copy."""


def pixel_digest(root: Path, source: Source) -> str:
    """SHA-256 of the decoded stored values and of what makes a picture of them: transfer syntaxes do not matter.

    Of the bytes where the pixels can't be decoded.
    """
    with open_source(root, source) as stream:
        try:
            dataset = read_dataset(stream)
            values = stored(dataset)
            digest = hashlib.sha256(repr(values.shape).encode() + values.astype("<i4").tobytes())
        except DataError:
            stream.seek(0)
            return hashlib.sha256(stream.read()).hexdigest()
    with quiet():
        digest.update(repr([_plain(dataset, keyword) for keyword in _GREY]).encode())
    return digest.hexdigest()


def _plain(dataset: Dataset, keyword: str) -> str:
    element = dataset.get(keyword)
    return str(element) if element is not None else ""


def distinct(root: Path, instances: Sequence[Instance]) -> tuple[list[Instance], list[tuple[Instance, list[str]]]]:
    """The first file of each SOPInstanceUID, and the others with what contradicts the first, nothing of a copy."""
    kept: list[Instance] = []
    repeated: list[tuple[Instance, list[str]]] = []
    for group in grouped(instances, lambda instance: instance.text("SOPInstanceUID") or instance.source):
        kept.append(group[0])
        if len(group) > 1:
            first = pixel_digest(root, group[0].source)
            for twin in group[1:]:
                found = _contradictions(twin, group[0])
                is_other = not found and pixel_digest(root, twin.source) != first
                repeated.append((twin, ["pixels, window, polarity or lookup tables"] if is_other else found))
    return kept, repeated


def _contradictions(one: Instance, other: Instance) -> list[str]:
    """The keywords in which two headers differ: of the place always, of the others where both state a value."""
    ours, theirs = ({**instance.header, **instance.per_frame} for instance in (one, other))
    stated = {key for key in ours.keys() & theirs.keys() - _LABELS if _text(ours[key]) != _text(theirs[key])}
    return sorted(stated | {key for key in _PLACE if ours.get(key) != theirs.get(key)})


def _text(value: object) -> str:
    return str(value).casefold()


def without_copies(root: Path, slices: Sequence[Slice], places: Sequence[object]) -> tuple[list[int], list[int]]:
    """The indices of slices, and of those that are copies of another one at their place.

    A copy has the pixels and the whole header of the other, but for its UID. With another InstanceNumber it is one
    only if not every place occurs equally often without it, or all slices are there twice.
    """
    copies: dict[bool, list[int]] = {True: [], False: []}
    for group in grouped(range(len(slices)), lambda index: places[index]):
        if len(group) == 1:
            continue
        seen: dict[tuple[object, ...], list[int]] = {}
        for index in group:
            seen.setdefault(_identity(slices[index]), []).append(index)
        for alike in seen.values():
            digests: dict[str, int] = {}
            for index in alike if len(alike) > 1 else ():
                digest = pixel_digest(root, slices[index].source)
                first = digests.setdefault(digest, index)
                if first != index:
                    numbers = (slices[i].get("InstanceNumber") for i in (first, index))
                    copies[len(set(map(str, numbers))) == 1].append(index)
    dropped = set(copies[True])
    left = [index for index in range(len(slices)) if index not in dropped]
    counts = {len(group) for group in grouped(left, lambda index: places[index])}
    fewer = [index for index in left if index not in set(copies[False])]
    if len(counts) > 1 or len(fewer) == len({places[index] for index in fewer}):
        dropped |= set(copies[False])
    return [index for index in range(len(slices)) if index not in dropped], sorted(dropped)


def _identity(plane: Slice) -> tuple[object, ...]:
    """All that a header says of a slice, but for what is each file's own; frames are never copies."""
    if plane.frame is not None:
        return (plane.source, plane.frame)
    header = plane.instance.header
    return tuple((keyword, str(header[keyword])) for keyword in sorted(header.keys() - _OWN))
