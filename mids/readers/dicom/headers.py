"""Reads DICOM headers: tolerant of missing tags, missing preambles, wrong values and truncated files.

Only the attributes that naming, geometry and the sidecar's allow-list need are taken out of a file; nothing
else stays in memory.
"""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import BinaryIO, cast

import pydicom
from pydicom import config
from pydicom.charset import convert_encodings, decode_bytes
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import DeflatedExplicitVRLittleEndian

from mids.errors import DataError
from mids.readers.archives.kinds import hides_dicom, looks_like_dicom
from mids.readers.archives.streams import Unpacked
from mids.readers.dicom import plain
from mids.readers.dicom.extent import LARGEST, UNKNOWN, find_pixels, inflated
from mids.readers.dicom.perframe import SEQUENCES, Columns, read_frames
from mids.readers.dicom.plain import NotPlainError
from mids.readers.dicom.values import BROKEN, READ, Wanted, collect, elements, header
from mids.records import Json, Source

NAMING = (
    "AccessionNumber AcquisitionDate AcquisitionDateTime AcquisitionNumber AcquisitionTime AnatomicRegionSequence "
    "BodyPartExamined BurnedInAnnotation ContentDate ContentTime ContrastBolusAgent DiffusionBValue EchoNumbers "
    "FrameIncrementPointer FrameLaterality ImageLaterality ImageType InstanceNumber IssuerOfPatientID Laterality "
    "Modality NumberOfFrames NumberOfTemporalPositions PatientAge PatientBirthDate PatientID PatientOrientation "
    "PatientPosition PatientSex PhotometricInterpretation ProtocolName Rows Columns SamplesPerPixel SeriesDate "
    "SeriesDescription SeriesNumber SeriesTime SOPClassUID SOPInstanceUID SequenceName SeriesInstanceUID "
    "StudyDate StudyInstanceUID StudyTime TemporalPositionIdentifier TriggerTime ViewCodeSequence "
    "ViewModifierCodeSequence ViewPosition PatientOrientationCodeSequence PatientOrientationModifierCodeSequence "
    "BitsAllocated BitsStored PixelRepresentation ImageOrientationPatient ImagePositionPatient PixelSpacing "
    "SliceThickness GantryDetectorTilt ImageComments ConversionType SecondaryCaptureDeviceID DateOfSecondaryCapture "
    "TimeOfSecondaryCapture SecondaryCaptureDeviceManufacturer SecondaryCaptureDeviceManufacturerModelName "
    "SecondaryCaptureDeviceSoftwareVersions RecognizableVisualFeatures StudyDescription FrameOfReferenceUID "
    "ComplexImageComponent "
    "EffectiveEchoTime InversionTimes FlipAngle FrameType FrameAcquisitionDateTime FrameReferenceDateTime "
    "FrameReferenceTime TemporalPositionIndex NominalCardiacTriggerDelayTime MonoenergeticEnergyEquivalent "
    "AttenuationCorrected ReconstructionAlgorithm MagnetizationTransfer RescaleType SliceLocation "
    "TotalPixelMatrixRows EchoPlanarPulseSequence PulseSequenceName AcquisitionContrast "
    "DerivationDescription PerformedProcedureStepDescription SpecimenLabelInImage "
    "NominalPercentageOfCardiacPhase NominalPercentageOfRespiratoryPhase DimensionIndexValues "
    "ModalityLUTSequence NumberOfSlices NumberOfTimeSlices NumberOfTimeSlots ImagesInAcquisition "
    "NumberOfSeriesRelatedInstances "
    "ConcatenationUID InConcatenationNumber InConcatenationTotalNumber "
    "InStackPositionNumber ImagePositionVolume ImageOrientationVolume DataType TemporalPositionTimeOffset"
).split()
"""Attributes that grouping, naming and the tables need, beyond the sidecar's allow-list."""

IDENTIFYING = (
    "PatientName OtherPatientNames PatientBirthName PatientMotherBirthName OtherPatientIDs ResponsiblePerson "
    "PatientAddress ReferringPhysicianName PerformingPhysicianName NameOfPhysiciansReadingStudy RequestingPhysician "
    "OperatorsName PhysiciansOfRecord ConsultingPhysicianName ContentCreatorName InstitutionName InstitutionAddress "
    "InstitutionalDepartmentName StationName RequestingService CurrentPatientLocation PatientInstitutionResidence "
    "AdmissionID StudyID ServiceEpisodeID RequestedProcedureID"
).split()
"""Attributes of which no value may stand in a text that goes out; they are looked for there."""

_LATE = 1024
"""Bytes in which DICOM is looked for behind what does not belong there."""

_UNDEFINED = 0xFFFFFFFF
_META = ("TransferSyntaxUID", "MediaStorageSOPClassUID")
_REFUSED = frozenset(tag for keyword in SEQUENCES if (tag := tag_for_keyword(keyword)))


