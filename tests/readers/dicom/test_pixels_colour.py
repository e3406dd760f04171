"""Colour: palettes, colour spaces and depths, against pydicom and known values."""

import numpy as np
import pydicom
import pytest
from image2d import BUNDLED, bundled, image, pad_data, window
from pydicom.dataset import Dataset
from pydicom.pixels.processing import (
    apply_color_lut,
    convert_color_space,
)

from mids.errors import DataError
from mids.readers.dicom import pixels


def test_colour_of_16_bits_becomes_8() -> None:
    values = np.array([[[0, 32768, 65535], [257, 514, 128]]], np.uint16)
    rendered = pixels.render(image(values, {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB",
                                            "PlanarConfiguration": 0}), "window")  # fmt: skip
    assert rendered.pixels.dtype == np.uint8
    assert rendered.pixels.tolist() == [[[0, 128, 255], [1, 2, 0]]]
    assert rendered.facts["PhotometricInterpretation"] == "RGB"


@pytest.mark.parametrize(("matrix", "shown"), [((40, 60), (40, 60)), ((400, 60), (64, 60)), ((None, 60), (64, 64))])
def test_a_slide_that_is_smaller_than_its_one_tile_is_cut_out(
    matrix: tuple[int | None, int], shown: tuple[int, int]
) -> None:
    values = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    header = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    dataset = image(values, header)
    dataset.TotalPixelMatrixRows, dataset.TotalPixelMatrixColumns = matrix
    rendered = pixels.render(dataset, "window")
    assert np.array_equal(rendered.pixels, values[: shown[0], : shown[1]])
    assert (rendered.facts["Rows"], rendered.facts["Columns"]) == shown


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
    found = window(palette_image(dict.fromkeys(keywords, pad_data(data)), 13, bits))
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


def test_a_retired_colour_space_is_named() -> None:
    dataset = image(np.zeros((4, 4), np.uint8), {"PhotometricInterpretation": "YBR_PARTIAL_422"})
    with pytest.raises(DataError, match="retired kind YBR_PARTIAL_422"):
        pixels.render(dataset, "window")
