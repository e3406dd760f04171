"""Invented files for the example datasets: JSON, tables, and images of a few pixels."""

import json
import struct
import zlib
from collections.abc import Sequence


def as_json(content: object) -> bytes:
    return (json.dumps(content, indent=2) + "\n").encode()


def as_tsv(*rows: str) -> bytes:
    """A table whose cells are separated by blanks in the source, for reading."""
    return "".join("\t".join(row.split()) + "\n" for row in rows).encode()


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(
    columns: int,
    rows: int,
    *,
    bits: int = 16,
    colour: int = 0,
    before: bytes = b"",
    after: bytes = b"",
    first: int = 0,
    value: int | None = None,
) -> bytes:
    """A ramp of grey (0), RGB (2) or grey and alpha (4) values from `first`, or one `value` in every byte."""
    step = bits // 8 * {0: 1, 2: 3, 4: 2}[colour]
    ramp = ((first + 7 * i + r) % 251 if value is None else value for r in range(rows) for i in range(columns * step))
    flat = bytes(ramp)
    lines = b"".join(b"\0" + flat[at : at + columns * step] for at in range(0, len(flat), columns * step))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", columns, rows, bits, colour, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(lines, 0))
    return b"\x89PNG\r\n\x1a\n" + header + before + pixels + after + chunk(b"IEND", b"")


def grey(rows: Sequence[bytes]) -> bytes:
    """A PNG of 8 bits, a grey value for each byte of each row."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows), 0))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")


def gz(data: bytes, *, name: bytes = b"", time: int = 0) -> bytes:
    """A gzip file, its content stored, with the name and the time of what was packed (RFC 1952)."""
    pack = zlib.compressobj(0, zlib.DEFLATED, -15)
    tail = struct.pack("<II", zlib.crc32(data), len(data))
    head = b"\x1f\x8b\x08" + bytes([8 if name else 0]) + struct.pack("<I", time) + b"\0\xff"
    return head + (name + b"\0" if name else b"") + pack.compress(data) + pack.flush() + tail


HU = (-1000, -1000, -850, 40, 60, 400)
"""Hounsfield units of air, lung, soft tissue, liver and bone, which come again and again in an invented CT."""


def nifti(
    shape: tuple[int, ...],
    *,
    spacing: tuple[float, ...] = (0.5, 0.5, 2.0),
    units: int = 2,
    qform: int = 0,
    quaternion: tuple[float, ...] = (0, 0, 0, 0, 0, 0),
    sform: int = 1,
    affine: tuple[float, ...] = (-0.5, 0, 0, 1, 0, 0.5, 0, 2, 0, 0, 2.0, 3),
    scaling: tuple[float, float] = (1, 0),
    descrip: bytes = b"",
    extension: int | None = None,
    values: tuple[int, ...] = HU,
    missing: int = 0,
) -> bytes:
    """An int16 NIfTI-1 file (nifti1.h) whose voxels have some values in turn, `missing` bytes short."""
    more = b"\x01\0\0\0" + struct.pack("<2i", 16, extension) + b"made up\0" if extension is not None else bytes(4)
    head = bytearray(348)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, len(shape), *shape, *[1] * (7 - len(shape)))
    struct.pack_into("<2h", head, 70, 4, 16)
    struct.pack_into("<8f", head, 76, 1, *spacing, *[2] * (7 - len(spacing)))
    struct.pack_into("<f", head, 108, 348 + len(more))
    struct.pack_into("<2f", head, 112, *scaling)
    head[123] = units
    struct.pack_into("<80s", head, 148, descrip)
    struct.pack_into("<2h", head, 252, qform, sform)
    struct.pack_into("<6f", head, 256, *quaternion)
    struct.pack_into("<12f", head, 280, *affine)
    head[344:348] = b"n+1\0"
    count = 1
    for length in shape:
        count *= length
    voxels = struct.pack(f"<{count}h", *(values[i % len(values)] for i in range(count)))
    return bytes(head) + more + voxels[: len(voxels) - missing]
