"""The reader of plain files on files of any content and with any damage: what pydicom reads, or nothing."""

import struct
from collections.abc import Callable
from io import BytesIO
from operator import itemgetter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_files import EXPLICIT, IMPLICIT, KEYWORDS, ct_slice, element, is_plain, nested, outcome, written
from pydicom import uid
from pydicom.datadict import dictionary_has_tag, dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

from mids.readers.dicom.headers import read_any, read_instance, read_plain
from mids.records import Source

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
    tag = draw(st.sampled_from([0x00081115] * 4 + [0x00540220] * 2 + [0x00120064, 0x52009229, 0x00091002]))
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


_VIEW = _explicit(
    0x00540220,
    "SQ",
    _ITEM[:4] + struct.pack("<I", 10) + _explicit(0x00080104, "LO", b"\xc3\xbc") + _SEQUENCE_END,
    _UNDEFINED,
)


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
        pytest.param(_explicit(0x00280103, "US", b"\0") + _VIEW, id="half a pixel representation"),
        pytest.param(_explicit(0x00280103, "LO", b"1 ") + _VIEW, id="a pixel representation that is a text"),
        pytest.param(_VIEW + _explicit(0x00080005, "CS", b"ISO_IR 192"), id="a character set after texts"),
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


@pytest.mark.slow
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
    dataset.update(nested(1, undefined=True))
    content = written(dataset, syntax)
    plain = 0
    for place in range(132, len(content)):
        plain += is_plain(content[:place] + bytes([change(content[place])]) + content[place + 1 :])
    assert plain > 200  # changes in values
