"""Reads DICOM headers: tolerant of missing tags, missing preambles, wrong values and truncated files.

Only the attributes that naming, geometry and the sidecar's allow-list need are taken out of a file; nothing
else stays in memory.
"""

import struct
import warnings
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import BinaryIO, TypeAlias, cast

import pydicom
from pydicom import config
from pydicom.charset import convert_encodings, decode_bytes
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.multival import MultiValue
from pydicom.uid import DeflatedExplicitVRLittleEndian

from mids.errors import DataError
from mids.readers.archives.kinds import looks_like_dicom
from mids.readers.archives.streams import Unpacked
from mids.readers.dicom import plain
from mids.readers.dicom.extent import LARGEST, UNKNOWN, find_pixels, inflated
from mids.readers.dicom.plain import NotPlainError
from mids.records import Json, Source

NAMING = (
    "AccessionNumber AcquisitionDate AcquisitionDateTime AcquisitionNumber AcquisitionTime AnatomicRegionSequence "
    "BodyPartExamined BurnedInAnnotation ContentDate ContentTime ContrastBolusAgent DiffusionBValue EchoNumbers "
    "FrameIncrementPointer ImageLaterality ImageType InstanceNumber IssuerOfPatientID Laterality Modality "
    "NumberOfFrames NumberOfTemporalPositions PatientAge PatientBirthDate PatientID PatientOrientation "
    "PatientPosition PatientSex PhotometricInterpretation ProtocolName Rows Columns SamplesPerPixel SeriesDate "
    "SeriesDescription SeriesNumber SeriesTime SOPClassUID SOPInstanceUID SequenceName SeriesInstanceUID "
    "StudyDate StudyInstanceUID StudyTime TemporalPositionIdentifier TriggerTime ViewCodeSequence "
    "ViewModifierCodeSequence ViewPosition PatientOrientationCodeSequence PatientOrientationModifierCodeSequence "
    "BitsAllocated BitsStored PixelRepresentation ImageOrientationPatient ImagePositionPatient PixelSpacing "
    "SliceThickness GantryDetectorTilt ImageComments ConversionType SecondaryCaptureDeviceID DateOfSecondaryCapture "
    "TimeOfSecondaryCapture SecondaryCaptureDeviceManufacturer SecondaryCaptureDeviceManufacturerModelName "
    "SecondaryCaptureDeviceSoftwareVersions RecognizableVisualFeatures StudyDescription FrameOfReferenceUID"
).split()
"""Attributes that grouping, naming and the tables need, beyond the sidecar's allow-list."""

IDENTIFYING = (
    "PatientName OtherPatientNames PatientBirthName PatientMotherBirthName OtherPatientIDs ResponsiblePerson "
    "PatientAddress ReferringPhysicianName PerformingPhysicianName NameOfPhysiciansReadingStudy RequestingPhysician "
    "OperatorsName InstitutionName"
).split()
"""Attributes of which no value may stand in a text that goes out; they are looked for there."""

_CHARSET = 0x00080005
_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_GROUP_TAGS = frozenset(tag for keyword in _GROUPS if (tag := tag_for_keyword(keyword)))
_META = ("TransferSyntaxUID", "MediaStorageSOPClassUID")
_CODES = ("CodeValue", "CodeMeaning", "CodingSchemeDesignator")
BROKEN = (
    InvalidDicomError, BytesLengthException, EOFError, OSError, ValueError, TypeError, KeyError, IndexError,
    AttributeError, NotImplementedError, struct.error, RecursionError, OverflowError, MemoryError, LookupError,
    zlib.error,
)  # fmt: skip


_Wanted: TypeAlias = Mapping[int, tuple[str, str]]
"""Keyword and VR by tag."""


