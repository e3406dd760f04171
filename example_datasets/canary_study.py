"""A DICOM source full of canaries: two patients, three studies, ten kinds of instances, folders and archives."""

import io
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import (
    BasicTextSRStorage,
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    EncapsulatedPDFStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    MRImageStorage,
    RTStructureSetStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
    UltrasoundMultiFrameImageStorage,
)

from example_datasets.canary import NAME, Cage
from example_datasets.generators.dicomfile import Values, encode, fill, instance, with_pixels

Maker = Callable[[Cage, str], Dataset]


class _Tags:
    """The number of an attribute by its keyword."""

    def __getitem__(self, keyword: str) -> int:
        return int(Tag(keyword))


T = _Tags()

PATIENT = ("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate")
STUDY = ("StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "AccessionNumber", "StudyDescription")
SERIES = (
    "SeriesInstanceUID", "SeriesDate", "SeriesTime", "AcquisitionDate", "AcquisitionTime", "FrameOfReferenceUID",
    "SeriesDescription", "ProtocolName",
)  # fmt: skip


def files(cage: Cage) -> Iterator[tuple[str, bytes]]:
    """Every file of the source by path; a path and the names in archives are canaries too."""
    yield from _make_first_patient(cage)
    yield from _second(cage)


def _name(cage: Cage, where: str, suffix: str = "") -> str:
    """A canary as the name of a file or folder."""
    return f"{cage.word(f'{NAME}{where}')}{suffix}"


def _make_first_patient(cage: Cage) -> Iterator[tuple[str, bytes]]:
    """Patient A: a study in folders, another in two archives."""
    patient = shared(cage, PATIENT, "a")
    folder = f"{_name(cage, 'a')}^{_name(cage, 'a, given name')}/{_name(cage, 'a, study 1')}"
    study = {**patient, **shared(cage, STUDY, "a, study 1")}
    stack = {**study, **shared(cage, SERIES, "a, CT")}
    middle = ""
    for number in range(3):
        file = f"a/ct-{number}"
        dataset = ct(cage, file, stack, number)
        middle = str(dataset.SOPInstanceUID) if number == 1 else middle
        yield f"{folder}/{_name(cage, file, '.dcm')}", write_dataset(cage, dataset, file, rich=False)
    stack = {**study, **shared(cage, SERIES, "a, MR")}
    for number in range(3):
        file = f"a/mr-{number}"
        yield f"{folder}/{_name(cage, file)}", write_dataset(cage, mr(cage, file, stack, number), file, rich=False)
    for kind, make in OTHERS.items():
        file = f"a/{kind}"
        dataset = fill(make(cage, file), {**study, **shared(cage, SERIES, file), "SeriesNumber": 50})
        _drawn_on(dataset, kind, middle)
        yield f"{folder}/{_name(cage, file)}", write_dataset(cage, dataset, file, rich=kind in ("scout", "sr"))
    study = {**patient, **shared(cage, STUDY, "a, study 2")}
    images = {}
    for kind in ("cr", "dx", "us"):
        file = f"a/{kind}"
        dataset = fill(IMAGES[kind](cage, file), {**study, **shared(cage, SERIES, file), "SeriesNumber": 7})
        images[_name(cage, file, ".dcm")] = write_dataset(cage, dataset, file, rich=kind == "dx")
    first, *others = images.items()
    yield f"{_name(cage, 'zip archive')}.zip", _zip_members({f"{_name(cage, 'folder in zip')}/{first[0]}": first[1]})
    yield f"{_name(cage, 'tar archive')}.tar", _tar_members(dict(others), _name(cage, "owner in tar"))


def _second(cage: Cage) -> Iterator[tuple[str, bytes]]:
    """Patient B: a radiograph and a CT, whose unused bits spell canaries, and files that are no images."""
    folder = f"{_name(cage, 'b')}"
    study = {**shared(cage, PATIENT, "b"), **shared(cage, STUDY, "b, study")}
    dataset = fill(radiograph(cage, "b/dx"), {**study, **shared(cage, SERIES, "b/dx"), "SeriesNumber": 1})
    yield f"{folder}/{_name(cage, 'b/dx')}", write_dataset(cage, hidden(cage, dataset, "b/dx"), "b/dx", rich=False)
    stack = {**study, **shared(cage, SERIES, "b, CT")}
    for number in range(3):
        dataset = hidden(cage, ct(cage, f"b/ct-{number}", stack, number), f"b/ct-{number}", declared=False)
        yield f"{folder}/{_name(cage, f'b/ct-{number}')}", write_dataset(cage, dataset, f"b/ct-{number}", rich=False)
    yield f"{folder}/{_name(cage, 'note')}.txt", f"Paciente {cage.word('note')}, {cage.day('note')}\n".encode()
    yield f"{folder}/{_name(cage, 'picture')}.jpg", b"\xff\xd8\xff\xfe\x00\x10" + cage.word("picture").encode()


def shared(cage: Cage, keywords: tuple[str, ...], where: str) -> Values:
    """What a patient, a study or a series have in common."""
    vrs = {"PatientName": "PN"}
    values: dict[str, Any] = {}
    for keyword in keywords:
        last = "DA" if keyword.endswith("Date") else "TM" if keyword.endswith("Time") else "LO"
        vr = "UI" if keyword.endswith("UID") else vrs.get(keyword, last)
        values[keyword] = cage.value(vr, where, T[keyword])
    return values


def write_dataset(cage: Cage, dataset: Dataset, file: str, *, rich: bool) -> bytes:
    """The file with canaries in all other places, file meta, preamble and padding included."""
    level(cage, dataset, file)
    sequence = T["AnatomicRegionSequence"]
    item = level(cage, Dataset(), file, sequence)
    if rich:
        cage.fill(item, file, sequence)
    dataset.AnatomicRegionSequence = [item]
    if rich:
        path = (T["SharedFunctionalGroupsSequence"], T["FrameAnatomySequence"], sequence)
        deep = cage.fill(level(cage, Dataset(), file, *path), file, *path)
        groups = dataset.get("SharedFunctionalGroupsSequence") or [Dataset()]
        groups[0].FrameAnatomySequence = [fill(Dataset(), {"FrameLaterality": "U"})]
        groups[0].FrameAnatomySequence[0].AnatomicRegionSequence = [deep]
        dataset.SharedFunctionalGroupsSequence = list(groups)
    for keyword in ("ReferencedImageSequence", "RequestAttributesSequence"):
        item = fill(Dataset(), {"ReferencedSOPClassUID": CTImageStorage} if keyword.startswith("Ref") else {})
        cage.fill(item, file, T[keyword]) if rich else cage.put(item, T["PatientName"], "PN", file, T[keyword])
        cage.put(item, 0x00081155, "UI", file, T[keyword])
        setattr(dataset, keyword, [item])
    meta(cage, dataset, file)
    cage.fill(dataset, file)
    dataset.preamble = cage.word(file, part="preamble").encode().ljust(128, b"\x00")
    return encode(dataset)


def meta(cage: Cage, dataset: Dataset, file: str) -> None:
    """Group 0002 (PS3.10 7.1)."""
    texts = {0x00020016: "AE", 0x00020017: "AE", 0x00020018: "AE", 0x00020026: "UR", 0x00020027: "UR", 0x00020028: "UR"}
    for tag, vr in {**texts, 0x00020100: "UI", 0x00020102: "OB", 0x00020013: "SH", 0x00020012: "UI"}.items():
        if tag in dataset.file_meta:
            del dataset.file_meta[tag]
        cage.put(dataset.file_meta, tag, vr, file)


SAFE = ((0x0019, 0x9E, "LO", "GEMS_ACQU_01"), (0x0043, 0x27, "SH", "GEMS_PARM_01"))
"""Rows of Table E.3.10-1."""


def level(cage: Cage, dataset: Dataset, file: str, *path: int) -> Dataset:
    """Private, unknown and repeated attributes, at any level of nesting."""
    for group, element, vr, creator in SAFE:
        block = dataset.private_block(group, creator, create=True)
        tag = block.get_tag(element)
        block.add_new(element, vr, cage.word(file, *path, tag, vr=vr, safe=True))
        block.add_new(0xEE, "LO", cage.word(file, *path, block.get_tag(0xEE)))
        block.add_new(0xEF, "DA", cage.day(file, *path, block.get_tag(0xEF)))
    block = dataset.private_block(0x0029, cage.word(file, *path, 0x00290010), create=True)
    for element, vr in enumerate(("LO", "PN", "DA", "DT", "UI", "UN", "SQ", "UT"), 0x10):
        cage.put(dataset, block.get_tag(element), vr, file, *path)
    cage.put(dataset, 0x00111001, "LO", file, *path)  # no creator has reserved the block
    cage.put(dataset, 0x00091001, "PN", file, *path)
    for tag, vr in ((0x00420FF1, "LO"), (0x00080FF2, "UN"), (0x00180FF3, "DA"), (0x00400FF4, "PN"), (0x00400FF5, "SQ")):
        cage.put(dataset, tag, vr, file, *path)  # neither in the table nor in the dictionary
    if not path:
        _graphics(cage, dataset, file)
    return dataset


def _graphics(cage: Cage, dataset: Dataset, file: str) -> None:
    """A curve and an overlay (PS3.3 C.9 and C.10)."""
    numbers = {0x60000010: 8, 0x60000011: 14, 0x60000100: 1, 0x60000102: 0, 0x50000005: 1, 0x50000010: 8}
    for tag, value in numbers.items():
        dataset.add_new(tag, "US", value)
    dataset.add_new(0x60000040, "CS", "G")
    dataset.add_new(0x60000050, "SS", [1, 1])
    pairs = ((0x60000022, "LO"), (0x60001500, "LO"), (0x60003000, "OW"), (0x60004000, "LT"))
    for tag, vr in (*pairs, (0x50000022, "LO"), (0x50003000, "OW"), (0x50002600, "OB")):
        cage.put(dataset, tag, vr, file)


# --- images --------------------------------------------------------------------------------------------------


def _pixels(shape: tuple[int, ...], top: int, kind: type) -> NDArray[Any]:
    """Smooth values from 0 to `top`, no letters among them."""
    return np.linspace(0, top, int(np.prod(shape))).reshape(shape).astype(kind)


def _make_file(cage: Cage, file: str, sop_class: str, modality: str, header: Values) -> Dataset:
    common = {
        "SpecificCharacterSet": "ISO_IR 100", "Modality": modality, "InstanceNumber": 1, "BodyPartExamined": "CHEST",
        "PatientSex": "F", "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "Manufacturer": f"PHANTOM {cage.word(file, T['Manufacturer'], kept=True)}",
    }  # fmt: skip
    dataset = instance(sop_class, file, common, header)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = cage.uid(file, T["SOPInstanceUID"])
    return dataset


def _slice(number: int) -> Values:
    return {
        "InstanceNumber": number + 1, "ImagePositionPatient": [-16.0, -16.0, 5.0 * number],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PixelSpacing": [1, 1], "SliceThickness": 5,
        "PatientPosition": "HFS", "SeriesNumber": 2,
    }  # fmt: skip


def ct(cage: Cage, file: str, series: Values, number: int) -> Dataset:
    """A slice of 32 by 32."""
    header = {**_slice(number), **series, "KVP": 120, "RescaleSlope": 1, "RescaleIntercept": -1024, "RescaleType": "HU"}
    dataset = _make_file(cage, file, CTImageStorage, "CT", header)
    return with_pixels(dataset, _pixels((32, 32), 2000 + number, np.uint16), "MONOCHROME2", 12)


def mr(cage: Cage, file: str, series: Values, number: int) -> Dataset:
    """A slice of 32 by 32."""
    header = {**_slice(number), **series, "SeriesNumber": 3, "MagneticFieldStrength": 1.5, "RepetitionTime": 500}
    own = {"EchoTime": 12, "ScanningSequence": "SE", "SequenceVariant": "NONE", "BodyPartExamined": "LSPINE"}
    dataset = _make_file(cage, file, MRImageStorage, "MR", {**header, **own})
    return with_pixels(dataset, _pixels((32, 32), 900 + number, np.uint16), "MONOCHROME2", 12)


def hidden(cage: Cage, dataset: Dataset, file: str, *, declared: bool = True) -> Dataset:
    """Spells a canary in the bits above the twelve of each pixel, `declared` as four overlays (PS3.5 8.1.2)."""
    text = np.frombuffer(cage.word(file, part="bits above BitsStored").encode(), np.uint8)
    halves = np.stack([text >> 4, text & 15], 1).reshape(-1).astype("<u2")
    pixels = np.frombuffer(dataset.PixelData, "<u2").copy()
    pixels[: halves.size] |= halves << 12
    dataset.PixelData = pixels.tobytes()
    for number in range(4 if declared else 0):
        group = 0x60020000 + number * 0x20000
        size = {0x10: dataset.Rows, 0x11: dataset.Columns, 0x100: 16, 0x102: 12 + number}
        for element, value in size.items():
            dataset.add_new(group + element, "US", value)
        dataset.add_new(group + 0x40, "CS", "G")
        dataset.add_new(group + 0x50, "SS", [1, 1])
    return dataset


def radiograph(cage: Cage, file: str, sop_class: str = DigitalXRayImageStorageForPresentation) -> Dataset:
    """A radiograph of 60 by 48, 12 bits in 16."""
    modality = "CR" if sop_class == ComputedRadiographyImageStorage else "DX"
    header = {"ViewPosition": "PA", "BurnedInAnnotation": "NO", "PixelIntensityRelationship": "LIN", "KVP": 110}
    dataset = _make_file(cage, file, sop_class, modality, {**header, "ImageType": ["ORIGINAL", "PRIMARY"]})
    return with_pixels(dataset, _pixels((60, 48), 4000, np.uint16), "MONOCHROME2", 12)


def _cr(cage: Cage, file: str) -> Dataset:
    return radiograph(cage, file, ComputedRadiographyImageStorage)


def _us(cage: Cage, file: str) -> Dataset:
    header = {"BurnedInAnnotation": "NO", "FrameTime": 40.0, "FrameIncrementPointer": Tag("FrameTime")}
    dataset = _make_file(cage, file, UltrasoundMultiFrameImageStorage, "US", {**header, "LossyImageCompression": "00"})
    return with_pixels(dataset, _pixels((3, 24, 24), 250, np.uint8), "MONOCHROME2", 8)


def _sc(cage: Cage, file: str) -> Dataset:
    dataset = _make_file(cage, file, SecondaryCaptureImageStorage, "OT", {"ConversionType": "WSD"})
    return with_pixels(dataset, _pixels((24, 24), 250, np.uint8), "MONOCHROME2", 8)


def _seg(cage: Cage, file: str) -> Dataset:
    body = {
        "SegmentationType": "BINARY", "NumberOfFrames": 1, "Rows": 32, "Columns": 32, "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2", "BitsAllocated": 1, "BitsStored": 1, "HighBit": 0,
        "PixelRepresentation": 0, "SegmentSequence": [{"SegmentNumber": 1, "SegmentAlgorithmType": "MANUAL"}],
        "PerFrameFunctionalGroupsSequence": [{"SegmentIdentificationSequence": [{"ReferencedSegmentNumber": 1}]}],
    }  # fmt: skip
    dataset = _make_file(cage, file, SegmentationStorage, "SEG", body)
    return fill(dataset, {"PixelData": bytes(60) + b"\xff" * 8 + bytes(60)})


def _drawn_on(dataset: Dataset, kind: str, image: str) -> None:
    """Says of a segmentation and a structure set that they lie on the middle slice of the CT."""
    item = {"ReferencedSOPClassUID": CTImageStorage, "ReferencedSOPInstanceUID": image}
    if kind == "seg":
        source = [fill(Dataset(), {"SourceImageSequence": [item]})]
        dataset.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence = source
    elif kind == "rtstruct":
        contour = {
            "ContourGeometricType": "CLOSED_PLANAR", "NumberOfContourPoints": 3, "ContourImageSequence": [item],
            "ContourData": [-8.5, -8.5, 5, 3.5, -8.5, 5, 3.5, 6.5, 5],
        }  # fmt: skip
        roi = {"ReferencedROINumber": 1, "ContourSequence": [contour]}
        dataset.ROIContourSequence = [fill(Dataset(), roi)]


# --- what is no image ----------------------------------------------------------------------------------------

_CODE: Values = {"CodeValue": "121071", "CodingSchemeDesignator": "DCM", "CodeMeaning": "Finding"}


def _content(cage: Cage, file: str, depth: int, *path: int) -> list[Dataset]:
    """Content items of every type that can name somebody, nested `depth` times more (PS3.3 C.17.3)."""
    here = (*path, T["ContentSequence"])
    items = []
    for kind, keyword, vr in (
        ("TEXT", "TextValue", "UT"), ("PNAME", "PersonName", "PN"), ("DATE", "Date", "DA"),
        ("DATETIME", "DateTime", "DT"), ("TIME", "Time", "TM"), ("UIDREF", "UID", "UI"),
    ):  # fmt: skip
        item = fill(Dataset(), {"RelationshipType": "CONTAINS", "ValueType": kind, "ConceptNameCodeSequence": [_CODE]})
        cage.put(item, T[keyword], vr, file, *here)
        items.append(item)
    items[0].TextValue = f"Paciente: {items[0].TextValue}. Opacidad basal izquierda."
    if depth:
        head = {"RelationshipType": "CONTAINS", "ValueType": "CONTAINER", "ConceptNameCodeSequence": [_CODE]}
        items.append(fill(Dataset(), head))
        items[-1].ContentSequence = _content(cage, file, depth - 1, *here)
    return items


def _sr(cage: Cage, file: str) -> Dataset:
    header = {"ValueType": "CONTAINER", "CompletionFlag": "COMPLETE", "VerificationFlag": "UNVERIFIED"}
    dataset = _make_file(cage, file, BasicTextSRStorage, "SR", {**header, "ConceptNameCodeSequence": [_CODE]})
    dataset.ContentSequence = _content(cage, file, 2)
    return dataset


def _rtstruct(cage: Cage, file: str) -> Dataset:
    dataset = _make_file(cage, file, RTStructureSetStorage, "RTSTRUCT", {})
    item = fill(Dataset(), {"ROINumber": 1})
    cage.put(item, T["ROIName"], "LO", file, T["StructureSetROISequence"])
    dataset.StructureSetROISequence = [item]
    return dataset


def _pr(cage: Cage, file: str) -> Dataset:
    dataset = _make_file(cage, file, GrayscaleSoftcopyPresentationStateStorage, "PR", {})
    item = Dataset()
    cage.put(item, T["UnformattedTextValue"], "ST", file, T["GraphicAnnotationSequence"], T["TextObjectSequence"])
    annotation = fill(Dataset(), {"GraphicLayer": "ONE"})
    annotation.TextObjectSequence = [item]
    dataset.GraphicAnnotationSequence = [annotation]
    return dataset


def _pdf(cage: Cage, file: str) -> Dataset:
    dataset = _make_file(
        cage, file, EncapsulatedPDFStorage, "DOC", {"MIMETypeOfEncapsulatedDocument": "application/pdf"}
    )
    text = f"%PDF-1.4\n1 0 obj<</Author({cage.word(file, T['EncapsulatedDocument'], vr='OB')})>>endobj\n%%EOF\n"
    dataset.EncapsulatedDocument = text.encode().ljust(len(text) + len(text) % 2)
    return dataset


IMAGES: dict[str, Maker] = {"cr": _cr, "dx": radiograph, "us": _us}


def _scout(cage: Cage, file: str) -> Dataset:
    return fill(ct(cage, file, {}, 0), {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]})


OTHERS: dict[str, Maker] = {
    "scout": _scout,
    "sc": _sc,
    "sr": _sr,
    "rtstruct": _rtstruct,
    "seg": _seg,
    "pr": _pr,
    "pdf": _pdf,
}


def _zip_members(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


def _tar_members(members: dict[str, bytes], owner: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.uname, info.gname = len(content), owner, owner
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()
