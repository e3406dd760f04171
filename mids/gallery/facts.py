"""What sidecars and headers say of the images of a dataset."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import pandas as pd

from mids.analysis.counting import (
    SIDECAR_KEYS,
    Tables,
    build_tables,
    list_scans,
)
from mids.dataset import Dataset
from mids.dataset.disk.door import opening
from mids.dataset.disk.heads import check_claim, nifti_head
from mids.dataset.disk.progress import watched
from mids.dataset.tables import read_field
from mids.errors import DataError, MidsError
from mids.records import Map

SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio")
"""The sidecar keys that say how high and wide a pixel is, the first that is there."""

FIELDS = (*SIDECAR_KEYS, *SPACINGS, "BlankedRegions")
"""The keys of sidecars that a page wants of each image."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What is known of one image: slices, height and width of a pixel of a 2D image, and some keys of its sidecar."""

    filename: str
    slices: int
    spacing: tuple[float, float]
    keys: Mapping[str, str]


def read(dataset: Dataset, mapped: Map) -> dict[str, Fact]:
    """The facts of every image, by its path; of a dataset that was opened with the `FIELDS`."""
    images = dataset.images
    names = [str(name) for name in images["filename"]]
    volumes = [name for name in names if ".nii" in name]
    slices: dict[str, int] = {}
    counts = watched(mapped(partial(_slices, dataset.path), volumes), "volumes read", len(volumes))
    for name, count in zip(volumes, counts, strict=True):
        if isinstance(count, DataError):
            dataset.door.keep(count, name)
        else:
            slices[name] = count
    columns = {key: read_field(images, key) for key in FIELDS}
    found = {}
    for row, name in enumerate(names):
        said = {key: str(column[row]) for key, column in columns.items() if not pd.isna(column[row])}
        spacing = next((pair for key in SPACINGS if key in said and (pair := _pair(said[key]))), (1.0, 1.0))
        keys = {key: said[key] for key in SIDECAR_KEYS if key in said}
        found[name] = Fact(name, slices.get(name, 1), spacing, keys)
    return found


def build_counted_tables(dataset: Dataset, facts: Mapping[str, Fact]) -> Tables:
    """The tables that statistics count, with these facts."""
    scans = list_scans(dataset)
    rows: list[dict[str, Any]] = []
    for name in scans["filename"]:
        fact = facts.get(name)
        rows.append({"filename": name, **({"slices": fact.slices, **fact.keys} if fact else {})})
    return build_tables(dataset, scans, rows)


def table(dataset: Dataset, path: str) -> pd.DataFrame:
    """A table of the dataset; an empty one where it is absent, or broken, which the validation tells."""
    try:
        return dataset.table(path)
    except (MidsError, DataError):
        return pd.DataFrame()


def _slices(root: Path, filename: str) -> int | DataError:
    """How many slices and volumes an image has, or what is wrong with it; of one that is not here, 1."""
    try:
        with opening(filename):
            head = nifti_head(root / filename) if (root / filename).exists() else None
        if head is not None:
            check_claim(head)
        return prod(head.shape[2:]) if head else 1
    except DataError as error:
        return error


def _pair(text: str) -> tuple[float, float] | None:
    """Two positive numbers; None for anything else."""
    try:
        height, width = map(float, json.loads(text))
    except (ValueError, TypeError):
        return None
    return (height, width) if 0 < height < 1e3 and 0 < width < 1e3 else None
