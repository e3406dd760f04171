"""Random places of slices in the patient: orientation, spacing, digits, noise, tilt, gaps."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np

Array = Any


@dataclass(slots=True)
class Space:
    """A stack of slices. Places are LPS in mm; `shape` is (rows, columns)."""

    shape: tuple[int, int]
    spacing: tuple[float, float]
    """PixelSpacing: between rows, between columns."""
    step: float
    positions: Array
    """(slices, 3), exact."""
    orientation: Array
    digits: int
    noise: float
    turn: float
    """Noise of positions in mm and of direction cosines, from slice to slice."""
    smooth: bool
    """Values are a linear field, so that interpolation keeps them."""
    resampled: bool | None
    words: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.positions)

    @property
    def tolerance(self) -> float:
        """How far a slice may lie from its written position, mm."""
        rounding = 0.0 if self.digits > 6 else 1.8 * 10.0**-self.digits
        extent = max(self.shape[0] * self.spacing[0], self.shape[1] * self.spacing[1])
        return (
            rounding
            + 4 * self.noise
            + 0.012 * min(self.step, *self.spacing)
            + 0.01 * self.step
            + 4 * self.turn * extent
            + 1e-4
        )

    def written(self, dice: Random, place: int) -> tuple[Array, Array]:
        """Position and orientation of a slice as its header says them."""
        noise = np.array([dice.uniform(-1, 1) for _ in range(9)])
        position = np.round(self.positions[place] + self.noise * noise[:3], self.digits)
        orientation = np.round(self.orientation + self.turn * noise[3:], 8)
        return position + 0.0, orientation + 0.0

    def field(self, place: int) -> Array:
        """The linear field of 0 to 1 in a slice (rows, columns)."""
        rows, columns = np.mgrid[: self.shape[0], : self.shape[1]]
        points = (
            self.positions[place]
            + rows[..., None] * self.spacing[0] * self.orientation[3:]
            + columns[..., None] * self.spacing[1] * self.orientation[:3]
        )
        normal = np.cross(self.orientation[:3], self.orientation[3:])
        slope = self.orientation[:3] / (self.spacing[1] * self.shape[1])
        slope = slope + self.orientation[3:] / (self.spacing[0] * self.shape[0])
        slope = slope + 2 * normal / max(np.ptp(self.positions @ normal), 1e-6)
        every = np.array([-1.5, 5.5])  # what the field can reach in a stack, tilted ones too
        reach = (points - self.positions.mean(axis=0)) @ slope + 1
        return np.clip((reach - every[0]) / np.ptp(every), 0, 1)


def draw_space(dice: Random, irregular: str, *, plain: bool) -> Space:
    orientation, word = _draw_orientation(dice)
    normal = np.cross(orientation[:3], orientation[3:])
    scale = 10 ** dice.uniform(-2, 1)
    pixel = round(scale, 5)
    spacing = (pixel, pixel if dice.random() < 0.6 else round(pixel * dice.uniform(0.5, 2), 5))
    step = round(min(10, max(0.01, pixel * dice.choice((1, 1, 2, 3.3, 0.7)))), 4)
    count = dice.choices((1, 2, dice.randint(3, 5), dice.randint(6, 12)), (1, 1, 5, 5))[0]
    count = max(count, 6) if irregular or plain else count
    digits = dice.randint(1, 6)
    while 10.0**-digits > 0.2 * step or ((irregular or plain) and 10.0**-digits > 0.002 * min(step, *spacing)):
        digits += 1
    is_coarse = 10.0**-digits > 0.004 * min(step, *spacing)
    noise, turn = (0.0, 0.0)
    if not irregular and not is_coarse and dice.random() < 0.3:
        noise, turn = 0.0008 * step, dice.choice((0, 1e-5))
    along = np.arange(count) * step * dice.choice((-1, 1))
    sideways = np.zeros((count, 3))
    if irregular == "tilt":
        sideways = np.outer(along, orientation[3:] * np.tan(np.radians(dice.choice((-20, -8, 5, 12, 25)))))
    elif irregular == "gap":
        along = np.delete(np.arange(count + 1), dice.randint(2, count - 2)) * step
    elif irregular == "uneven":
        along = along + step * np.array([dice.uniform(-0.2, 0.2) for _ in range(count)])
    first = np.array([dice.uniform(-200, 200) for _ in range(3)])
    words = [word, f"digits {digits}"]
    words += [w for w in (irregular, "noise" if noise else "", "coarse" if is_coarse else "") if w]
    return Space(
        (dice.randint(8, 20), dice.randint(8, 20)), spacing, step, first + np.outer(along, normal) + sideways,
        orientation, digits, noise, turn, bool(irregular) or is_coarse,
        True if irregular else None if is_coarse else False, words,
    )  # fmt: skip


def _draw_orientation(dice: Random) -> tuple[Array, str]:
    kind = dice.choice(("axial", "sagittal", "coronal", "flipped", "oblique", "any"))
    plain = {"axial": [1, 0, 0, 0, 1, 0], "sagittal": [0, 1, 0, 0, 0, -1], "coronal": [1, 0, 0, 0, 0, -1]}
    if kind in plain:
        return np.array(plain[kind], dtype=float), kind
    if kind == "flipped":
        axes = dice.sample(range(3), 2)
        signs = [dice.choice((-1.0, 1.0)) for _ in range(2)]
        return np.concatenate([sign * np.eye(3)[axis] for axis, sign in zip(axes, signs, strict=True)]), kind
    turn = np.array([dice.gauss(0, 1) for _ in range(9)]).reshape(3, 3)
    if kind == "oblique":
        turn = np.eye(3) + 0.25 * turn
    vectors, _ = np.linalg.qr(turn)
    return np.round(vectors.T.ravel()[:6], 8), kind
