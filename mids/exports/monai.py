"""A dataset as a MONAI data list (the dataset.json of the Medical Segmentation Decathlon).

`monai.data.load_decathlon_datalist(file, is_segmentation=…, data_list_key="training")` opens it: paths are relative to
the dataset's folder, which is its `base_dir`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import pandas as pd

from mids.dataset import Choice, Dataset
from mids.dataset.disk.grids import check_grid
from mids.dataset.disk.progress import watched
from mids.errors import MidsError
from mids.exports.description import read_description

Task = Literal["segmentation", "classification"]
PARTS = {"train": "training", "validation": "validation", "test": "test"}
"""Keys of the lists by the parts of partitions.tsv; without that table all is for training.

Empty lists except this one are left out, because MONAI's loader fails at an empty "test".
"""


def datalist(
    dataset: Dataset, task: Task = "segmentation", *,
    modality: Choice = None, readers: Sequence[str] = (), labels: Sequence[str] = (),
) -> dict[str, Any]:  # fmt: skip
    """The images with their segmentations, one item for each annotator; or with 0 or 1 for each of `labels`.

    Labels stand for what the label tree has below them; without any, all of the dataset's are taken. For segmentation
    images without one are left out; if `readers` (annotators) are given, only theirs count. Raises `MidsError`
    where nothing is left, or the tables of two annotators disagree, `DataError` (MASK_GRID) where a segmentation lies
    on another grid than its image.
    """
    images = dataset.select(modality=modality)
    if task == "segmentation":
        masks = dataset.rois[dataset.rois["image"].isin(images["filename"])]
        masks = masks[masks["reader"].isin(readers)] if readers else masks
        names = _structures(dataset, masks)
        items = list(_build_segmentation_items(dataset, masks))
    else:
        chosen = list(labels) or sorted(map(str, dataset.labels["label"].dropna().unique()))
        names = {str(number): label for number, label in enumerate(chosen)}
        items = list(_build_classification_items(dataset, images, modality, chosen))
    if not items or not names:
        raise MidsError(f"the dataset has nothing for {task}: try another task or modality")
    lists = {key: [item for part, item in items if part == key] for key in PARTS.values()}
    said = read_description(dataset)
    return {
        "name": said.name, "description": said.description, "reference": said.citation, "licence": said.licence,
        "release": said.version, "tensorImageSize": "4D" if _is_4d(images) else "3D",
        "modality": {"0": "/".join(sorted(set(map(str, images["suffix"].dropna()))))},  # by channel: each has one
        "labels": names, "numTraining": len(lists["training"]), "numValidation": len(lists["validation"]),
        "numTest": len(lists["test"]), **{key: found for key, found in lists.items() if found or key == "training"},
    }  # fmt: skip


def _build_segmentation_items(dataset: Dataset, masks: pd.DataFrame) -> Iterator[tuple[str, dict[str, Any]]]:
    """Part and item of each segmentation."""
    parts = _parts(dataset)
    rows = masks[["image", "filename", "reader"]].fillna("").itertuples(index=False)
    for image, mask, reader in watched(rows, "segmentations listed", len(masks)):
        if image in parts:
            check_grid((dataset.path / image, image), (dataset.path / mask, mask))
            yield parts[str(image)], {"image": str(image), "label": str(mask), "reader": str(reader)}


def _build_classification_items(
    dataset: Dataset, images: pd.DataFrame, modality: Choice, labels: Sequence[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Part and item of each image that anybody labelled: which of the labels it has."""
    everyone = sorted(map(str, dataset.labels["label"].dropna().unique()))
    labelled = set(dataset.select(modality=modality, label=everyone)["filename"]) if everyone else set()
    having = [set(dataset.select(modality=modality, label=label)["filename"]) for label in labels]
    parts = _parts(dataset)
    for name in map(str, images["filename"]):
        if name in labelled and name in parts:
            yield parts[name], {"image": name, "label": [int(name in own) for own in having]}


def _parts(dataset: Dataset) -> Mapping[str, str]:
    """The list that each image goes to."""
    table = dataset.partitions
    if bool(table["split"].isna().all()):
        return dict.fromkeys(map(str, table["filename"]), PARTS["train"])
    rows = table.dropna(subset=["split"])[["filename", "split"]].itertuples(index=False)
    return {str(name): PARTS[str(part)] for name, part in rows if part in PARTS}


def _structures(dataset: Dataset, masks: pd.DataFrame) -> dict[str, str]:
    """What the values of all segmentations mean; one value means one thing."""
    found = {0: "background"}
    for name in map(str, masks["filename"]):
        for value, structure in dataset.structures(name).items():
            if found.setdefault(value, structure) != structure:
                raise MidsError(f"the value {value} means both {found[value]} and {structure}: choose annotators")
    return {str(value): found[value] for value in sorted(found)} if len(masks) else {}


def _is_4d(images: pd.DataFrame) -> bool:
    """Whether the images are series over time (frames, or the volumes of bold and dwi)."""
    return bool(images["suffix"].isin(["bold", "dwi", "asl"]).any())
