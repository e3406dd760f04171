"""Every transfer syntax has one decoder, and each gives the values that were packed."""

import io

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest
from image2d import image
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from mids.errors import DataError
from mids.readers.dicom.decoders import CHOICES
from mids.readers.dicom.decoding import stored

JPEG = "1.2.840.10008.1.2.4."
RAMP = np.add.outer(np.arange(48) * 700, np.arange(64) * 300).astype(np.uint16)


def packed(values: npt.NDArray[np.unsignedinteger], syntax: str, frame: bytes, bits: int) -> npt.NDArray[np.generic]:
    """What is read of an image whose one frame is `frame`."""
    dataset = image(values, {"BitsStored": bits})
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return stored(dataset)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("predictor", range(1, 8))
def test_lossless_jpeg_of_every_depth_and_prediction(bits: int, predictor: int) -> None:
    values = (RAMP >> (16 - bits)).astype(np.uint8 if bits == 8 else np.uint16)
    frame = imagecodecs.jpeg8_encode(values, lossless=True, predictor=predictor, bitspersample=bits)
    syntaxes = [f"{JPEG}57", f"{JPEG}70"] if predictor == 1 else [f"{JPEG}57"]
    for syntax in syntaxes:
        assert np.array_equal(packed(values, syntax, frame, bits), values)


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_lossless_jpeg_ls(bits: int) -> None:
    values = (RAMP >> (16 - bits)).astype(np.uint8 if bits == 8 else np.uint16)
    frame = imagecodecs.jpegls_encode(values)
    assert np.array_equal(packed(values, f"{JPEG}80", frame, bits), values)
    assert np.array_equal(packed(values, f"{JPEG}80", frame[:-2], bits), values), "only its end marker is missing"


@pytest.mark.parametrize("end", ["50", "51", "53", "55"])
def test_lossy_jpeg_and_its_retired_kinds(end: str) -> None:
    values = (RAMP >> 8).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(values).save(file, "JPEG", quality=95, progressive=end in ("53", "55"))
    found = packed(values, JPEG + end, file.getvalue(), 8)
    assert np.abs(found.astype(int) - values).max() <= 4


@pytest.mark.parametrize("end", ["50", "70", "80"])
def test_a_frame_that_breaks_off_is_refused(end: str) -> None:
    values = (RAMP >> 8).astype(np.uint8)
    frame = {
        "50": imagecodecs.jpeg8_encode(values, level=90),
        "70": imagecodecs.jpeg8_encode(values, lossless=True),
        "80": imagecodecs.jpegls_encode(values),
    }[end]
    with pytest.raises(DataError, match="damaged"):
        packed(values, JPEG + end, frame[: len(frame) * 2 // 3], 8)


def test_a_frame_of_another_size_is_refused() -> None:
    values = (RAMP >> 8).astype(np.uint8)
    frame = imagecodecs.jpeg8_encode(np.ascontiguousarray(values.T), level=90)
    with pytest.raises(DataError, match="damaged"):
        packed(values, f"{JPEG}50", frame, 8)


def test_no_decoder_is_under_the_gpl() -> None:
    assert {choice.package for choice in CHOICES.values()} == {"imagecodecs", "pylibjpeg-openjpeg", "pylibjpeg-rle"}
