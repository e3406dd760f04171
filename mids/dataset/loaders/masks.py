"""The segmentation of an image."""

from typing import Any

import pandas as pd

from mids.dataset.selection import check_known
from mids.errors import MidsError


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