@dataclass(frozen=True, slots=True)
class Instance:
    """The header of one SOP instance: where it is, and the wanted attributes by DICOM keyword, typed.

    `transfer_syntax` is a UID; `truncated` says that PixelData is shorter than it claims; `has_pixels` that there
    is any. `per_frame` holds what differs between the frames of an image with frames; `mended` are the attributes
    whose decimal comma was read as a point.
    """

    source: Source
    header: Mapping[str, Json] = field(default_factory=dict)
    transfer_syntax: str = ""
    has_pixels: bool = False
    truncated: bool = False
    per_frame: Columns = field(default_factory=dict)
    mended: tuple[str, ...] = ()

    def text(self, keyword: str) -> str:
        """The attribute as stripped text, empty where it is missing."""
        value = self.header.get(keyword)
        return "" if value is None else str(value).strip()

    def numbers(self, keyword: str, count: int) -> tuple[float, ...]:
        """The attribute as `count` floats, an empty tuple where it is missing or of another length."""
        value = self.header.get(keyword)
        values = value if isinstance(value, list) else [value]
        if len(values) != count or not all(isinstance(v, int | float) for v in values):
            return ()
        return tuple(float(v) for v in values if isinstance(v, int | float))


def read_header(stream: BinaryIO) -> Dataset:
    """The header up to PixelData, its values still as bytes; warnings of pydicom are not passed on.

    Raises `DataError` ``DICOM_UNREADABLE``.
    """
    try:
        with warnings.catch_warnings(), config.disable_value_validation():
            warnings.simplefilter("ignore")
            return pydicom.dcmread(stream, stop_before_pixels=True, force=True)
    except BROKEN as error:
        raise DataError("DICOM_UNREADABLE", f"the DICOM header can't be read ({type(error).__name__})") from error


@dataclass(frozen=True, slots=True)
class PrivateTag:
    """A private element, found through its creator (PS3.5 7.8.1): another creator's block may shift it."""

    name: str
    group: int
    creator: str
    element: int


def read_instance(
    source: Source, stream: BinaryIO, keywords: tuple[str, ...], private: tuple[PrivateTag, ...] = ()
) -> Instance | None:
    """One file's header, or None where the file is not DICOM; private elements stand under their `name`.

    Raises `DataError` ``DICOM_UNREADABLE`` for DICOM that breaks off inside its header or does not begin where it
    must, and ``PIXELS_UNREADABLE`` for pixel data far longer than its header explains.
    """
    head = stream.read(132)
    if not looks_like_dicom(head):
        if hides_dicom(head + stream.read(_LATE)):
            raise DataError("DICOM_UNREADABLE", "DICOM that does not begin with its preamble (PS3.10 7.1)")
        return None
    stream.seek(0)
    packed = inflated(stream, source.size)
    if packed is None:
        return _read(source, stream, keywords, private)
    try:
        found = _read(replace(source, size=UNKNOWN), cast(BinaryIO, packed), keywords, private)
    except DataError as error:
        raise DataError(error.code.replace("ARCHIVE", "DICOM"), error.message) from error
    syntax = str(DeflatedExplicitVRLittleEndian)
    header = {**found.header, "TransferSyntaxUID": syntax} if found else {}
    return replace(found, source=source, header=header, transfer_syntax=syntax) if found else None


def _read(
    source: Source, stream: BinaryIO, keywords: tuple[str, ...], private: tuple[PrivateTag, ...]
) -> Instance | None:
    """The header of what looks like DICOM; of a file in an archive no more is unpacked than that needs."""
    if isinstance(stream, Unpacked):
        stream.most = LARGEST
    try:
        return read_plain(source, stream, keywords, private)
    except (NotPlainError, OSError):  # of an error pydicom's way says which
        stream.seek(0)
    return read_any(source, stream, keywords, private)


def read_any(
    source: Source, stream: BinaryIO, keywords: tuple[str, ...], private: tuple[PrivateTag, ...] = ()
) -> Instance | None:
    """What `read_instance` returns of a file that looks like DICOM, read by pydicom.

    Raises `DataError` ``DICOM_UNREADABLE``.
    """
    dataset = read_header(stream)
    is_cut = _is_cut(dataset)  # before values are decoded
    meta, _ = header(getattr(dataset, "file_meta", Dataset()), _META)
    syntax = str(meta.get("TransferSyntaxUID", ""))
    found, mended = header(dataset, keywords)
    if syntax == DeflatedExplicitVRLittleEndian:
        has_pixels, truncated = "Rows" in dataset, False
    else:
        _, little = dataset.original_encoding
        start = stream.tell()  # pydicom leaves the stream at the tag it stopped before
        has_pixels, truncated = find_pixels(stream, stream.read(12), start, source.size, found, big=little is False)
        if is_cut and not has_pixels:
            raise DataError("DICOM_UNREADABLE", "the DICOM header breaks off")
    found |= {tag.name: value for tag in private if (value := _private(dataset, tag))}
    if syntax:
        found["TransferSyntaxUID"] = syntax
    if "SOPClassUID" not in found and "MediaStorageSOPClassUID" in meta:
        found["SOPClassUID"] = meta["MediaStorageSOPClassUID"]  # a DICOMDIR has it only there
    if not found:
        return None if getattr(dataset, "preamble", None) is None else Instance(source, {}, syntax)
    frames = read_frames(dataset, elements(keywords), found) if any(key in dataset for key in SEQUENCES) else {}
    return Instance(source, found, syntax, has_pixels, truncated, frames, tuple(sorted(mended)))


