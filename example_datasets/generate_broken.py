"""Makes `valid/` and `broken/<CODE>/`: for every code of the validator a small dataset that raises only it.

Run `python -m example_datasets.generate_broken` after a change here; a test compares the folders with it. The
images are a few invented pixels, compressed with stored blocks so that every zlib writes the same bytes.
"""

import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

from example_datasets.invented import as_json, as_tsv, chunk, gz, nifti, png

Content = bytes | str | None
"""What stands at a path: the bytes of a file, the target of a link, or None for a pipe."""
Files = dict[str, Content]

HERE = Path(__file__).parent
SES = "sub-S01/ses-E01"
RX = f"{SES}/mim-rx/sub-S01_ses-E01_run-1_bp-chest_vp-pa_dx"
CT = f"{SES}/mim-ct/sub-S01_ses-E01_run-1_bp-chest_ct"
T1W = f"{SES}/anat/sub-S01_ses-E01_run-1_T1w"
DWI = f"{SES}/dwi/sub-S01_ses-E01_run-1_dwi"
BOLD = f"{SES}/func/sub-S01_ses-E01_task-rest_run-1_bold"
SCANS = f"{SES}/sub-S01_ses-E01_scans.tsv"
SESSIONS = "sub-S01/sub-S01_sessions.tsv"
DESCRIPTION = "dataset_description.json"
LABELS = "derivatives/labels/labels.tsv"

UNCOMMITTED = {
    "LINK_BROKEN", "LINK_LOOP", "LINK_OUTSIDE", "LINK_FOLDER", "FILE_SPECIAL", "NAME_ENCODING",
    "NAMES_COLLIDE",
}  # fmt: skip
"""Made by the tests only: links, pipes and such names do not survive every archive and file system."""


RX_KEYS = {
    "Modality": "DX",
    "BodyPartExamined": "CHEST",
    "ViewPosition": "PA",
    "PhotometricInterpretation": "MONOCHROME2",
    "Rows": 6,
    "Columns": 8,
}
CT_KEYS = {"Modality": "CT", "BodyPartExamined": "CHEST", "Rows": 4, "Columns": 4, "PixelSpacing": [0.5, 0.5]}
ABOUT = {
    "Name": "An invented dataset",
    "BIDSVersion": "1.11.1",
    "DatasetType": "raw",
    "License": "CC0-1.0",
    "Authors": ["Nobody"],
}
SCANS_HEADER = "filename acq_time modality body_part view_position laterality rows columns"


def with_keys(keys: dict[str, object], **changes: object) -> bytes:
    """A sidecar with some keys changed; None removes a key."""
    merged = {**keys, **changes}
    return as_json({key: value for key, value in merged.items() if value is not None})


def radiograph() -> Files:
    """One subject with one chest radiograph."""
    return {
        DESCRIPTION: as_json(ABOUT),
        "README.md": b"# An invented dataset\n\nMade-up pixels that show what the validator looks for.\n",
        ".bidsignore": b"**/mim-*\n",
        "participants.tsv": as_tsv("participant_id age sex modalities body_parts", "sub-S01 40 F DX chest"),
        SESSIONS: as_tsv("session_id acq_time age", "ses-E01 1920-01-02T10:00:00 40"),
        SCANS: as_tsv(SCANS_HEADER, f"{RX[len(SES) + 1 :]}.png 1920-01-02T10:00:00 DX chest pa n/a 6 8"),
        f"{RX}.png": png(8, 6),
        f"{RX}.json": as_json(RX_KEYS),
    }


def other(stem: str, extension: str, image: bytes, keys: dict[str, object], modality: str = "MR") -> Files:
    """The subject with another image instead of the radiograph."""
    files = radiograph()
    del files[f"{RX}.png"], files[f"{RX}.json"]
    row = f"{stem[len(SES) + 1 :]}{extension} 1920-01-02T10:00:00 {modality} n/a n/a n/a 4 4"
    files[SCANS] = as_tsv(SCANS_HEADER, row)
    return {**files, stem + extension: image, f"{stem}.json": as_json(keys)}


