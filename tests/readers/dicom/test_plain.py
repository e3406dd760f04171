"""The reader of plain files: what it reads is what pydicom reads, to the bit, or it leaves the file to pydicom."""

import struct
import warnings
from collections.abc import Callable
from io import BytesIO
from operator import itemgetter
from pathlib import Path

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import uid
from pydicom.datadict import dictionary_has_tag, dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

from example_datasets.generate import INPUT
from mids.errors import DataError
from mids.readers.archives.kinds import looks_like_dicom
from mids.readers.dicom.headers import Instance, PrivateTag, read_any, read_instance, read_plain
from mids.readers.dicom.plain import NotPlainError
from mids.readers.dicom.scan import keywords
from mids.records import Source

EXPLICIT, IMPLICIT = uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian
KEYWORDS = keywords()
PRIVATE = (PrivateTag("region", 0x0C19, "MIDS TESTS", 0x01),)
CT = "1.2.840.10008.5.1.4.1.1.2"


def outcome(read: Callable[..., Instance | None], content: bytes) -> object:
    """All that a reader makes of a file, types included; which error if it makes nothing of it."""
    try:
        found = read(Source("x", size=len(content)), BytesIO(content), KEYWORDS, PRIVATE)
    except (NotPlainError, DataError) as error:
        return type(error)
    if found is None:
        return None
    facts = found.transfer_syntax, found.has_pixels, found.truncated, found.per_frame, found.mended
    return repr((sorted(found.header.items()), *facts))


def is_plain(content: bytes) -> bool:
    """Whether the file counts as plain; asserts that it then reads as by pydicom."""
    found = outcome(read_plain, content)
    if found is NotPlainError:
        return False
    assert found == outcome(read_any, content)
    return True


# Files that pydicom writes


def element(keyword: str, vr: str, value: object, *, undefined: bool = False) -> DataElement:
    tag = tag_for_keyword(keyword) or 0
    made = DataElement(tag, vr, value, already_converted=vr == "SQ")
    made.is_undefined_length = undefined
    return made


def written(dataset: Dataset, syntax: str = EXPLICIT) -> bytes:
    """A file of the dataset, its raw elements as they are."""
    implicit, little = syntax == IMPLICIT, syntax != uid.ExplicitVRBigEndian
    dataset.preamble = b"\0" * 128
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.FileMetaInformationGroupLength = 0
    dataset.file_meta.MediaStorageSOPClassUID = CT
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.set_original_encoding(implicit, little, "iso8859")
    stream = BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.save_as(stream, implicit_vr=implicit, little_endian=little)
    return stream.getvalue()


def ct_slice(number: int = 7) -> Dataset:
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.SOPInstanceUID = f"1.2.3.{number}"
    dataset.StudyDate, dataset.StudyTime = "20200102", "112233.5"
    dataset.PatientName = "Müller^Jürgen"
    dataset.SliceThickness, dataset.InstanceNumber = "1.25", number
    dataset.ImagePositionPatient = ["-125", "1e1", "-0.5"]
    dataset.CTDIvol = 12.5
    dataset.Rows = dataset.Columns = 4
    dataset.PixelRepresentation = 1
    dataset.add(element("PixelPaddingValue", "SS", -2000))
    dataset.add_new(0x0C190010, "LO", "MIDS TESTS")
    dataset.add_new(0x0C191001, "LO", "Bretagne")
    dataset.add(element("PixelData", "OW", b"\1\0" * 16))
    return dataset


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_the_values_that_were_written_come_back(syntax: str) -> None:
    content = written(ct_slice(), syntax)
    assert is_plain(content)
    found = read_plain(Source("x", size=len(content)), BytesIO(content), KEYWORDS, PRIVATE)
    assert {key: found.header[key] for key in sorted(found.header)} == {
        "CTDIvol": 12.5,
        "Columns": 4,
        "ImagePositionPatient": [-125.0, 10.0, -0.5],
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "InstanceNumber": 7,
        "PatientName": "Müller^Jürgen",
        "PixelPaddingValue": "-2000",
        "PixelRepresentation": 1,
        "Rows": 4,
        "SOPClassUID": CT,
        "SOPInstanceUID": "1.2.3.7",
        "SliceThickness": 1.25,
        "StudyDate": "20200102",
        "StudyTime": "112233.5",
        "TransferSyntaxUID": syntax,
        "region": "Bretagne",
    }
    assert (found.has_pixels, found.truncated, found.per_frame) == (True, False, {})


