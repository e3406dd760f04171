"""Masks of images: which there are, where they are largest, and their colours on a thumbnail."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
from PIL import Image

from mids.dataset import Dataset, read_table
from mids.errors import DataError
from mids.gallery.planes import Plane, turned
from mids.readers.heads import nifti_head

Array = npt.NDArray[Any]

FOLDERS = ("rois", "masks", "segmentations")
"""The derivatives folders that hold masks."""

COLOURS = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#cc79a7", "#d55e00", "#0072b2")
"""The colours of Okabe and Ito (Color Universal Design, 2008) without black; seen apart without colour vision."""

LARGEST = 1 << 29
"""Voxels of the largest mask that is opened."""


@dataclass(frozen=True, slots=True)
class Legend:
    """The colour of a label of masks."""

    label: str
    colour: str


def masks_of(dataset: Dataset) -> Mapping[str, tuple[str, ...]]:
    """The masks of each image, by the image's path: those whose names are the image's with ``desc`` and ``_dseg``.

    Where two images differ in their suffix only, the sidecar's `Sources` decide.
    """
    tops = [dataset.path / "derivatives" / folder for folder in FOLDERS]
    files = [path for top in tops if top.is_dir() for path in sorted(top.rglob("*_dseg.*"))]
    masks = [path for path in files if path.name.endswith((".nii.gz", ".nii", ".png"))]
    if not masks:
        return {}
    images: dict[str, list[str]] = {}
    for image in dataset.images["filename"]:
        images.setdefault(_stem(image), []).append(image)
    found: dict[str, list[str]] = {}
    for path in masks:
        place = path.relative_to(dataset.path).as_posix()
        inside = "/".join(place.split("/")[2:])
        possible = images.get(_stem(inside.rpartition("_desc-")[0] + "_"), [])
        for image in possible if len(possible) < 2 else _named(path, possible):
            found.setdefault(image, []).append(place)
    return {image: tuple(places) for image, places in found.items()}


def _stem(path: str) -> str:
    """The path of an image without its suffix and extension."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/{name.partition('.')[0].rpartition('_')[0]}"


def _named(mask: Path, images: Sequence[str]) -> list[str]:
    """Those images that the sidecar of a mask names."""
    sidecar = mask.with_name(mask.name.partition(".")[0] + ".json")
    try:
        sources = json.loads(sidecar.read_text(encoding="utf-8")).get("Sources", [])
    except (OSError, ValueError, AttributeError):
        return []
    return [image for image in images if f"bids::{image}" in sources]


# --- their voxels ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Masks:
    """The masks of one image laid together: `values` index `legend` from 1, where several readers drew the last."""

    values: Array
    legend: tuple[Legend, ...]

    def largest(self) -> tuple[int, int, int]:
        """The voxel through which all three planes show most of the masks."""
        shown = self.values > 0
        counts = (np.count_nonzero(shown, axis=axes) for axes in ((1, 2), (0, 2), (0, 1)))
        i, j, k = (int(count.argmax()) for count in counts)
        return i, j, k


def read(root: Path, places: Iterable[str], shape: tuple[int, ...]) -> Masks | None:
    """The masks at `places`, of images of this shape; None where there is none of it, or nothing is drawn.

    A mask that can't be read, or has another shape, is left out.
    """
    together = np.zeros(shape, np.uint8)
    labels: dict[str, int] = {}
    for place in places:
        values = _values(root / place)
        if values is None or values.shape != shape:
            continue
        names = _names(root / place)
        for value in map(int, np.unique(values[values != 0])[:250]):
            label = names.get(str(value), f"label {value}")
            number = labels.setdefault(label, min(len(labels) + 1, 255))
            together[values == value] = number
    legend = tuple(Legend(label, COLOURS[(number - 1) % len(COLOURS)]) for label, number in labels.items())
    return Masks(together, legend) if legend else None


def _values(path: Path) -> Array | None:
    try:
        if path.suffix == ".png":
            with Image.open(path, formats=["PNG"]) as image:
                return np.array(image) if image.mode in ("L", "I;16", "1", "P") else None
        image_: Any = nib.load(path)
        if np.prod(image_.shape) > LARGEST:
            return None
        return np.asanyarray(image_.dataobj)
    except (OSError, ValueError, EOFError, SyntaxError, nib.filebasedimages.ImageFileError):
        return None


def _names(path: Path) -> Mapping[str, str]:
    """What the values of a mask mean, from the table beside it."""
    table = path.with_name(path.name.partition(".")[0] + ".tsv")
    try:
        rows = read_table(table) if table.is_file() else None
    except (DataError, OSError):
        return {}
    if rows is None or not {"index", "name"} <= set(rows.columns):
        return {}
    known = rows.dropna(subset=["index", "name"])
    return dict(zip(map(str, known["index"]), map(str, known["name"]), strict=True))


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
