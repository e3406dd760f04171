"""What a file is by its first bytes, whatever its name: DICOM, or a container that may hold some.

Signatures are those of the formats' own descriptions (APPNOTE.TXT, RFC 1952, RFC 8878, ECMA-119, …) and of 7-Zip's
list of formats.
"""

import mmap
import re
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from mids.readers.archives import sevenzip

Reader = Literal["zip", "tar", "gzip", "bzip2", "xz", "multipart", "7-Zip", ""]
"""What opens a container: a reader of ours, 7-Zip, or nothing that is here."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of container: its `name` for people, and where in the file it begins (bytes)."""

    name: str
    reader: Reader
    begin: int = 0


_HEAD = 1100
_SECTORS = 0x8006
"""Bytes up to the identifier of the first volume descriptor of a disc image (ECMA-119 8.1)."""

_TAR = Kind("tar", "tar")
_MULTIPART = Kind("multipart", "multipart")

_SIGNATURES: tuple[tuple[int, bytes, str, Reader], ...] = (
    (0, b"PK\x03\x04", "zip", "zip"), (0, b"PK\x05\x06", "zip", "zip"), (0, b"PK\x06\x06", "zip", "zip"),
    (0, b"PK\x07\x08PK", "zip", "zip"), (0, b"PK00PK", "zip", "zip"),
    (0, b"\x1f\x8b\x08", "gzip", "gzip"), (0, b"\xfd7zXZ\x00", "xz", "xz"),
    (4, b"1AY&SY", "bzip2", "bzip2"), (4, b"\x17rE8P\x90", "bzip2", "bzip2"),
    (257, b"ustar", "tar", "tar"),
    (0, b"7z\xbc\xaf'\x1c", "7z", "7-Zip"), (0, b"Rar!\x1a\x07", "RAR", "7-Zip"),
    (0, b"\x28\xb5\x2f\xfd", "Zstandard", "7-Zip"), (0, b"\x1f\x9d", "compress", "7-Zip"),
    (0, b"]\x00\x00", "LZMA", "7-Zip"),
    (0, b"MSCF\x00\x00\x00\x00", "CAB", "7-Zip"), (0, b"!<arch>\n", "ar", "7-Zip"), (0, b"xar!\x00", "xar", "7-Zip"),
    (0, b"\xed\xab\xee\xdb", "RPM", "7-Zip"), (0, b"MSWIM\x00\x00\x00", "WIM", "7-Zip"),
    (0, b"hsqs", "SquashFS", "7-Zip"), (3, b"NTFS    ", "disk image", "7-Zip"),
    (32, b"NXSB", "disk image", "7-Zip"), (1024, b"H+\x00\x04", "disk image", "7-Zip"),
    (1024, b"HX\x00\x05", "disk image", "7-Zip"), (1, b"\x2a\x4d\x18", "Zstandard", "7-Zip"),
    (512, b"EFI PART", "disk image", "7-Zip"), (0, b"QFI\xfb", "disk image", "7-Zip"),
    (0, b"KDMV", "disk image", "7-Zip"), (0, b"vhdxfile", "disk image", "7-Zip"),
    (0, b"conectix", "disk image", "7-Zip"), (64, b"\x7f\x10\xda\xbe", "disk image", "7-Zip"),
    (0x8001, b"CD001", "disc image", "7-Zip"), (0x8001, b"BEA01", "disc image", "7-Zip"),
    (7, b"**ACE**", "ACE", ""), (0, b"StuffIt (c)1997", "StuffIt", ""), (10, b"rLau", "StuffIt", ""),
    (0, b"LZIP\x01", "lzip", ""),
    (0, b"\x04\x22\x4d\x18", "LZ4", ""), (0, b"7kSt", "ZPAQ", ""), (0, b"zPQ\x01", "ZPAQ", ""),
    (0, b"RE~^", "old RAR", ""), (0, b"\xff\x06\x00\x00sNaPpY", "Snappy", ""), (0, b"DAA\x00", "DAA", ""),
    (0, b"\x00" + b"\xff" * 10 + b"\x00", "raw disc image", ""), (0, b"LUKS\xba\xbe", "encrypted disk", ""),
    (0, b"Salted__", "encrypted", ""), (0, b"age-encryption.org/", "encrypted", ""),
    (0, b"-----BEGIN PGP MESSAGE", "encrypted", ""),
)  # fmt: skip