@pytest.mark.parametrize("syntax", [uid.ExplicitVRBigEndian, uid.DeflatedExplicitVRLittleEndian])
def test_other_encodings_are_left_to_pydicom(syntax: str) -> None:
    content = written(ct_slice(), syntax)
    assert not is_plain(content)
    found = read_instance(Source("x", size=len(content)), BytesIO(content), KEYWORDS, PRIVATE)
    assert found is not None
    assert (found.text("PatientName"), found.text("region")) == ("Müller^Jürgen", "Bretagne")


def _nested(depth: int, *, undefined: bool) -> Dataset:
    dataset = Dataset()
    dataset.ReferencedSOPInstanceUID = "1.2.3"
    dataset.is_undefined_length_sequence_item = undefined  # type: ignore[attr-defined]
    if depth:
        items = Sequence([_nested(depth - 1, undefined=undefined), Dataset()])
        dataset.add(element("ReferencedSeriesSequence", "SQ", items, undefined=undefined))
    return dataset


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize(("depth", "plain"), [(1, True), (3, True), (20, False)])
def test_sequences_that_nobody_wants_are_passed_over(syntax: str, undefined: bool, depth: int, plain: bool) -> None:
    dataset = ct_slice()
    dataset.update(_nested(depth, undefined=undefined))
    assert is_plain(written(dataset, syntax)) is (plain or not undefined)


@pytest.mark.parametrize("undefined", [False, True])
def test_a_sequence_that_is_wanted_is_read(undefined: bool) -> None:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "R-10206", "SRT", "antero-posterior"
    dataset = ct_slice()
    dataset.add(element("ViewCodeSequence", "SQ", Sequence([code]), undefined=undefined))
    content = written(dataset)
    assert is_plain(content) is not undefined
    found = read_instance(Source("x", size=len(content)), BytesIO(content), KEYWORDS)
    assert found is not None
    assert found.header["ViewCodeSequence"] == [
        {"CodeValue": "R-10206", "CodeMeaning": "antero-posterior", "CodingSchemeDesignator": "SRT"}
    ]


@pytest.mark.parametrize("size", [40_000, 600_000, 20_000_000])
def test_large_values_before_the_pixels_are_passed_over_up_to_a_bound(size: int) -> None:
    dataset = ct_slice()
    dataset.add_new(0x00091001, "OB", b"\0" * size)
    assert is_plain(written(dataset)) is (size < 8_000_000)


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_a_file_cut_off_anywhere_is_read_as_by_pydicom(syntax: str) -> None:
    dataset = ct_slice()
    dataset.update(_nested(2, undefined=True))
    content = written(dataset, syntax)
    plain = [is_plain(content[:size]) for size in range(132, len(content) + 1)]
    assert plain[-1]
    assert plain.count(True) > 20  # between two elements, and in the pixels
    assert not plain[0]


# Files of any content

