"""Faces of drawn heads go, brains stay; what is no whole head in its right place is withheld."""

from typing import Any

import numpy as np
import pytest

from example_datasets.generators.head import Drawn, draw_head
from mids.deid.faces.removal import air, find_face, remove_face
from mids.errors import DataError

pytestmark = pytest.mark.slow

POSES: dict[str, dict[str, Any]] = {
    "CT": {"contrast": "CT"},
    "CT of thick slices": {"contrast": "CT", "voxel": (0.9, 0.9, 5.0), "pitch": -12},
    "CT that ends at the nose": {"contrast": "CT", "low": -75},
    "small CT": {"contrast": "CT", "size": 0.86, "yaw": 12, "place": (-10, 5, -20)},
    "T1": {"contrast": "T1", "voxel": (1.2, 1.2, 1.2), "pitch": 10},
    "T2 of thick slices": {"contrast": "T2", "voxel": (1.0, 1.0, 4.0), "yaw": -10},
    "PD without crown": {"contrast": "PD", "high": 75, "low": -100},
    "large T1": {"contrast": "T1", "size": 1.08, "pitch": -8},
}


def defaced(drawn: Drawn, modality: str) -> tuple[Any, int]:
    face = find_face(drawn.voxels.astype(np.float32), drawn.affine, modality)
    voxels = drawn.voxels.copy()
    removed = remove_face(voxels, face, air(voxels, (1.0, 0.0), modality))
    return voxels, removed


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.nightly if at % 2 == 0 and at else ()) for at, name in enumerate(POSES)],
)
def test_a_face_goes_and_the_brain_stays(name: str) -> None:
    drawn = draw_head(**POSES[name])
    voxels, removed = defaced(drawn, "CT" if POSES[name]["contrast"] == "CT" else "MR")
    assert np.array_equal(voxels[drawn.brain], drawn.voxels[drawn.brain])
    assert (voxels[drawn.face] == voxels.min() if "CT" not in name else voxels[drawn.face] == -1000).mean() > 0.97
    assert removed < 0.3 * voxels.size


@pytest.mark.parametrize(
    ("pose", "why"),
    [
        ({"low": 35.0}, "field of view"),
        pytest.param({"turned": True}, "orientation|outline", marks=pytest.mark.nightly),
        pytest.param({"size": 0.6}, "times as large|outline|field of view", marks=pytest.mark.nightly),
        ({"low": -150.0, "high": -40.0}, "."),
    ],
)
def test_a_doubtful_head_is_withheld(pose: dict[str, Any], why: str) -> None:
    with pytest.raises(DataError, match=f"withheld: .*({why})"):
        defaced(draw_head("T1", **pose), "MR")


def test_what_is_no_head_is_withheld() -> None:
    points = np.indices((80, 80, 60)) - np.array([40, 40, 30]).reshape(3, 1, 1, 1)
    knee = np.where(np.hypot(points[0], points[1]) < 24, 400, 0).astype(np.float32)
    for voxels in (knee, np.zeros_like(knee), np.random.default_rng(1).normal(100, 20, knee.shape)):
        with pytest.raises(DataError, match="withheld"):
            find_face(voxels, np.diag([2.5, 2.5, 3.0, 1.0]), "MR")
    with pytest.raises(DataError, match="CT and MR only"):
        find_face(knee, np.eye(4), "PT")


@pytest.mark.parametrize("value", [0.0, 0.1, -0.1, 1 / 3, 1e-30, 1e6, 4095.7, -32768.0, np.nan])
@pytest.mark.parametrize("spread", [0.0, 1e-7, 1e-5])
def test_a_volume_of_one_value_is_withheld(value: float, spread: float) -> None:
    noise = np.random.default_rng(7).random((40, 40, 30))
    voxels = (value * (1 + spread * noise)).astype(np.float32)
    with pytest.raises(DataError, match="withheld"):
        find_face(voxels, np.diag([4.0, 4.0, 5.0, 1.0]), "MR")


@pytest.mark.parametrize("low", [-1000.0, 0.0, 0.1])
def test_a_volume_of_few_voxels_above_one_value_is_withheld(low: float) -> None:
    voxels = np.full((40, 40, 30), low, np.float32)
    voxels[18:22, 18:22, 14:16] = low + 100
    with pytest.raises(DataError, match="withheld"):
        find_face(voxels, np.diag([4.0, 4.0, 5.0, 1.0]), "MR")
