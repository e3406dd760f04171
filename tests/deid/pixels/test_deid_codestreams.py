"""Compressed pixel data: what it says besides the picture goes, the picture stays."""

import struct
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.data.data_manager import DATA_ROOT
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.errors import InvalidDicomError

from mids.deid.headers.engine import Replacements, deidentify
from mids.deid.headers.rules import resolve
from mids.deid.policy import preset
from mids.errors import DataError

NAME = b"Quintanilla Rosaura"
NEW = Replacements("S1", timedelta(0), str, str)


def open_file(name: str) -> Dataset:
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str)
    return pydicom.dcmread(path)


def frame(dataset: Dataset) -> bytes:
    return next(iter(generate_frames(dataset.PixelData, number_of_frames=1))).rstrip(b"\0")


def with_frames(dataset: Dataset, *frames: bytes) -> Dataset:
    dataset.PixelData = encapsulate(list(frames), has_bot=len(frames) == 1)
    dataset["PixelData"].is_undefined_length = True
    return dataset


def segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">HH", marker, len(payload) + 2) + payload


def _jpeg_comment(dataset: Dataset) -> Dataset:
    whole = frame(dataset)
    return with_frames(dataset, whole[:2] + segment(0xFFFE, NAME) + whole[2:])


def _jpeg_exif(dataset: Dataset) -> Dataset:
    whole = frame(dataset)
    return with_frames(dataset, whole[:2] + segment(0xFFE1, b"Exif\0\0" + NAME) + whole[2:])


def _append_bytes(dataset: Dataset) -> Dataset:
    return with_frames(dataset, frame(dataset) + NAME + b"\0")


def _another_fragment(dataset: Dataset) -> Dataset:
    return with_frames(dataset, frame(dataset), NAME + b"\0")


def _j2k_comment(dataset: Dataset) -> Dataset:
    whole = frame(dataset)
    at = whole.find(b"\xff\x52")
    return with_frames(dataset, whole[:at] + segment(0xFF64, b"\0\1" + NAME) + whole[at:])


def _rle_header(dataset: Dataset) -> Dataset:
    whole = bytearray(frame(dataset))
    count = whole[0]
    whole[4 + 4 * count : 4 + 4 * count + len(NAME)] = NAME
    return with_frames(dataset, bytes(whole))


@pytest.mark.parametrize(
    ("name", "hide"),
    [
        ("SC_rgb_jpeg_dcmtk.dcm", _jpeg_comment), ("SC_rgb_jpeg_dcmtk.dcm", _jpeg_exif),
        ("SC_rgb_jpeg_dcmtk.dcm", _append_bytes), ("SC_rgb_jpeg_dcmtk.dcm", _another_fragment),
        ("JPEG2000.dcm", _j2k_comment), ("JPEG2000.dcm", _append_bytes), ("MR_small_RLE.dcm", _append_bytes),
        ("MR_small_RLE.dcm", _rle_header), ("MR_small_jpeg_ls_lossless.dcm", _jpeg_comment),
        ("MR_small_jpeg_ls_lossless.dcm", _append_bytes),
    ],
)  # fmt: skip
def test_a_name_beside_the_picture_goes_and_the_picture_stays(name: str, hide) -> None:  # type: ignore[no-untyped-def]
    picture = open_file(name).pixel_array
    source = hide(open_file(name))
    assert NAME in source.PixelData
    done = deidentify(source, resolve(preset("mids")), NEW).dataset
    assert len(done.PixelData) == len(source.PixelData)
    assert NAME not in done.PixelData
    stream = BytesIO()
    done.save_as(stream, enforce_file_format=True)
    stream.seek(0)
    assert np.array_equal(pydicom.dcmread(stream).pixel_array, picture)


def check_unharmed(path: Path) -> bool | None:
    """Whether the pixels of a compressed file are the same afterwards; None where nobody could decode them before."""
    try:
        source = pydicom.dcmread(path)
        before = source.pixel_array if source.file_meta.TransferSyntaxUID.is_encapsulated else None
    except (InvalidDicomError, RuntimeError, ValueError, AttributeError, NotImplementedError, OSError):
        return None
    if before is None:
        return None
    done = deidentify(pydicom.dcmread(path), resolve(preset("mids")), NEW).dataset
    stream = BytesIO()
    done.save_as(stream, enforce_file_format=True)
    stream.seek(0)
    return np.array_equal(pydicom.dcmread(stream).pixel_array, before)


@pytest.mark.filterwarnings("ignore")
def test_pictures_that_pydicom_ships_decode_as_before() -> None:
    found = {path.name: check_unharmed(path) for path in sorted((Path(DATA_ROOT) / "test_files").glob("*.dcm"))}
    harmed = [name for name, same in found.items() if same is False]
    assert harmed == []
    assert sum(same is True for same in found.values()) >= 10


@pytest.mark.shared
@pytest.mark.filterwarnings("ignore")
def test_pictures_of_every_transfer_syntax_decode_as_before(shared: Path) -> None:
    found = {
        path.name: check_unharmed(path) for path in sorted((shared / "dicom" / "transfer_syntaxes").rglob("*.dcm"))
    }
    assert [name for name, same in found.items() if same is False] == []


def test_a_camera_tells_neither_time_nor_place() -> None:
    exif = Image.Exif()
    exif[0x9C9D] = exif[0x013B] = NAME.decode()
    buffer = BytesIO()
    Image.fromarray(np.full((16, 16, 3), 99, np.uint8)).save(buffer, "JPEG", exif=exif, comment=NAME)
    source = open_file("SC_rgb_jpeg_dcmtk.dcm")
    source.Rows = source.Columns = 16
    done = deidentify(with_frames(source, buffer.getvalue()), resolve(preset("fidac-cnil")), NEW).dataset
    assert NAME not in done.PixelData
    pixels = next(iter(generate_frames(done.PixelData, number_of_frames=1)))
    assert np.asarray(Image.open(BytesIO(pixels))).shape == (16, 16, 3)


def test_a_stream_of_another_kind_is_refused() -> None:
    source = with_frames(open_file("JPEG2000.dcm"), b"no stream at all" * 4)
    with pytest.raises(DataError, match="can't be checked"):
        deidentify(source, resolve(preset("mids")), NEW)
