"""One valid dataset, and more than eighty single defects that can be put into it.

`DEFECTS` names each defect, what it is for a reader, the code that must be raised, and the place. The test applies
them one by one; `benchmarks/found.py` shows them to other validators too.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from example_datasets.invented import as_json, as_tsv, chunk, gz, nifti, png
from example_datasets.small import ABOUT, CT_KEYS, DERIVATIVE, DESCRIPTION, PARTICIPANTS, RX_KEYS, SCANS_HEADER

Files = dict[str, bytes]
Change = Callable[[Files], Files]

ONE, TWO = "sub-S01/ses-E01", "sub-S02/ses-E02"
RX = f"{ONE}/mim-rx/sub-S01_ses-E01_run-1_bp-chest_vp-pa_dx"
RX2 = f"{ONE}/mim-rx/sub-S01_ses-E01_run-2_bp-chest_vp-pa_dx"
T1W = f"{ONE}/anat/sub-S01_ses-E01_run-1_T1w"
BOLD = f"{ONE}/func/sub-S01_ses-E01_task-rest_run-1_bold"
DWI = f"{ONE}/dwi/sub-S01_ses-E01_run-1_dwi"
CT = f"{TWO}/mim-ct/sub-S02_ses-E02_run-1_bp-chest_ct"
ROIS = f"derivatives/rois/{CT.removesuffix('_ct')}"
MASK, DSEG = f"{ROIS}_label-nodule_desc-one_mask", f"{ROIS}_desc-one_dseg"
PEOPLE = "participants.tsv"
SCANS, SCANS2 = f"{ONE}/sub-S01_ses-E01_scans.tsv", f"{TWO}/sub-S02_ses-E02_scans.tsv"
SESSIONS, SESSIONS2 = "sub-S01/sub-S01_sessions.tsv", "sub-S02/sub-S02_sessions.tsv"
LABELS, TREE = "derivatives/labels/labels.tsv", "derivatives/labels/label_tree.tsv"
REPORTS, TESTS = "derivatives/ehr/reports.tsv", "derivatives/ehr/laboratory_tests.tsv"
PARTITIONS = "derivatives/partitions.tsv"

MR = {"Modality": "MR", "Manufacturer": "Made up", "MagneticFieldStrength": 1.5, "Rows": 4, "Columns": 4}
TIMES = {"EchoTime": 0.03, "RepetitionTime": 2.0, "FlipAngle": 77.0}
BOLD_KEYS = {**MR, **TIMES, "TaskName": "rest"}


@dataclass(frozen=True, slots=True)
class Defect:
    """A defect: its name, the code that reports it and where, and the change that makes it.

    `base` is the dataset that it is put into: "mids" (`dataset`) or "bids" (`recordings`).
    """

    name: str
    code: str
    path: str
    where: str
    change: Change
    base: str = "mids"


def dataset() -> Files:
    """Two subjects with radiographs, MR in plain BIDS folders, a CT, segmentations, reports, labels and a split."""
    volume, series = gz(nifti((4, 4, 3))), gz(nifti((4, 4, 3, 2)))
    derivative = as_json(DERIVATIVE)
    files: Files = {
        DESCRIPTION: as_json(ABOUT),
        "README.md": b"# An invented dataset\n\n" + b"Made-up pixels that show what validators look for. " * 4 + b"\n",
        "CHANGES": b"1.0.0 2020-01-01\n  - First version.\n",
        ".bidsignore": b"**/mim-*\n",
        "participants.tsv": as_tsv(f"{PARTICIPANTS} arm", "sub-S01 40 F DX;MR chest a", "sub-S02 89 M CT chest b"),
        "participants.json": as_json({"arm": {"Description": "Arm of the study", "Levels": {"a": "one", "b": "two"}}}),
        SESSIONS: as_tsv("session_id acq_time age", "ses-E01 1920-01-02T10:00:00 40"),
        SESSIONS2: as_tsv("session_id acq_time age", "ses-E02 1920-03-02T10:00:00 89"),
        f"{RX}.png": png(8, 6),
        f"{RX2}.png": png(8, 6, first=1),
        f"{T1W}.nii.gz": gz(nifti((4, 4, 3), values=(1, 2, 3, 4))),
        f"{T1W}.json": as_json({**MR, **TIMES}),
        f"{BOLD}.nii.gz": series,
        f"{BOLD}.json": as_json(BOLD_KEYS),
        f"{DWI}.nii.gz": gz(nifti((4, 4, 3, 2), values=(5, 6, 7, 8))),
        f"{DWI}.json": as_json({**MR, **TIMES}),
        f"{DWI}.bval": b"0 1000\n",
        f"{DWI}.bvec": b"0 1\n0 0\n0 0\n",
        f"{CT}.nii.gz": volume,
        f"{CT}.json": as_json(
            {**CT_KEYS, "SpacingBetweenSlices": 2.0, "ImageOrientationPatientDICOM": [1, 0, 0, 0, 1, 0]}
        ),
        f"{MASK}.nii.gz": gz(nifti((4, 4, 3), values=(0, 0, 1))),
        f"{DSEG}.nii.gz": gz(nifti((4, 4, 3), values=(0, 1, 2))),
        f"{DSEG}.tsv": as_tsv("index name", "1 lung", "2 nodule"),
    }
    files |= {f"{stem}.json": as_json(RX_KEYS) for stem in (RX, RX2)}
    files |= {f"{stem}.json": as_json({"Modality": "CT"}) for stem in (MASK, DSEG)}
    files |= {f"derivatives/{name}/{DESCRIPTION}": derivative for name in ("labels", "rois", "ehr")}
    return files | _tables()


def _tables() -> Files:
    """The tables that name images, and those of the derivatives."""
    mr = [(stem, "n/a") for stem in (T1W, BOLD, DWI)]
    rows = [f"{stem[len(ONE) + 1 :]}.png 1920-01-02T10:00:00 DX chest pa n/a 6 8" for stem in (RX, RX2)]
    rows += [f"{stem[len(ONE) + 1 :]}.nii.gz 1920-01-02T11:00:00 MR {part} n/a n/a 4 4" for stem, part in mr]
    images = [f"{RX}.png", f"{RX2}.png", *(f"{stem}.nii.gz" for stem in (T1W, BOLD, DWI))]
    split = [f"sub-S01 ses-E01 {path} train" for path in images]
    return {
        SCANS: as_tsv(SCANS_HEADER, *rows),
        SCANS2: as_tsv(SCANS_HEADER, f"{CT[len(TWO) + 1 :]}.nii.gz 1920-03-02T10:00:00 CT chest n/a n/a 4 4"),
        REPORTS: as_tsv(
            "participant_id session_id report_id report", "sub-S01 ses-E01 R1 Pneumonia.", "sub-S02 ses-E02 R2 Nodule."
        ),
        TESTS: as_tsv("participant_id date test result", "sub-S01 1920-01-02 PCR positive", "sub-S02 n/a PCR negative"),
        LABELS: as_tsv(
            "participant_id session_id report_id labels label_cuis",
            'sub-S01 ses-E01 R1 ["pneumonia"] ["C0032285"]',
            'sub-S02 ses-E02 R2 ["nodule"] ["C0028259"]',
        ),
        TREE: as_tsv(
            "label cui parent tree count count_with_descendants",
            "finding C0436485 n/a finding 0 2",
            "pneumonia C0032285 finding finding 1 1",
            "nodule C0028259 finding finding 1 1",
            "normal C0205307 n/a normal 0 0",
        ),
        PARTITIONS: as_tsv("participant_id session_id filename split", *split, f"sub-S02 ses-E02 {CT}.nii.gz test"),
    }


# --- ways to change it -----------------------------------------------------------------------------------


def put(path: str, content: bytes) -> Change:
    return lambda files: {**files, path: content}


def drop(*paths: str) -> Change:
    return lambda files: {path: content for path, content in files.items() if path not in paths}


def swap(path: str, old: bytes, new: bytes) -> Change:
    """One text in one file replaced, where it stands first."""

    def change(files: Files) -> Files:
        assert old in files[path], (path, old)
        return {**files, path: files[path].replace(old, new, 1)}

    return change


def keys(path: str, changes: Mapping[str, object]) -> Change:
    """Keys of a JSON file changed; None removes one."""

    def change(files: Files) -> Files:
        content = {**json.loads(files[path]), **changes}
        return {**files, path: as_json({key: value for key, value in content.items() if value is not None})}

    return change


def cell(path: str, row: int, name: str, value: str) -> Change:
    """One cell of a table, in the row of that line (the header is line 1)."""

    def change(files: Files) -> Files:
        lines = [line.split("\t") for line in files[path].decode().splitlines()]
        lines[row - 1][lines[0].index(name)] = value
        return {**files, path: "".join("\t".join(line) + "\n" for line in lines).encode()}

    return change


def column(path: str, name: str, *values: str) -> Change:
    """One column more."""

    def change(files: Files) -> Files:
        lines = zip(files[path].decode().splitlines(), (name, *values), strict=True)
        return {**files, path: "".join(f"{line}\t{value}\n" for line, value in lines).encode()}

    return change


def move(old: str, new: str) -> Change:
    """Every file whose path holds a text, with another text in its place."""
    return lambda files: {path.replace(old, new): content for path, content in files.items()}


def rename(old: str, new: str) -> Change:
    """All files whose path begins so, in the tables of their session and in the split too."""

    def change(files: Files) -> Files:
        moved = {
            path.replace(old, new, 1) if path.startswith(old) else path: content for path, content in files.items()
        }
        session = "/".join(old.split("/")[:2]) + "/"
        for table, a, b in ((SCANS, old.removeprefix(session), new.removeprefix(session)), (PARTITIONS, old, new)):
            if table in moved:
                moved[table] = moved[table].replace(a.encode(), b.encode())
        return moved

    return change


def both(*changes: Change) -> Change:
    def change(files: Files) -> Files:
        for one in changes:
            files = one(files)
        return files

    return change


def table(path: str, *rows: str) -> Change:
    """One more table of a derivative, whose columns are described, with the derivative's description."""
    described = {name: {"Description": "Made up"} for name in rows[0].split()}
    folder = path.rpartition("/")[0]
    more = {path: as_tsv(*rows), f"{path[:-4]}.json": as_json(described)}
    return lambda files: {**files, **more, f"{folder}/{DESCRIPTION}": as_json(DERIVATIVE)}


BOXES, MADE = "derivatives/rois/boxes.tsv", "derivatives/provenance/conversions.tsv"


def boxes(*rows: str) -> Change:
    """Boxes on the first radiograph: left, top, width, height, and the size of the image that they were drawn on."""
    header = "participant_id session_id filename label x y width height image_width image_height"
    return table(BOXES, header, *(f"sub-S01 ses-E01 {RX}.png nodule {row}" for row in rows))


def image(path: str, data: bytes) -> Change:
    return put(path, data)


CTZ, BOLDZ = f"{CT}.nii.gz", f"{BOLD}.nii.gz"
VOLUME = gz(nifti((4, 4, 3)))
LONG = gz(nifti((4, 4, 300)))
TEXT = chunk(b"tEXt", b"Comment\0made up")
PICTURE = png(8, 6)
UID = "1.2.840.113619.2.55.3.2831164355.929.1230567890"


def damage_data(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