_NAMES: tuple[tuple[str, str, Reader], ...] = (
    (r"zipx?", "zip", "zip"), (r"tar|t[bglx]z2?|tzst", "tar", "tar"), (r"gz", "gzip", "gzip"),
    (r"bz2", "bzip2", "bzip2"), (r"xz", "xz", "xz"), (r"7z", "7z", "7-Zip"), (r"rar", "RAR", "7-Zip"),
    (r"zst", "Zstandard", "7-Zip"), (r"iso", "disc image", "7-Zip"), (r"lz[ho]|lha", "LZH", "7-Zip"),
    (r"cab", "CAB", "7-Zip"), (r"wim", "WIM", "7-Zip"), (r"dmg", "disk image", "7-Zip"), (r"arj", "ARJ", "7-Zip"),
    (r"ace", "ACE", ""), (r"sitx?", "StuffIt", ""), (r"nrg|daa|uif", "disc image", ""), (r"lz4", "LZ4", ""),
    (r"zpaq", "ZPAQ", ""), (r"(zip|7z|rar|tar|gz|dcm)\.(gpg|pgp|age|enc)", "encrypted", ""),
)  # fmt: skip
"""Suffixes of containers: what is none by its bytes is a broken one by its name."""

_SUFFIXES = tuple((re.compile(rf".*\.({text})", re.I | re.S), Kind(name, reader)) for text, name, reader in _NAMES)

_ENDING = re.compile(
    rf"(\.part\d+\.rar|\.[r-z]\d\d|(\.tar)?\.({'|'.join(text for text, *_ in _NAMES)})(\.\d{{3,}}|\.[a-z]{{2}})?)$",
    re.I,
)
_DOCUMENT = re.compile(rb"\[Content_Types\]|_rels/|docProps/|word/|xl/|ppt/|mimetype|META-INF/")
"""How the first name in a zip begins that is an office document, a book or a program (ECMA-376-2, ODF 1.3 part 2)."""

_SHAPES: tuple[tuple[re.Pattern[bytes], str, Reader], ...] = (
    (re.compile(rb"07070[12][0-9A-Fa-f]{104}|070707[0-7]{70}"), "cpio", "7-Zip"),
    (re.compile(rb"..-lh.-", re.S), "LZH", "7-Zip"),
    (re.compile(rb".{54}FAT1[26] .{450}U\xaa|.{82}FAT32 .{422}U\xaa", re.S), "disk image", "7-Zip"),
)
"""Kinds whose first bytes alone may begin a text."""

