"""Small datasets of invented pixels, as text and bytes by path: the valid ones, and ways to change them.

Images are compressed with stored blocks, so that every zlib writes the same bytes.
"""

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from example_datasets.generators import radiograph as chest_of
from example_datasets.invented import as_json, as_tsv, grey, gz, nifti, png

Content = bytes | str | None
"""What stands at a path: the bytes of a file, the target of a link, or None for a pipe."""
Files = dict[str, Content]

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
    "GeneratedBy": [{"Name": "invented"}],
}
PARTICIPANTS = "participant_id age sex modalities body_parts"
SCANS_HEADER = "filename acq_time modality body_part view_position laterality rows columns"


def set_keys(keys: dict[str, object], **changes: object) -> bytes:
    """A sidecar with some keys changed; None removes a key."""
    merged = {**keys, **changes}
    return as_json({key: value for key, value in merged.items() if value is not None})


def radiograph() -> Files:
    """One subject with one chest radiograph."""
    return {
        DESCRIPTION: as_json(ABOUT),
        "README.md": b"# An invented dataset\n\nMade-up pixels that show what the validator looks for.\n",
        ".bidsignore": b"**/mim-*\n",
        "participants.tsv": as_tsv(PARTICIPANTS, "sub-S01 40 F DX chest"),
        SESSIONS: as_tsv("session_id acq_time age", "ses-E01 1920-01-02T10:00:00 40"),
        SCANS: as_tsv(SCANS_HEADER, f"{RX[len(SES) + 1 :]}.png 1920-01-02T10:00:00 DX chest pa n/a 6 8"),
        f"{RX}.png": png(8, 6),
        f"{RX}.json": as_json(RX_KEYS),
    }


def phantom(
    view: str = "frontal", *, down: bool = False, negative: bool = False, mirrored: bool = False
) -> Files:  # fmt: skip
    """The subject with a radiograph of the phantom's chest, which the name calls PA; `view` is frontal or lateral."""
    water = getattr(chest_of, view)()[::2, ::2]
    if mirrored:  # the phantom's heart is small: another, larger one, by which a side can be told
        down_to, right = np.indices(water.shape) / np.array(water.shape)[:, None, None]
        far = ((right - 0.73) / 0.103) ** 2 + ((down_to - 0.79) / 0.273) ** 2
        water = water + 1.2 * water.max() * np.sqrt(np.clip(1 - far, 0, None))
    shown = (255 * (water / water.max()) ** 0.7).astype("uint8")
    shown = shown[::-1] if down else shown[:, ::-1] if mirrored else shown
    return chest([bytes(row) for row in (255 - shown if negative else shown)])


def page() -> list[bytes]:
    """The grey values of a page, white words on black as on a film: rows of bars in lines of differing lengths."""
    rows = [bytearray(b"\x10" * 180) for _ in range(220)]
    for line in range(12, 208, 10):
        for letter in range(14, 165 - line * 7 % 60, 3):
            if (letter * 7 + line) % 23 > 4:
                for row in range(line, line + 5 + (letter + line) % 3):
                    rows[row][letter : letter + 2] = b"\xf0\xf0"
    return [bytes(row) for row in rows]


def chest(rows: Sequence[bytes]) -> Files:
    """The subject with a radiograph of these grey values."""
    size = {"Rows": len(rows), "Columns": len(rows[0])}
    row = f"{RX[len(SES) + 1 :]}.png 1920-01-02T10:00:00 DX chest pa n/a {len(rows)} {len(rows[0])}"
    changed = {f"{RX}.png": grey(rows), f"{RX}.json": set_keys(RX_KEYS, **size), SCANS: as_tsv(SCANS_HEADER, row)}
    return {**radiograph(), **changed}


def other(stem: str, extension: str, image: bytes, keys: dict[str, object], modality: str = "MR") -> Files:
    """The subject with another image instead of the radiograph."""
    files = radiograph()
    del files[f"{RX}.png"], files[f"{RX}.json"]
    row = f"{stem[len(SES) + 1 :]}{extension} 1920-01-02T10:00:00 {modality} n/a n/a n/a 4 4"
    files[SCANS] = as_tsv(SCANS_HEADER, row)
    files["participants.tsv"] = as_tsv(PARTICIPANTS, f"sub-S01 40 F {modality} chest")
    return {**files, stem + extension: image, f"{stem}.json": as_json(keys)}


def volume(data: bytes | None = None) -> Files:
    """One subject with one CT of 4 × 4 × 3 voxels."""
    return other(CT, ".nii.gz", gz(nifti((4, 4, 3))) if data is None else data, dict(CT_KEYS), "CT")


def diffusion() -> Files:
    """One subject with one diffusion series of two volumes."""
    files = other(DWI, ".nii.gz", gz(nifti((4, 4, 3, 2))), {"Modality": "MR"})
    return {**files, f"{DWI}.bval": b"0 1000\n", f"{DWI}.bvec": b"0 1\n0 0\n0 0\n"}


def move_file(old: str, new: str) -> Files:
    """The radiograph with another stem, its row in the scans table too."""
    files = radiograph()
    row = f"{new.removeprefix(SES + '/')}.png 1920-01-02T10:00:00 DX chest pa n/a 6 8"
    files[SCANS] = as_tsv(SCANS_HEADER, row)
    for extension in (".png", ".json"):
        files[new + extension] = files.pop(old + extension)
    return files


