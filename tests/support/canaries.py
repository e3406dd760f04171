"""Looks for canaries in everything that a program wrote: names, bytes, what is packed in them, and what they say."""

import base64
import binascii
import gzip
import io
import json
import re
import tarfile
import warnings
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from example_datasets.canary import NAME, ROOT, WORD, Cage, Canary
from mids import cli
from mids.deid.policy import Policy

PNG = b"\x89PNG\r\n\x1a\n"
_SHAPES = {
    "text": re.compile(WORD.lower().encode() + rb"[a-p]{10}"),
    "uid": re.compile(re.escape(ROOT).encode() + rb"\d{7}"),
    "number": re.compile(rb"(?<!\d)1777\d{6}(?!\d)"),
    "time": re.compile(rb"(?<!\d)\d{6}\.\d{6}(?!\d)"),
}
_DAYS = (
    re.compile(rb"(?<![\d.])(?P<y>\d{4})(?P<s>[-/.:_ ]?)(?P<m>\d\d)(?P=s)(?P<d>\d\d)(?=\D|$|\d{4}(?:\d\d)?(?:\D|$))"),
    re.compile(rb"(?<![\d.])(?P<d>\d\d)(?P<s>[-/._ ])(?P<m>\d\d)(?P=s)(?P<y>\d{4})(?!\d)"),
    re.compile(rb"(?<![\d.])(?P<m>\d\d)(?P<s>[-/._ ])(?P<d>\d\d)(?P=s)(?P<y>\d{4})(?!\d)"),
)
"""Years first, days first, months first."""


