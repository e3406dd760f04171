"""Takes the face off a CT or MR of the head; the brain keeps every bit.

The head of `schemas/deid/head.yaml` is registered to the volume (SimpleITK: outlines, then mutual information).
What lies in front of a line from the brow to below the jaw is set to air, but for what may be brain. Where anything is
in doubt the volume is refused. Cutting by a plane is after Schimke & Hale, "Quickshear defacing for neuroimages"
(HealthSec 2011).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mids.deid.faces.align import Alignment, align
from mids.deid.faces.head import Flags, Head, read_head
from mids.deid.faces.scene import STEP, Scene, read_scene
from mids.errors import DataError

Values = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

METHOD = "mids face removal 2: drawn head registered by SimpleITK"
"""What sidecars and (0012,0063) say; the number rises when the result of the same volume changes."""

_AIR = -1000.0
"""Hounsfield units that stand in place of the face."""

_OUTLINE, _BRAIN = 0.88, 0.75
"""Least overlap (Dice) of the drawn outline with the body, and of the drawn brain with what lies inside the skull."""

_SCALES = (0.8, 1.25)
_ANGLE = 35.0
_SEEN = 0.6
"""Least part of the drawn brain that the volume must cover."""

_TURNED = 0.005
"""By how much (mutual information) the face must fit better ahead than at the back."""

_SPARED = 0.25
"""Part of what is in front of the line that may be kept because it may be brain."""

_GROWN, _AROUND = 5.0, 12.0
"""How many mm around the drawn brain are left alone in MR, and in CT what is soft there inside the skull."""


@dataclass(frozen=True, slots=True)
class Face:
    """What of a volume is a face, and what is never touched; points of the volume are found by `affine` (mm, RAS)."""

    shape: tuple[int, ...]
    affine: Floats
    scene: Scene
    alignment: Alignment
    head: Head

    def planes(self) -> Iterator[tuple[Flags, Flags]]:
        """Of each slice (columns, rows): what is removed, and what is brain or may be."""
        columns, rows = np.meshgrid(*(np.arange(size, dtype=np.float32) for size in self.shape[:2]), indexing="ij")
        for k in range(self.shape[2]):
            places = np.array([columns, rows, np.full_like(columns, k)])
            matrix = self.affine.astype(np.float32)
            points = np.tensordot(matrix[:3, :3], places, 1) + matrix[:3, 3, None, None]
            in_head = self.alignment.apply(points)
            brain = self._is_brain(points, in_head)
            yield self.head.is_face(in_head) & ~brain, brain

    def _is_brain(self, points: npt.NDArray[np.float32], in_head: npt.NDArray[np.float32]) -> Flags:
        if self.scene.brain is None:
            return find_spared(self.head, self.alignment, in_head)
        index = np.rint((points - self.scene.low.astype(np.float32)[:, None, None]) / STEP).astype(int)
        index = np.clip(index, 0, np.array(self.scene.brain.shape)[:, None, None] - 1)
        return find_spared(self.head, self.alignment, in_head, self.scene.brain[tuple(index)])


def find_spared(
    head: Head, alignment: Alignment, in_head: npt.NDArray[np.float32], inside: Flags | None = None
) -> Flags:
    """What is left alone: all near the drawn brain; of CT the drawn brain, and around it what is `inside` the skull."""
    if inside is None:
        return head.is_brain(in_head, _GROWN * alignment.scale)
    return head.is_brain(in_head) | (inside & head.is_brain(in_head, _AROUND * alignment.scale))


def find_face(voxels: Values, affine: Floats, modality: str) -> Face:
    """Where the face of a volume is (columns, rows, slices; Hounsfield units of CT; affine in mm, RAS).

    Raises `DataError` ``PRIVACY_FACE_DOUBTFUL`` where that is in doubt, with what speaks against it.
    """
    if modality not in ("CT", "MR"):
        raise DataError(
            "PRIVACY_FACE_DOUBTFUL", f"withheld: faces are removed from CT and MR only, not from {modality}"
        )
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    if voxels.ndim != 3 or min(voxels.shape) < 12 or spacing.max() > 8:
        raise DataError("PRIVACY_FACE_DOUBTFUL", "withheld: it has too few slices to find the face, or too thick ones")
    head = read_head()
    try:
        scene = read_scene(voxels, affine, modality)
        alignment = align(scene, head)
    except RuntimeError as error:  # how SimpleITK refuses images
        raise DataError("PRIVACY_FACE_DOUBTFUL", "withheld: the head can't be registered") from error
    if doubt := find_doubt(scene, alignment, head, modality):
        raise DataError("PRIVACY_FACE_DOUBTFUL", f"withheld: the face can't be found with certainty ({doubt})")
    return Face(voxels.shape, affine, scene, alignment, head)


def find_doubt(scene: Scene, alignment: Alignment, head: Head, modality: str) -> str:
    """What speaks against an alignment; empty where nothing does."""
    points = alignment.apply(scene.points())
    drawn, brain = head.is_head(points), head.is_brain(points)
    judged = scene.seen & (points[2] > -110)
    whole = 4 / 3 * np.pi * 70 * 89 * 68 / alignment.scale**3 / STEP**3
    in_front = head.is_face(points) & scene.body
    kept = find_spared(head, alignment, points, scene.brain)
    if not _SCALES[0] <= alignment.scale <= _SCALES[1]:
        return f"the head would be {1 / alignment.scale:.2f} times as large as an adult's"
    if alignment.angle > _ANGLE:
        return f"the head would be turned by {alignment.angle:.0f} degrees"
    if (brain & scene.seen).sum() < _SEEN * whole:
        return "too little of the head is in the field of view"
    if (overlap := _dice(drawn & judged, scene.body & judged)) < _OUTLINE:
        return f"only {overlap:.0%} of its outline is that of a head"
    if alignment.turned < _TURNED:
        return "it fits as well with the face at the back: its orientation may be wrong"
    if modality == "CT" and (scene.brain is None or _dice(brain & scene.seen, kept & scene.brain) < _BRAIN):
        return "the inside of the skull is not where it should be"
    if (in_front & kept).sum() > _SPARED * in_front.sum() + 100:
        return "brain may lie where the face should be"
    return ""


def _dice(one: Flags, other: Flags) -> float:
    return 2 * float((one & other).sum()) / max(1.0, float(one.sum() + other.sum()))


def remove_face(voxels: Values, face: Face, fill: float) -> int:
    """Sets the face of a volume (columns, rows, slices and perhaps times) to `fill`; how many voxels that were.

    Raises `AssertionError` if a voxel of the brain changed, which it can't.
    """
    removed = 0
    for k, (gone, brain) in enumerate(face.planes()):
        before = voxels[:, :, k][brain]
        voxels[:, :, k][gone] = fill
        if not np.array_equal(before, voxels[:, :, k][brain], equal_nan=voxels.dtype.kind == "f"):
            raise AssertionError("a voxel of the brain was changed")
        removed += int(gone.sum())
    return removed


def air(voxels: Values, scale: tuple[float, float], modality: str) -> float:
    """The stored value that stands for air: the least of MR; of CT `_AIR`, as slope and intercept store it."""
    if modality != "CT":
        return float(voxels.min())
    value = (_AIR - scale[1]) / scale[0]
    if voxels.dtype.kind == "f":
        return value
    limits = np.iinfo(voxels.dtype)
    return float(np.clip(round(value), limits.min, limits.max))
