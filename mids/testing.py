"""For tests of other packages: of checks, and of collections.

Of checks: a tiny valid dataset, changes to it, and what the validator says of the result.

    from mids import testing

    def test_forty_is_no_number(tmp_path):
        found = testing.expect(tmp_path, {"participants.tsv": testing.cells({"age": "forty"})}, "CELL_TYPE")
        assert found[0].where == "row 2, column age"

The dataset has two subjects: a radiograph of one, a volume of the other. All of it is invented.

Of collections: an example has a folder ``input`` and the golden dataset ``mids`` that became of it.

    def test_the_dataset_is_the_golden_one(tmp_path):
        done = testing.converted("our-hospital", EXAMPLE, tmp_path)
        assert testing.differences(done.dataset, EXAMPLE / "mids") == []
"""

import json
import re
import shutil
import struct
import tempfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from PIL import Image

from mids.conversion import Conversion, convert
from mids.issues import Issue
from mids.validation.runner import validate
from mids.vocabulary.schema import Schema

PICTURE = "sub-S1/ses-E1/mim-rx/sub-S1_ses-E1_run-1_bp-chest_vp-pa_dx"
"""The radiograph without its extension: 8 × 6 pixels of 16 bits in `.png`, beside it `.json`."""
VOLUME = "sub-S2/ses-E2/mim-ct/sub-S2_ses-E2_run-1_bp-chest_vp-ax_ct"
"""The volume without its extension: 4 × 4 × 3 voxels of int16 in `.nii.gz`, beside it `.json`."""
PARTICIPANTS = "participants.tsv"
SESSIONS = "sub-S1/sub-S1_sessions.tsv"
"""The sessions of the radiograph's subject; the other's has S2 for S1."""
SCANS = "sub-S1/ses-E1/sub-S1_ses-E1_scans.tsv"
"""The scans of the radiograph's session; the other's has S2 for S1 and E2 for E1."""
DESCRIPTION = "dataset_description.json"

Change = bytes | str | Mapping[str, Any] | Sequence[Any] | Callable[[bytes], bytes] | None
"""What becomes of a file: its content (JSON, where that is no text), a function of its bytes, None to remove it."""


# --- the dataset -----------------------------------------------------------------------------------------


def files() -> dict[str, bytes]:
    """The content of every file of the dataset, by its path."""
    about = {
        "Name": "An invented dataset", "BIDSVersion": "1.10.1", "MIDSVersion": "1.0.0", "DatasetType": "raw",
        "License": "CC0-1.0", "Authors": ["Nobody"], "GeneratedBy": [{"Name": "mids", "Description": "mids.testing"}],
    }  # fmt: skip
    picture = {"Modality": "DX", "BodyPartExamined": "CHEST", "ViewPosition": "PA", "Rows": 6, "Columns": 8}
    volume = {"Modality": "CT", "BodyPartExamined": "CHEST", "Rows": 4, "Columns": 4, "PixelSpacing": [0.5, 0.5]}
    participants = ("participant_id age sex modalities body_parts", "sub-S1 40 F dx chest", "sub-S2 71 M ct chest")
    scans = "filename acq_time modality body_part view_position laterality rows columns"
    sessions = "session_id acq_time age"
    return {
        DESCRIPTION: as_json(about),
        "README.md": b"# An invented dataset\n\nA few made-up pixels, for tests.\n",
        ".bidsignore": b"**/mim-*\n",
        PARTICIPANTS: as_tsv(*participants),
        SESSIONS: as_tsv(sessions, "ses-E1 1920-01-02T10:00:00 40"),
        SESSIONS.replace("S1", "S2"): as_tsv(sessions, "ses-E2 1920-03-04T11:00:00 71"),
        SCANS: as_tsv(scans, f"{_inside(PICTURE)}.png 1920-01-02T10:00:00 dx chest pa n/a 6 8"),
        SCANS.replace("S1", "S2").replace("E1", "E2"): as_tsv(
            scans, f"{_inside(VOLUME)}.nii.gz 1920-03-04T11:00:00 ct chest ax n/a 4 4"
        ),
        f"{PICTURE}.png": png(8, 6),
        f"{PICTURE}.json": as_json({**picture, "PhotometricInterpretation": "MONOCHROME2"}),
        f"{VOLUME}.nii.gz": gz(nifti((4, 4, 3))),
        f"{VOLUME}.json": as_json(volume),
    }