def _packed_words() -> Iterator[bytes]:
    """The beginning of every canary in hexadecimal digits and, at each of three offsets, in base64."""
    for word in (WORD.encode(), WORD.lower().encode()):
        yield binascii.hexlify(word)
        for offset in range(3):
            digits = base64.b64encode(bytes(offset) + word).rstrip(b"=")
            yield digits[(0, 2, 3)[offset] :][: (len(word) - (0, 2, 1)[offset]) // 3 * 4]


_PACKED = tuple(_packed_words())


@dataclass(frozen=True, slots=True)
class Found:
    """A canary, and where it came out."""

    where: str
    canary: Canary
    others: tuple[Canary, ...] = ()
    """Those of the same attribute and value, where there is room for a few values only."""

    def __str__(self) -> str:
        return f"{self.where} <- {self.canary.form} of {self.canary.place}"


class Seeker:
    """Knows all canaries by their form."""

    def __init__(self, canaries: Iterable[Canary]) -> None:
        self._known: defaultdict[tuple[str, str], list[Canary]] = defaultdict(list)
        for canary in canaries:
            self._known[canary.kind, canary.form].append(canary)
        self._small: defaultdict[tuple[int, str], list[Canary]] = defaultdict(list)
        for canary in canaries:
            if canary.kind == "small":
                self._small[canary.path[-1], canary.form].append(canary)

    def search(self, where: str, content: bytes) -> Iterator[Found]:
        """The canaries in some bytes, whatever the case of letters and the width of characters."""
        seen = set()
        narrow = content.replace(b"\0", b"")  # of UTF-16 and UTF-32
        for view in {content.lower(), narrow.lower()}:
            for kind, shape in _SHAPES.items():
                seen |= {(kind, match.decode()) for match in shape.findall(view)}
            for shape in _DAYS:
                seen |= {("day", (m["y"] + m["m"] + m["d"]).decode()) for m in shape.finditer(view)}
        for key in sorted(seen & self._known.keys()):
            yield from (Found(where, canary) for canary in self._known[key][:1])
        if any(packed in content or packed in content.lower() for packed in _PACKED):
            yield Found(f"{where}, in base64 or hexadecimal digits", Canary(WORD, "text", "unknown"))

    def everywhere(self, root: Path) -> Iterator[Found]:
        """The canaries below a folder: in names of files and folders, and in every view of what they hold."""
        for path in sorted(root.rglob("*")):
            where = path.relative_to(root).as_posix()
            yield from self.search(f"the name {where}", path.name.encode())
            if path.is_file():
                for view, content in views(path.read_bytes()):
                    yield from self.search(f"{where}{view}", content)
                    yield from self._in_attributes(f"{where}{view}", content)

    def _in_attributes(self, where: str, content: bytes) -> Iterator[Found]:
        for tag, value in attributes(content):
            if first := self._small.get((tag, value)):
                yield Found(f"{where}, {tag:08x}", first[0], tuple(first[1:]))


def views(content: bytes) -> Iterator[tuple[str, bytes]]:
    """What a file holds, and what that holds: unpacked, decoded, its hidden bits put together; with words for it."""
    yield "", content
    for name, member in _members(content):
        yield from ((f", member {name}{view}", part) for view, part in views(member))
    if content.startswith(b"\x1f\x8b"):
        yield ", unpacked", (content := gzip.decompress(content))
    if content.startswith(PNG):
        yield from _png(content)
    if content[128:132] == b"DICM":
        yield from _dicom(content)
    elif content[344:347] in (b"n+1", b"ni1"):
        yield ", high bits", _high_bits(np.frombuffer(content[352 : len(content) // 2 * 2], "<u2"))
    elif content[:1] in (b"{", b"["):
        yield ", as JSON", _unescape_text(content)


def _unescape_text(content: bytes) -> bytes:
    """JSON, or one JSON a line, its escaped characters as they are."""
    try:
        found = [json.loads(content)]
    except ValueError:
        found = [json.loads(line) for line in content.splitlines()]
    return json.dumps(found, ensure_ascii=False).encode()


def _members(content: bytes) -> Iterator[tuple[str, bytes]]:
    """The files of an archive."""
    if content.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            yield from ((name, archive.read(name)) for name in archive.namelist())
    elif content[257:262] == b"ustar":
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for member in archive:
                if (stream := archive.extractfile(member)) is not None:
                    yield member.name, stream.read()


def _png(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Compressed texts, and the scan lines (ISO/IEC 15948, 11.3)."""
    place, lines = 8, b""
    while place < len(content):
        size = int.from_bytes(content[place : place + 4], "big")
        kind, data = content[place + 4 : place + 8], content[place + 8 : place + 8 + size]
        place += size + 12
        if kind == b"IDAT":
            lines += data
        elif kind in (b"zTXt", b"iCCP", b"iTXt"):
            for start in range(len(data)):
                if data[start : start + 1] == b"\x78":
                    yield f", {kind.decode()}", _inflate_bytes(data[start:])
    yield ", scan lines", _inflate_bytes(lines)


def _inflate_bytes(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data)
    except zlib.error:
        return b""


def _dicom(content: bytes) -> Iterator[tuple[str, bytes]]:
    """All values as text, whatever their character set and transfer syntax; the bits above BitsStored."""
    values = [value for _, value in attributes(content)]
    yield ", its values", "\n".join(values).encode("utf-8", "replace")
    dataset = pydicom.dcmread(io.BytesIO(content), force=True)
    if dataset.get("BitsAllocated") == 16 and "PixelData" in dataset:
        yield ", high bits", _high_bits(np.frombuffer(dataset.PixelData[: len(dataset.PixelData) // 2 * 2], "<u2"))


def _high_bits(values: np.ndarray) -> bytes:  # type: ignore[type-arg]
    """The upper four bits of 16-bit values, two values a byte."""
    nibbles = (values >> 12).astype(np.uint8)[: values.size // 2 * 2].reshape(-1, 2)
    return ((nibbles[:, 0] << 4) | nibbles[:, 1]).tobytes()


def attributes(content: bytes) -> Iterator[tuple[int, str]]:
    """Tag and text of every value of a DICOM file, at any depth, file meta included; nothing of another file."""
    if content[128:132] != b"DICM":
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(io.BytesIO(content), force=True)
        stack: list[Dataset] = [dataset.file_meta, dataset]
        while stack:
            for element in stack.pop():
                if element.VR == "SQ":
                    stack.extend(element.value)
                elif isinstance(element.value, bytes):
                    yield int(element.tag), element.value.decode("latin-1") if element.tag != 0x7FE00010 else ""
                else:
                    yield int(element.tag), str(element.value)


# --- what a command wrote ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Source:
    """A source on disk, and who knows its canaries."""

    folder: Path
    cage: Cage
    seeker: Seeker


def source(folder: Path, make: Callable[[Cage], Iterable[tuple[str, bytes]]]) -> Source:
    """Writes the files of a generator."""
    cage = Cage()
    for path, content in make(cage):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return Source(folder, cage, Seeker(cage.all))


@dataclass(frozen=True, slots=True)
class Run:
    """What a command left: its exit code, DEST, what it printed and logged."""

    code: int
    dest: Path
    said: Mapping[str, str]

    def found(self, seeker: Seeker) -> list[Found]:
        """Every canary in DEST and in what was said."""
        found = list(seeker.everywhere(self.dest))
        for name, text in self.said.items():
            found += seeker.search(name, text.encode())
        return found

    def kept(self, seeker: Seeker) -> list[Found]:
        """What the journal and its neighbours hold but real paths, which they are for.

        The index of headers holds what was read; it is beside the dataset and for its owner only.
        """
        state = self.dest.with_name(f"{self.dest.name}.mids")
        found = (one for one in seeker.everywhere(state) if not one.where.startswith("index"))
        return [one for one in found if not one.canary.file.startswith(NAME)]


def run(name: str, *arguments: str | Path, dest: Path) -> Run:
    """Runs a command of ``mids`` in this process; everything it can print is printed, and logged too if it can be."""
    log, out, err = dest.with_name(f"{dest.name}.log"), io.StringIO(), io.StringIO()
    loud = [] if name == "risk" else ["-v", "--log", str(log)]
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = cli.main([name, *map(str, arguments), *loud])
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
    logged = log.read_text(encoding="utf-8") if log.exists() else ""
    return Run(code, dest, {"standard output": out.getvalue(), "standard error": err.getvalue(), "the log": logged})


def leaks(found: Iterable[Found], policy: Policy) -> list[str]:
    """What came out although the policy does not keep it, each attribute once."""
    first: dict[tuple[str, tuple[int, ...]], Found] = {}
    for one in found:
        if not any(canary.may_survive(policy) for canary in (one.canary, *one.others)):
            first.setdefault((one.canary.file, one.canary.path[-1:]), one)
    return [str(one) for one in first.values()]
