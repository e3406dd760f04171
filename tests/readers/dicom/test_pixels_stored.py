"""Stored values: read whatever the transfer syntax, given back by raw pictures, or an error that says why not."""

from io import BytesIO
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from image2d import CANARY, SHARED, bundled, image, lut_item, ramp, window, write_dataset
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000, ImplicitVRLittleEndian, JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless

from mids.errors import DataError
from mids.readers.dicom import pixels
from mids.records import Pixels

shared = [pytest.mark.shared, pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared")]


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


@pytest.mark.parametrize(
    "name",
    ["MR_small_RLE.dcm", "MR_small_bigendian.dcm", "MR_small_implicit.dcm", "MR_small_jp2klossless.dcm",
     "MR_small_jpeg_ls_lossless.dcm", "MR_small_padded.dcm"],
)  # fmt: skip
def test_lossless_transfer_syntaxes_agree(name: str) -> None:
    assert np.array_equal(pixels.stored(bundled(name)), pixels.stored(bundled("MR_small.dcm")))


def _packed(dataset: Dataset, syntax: str, frames: list[bytes], fragments: int = 1) -> Dataset:
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate(frames, fragments_per_frame=fragments, has_bot=False)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return dataset


@pytest.mark.parametrize(
    ("syntax", "encode"),
    [
        (JPEG2000Lossless, lambda values: imagecodecs.jpeg2k_encode(values, codecformat="j2k", reversible=True)),
        (JPEG2000, lambda values: imagecodecs.jpeg2k_encode(values, codecformat="j2k", reversible=True)),
        (JPEGLSLossless, lambda values: imagecodecs.jpegls_encode(values)),
        (JPEGLosslessSV1, lambda values: imagecodecs.ljpeg_encode(values, bitspersample=16)),
    ],
)
@pytest.mark.parametrize("high", [11, 15])
def test_bits_beside_the_value_do_not_count_where_16_are_packed(syntax: str, encode: Any, high: int) -> None:
    values = ramp(12)
    words = values << high - 11 | (0x5000 if high == 11 else 0x5)
    dataset = image(words.astype(np.uint16), {"BitsStored": 12, "HighBit": high})
    assert np.array_equal(pixels.stored(_packed(dataset, syntax, [encode(words.astype(np.uint16))])), values)


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless])
@pytest.mark.parametrize(("stated", "held"), [(1, 3), (4, 3), (3, 3)])
def test_frames_are_counted_in_fragments_too(syntax: str, stated: int, held: int) -> None:
    encode = imagecodecs.jpegls_encode if syntax == JPEGLSLossless else imagecodecs.jpeg2k_encode
    pictures = [ramp(8) + np.uint16(number) for number in range(held)]
    dataset = image(np.stack(pictures), {"NumberOfFrames": held})
    dataset.NumberOfFrames = stated
    more = {} if syntax == JPEGLSLossless else {"codecformat": "j2k", "reversible": True}
    _packed(dataset, syntax, [encode(picture, **more) for picture in pictures], fragments=2)
    if stated == held:
        assert np.array_equal(np.stack(list(pixels.frames(dataset))), np.stack(pictures))
        return
    with pytest.raises(DataError, match=f"NumberOfFrames is {stated} and the pixel data holds {held}") as caught:
        list(pixels.frames(dataset))
    assert caught.value.code == "FRAMES_CONTRADICTED"


@pytest.mark.parametrize("planar", [0, 1])
def test_every_frame_of_colour_without_compression_is_read(planar: int) -> None:
    for space, shape in (("YBR_FULL_422", (4, 3, 4)), ("YBR_FULL", (4, 6, 3)), ("RGB", (4, 6, 3))):
        if planar and space == "YBR_FULL_422":
            continue
        frames = np.full((3, *shape), 128, np.uint8)
        for number in range(3):
            grey = (..., slice(0, 2)) if space == "YBR_FULL_422" else (..., slice(0, 3 if space == "RGB" else 1))
            frames[number][grey] = 50 * (number + 1)
        stored = np.moveaxis(frames, -1, 1) if planar else frames
        dataset = image(np.zeros((3, 4, 6), np.uint8), {"NumberOfFrames": 3})
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, space, planar
        dataset.PixelData = np.ascontiguousarray(stored).tobytes()
        assert [np.unique(frame).tolist() for frame in pixels.frames(dataset)] == [[50], [100], [150]], space


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
    content = write_dataset(dataset)
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


def _video() -> Dataset:
    """Ten frames in one stream, as the offset table has it."""
    dataset = _syntax("1.2.840.10008.1.2.4.102")
    dataset.NumberOfFrames = 10
    dataset.PixelData = encapsulate([bytes(100)])
    dataset["PixelData"].is_undefined_length = True
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
        (_video(), "MPEG-4 .*: no decoder"),
        (_syntax("1.2.3.4.5"), "an unknown transfer syntax"),
        (_syntax("1.2.840.10008.1.2.4.70"), "JPEG Lossless"),
        (image(ramp(8), {"PhotometricInterpretation": "YBR_PARTIAL_420", "SamplesPerPixel": 3}), "Explicit"),
        (bundled("JPEG2000-embedded-sequence-delimiter.dcm"), "JPEG 2000 .*damaged"),
        (bundled("MR_truncated.dcm"), "does not fit"),
        (bundled("rtplan.dcm"), "no pixel data"),
    ],
)
def test_what_can_not_be_decoded_is_an_error_that_says_why(dataset: Dataset, reason: str) -> None:
    with pytest.raises(DataError, match=reason) as caught:
        pixels.render(dataset, "window")
    assert caught.value.code == "PIXELS_UNREADABLE"
    assert CANARY not in str(caught.value)


def test_another_number_of_frames_than_is_stated_is_named() -> None:
    with pytest.raises(DataError, match="NumberOfFrames is 1 and the pixel data holds 15") as caught:
        pixels.stored(bundled("badVR.dcm"))
    assert caught.value.code == "FRAMES_CONTRADICTED"


def test_a_frame_that_is_not_there_is_an_error() -> None:
    with pytest.raises(DataError):
        pixels.stored(image(ramp(8)), frame=1)


@given(data=st.binary(max_size=400), cut=st.integers(0, 1000))
def test_rubbish_is_an_error_and_never_a_crash(data: bytes, cut: int) -> None:
    for content in (
        data,
        write_dataset(image(ramp(8), {"VOILUTSequence": [lut_item(ramp(8).ravel(), 0, 8)]}))[:cut],
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
