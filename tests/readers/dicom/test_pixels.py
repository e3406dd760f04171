"""Stored values and the pictures made of them, against the formulas of the standard and known values."""

import math
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from image2d import BUNDLED, CANARY, SHARED, image, lut_item, padded, ramp, written
from pydicom.dataset import Dataset
from pydicom.pixels.processing import (
    apply_color_lut,
    apply_modality_lut,
    apply_windowing,
    convert_color_space,
)
from pydicom.uid import ImplicitVRLittleEndian

from mids.errors import DataError
from mids.readers.dicom import pixels
from mids.records import Pixels

shared = [pytest.mark.shared, pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared")]
WHITE = 65535


def bundled(name: str) -> Dataset:
    with (BUNDLED / name).open("rb") as stream:
        return pixels.read_dataset(stream)


def window(dataset: Dataset) -> npt.NDArray[Any]:
    return pixels.render(dataset, "window").pixels


def standard_linear(x: float, centre: float, width: float) -> float:
    """The pseudo-code of PS3.3 C.11.2.1.2.1 with ymin 0 and ymax 65535."""
    if x <= centre - 0.5 - (width - 1) / 2:
        return 0
    if x > centre - 0.5 + (width - 1) / 2:
        return WHITE
    return ((x - (centre - 0.5)) / (width - 1) + 0.5) * WHITE


def standard_exact(x: float, centre: float, width: float) -> float:
    """The pseudo-code of PS3.3 C.11.2.1.3.2."""
    if x <= centre - width / 2:
        return 0
    if x > centre + width / 2:
        return WHITE
    return ((x - centre) / width + 0.5) * WHITE


def standard_sigmoid(x: float, centre: float, width: float) -> float:
    """PS3.3 C.11.2.1.3.1."""
    return WHITE / (1 + math.exp(min(700, -4 * (x - centre) / width)))


FUNCTIONS = {
    "": standard_linear,
    "LINEAR": standard_linear,
    "LINEAR_EXACT": standard_exact,
    "SIGMOID": standard_sigmoid,
}


@pytest.mark.parametrize("function", FUNCTIONS)
@given(centre=st.integers(-500, 4600), width=st.integers(1, 5000), intercept=st.sampled_from([0, -1024]))
def test_window_is_the_standards(function: str, centre: int, width: int, intercept: int) -> None:
    attributes = {"WindowCenter": centre, "WindowWidth": width, "VOILUTFunction": function, "BitsStored": 12}
    stored = np.arange(0, 4096, 7, dtype=np.uint16).reshape(1, -1)
    rendered = pixels.render(image(stored, {**attributes, "RescaleSlope": 1, "RescaleIntercept": intercept}), "window")
    expected = [FUNCTIONS[function](float(x) + intercept, centre, width) for x in stored.ravel()]
    assert np.abs(rendered.pixels.ravel() - np.array(expected)).max() <= 0.5 + 1e-6
    assert rendered.facts["WindowApplied"] is True
    assert rendered.facts["WindowCenter"] == centre
    assert rendered.facts["VOILUTIndex"] == 0
    assert rendered.facts["VOILUTFunction"] == (function or "LINEAR")


UNUSABLE: dict[str, dict[str, Any]] = {
    "absent": {},
    "zero width": {"WindowCenter": 40, "WindowWidth": 0},
    "narrow": {"WindowCenter": 40, "WindowWidth": 0.5},
    "lone centre": {"WindowCenter": 40},
    "lone width": {"WindowWidth": 400},
    "empty": {"WindowCenter": "", "WindowWidth": ""},
    "zero width exact": {"WindowCenter": 40, "WindowWidth": 0, "VOILUTFunction": "LINEAR_EXACT"},
}


@pytest.mark.parametrize("attributes", UNUSABLE.values(), ids=UNUSABLE.keys())
@pytest.mark.parametrize("values", [[[0, 4095]], [[100, 200]], [[7, 7]]])
def test_without_a_usable_window_the_range_is_that_of_bits_stored(
    attributes: dict[str, Any], values: list[list[int]]
) -> None:
    rendered = pixels.render(image(np.array(values, np.uint16), {"BitsStored": 12, **attributes}), "window")
    assert rendered.pixels.tolist() == [[round(value / 4095 * WHITE) for value in values[0]]]
    assert rendered.facts["WindowApplied"] is False
    assert rendered.facts["PixelRange"] == [0, 4095]
    assert "WindowCenter" not in rendered.facts


def test_a_window_that_is_no_number_is_no_window() -> None:
    content = written(image(ramp(), {"BitsStored": 12, "WindowCenter": 1234, "WindowWidth": 400}))
    rendered = pixels.render(pixels.read_dataset(BytesIO(content.replace(b"1234", b"12-4"))), "window")
    assert rendered.facts["PixelRange"] == [0, 4095]


def test_signed_values_without_a_window_span_their_own_range() -> None:
    values = np.array([[-2048, 0, 2047]], np.int16)
    dataset = image(values, {"BitsStored": 12, "RescaleSlope": 2, "RescaleIntercept": 10})
    rendered = pixels.render(dataset, "window")
    assert rendered.pixels.tolist() == [[0, round(2048 / 4095 * WHITE), WHITE]]
    assert rendered.facts["PixelRange"] == [-4086, 4104]


def test_of_several_windows_the_first_is_used() -> None:
    one = window(image(ramp(), {"BitsStored": 12, "WindowCenter": 2048, "WindowWidth": 1000}))
    three = image(ramp(), {"BitsStored": 12, "WindowCenter": 2048, "WindowWidth": [1000, 2000, 3000]})
    assert np.array_equal(window(three), one)


def test_window_gives_the_value_back_through_the_recorded_range() -> None:
    dataset = image(ramp(), {"BitsStored": 12, "WindowCenter": 2000, "WindowWidth": 1001})
    rendered = pixels.render(dataset, "window")
    assert rendered.facts["PixelRange"] == [1499.5, 2499.5]
    inside = (ramp() >= 1500) & (ramp() <= 2499)
    back = 1499.5 + rendered.pixels[inside] / WHITE * 1000
    assert np.array_equal(np.rint(back), ramp()[inside])


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted"),
    [
        ("MONOCHROME1", None, True),
        ("MONOCHROME1", "INVERSE", True),
        ("MONOCHROME1", "IDENTITY", True),
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME2", None, False),
    ],
)
@pytest.mark.parametrize("mode", ["window", "raw"])
def test_polarity_is_turned_at_most_once(*, photometric: str, shape: str | None, inverted: bool, mode: Pixels) -> None:
    attributes = {"PhotometricInterpretation": photometric, "BitsStored": 10}
    if shape:
        attributes["PresentationLUTShape"] = shape
    rendered = pixels.render(image(np.array([[0, 1023]], np.uint16), attributes), mode)
    white = WHITE if mode == "window" else 1023
    assert rendered.pixels.tolist() == ([[white, 0]] if inverted else [[0, white]])
    assert rendered.facts["PixelInverted"] is inverted
    assert rendered.facts["SourcePhotometricInterpretation"] == photometric
    assert rendered.facts["PhotometricInterpretation"] == "MONOCHROME2"


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black(photometric: str) -> None:
    attributes = {
        "PhotometricInterpretation": photometric,
        "PixelPaddingValue": 0,
        "PixelPaddingRangeLimit": 9,
    }
    grey = window(image(np.array([[0, 5, 9, 10, 4000]], np.uint16), {"BitsStored": 12, **attributes}))
    assert grey[0, :3].tolist() == [0, 0, 0]
    assert grey[0, 3:].min() > 0


