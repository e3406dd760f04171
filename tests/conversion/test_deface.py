"""`--faces deface`: a head leaves without its face and says so; what can't be defaced stays."""

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from slices import one
from trees import fill_folder

from example_datasets.generators.head import Drawn, draw_head
from mids.conversion import convert
from mids.deid.policy import chosen
from mids.deidentification import deidentify


def series(drawn: Drawn, modality: str, **more: Any) -> dict[str, Any]:
    """The volume as slices of a DICOM series, rows from the front, in LPS."""
    spacing = np.abs(np.diag(drawn.affine))[:3]
    files = {}
    for k in range(drawn.voxels.shape[2]):
        place = np.array([-1, -1, 1]) * (drawn.affine @ [0, 0, k, 1])[:3]
        values = (drawn.voxels[:, :, k].T.astype(np.int32) + 1200).astype(np.uint16)
        files[f"{modality}{k}"] = one(
            f"{modality} {k}", values, modality, SeriesInstanceUID=f"2.25.{3 if modality == 'CT' else 4}",
            ImagePositionPatient=[f"{n:.6g}" for n in place], ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            PixelSpacing=[spacing[1], spacing[0]], SliceThickness=spacing[2], RescaleSlope=1, RescaleIntercept=-1200,
            InstanceNumber=k + 1, BodyPartExamined="HEAD", **more,
        )  # fmt: skip
    return files


@pytest.mark.slow
def test_a_head_leaves_without_its_face(tmp_path: Path, key: Path) -> None:
    drawn = draw_head("CT", voxel=(2.5, 2.5, 5.0))
    cut_off = draw_head("T1", voxel=(4.0, 4.0, 6.0), low=30.0)
    source = fill_folder(tmp_path / "s", {**series(drawn, "CT"), **series(cut_off, "MR")})
    policy = chosen("mids", faces="deface")
    done = convert("dicom", source, tmp_path / "d", policy=policy, key=key)
    assert [found.code for found in done.issues] == ["PRIVACY_FACE_DOUBTFUL"]
    assert "field of view" in done.issues[0].message
    (path,) = (tmp_path / "d").rglob("*_ct.nii.gz")
    assert not [*(tmp_path / "d").rglob("*T1w*"), *(tmp_path / "d").rglob("*mr.nii.gz")]
    volume: Any = nibabel.load(path)
    voxels = np.asarray(volume.dataobj)[:, ::-1]  # rows from the front, as drawn
    assert np.array_equal(voxels[drawn.brain], drawn.voxels[drawn.brain])
    assert (voxels[drawn.face] == -1000).mean() > 0.97
    sidecar = json.loads(path.with_name(path.name.replace(".nii.gz", ".json")).read_text("utf-8"))
    assert sidecar["Defaced"].startswith("mids face removal")
    held = deidentify(source, tmp_path / "dicom", policy=policy, key=key)
    assert {found.code for found in held.issues} == {"PRIVACY_HELD_BACK"}


def test_a_head_that_may_not_be_defaced_is_withheld(tmp_path: Path, key: Path) -> None:
    photograph = {"1": one("photo", np.full((40, 50), 100, np.uint16), "XC", "1.2.840.10008.5.1.4.1.1.77.1.4")}
    source = fill_folder(tmp_path / "s", photograph)
    done = convert("dicom", source, tmp_path / "d", policy=chosen("mids", faces="deface"), key=key)
    assert [found.code for found in done.issues] == ["PRIVACY_HELD_BACK"]


@pytest.mark.parametrize("faces", ["deface", "withhold"])
def test_the_option_of_the_standard_lets_no_face_out(faces: Any) -> None:
    assert chosen("mids", ["clean_recognizable_visual_features"], faces=faces).face_rule == faces
    assert chosen("mids", ["clean_recognizable_visual_features"]).face_rule == "withhold"
