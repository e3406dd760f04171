"""A drawn head of its own numbers: skin, skull, brain, eyes, nose, mouth, chin, ears, neck and a head rest.

It shares no number with `schemas/deid/head.yaml`, which is registered to it. Truth comes with it: brain and face.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

VALUES = {  # air, skin and muscle, bone, fluid, brain, fat
    "CT": (-1000, 40, 900, 8, 35, -90),
    "T1": (0, 380, 40, 120, 620, 800),
    "T2": (0, 260, 30, 900, 430, 500),
    "PD": (0, 520, 60, 640, 600, 560),
}
NOISE = {"CT": 8.0, "T1": 15.0, "T2": 15.0, "PD": 15.0}


@dataclass(frozen=True, slots=True)
class Drawn:
    """A volume (columns, rows, slices), its affine (mm, RAS), and what in it is brain, nose, eyes, mouth and chin."""

    voxels: npt.NDArray[np.int16]
    affine: npt.NDArray[np.float64]
    brain: Flags
    face: Flags


def _ball(p: Array, at: tuple[float, float, float], size: tuple[float, float, float]) -> Flags:
    return np.asarray(sum(np.square((p[i] - at[i]) / size[i]) for i in range(3)) <= 1)


def draw_head(
    contrast: str = "CT", *, voxel: tuple[float, float, float] = (1.5, 1.5, 2.0), size: float = 1.0, pitch: float = 0.0,
    yaw: float = 0.0, place: tuple[float, float, float] = (5.0, -12.0, 8.0), low: float = -150.0, high: float = 115.0,
    turned: bool = False, seed: int = 1,
) -> Drawn:  # fmt: skip
    """A head of an adult times `size`, its chin lifted by `pitch` degrees, seen from `low` to `high` (mm).

    `turned` says that the header looks the other way: the face is where the affine has the back of the head.
    """
    counts = [round(length / step) for length, step in zip((200, 250, high - low), voxel, strict=True)]
    affine = np.diag([-voxel[0], -voxel[1], voxel[2], 1.0])
    affine[:3, 3] = (100.0, 125.0, low)
    grid = np.array(np.meshgrid(*(np.arange(n, dtype=np.float32) for n in counts), indexing="ij"), np.float32)
    world = np.tensordot(affine[:3, :3], grid, 1) + affine[:3, 3, None, None, None]
    a, b = np.radians((pitch, yaw))
    turn = np.array([[1, 0, 0], [0, np.cos(a), np.sin(a)], [0, -np.sin(a), np.cos(a)]]) @ np.array(
        [[np.cos(b), np.sin(b), 0], [-np.sin(b), np.cos(b), 0], [0, 0, 1]]
    )
    moved = world - np.array(place, np.float32)[:, None, None, None]
    p = (np.tensordot(turn, moved, 1) / size).astype(np.float32)
    air, skin, bone, fluid, brain_value, fat = VALUES[contrast]
    skull = _ball(p, (0, -12, 14), (75, 97, 81))
    head = _ball(p, (0, -12, 14), (82, 104, 88)) | _ball(p, (0, 40, -48), (64, 54, 62))
    chin, mouth = _ball(p, (0, 62, -100), (26, 26, 17)), _ball(p, (0, 84, -78), (26, 16, 14))
    nose = _ball(p, (0, 95, -42), (15, 24, 22))
    head |= _ball(p, (0, 40, -88), (56, 44, 32)) | nose | mouth | chin
    head |= (np.hypot(p[0] / 58, (p[1] + 28) / 58) <= 1) & (p[2] < -50)
    head |= _ball(p, (-80, -22, -30), (10, 16, 30)) | _ball(p, (80, -22, -30), (10, 16, 30))
    brain = _ball(p, (0, -14, 15), (68, 88, 72)) & (p[2] > -40 + 0.25 * np.maximum(p[1], 0))
    brain |= _ball(p, (0, -52, -36), (52, 40, 28)) | _ball(p, (0, -26, -58), (13, 14, 36))
    eyes = _ball(p, (-31, 70, -30), (12, 12, 12)) | _ball(p, (31, 70, -30), (12, 12, 12))
    cavity = skull & ~_ball(p, (0, -12, 14), (69, 91, 75)) & (p[2] > -50)
    values = np.full(head.shape, air, np.float32)
    values[head] = skin
    values[head & ~_ball(p, (0, -12, 14), (79, 101, 85)) & (p[2] > -20)] = fat
    values[cavity] = bone
    values[_ball(p, (0, 0, -40), (60, 60, 8)) | (_ball(p, (0, 44, -82), (46, 38, 26)) & (p[2] < -66))] = bone
    values[_ball(p, (0, -14, 15), (70, 90, 74)) & (p[2] > -38)] = fluid
    values[brain] = brain_value
    values[eyes] = fluid
    values[_ball(p, (0, 44, -36), (14, 28, 14)) | _ball(p, (0, 6, -84), (9, 9, 34))] = air
    if contrast == "CT":  # the rest on which the head lies
        values[(np.abs(p[1] + 124) < 4) & (np.abs(p[0]) < 70)] = -100
    values += np.random.default_rng(seed).normal(0, NOISE[contrast], values.shape)
    if contrast != "CT":
        values = np.abs(values)
    if turned:
        affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    return Drawn(np.rint(values).astype(np.int16), affine, brain, (nose | eyes | mouth | chin) & head)
