"""The head that is registered to volumes: shapes in mm (`schemas/deid/head.yaml`), no picture of anybody."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from mids.resources import read_yaml, schemas

Points = npt.NDArray[np.float32]
"""Points in mm, right, anterior and superior along the first axis."""
Flags = npt.NDArray[np.bool_]


AIR, SOFT, BONE, BRAIN, FLUID = range(5)


@dataclass(frozen=True, slots=True)
class Shape:
    """An ellipsoid (mm); where its last half axis is infinite, a column without an end below."""

    at: tuple[float, float, float]
    size: tuple[float, float, float]

    def holds(self, points: Points, grown: float) -> Flags:
        """Which points lie inside once it has grown by so many mm."""
        apart = [points[axis] - np.float32(self.at[axis]) for axis in range(3)]
        if np.isinf(self.size[2]):
            apart[2] = np.where(apart[2] > grown, np.float32(np.inf), np.float32(0))
        sizes = [size + grown for size in self.size]
        terms = (np.square(part / size) if np.isfinite(size) else part for part, size in zip(apart, sizes, strict=True))
        return np.asarray(sum(terms) <= 1)


@dataclass(frozen=True, slots=True)
class Head:
    """Parts of the head; `cut` are points (y, z) of the line in front of which the face is removed."""

    head: tuple[Shape, ...]
    brain: tuple[Shape, ...]
    bones: tuple[Shape, ...]
    air: tuple[Shape, ...]
    eyes: tuple[Shape, ...]
    skull: tuple[float, float]
    cut: tuple[tuple[float, float], ...]

    def is_head(self, points: Points, grown: float = 0.0) -> Flags:
        """Which points lie inside the skin."""
        return _in_any(self.head, points, grown)

    def is_brain(self, points: Points, grown: float = 0.0) -> Flags:
        """Which points lie in the brain, or within so many mm of it."""
        return _in_any(self.brain, points, grown)

    def tissues(self, points: Points) -> npt.NDArray[np.uint8]:
        """What lies where: `AIR`, `SOFT`, `BONE`, `BRAIN`, `FLUID` of the eyes."""
        found = np.where(self.is_head(points), SOFT, AIR).astype(np.uint8)
        found[self.is_skull(points)] = BONE
        found[self.is_brain(points)] = BRAIN
        for shapes, tissue in ((self.bones, BONE), (self.air, AIR), (self.eyes, FLUID)):
            found[_in_any(shapes, points, 0.0)] = tissue
        return found

    def is_skull(self, points: Points) -> Flags:
        """Which points lie in the bone around the brain."""
        inner, outer = self.skull
        cranium = self.brain[:2]
        return _in_any(cranium, points, outer) & ~_in_any(cranium, points, inner) & ~_in_any(self.brain, points, inner)

    def is_face(self, points: Points) -> Flags:
        """Which points lie in front of the line, however far outside the skin."""
        y, z = np.array(self.cut).T
        return np.asarray((points[1] > np.interp(points[2], z, y)) & (points[2] > z[0]) & (points[2] < z[-1]))


def _in_any(shapes: Sequence[Shape], points: Points, grown: float) -> Flags:
    found = shapes[0].holds(points, grown)
    for shape in shapes[1:]:
        found |= shape.holds(points, grown)
    return found


@cache
def read_head() -> Head:
    """The head of `schemas/deid/head.yaml`."""
    content: Any = read_yaml(schemas() / "deid" / "head.yaml")
    parts = {
        name: tuple(Shape(tuple(entry["at"]), tuple(entry["size"])) for entry in content[name])
        for name in ("head", "brain", "bones", "air", "eyes")
    }
    skull, cut = content["skull"], tuple((point["y"], point["z"]) for point in content["cut"])
    return Head(**parts, skull=(skull["from"], skull["to"]), cut=cut)
