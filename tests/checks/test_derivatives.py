"""Folders of derivatives that no part of MIDS describes: what is wrong anywhere is wrong there."""

import struct
from pathlib import Path

import numpy as np
import pytest

from example_datasets.defects import BASES
from example_datasets.invented import as_json, gz, nifti
from example_datasets.mutations import CT
from example_datasets.small import write
from mids.validation.runner import validate

PIPELINE = "derivatives/pipeline"
MADE_BY = {"Name": "P", "BIDSVersion": "1.10.1", "DatasetType": "derivative", "GeneratedBy": [{"Name": "P"}]}
MASK = f"{PIPELINE}/{CT.removesuffix('_ct')}_label-lung_mask"
SEGMENTS = f"{PIPELINE}/{CT.removesuffix('_ct')}_desc-all_dseg"
VOLUME = f"{PIPELINE}/{CT.removesuffix('_ct')}_desc-denoised_ct"
SOME = nifti((4, 4, 3))
NOT_FINITE = SOME[:70] + struct.pack("<2h", 16, 32) + SOME[74:352] + np.full(48, np.nan, "<f4").tobytes()
RIGHT = {
    f"{PIPELINE}/dataset_description.json": as_json(MADE_BY),
    f"{MASK}.nii.gz": gz(nifti((4, 4, 3), values=(0, 1))),
    f"{MASK}.json": as_json({"Type": "ROI"}),
    f"{PIPELINE}/desc-all_dseg.tsv": b"index\tname\n1\tlung\n",
    f"{PIPELINE}/group/measures.tsv": b"region\tmean\nlung\t1.5\n",
}
WRONG = [
    ("JSON_INVALID", f"{PIPELINE}/group/settings.json", b"{,}"),
    ("PRIVACY_KEY", f"{MASK}.json", as_json({"PatientName": "X"})),
    ("TABLE_RAGGED", f"{PIPELINE}/group/measures.tsv", b"region\tmean\nlung\n"),
    ("FOLDER_WITHOUT_PARTICIPANT", f"{PIPELINE}/sub-S77", None),
    ("NIFTI_TRUNCATED", f"{MASK}.nii.gz", gz(nifti((4, 4, 3), values=(0, 1)))[:-20]),
    ("NIFTI_INVALID", f"{VOLUME}.nii.gz", gz(bytes(400))),
    ("IMAGE_NOT_FINITE", f"{VOLUME}.nii.gz", gz(NOT_FINITE)),
    ("MASK_VALUES", f"{MASK}.nii.gz", gz(nifti((4, 4, 3), values=(0, 3)))),
    ("MASK_GRID", f"{MASK}.nii.gz", gz(nifti((4, 4, 2), values=(0, 1)))),
    ("DSEG_VALUE_UNKNOWN", f"{SEGMENTS}.nii.gz", gz(nifti((4, 4, 3), values=(0, 1, 2)))),
    ("ZERO_BYTES", f"{VOLUME}.nii.gz", b""),
]


@pytest.mark.parametrize(("code", "path", "content"), WRONG, ids=[code for code, _, _ in WRONG])
def test_what_is_wrong_below_a_pipeline_is_told(code: str, path: str, content: bytes | None, tmp_path: Path) -> None:
    wrong = {path: content} if content is not None else {f"{path}/note.txt": b"Made up.\n"}
    write({**BASES["mids"](), **RIGHT, **wrong}, tmp_path)
    report = validate(tmp_path, deep=True)
    assert not report.crashed
    assert [(i.code, i.path) for i in report if i.path.startswith(f"{PIPELINE}/")] == [(code, path)]


def test_a_pipeline_without_defects_is_silent(tmp_path: Path) -> None:
    write({**BASES["mids"](), **RIGHT}, tmp_path)
    assert not [issue for issue in validate(tmp_path, deep=True) if issue.path.startswith(PIPELINE)]