_TAGS = (
    "SpecificCharacterSet ImageType SOPInstanceUID StudyDate AcquisitionDateTime StudyTime PatientName PatientID "
    "PatientAge SliceThickness InstanceNumber ImageComments ImagePositionPatient Rows PixelSpacing CTDIvol "
    "PixelRepresentation PixelPaddingValue FrameIncrementPointer TransducerFrequency ViewCodeSequence "
    "SharedFunctionalGroupsSequence InstitutionAddress ReferencedSeriesSequence RescaleIntercept"
).split()
_VRS = "AE AS AT CS DA DS DT FD FL IS LO LT OB OW PN SH SL SS ST SQ TM UC UI UL UN UR US UT SV ZZ".split()
_CHARSETS = (
    b"ISO_IR 100", b"ISO_IR 192", b"ISO 2022 IR 6\\ISO 2022 IR 87", b"\\ISO 2022 IR 149", b"GB18030 ", b"ISO_IR 6 ",
    b"ISO-IR 100", b"KLINGON ", b"", b"\0", b"utf-8\0", b"\xff", b"ISO_IR 13",
)  # fmt: skip
_VALUES = (
    b"", b"\0", b" ", b"12", b"-12 ", b"+1.5e3", b"1e999 ", b"nan ", b"inf ", b"1_000 ", b"\\", b"1\\2", b"1\\\\2 ",
    b" 1.5\\ 2 \\3", b"99999999999999999999", b"1.5.6\0", b"1.2.3", b"1.2.3 \0", b"20200102", b"2020.01.02", b"112233",
    b"112233.5\0", b"112233.123456 ", b"A^B=C^D ", b"\xc3\xbc\\\xe9 ", b"\x1b$B\x30\x30\x1b(B", b"\x1b$)C\xb1\xe8",
    b"a\0b ", b"\xd9\xb1", b"1\n", b"\t1", b"\x01\x00", b"\xff\xff\x00\x80", b"\xfe\xff\x0d\xe0\0\0\0\0",
    b"0" * 300, b"9" * 127, b"\0\0\xc0\x7f\0\0\xf8\x7f",
)  # fmt: skip
_values = st.one_of(st.sampled_from(_VALUES), st.sampled_from(_CHARSETS), st.binary(max_size=24))
_tags = st.sampled_from(
    [tag for keyword in _TAGS if (tag := tag_for_keyword(keyword))]
    + [0x0C190010, 0x0C190011, 0x0C191001, 0x0C191101, 0x00091001, 0x00200000]
)
_UNDEFINED = 0xFFFFFFFF


def head(tag: int, vr: str, length: int, *, implicit: bool) -> bytes:
    """The bytes before a value (PS3.5 7.1)."""
    place = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if implicit or tag >> 16 == 0xFFFE:
        return place + struct.pack("<I", length)
    if vr in EXPLICIT_VR_LENGTH_32:
        return place + vr.encode() + b"\0\0" + struct.pack("<I", length)
    return place + vr.encode() + struct.pack("<H", length & 0xFFFF)


@st.composite
def elements(draw: st.DrawFn, *, implicit: bool) -> tuple[int, bytes]:
    """Tag and bytes of an element, its VR and value right or wrong."""
    tag = draw(_tags)
    right = dictionary_VR(tag)[:2] if dictionary_has_tag(tag) else "LO"
    vr = draw(st.sampled_from([right] * 60 + _VRS))
    value = draw(st.sampled_from(_CHARSETS[:6] * 4 + _CHARSETS) if tag == 0x00080005 else _values)
    return tag, head(tag, vr, len(value), implicit=implicit) + value


@st.composite
def sequences(draw: st.DrawFn, *, implicit: bool, depth: int) -> tuple[int, bytes]:
    """Tag and bytes of a sequence, of either kind of length (PS3.5 7.5)."""
    tag = draw(st.sampled_from([0x00081115] * 6 + [0x00540220, 0x52009229, 0x00091002]))
    content = b""
    for item in draw(st.lists(datasets(implicit=implicit, depth=depth - 1), max_size=2)):
        undefined = draw(st.booleans())
        content += head(0xFFFEE000, "", _UNDEFINED if undefined else len(item), implicit=implicit) + item
        content += b"\xfe\xff\x0d\xe0\0\0\0\0" * undefined
    undefined = draw(st.booleans())
    content += b"\xfe\xff\xdd\xe0\0\0\0\0" * undefined
    vr = draw(st.sampled_from(["SQ"] * 6 + ["UN", "OB", "UT"]))
    return tag, head(tag, vr, _UNDEFINED if undefined else len(content), implicit=implicit) + content


