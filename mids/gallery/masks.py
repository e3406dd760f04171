"""Masks of images: which there are, where they are largest, and their colours on a thumbnail."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from mids.dataset import Dataset
from mids.dataset.masks import structures
from mids.errors import DataError
from mids.gallery.planes import Plane, turned
from mids.readers.heads import nifti_head

Array = npt.NDArray[Any]

COLOURS = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#cc79a7", "#d55e00", "#0072b2")
"""The colours of Okabe and Ito (Color Universal Design, 2008) without black; seen apart without colour vision."""

LARGEST = 1 << 29
"""Voxels of the largest mask that is opened."""

VALUES = 100
"""Values of a mask that are shown."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A mask: its place in the dataset, and that of the table that names its values ("": there is none)."""

    place: str
    lookup: str = ""


@dataclass(frozen=True, slots=True)
class Legend:
    """The colour of a label of masks."""

    label: str
    colour: str


def masks_of(dataset: Dataset) -> Mapping[str, tuple[Drawn, ...]]:
    """The masks of each image, by the image's path."""
    found: dict[str, list[Drawn]] = {}
    known = dataset.rois.dropna(subset=["image"])
    for image, mask, lookup in known[["image", "filename", "lookup"]].itertuples(index=False):
        found.setdefault(str(image), []).append(Drawn(str(mask), "" if pd.isna(lookup) else str(lookup)))
    return {image: tuple(masks) for image, masks in found.items()}


# --- their voxels ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Masks:
    """The masks of one image laid together: `values` index `legend` from 1, the smaller over the larger."""

    values: Array
    legend: tuple[Legend, ...]

    def largest(self) -> tuple[int, int, int]:
        """The voxel through which all three planes show most of the masks."""
        shown = self.values > 0
        counts = (np.count_nonzero(shown, axis=axes) for axes in ((1, 2), (0, 2), (0, 1)))
        i, j, k = (int(count.argmax()) for count in counts)
        return i, j, k


def read(root: Path, masks: Iterable[Drawn], shape: tuple[int, ...]) -> Masks | None:
    """These masks, of an image of this shape; None where there is none of it, or nothing is drawn.

    A mask that can't be read, or has another shape, is left out.
    """
    labels: dict[str, int] = {}
    drawn: list[tuple[int, int, Array]] = []
    for mask in masks:
        values = _values(root / mask.place)
        if values is None or values.shape != shape:
            continue
        names = _names(root, mask.lookup)
        for value in map(int, np.unique(values[values != 0])[:VALUES]):
            label = names.get(value, f"label {value}")
            here = np.flatnonzero(values == value)
            drawn.append((here.size, labels.setdefault(label, min(len(labels) + 1, 255)), here))
    together = np.zeros(shape, np.uint8)
    for _, number, here in sorted(drawn, key=lambda one: -one[0]):
        together.flat[here] = number
    legend = tuple(Legend(label, COLOURS[(number - 1) % len(COLOURS)]) for label, number in labels.items())
    return Masks(together, legend) if legend else None


def _values(path: Path) -> Array | None:
    try:
        if path.suffix == ".png":
            with Image.open(path, formats=["PNG"]) as image:
                return np.array(image) if image.mode in ("L", "I;16", "1", "P") else None
        volume: Any = nib.load(path)
        return np.asarray(volume.dataobj) if np.prod(volume.shape) <= LARGEST else None
    except (OSError, ValueError, EOFError, SyntaxError, nib.filebasedimages.ImageFileError):
        return None


def _names(root: Path, lookup: str) -> Mapping[int, str]:
    """What the values of a mask mean, by the table beside it."""
    try:
        return structures(root / lookup, lookup) if lookup else {}
    except (DataError, OSError):
        return {}


def planes(masks: Masks, image: Path, at: tuple[int, int, int]) -> tuple[Plane, ...]:
    """The planes of the masks of a volume, as `mids.gallery.planes.planes` gives those of the image."""
    values = masks.values
    return turned((values[at[0]], values[:, at[1]], values[:, :, at[2]]), nifti_head(image), at)


def overlay(values: Array, legend: Sequence[Legend], size: tuple[int, int]) -> Image.Image | None:
    """The masks of a plane as a transparent picture of `size` (width, height): filled thinly, outlined firmly.

    None where the plane shows none.
    """
    out = np.zeros((size[1], size[0], 4), np.uint8)
    for number, entry in enumerate(legend, start=1):
        here = values == number
        if not here.any():
            continue
        small = np.asarray(Image.fromarray(here.astype(np.uint8) * 255).resize(size, Image.Resampling.BOX)) > 0
        inner = small.copy()
        inner[1:] &= small[:-1]
        inner[:-1] &= small[1:]
        inner[:, 1:] &= small[:, :-1]
        inner[:, :-1] &= small[:, 1:]
        out[small, :3] = [int(entry.colour[at : at + 2], 16) for at in (1, 3, 5)]
        out[small, 3] = 90
        out[small & ~inner, 3] = 255
    return Image.fromarray(out, "RGBA") if out.any() else None