def _is_cut(dataset: Dataset) -> bool:
    """Whether the last value is shorter than its element says: half of an ID would be another patient's."""
    last: object = dataset.get_item(max(dataset.keys()), keep_deferred=True) if len(dataset) else None
    if not isinstance(last, RawDataElement) or not isinstance(last.value, bytes):
        return False
    return len(last.value) < last.length < _UNDEFINED


def read_plain(
    source: Source, stream: BinaryIO, keywords: tuple[str, ...], private: tuple[PrivateTag, ...] = ()
) -> Instance:
    """What `read_instance` returns of a plain file, the same as `read_any` does.

    Raises `NotPlainError` where the file needs that.
    """
    found = plain.read(stream, _plain_wanted(keywords, private))
    values: dict[str, Json] = {}
    mended: set[str] = set()
    left = _known(found, elements(keywords), values)
    if left or private:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = found.dataset(found.elements if private else left)
            mended = collect(dataset, left, values)
            values |= {tag.name: value for tag in private if (value := _private(dataset, tag))}
    values["TransferSyntaxUID"] = found.syntax
    if found.sop_class:
        values.setdefault("SOPClassUID", found.sop_class)
    pixels = find_pixels(stream, found.tail, found.end, source.size, values, big=False)
    return Instance(source, values, found.syntax, *pixels, mended=tuple(sorted(mended)))


@cache
def _plain_wanted(keywords: tuple[str, ...], private: tuple[PrivateTag, ...]) -> plain.Wanted:
    tags = frozenset(elements(keywords))
    return plain.wanted(tags - _REFUSED, (tag.group for tag in private), _REFUSED)


def _known(found: plain.Header, wanted: Wanted, values: dict[str, Json]) -> Wanted:
    """Adds the values that were decoded before or are simple to `values`; returns what is left to pydicom."""
    left: dict[int, tuple[str, str]] = {}
    charset = str(found.charset)
    for tag, (vr, raw) in found.elements.items():
        if tag not in wanted:
            continue
        keyword, expected = wanted[tag]
        if not raw and vr in (expected, None):
            continue
        key = tag, vr, raw, True, charset
        if key in READ:
            value = READ[key]
        elif vr not in (expected, None) or (value := plain.simple(expected, raw)) is None:
            left[tag] = wanted[tag]
            continue
        if value is not None:
            values[keyword] = value
    return left


def private_creators(stream: BinaryIO, group: int) -> list[str]:
    """The creators that have reserved blocks of a private group, in order (PS3.5 7.8.1).

    Raises `DataError` ``DICOM_UNREADABLE``.
    """
    return [creator for _, creator in _blocks(read_header(stream), group)]


def _blocks(dataset: Dataset, group: int) -> Iterator[tuple[int, str]]:
    """The number of each reserved block of a private group and its creator's name."""
    present = dataset.keys()
    for block in range(0x10, 0x100):
        tag = group << 16 | block
        if tag in present and (creator := _text(dataset, tag)):
            yield block, creator


def _private(dataset: Dataset, tag: PrivateTag) -> str:
    """The text of a private element; the case and padding of its creator's name do not matter."""
    wanted = " ".join(tag.creator.casefold().split())
    places = (
        tag.group << 16 | block << 8 | tag.element
        for block, creator in _blocks(dataset, tag.group)
        if " ".join(creator.casefold().split()) == wanted
    )
    return next((text for place in places if (text := _text(dataset, place))), "")


def _text(dataset: Dataset, tag: int) -> str:
    """The text of an element, padding removed, empty where there is none.

    In implicit VR a private element comes as bytes: they are in the file's character set, or where it names none in
    UTF-8 or Latin-1.
    """
    if tag not in dataset:
        return ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = dataset[tag].value
            if isinstance(value, bytes):
                value = _decoded(value, dataset.get("SpecificCharacterSet"))
    except BROKEN:
        return ""
    parts = value if isinstance(value, MultiValue) else [value]
    return "\\".join("" if part is None else str(part) for part in parts).replace("\x00", "").strip()


def _decoded(value: bytes, character_set: str | list[str] | None) -> str:
    if character_set:
        return decode_bytes(value, convert_encodings(character_set), set())
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
