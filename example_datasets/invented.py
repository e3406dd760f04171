"""Invented files for the example datasets: JSON, tables, and images of a few pixels."""

import json
import struct
import zlib


def as_json(content: object) -> bytes:
    return (json.dumps(content, indent=2) + "\n").encode()


def as_tsv(*rows: str) -> bytes:
    """A table whose cells are separated by blanks in the source, for reading."""
    return "".join("\t".join(row.split()) + "\n" for row in rows).encode()


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(columns: int, rows: int, *, bits: int = 16, colour: int = 0, before: bytes = b"", after: bytes = b"") -> bytes:
    """A ramp of grey (0), RGB (2) or grey and alpha (4) values."""
    step = bits // 8 * {0: 1, 2: 3, 4: 2}[colour]
    lines = b"".join(b"\0" + bytes((7 * i + r) % 251 for i in range(columns * step)) for r in range(rows))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", columns, rows, bits, colour, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(lines, 0))
    return b"\x89PNG\r\n\x1a\n" + header + before + pixels + after + chunk(b"IEND", b"")


def gz(data: bytes) -> bytes:
    """A gzip file without a time, its content stored."""
    pack = zlib.compressobj(0, zlib.DEFLATED, -15)
    tail = struct.pack("<II", zlib.crc32(data), len(data))
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + pack.compress(data) + pack.flush() + tail


def nifti(
    shape: tuple[int, ...],
    *,
    spacing: tuple[float, float, float] = (0.5, 0.5, 2.0),
    sform: int = 1,
    affine: tuple[float, ...] = (-0.5, 0, 0, 1, 0, 0.5, 0, 2, 0, 0, 2.0, 3),
    descrip: bytes = b"",
    missing: int = 0,
) -> bytes:
    """An int16 NIfTI-1 file (nifti1.h), `missing` bytes short."""
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, len(shape), *shape, *[1] * (7 - len(shape)))
    struct.pack_into("<2h", head, 70, 4, 16)
    struct.pack_into("<8f", head, 76, 1, *spacing, *[1] * 4)
    struct.pack_into("<f", head, 108, 352)
    struct.pack_into("<80s", head, 148, descrip)
    struct.pack_into("<2h", head, 252, 0, sform)
    struct.pack_into("<12f", head, 280, *affine)
    head[344:348] = b"n+1\0"
    count = 2
    for length in shape:
        count *= length
    return bytes(head) + bytes(i % 251 for i in range(count - missing))
