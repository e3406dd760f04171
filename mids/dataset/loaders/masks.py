"""The segmentation of an image, and what its values mean among those of others."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mids.dataset.loaders.grey import Array
from mids.dataset.selection import check_known
from mids.errors import DataError, MidsError


def choose_mask(rois: pd.DataFrame, image: "pd.Series[Any]", reader: str | None) -> "pd.Series[Any] | None":
    """The row of an image's segmentation, by a reader if one is given; None where there is none.

    Raises `MidsError` where there are several, and for a reader that the dataset does not have.
    """
    if reader is not None:
        check_known("reader", [reader], rois["reader"].dropna())
    own = rois[rois["image"] == image["filename"]]
    if "dataset" in rois and "dataset" in image:
        own = own[own["dataset"] == image["dataset"]]
    if reader is not None:
        own = own[own["reader"] == reader]
    if len(own) > 1:
        readers = ", ".join(map(str, own["reader"].fillna("unnamed")))
        raise MidsError(f"{image['filename']} has {len(own)} segmentations: choose a reader of {readers}")
    return None if own.empty else own.iloc[0]


IGNORE = "ignore"
"""The structure that training leaves out, as nnU-Net calls it; it must have the highest value."""


def number_structures(names: Iterable[str]) -> dict[str, int]:
    """The value of each structure: 1, 2 … by name, "ignore" the last; background has none."""
    given = set(names)
    ordered = [*sorted(given - {IGNORE, "background"}), *({IGNORE} & given)]
    return {name: value for value, name in enumerate(ordered, start=1)}


def reconcile(tables: Sequence[Mapping[int, str]]) -> dict[str, int]:
    """One numbering for segmentations whose tables contradict each other; nothing where they agree as they are."""
    pairs = {(value, name) for table in tables for value, name in table.items() if value and name != "background"}
    values, names = zip(*pairs, strict=True) if pairs else ((), ())
    is_one = len(set(values)) == len(pairs) == len(set(names))
    return {} if is_one else number_structures(names)


def check_whole(mask: Array, name: str) -> None:
    """Refuses a segmentation whose values are not whole numbers; raises `DataError` (MASK_VALUES)."""
    if mask.dtype.kind in "biu":
        return
    if mask.dtype.kind != "f":
        raise DataError("MASK_VALUES", f"{name} does not hold whole numbers: convert the segmentation again")
    broken = mask[mask != np.round(mask)]
    if broken.size:
        raise DataError("MASK_VALUES", f"{name} has the value {broken[0]:g}, which is not a whole number: threshold it")


def renumber(mask: Array, meant: Mapping[int, int], name: str) -> Array:
    """A segmentation with other values; raises `DataError` (MASK_VALUES) for one that its table does not name."""
    unknown = sorted(set(np.unique(mask).tolist()) - set(meant) - {0})
    if unknown:
        raise DataError(
            "MASK_VALUES",
            f"{name} has the value {unknown[0]:g}, which its table does not name: mids validate lists all",
        )
    found = np.zeros(mask.shape, np.uint8 if max(meant.values(), default=0) < 256 else np.uint16)
    for value, new in meant.items():
        found[mask == value] = new
    return found