_PROGRAMS = (b"MZ", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
_INSIDE = re.compile(rb"7z\xbc\xaf'\x1c|Rar!\x1a\x07|PK\x05\x06|MSCF\x00\x00\x00\x00|\xef\xbe\xad\xdeNullsoft")
_SCRIPTED = re.compile(
    rb"(\x1f\x8b\x08[\x00-\x1f].{4}[\x00\x02\x04][\x00-\x0d\xff])|(BZh[1-9]1AY&SY)|(\xfd7zXZ\x00)|(PK\x03\x04[\x0a-\x3f]\x00)",
    re.S,
)
"""What a script carries: gzip with its flags and system (RFC 1952 2.3), bzip2, xz, a zip with its version."""

_MIME = re.compile(rb"\s*--[^\r\n]{1,200}\r?\n(?:[\w-]+:[^\r\n]*\r?\n)*content-type:", re.I)
_HTTP = re.compile(rb"(?:HTTP/\d[^\n]*\n)?(?:[\w-]+:[^\n]*\n|[ \t][^\n]*\n)*content-type:\s*multipart/", re.I)
_APPLE = b"\x00\x05\x16\x07"
"""Begins what macOS lays beside a file for its attributes, under the file's own suffix."""

_VR = re.compile(rb"[A-Z]{2}")
_MAPPED = 1 << 31


def looks_like_dicom(head: bytes) -> bool:
    """Whether the first 132 bytes are a DICOM file's: by the preamble, or by a first tag of group 2 or 8."""
    if head[128:132] == b"DICM":
        return True
    if head[:2] == b"\x02\x00" and head[3:4] in (b"\x00", b"\x01"):  # file meta information (PS3.10 7.1)
        return bool(_VR.match(head, 4)) or head[2:4] == b"\x00\x00" or head[6:8] == b"\x00\x00"
    return (
        head[:4] == b"\x02\x00\x10\x00"
        or head[:6] == b"\x00\x08\x00\x08CS"
        or (
            len(head) >= 8
            and head[:2] in (b"\x08\x00", b"\x00\x08")
            and head[2:4] != b"\x00\x08"
            and b"\x00" in head[4:8]
        )
    )


_HIDDEN = re.compile(rb"DICM\x02\x00.\x00[A-Z]{2}|\A\x00{128,132}[\x02\x08]\x00.\x00(?:[A-Z]{2}|..\x00\x00)", re.S)
"""File meta information behind DICM wherever that stands, or a first element behind a preamble without DICM."""


def hides_dicom(head: bytes) -> bool:
    """Whether DICOM begins somewhere in these bytes, but not where it must."""
    return bool(_HIDDEN.search(head))


def lacks_preamble(head: bytes) -> bool:
    """Whether a file of DICOM begins with its meta information, by its first 132 bytes."""
    return head[:2] == b"\x02\x00" and head[128:132] != b"DICM"


def recognise(stream: BinaryIO, name: str) -> Kind | None:
    """The kind of container that begins at the start of a stream, None for DICOM and whatever else is no container.

    The stream is left at its start. Of a file that has no signature `name` tells what it claims to be.
    """
    try:
        head = stream.read(_HEAD)
        if looks_like_dicom(head) or head.startswith(_APPLE):
            return None
        return _by_content(head, stream, name) or by_name(name)
    finally:
        stream.seek(0)


def by_name(name: str) -> Kind | None:
    """The kind of container that a name claims."""
    if name.lower().endswith(".nii.gz"):
        return None
    return next((kind for suffix, kind in _SUFFIXES if suffix.fullmatch(name)), None)


def without_suffix(name: str) -> str:
    """A name without what says that it is an archive, or a volume of one: ``x`` of ``x.tar.gz``, ``x.part1.rar``."""
    return _ENDING.sub("", name)


def _by_content(head: bytes, stream: BinaryIO, name: str) -> Kind | None:
    if not head:
        return None
    if head.startswith(b"PK\x03\x04") and _DOCUMENT.match(head, 30):
        return None
    if found := _signed(head):
        return None if found.reader == "gzip" and _is_nifti(stream, name) else found
    if _is_tar(head):
        return _TAR
    if _MIME.match(head) or _HTTP.match(head):
        return _MULTIPART
    if head.startswith((*_PROGRAMS, b"#!")):
        return _inside(stream)
    if isinstance(path := getattr(stream, "name", None), str | Path):
        head += stream.read(_SECTORS - len(head))
        return _signed(head) or _by_end(stream, Path(path))
    return _signed(head + stream.read(_SECTORS - len(head))) if name.lower().endswith((".iso", ".img")) else None


def _signed(head: bytes) -> Kind | None:
    for offset, magic, name, reader in _SIGNATURES:
        if head.startswith(magic, offset) and (offset != 4 or head.startswith(b"BZh")):
            return Kind(name, reader)
    return next((Kind(name, reader) for shape, name, reader in _SHAPES if shape.match(head)), None)


def _is_nifti(stream: BinaryIO, name: str) -> bool:
    """Whether a gzip holds what its name says, a volume of NIfTI: that is an image and no container."""
    if not name.lower().endswith(".nii.gz"):
        return False
    stream.seek(0)
    try:
        inside = zlib.decompressobj(31).decompress(stream.read(_HEAD), _HEAD)
    except zlib.error:
        return True
    return not looks_like_dicom(inside) and _signed(inside) is None


def _is_tar(head: bytes) -> bool:
    """Whether a header of tar as it was before POSIX begins here, which has a checksum and no signature."""
    if len(head) < tarfile.BLOCKSIZE or not head[0] or not head[148:156].strip(b"\x00 ").isdigit():
        return False
    try:
        tarfile.TarInfo.frombuf(head[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
    except tarfile.TarError:
        return False
    return True


def _by_end(stream: BinaryIO, path: Path) -> Kind | None:
    """A zip that lies behind something else, and images of disks: both say what they are in their last bytes."""
    size = stream.seek(0, 2)
    stream.seek(max(0, size - 512))
    tail = stream.read(512)
    if tail[-22:-18] == b"PK\x05\x06":
        return Kind("zip", "zip")
    return Kind("disk image", "7-Zip") if tail.startswith((b"koly", b"conectix")) else None


def _inside(stream: BinaryIO) -> Kind | None:
    """What a program or script carries behind itself: a self-extracting archive."""
    stream.seek(0)
    content = stream.read(1 << 18)
    if content.startswith(b"#!"):
        found = _SCRIPTED.search(content)
        readers: tuple[Reader, ...] = ("gzip", "bzip2", "xz", "zip")
        if found is None:
            return None
        reader = readers[(found.lastindex or 1) - 1]
        return Kind("self-extracting", reader, 0 if reader == "zip" else found.start())
    with sevenzip.on_disk(stream, ".exe") as path, path.open("rb") as file:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            if not _INSIDE.search(mapped):
                return None
            end = mapped.rfind(b"PK\x05\x06", max(0, len(mapped) - 66_000))
            if end >= 0 and end + 22 + int.from_bytes(mapped[end + 20 : end + 22], "little") == len(mapped):
                return Kind("self-extracting", "zip")
        return Kind("self-extracting", "7-Zip") if sevenzip.kind(path) not in sevenzip.PROGRAMS else None
