"""For every code about values, references across files and what is hidden the smallest dataset that raises only it."""

import math
import struct
import zlib
from collections.abc import Callable

from example_datasets.invented import as_json, as_tsv, chunk, gz, nifti, png
from example_datasets.small import (
    ABOUT,
    CT,
    CT_KEYS,
    DERIVATIVE,
    DESCRIPTION,
    DSEG,
    MASK,
    RX,
    RX_KEYS,
    SCANS,
    SCANS_HEADER,
    SES,
    SESSIONS,
    Files,
    add_segmentation,
    added,
    bold,
    labels,
    picture,
    radiograph,
    set_keys,
    table,
    valid,
    volume,
)

BINARY = nifti((4, 4, 3), values=(0, 0, 1))
HEADER = 352
"""Bytes before the voxels of an invented volume."""


def retyped(code: int, bits: int, letter: str, values: tuple[float, ...], shape: tuple[int, ...] = (4, 4, 3)) -> bytes:
    """An invented volume with voxels of another NIfTI datatype; `values` come again and again."""
    head = bytearray(nifti(shape)[:HEADER])
    struct.pack_into("<2h", head, 70, code, bits)
    count = math.prod(shape) * (bits // 8) // struct.calcsize(letter)
    return bytes(head) + struct.pack(f"<{count}{letter}", *(values[at % len(values)] for at in range(count)))


def ramp(step: int) -> bytes:
    """A picture of 16 bits whose 48 values are `step` apart."""
    whole = png(8, 6)
    rows = [struct.pack(">8H", *(step * (8 * row + at) for at in range(8))) for row in range(6)]
    return whole[:33] + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows), 0)) + whole[-12:]


def shortened() -> Files:
    """A CT of six slices whose last two are zero."""
    data = nifti((4, 4, 6))
    return volume(gz(data[: -2 * 32] + bytes(2 * 32)))


def gapped() -> bytes:
    """A volume with sixteen bytes more before its voxels, of which some are not zero."""
    data = bytearray(nifti((4, 4, 3)))
    struct.pack_into("<f", data, 108, HEADER + 16.0)
    return bytes(data[:HEADER]) + b"left from before" + bytes(data[HEADER:])


def contrasted() -> Files:
    """Two CTs of which the name of one has an agent; its sidecar says that there was none."""
    stem = CT.replace("_run-1", "_ce-iodine_run-1")
    files = volume()
    rows = (f"{path[len(SES) + 1 :]}.nii.gz 1920-01-02T10:00:00 CT n/a n/a n/a 4 4" for path in (CT, stem))
    more: Files = {
        f"{stem}.nii.gz": gz(nifti((4, 4, 3), values=(-1000, -990, 40, 60))),
        f"{stem}.json": set_keys(CT_KEYS, ContrastBolusAgent="NONE"),
        SCANS: as_tsv(SCANS_HEADER, *rows),
    }
    return added(more, files)


def named_ct(entities: str, **keys: object) -> Files:
    """The CT with more entities in its name, and other keys."""
    stem = CT.replace("_run-1", entities) if entities.startswith("_rec") else CT.replace("_ct", f"{entities}_ct")
    files = volume()
    row = f"{stem[len(SES) + 1 :]}.nii.gz 1920-01-02T10:00:00 CT n/a n/a n/a 4 4"
    files[f"{stem}.nii.gz"] = files.pop(f"{CT}.nii.gz")
    del files[f"{CT}.json"]
    return {**files, f"{stem}.json": set_keys(CT_KEYS, **keys), SCANS: as_tsv(SCANS_HEADER, row)}


def transposed() -> Files:
    """A CT of 4 columns and 6 rows, whose sidecar has them exchanged."""
    files = volume(gz(nifti((4, 6, 3))))
    row = f"{CT[len(SES) + 1 :]}.nii.gz 1920-01-02T10:00:00 CT n/a n/a n/a 4 6"
    keys = set_keys(CT_KEYS, Rows=4, Columns=6, ImageOrientationPatientDICOM=[1, 0, 0, 0, 1, 0])
    return {**files, f"{CT}.json": keys, SCANS: as_tsv(SCANS_HEADER, row)}


def segmented(**keys: object) -> Files:
    """The CT with a mask whose sidecar has these keys."""
    return added({f"{MASK}.json": as_json({"Modality": "CT", **keys})}, add_segmentation(BINARY))


def marked(*rows: str, columns: str = "slice shape points") -> Files:
    """The CT with a table of marks."""
    columns = f"participant_id session_id filename label {columns}"
    more: Files = {
        "derivatives/rois/marks.tsv": as_tsv(columns, *(f"sub-S01 ses-E01 {CT}.nii.gz {row}" for row in rows)),
        "derivatives/rois/marks.json": as_json({name: {"Description": name} for name in columns.split()}),
        f"derivatives/rois/{DESCRIPTION}": as_json(DERIVATIVE),
    }
    return added(more, volume())


def recorded(*digests: str) -> Files:
    """The radiograph with digests of its pixels."""
    rows = (f"{RX}.png {digest}" for digest in digests)
    more: Files = {
        "derivatives/provenance/conversions.tsv": as_tsv("filename pixels_sha256", *rows),
        f"derivatives/provenance/{DESCRIPTION}": as_json(DERIVATIVE),
    }
    return added(more)


def tested(day: str) -> Files:
    """The radiograph with a laboratory test on a day."""
    more: Files = {
        "derivatives/ehr/laboratory_tests.tsv": as_tsv(
            "participant_id date test result", f"sub-S01 {day} PCR positive"
        ),
        f"derivatives/ehr/{DESCRIPTION}": as_json(DERIVATIVE),
    }
    return added(more)


