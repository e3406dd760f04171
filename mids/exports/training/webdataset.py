"""Images and their facts as WebDataset shards: tar files whose members of one name belong together."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pandas as pd

from mids.dataset import Choice, Dataset
from mids.dataset.disk.door import opening
from mids.dataset.disk.progress import watched
from mids.dataset.frames.labels import find_labelled_images
from mids.errors import DataError

SHARD = 256 << 20
"""Bytes after which a new shard begins."""


def write_shards(dataset: Dataset, folder: Path, *, modality: Choice = None, size: int = SHARD) -> list[Path]:
    """Writes `shard-000000.tar` and so on, and returns their paths.

    A sample has the image under its own extension (`.png`, `.nii.gz`), its segmentations as ``mask`` or, of several
    annotators, ``NAME.mask`` (of several of one annotator, ``NAME-LABEL.mask``), and `.json`: what is known of it (the
    row of `Dataset.images`, and `labels`: its own, and those of its session or subject that name no image). Files that
    can't be read are left out, which `Dataset.issues` tells. Shards are the same bytes whenever the dataset is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    labels = _gather_labels(dataset)
    masks = dict(list(dataset.rois.dropna(subset=["image"]).groupby("image")))
    paths: list[Path] = []
    records = dataset.select(modality=modality).to_dict("records")
    waiting = watched(records, "images written", len(records))
    record = next(waiting, None)
    while record:
        paths.append(folder / f"shard-{len(paths):06d}.tar")
        with tarfile.open(paths[-1], "w", format=tarfile.PAX_FORMAT) as stream:
            while record and stream.offset < size:
                _add(stream, dataset, record, labels.get(record["filename"]), masks.get(record["filename"]))
                record = next(waiting, None)
    return paths


def _gather_labels(dataset: Dataset) -> dict[str, list[str]]:
    """The labels of each image, each once, in the order of the table."""
    found: dict[str, list[str]] = {}
    for label, rows in dataset.labels.groupby("label", sort=False):
        for name in dataset.images.loc[find_labelled_images(dataset.images, rows), "filename"]:
            found.setdefault(str(name), []).append(str(label))
    return found


def _add(
    stream: tarfile.TarFile, dataset: Dataset, record: dict[Any, Any], labels: list[str] | None, masks: Any
) -> None:
    """One sample, where its image can be read; its key is the file name, dots in it as `_`."""
    name = str(record["filename"])
    extension = str(record["extension"]).lstrip(".")
    key = Path(name).name.removesuffix(f".{extension}").replace(".", "_")  # readers take the first dot for its end
    facts = {str(column): value for column, value in record.items() if not pd.isna(value)}
    if labels:
        facts["labels"] = labels
    files = {extension: name} | ({} if masks is None else _name_masks(masks))
    members = {ending: data for ending, path in files.items() if (data := _read(dataset, path)) is not None}
    if extension not in members:
        return
    members["json"] = json.dumps(facts, ensure_ascii=False, sort_keys=True).encode()
    for ending, data in sorted(members.items()):
        member = tarfile.TarInfo(f"{key}.{ending}")
        member.size = len(data)
        stream.addfile(member, io.BytesIO(data))


def _name_masks(masks: pd.DataFrame) -> dict[str, str]:
    """The segmentations of an image by their endings in a sample; no two have the same."""
    found: dict[str, str] = {}
    for number, row in enumerate(masks.to_dict("records"), start=1):
        is_one_of_several = (masks["reader"] == row["reader"]).sum() > 1
        entities = [row["reader"], row.get("label") if is_one_of_several else None]
        known = "-".join(str(each) for each in entities if not pd.isna(each)) if len(masks) > 1 else ""
        ending = Path(row["filename"]).name.partition(".")[2]
        which = f"{known}.mask" if known else "mask"
        which = f"{known or 'unnamed'}-{number}.mask" if f"{which}.{ending}" in found else which
        found[f"{which}.{ending}"] = row["filename"]
    return found


def _read(dataset: Dataset, path: str) -> bytes | None:
    """The bytes of a file; None where it can't be read, which the dataset tells."""
    if not dataset.door.holds(path):  # a link whose content is not there
        return None
    try:
        with opening(path):
            return (dataset.path / path).read_bytes()
    except DataError as error:
        dataset.door.keep(error, path)
        return None
