"""Frames that lie in the patient, or in the volume that a probe swept: each voxel in its place, in a valid dataset."""

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from example_datasets.generators.dicomfile import encode
from mids import convert, validate
from tests.support.slices import enhanced, measures, pixels, placed

ORDER = (2, 0, 3, 1)
SWEPT = {"PlaneOrientationVolumeSequence": [{"ImageOrientationVolume": [1.0, 0, 0, 0, 1, 0]}]}


@pytest.mark.parametrize(
    ("sop_class", "modality"), [("Enhanced US", "US"), ("X-Ray 3D", "XA"), ("DBT", "MG"), ("OPT", "OPT")]
)
def test_frames_are_where_they_say_and_the_dataset_is_valid(
    sop_class: str, modality: str, tmp_path: Path, key: Path
) -> None:
    shared: Any = measures(0.5, 0.8)
    frames: list[Any] = [placed((10, 20, 0.8 * k)) for k in ORDER]
    if modality == "US":
        shared |= SWEPT
        frames = [{"PlanePositionVolumeSequence": [{"ImagePositionVolume": [10.0, 20.0, 0.8 * k]}]} for k in ORDER]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_bytes(encode(enhanced("frames", frames, shared, sop_class, modality)))
    done = convert("dicom", tmp_path / "in", tmp_path / "out", key=key)
    (path,) = done.dataset.glob("sub-*/ses-*/mim-*/*.nii.gz")
    volume: Any = nib.load(path)
    assert np.allclose(volume.affine @ (0, 11, 0, 1), (-10, -20, 0, 1), atol=1e-5)
    assert volume.header.get_zooms() == pytest.approx((0.5, 0.5, 0.8))
    for frame, k in enumerate(ORDER):
        assert np.array_equal(volume.dataobj[:, ::-1, k].T, pixels(frame))
    assert [found.message for found in validate(done.dataset, deep=True).issues if found.level == "error"] == []
