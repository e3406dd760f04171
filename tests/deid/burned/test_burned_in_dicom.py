"""Text in the pixels of DICOM files that stay DICOM: the box is black as displayed, all else is as before."""

from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
import pytest
from image2d import BUNDLED, image, write_dataset
from lettering import BLANK, HOLD, NAME, covers, lettered, radiograph
from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000Lossless, RLELossless

from mids.actions.blacken import clean_pixels
from mids.actions.screen import Looked
from mids.deid.burned.evidence import Screen
from mids.deid.burned.glyphs import text_boxes
from mids.errors import DataError
from mids.readers.dicom.decoding import read_dataset, stored
from mids.readers.dicom.pixels import render

BOX = (0, 0, 30, 60)


def reread(dataset: Dataset) -> Dataset:
    return read_dataset(BytesIO(write_dataset(dataset)))


def check_black(dataset: Dataset, before: npt.NDArray[Any]) -> None:
    """The box is displayed black, all else is as before."""
    shown = render(dataset, "window").pixels
    colour = int(shown.shape[-1] == 3)
    at = (..., slice(0, 30), slice(0, 60), *[slice(None)] * colour)
    assert shown[at].max() == 0
    untouched = np.array(before)
    after = render(dataset, "window").pixels.copy()
    untouched[at] = after[at] = 0
    np.testing.assert_array_equal(after, untouched)


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"PresentationLUTShape": "INVERSE"},
        {"WindowCenter": 600, "WindowWidth": 400},
        {"BitsStored": 12, "HighBit": 15},
    ],
)
def test_grey_pixels_are_black_as_displayed(attributes: dict[str, Any]) -> None:
    values = (radiograph(1, 120, 150).astype(np.uint16) * 3 + 100) << (4 if "HighBit" in attributes else 0)
    dataset = reread(image(values, attributes))
    before = render(dataset, "window").pixels
    assert clean_pixels(dataset, [BOX], Screen()) == Looked((BOX,))
    check_black(reread(dataset), before)


def test_signed_values_stay_in_the_range_of_the_image() -> None:
    values = radiograph(1, 120, 150).astype(np.int16) - 1024
    window = {"WindowCenter": -900, "WindowWidth": 50, "RescaleSlope": 1, "RescaleIntercept": 0}
    dataset = reread(image(values, window))
    clean_pixels(dataset, [BOX], Screen())
    after = stored(reread(dataset))
    assert after.min() >= values.min()
    assert (after[:30, :60] == values.min()).all()


@pytest.mark.parametrize(
    "name",
    [
        "SC_rgb_small_odd.dcm",
        "SC_ybr_full_422_uncompressed.dcm",
        "examples_ybr_color.dcm",
        "SC_rgb_small_odd_big_endian.dcm",
    ],
)
def test_colour_becomes_rgb_without_the_box(name: str) -> None:
    dataset = pydicom.dcmread(BUNDLED / name)
    before = render(dataset, "window").pixels
    box = (0, 0, 2, 2)
    clean_pixels(dataset, [box], Screen())
    again = reread(dataset)
    assert (again.PhotometricInterpretation, again.PlanarConfiguration) == ("RGB", 0)
    after = render(again, "window").pixels
    assert not after[..., :2, :2, :].any()
    np.testing.assert_array_equal(after[..., 2:, :, :], before[..., 2:, :, :])


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, RLELossless])
def test_compressed_frames_are_decompressed_only_to_be_blanked(syntax: str) -> None:
    values = np.stack([radiograph(frame, 120, 150) for frame in range(3)])
    dataset = reread(image(values, {"NumberOfFrames": 3}))
    dataset.compress(syntax, generate_instance_uid=False)
    packed = dataset.PixelData
    assert clean_pixels(dataset, [], Screen()).boxes == ()
    assert dataset.PixelData is packed
    dataset.IconImageSequence = [Dataset()]
    clean_pixels(dataset, [BOX], Screen())
    again = reread(dataset)
    assert again.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert "IconImageSequence" not in again
    values[:, :30, :60] = stored(again)[:, :30, :60]
    np.testing.assert_array_equal(stored(again), values)
    assert len(set(stored(again)[:, :30, :60].ravel())) == 1


def test_overlay_bits_above_the_stored_ones_are_cleared() -> None:
    values = radiograph(1, 120, 150).astype(np.uint16)
    dataset = reread(image(values | 0x8000, {"BitsStored": 12, "HighBit": 11}))
    clean_pixels(dataset, [BOX], Screen())
    assert np.frombuffer(reread(dataset).PixelData, "<u2").max() < 1 << 12


def test_text_is_found_and_blanked_in_a_dataset_but_not_in_a_slice_of_a_volume() -> None:
    picture, box = lettered(radiograph(2), NAME, (30, 20), 20)
    radiographic = reread(image(picture, {"Modality": "CR"}))
    looked = clean_pixels(radiographic, [], BLANK)
    assert looked.told == "glyphs: 1 region redacted"
    assert covers(looked.boxes, (box[0] + 2, *box[1:]))
    assert [found.code for found in looked.issues] == ["PRIVACY_TEXT_BLANKED"]
    assert text_boxes(stored(reread(radiographic))) == ()
    assert clean_pixels(image(picture, {"Modality": "CT"}), [], BLANK) == Looked()
    secondary = image(picture, {"Modality": "CT", "ImageType": ["DERIVED", "SECONDARY"]})
    with pytest.raises(DataError, match="its pixels contain"):
        clean_pixels(reread(secondary), [], HOLD)