@st.composite
def datasets(draw: st.DrawFn, *, implicit: bool, depth: int = 2) -> bytes:
    found = draw(st.lists(elements(implicit=implicit), max_size=6, unique_by=itemgetter(0)))
    if depth:
        found += draw(st.lists(sequences(implicit=implicit, depth=depth), max_size=2))
    return b"".join(content for _, content in (sorted(found) if draw(st.integers(0, 9)) else found))


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A file of any elements, with pixels or without; rarely it is not encoded as it says."""
    syntax = draw(st.sampled_from([EXPLICIT, IMPLICIT, uid.JPEGBaseline8Bit]))
    implicit = (syntax == IMPLICIT) is bool(draw(st.integers(0, 19)))
    pixels = draw(st.sampled_from([b"", b"\0\1" * 8, encapsulate([b"\xff\xd8\xff\xd9"]), b"\0"]))
    length = draw(st.sampled_from([len(pixels), len(pixels) + 9, _UNDEFINED]))
    content = draw(datasets(implicit=implicit))
    if pixels:
        vr = draw(st.sampled_from(["OW", "OB", "UN", "OF", "US"]))
        content += head(0x7FE00010, vr, length, implicit=implicit) + pixels
    return written(Dataset(), syntax) + content


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("keyword", _TAGS)
def test_any_value_is_read_as_by_pydicom(keyword: str, implicit: bool) -> None:
    tag = tag_for_keyword(keyword) or 0
    start = written(Dataset(), IMPLICIT if implicit else EXPLICIT)
    for value in (*_VALUES, *_CHARSETS):
        content = start + head(tag, dictionary_VR(tag)[:2], len(value), implicit=implicit) + value
        name = head(0x00100010, "PN", 4, implicit=implicit) + b"A\xe9\xc3\xbc"
        assert outcome(read_instance, content + name) == outcome(read_any, content + name)
        is_plain(content)


@pytest.mark.parametrize("charset", ["", "ISO_IR 100"])
def test_a_padding_value_has_the_sign_of_the_pixels_however_often_it_is_read(charset: str) -> None:
    dataset = Dataset()
    if charset:
        dataset.SpecificCharacterSet = charset
    dataset.PixelRepresentation = 1
    dataset.add(element("PixelPaddingValue", "SS", -2000))
    content = written(dataset, IMPLICIT)
    for _ in range(3):
        found = read_plain(Source("x", size=len(content)), BytesIO(content), KEYWORDS)
        assert found.header["PixelPaddingValue"] == "-2000"


def _explicit(tag: int, vr: str, value: bytes, length: int | None = None) -> bytes:
    return head(tag, vr, len(value) if length is None else length, implicit=False) + value


_NAME = _explicit(0x00100010, "PN", b"A^B ")
_ITEM, _ITEM_END, _SEQUENCE_END = (struct.pack("<HHI", 0xFFFE, n, 0) for n in (0xE000, 0xE00D, 0xE0DD))


def _item(content: bytes, length: int) -> bytes:
    """A sequence of undefined length of one item, which says that it has some length."""
    return _explicit(0x00081115, "SQ", struct.pack("<HHI", 0xFFFE, 0xE000, length) + content, _UNDEFINED)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(_explicit(0x00080005, "CS", b"utf\x008") + _explicit(0x00080005, "CS", b"") + _NAME, id="twice"),
        pytest.param(_item(_explicit(0x00080005, "FD", b"ABC") + _ITEM_END, _UNDEFINED) + _SEQUENCE_END, id="nested"),
        pytest.param(_item(_explicit(0x00080060, "CS", _SEQUENCE_END), 8) + _NAME, id="longer than its item"),
        pytest.param(_item(_explicit(0x00080060, "CS", b"CT") + _ITEM_END, 99) + _SEQUENCE_END + _NAME, id="shorter"),
        pytest.param(_explicit(0x00081115, "SQ", _NAME + _SEQUENCE_END, _UNDEFINED), id="no item"),
        pytest.param(_explicit(0x00081115, "UN", _ITEM + _SEQUENCE_END, _UNDEFINED) + _NAME, id="unknown sequence"),
        pytest.param(_explicit(0x00080060, "CS", b"CT") + _ITEM_END + _NAME, id="an end alone"),
        pytest.param(_explicit(0x00000002, "UI", b"1.2\0") + _NAME, id="a command"),
        pytest.param(_explicit(0x00020003, "UI", b"1.2\0") + _NAME, id="more meta information"),
        pytest.param(_explicit(0x00080060, "ZZ", b"CT") + _NAME, id="unknown VR"),
        pytest.param(_explicit(0x00080060, "ZZ", b"") + _NAME, id="unknown VR without a value"),
        pytest.param(head(0x00080060, "", 2, implicit=True) + b"CT" + _NAME, id="implicit VR"),
        pytest.param(_NAME[:-1], id="cut off"),
        pytest.param(_NAME + b"\x10", id="rest"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_what_is_odd_is_left_to_pydicom(content: bytes) -> None:
    whole = written(Dataset()) + content
    assert not is_plain(whole)
    assert outcome(read_instance, whole) == outcome(read_any, whole)


@pytest.mark.parametrize("content", [b"", head(0xFFFEE00D, "", 0, implicit=True)])
def test_implicit_vr_that_is_odd_is_left_to_pydicom(content: bytes) -> None:
    size = 0x4242  # as a VR it would be BB
    content += head(0x00080018, "", size, implicit=True) + b"\0" * size
    whole = written(Dataset(), IMPLICIT) + content
    assert not is_plain(whole)
    assert outcome(read_instance, whole) == outcome(read_any, whole)


@pytest.mark.slow
@given(files())
@settings(max_examples=200)
def test_a_file_of_any_content_is_read_as_by_pydicom(content: bytes) -> None:
    is_plain(content)
    assert outcome(read_instance, content) == outcome(read_any, content)


@given(st.data())
@settings(max_examples=100)
def test_a_damaged_file_is_read_as_by_pydicom(data: st.DataObject) -> None:
    content = bytearray(data.draw(files()))
    begin = content.index(b"UI", 180)  # of the transfer syntax, shortly before the dataset
    places = st.integers(begin, len(content) - 1)
    for place in data.draw(st.lists(places, min_size=1, max_size=3)):
        content[place] = data.draw(st.integers(0, 255))
    is_plain(bytes(content[: data.draw(st.none() | places)]))


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
@pytest.mark.parametrize("change", [lambda byte: byte ^ 1, lambda byte: byte + 2 & 255, lambda _: 0, lambda _: 255])
def test_a_file_with_any_byte_changed_is_read_as_by_pydicom(syntax: str, change: Callable[[int], int]) -> None:
    dataset = ct_slice()
    dataset.update(_nested(1, undefined=True))
    content = written(dataset, syntax)
    plain = 0
    for place in range(132, len(content)):
        plain += is_plain(content[:place] + bytes([change(content[place])]) + content[place + 1 :])
    assert plain > 200  # changes in values


# Files of others


def _plain_and_all(folder: Path) -> tuple[int, int]:
    """How many files of a folder count as plain, and how many are DICOM; each plain one reads as by pydicom."""
    plain = every = 0
    for path in sorted(folder.rglob("*")):
        content = path.read_bytes() if path.is_file() else b""
        if looks_like_dicom(content[:132]) and outcome(read_any, content) is not None:
            every += 1
            plain += is_plain(content)
    return plain, every


@pytest.mark.parametrize(("folder", "share"), [(Path(pydicom.__file__).parent / "data/test_files", 0.6), (INPUT, 0.9)])
def test_files_of_others_are_mostly_plain(folder: Path, share: float) -> None:
    plain, every = _plain_and_all(folder)
    assert plain > every * share


@pytest.mark.shared
def test_real_files(shared: Path) -> None:
    plain, every = _plain_and_all(shared / "dicom")
    assert plain > every * 0.9