def rename_first(name: str, folder: str = "mim-rx") -> Files:
    return move_file(RX, f"{SES}/{folder}/{name}")


def changed(path: str, old: bytes, new: bytes, files: Files | None = None) -> Files:
    """One file with a text in it replaced."""
    files = files or radiograph()
    content = files[path]
    assert isinstance(content, bytes)
    assert old in content
    return {**files, path: content.replace(old, new)}


def added(more: Files, files: Files | None = None) -> Files:
    return {**(files or radiograph()), **more}


def drop_files(*paths: str, files: Files | None = None) -> Files:
    return {path: content for path, content in (files or radiograph()).items() if path not in paths}


def shared() -> Files:
    """A series of two images in a published layout, with one sidecar for both."""
    one, two = (f"{SES}/mod-rx/sub-S01_ses-E01_acq-{n}_run-1_bp-chest_vp-pa_dx" for n in (1, 2))
    files = move_file(RX, one)
    rows = (f"{stem[len(SES) + 1 :]}.png 1920-01-02T10:00:00 DX chest pa n/a 6 8" for stem in (one, two))
    return {**files, f"{two}.png": png(8, 6, first=1), SCANS: as_tsv(SCANS_HEADER, *rows)}


def table(path: str, old: bytes, new: bytes) -> Callable[[], Files]:
    return lambda: changed(path, old, new)


def sidecar(**changes: object) -> Callable[[], Files]:
    return lambda: added({f"{RX}.json": set_keys(RX_KEYS, **changes)})


def picture(data: bytes) -> Callable[[], Files]:
    return lambda: added({f"{RX}.png": data})


def column(name: str, value: str) -> Callable[[], Files]:
    """The participants with one column more, whose name is snake_case and whose meaning is free."""
    old = b"body_parts\nsub-S01\t40\tF\tDX\tchest"
    return table("participants.tsv", old, f"body_parts\t{name}\nsub-S01\t40\tF\tDX\tchest\t{value}".encode())


def bold(keys: dict[str, object] | None, more: Files | None = None) -> Files:
    """One subject with one functional series, with a sidecar of its own where there are keys."""
    files = other(BOLD, ".nii.gz", gz(nifti((4, 4, 3, 2))), {"Modality": "MR", **(keys or {})})
    if keys is None:
        del files[f"{BOLD}.json"]
    return added(more or {}, files)


def two(second: bytes | None = None) -> Files:
    """One subject with two radiographs."""
    files = radiograph()
    stem = RX.replace("run-1", "run-2")
    rows = (f"{path[len(SES) + 1 :]}.png 1920-01-02T10:00:00 DX chest pa n/a 6 8" for path in (RX, stem))
    image = png(8, 6, first=1) if second is None else second
    return {**files, f"{stem}.png": image, f"{stem}.json": files[f"{RX}.json"], SCANS: as_tsv(SCANS_HEADER, *rows)}


DERIVATIVE = {**ABOUT, "DatasetType": "derivative"}


def labels(*rows: str, header: str = "participant_id session_id labels", files: Files | None = None) -> Files:
    """The dataset with a table of labels."""
    more: Files = {LABELS: as_tsv(header, *rows), f"derivatives/labels/{DESCRIPTION}": as_json(DERIVATIVE)}
    return added(more, files)


TREE = "derivatives/labels/label_tree.tsv"
TREE_HEADER = "label cui parent tree count count_with_descendants"


def tree(*rows: str, files: Files | None = None) -> Files:
    """The dataset with a label tree: a root with a count of 3 in all, and what else is given."""
    files = files or labels("sub-S01 ses-E01 []")
    return added({TREE: as_tsv(TREE_HEADER, "finding C0436485 n/a finding 1 3", *rows)}, files)


ROI = f"derivatives/rois/{CT.removesuffix('_ct')}"
MASK = f"{ROI}_label-consolidation_desc-reader1_mask"
DSEG = f"{ROI}_desc-reader1_dseg"


def add_segmentation(data: bytes, stem: str = MASK, more: Files | None = None) -> Files:
    """The volume with a segmentation."""
    files: Files = {
        f"{stem}.nii.gz": gz(data),
        f"{stem}.json": as_json({"Modality": "CT"}),
        f"derivatives/rois/{DESCRIPTION}": as_json(DERIVATIVE),
    }
    return added({**files, **(more or {})}, volume())


# --- the valid one ---------------------------------------------------------------------------------------


def valid() -> Files:
    """Two subjects: a radiograph and a CT, with labels, a split and a segmentation."""
    second = {path.replace("S01", "S02").replace("E01", "E02"): content for path, content in volume().items()}
    for path, content in second.items():
        if path.endswith(".tsv") and isinstance(content, bytes):
            second[path] = content.replace(b"S01", b"S02").replace(b"E01", b"E02")
    files = {**second, **labels('sub-S01 ses-E01 ["pneumonia"]', "sub-S02 ses-E02 []")}
    files["participants.tsv"] = as_tsv(PARTICIPANTS, "sub-S01 40 F DX chest", "sub-S02 40 M CT chest")
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
            f"{mask}.nii.gz": gz(nifti((4, 4, 3), values=(0, 0, 1))),
            f"{mask}.json": as_json({"Modality": "CT"}),
        },
        files,
    )


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