def volume(data: bytes | None = None) -> Files:
    """One subject with one CT of 4 × 4 × 3 voxels."""
    return other(CT, ".nii.gz", gz(nifti((4, 4, 3))) if data is None else data, dict(CT_KEYS), "CT")


def diffusion() -> Files:
    """One subject with one diffusion series of two volumes."""
    files = other(DWI, ".nii.gz", gz(nifti((4, 4, 3, 2))), {"Modality": "MR"})
    return {**files, f"{DWI}.bval": b"0 1000\n", f"{DWI}.bvec": b"0 1\n0 0\n0 0\n"}


def moved(old: str, new: str) -> Files:
    """The radiograph with another stem, its row in the scans table too."""
    files = radiograph()
    row = f"{new.removeprefix(SES + '/')}.png 1920-01-02T10:00:00 DX chest pa n/a 6 8"
    files[SCANS] = as_tsv(SCANS_HEADER, row)
    for extension in (".png", ".json"):
        files[new + extension] = files.pop(old + extension)
    return files


def named(name: str, folder: str = "mim-rx") -> Files:
    return moved(RX, f"{SES}/{folder}/{name}")


def changed(path: str, old: bytes, new: bytes, files: Files | None = None) -> Files:
    """One file with a text in it replaced."""
    files = files or radiograph()
    content = files[path]
    assert isinstance(content, bytes)
    assert old in content
    return {**files, path: content.replace(old, new)}


def added(more: Files, files: Files | None = None) -> Files:
    return {**(files or radiograph()), **more}


def without(*paths: str, files: Files | None = None) -> Files:
    return {path: content for path, content in (files or radiograph()).items() if path not in paths}


def shared() -> Files:
    """A series of two images in a published layout, with one sidecar for both."""
    one, two = (f"{SES}/mod-rx/sub-S01_ses-E01_acq-{n}_run-1_bp-chest_vp-pa_dx" for n in (1, 2))
    files = moved(RX, one)
    rows = (f"{stem[len(SES) + 1 :]}.png 1920-01-02T10:00:00 DX chest pa n/a 6 8" for stem in (one, two))
    return {**files, f"{two}.png": files[f"{one}.png"], SCANS: as_tsv(SCANS_HEADER, *rows)}


def table(path: str, old: bytes, new: bytes) -> Callable[[], Files]:
    return lambda: changed(path, old, new)


def sidecar(**changes: object) -> Callable[[], Files]:
    return lambda: added({f"{RX}.json": with_keys(RX_KEYS, **changes)})


def picture(data: bytes) -> Callable[[], Files]:
    return lambda: added({f"{RX}.png": data})


def labels(*rows: str) -> Files:
    """The dataset with a table of labels."""
    derivative = {**ABOUT, "DatasetType": "derivative", "GeneratedBy": [{"Name": "invented"}]}
    table = as_tsv("participant_id session_id labels", *rows)
    return added({LABELS: table, f"derivatives/labels/{DESCRIPTION}": as_json(derivative)})


# --- the valid one ---------------------------------------------------------------------------------------


