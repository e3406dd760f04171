"""Masks of images: which there are, where they are largest, and their colours on a thumbnail."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from mids.dataset import Dataset
from mids.dataset.disk.heads import check_claim, nifti_head, png_head
from mids.dataset.disk.whole import PIXELS
from mids.dataset.masks import structures
from mids.errors import DataError
from mids.gallery.planes import turn_planes

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


def find_masks(dataset: Dataset) -> Mapping[str, tuple[Drawn, ...]]:
    """The masks of each image, by the image's path."""
    found: dict[str, list[Drawn]] = {}
    known = dataset.rois.dropna(subset=["image"])
    for image, mask, lookup in known[["image", "filename", "lookup"]].itertuples(index=False):
        found.setdefault(str(image), []).append(Drawn(str(mask), "" if pd.isna(lookup) else str(lookup)))
    return {image: tuple(masks) for image, masks in found.items()}


# --- their voxels ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One mask: `numbers` says for each value which entry of the legend it is."""

    values: Array
    numbers: Mapping[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Masks:
    """The masks of one image, and the colours of their labels."""

    layers: tuple[Layer, ...]
    legend: tuple[Legend, ...]

    def largest(self) -> tuple[int, int, int]:
        """The voxel of a volume through which all three planes show most of the masks."""
        counts = [
            sum(np.count_nonzero(layer.values, axis=axes) for layer in self.layers) for axes in ((1, 2), (0, 2), (0, 1))
        ]
        i, j, k = (int(np.argmax(count)) for count in counts)
        return i, j, k


def read(root: Path, masks: Iterable[Drawn], shape: tuple[int, ...]) -> Masks | None:
    """These masks, of an image of this shape; None where there is none of it, or nothing is drawn.

    A mask that can't be read, or has another shape, is left out. Labels of one name have one colour.
    """
    labels: dict[str, int] = {}
    layers = []
    for mask in masks:
        values = _values(root / mask.place)
        if values is None or values.shape != shape:
            continue
        names = _names(root, mask.lookup)
        present = map(int, np.unique(values[values != 0])[:VALUES])
        numbers = {value: labels.setdefault(names.get(value, f"label {value}"), len(labels)) for value in present}
        layers.append(Layer(values, numbers))
    legend = tuple(Legend(label, COLOURS[number % len(COLOURS)]) for label, number in labels.items())
    return Masks(tuple(layers), legend) if legend else None


def _values(path: Path) -> Array | None:
    try:
        if path.suffix == ".png":
            picture = png_head(path)
            check_claim(picture)
            if picture.rows * picture.columns > PIXELS:
                return None
            with Image.open(path, formats=["PNG"]) as image:
                return np.array(image) if image.mode in ("L", "I;16", "1", "P") else None
        head = nifti_head(path)
        check_claim(head)
        volume: Any = nib.load(path)
        return np.asarray(volume.dataobj) if math.prod(head.shape) <= LARGEST else None
    except (DataError, OSError, ValueError, EOFError, SyntaxError, nib.filebasedimages.ImageFileError):
        return None


def _names(root: Path, lookup: str) -> Mapping[int, str]:
    """What the values of a mask mean, by the table beside it."""
    try:
        return structures(root / lookup, lookup) if lookup else {}
    except (DataError, OSError):
        return {}


def planes(masks: Masks, image: Path, at: tuple[int, int, int]) -> Mapping[str, Masks]:
    """The masks of a volume in the planes that `mids.gallery.planes.planes` gives, by their names."""
    head = nifti_head(image)
    found: dict[str, list[Layer]] = {}
    for layer in masks.layers:
        values = layer.values
        for plane in turn_planes((values[at[0]], values[:, at[1]], values[:, :, at[2]]), head, at):
            found.setdefault(plane.name, []).append(Layer(plane.pixels, layer.numbers))
    return {name: Masks(tuple(layers), masks.legend) for name, layers in found.items()}


def overlay(masks: Masks, size: tuple[int, int]) -> Image.Image | None:
    """The masks of a plane as a transparent image of `size` (width, height): filled thinly, outlined firmly.

    Where masks overlap all outlines are seen. None where the plane shows none.
    """
    out = np.zeros((size[1], size[0], 4), np.uint8)
    outlines = []
    for layer in masks.layers:
        for value, number in layer.numbers.items():
            here = layer.values == value
            if here.any():
                small = np.asarray(Image.fromarray(here.astype(np.uint8) * 255).resize(size, Image.Resampling.BOX)) > 0
                colour = [int(masks.legend[number].colour[at : at + 2], 16) for at in (1, 3, 5)]
                out[small & (out[..., 3] == 0)] = [*colour, 80]
                outlines.append((small & ~_inner(small), colour))
    for outline, colour in outlines:
        out[outline] = [*colour, 255]
    return Image.fromarray(out, "RGBA") if outlines else None


def _inner(shape: Array) -> Array:
    """A shape without the pixels at its edge."""
    inner = shape.copy()
    inner[1:] &= shape[:-1]
    inner[:-1] &= shape[1:]
    inner[:, 1:] &= shape[:, :-1]
    inner[:, :-1] &= shape[:, 1:]
    return inner
