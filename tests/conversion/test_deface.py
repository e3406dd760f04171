"""`--faces deface`: a head leaves without its face and says so; what can't be defaced stays."""

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import RLELossless
from slices import one
from trees import fill_folder

from example_datasets.generators.head import Drawn, draw_head
from mids.conversion import convert
from mids.deid.policy import chosen
from mids.deidentification import FACTS, deidentify


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


@pytest.mark.slow
def test_a_head_that_stays_dicom_leaves_without_its_face(tmp_path: Path, key: Path) -> None:
    drawn = draw_head("CT", voxel=(2.5, 2.5, 5.0))
    cut_off = draw_head("T1", voxel=(4.0, 4.0, 6.0), low=30.0)
    slices = {**series(drawn, "CT", LossyImageCompression="01"), **series(cut_off, "MR")}
    slices["CT7"].compress(RLELossless)
    slices["CT8"].IconImageSequence = [Dataset()]
    source = fill_folder(tmp_path / "s", {**slices, **framed("CT")})
    done = deidentify(source, tmp_path / "d", policy=chosen("mids", faces="deface"), key=key)
    found = {code: [one.message for one in done.issues if one.code == code] for code in {i.code for i in done.issues}}
    assert found.keys() == {"PRIVACY_FACE_DOUBTFUL", "PRIVACY_HELD_BACK"}
    assert len(found["PRIVACY_FACE_DOUBTFUL"]) == cut_off.voxels.shape[2]
    assert "images with frames" in "".join(found["PRIVACY_HELD_BACK"])
    made = [pydicom.dcmread(path) for path in (tmp_path / "d").rglob("*.dcm")]
    assert {dataset.Modality for dataset in made} == {"CT"}
    made.sort(key=lambda dataset: float(dataset.ImagePositionPatient[2]))
    voxels = np.stack([dataset.pixel_array.T.astype(int) - 1200 for dataset in made], axis=2)
    assert np.array_equal(voxels[drawn.brain], drawn.voxels[drawn.brain])
    assert (voxels[drawn.face] == -1000).mean() > 0.97
    for dataset in made:
        assert "113102" in {item.CodeValue for item in dataset.DeidentificationMethodCodeSequence}
        assert dataset.DeidentificationMethod[-1].startswith("mids face removal")
        assert not dataset.file_meta.TransferSyntaxUID.is_compressed
        assert dataset.LossyImageCompression == "01"
        assert "IconImageSequence" not in dataset
    said = json.loads((tmp_path / "d" / FACTS).read_text("utf-8"))
    assert list(said["Defaced"].values()) == [len(made)]


def framed(modality: str) -> dict[str, Any]:
    """A head with frames."""
    pixels = np.full((3, 40, 50), 100, np.uint16)
    dataset = one("frames", pixels[0], modality, SeriesInstanceUID="2.25.5", BodyPartExamined="HEAD")
    dataset.NumberOfFrames, dataset.PixelData = 3, pixels.tobytes()
    return {"frames": dataset}


def test_a_head_that_may_not_be_defaced_is_withheld(tmp_path: Path, key: Path) -> None:
    photograph = {"1": one("photo", np.full((40, 50), 100, np.uint16), "XC", "1.2.840.10008.5.1.4.1.1.77.1.4")}
    source = fill_folder(tmp_path / "s", photograph)
    done = convert("dicom", source, tmp_path / "d", policy=chosen("mids", faces="deface"), key=key)
    assert [found.code for found in done.issues] == ["PRIVACY_HELD_BACK"]


@pytest.mark.parametrize("faces", ["deface", "withhold"])
def test_the_option_of_the_standard_lets_no_face_out(faces: Any) -> None:
    assert chosen("mids", ["clean_recognizable_visual_features"], faces=faces).face_rule == faces
    assert chosen("mids", ["clean_recognizable_visual_features"]).face_rule == "withhold"