def valid() -> Files:
    """Two subjects: a radiograph and a CT, with labels, a split and a segmentation."""
    second = {path.replace("S01", "S02").replace("E01", "E02"): content for path, content in volume().items()}
    for path, content in second.items():
        if path.endswith(".tsv") and isinstance(content, bytes):
            second[path] = content.replace(b"S01", b"S02").replace(b"E01", b"E02")
    files = {**second, **labels('sub-S01 ses-E01 ["pneumonia"]', "sub-S02 ses-E02 []")}
    files["participants.tsv"] = as_tsv(
        "participant_id age sex modalities body_parts", "sub-S01 40 F DX chest", "sub-S02 89 M CT chest"
    )
    about = files[f"derivatives/labels/{DESCRIPTION}"]
    image = CT.replace("S01", "S02").replace("E01", "E02")
    mask = f"derivatives/rois/{image}"[: -len("_ct")] + "_label-consolidation_desc-reader1_mask"
    return added(
        {
            "CHANGES": b"1.0.0 2020-01-01\n  - First version.\n",
            "derivatives/partitions.tsv": as_tsv(
                "participant_id session_id filename split",
                f"sub-S01 ses-E01 {RX}.png train",
                f"sub-S02 ses-E02 {image}.nii.gz test",
            ),
            f"derivatives/rois/{DESCRIPTION}": about,
            f"{mask}.nii.gz": gz(nifti((4, 4, 3))),
            f"{mask}.json": as_json({"Modality": "CT"}),
        },
        files,
    )


# --- the broken ones -------------------------------------------------------------------------------------

LEFT = RX.replace("_vp", "_lat-L_vp")
NAME = "sub-S01_ses-E01_run-1_bp-chest_vp-pa_dx"
TEXT = chunk(b"tEXt", b"Comment\0Nobody")
UID = "1.2.826.0.1.3680043.8.498.12345678901234567890"

