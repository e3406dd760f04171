"""Makes `docs/pictures/faces.png`: an invented head before and after its face is removed, CT above, T1 below."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from example_datasets.generators.head import draw_head
from mids.deid.faces.removal import air, find_face, remove_face

TARGET = Path(__file__).parent / "pictures" / "faces.png"

Values = npt.NDArray[Any]


def render(voxels: Values, level: float, *, side: bool) -> Values:
    """The surface of a volume (right to left, front to back, up) from the front or the left, shaded by its slope."""
    solid = voxels > level
    solid = np.moveaxis(solid, 0, 1) if side else solid[::-1]
    depth = np.where(solid.any(axis=1), solid.argmax(axis=1), solid.shape[1]).astype(np.float32)
    for axis in (0, 1):
        depth = (np.roll(depth, 1, axis) + 2 * depth + np.roll(depth, -1, axis)) / 4
    across, up = np.gradient(depth)
    light = (1 + 0.4 * across - 0.6 * up) / np.sqrt(1 + across**2 + up**2)
    shown = np.where(depth < solid.shape[1] - 1, np.clip(50 + 150 * light, 0, 255), 255)
    return np.asarray(shown.T[::-1], np.uint8)


def row(contrast: str, modality: str, level: float) -> Values:
    """Front and side of one head, before and after."""
    drawn = draw_head(contrast, voxel=(1.5, 1.5, 1.5))
    face = find_face(drawn.voxels.astype(np.float32), drawn.affine, modality)
    without = drawn.voxels.copy()
    remove_face(without, face, air(without, (1.0, 0.0), modality))
    views = [render(voxels, level, side=side) for voxels in (drawn.voxels, without) for side in (False, True)]
    return np.hstack([np.pad(view, ((4, 4), (8, 8)), constant_values=255) for view in views])


def main() -> None:
    """Writes the picture."""
    Image.fromarray(np.vstack([row("CT", "CT", -300), row("T1", "MR", 120)])).save(TARGET, optimize=True)


if __name__ == "__main__":
    main()
