"""Images as TorchIO, MONAI and Hugging Face take them: their own objects over the files of the dataset."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

from mids.dataset.disk.grids import find_affine
from mids.dataset.disk.heads import nifti_head
from mids.errors import MidsError


def need(module: str, package: str, use: str) -> Any:
    """A module of another program; `MidsError` where that is not installed."""
    try:
        return import_module(module)
    except ImportError as error:
        raise MidsError(f"{use} needs {package}: pip install {package}") from error


def make_subject(image: str, mask: str, facts: Mapping[Any, Any]) -> Any:
    """A `torchio.Subject` with `image`, its `mask` if it has one, and the known facts of its row."""
    torchio = need("torchio", "torchio", "Dataset.subject")
    known = {str(key): value for key, value in facts.items() if not pd.isna(value) and key != "image"}
    images = {"image": torchio.ScalarImage(image, **_how_to_read(image))}
    if mask:
        images["mask"] = torchio.LabelMap(mask, **_how_to_read(mask))
    return torchio.Subject({**known, **images})


def _how_to_read(path: str) -> dict[str, Any]:
    """How TorchIO reads a file: by itself, but where it has another idea of where unplaced and 2D NIfTI lie."""
    if not path.endswith((".nii", ".nii.gz")):
        return {}
    head = nifti_head(path)
    return {} if len(head.shape) > 2 and (head.sform > 0 or head.qform > 0) else {"reader": _read_placed}


def _read_placed(path: Any) -> tuple[Any, Any]:
    """Values as TorchIO reads them, with the affine of `Dataset.load`."""
    tensor, _ = import_module("torchio.data.io").read_image(path)
    return tensor, np.array([*find_affine(nifti_head(path)), (0.0, 0.0, 0.0, 1.0)])


def make_hugging_face(paths: Sequence[str], rows: pd.DataFrame, description: str, licence: str, *, embed: bool) -> Any:
    """A `datasets.Dataset` with `image` (Image or Nifti; with `embed` the bytes) and the known columns of the rows."""
    datasets = need("datasets", "datasets", "Dataset.to_hf")
    is_volume = {".nii" in path for path in paths}
    if len(is_volume) > 1:
        raise MidsError("volumes and 2D images do not fit one column: choose rows of one kind by their extension")
    kind = datasets.Nifti() if True in is_volume else datasets.Image()
    columns: dict[str, list[Any]] = {"image": list(paths)}
    for name, column in rows.dropna(axis=1, how="all").items():
        if name != "image":
            columns[str(name)] = [None if pd.isna(value) else value for value in column]
    info = datasets.DatasetInfo(description=description, license=licence)
    made = datasets.Dataset.from_dict(columns, info=info)
    made = made.cast_column("image", kind)
    if not embed:
        return made
    embed_files = import_module("datasets.table").embed_table_storage
    # One image at a time, for an array of Arrow holds less than 2 GB.
    held = made.with_format("arrow").map(embed_files, batched=True, batch_size=1, keep_in_memory=True)
    return held.with_format(None)