def _inside(path: str) -> str:
    """A path as a scans table names it: without the folders of subject and session."""
    return path.split("/", 2)[2]


def dataset(folder: Path, changes: Mapping[str, Change] | None = None) -> Path:
    """Writes the dataset with `changes` (path to `Change`) into ``folder/dataset`` and returns that folder.

    Raises `KeyError` where a function or None is given for a file that the dataset has not.
    """
    content = files()
    for path, change in (changes or {}).items():
        if change is None:
            del content[path]
        elif callable(change):
            content[path] = change(content[path])
        else:
            content[path] = change if isinstance(change, bytes) else _encoded(change)
    for path, data in content.items():
        target = folder / "dataset" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return folder / "dataset"


def _encoded(content: str | Mapping[str, Any] | Sequence[Any]) -> bytes:
    return content.encode() if isinstance(content, str) else as_json(content)


# --- changes ---------------------------------------------------------------------------------------------


def keys(changes: Mapping[str, Any]) -> Callable[[bytes], bytes]:
    """The change of some keys of a JSON file; None removes a key."""

    def change(data: bytes) -> bytes:
        merged = {**json.loads(data), **changes}
        return as_json({key: value for key, value in merged.items() if value is not None})

    return change


def cells(values: Mapping[str, str], *, row: int = 2) -> Callable[[bytes], bytes]:
    """The change of some cells of a table, by column; new columns come last.

    `row` is the line, of which the header is 1; with 0 the cells of every row.
    """

    def change(data: bytes) -> bytes:
        header, *rows = [line.split("\t") for line in data.decode().splitlines()]
        for name in values:
            if name not in header:
                header.append(name)
                rows = [[*line, "n/a"] for line in rows]
        for at in range(len(rows)) if row == 0 else (row - 2,):
            rows[at] = [values.get(name, old) for name, old in zip(header, rows[at], strict=True)]
        return "".join("\t".join(line) + "\n" for line in (header, *rows)).encode()

    return change


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """The change of a text wherever it stands. Raises `ValueError` where it stands nowhere."""

    def change(data: bytes) -> bytes:
        if old not in data:
            raise ValueError(f"{old!r} is not in the file")
        return data.replace(old, new)

    return change


# --- what the validator says -----------------------------------------------------------------------------


def expect(
    folder: Path, changes: Mapping[str, Change], *codes: str, deep: bool = True, schema: Schema | None = None
) -> tuple[Issue, ...]:
    """The issues of the dataset with `changes`, which must have exactly `codes`; without codes there must be none.

    It is written into ``folder/dataset``. Raises `AssertionError`, which names every issue, for anything else.
    """
    found = validate(dataset(folder, changes), deep=deep, schema=schema).issues
    if {issue.code for issue in found} != set(codes):
        listed = "".join(f"\n  {issue.code} {issue.path} {issue.where}: {issue.message}" for issue in found)
        raise AssertionError(f"expected {', '.join(sorted(codes)) or 'no issue'}, found{listed or ' none'}")
    return found


# --- the example of a collection -------------------------------------------------------------------------

KEY = "5d" * 32
"""A key that is no secret: the labels of an example must be the same everywhere."""
_VERSION = re.compile(rb'(?<="Version": ")[^"]+|(?<=\t)\d[\w.+-]*(?=\t)')
_VERSIONED = ("dataset_description.json", "conversions.tsv")
"""The only files of a dataset in which versions stand."""


def converted(collection: str, example: Path, folder: Path) -> Conversion:
    """The source ``example/input`` of a collection converted into ``folder/mids`` with `KEY`."""
    key = folder / "key"
    key.write_text(KEY + "\n", encoding="ascii")
    key.chmod(0o600)
    return convert(collection, example / "input", folder / "mids", key=key)


