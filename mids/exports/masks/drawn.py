"""The masks of a dataset, each with its image as a DICOM series, for whatever object is made of them.

A folder for each image: ``image/`` has the volume as a DICOM series, a file for each annotator the masks. Segments and
regions are called as in the table of the mask's values, with the UMLS code that the dataset's labels give the name.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydicom.dataset import Dataset as Dicom

from mids.dataset import Dataset
from mids.dataset.disk.progress import watched
from mids.dataset.pixels import Volume
from mids.errors import DataError, MidsError
from mids.exports.masks.images import Grid, Names, make_grid, make_series, save, slices
from mids.exports.writing import LEFT_OUT, PICTURE
from mids.vocabulary.bids.names import split_name


@dataclass(frozen=True, slots=True)
class Region:
    """What a value of a mask is: its name, and a UMLS code or ""; `area` is (slices, rows, columns) of bool."""

    name: str
    code: str
    area: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A mask of one annotator with its images: what a writer gets."""

    names: Names
    reader: str
    regions: Sequence[Region]
    images: Sequence[Dicom]
    grid: Grid


Writer = Callable[[Drawn], Dicom]


def write_masks(dataset: Dataset, output: Path, make: Writer) -> list[Path]:
    """What `make` gives of each mask of a volume, with its images; returns the paths of all files.

    Masks that can't be written are listed in `LEFT_OUT`. Raises `MidsError` where there is no mask of a volume, or none
    that can be written, with why.
    """
    codes = _codes(dataset)
    written: list[Path] = []
    left: list[tuple[str, str]] = []
    drawn = dataset.rois.fillna("").groupby("image", sort=True)
    for image, masks in watched(drawn, "images with masks written", len(drawn)):
        try:
            written += list(_of_image(dataset, str(image), masks, codes, output, make, left))
        except DataError as error:
            left += [(str(name), error.message) for name in masks["filename"]]
    if not any(path.parent.name != "image" for path in written):
        raise MidsError(_nothing(why for _, why in left))
    if left:
        lines = "".join(f"{name}\t{why}\n" for name, why in left)
        (output / LEFT_OUT).write_text(f"filename\twhy\n{lines}", encoding="utf-8")
        written.append(output / LEFT_OUT)
    return written


def _nothing(reasons: Iterable[str]) -> str:
    """Why a dataset gives no object at all."""
    known = sorted({why for why in reasons if why != PICTURE})
    if known:
        return f"no mask of the dataset can be written: {'; '.join(known)}"
    return "the dataset has no mask of a volume: masks of pictures have no place in a patient"


def _of_image(
    dataset: Dataset, image: str, masks: pd.DataFrame, codes: dict[str, str], output: Path, make: Writer,
    left: list[tuple[str, str]],
) -> Iterator[Path]:  # fmt: skip
    """The files of one image; its series is written once there is a mask on it."""
    if not image:
        raise DataError("REGION_UNMATCHED", "the mask has no image in the dataset")
    if ".nii" not in image:
        raise DataError("REGION_MISMATCH", PICTURE)
    volume = dataset.load(image)
    assert isinstance(volume, Volume)
    folders, _, name = image.rpartition("/")
    parts = split_name(name)
    names = Names(parts.entities["sub"], parts.entities.get("ses", ""), parts.suffix, image, dataset.name)
    grid = make_grid(volume)
    series = make_series(volume, grid, names)
    folder = output / folders / name.removesuffix(parts.extension)
    for row in masks.itertuples(index=False):
        filename = str(row.filename)
        try:
            regions = _regions(dataset, filename, volume, codes)
            made = make(Drawn(names, str(row.reader) or "reader1", regions, series, grid))
        except DataError as error:
            left.append((filename, error.message))
            continue
        if not folder.exists():
            yield from save(series, folder / "image")
        path = folder / f"{filename.rpartition('/')[2].partition('.')[0]}.dcm"
        made.save_as(path, enforce_file_format=True)
        yield path


def _regions(dataset: Dataset, filename: str, volume: Volume, codes: dict[str, str]) -> list[Region]:
    """The values of a mask that it has, in their order; raises `DataError` where it does not lie on the image."""
    mask = dataset.load(filename)
    assert isinstance(mask, Volume)
    if mask.data.shape != volume.data.shape or not np.allclose(mask.affine, volume.affine, atol=1e-3):
        raise DataError("REGION_MISMATCH", "the mask has another grid than its image")
    if mask.data.dtype.kind not in "iufb" or not np.array_equal(mask.data, np.round(mask.data)):
        raise DataError("REGION_INVALID", "the values of the mask are not whole numbers")
    known = dataset.structures(filename)
    values = [int(value) for value in np.unique(mask.data) if value]
    if not values:
        raise DataError("REGION_INVALID", "the mask encloses nothing")
    named = {value: known.get(value, f"value {value}") for value in values}
    return [Region(name, codes.get(name, ""), slices(mask.data == value)) for value, name in named.items()]


def _codes(dataset: Dataset) -> dict[str, str]:
    """The UMLS code of each label of the dataset that has one."""
    labels = dataset.labels
    if not {"label", "cui"} <= set(labels.columns):
        return {}
    pairs = labels[["label", "cui"]].dropna().drop_duplicates("label").itertuples(index=False)
    return {str(label): str(cui) for label, cui in pairs if str(cui)}
