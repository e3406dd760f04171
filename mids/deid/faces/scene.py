"""A volume of the head as it is registered: on a coarse grid, with what is body, brain, and in view."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk  # noqa: N813

from mids.deid.faces.head import Flags, Points
from mids.errors import DataError

Values = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

STEP = 4.0
"""Distance of the points of the grid (mm)."""

_AIR = -300.0
"""Hounsfield units between air and skin."""
_BONE = 250.0
_SOFT = (-20.0, 110.0)
"""Hounsfield units of what lies inside the skull: fluid, brain, blood."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A volume on a grid of `STEP` mm (arrays of right, anterior, superior); `low` is its first point (mm).

    `seen` is what the volume covers, `body` what is no air; `brain` what lies inside the skull, of CT only.
    """

    low: Floats
    seen: Flags
    body: Flags
    values: npt.NDArray[np.float32]
    brain: Flags | None = None

    def points(self) -> Points:
        """Where the points of the grid lie (3, right, anterior, superior), in mm."""
        axes = [self.low[axis] + STEP * np.arange(size) for axis, size in enumerate(self.body.shape)]
        return np.array(np.meshgrid(*axes, indexing="ij"), np.float32)

    def image(self, values: Values) -> sitk.Image:
        """An array of this grid as an image of SimpleITK, whose space is ours."""
        return to_image(values, self.low)


def to_image(values: Values, low: Floats) -> sitk.Image:
    """An array (right, anterior, superior) of `STEP` mm as an image of SimpleITK."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(values.T))
    image.SetSpacing((STEP, STEP, STEP))
    image.SetOrigin([float(number) for number in low])
    return image


def to_array(image: sitk.Image) -> Values:
    """The reverse of `to_image`."""
    return np.asarray(sitk.GetArrayFromImage(image)).T


def read_scene(voxels: Values, affine: Floats, modality: str) -> Scene:
    """What a volume (columns, rows, slices; affine in mm, RAS) shows; raises `DataError` where it shows no body.

    Values of CT are Hounsfield units.
    """
    coarse, grid = _average(voxels, affine)
    corners = np.array(np.meshgrid(*[(-0.5, size - 0.5) for size in coarse.shape], indexing="ij")).reshape(3, -1)
    world = grid[:3, :3] @ corners + grid[:3, 3:]
    low, high = world.min(axis=1) - STEP, world.max(axis=1) + STEP
    shape = np.ceil((high - low) / STEP).astype(int) + 1
    if shape.max() > 400:
        raise DataError("PRIVACY_FACE_DOUBTFUL", "withheld: it shows much more than a head")
    axes = [low[axis] + STEP * np.arange(shape[axis]) for axis in range(3)]
    back = np.linalg.inv(grid)
    index = np.einsum("ab,bxyz->axyz", back[:3, :3], np.array(np.meshgrid(*axes, indexing="ij")))
    index = np.rint(index + back[:3, 3, None, None, None]).astype(np.int32)
    limits = np.array(coarse.shape).reshape(3, 1, 1, 1)
    seen = np.asarray(((index >= 0) & (index < limits)).all(axis=0))
    near = np.clip(index, 0, limits - 1)
    values = coarse[tuple(near)]
    values[~seen] = values.min()
    body = _find_body(values, seen, modality)
    if body.sum() * STEP**3 < 3e5:
        raise DataError("PRIVACY_FACE_DOUBTFUL", "withheld: it shows too little of a head")
    brain = _find_brain(values, body) if modality == "CT" else None
    return Scene(low, seen, body, values, brain)


