"""Damaged and strange DICOM files full of canaries: what goes wrong with them must name nobody either."""

import io
import struct
import warnings
from collections.abc import Iterator

from pydicom import config, dcmread, dcmwrite
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from example_datasets.canary import NAME, WORD, Cage
from example_datasets.canary_study import PATIENT, SERIES, STUDY, radiograph, shared, write_dataset
from example_datasets.generators.dicomfile import fill

DEPTH = 64
LONG = (b"OB", b"OW", b"UN", b"SQ", b"UT", b"UC", b"UR")


def files(cage: Cage) -> Iterator[tuple[str, bytes]]:
    """One radiograph of its own patient for each defect, by path."""
    for name, broken in DEFECTS.items():
        yield f"{cage.word(f'{NAME}{name}')}/{name}.dcm", broken(cage, name)


def _dataset(cage: Cage, name: str) -> Dataset:
    levels = {**shared(cage, PATIENT, name), **shared(cage, STUDY, name), **shared(cage, SERIES, name)}
    return fill(radiograph(cage, name), {**levels, "SeriesNumber": 1})


def _write_whole(cage: Cage, name: str) -> bytes:
    return write_dataset(cage, _dataset(cage, name), name, rich=False)


def _encode_dataset(dataset: Dataset, *, implicit: bool = False) -> bytes:
    """The file, its values unchecked."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), config.disable_value_validation():
        warnings.simplefilter("ignore")
        dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def _header_cut(cage: Cage, name: str) -> bytes:
    """It breaks off in the middle of the patient's attributes."""
    content = _write_whole(cage, name)
    return content[: content.index(b"\x10\x00\x20\x00LO") + 14]


def _pixels_cut(cage: Cage, name: str) -> bytes:
    """It breaks off in the pixels."""
    content = _write_whole(cage, name)
    return content[: content.index(b"\xe0\x7f\x10\x00OW") + 400]


def _wrong_vr(cage: Cage, name: str) -> bytes:
    """Names and texts that say that they are numbers, dates or of a VR that there is none of."""
    content = _write_whole(cage, name)
    for tag, old, new in (
        (b"\x10\x00\x10\x00", b"PN", b"FD"), (b"\x08\x00\x80\x00", b"LO", b"US"), (b"\x08\x00\x90\x00", b"PN", b"DA"),
        (b"\x10\x00\x40\x10", b"LO", b"ZZ"), (b"\x10\x00\x00\x40", b"LT", b"AT"),
    ):  # fmt: skip
        content = content.replace(tag + old, tag + new, 1)
    return content


def _wrong_values(cage: Cage, name: str) -> bytes:
    """Names where dates, times, ages, numbers and UIDs should stand, and dates that are written otherwise."""
    dataset = _dataset(cage, name)
    with warnings.catch_warnings(), config.disable_value_validation():
        warnings.simplefilter("ignore")
        for keyword in (
            "AcquisitionDate",
            "ContentDate",
            "SeriesTime",
            "AcquisitionDateTime",
            "PatientAge",
            "SeriesNumber",
        ):
            vr = dataset[keyword].VR if keyword in dataset else "AS"
            dataset.add_new(keyword, "LO", cage.word(name, part=keyword))
            dataset[keyword].VR = {"AcquisitionDateTime": "DT", "ContentDate": "DA"}.get(keyword, vr)
        day = cage.day(name)
        dataset.add_new("InstanceCreationDate", "LO", f"{day[:4]}-{day[4:6]}-{day[6:]}")
        dataset.add_new("ContentTime", "LO", "261512")
    return _encode_dataset(dataset)


def _wrong_charset(cage: Cage, name: str) -> bytes:
    """Bytes that are none of the character set that it names, and a character set that is a canary."""
    content = _write_whole(cage, name)
    word = cage.word(name, part="charset")
    content = content.replace(b"ISO_IR 100", word[:10].encode(), 1)
    return content.replace(b"^^DR", b"\xff\xc3^R", 3)


