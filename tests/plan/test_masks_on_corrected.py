"""NIfTI masks of volumes that were put on a regular grid: on that grid, slice by slice, or refused for the cause."""

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from mids.actions.maskfile import MaskVolume
from mids.errors import DataError
from mids.readers.dicom.geometry import affine
from mids.records import Geometry, Made, Source

HEIGHTS = (0.0, 2.0, 4.0, 8.0, 12.0)
"""mm of the slices: closer below than above."""

UNEVEN = Geometry(
    6, 8, 5, 1, (1, 0, 0, 0, 1, 0), (10, 20, 30), (1.5, 0.5, 2.0), problem="uneven",
    positions=tuple((10.0, 20.0, 30.0 + height) for height in HEIGHTS),
)  # fmt: skip
REGULAR = affine(replace(UNEVEN, problem="", positions=(), slices=7))
"""The delivered grid: 2 mm from the first slice to the last."""


def made(
    tmp_path: Path, values: np.ndarray, matrix: np.ndarray, shape: Geometry = UNEVEN
) -> tuple[Made, nib.Nifti1Image]:
    nib.save(nib.Nifti1Image(values, matrix), tmp_path / "m.nii.gz")
    done = MaskVolume(Source("m.nii.gz"), None, shape, (("lung", 1), ("heart", 2))).make(tmp_path, tmp_path)
    return done, nib.load(tmp_path / "mask.nii.gz")


@pytest.mark.parametrize("distance", [2.0, 2.4, -2.4])
def test_a_mask_of_the_slices_is_resampled_as_the_image_and_marked(distance: float, tmp_path: Path) -> None:
    values = np.zeros((8, 6, 5), np.uint8)
    values[1:4, 2:5, 0:3] = 1  # from 0 to 4 mm
    values[5:7, 1:3, 4] = 2  # at 12 mm
    assert REGULAR is not None
    matrix = REGULAR.copy()
    matrix[2, 2] = abs(distance)
    if distance < 0:  # the same voxels, their columns from the other side
        values, matrix = values[::-1], matrix @ np.array([[-1, 0, 0, 7], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    done, image = made(tmp_path, values, matrix)
    assert done.facts == {"Resampled": True, "ResampledReason": "uneven"}
    assert np.allclose(image.affine, REGULAR)
    found = np.asarray(image.dataobj)
    assert found.shape == (8, 6, 7)
    # A voxel halfway between two slices, at 6 and 10 mm, belongs to a label that covers half of it.
    assert [int((found[:, :, k] == 1).sum()) for k in range(7)] == [9, 9, 9, 9, 0, 0, 0]
    assert [int((found[:, :, k] == 2).sum()) for k in range(7)] == [0, 0, 0, 0, 0, 4, 4]
    assert np.all(found[1:4, 2:5, :3] == 1)


def test_a_mask_on_the_delivered_grid_comes_as_it_is(tmp_path: Path) -> None:
    values = np.random.default_rng(1).integers(0, 3, (8, 6, 7)).astype(np.uint8)
    assert REGULAR is not None
    done, image = made(tmp_path, values, REGULAR)
    assert np.array_equal(np.asarray(image.dataobj), values)
    assert np.allclose(image.affine, REGULAR)
    assert done.facts == {}  # nothing was done to it


@pytest.mark.parametrize("change", ["slices", "place", "pixels"])
def test_a_mask_elsewhere_is_refused_for_the_cause(change: str, tmp_path: Path) -> None:
    assert REGULAR is not None
    values, matrix = np.ones((8, 6, 4 if change == "slices" else 5), np.uint8), REGULAR.copy()
    matrix[0, 3] += 3 * (change == "place")
    matrix[0, 0] *= 1 + (change == "pixels")
    with pytest.raises(DataError, match=r"regular grid \(uneven\)") as caught:
        made(tmp_path, values, matrix)
    assert caught.value.code == "REGION_MISMATCH"


def test_a_mask_of_an_image_without_a_place_is_refused_for_the_cause(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="position of the image is unknown"):
        made(tmp_path, np.ones((8, 6, 5), np.uint8), np.eye(4), Geometry(6, 8, 5, 1, problem="unknown"))
