"""Volumes and their segmentations in the layout of nnU-Net version 2 (its documentation, "dataset_format.md").

`imagesTr`, `labelsTr`, `imagesTs`, `dataset.json`, and where partitions.tsv has validation, `splits_final.json`.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd

from mids.dataset import Choice, Dataset
from mids.dataset.disk.progress import watched
from mids.dataset.selection import check_known
from mids.errors import MidsError
from mids.exports.description import read_description
from mids.exports.writing import write_json

IGNORE = "ignore"
"""The structure that training leaves out, as nnU-Net calls it; it must have the highest value."""


def write_nnunet(dataset: Dataset, folder: Path, *, modality: Choice = None, readers: Sequence[str] = ()) -> list[Path]:
    """Writes a dataset for nnU-Net into a folder, which should be called like Dataset501_Name; returns the paths.

    Every volume with one segmentation (of the `readers`, if given) is a training case; those of the part "test" go to
    `imagesTs`. A case is called by its file. Structures of all masks get the values 1, 2 … in the order of their names,
    "ignore" the last. Raises `MidsError` where there is no such volume, one has several segmentations, a mask lies on
    another grid, or several modalities are chosen, `DataError` where a volume can't be read.
    """
    images = dataset.select(modality=modality)
    masks = dataset.rois[dataset.rois["image"].isin(images["filename"])]
    if readers:
        check_known("annotator", readers, masks["reader"].dropna())
        masks = masks[masks["reader"].isin(readers)]
    masks = masks[masks["filename"].str.contains(r"\.nii(?:\.gz)?$")]
    _check(images, masks)
    names = _name_values(dataset, masks)
    parts = dict(dataset.partitions[["filename", "split"]].dropna().itertuples(index=False, name=None))
    written: list[Path] = []
    validation: list[str] = []
    training: list[str] = []
    pairs = masks[["image", "filename"]].itertuples(index=False)
    for image, mask in watched(pairs, "images with masks written", len(masks)):
        case = _case(image)
        is_test = parts.get(image) == "test"
        volume = dataset.load(image)  # a file that can't be read is found here, not in the middle of a training
        written.append(_copy_image(dataset.path / image, folder / ("imagesTs" if is_test else "imagesTr"), case))
        if not is_test:
            written.append(_write_labels(dataset, volume, mask, names, folder / "labelsTr" / f"{case}.nii.gz"))
            (validation if parts.get(image) == "validation" else training).append(case)
    said = read_description(dataset)
    suffix = str(images.loc[images["filename"].isin(masks["image"]), "suffix"].iloc[0])
    written.append(write_json(folder / "dataset.json", {
        "channel_names": {"0": "CT" if suffix == "ct" else suffix}, "labels": {"background": 0, **names},
        "numTraining": len(training) + len(validation), "file_ending": ".nii.gz", "name": said.name,
        "description": said.description or "", "licence": said.licence or "", "reference": said.citation or "",
    }))  # fmt: skip
    if validation:
        split: Any = [{"train": sorted(training), "val": sorted(validation)}]
        written.append(write_json(folder / "splits_final.json", split))
    return written


def _check(images: pd.DataFrame, masks: pd.DataFrame) -> None:
    if masks.empty:
        raise MidsError("no volume has a segmentation: choose another modality or annotator")
    several = masks.loc[masks["image"].duplicated(), "image"]
    if len(several):
        raise MidsError(f"{several.iloc[0]} has several segmentations: choose one annotator")
    suffixes = sorted(set(images.loc[images["filename"].isin(masks["image"]), "suffix"]))
    if len(suffixes) > 1:
        raise MidsError(f"nnU-Net takes one modality: choose one of {', '.join(suffixes)}")


def _name_values(dataset: Dataset, masks: pd.DataFrame) -> Mapping[str, int]:
    """The value of each structure of any mask: 1, 2 … by name, "ignore" the last."""
    names = {name for mask in masks["filename"] for name in dataset.structures(mask).values()}
    if not names:
        raise MidsError("no segmentation has a table of its structures beside it: add one with index and name")
    ordered = [*sorted(names - {IGNORE, "background"}), *({IGNORE} & names)]
    return {name: value for value, name in enumerate(ordered, start=1)}


def _case(image: str) -> str:
    return Path(image).name.split(".")[0]


def _copy_image(path: Path, folder: Path, case: str) -> Path:
    """A volume as the first channel of a case; one that is not packed is packed."""
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / f"{case}_0000.nii.gz"
    if path.suffix == ".gz":
        shutil.copyfile(path, place)
    else:
        nib.save(nib.load(path), place)
    return place


def _write_labels(dataset: Dataset, target: Any, mask: str, names: Mapping[str, int], place: Path) -> Path:
    """A mask with the values of `names`; raises `MidsError` where it lies on another grid than its image."""
    given: Any = dataset.load(mask)
    if given.shape != target.shape or not np.allclose(given.affine, target.affine, atol=1e-3):
        raise MidsError(f"{mask} lies on another grid than its image: mids-validate says how they differ")
    values = given.data
    meant = {value: names[name] for value, name in dataset.structures(mask).items() if name in names}
    unknown = sorted(set(np.unique(values).tolist()) - set(meant) - {0})
    if unknown:
        raise MidsError(f"{mask} has the value {unknown[0]:g}, which its table does not name: mids-validate lists all")
    found = np.zeros(values.shape, np.uint8 if len(names) < 256 else np.uint16)
    for value, new in meant.items():
        found[values == value] = new
    place.parent.mkdir(parents=True, exist_ok=True)
    made: Any = nib.Nifti1Image
    nib.save(made(found, target.affine, dtype=found.dtype), place)
    return place