def _make_encrypted(cage: Cage, name: str) -> bytes:
    """Attributes that it says are encrypted (PS3.15 E.1.1): nobody can tell what they hold."""
    dataset = dcmread(io.BytesIO(_write_whole(cage, name)))
    content = cage.word(name, part="encrypted").encode()
    item = {"EncryptedContentTransferSyntaxUID": ImplicitVRLittleEndian, "EncryptedContent": content}
    return _encode_dataset(fill(dataset, {"EncryptedAttributesSequence": [item]}))


def _make_nested(cage: Cage, name: str) -> bytes:
    """Sequences within sequences, a name in the innermost."""
    inner = fill(Dataset(), {"PatientName": cage.word(name, part="innermost"), "PatientBirthDate": cage.day(name)})
    for _ in range(DEPTH):
        outer = Dataset()
        outer.AnatomicRegionSequence = [inner]
        inner = outer
    dataset = _dataset(cage, name)
    dataset.AnatomicRegionSequence = inner.AnatomicRegionSequence
    return _encode_dataset(dataset)


def _syntax(uid: str) -> "object":
    def made(cage: Cage, name: str) -> bytes:
        dataset = dcmread(io.BytesIO(_write_whole(cage, name)))
        buffer = io.BytesIO()
        dataset.file_meta.TransferSyntaxUID = uid
        if uid == ExplicitVRBigEndian:
            dataset.PixelData = dataset.pixel_array.astype(">u2").tobytes()
        little, implicit = uid != ExplicitVRBigEndian, uid == ImplicitVRLittleEndian
        dcmwrite(buffer, dataset, implicit_vr=implicit, little_endian=little, force_encoding=True)
        return buffer.getvalue()

    return made


def _unknown_sequence(cage: Cage, name: str) -> bytes:
    """In implicit VR, a sequence that no dictionary knows, a name in it: it is read as bytes (PS3.5 6.2.2)."""
    content = _syntax(ImplicitVRLittleEndian)(cage, name)  # type: ignore[operator]
    word = cage.word(name, part="unknown").encode()
    element = struct.pack("<HHI", 0x0010, 0x0010, len(word)) + word
    item = struct.pack("<HHI", 0xFFFE, 0xE000, len(element)) + element
    added = struct.pack("<HHI", 0x0010, 0x9FF1, len(item)) + item
    place = content.index(struct.pack("<HHI", 0x0018, 0x0010, 16) + WORD.encode())
    return content[:place] + added + content[place:]


def _drop_meta(cage: Cage, name: str) -> bytes:
    """Neither preamble nor file meta."""
    content = _syntax(ImplicitVRLittleEndian)(cage, name)  # type: ignore[operator]
    return content[132 + 12 + struct.unpack("<I", content[140:144])[0] :]


def _foreign_class(cage: Cage, name: str) -> bytes:
    """A SOP class and a transfer syntax of somebody's own."""
    dataset = _dataset(cage, name)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = cage.uid(name, 0x00080016, kept=True)
    return _encode_dataset(dataset)


def _text(cage: Cage, name: str) -> bytes:
    """A text that begins like a DICOM file."""
    return bytes(128) + b"DICM" + f"Paciente {cage.word(name)} {cage.day(name)}\n".encode() * 20


DEFECTS = {
    "header cut": _header_cut,
    "pixels cut": _pixels_cut,
    "wrong VR": _wrong_vr,
    "wrong values": _wrong_values,
    "wrong charset": _wrong_charset,
    "encrypted": _make_encrypted,
    "nested": _make_nested,
    "big endian": _syntax(ExplicitVRBigEndian),
    "deflated": _syntax(DeflatedExplicitVRLittleEndian),
    "implicit": _syntax(ImplicitVRLittleEndian),
    "unknown sequence": _unknown_sequence,
    "without meta": _drop_meta,
    "foreign class": _foreign_class,
    "text": _text,
}
