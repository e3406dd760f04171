"""How far a file reaches: headers are read in pieces, and pixels that no header explains are refused, packed or not."""

import copy
import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian
from trees import codes, put, radiographs

from example_datasets.generators.dicomfile import encode
from mids.readers.archives.files import walk
from mids.readers.dicom.decoding import read_dataset, stored
from mids.readers.dicom.scan import scan

GOOD = radiographs()["a/1"]
assert isinstance(GOOD, Dataset)

HUGE = 300 << 20
"""Bytes: more than any header here explains."""


def head(syntax: str) -> tuple[bytes, bytes]:
    """The file meta information and the data set up to the pixels, which are not there."""
    assert isinstance(GOOD, Dataset)
    file, meta = io.BytesIO(), copy.deepcopy(GOOD.file_meta)
    whole = encode(GOOD)
    meta.TransferSyntaxUID = syntax
    file.write(bytes(128) + b"DICM")
    write_file_meta_info(file, meta)
    begin = whole.index(b"\x08\x00", 132 + 12 + struct.unpack("<I", whole[140:144])[0])
    return file.getvalue(), whole[begin : whole.index(b"\xe0\x7f\x10\x00O")]


def pixels(length: int) -> bytes:
    return struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OW", 0, length)


def zeros(begin: bytes, length: int, wbits: int) -> bytes:
    """`begin` and so many zeros, deflated; a block of them is packed once."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    first = packer.compress(begin) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return first + block * (length >> 20) + packer.flush()


def deflated(element: bytes) -> bytes:
    meta, begin = head(DeflatedExplicitVRLittleEndian)
    return meta + zeros(begin + element, HUGE, -15)


def zipped(element: bytes) -> bytes:
    """A zip with one member, written by hand around a deflated stream that is made quickly."""
    meta, begin = head(ExplicitVRLittleEndian)
    packed, size = io.BytesIO(), len(meta + begin + element) + HUGE
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target, target.open("a", "w") as stream:
        stream.write(meta + begin + element)
        for _ in range(HUGE >> 20):
            stream.write(bytes(1 << 20))
    assert zipfile.ZipFile(packed).getinfo("a").file_size == size
    return packed.getvalue()


def gzipped(element: bytes) -> bytes:
    meta, begin = head(ExplicitVRLittleEndian)
    return gzip.compress(meta + begin + element) + gzip.compress(bytes(1 << 24), 1) * (HUGE >> 24)


@pytest.mark.parametrize("pack", [deflated, zipped, gzipped])
def test_pixels_far_longer_than_the_header_explains(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    put(tmp_path, "bad", pack(pixels(HUGE)))
    put(tmp_path, "good", GOOD)
    found = scan(list(walk(tmp_path)), tmp_path)
    assert codes(found.issues) == ["PIXELS_UNREADABLE"]
    assert [instance.source.path for instance in found.instances] == ["good"]


@pytest.mark.parametrize("pack", [deflated, zipped])
def test_an_element_of_zeros_before_the_pixels(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    private = struct.pack("<HH2sHI", 0x7FDF, 0x10, b"OB", 0, HUGE)
    put(tmp_path, "bad", pack(private))
    found = scan(list(walk(tmp_path)), tmp_path)
    assert [code in ("DICOM_UNREADABLE", "ARCHIVE_UNREADABLE") for code in codes(found.issues)] == [True]
    assert found.instances == []


def test_a_deflated_file_reads_as_any_other(tmp_path: Path) -> None:
    assert isinstance(GOOD, Dataset)
    meta, begin = head(DeflatedExplicitVRLittleEndian)
    plain_meta, _ = head(ExplicitVRLittleEndian)
    whole = encode(GOOD)
    rest = whole[whole.index(b"\xe0\x7f\x10\x00O") :]
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    put(tmp_path, "deflated", meta + packer.compress(begin + rest) + packer.flush())
    put(tmp_path, "plain", plain_meta + begin + rest)
    put(tmp_path, "cut", (tmp_path / "deflated").read_bytes()[:-200])
    found = scan(list(walk(tmp_path)), tmp_path)
    one, other = sorted(found.instances, key=lambda instance: instance.source.path)
    assert one.transfer_syntax == DeflatedExplicitVRLittleEndian
    assert (one.has_pixels, one.truncated) == (True, False)
    assert {**one.header, "TransferSyntaxUID": ""} == {**other.header, "TransferSyntaxUID": ""}
    assert codes(found.issues) == ["DICOM_UNREADABLE"]
    datasets = [read_dataset(io.BytesIO((tmp_path / name).read_bytes())) for name in ("deflated", "plain")]
    assert (stored(datasets[0]) == stored(datasets[1])).all()
