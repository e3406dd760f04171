"""Files that do not begin as PS3.10 7.1 asks, or whose meta information is wrong: read, or told, never left out."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmwrite
from pydicom.dataset import Dataset

from example_datasets.generators.dicomfile import encode
from mids.readers.dicom.headers import read_instance
from mids.records import Source
from tests.support.slices import codes, items, one, pixels, records, slice_at, written

EXPLICIT, IMPLICIT = b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2\0\0\0"


def bare(dataset: Dataset, *, little: bool) -> bytes:
    """Explicit VR without preamble and meta information, from ImageType on."""
    del dataset.file_meta
    if not little:
        dataset.PixelData = pixels(0).astype(">u2").tobytes()
    stream = BytesIO()
    dcmwrite(stream, dataset, implicit_vr=False, little_endian=little, enforce_file_format=False)
    return stream.getvalue()


def test_big_endian_without_meta_information_is_read() -> None:
    data = bare(one("b", pixels(0), "CR"), little=False)
    assert data.startswith(b"\0\x08\0\x08")
    found = read_instance(Source("a", size=len(data)), BytesIO(data), ("Rows", "Modality"))
    assert found is not None
    assert (found.header["Rows"], found.has_pixels, found.truncated) == (12, True, False)


@pytest.mark.parametrize("change", [
    lambda data: data[128:],
    lambda data: bytes(128) + data[132:],
    lambda data: bytes(132) + data[data.index(b"\x08\0\x08\0CS"):],
    lambda data: bytes(10) + data,
    lambda data: b"HTTP/1.1 200 OK\r\nContent-Type: application/dicom\r\n\r\n" + data,
])  # fmt: skip
def test_dicom_that_begins_elsewhere_is_told(change: Callable[[bytes], bytes], tmp_path: Path) -> None:
    written(tmp_path, [slice_at(k, (0, 0, 3 * k)) for k in range(3)])
    (tmp_path / "strange").write_bytes(change(encode(slice_at(3, (0, 0, 9)))))
    found = items(tmp_path, [])
    assert codes(found) == ["DICOM_UNREADABLE"]
    assert len(records(found)) == 1


def test_a_text_about_dicom_is_none(tmp_path: Path) -> None:
    written(tmp_path, [slice_at(k, (0, 0, 3 * k)) for k in range(3)])
    (tmp_path / "notes.txt").write_bytes(b"The preamble ends with DICM.\n")
    (tmp_path / "zeros").write_bytes(bytes(2000))
    assert codes(items(tmp_path, [])) == []


def test_meta_information_that_names_another_encoding_cuts_nothing_off(tmp_path: Path) -> None:
    for k in range(3):
        data = encode(slice_at(k, (0, 0, 3 * k)))
        assert EXPLICIT in data
        (tmp_path / str(k)).write_bytes(data.replace(EXPLICIT, IMPLICIT, 1))
    found = items(tmp_path, [])
    assert (codes(found), len(records(found))) == ([], 1)