def swapped() -> Files:
    """The two subjects with reports, and each other's labels."""
    header = "participant_id session_id report_id labels"
    rows = ('sub-S01 ses-E01 R1 ["nodule"]', 'sub-S02 ses-E02 R2 ["pneumonia"]')
    more: Files = {
        "derivatives/ehr/reports.tsv": as_tsv(
            "participant_id session_id report_id report", "sub-S01 ses-E01 R1 Pneumonia.", "sub-S02 ses-E02 R2 Nodule."
        ),
        f"derivatives/ehr/{DESCRIPTION}": as_json(DERIVATIVE),
    }
    return added(more, labels(*rows, header=header, files=valid()))


def renamed(label: str) -> Files:
    """The radiograph of a subject with another label."""
    found: Files = {}
    for path, content in radiograph().items():
        assert isinstance(content, bytes)
        found[path.replace("S01", label)] = content.replace(b"S01", label.encode())
    return found


ANIMATED = chunk(b"acTL", struct.pack(">II", 1, 0))
CELL = {"cell_type": "code", "execution_count": 1, "metadata": {}, "source": ["1"], "outputs": []}
RESULT = {"data": {"text/plain": ["1"]}, "execution_count": 1, "metadata": {}, "output_type": "execute_result"}
NOTEBOOK = {"cells": [{**CELL, "outputs": [RESULT]}], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}

BROKEN: dict[str, Callable[[], Files]] = {
    # images
    "PNG_TRANSPARENT": picture(png(8, 6, before=chunk(b"tRNS", b"\0\7"))),
    "PNG_ANIMATED": picture(png(8, 6, before=ANIMATED)),
    "NIFTI_TYPE": lambda: volume(gz(retyped(32, 64, "f", (-1000, 0, -850, 40, 60)))),
    "IMAGE_NOT_FINITE": lambda: volume(gz(retyped(16, 32, "f", (-1000, -1000, -850, 40, 60, math.nan)))),
    "SLICES_BLANK": shortened,
    "BITS_CONTRADICTED": lambda: added(
        {f"{RX}.png": png(8, 6, bits=8), f"{RX}.json": set_keys(RX_KEYS, BitsStored=12)}
    ),
    "BITS_LOST": lambda: added({f"{RX}.png": ramp(257), f"{RX}.json": set_keys(RX_KEYS, BitsStored=12)}),
    "IMAGE_PLANE_CONTRADICTED": lambda: named_ct("_vp-cor"),
    "IMAGE_PLANE_TRANSPOSED": transposed,
    "PATIENT_ORIENTATION_CONTRADICTED": lambda: added({f"{RX}.json": set_keys(RX_KEYS, PatientOrientation=["A", "F"])}),
    "KERNEL_CONTRADICTED": lambda: named_ct("_rec-B40f_run-1", ConvolutionKernel=["B70f"]),
    "CONTRAST_CONTRADICTED": contrasted,
    "PROVENANCE_CONTRADICTED": lambda: recorded("n/a", "n/a"),
    "PIXELS_CHANGED": lambda: recorded("0" * 64),
    # references
    "DSEG_LOOKUP_INVALID": lambda: add_segmentation(
        BINARY, DSEG, {f"{DSEG}.tsv": as_tsv("index name", "1 lung", "2 lung")}
    ),
    "LINK_UNRESOLVED": lambda: segmented(Sources=[f"bids::{CT.replace('run-1', 'run-2')}.nii.gz"]),
    "LINK_OF_ANOTHER": lambda: added(
        {f"{RX}.json": set_keys(RX_KEYS, Sources=["bids::sub-S02/sub-S02_sessions.tsv"])}, valid()
    ),
    "B0FIELD_UNKNOWN": lambda: bold({"TaskName": "rest", "RepetitionTime": 2.0, "B0FieldSource": "pepolar0"}),
    "DOI_INVALID": lambda: added({DESCRIPTION: as_json({**ABOUT, "DatasetDOI": "doi:10.0.2.3/dfjj.10"})}),
    "DATES_CONTRADICTED": table(SESSIONS, b"1920-01-02T", b"1920-06-02T"),
    "PRIVACY_DATE_OFFSETS": table(SESSIONS, b"1920-01-02T", b"1917-06-02T"),
    "TEST_DATE_CONTRADICTED": lambda: tested("1910-01-02"),
    "MARK_OUTSIDE": lambda: marked("nodule 900 point [[1.5,1.5]]"),
    "BOX_SHAPE_CONTRADICTED": lambda: marked(
        "nodule 1 1 2 2 40 20", columns="x y width height image_width image_height"
    ),
    "PERSON_CONTRADICTED": lambda: added(
        {SESSIONS: as_tsv("session_id acq_time age sex", "ses-E01 1920-01-02T10:00:00 40 M")}
    ),
    "CONTOUR_OUTSIDE": lambda: segmented(
        Contours=[{"Label": "nodule", "Slice": 7, "Points": [[1, 1], [2, 1], [1, 2]]}]
    ),
    # labels
    "LABELS_EXCHANGED": swapped,
    # privacy
    "PRIVACY_NIFTI_GAP": lambda: volume(gz(gapped())),
    "PRIVACY_GZIP_MEMBERS": lambda: volume(gz(nifti((4, 4, 3))) + gz(b"", name=b"made-up.nii")),
    "PRIVACY_SUBJECT_NAME": lambda: renamed("GarciaMaria"),
    "PRIVACY_DICOM": lambda: added({f"{RX}.ima": bytes(128) + b"DICM" + bytes(60)}),
    "PRIVACY_HISTORY": lambda: added({".git/HEAD": b"ref: refs/heads/main\n"}),
    "PRIVACY_NOTEBOOK": lambda: added({"code/look.ipynb": as_json(NOTEBOOK)}),
}