def write_golden(collection: str, example: Path) -> None:
    """Replaces the golden dataset ``example/mids`` by what becomes of ``example/input`` now; look at it."""
    with tempfile.TemporaryDirectory() as folder:
        done = converted(collection, example, Path(folder))
        shutil.rmtree(example / "mids", ignore_errors=True)
        shutil.copytree(done.dataset, example / "mids")


def differences(dataset: Path, golden: Path) -> list[str]:
    """The files in which two datasets differ, by path: texts but for versions, images by their voxels and headers."""
    one, other = _files_of(dataset), _files_of(golden)
    alike = {path for path in one.keys() & other.keys() if _are_alike(one[path], other[path])}
    return sorted({*one, *other} - alike)


def _files_of(root: Path) -> dict[str, Path]:
    return {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}


def _are_alike(one: Path, other: Path) -> bool:
    if one.name.endswith(".nii.gz"):
        volume, wanted = nib.Nifti1Image.from_filename(one), nib.Nifti1Image.from_filename(other)
        return bool(volume.header == wanted.header and np.array_equal(volume.dataobj, wanted.dataobj))
    if one.suffix == ".png":
        with Image.open(one) as first, Image.open(other) as second:
            return first.mode == second.mode and np.array_equal(np.asarray(first), np.asarray(second))
    texts = [path.read_bytes() for path in (one, other)]
    return len({_VERSION.sub(b"x", text) if one.name in _VERSIONED else text for text in texts}) == 1


# --- files -----------------------------------------------------------------------------------------------


def as_json(content: object) -> bytes:
    """JSON as the files of a dataset have it."""
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def as_tsv(*rows: str) -> bytes:
    """A table; cells are separated by blanks in the source, for reading."""
    return "".join("\t".join(row.split()) + "\n" for row in rows).encode()


def chunk(name: bytes, data: bytes) -> bytes:
    """One chunk of a PNG with its checksum (PNG specification, 5.3)."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(columns: int, rows: int, *, bits: int = 16, colour: int = 0, before: bytes = b"", after: bytes = b"") -> bytes:
    """A PNG with a ramp of grey (colour type 0), RGB (2) or grey and alpha (4); chunks before and after the pixels."""
    step = bits // 8 * {0: 1, 2: 3, 4: 2}[colour]
    lines = b"".join(b"\0" + bytes((7 * i + r) % 251 for i in range(columns * step)) for r in range(rows))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", columns, rows, bits, colour, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(lines, 0))
    return b"\x89PNG\r\n\x1a\n" + header + before + pixels + after + chunk(b"IEND", b"")


def gz(data: bytes, *, name: bytes = b"", time: int = 0) -> bytes:
    """A gzip file (RFC 1952), its content stored; by default without the name and the time that it could hold."""
    pack = zlib.compressobj(0, zlib.DEFLATED, -15)
    head = b"\x1f\x8b\x08" + struct.pack("<BIBB", 8 if name else 0, time, 0, 255) + (name + b"\0" if name else b"")
    return head + pack.compress(data) + pack.flush() + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)


def nifti(
    shape: tuple[int, ...],
    *,
    spacing: tuple[float, float, float] = (0.5, 0.5, 2.0),
    affine: tuple[float, ...] = (-0.5, 0, 0, 1, 0, 0.5, 0, 2, 0, 0, 2.0, 3),
    descrip: bytes = b"",
) -> bytes:
    """An int16 NIfTI-1 file (nifti1.h); spacing in mm, `affine` the twelve numbers of the sform."""
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, len(shape), *shape, *[1] * (7 - len(shape)))
    struct.pack_into("<2h", head, 70, 4, 16)
    struct.pack_into("<8f", head, 76, 1, *spacing, *[1] * 4)
    struct.pack_into("<f", head, 108, 352)
    head[123] = 10  # mm and seconds
    struct.pack_into("<80s", head, 148, descrip)
    struct.pack_into("<2h", head, 252, 0, 1)
    struct.pack_into("<12f", head, 280, *affine)
    head[344:348] = b"n+1\0"
    size = 2
    for length in shape:
        size *= length
    # Between air and bone, as a CT is.
    values = (-1000 + 100 * (i % 21) for i in range(size // 2))
    return bytes(head) + b"".join(struct.pack("<h", value) for value in values)
