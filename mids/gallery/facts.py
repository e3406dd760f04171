"""What sidecars and headers say of the images of a dataset, read in worker processes."""

from dataclasses import dataclass
from functools import lru_cache, partial
from math import prod
from pathlib import Path
from typing import Any

import pandas as pd

from mids.counting import FACTS, SIDECAR_KEYS, Tables, tables
from mids.dataset import Dataset
from mids.errors import DataError, MidsError
from mids.readers.heads import nifti_head
from mids.records import Map

SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio")
"""The sidecar keys that say how high and wide a pixel is, the first that is there."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What is known of one image: slices, height and width of a pixel of a picture, and some keys of its sidecar."""

    filename: str
    slices: int
    spacing: tuple[float, float]
    keys: tuple[tuple[str, str], ...]


def read(dataset: Dataset, mapped: Map) -> dict[str, Fact]:
    """The facts of every image, by its path."""
    names = [str(name) for name in dataset.images["filename"]]
    return {fact.filename: fact for fact in mapped(partial(_fact, dataset.path), names)}


def counted(dataset: Dataset, facts: dict[str, Fact]) -> Tables:
    """The tables that statistics count, with these facts."""
    given = tables(dataset, facts=False)
    rows: list[dict[str, Any]] = []
    for name in given.scans["filename"]:
        fact = facts.get(name)
        rows.append({"filename": name, **({"slices": fact.slices, **dict(fact.keys)} if fact else {})})
    return Tables(
        given.participants, given.sessions, given.scans, given.tests, given.labels,
        pd.DataFrame(rows, columns=list(FACTS)),
    )  # fmt: skip


@lru_cache(maxsize=4)
def _opened(root: Path) -> Dataset:
    """A dataset is opened once in each worker."""
    return Dataset(root)


def _fact(root: Path, filename: str) -> Fact:
    try:
        sidecar = _opened(root).sidecar(filename)
    except (MidsError, DataError, OSError):
        sidecar = {}
    slices = 1
    if ".nii" in filename:
        try:
            slices = prod(nifti_head(root / filename).shape[2:])
        except (DataError, OSError):
            slices = 1
    spacing = next((found for key in SPACINGS if (found := _pair(sidecar.get(key)))), (1.0, 1.0))
    keys = tuple((key, str(sidecar[key])) for key in SIDECAR_KEYS if sidecar.get(key) not in (None, ""))
    return Fact(filename, slices, spacing, keys)


def _pair(value: Any) -> tuple[float, float] | None:
    """Two positive numbers; None for anything else."""
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(each, (int, float)) for each in value):
        return None
    height, width = float(value[0]), float(value[1])
    return (height, width) if 0 < height < 1e3 and 0 < width < 1e3 else None