def test_padding_written_with_the_wrong_sign_is_recognised() -> None:
    dataset = image(np.array([[-2000, 0]], np.int16), {"WindowCenter": -2000, "WindowWidth": 2000})
    dataset.add_new("PixelPaddingValue", "US", 63536)
    rendered = pixels.render(dataset, "window")
    assert rendered.pixels[0, 0] == 0
    assert rendered.facts["PixelPaddingValue"] == -2000


def test_boxes_are_blanked() -> None:
    rendered = pixels.render(image(np.full((4, 6), 9, np.uint8)), "raw", ((1, 2, 3, 99), (-5, 0, 1, 1)))
    expected = np.full((4, 6), 9)
    expected[1:3, 2:] = 0
    expected[0, 0] = 0
    assert np.array_equal(rendered.pixels, expected)
    assert rendered.facts["BlankedRegions"] == [[1, 2, 3, 99], [-5, 0, 1, 1]]


@pytest.mark.parametrize("bits", [8, 9, 12, 16])
def test_voi_lut_of_any_depth(bits: int) -> None:
    entries = np.linspace(0, (1 << bits) - 1, 1000).astype(np.uint16)[::-1]
    dataset = image(ramp(), {"BitsStored": 12, "VOILUTSequence": [lut_item(entries, 100, bits)]})
    rendered = pixels.render(dataset, "window")
    index = np.clip(ramp().astype(int) - 100, 0, 999)
    assert np.array_equal(rendered.pixels, np.rint(entries[index] / ((1 << bits) - 1) * WHITE))
    assert rendered.facts["WindowApplied"] is True
    assert rendered.facts["VOILUTIndex"] == 0


