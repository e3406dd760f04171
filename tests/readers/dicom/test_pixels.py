"""Pictures made of stored values, against the formulas of the standard: windows, lookup tables, polarity, padding."""

import math
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from image2d import image, lut_item, ramp, window, write_dataset
from pydicom.dataset import Dataset
from pydicom.pixels.processing import (
    apply_modality_lut,
    apply_windowing,
)

from mids.readers.dicom import pixels
from mids.records import Pixels

WHITE = 65535


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
    content = write_dataset(image(ramp(), {"BitsStored": 12, "WindowCenter": 1234, "WindowWidth": 400}))
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
