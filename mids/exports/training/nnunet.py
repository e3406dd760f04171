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
from mids.dataset.disk.grids import check_grid
from mids.dataset.disk.progress import watched
from mids.dataset.loaders.masks import number_structures, renumber
from mids.dataset.selection import check_known
from mids.errors import MidsError
from mids.exports.description import read_description
from mids.exports.writing import write_json


def write_nnunet(dataset: Dataset, folder: Path, *, modality: Choice = None, readers: Sequence[str] = ()) -> list[Path]:
    """Writes a dataset for nnU-Net into a folder, which should be called like Dataset501_Name; returns the paths.

    Every volume with one segmentation (of the `readers`, if given) is a training case; those of the part "test" go to
    `imagesTs`. A case is called by its file. Structures of all masks get the values 1, 2 … in the order of their names,
    "ignore" the last. Raises `MidsError` where there is no such volume, one has several segmentations, is sheared,
    complex or of more than three axes, or several modalities are chosen, `DataError` where a volume can't be read,
    or a mask lies on another grid (MASK_GRID) or has a value that its table does not name (MASK_VALUES).
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
        _check_volume(volume, image)
        check_grid((dataset.path / image, image), (dataset.path / mask, mask))
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
    return number_structures(names)


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


def _check_volume(volume: Any, image: str) -> None:
    """Refuses what nnU-Net, which reads with SimpleITK, can't take; raises `MidsError`."""
    if np.iscomplexobj(volume.data) or volume.data.dtype.fields:
        kind = "complex numbers" if np.iscomplexobj(volume.data) else "colours"
        raise MidsError(f"{image} holds {kind}, which nnU-Net does not read: choose another modality, or leave it out")
    if len(volume.shape) > 3:
        raise MidsError(f"{image} has {len(volume.shape)} axes, nnU-Net takes three: leave it out")
    directions = volume.affine[:3, :3] / volume.spacing
    if not np.allclose(directions.T @ directions, np.eye(3), atol=1e-3):
        raise MidsError(
            f"{image} is sheared (its axes are not at right angles): resample image and mask, or leave it out"
        )


def _write_labels(dataset: Dataset, target: Any, mask: str, names: Mapping[str, int], place: Path) -> Path:
    """A mask with the values of `names`, on the grid of its image."""
    given: Any = dataset.load(mask)
    meant = {value: names[name] for value, name in dataset.structures(mask).items() if name in names}
    found = renumber(given.data, meant, mask)
    place.parent.mkdir(parents=True, exist_ok=True)
    made: Any = nib.Nifti1Image
    nib.save(made(found.reshape(target.shape), target.affine, dtype=found.dtype), place)
    return place
