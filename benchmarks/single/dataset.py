"""A valid dataset of random images: two patients with CT, radiographs, MR, segmentations, reports, labels, dates."""

import gzip
import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt

Files = dict[str, bytes]
Array = npt.NDArray[Any]

TYPES = {
    "B": (2, 8, "u1"),
    "h": (4, 16, "<i2"),
    "H": (512, 16, "<u2"),
    "i": (8, 32, "<i4"),
    "f": (16, 32, "<f4"),
    "d": (64, 64, "<f8"),
    "F": (32, 64, "<c8"),
    "D": (1792, 128, "<c16"),
}
"""NIfTI datatype, bits and numpy type by a letter."""


def nifti(
    voxels: Array,
    affine: Array,
    kind: str = "h",
    *,
    slope: float = 1.0,
    descrip: bytes = b"",
    fields: Mapping[int, bytes] | None = None,
    gap: bytes = b"",
    time: float = 0.0,
) -> bytes:
    """A NIfTI-1 file: stored voxels (i, j, k[, t]), affine (4, 4) in mm; `fields` are bytes at places of the header."""
    code, bits, dtype = TYPES[kind]
    head = bytearray(348)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, voxels.ndim, *voxels.shape, *[1] * (7 - voxels.ndim))
    struct.pack_into("<hh", head, 70, code, bits)
    spacing = np.linalg.norm(np.asarray(affine)[:3, :3], axis=0)
    struct.pack_into("<8f", head, 76, 1.0, *spacing, time, 0, 0, 0)
    struct.pack_into("<f", head, 108, 352.0 + len(gap))
    struct.pack_into("<ff", head, 112, slope, 0.0)
    head[123] = 10 if time else 2
    head[148 : 148 + len(descrip)] = descrip
    struct.pack_into("<hh", head, 252, 0, 1)
    struct.pack_into("<12f", head, 280, *np.asarray(affine)[:3].ravel())
    head[344:348] = b"n+1\0"
    for at, content in (fields or {}).items():
        head[at : at + len(content)] = content
    return bytes(head) + bytes(4) + gap + np.asarray(voxels).astype(dtype).tobytes(order="F")


def gz(data: bytes, level: int = 6) -> bytes:
    """A gzip file without a time."""
    return gzip.compress(data, level, mtime=0)


def member(data: bytes, *, name: bytes = b"", comment: bytes = b"", extra: bytes = b"") -> bytes:
    """A gzip stream with fields in its header (RFC 1952)."""
    flags = (4 if extra else 0) | (8 if name else 0) | (16 if comment else 0)
    head = b"\x1f\x8b\x08" + bytes([flags]) + bytes(4) + b"\0\xff"
    head += struct.pack("<H", len(extra)) + extra if extra else b""
    head += b"".join(text + b"\0" for text in (name, comment) if text)
    pack = zlib.compressobj(6, zlib.DEFLATED, -15)
    return head + pack.compress(data) + pack.flush() + struct.pack("<II", zlib.crc32(data), len(data) % 2**32)