def _average(voxels: Values, affine: Floats) -> tuple[npt.NDArray[np.float32], Floats]:
    """Means of blocks of nearly `STEP` mm, slice by slice, and the affine of these."""
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    blocks = np.maximum(1, np.floor(STEP / spacing + 0.25).astype(int))
    blocks = np.minimum(blocks, voxels.shape)
    size = np.array(voxels.shape) // blocks
    total = np.zeros(tuple(size), np.float32)
    for k in range(size[2] * blocks[2]):
        plane = np.asarray(voxels[: size[0] * blocks[0], : size[1] * blocks[1], k], np.float32)
        folded = plane.reshape(size[0], blocks[0], size[1], blocks[1]).mean(axis=(1, 3))
        total[:, :, k // blocks[2]] += folded / blocks[2]
    grid = affine @ np.diag([*blocks, 1.0])
    grid[:3, 3] = affine[:3, 3] + affine[:3, :3] @ ((blocks - 1) / 2)
    return np.nan_to_num(total), grid


def _find_body(values: npt.NDArray[np.float32], seen: Flags, modality: str) -> Flags:
    """What is no air: the largest piece, without holes; thin sheets such as a table are taken off."""
    level = _AIR if modality == "CT" else _find_level(values[seen])
    image = to_image((values > level).astype(np.uint8), np.zeros(3))
    opened = sitk.BinaryMorphologicalOpening(image, (1, 1, 1), sitk.sitkBall)
    pieces = sitk.RelabelComponent(sitk.ConnectedComponent(opened), sortByObjectSize=True)
    largest = sitk.BinaryMorphologicalClosing(sitk.Equal(pieces, 1), (2, 2, 2), sitk.sitkBall)
    found = to_array(largest) != 0
    for axis in range(3):  # a hole that a border of the volume opens is closed in planes across it
        for plane in np.moveaxis(found, axis, 0):
            plane[...] = _filled(plane)
    return np.asarray(found & seen)


def _filled(plane: Flags) -> Flags:
    return np.asarray(sitk.GetArrayFromImage(sitk.BinaryFillhole(sitk.GetImageFromArray(plane.astype(np.uint8)))) != 0)


def _find_level(values: npt.NDArray[np.float32]) -> float:
    """The value of MR between air and tissue: Li's threshold (minimum cross entropy), lowered for dark tissue.

    Li and Tam, Pattern Recognition Letters 19 (1998) 771, on 256 bins. Raises `DataError` where all values are alike.
    """
    low, top = float(values.min()), float(np.percentile(values, 99))
    if not (top - low) > 1e-4 * max(abs(low), abs(top)):  # not a number, too
        raise DataError("PRIVACY_FACE_DOUBTFUL", "withheld: it shows no body")
    part = np.clip((values.astype(np.float64) - low) / (top - low), 0, 1)
    counts = np.bincount(np.minimum(part * 256, 255).astype(int).ravel(), minlength=256)
    centres = max(low, 0) + (np.arange(256) + 0.5) / 256 * (top - low)
    level, before = float(np.average(centres, weights=counts)), -np.inf
    for _ in range(100):
        above = centres > level
        if abs(level - before) < 1e-3 * (top - low) or not counts[above].any() or not counts[~above].any():
            break
        dark, light = (float(np.average(centres[side], weights=counts[side])) for side in (~above, above))
        before, level = level, (light - dark) / float(np.log(light / dark))
    return min(low, 0) + 0.6 * level


def _find_brain(values: npt.NDArray[np.float32], body: Flags) -> Flags | None:
    """What lies inside the skull of CT: soft tissue that no way wider than 16 mm leads out of, and 4 mm around it.

    None where nothing does.
    """
    bone = to_image((values > _BONE).astype(np.uint8), np.zeros(3))
    bone = sitk.BinaryMorphologicalClosing(bone, (2, 2, 2), sitk.sitkBall)
    soft = (values > _SOFT[0]) & (values < _SOFT[1]) & body & (to_array(bone) == 0)
    core = sitk.BinaryErode(to_image(soft.astype(np.uint8), np.zeros(3)), (2, 2, 2), sitk.sitkBall)
    pieces = sitk.RelabelComponent(sitk.ConnectedComponent(core), sortByObjectSize=True)
    grown = sitk.BinaryDilate(sitk.Equal(pieces, 1), (3, 3, 3), sitk.sitkBall)
    found = (to_array(grown) != 0) & body
    return np.asarray(found) if found.any() else None