@dataclass(frozen=True, slots=True)
class Instance:
    """The header of one SOP instance: where it is, and the wanted attributes by DICOM keyword, typed.

    `transfer_syntax` is a UID; `truncated` says that PixelData is shorter than it claims; `has_pixels` that there
    is any. `frames` are the ImagePositionPatient of each frame of an enhanced image.
    """

    source: Source
    header: Mapping[str, Json] = field(default_factory=dict)
    transfer_syntax: str = ""
    has_pixels: bool = False
    truncated: bool = False
    frames: tuple[tuple[float, ...], ...] = ()

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

    Raises `DataError` ``DICOM_UNREADABLE`` for DICOM that breaks off inside its header, and ``PIXELS_UNREADABLE`` for
    pixel data far longer than its header explains.
    """
    head = stream.read(132)
    if not looks_like_dicom(head):
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
    meta = _header(getattr(dataset, "file_meta", Dataset()), _META)
    syntax = str(meta.get("TransferSyntaxUID", ""))
    header = _header(dataset, keywords)
    if syntax == DeflatedExplicitVRLittleEndian:
        has_pixels, truncated = "Rows" in dataset, False
    else:
        implicit, little = dataset.original_encoding
        start = stream.tell()  # pydicom leaves the stream at the tag it stopped before
        has_pixels, truncated = find_pixels(
            stream, stream.read(12), start, source.size, header, implicit=bool(implicit), big=little is False
        )
    header |= {tag.name: value for tag in private if (value := _private(dataset, tag))}
    if syntax:
        header["TransferSyntaxUID"] = syntax
    if "SOPClassUID" not in header and "MediaStorageSOPClassUID" in meta:
        header["SOPClassUID"] = meta["MediaStorageSOPClassUID"]  # a DICOMDIR has it only there
    if not header:
        return None if getattr(dataset, "preamble", None) is None else Instance(source, {}, syntax)
    return Instance(source, header, syntax, has_pixels, truncated, _frames(dataset))


def read_plain(
    source: Source, stream: BinaryIO, keywords: tuple[str, ...], private: tuple[PrivateTag, ...] = ()
) -> Instance:
    """What `read_instance` returns of a plain file, the same as `read_any` does.

    Raises `NotPlainError` where the file needs that.
    """
    wanted = _elements(keywords)
    found = plain.read(stream, _plain_wanted(keywords, private))
    header: dict[str, Json] = {}
    left = _known(found, wanted, header)
    if left or private:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = found.dataset(found.elements if private else left)
            _collect(dataset, left, header)
            header |= {tag.name: value for tag in private if (value := _private(dataset, tag))}
    header["TransferSyntaxUID"] = found.syntax
    if found.sop_class:
        header.setdefault("SOPClassUID", found.sop_class)
    pixels = find_pixels(stream, found.tail, found.end, source.size, header, implicit=found.implicit, big=False)
    return Instance(source, header, found.syntax, *pixels)


@cache
def _plain_wanted(keywords: tuple[str, ...], private: tuple[PrivateTag, ...]) -> plain.Wanted:
    tags = frozenset(_elements(keywords))
    return plain.wanted(tags - _GROUP_TAGS, (tag.group for tag in private), _GROUP_TAGS)


def _known(found: plain.Header, wanted: _Wanted, header: dict[str, Json]) -> _Wanted:
    """Adds the values that were decoded before or are simple to `header`; returns what is left to pydicom."""
    left: dict[int, tuple[str, str]] = {}
    charset = str(found.charset)
    for tag, (vr, raw) in found.elements.items():
        if tag not in wanted:
            continue
        keyword, expected = wanted[tag]
        if not raw and vr in (expected, None):
            continue
        key = tag, vr, raw, True, charset
        if key in _READ:
            value = _READ[key]
        elif vr not in (expected, None) or (value := plain.simple(expected, raw)) is None:
            left[tag] = wanted[tag]
            continue
        if value is not None:
            header[keyword] = value
    return left


def _frames(dataset: Dataset) -> tuple[tuple[float, ...], ...]:
    """Where each frame of an enhanced image lies (PS3.3 C.7.6.16.2.3), empty unless all of them say so."""
    try:
        frames = dataset.get("PerFrameFunctionalGroupsSequence") or ()
        points = [frame.PlanePositionSequence[0].ImagePositionPatient for frame in frames]
        return tuple(tuple(float(value) for value in point) for point in points if len(point) == 3)
    except BROKEN:
        return ()


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


@cache
def _elements(keywords: tuple[str, ...]) -> _Wanted:
    return {tag: (keyword, dictionary_VR(tag)) for keyword in keywords if (tag := tag_for_keyword(keyword))}


def _header(dataset: Dataset, keywords: tuple[str, ...]) -> dict[str, Json]:
    """The wanted attributes as JSON, looked up also in the functional groups of an enhanced image (PS3.3 C.7.6.16).

    Only what is wanted is decoded; a value that can't be read counts as missing.
    """
    found: dict[str, Json] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _collect(dataset, _elements(keywords), found)
        for group in _GROUPS:
            if group not in dataset:
                continue
            try:
                macros = [element for element in dataset[group].value[0] if element.VR == "SQ" and element.value]
            except BROKEN:
                continue
            for macro in macros:
                _collect(macro.value[0], _elements(keywords), found)
    return found


_Raw: TypeAlias = tuple[int, str | None, bytes, bool, str]

_READ: dict[_Raw, Json] = {}
"""Values that were decoded already: most attributes are the same bytes in all slices of a series."""

_KEPT = 20_000
_LONGEST = 256


def _collect(dataset: Dataset, wanted: _Wanted, found: dict[str, Json]) -> None:
    charset = getattr(dataset.get_item(_CHARSET, keep_deferred=True), "value", None)
    for tag in dataset.keys() & wanted.keys():
        keyword, vr = wanted[tag]
        raw = _raw(dataset, tag, vr, charset)
        try:
            value = _READ[raw] if raw is not None and raw in _READ else _json(dataset[tag].value, vr)
        except BROKEN:
            continue
        if raw is not None:
            _READ[raw] = value
        if value is not None and keyword not in found:
            found[keyword] = value
    if len(_READ) > _KEPT:
        _READ.clear()


def _raw(dataset: Dataset, tag: int, vr: str, charset: object) -> _Raw | None:
    """All that the value of an element depends on, None where that is more than its own bytes and the charset."""
    element: object = dataset.get_item(tag, keep_deferred=True)  # an empty one would be decoded, and may have no VR
    if not isinstance(element, RawDataElement) or element.value is None or len(element.value) > _LONGEST:
        return None
    if vr == "SQ" or (" or " in vr and element.VR not in ("US", "SS")):
        return None
    return tag, element.VR, element.value, element.is_little_endian, str(charset)


def _json(value: object, vr: str) -> Json:
    """A DICOM value as typed JSON: numbers are numbers, several values a list, a code sequence its first code."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if vr == "SQ":
        items = list(value) if isinstance(value, Iterable) else []
        return [{key: str(item.get(key, "")) for key in _CODES} for item in items] or None
    if isinstance(value, MultiValue | list | tuple):
        values = [_json(item, vr) for item in value]
        return None if not values or all(item is None for item in values) else values
    if vr in ("DS", "FD", "FL"):
        number = float(str(value))
        return number if number == number and abs(number) != float("inf") else None
    if vr in ("IS", "US", "SS", "UL", "SL", "SV", "UV"):
        return int(float(str(value)))
    return str(value).replace("\x00", "").strip() or None
