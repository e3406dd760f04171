"""Images and their facts as WebDataset shards: tar files whose members of one name belong together."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pandas as pd

from mids.dataset import Choice, Dataset

SHARD = 256 << 20
"""Bytes after which a new shard begins."""


def write_shards(dataset: Dataset, folder: Path, *, modality: Choice = None, size: int = SHARD) -> list[Path]:
    """Writes `shard-000000.tar` and so on, and returns their paths.

    A sample has the image under its own extension (`.png`, `.nii.gz`), its segmentations as ``mask`` or, of several
    annotators, ``NAME.mask``, and `.json`: what is known of it (the row of `Dataset.images`, and `labels`). Shards are
    the same bytes whenever the dataset is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    labels = dataset.labels.dropna(subset=["filename"]).groupby("filename")["label"].agg(list).to_dict()
    masks = dict(list(dataset.rois.dropna(subset=["image"]).groupby("image")))
    paths: list[Path] = []
    records = dataset.select(modality=modality).to_dict("records")
    while records:
        paths.append(folder / f"shard-{len(paths):06d}.tar")
        with tarfile.open(paths[-1], "w", format=tarfile.PAX_FORMAT) as stream:
            while records and stream.offset < size:
                record = records.pop(0)
                _add(stream, dataset, record, labels.get(record["filename"]), masks.get(record["filename"]))
    return paths


def _add(
    stream: tarfile.TarFile, dataset: Dataset, record: dict[Any, Any], labels: list[str] | None, masks: Any
) -> None:
    """One sample; its key is the file name, which has no dot."""
    name = str(record["filename"])
    key, _, extension = Path(name).name.partition(".")
    facts = {str(column): value for column, value in record.items() if not pd.isna(value)}
    if labels:
        facts["labels"] = labels
    members = {extension: (dataset.path / name).read_bytes()}
    if masks is not None:
        for reader, mask in masks[["reader", "filename"]].itertuples(index=False):
            which = f"{reader}.mask" if len(masks) > 1 and not pd.isna(reader) else "mask"
            members[f"{which}.{Path(mask).name.partition('.')[2]}"] = (dataset.path / mask).read_bytes()
    members["json"] = json.dumps(facts, ensure_ascii=False, sort_keys=True).encode()
    for ending, data in sorted(members.items()):
        member = tarfile.TarInfo(f"{key}.{ending}")
        member.size = len(data)
        stream.addfile(member, io.BytesIO(data))