def chunk(name: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(pixels: Array, *, before: bytes = b"", after: bytes = b"", level: int = 6, filtered: bool = False) -> bytes:
    """A PNG of grey pixels (rows, columns) of uint8 or uint16; `filtered` writes the differences along rows."""
    rows, columns = pixels.shape
    width = pixels.dtype.itemsize
    lines = np.frombuffer(pixels.astype(f">u{width}").tobytes(), np.uint8).reshape(rows, columns * width)
    if filtered:
        lines = lines.copy()
        lines[:, width:] -= lines[:, :-width].copy()
    raw = b"".join(bytes([filtered]) + line.tobytes() for line in lines)
    head = struct.pack(">IIBBBBB", columns, rows, 8 * width, 0, 0, 0, 0)
    body = chunk(b"IHDR", head) + before + chunk(b"IDAT", zlib.compress(raw, level)) + after + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def as_json(content: object) -> bytes:
    """JSON as a file."""
    return (json.dumps(content, indent=2) + "\n").encode()


def table(header: str, *rows: str) -> bytes:
    """A table whose cells are separated by bars in the source."""
    return "".join("\t".join(line.split("|")) + "\n" for line in (header, *rows)).encode()


SCANS = "filename|acq_time|modality|body_part|view_position|laterality|rows|columns"
TREE = "label|cui|parent|tree|count|count_with_descendants"
TERMS = ("pneumonia", "nodule", "effusion", "cardiomegaly")


@dataclass(slots=True)
class Drawn:
    """A dataset: its files, and what was drawn: voxels, pixels and affines by the stem of their image."""

    dice: Random
    files: Files = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)
    affines: dict[str, Array] = field(default_factory=dict)
    ct: list[str] = field(default_factory=list)
    rx: list[str] = field(default_factory=list)
    mr: str = ""
    bold: str = ""
    dseg: str = ""
    mask: str = ""
    picture_dseg: str = ""
    picture_mask: str = ""

    def random(self) -> np.random.Generator:
        """numpy's dice, from the same seed."""
        return np.random.default_rng(self.dice.getrandbits(32))

    def keys(self, path: str, **changes: object) -> None:
        """Sets keys of a JSON file; None removes one."""
        content = {**json.loads(self.files[path]), **changes}
        self.files[path] = as_json({key: value for key, value in content.items() if value is not None})

    def column(self, name: str, *values: str) -> None:
        """Adds a described column to the table of participants."""
        lines = self.files["participants.tsv"].decode().splitlines()
        rows = zip(lines, (name, *values), strict=True)
        self.files["participants.tsv"] = "".join(f"{line}\t{cell}\n" for line, cell in rows).encode()
        self.files["participants.json"] = as_json({name: {"Description": "made up"}})

    def swap(self, path: str, old: str, new: str) -> None:
        """Replaces a text, which must be there, once."""
        data = self.files[path].decode()
        assert old in data, (path, old)
        self.files[path] = data.replace(old, new, 1).encode()