BROKEN: dict[str, Callable[[], Files]] = {
    # names
    "NAME_UNPARSEABLE": lambda: added({f"{SES}/mim-rx/made-up.txt": b"made up\n"}),
    "ENTITY_UNKNOWN": lambda: named("sub-S01_ses-E01_run-1_bp-chest_vp-pa_colour-red_dx"),
    "ENTITY_MISSING": lambda: named("sub-S01_ses-E01_bp-chest_vp-pa_dx"),
    "ENTITY_DUPLICATED": lambda: named("sub-S01_ses-E01_run-1_bp-chest_vp-pa_vp-pa_dx"),
    "ENTITY_EMPTY": lambda: named("sub-S01_ses-E01_run-1_bp-chest_vp-_dx"),
    "ENTITY_MISORDERED": lambda: named("sub-S01_ses-E01_bp-chest_run-1_vp-pa_dx"),
    "ENTITY_VALUE": lambda: named("sub-S01_ses-E01_run-1_bp-chest_vp-sideways_dx"),
    "SUFFIX_UNKNOWN": lambda: named("sub-S01_ses-E01_run-1_bp-chest_vp-pa_photo"),
    "EXTENSION_WRONG": lambda: added({RX.replace("run-1", "run-2") + ".tiff": b"II*\0"}),
    "FOLDER_UNKNOWN": lambda: named(NAME, "pictures"),
    "FOLDER_WRONG": lambda: named(NAME, "mim-us"),
    "FOLDER_MISMATCH": lambda: named("sub-S02_ses-E01_run-1_bp-chest_vp-pa_dx"),
    "LEGACY_NAME": lambda: named("sub-S01_ses-E01_run-1_bp-thorax_vp-pa_dx"),
    "LEGACY_FOLDER": lambda: named(NAME, "mod-rx"),
    "RUN_GAP": lambda: named("sub-S01_ses-E01_run-2_bp-chest_vp-pa_dx"),
    # layout
    "LINK_BROKEN": lambda: added({"code": "nowhere"}),
    "LINK_LOOP": lambda: added({"sub-S01/all": ".."}),
    "LINK_OUTSIDE": lambda: added({"CHANGES": "../outside"}),
    "LINK_FOLDER": lambda: added({"sub-S02": "sub-S01"}),
    "FILE_SPECIAL": lambda: added({"CHANGES": None}),
    "NAME_ENCODING": lambda: added({os.fsdecode(b"CHANGES\xff"): b"made up\n"}),
    "NAMES_COLLIDE": lambda: added({"derivatives/CHANGES": b"a\n", "derivatives/changes": b"b\n"}),
    "ZERO_BYTES": lambda: added({f"{RX}.json": b""}),
    "TOP_LEVEL_UNKNOWN": lambda: added({"notes.doc": b"made up\n"}),
    "SUBJECTS_MISSING": lambda: {
        **{path: content for path, content in radiograph().items() if "/" not in path and ".tsv" not in path},
        "participants.tsv": as_tsv("participant_id age sex modalities body_parts", "n/a n/a n/a n/a n/a"),
    },
    "SUBJECT_EMPTY": lambda: changed(
        SESSIONS,
        b"40\n",
        b"40\nses-E02\tn/a\t41\n",
        added({"sub-S01/ses-E02/sub-S01_ses-E02_scans.tsv": as_tsv(SCANS_HEADER, "n/a " * 8)}),
    ),
    "README_MISSING": lambda: without("README.md"),
    "BIDSIGNORE_MISSING": lambda: without(".bidsignore"),
    "DESCRIPTION_MISSING": lambda: without(DESCRIPTION),
    "DESCRIPTION_INVALID": lambda: changed(DESCRIPTION, b'"Name"', b'"Title"'),
    "DERIVATIVE_DESCRIPTION_MISSING": lambda: without(
        f"derivatives/labels/{DESCRIPTION}", files=labels("sub-S01 ses-E01 []")
    ),
    # sidecars
    "JSON_INVALID": lambda: changed(f"{RX}.json", b'"DX",', b'"DX"'),
    "JSON_KEY_DUPLICATED": lambda: changed(f"{RX}.json", b'"Rows": 6,', b'"Rows": 6,\n  "Rows": 6,'),
    "SIDECAR_MISSING": lambda: without(f"{RX}.json"),
    "SIDECAR_SHARED": lambda: shared(),
    "SIDECAR_ORPHAN": lambda: added({f"{RX[:-2]}cr.json": with_keys(RX_KEYS, Modality="CR")}),
    "SIDECAR_NOT_AN_OBJECT": lambda: added({f"{RX}.json": b"[]\n"}),
    "SIDECAR_LEGACY": lambda: added(
        {f"{RX}.json": as_json([{"tag1": "(0008,0060)", "vr": "CS", "value": "DX", "tag2": "", "desc": "Modality"}])}
    ),
    "SIDECAR_KEY_MISSING": lambda: added({f"{RX}.json": with_keys(RX_KEYS, PhotometricInterpretation=None)}),
    "SIDECAR_VALUE": lambda: added({f"{RX}.json": with_keys(RX_KEYS, PixelSpacing="0.1")}),
    "BIDS_KEY_MISSING": lambda: other(BOLD, ".nii.gz", gz(nifti((4, 4, 3, 2))), {"Modality": "MR", "TaskName": "rest"}),
    "VIEW_CONTRADICTED": lambda: added({f"{RX}.json": with_keys(RX_KEYS, ViewPosition="AP")}),
    "BODY_PART_CONTRADICTED": lambda: added({f"{RX}.json": with_keys(RX_KEYS, BodyPartExamined="HEAD")}),
    "LATERALITY_CONTRADICTED": lambda: added(
        {f"{LEFT}.json": with_keys(RX_KEYS, ImageLaterality="R")}, moved(RX, LEFT)
    ),
    "MODALITY_CONTRADICTED": lambda: added({f"{RX}.json": with_keys(RX_KEYS, Modality="CR")}),
    "TASK_CONTRADICTED": lambda: other(
        BOLD,
        ".nii.gz",
        gz(nifti((4, 4, 3, 2))),
        {"Modality": "MR", "TaskName": "finger tapping", "RepetitionTime": 2.0},
    ),
    # images
    "GZIP_INVALID": lambda: volume(nifti((4, 4, 3))),
    "NIFTI_INVALID": lambda: volume(gz(b"made up " * 99)),
    "PNG_INVALID": picture(b"\xff\xd8\xff\xe0made up"),
    "PNG_TRUNCATED": picture(png(8, 6)[:-12]),
    "PNG_FORMAT": picture(png(8, 6, bits=8, colour=4)),
    "PNG_COLOUR_CONTRADICTED": picture(png(8, 6, bits=8, colour=2)),
    "IMAGE_SHAPE_CONTRADICTED": picture(png(8, 5)),
    "IMAGE_SPACING_CONTRADICTED": lambda: volume(gz(nifti((4, 4, 3), spacing=(0.6, 0.6, 2.0)))),
    "NIFTI_AFFINE": lambda: volume(gz(nifti((4, 4, 3), affine=(0.0,) * 12))),
    "NIFTI_ORIENTATION_UNKNOWN": lambda: volume(gz(nifti((4, 4, 3), sform=0))),
    "NIFTI_SPACING": lambda: volume(gz(nifti((4, 4, 3), spacing=(0.5, 0.5, 0.0)))),
    "GRADIENTS_MISSING": lambda: without(f"{DWI}.bvec", files=diffusion()),
    "GRADIENTS_CONTRADICTED": lambda: added({f"{DWI}.bval": b"0 1000 1000\n"}, diffusion()),
    "IMAGE_TWICE": lambda: twice(),
    "IMAGE_CORRUPT": lambda: volume(gz(nifti((4, 4, 30)))[:-8] + bytes(4) + struct.pack("<I", 1312)),
    "NIFTI_SIZE": lambda: volume(gz(nifti((4, 4, 3), missing=2))),
    # tables
    "TABLE_ENCODING": table(
        "participants.tsv",
        b"body_parts\nsub-S01\t40\tF\tDX\tchest",
        b"body_parts\tsite\nsub-S01\t40\tF\tDX\tchest\tM\xe1laga",
    ),
    "TABLE_BYTE_ORDER_MARK": table("participants.tsv", b"participant_id", b"\xef\xbb\xbfparticipant_id"),
    "TABLE_LINE_ENDS": table("participants.tsv", b"\n", b"\r\n"),
    "TABLE_RAGGED": table("participants.tsv", b"chest\n", b"chest\nsub-S02\t41\n"),
    "TABLE_BLANK_LINE": table("participants.tsv", b"chest\n", b"chest\n\n"),
    "TABLE_EMPTY": lambda: added({"phenotype/smoking.tsv": b"participant_id\tpack_years\n"}),
    "TABLE_UNKNOWN": lambda: added(
        {"derivatives/labels/measures.tsv": as_tsv("participant_id area", "sub-S01 4")},
        labels("sub-S01 ses-E01 []"),
    ),
    "COLUMN_MISSING": lambda: added(
        {"participants.tsv": as_tsv("participant_id age modalities body_parts", "sub-S01 40 DX chest")}
    ),
    "COLUMN_DUPLICATED": table(
        "participants.tsv",
        b"body_parts\nsub-S01\t40\tF\tDX\tchest",
        b"body_parts\tarm\tarm\nsub-S01\t40\tF\tDX\tchest\ta\tb",
    ),
    "COLUMN_NAME": table(
        "participants.tsv",
        b"body_parts\nsub-S01\t40\tF\tDX\tchest",
        b"body_parts\tStudy arm\nsub-S01\t40\tF\tDX\tchest\ta",
    ),
    "COLUMN_UNKNOWN": lambda: changed(
        LABELS,
        b"labels\nsub-S01\tses-E01\t[]",
        b"labels\tarea\nsub-S01\tses-E01\t[]\t4",
        labels("sub-S01 ses-E01 []"),
    ),
    "CELL_EMPTY": table("participants.tsv", b"\tF\t", b"\t\t"),
    "CELL_BLANKS": table("participants.tsv", b"\tF\t", b"\t F\t"),
    "CELL_TYPE": table("participants.tsv", b"\t40\t", b"\tforty\t"),
    "CELL_DATE": table(SESSIONS, b"1920-01-02", b"1920-02-31"),
    "CELL_CODE": table("participants.tsv", b"\tF\t", b"\tfemale\t"),
    "CELL_RANGE": table("participants.tsv", b"\t40\t", b"\t-4\t"),
    "KEY_DUPLICATED": table("participants.tsv", b"chest\n", b"chest\nsub-S01\t41\tF\tDX\tchest\n"),
    # references
    "PARTICIPANTS_MISSING": lambda: without("participants.tsv"),
    "PARTICIPANT_WITHOUT_FOLDER": table("participants.tsv", b"chest\n", b"chest\nsub-S02\t41\tF\tDX\tchest\n"),
    "FOLDER_WITHOUT_PARTICIPANT": table("participants.tsv", b"sub-S01", b"n/a"),
    "SESSIONS_MISSING": lambda: without(SESSIONS),
    "SESSION_WITHOUT_FOLDER": table(SESSIONS, b"\t40\n", b"\t40\nses-E02\tn/a\t41\n"),
    "FOLDER_WITHOUT_SESSION": table(SESSIONS, b"ses-E01", b"n/a"),
    "SCANS_MISSING": lambda: without(SCANS),
    "SCAN_WITHOUT_FILE": lambda: added(
        {
            SCANS: as_tsv(
                SCANS_HEADER,
                *(f"mim-rx/{name}.png n/a DX chest pa n/a 6 8" for name in (NAME, NAME.replace("run-1", "run-2"))),
            )
        }
    ),
    "SCAN_PATH": table(SCANS, b"mim-rx/", b""),
    "IMAGE_WITHOUT_SCAN": table(SCANS, f"mim-rx/{NAME}.png".encode(), b"n/a"),
    "REFERENCE_UNKNOWN": lambda: labels("sub-S01 ses-E02 []"),
    # privacy
    "PRIVACY_KEY": sidecar(PatientName="Nobody^Invented"),
    "PRIVACY_DATE": sidecar(StudyDate="19200102"),
    "PRIVACY_UID": sidecar(ReferencedImage=UID),
    "PRIVACY_COLUMN": table(
        "participants.tsv",
        b"body_parts\nsub-S01\t40\tF\tDX\tchest",
        b"body_parts\tpatient_name\nsub-S01\t40\tF\tDX\tchest\tNobody",
    ),
    "PRIVACY_AGE": table("participants.tsv", b"\t40\t", b"\t91\t"),
    "PRIVACY_NIFTI_TEXT": lambda: volume(gz(nifti((4, 4, 3), descrip=b"TE=2.3;Time=101112.000"))),
    "PRIVACY_PNG_TEXT": picture(png(8, 6, before=TEXT)),
    "PRIVACY_PNG_TEXT_AFTER": picture(png(8, 6, after=TEXT)),
}


def twice() -> Files:
    """A T1w volume as `.nii.gz` and as `.nii`."""
    files = other(T1W, ".nii.gz", gz(nifti((4, 4, 3))), {"Modality": "MR"})
    rows = (f"anat/{T1W.rpartition('/')[2]}{e} n/a MR n/a n/a n/a 4 4" for e in (".nii.gz", ".nii"))
    return {**files, f"{T1W}.nii": nifti((4, 4, 3)), SCANS: as_tsv(SCANS_HEADER, *rows)}


def write(files: Files, root: Path) -> None:
    """Writes a dataset; an existing one is replaced."""
    shutil.rmtree(root, ignore_errors=True)
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            os.mkfifo(path)
        elif isinstance(content, str):
            path.symlink_to(content)
        else:
            path.write_bytes(content)


if __name__ == "__main__":
    write(valid(), HERE / "valid")
    for old in (HERE / "broken").glob("*/"):
        shutil.rmtree(old)
    for code in BROKEN.keys() - UNCOMMITTED:
        write(BROKEN[code](), HERE / "broken" / code)