def test_voi_lut_of_one_byte_an_entry() -> None:
    entries = np.linspace(0, 255, 600).astype(np.uint16)
    item = lut_item(entries, 0, 8, entries.astype(np.uint8).tobytes())
    grey = window(image(ramp(), {"BitsStored": 12, "VOILUTSequence": [item]}))
    assert np.array_equal(grey, entries[np.clip(ramp(), 0, 599)] * 257)


def test_voi_lut_of_65536_entries_and_the_stored_size_in_the_descriptor() -> None:
    entries = (np.arange(65536) // 16).astype(np.uint16)
    grey = window(image(ramp(16), {"VOILUTSequence": [lut_item(entries, 0, 16)]}))
    assert np.array_equal(grey, np.rint(entries.reshape(grey.shape) / 4095 * WHITE)), "white is the largest entry"


def test_voi_lut_comes_before_the_window() -> None:
    item = lut_item(np.array([0, 1], np.uint16), 2000, 8)
    attributes = {"VOILUTSequence": [item], "WindowCenter": 100, "WindowWidth": 10, "BitsStored": 12}
    rendered = pixels.render(image(ramp(), attributes), "window")
    assert np.array_equal(rendered.pixels, np.where(ramp() > 2000, WHITE, 0))
    assert "WindowCenter" not in rendered.facts


def test_voi_lut_with_a_negative_first_value_over_unsigned_pixels() -> None:
    entries = np.arange(4096, dtype=np.uint16)
    attributes = {"BitsStored": 12, "RescaleSlope": 1, "RescaleIntercept": -1024}
    grey = window(image(ramp(), {**attributes, "VOILUTSequence": [lut_item(entries, -1024, 12)]}))
    assert np.array_equal(grey, np.rint(ramp() / 4095 * WHITE))


def test_voi_lut_whose_first_value_lost_its_sign() -> None:
    entries = np.arange(4096, dtype=np.uint16)
    attributes = {"BitsStored": 12, "RescaleSlope": 1, "RescaleIntercept": -1024}
    grey = window(image(ramp(), {**attributes, "VOILUTSequence": [lut_item(entries, 65536 - 1024, 12)]}))
    assert np.array_equal(grey, np.rint(ramp() / 4095 * WHITE))


def test_a_damaged_voi_lut_leaves_the_window() -> None:
    item = lut_item(np.zeros(0, np.uint16), 0, 12, b"")
    attributes = {"BitsStored": 12, "WindowCenter": 100, "WindowWidth": 200, "VOILUTSequence": [item]}
    assert pixels.render(image(ramp(), attributes), "window").facts["WindowCenter"] == 100


def test_modality_lut_of_12_bits() -> None:
    entries = (np.arange(256) ** 2 // 16).astype(np.uint16)
    dataset = image(np.arange(256, dtype=np.uint8).reshape(16, 16))
    dataset.ModalityLUTSequence = [lut_item(entries, 0, 12)]
    assert np.array_equal(pixels.modality(pixels.stored(dataset), dataset).ravel(), entries)
    raw = pixels.render(dataset, "raw")
    assert np.array_equal(raw.pixels.ravel(), entries)
    assert raw.facts["ModalityLUTApplied"] is True


def test_the_modality_lut_of_angiography_leads_to_intensity_and_is_not_shown() -> None:
    dataset = image(np.arange(256, dtype=np.uint8).reshape(16, 16))
    dataset.ModalityLUTSequence = [lut_item((np.arange(256) ** 2 // 16).astype(np.uint16), 0, 12)]
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.12.1"
    assert np.array_equal(window(dataset).ravel(), np.arange(256) * 257)


def test_rescale_agrees_with_pydicom() -> None:
    dataset = image(ramp(), {"BitsStored": 12, "RescaleSlope": 2.81525, "RescaleIntercept": -240})
    assert np.allclose(pixels.modality(ramp(), dataset), apply_modality_lut(ramp(), dataset))


def test_window_agrees_with_pydicom_where_it_is_right() -> None:
    attributes = {"BitsStored": 12, "WindowCenter": 300, "WindowWidth": 1500}
    dataset = image(ramp(), {**attributes, "RescaleSlope": 1.5, "RescaleIntercept": -500})
    values = apply_modality_lut(ramp(), dataset)
    theirs = apply_windowing(values, dataset)
    low, high = -500.0, 4095 * 1.5 - 500
    assert np.abs(window(dataset) - (theirs - low) / (high - low) * WHITE).max() <= 0.5 + 1e-6


def test_windows_of_functional_groups_are_found() -> None:
    voi, shared_group = Dataset(), Dataset()
    voi.WindowCenter, voi.WindowWidth = 512, 256
    shared_group.FrameVOILUTSequence = [voi]
    dataset = image(ramp(), {"BitsStored": 12, "SharedFunctionalGroupsSequence": [shared_group]})
    assert pixels.render(dataset, "window").facts["WindowCenter"] == 512


@st.composite
def grey_images(draw: st.DrawFn) -> Dataset:
    bits, signed = draw(st.integers(2, 16)), draw(st.booleans())
    low = -(1 << bits - 1) if signed else 0
    values = draw(st.lists(st.integers(low, low + (1 << bits) - 1), min_size=6, max_size=6))
    return image(
        np.array(values, np.int16 if signed else np.uint16).reshape(2, 3),
        {
            "BitsStored": bits,
            "PhotometricInterpretation": draw(st.sampled_from(["MONOCHROME1", "MONOCHROME2"])),
            "RescaleSlope": draw(st.sampled_from([1, 2, -1, 0.25, 2.81525])),
            "RescaleIntercept": draw(st.sampled_from([0, -1024, -240.5])),
        },
    )


@given(dataset=grey_images())
def test_raw_gives_every_value_back(dataset: Dataset) -> None:
    rendered = pixels.render(dataset, "raw")
    facts = rendered.facts
    low, high = facts["PixelRange"]  # type: ignore[misc]
    units = high - rendered.pixels.astype(float) if facts["PixelInverted"] else low + rendered.pixels.astype(float)
    if not facts["ModalityLUTApplied"]:
        units = units * facts["RescaleSlope"] + facts["RescaleIntercept"]
    expected = pixels.stored(dataset) * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
    assert rendered.pixels.dtype == np.uint16
    assert np.allclose(units, expected)
    assert facts["PixelOffset"] == low


def test_raw_refuses_what_16_bits_can_not_hold() -> None:
    with pytest.raises(DataError, match="more than 16 bits"):
        pixels.render(image(np.zeros((2, 2), np.uint32)), "raw")


def test_32_bits_are_windowed() -> None:
    values = np.array([[0, 10**6, 2 * 10**6]], np.uint32)
    grey = window(image(values, {"WindowCenter": 10**6, "WindowWidth": 2 * 10**6, "VOILUTFunction": "LINEAR_EXACT"}))
    assert grey.tolist() == [[0, 32768, 65535]]


@given(
    values=st.lists(st.integers(0, 4095), min_size=4, max_size=4),
    junk=st.integers(0, 65535),
    shift=st.integers(0, 4),
    signed=st.booleans(),
)
def test_only_the_bits_that_are_stored_count(*, values: list[int], junk: int, shift: int, signed: bool) -> None:
    unused = 0xFFFF & ~(4095 << shift)
    words = (np.array(values, np.uint16).reshape(2, 2) << shift) | np.uint16(junk & unused)
    attributes = {"BitsStored": 12, "HighBit": 11 + shift, "PixelRepresentation": int(signed)}
    expected = [value - 4096 if signed and value > 2047 else value for value in values]
    assert pixels.stored(image(words, attributes)).ravel().tolist() == expected


def test_colour_of_16_bits_becomes_8() -> None:
    values = np.array([[[0, 32768, 65535], [257, 514, 128]]], np.uint16)
    rendered = pixels.render(image(values, {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB",
                                            "PlanarConfiguration": 0}), "window")  # fmt: skip
    assert rendered.pixels.dtype == np.uint8
    assert rendered.pixels.tolist() == [[[0, 128, 255], [1, 2, 0]]]
    assert rendered.facts["PhotometricInterpretation"] == "RGB"


def palette_image(data: dict[str, bytes], entries: int, bits: int, first: int = 0) -> Dataset:
    dataset = image(np.arange(16, dtype=np.uint8).reshape(4, 4), {"PhotometricInterpretation": "PALETTE COLOR"})
    for colour in ("Red", "Green", "Blue"):
        dataset.add_new(f"{colour}PaletteColorLookupTableDescriptor", "US", [entries, first, bits])
    for keyword, value in data.items():
        dataset.add_new(keyword, "OW", value)
    return dataset


@pytest.mark.parametrize("bits", [8, 16])
def test_palette(bits: int) -> None:
    scale = 257 if bits == 16 else 1
    ramps = {"Red": np.arange(10) * 20, "Green": np.arange(10)[::-1] * 20, "Blue": np.full(10, 99)}
    data = {
        f"{colour}PaletteColorLookupTableData": (values * scale).astype(f"<u{bits // 8}").tobytes()
        for colour, values in ramps.items()
    }
    found = window(palette_image(data, 10, bits, first=3))
    index = np.clip(np.arange(16) - 3, 0, 9)
    assert np.array_equal(found.reshape(16, 3), np.stack([values[index] for values in ramps.values()], axis=-1))


@pytest.mark.parametrize("bits", [8, 16])
def test_segmented_palette(bits: int) -> None:
    """Discrete (5), discrete (10, 20), linear to 60 in 4 steps; the last two once more by an indirect one."""
    scale, size = (257, 2) if bits == 16 else (1, 1)
    offset = [3, 0, 0, 0] if bits == 8 else [6, 0]
    words = [0, 1, 5 * scale, 0, 2, 10 * scale, 20 * scale, 1, 4, 60 * scale, 2, 2, *offset]
    data = np.array(words).astype(f"<u{size}").tobytes()
    keywords = [f"Segmented{colour}PaletteColorLookupTableData" for colour in ("Red", "Green", "Blue")]
    found = window(palette_image(dict.fromkeys(keywords, padded(data)), 13, bits))
    once = [10, 20, 30, 40, 50, 60]
    assert found.reshape(16, 3)[:, 0].tolist() == [5, *once, *once, 60, 60, 60]


@pytest.mark.parametrize("words", [[3, 1, 1], [1, 4, 60], [0, 9, 1], [0, 1, 5, 2, 1, 0], [0, 1, 5, 2, 1, 90, 0]])
def test_a_damaged_segmented_palette_is_an_error(words: list[int]) -> None:
    data = np.array(words, "<u2").tobytes()
    keywords = [f"Segmented{colour}PaletteColorLookupTableData" for colour in ("Red", "Green", "Blue")]
    with pytest.raises(DataError, match="palette"):
        window(palette_image(dict.fromkeys(keywords, data), 13, 16))


@pytest.mark.parametrize("data", [{}, {"RedPaletteColorLookupTableData": b"\1\2"}])
def test_a_missing_palette_is_an_error(data: dict[str, bytes]) -> None:
    with pytest.raises(DataError, match="palette"):
        window(palette_image(data, 2, 8))


@pytest.mark.parametrize(
    "name",
    ["examples_palette.dcm", "examples_rgb_color.dcm", "examples_jpeg2k.dcm", "SC_rgb_rle.dcm",
     "SC_ybr_full_422_uncompressed.dcm", "SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_jpeg_gdcm.dcm", "ExplVR_BigEnd.dcm",
     "SC_rgb_dcmtk_+eb+cy+s2.dcm", "SC_rgb_jls_lossy_sample.dcm", "GDCMJ2K_TextGBR.dcm",
     "SC_rgb_small_odd_big_endian.dcm", "SC_rgb_jpeg.dcm"],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_colour_agrees_with_pydicom(name: str) -> None:
    found = window(bundled(name))
    dataset = pydicom.dcmread(BUNDLED / name)
    theirs = pydicom.pixels.pixel_array(dataset, raw=True)
    space = dataset.PhotometricInterpretation
    if space == "PALETTE COLOR":
        theirs = apply_color_lut(theirs, dataset) >> 8
    elif space.startswith("YBR_FULL"):
        theirs = convert_color_space(theirs, space, "RGB")
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - theirs).max() <= 2, "decoders of JPEG may round differently"


@pytest.mark.parametrize(
    "name",
    ["MR_small_RLE.dcm", "MR_small_bigendian.dcm", "MR_small_implicit.dcm", "MR_small_jp2klossless.dcm",
     "MR_small_jpeg_ls_lossless.dcm", "MR_small_padded.dcm"],
)  # fmt: skip
def test_lossless_transfer_syntaxes_agree(name: str) -> None:
    assert np.array_equal(pixels.stored(bundled(name)), pixels.stored(bundled("MR_small.dcm")))


def test_frames_are_those_of_the_whole() -> None:
    for name in ("examples_ybr_color.dcm", "rtdose_expb.dcm", "SC_rgb_rle_16bit_2frame.dcm"):
        dataset = bundled(name)
        whole = pixels.stored(dataset)
        assert whole.ndim > 2
        assert np.array_equal(np.stack(list(pixels.frames(dataset))), whole)
        assert np.array_equal(pixels.stored(dataset, frame=1), whole[1])


@pytest.mark.parametrize("implicit", [False, True])
def test_a_missing_transfer_syntax_is_found_out(*, implicit: bool) -> None:
    dataset = image(ramp(8).astype(np.uint16), {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1"})
    if implicit:
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    del dataset.PatientName
    content = written(dataset)
    meta_length = int.from_bytes(content[140:144], "little")
    found = pixels.read_dataset(BytesIO(content[144 + meta_length :]))
    assert np.array_equal(pixels.stored(found), ramp(8))
    assert found.file_meta.TransferSyntaxUID == dataset.file_meta.TransferSyntaxUID


def _without(keyword: str) -> Dataset:
    dataset = image(ramp(8))
    del dataset[keyword]
    return dataset


def _truncated() -> Dataset:
    dataset = image(ramp(8))
    dataset.PixelData = dataset.PixelData[:-20]
    return dataset


def _floats() -> Dataset:
    dataset = _without("PixelData")
    dataset.FloatPixelData = np.zeros(256, np.float32).tobytes()
    return dataset


def _syntax(uid: str) -> Dataset:
    dataset = image(ramp(8))
    dataset.file_meta.TransferSyntaxUID = uid
    return dataset


@pytest.mark.parametrize(
    ("dataset", "reason"),
    [
        (_without("PixelData"), "Explicit VR Little Endian: no pixel data"),
        (_without("Rows"), "missing"),
        (_without("BitsAllocated"), "missing"),
        (_without("PixelRepresentation"), "missing"),
        (_floats(), "floating point"),
        (_truncated(), "Explicit VR Little Endian: the pixel data does not fit"),
        (_syntax("1.2.840.10008.1.2.4.100"), "MPEG2 .*: no decoder"),
        (_syntax("1.2.3.4.5"), "an unknown transfer syntax"),
        (_syntax("1.2.840.10008.1.2.4.70"), "JPEG Lossless"),
        (image(ramp(8), {"PhotometricInterpretation": "YBR_PARTIAL_420", "SamplesPerPixel": 3}), "Explicit"),
        (bundled("JPEG2000-embedded-sequence-delimiter.dcm"), "JPEG 2000 .*damaged"),
        (bundled("MR_truncated.dcm"), "does not fit"),
        (bundled("rtplan.dcm"), "no pixel data"),
        (bundled("badVR.dcm"), "Explicit VR Little Endian: the pixel data does not fit"),
    ],
)
def test_what_can_not_be_decoded_is_an_error_that_says_why(dataset: Dataset, reason: str) -> None:
    with pytest.raises(DataError, match=reason) as caught:
        pixels.render(dataset, "window")
    assert caught.value.code == "PIXELS_UNREADABLE"
    assert CANARY not in str(caught.value)


def test_a_frame_that_is_not_there_is_an_error() -> None:
    with pytest.raises(DataError):
        pixels.stored(image(ramp(8)), frame=1)


@given(data=st.binary(max_size=400), cut=st.integers(0, 1000))
def test_rubbish_is_an_error_and_never_a_crash(data: bytes, cut: int) -> None:
    for content in (
        data,
        written(image(ramp(8), {"VOILUTSequence": [lut_item(ramp(8).ravel(), 0, 8)]}))[:cut],
    ):
        with pytest.raises(DataError):
            pixels.render(pixels.read_dataset(BytesIO(content)), "window")


def test_lossy_compression_is_recorded() -> None:
    assert pixels.render(bundled("SC_rgb_jpeg.dcm"), "window").facts["LossyImageCompression"] == "01"
    assert "LossyImageCompression" not in pixels.render(bundled("MR_small.dcm"), "window").facts


class TestRealData:
    pytestmark = shared

    def read(self, *parts: str) -> Dataset:
        with (SHARED / Path(*parts)).open("rb") as stream:
            return pixels.read_dataset(stream)

    @pytest.mark.parametrize("mode", ["window", "raw"])
    def test_bones_are_white_and_air_is_black(self, mode: Pixels) -> None:
        grey = pixels.render(self.read("cr_dx_chest", "RG1_J2KI.dcm"), mode).pixels
        spine = np.median(grey[600:1000, 880:960])
        lung = np.median(grey[400:520, 1200:1300])
        air = np.median(grey[60:140, 20:100])
        assert air < lung < spine

    def test_all_transfer_syntaxes_show_the_same_slice(self) -> None:
        folder = SHARED / "transfer_syntaxes"
        paths = sorted(folder.glob("CTImage.dcm_*.dcm"))
        assert len(paths) == 15
        plain = self.read("transfer_syntaxes", next(p.name for p in paths if "LittleEndianExplicit" in p.name))
        expected = pixels.modality(pixels.stored(plain), plain).astype(float)
        for path in paths:
            dataset = self.read("transfer_syntaxes", path.name)
            values = pixels.modality(pixels.stored(dataset), dataset).astype(float)
            mean, slope = np.abs(values - expected).mean(), float(dataset.RescaleSlope)
            # the makers of the JPEG files first scaled to 8 or 12 bits: slope is one step of theirs
            assert mean <= (2 * slope if slope > 1 else 1.5 * ("Lossy" in path.name or "JPEG2000T" in path.name))