def hounsfield(dice: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Voxels of an invented chest: air, lung, soft tissue and bone, with noise."""
    kinds = dice.choice([-1000, -850, 40, 60, 500], shape, p=[0.3, 0.2, 0.3, 0.1, 0.1])
    return np.maximum(kinds + dice.integers(-120, 121, shape), -1024).astype(np.int16)


def draw(seed: int) -> Drawn:
    """The dataset of a seed."""
    d = Drawn(Random(seed))
    about = {
        "Name": "An invented dataset",
        "BIDSVersion": "1.10.1",
        "MIDSVersion": "1.0.0",
        "DatasetType": "raw",
        "License": "CC0-1.0",
        "Authors": ["Nobody"],
        "GeneratedBy": [{"Name": "own code", "Version": "1"}],
    }
    d.files |= {
        "dataset_description.json": as_json(about),
        "CHANGES": b"1.0.0 2020-01-01\n  - First version.\n",
        "README.md": b"# An invented dataset\n\n" + b"Made-up pixels for trying validators. " * 5 + b"\n",
        ".bidsignore": b"**/mim-*\n",
        "participants.tsv": table(
            "participant_id|age|sex|modalities|body_parts", "sub-A1|40|F|ct;dx;mr|chest", "sub-A2|50|M|ct;dx|chest"
        ),
        "sub-A1/sub-A1_sessions.tsv": table(
            "session_id|acq_time|age", "ses-E1|1920-01-02T10:00:00|40", "ses-E2|1921-07-05T10:00:00|41"
        ),
        "sub-A2/sub-A2_sessions.tsv": table("session_id|acq_time|age", "ses-E3|1919-01-02T10:00:00|50"),
    }
    rows: dict[str, list[str]] = {"sub-A1/ses-E1": [], "sub-A1/ses-E2": [], "sub-A2/ses-E3": []}
    _volumes(d, rows)
    _pictures(d, rows)
    _brain(d, rows)
    for folder, lines in rows.items():
        d.files[f"{folder}/{folder.replace('/', '_')}_scans.tsv"] = table(SCANS, *lines)
    _derivatives(d)
    return d


def _row(stem: str, extension: str, day: str, modality: str, view: str, part: str, shape: tuple[int, int]) -> str:
    name = stem.split("/", 2)[2] + extension
    return f"{name}|{day}T10:00:00|{modality}|{part}|{view}|n/a|{shape[0]}|{shape[1]}"


def _volumes(d: Drawn, rows: dict[str, list[str]]) -> None:
    """A CT of each patient, and a segmentation of the first in two ways."""
    dice = d.random()
    for folder, day, kernel in (("sub-A1/ses-E1", "1920-01-02", "B40f"), ("sub-A2/ses-E3", "1919-01-02", "B70f")):
        stem = f"{folder}/mim-ct/{folder.replace('/', '_')}_rec-{kernel}_run-1_bp-chest_vp-ax_ct"
        columns, height, count = (d.dice.randint(*ends) for ends in ((20, 30), (12, 19), (6, 9)))
        size = d.dice.choice((0.7, 0.8, 1.5, 2.0))
        step = d.dice.choice((2.5, 3.0, 5.0))
        affine = np.array([[-size, 0, 0, 50], [0, size, 0, -40], [0, 0, step, d.dice.randint(-90, 90)], [0, 0, 0, 1.0]])
        voxels = hounsfield(dice, (columns, height, count))
        d.files[f"{stem}.nii.gz"] = gz(nifti(voxels, affine))
        d.files[f"{stem}.json"] = as_json(
            {
                "Modality": "CT",
                "BodyPartExamined": "CHEST",
                "Manufacturer": "Made up",
                "PixelSpacing": [size, size],
                "SliceThickness": step,
                "SpacingBetweenSlices": step,
                "RescaleType": "HU",
                "BitsStored": 12,
                "KVP": 120.0,
                "ImageOrientationPatientDICOM": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
                "Rows": height,
                "Columns": columns,
                "ConvolutionKernel": [kernel],
                "Resampled": False,
            }
        )
        d.ct.append(stem)
        d.arrays[stem], d.affines[stem] = voxels, affine
        rows[folder].append(_row(stem, ".nii.gz", day, "ct", "ax", "chest", (height, columns)))
    stem = d.ct[0]
    base = f"derivatives/rois/{stem.removesuffix('_ct')}"
    d.dseg, d.mask = f"{base}_desc-one_dseg", f"{base}_label-nodule_desc-one_mask"
    for path, labels in (
        (d.dseg, dice.integers(0, 3, d.arrays[stem].shape)),
        (d.mask, dice.integers(0, 2, d.arrays[stem].shape)),
    ):
        d.arrays[path] = labels.astype(np.uint8)
        d.files[f"{path}.nii.gz"] = gz(nifti(labels, d.affines[stem], "B"))
        d.files[f"{path}.json"] = as_json({"Type": "ROI", "Sources": [f"bids::{stem}.nii.gz"]})
    d.files[f"{d.dseg}.tsv"] = table("index|name", "1|lung", "2|nodule")


def _pictures(d: Drawn, rows: dict[str, list[str]]) -> None:
    """A radiograph of each patient, and segmentations of the first."""
    dice = d.random()
    for folder, day in (("sub-A1/ses-E1", "1920-01-02"), ("sub-A2/ses-E3", "1919-01-02")):
        stem = f"{folder}/mim-rx/{folder.replace('/', '_')}_run-1_bp-chest_vp-pa_dx"
        height, width = d.dice.randint(14, 22), d.dice.randint(23, 33)
        pixels = (dice.integers(50, 4000, (height, width)) * 16).astype(np.uint16)
        d.files[f"{stem}.png"] = png(pixels)
        d.files[f"{stem}.json"] = as_json(
            {
                "Modality": "DX",
                "BodyPartExamined": "CHEST",
                "ViewPosition": "PA",
                "BitsStored": 12,
                "Rows": height,
                "Columns": width,
                "PhotometricInterpretation": "MONOCHROME2",
                "Manufacturer": "Made up",
            }
        )
        d.rx.append(stem)
        d.arrays[stem] = pixels
        rows[folder].append(_row(stem, ".png", day, "dx", "pa", "chest", (height, width)))
    stem = d.rx[0]
    base = f"derivatives/rois/{stem.removesuffix('_dx')}"
    d.picture_dseg, d.picture_mask = f"{base}_desc-one_dseg", f"{base}_label-lung_desc-one_mask"
    for path, most in ((d.picture_dseg, 3), (d.picture_mask, 2)):
        d.arrays[path] = dice.integers(0, most, d.arrays[stem].shape).astype(np.uint8)
        d.files[f"{path}.png"] = png(d.arrays[path])
        d.files[f"{path}.json"] = as_json({"Type": "ROI", "Sources": [f"bids::{stem}.png"]})
    d.files[f"{d.picture_dseg}.tsv"] = table("index|name", "1|lung", "2|heart")


def _brain(d: Drawn, rows: dict[str, list[str]]) -> None:
    """A T1w and a bold series."""
    dice = d.random()
    folder = "sub-A1/ses-E2"
    d.mr, d.bold = f"{folder}/anat/sub-A1_ses-E2_run-1_T1w", f"{folder}/func/sub-A1_ses-E2_task-rest_run-1_bold"
    affine = np.array([[-1.5, 0, 0, 10], [0, 1.5, 0, 5], [0, 0, 4.0, -8], [0, 0, 0, 1.0]])
    for stem, shape in ((d.mr, (14, 11, 6)), (d.bold, (13, 10, 5, 4))):
        voxels = dice.integers(1, 900, shape).astype(np.int16)
        keys: dict[str, object] = {
            "Modality": "MR",
            "Manufacturer": "Made up",
            "MagneticFieldStrength": 1.5,
            "EchoTime": 0.03,
            "RepetitionTime": 2.0,
            "FlipAngle": 77.0,
            "Rows": shape[1],
            "Columns": shape[0],
        }
        d.files[f"{stem}.nii.gz"] = gz(nifti(voxels, affine, time=2.0 if stem == d.bold else 0.0))
        d.files[f"{stem}.json"] = as_json({**keys, **({"TaskName": "rest"} if stem == d.bold else {})})
        d.arrays[stem], d.affines[stem] = voxels, affine
        rows[folder].append(_row(stem, ".nii.gz", "1921-07-05", "mr", "n/a", "n/a", (shape[1], shape[0])))


def _derivatives(d: Drawn) -> None:
    """Reports, labels, their tree, marks, boxes and tests."""
    one, two = d.dice.sample(TERMS, 2)
    about = {
        "Name": "Made up",
        "BIDSVersion": "1.10.1",
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "own code"}],
    }
    for name in ("rois", "labels", "ehr"):
        d.files[f"derivatives/{name}/dataset_description.json"] = as_json(about)
    d.files |= {
        "derivatives/ehr/reports.tsv": table(
            "participant_id|session_id|report_id|report",
            f"sub-A1|ses-E1|R1|Signs of {one}.",
            f"sub-A2|ses-E3|R2|A {two}.",
        ),
        "derivatives/ehr/laboratory_tests.tsv": table(
            "participant_id|date|test|result", "sub-A1|1920-01-05|PCR|positive", "sub-A2|1919-01-01|PCR|negative"
        ),
        "derivatives/labels/labels.tsv": table(
            "participant_id|session_id|report_id|labels|labels_localizations_by_sentence",
            f'sub-A1|ses-E1|R1|["{one}"]|[["{one}"]]',
            f'sub-A2|ses-E3|R2|["{two}"]|[["{two}"]]',
        ),
        "derivatives/labels/label_tree.tsv": table(
            TREE,
            "finding|C0436485|n/a|finding|0|2",
            *(
                f"{term}|C000000{n}|finding|finding|{int(term in (one, two))}|{int(term in (one, two))}"
                for n, term in enumerate(TERMS)
            ),
        ),
        "derivatives/rois/lung_boxes.tsv": table(
            "participant_id|session_id|filename|label|x|y|width|height",
            f"sub-A1|ses-E1|{d.rx[0]}.png|lung|2|3|10|8",
            f"sub-A2|ses-E3|{d.rx[1]}.png|lung|1|2|12|9",
        ),
        "derivatives/rois/marks.tsv": table(
            "participant_id|session_id|filename|label|slice|shape|points",
            f"sub-A1|ses-E1|{d.ct[0]}.nii.gz|nodule|2|point|[[3.5,4.5]]",
            f"sub-A2|ses-E3|{d.ct[1]}.nii.gz|nodule|0|line|[[1.5,4.5],[7.0,8.0]]",
        ),
    }
