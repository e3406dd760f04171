"""The pairs of images, within and across datasets, that show the same."""

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mids.analysis.duplicates.prints import Print, compare, make_print
from mids.dataset.disk.whole import content_digest
from mids.dataset.imageset import ImageSet
from mids.dataset.pixels import Volume
from mids.dataset.tables import read_table
from mids.errors import DataError, MidsError

COLUMNS = (
    "dataset", "participant_id", "filename", "other_dataset", "other_participant_id", "other_filename", "similarity",
)  # fmt: skip

SIMILAR = 0.86
"""Above this two pictures show the same (benchmarks/README.md, "Near duplicates")."""
COARSE = 0.5
NEIGHBOURS = 6
"""How many of the images most alike in the coarse are compared finely with each."""

Progress = Callable[[int, int], None]


def find_duplicates(
    images: ImageSet, *, similar: float = SIMILAR, progress: Progress = lambda done, total: None
) -> pd.DataFrame:
    """The pairs of images that show the same: one row a pair with the columns `COLUMNS`, the most alike first.

    Pictures are compared with pictures and volumes with volumes, these by their mean along the slices, so that other
    reconstructions of a scan are found. Windows, borders, crops of up to about 8 % a side, flips, quarter turns and
    lossy compression make no difference. `similarity` is at most 1. Images of one grey show nothing, and are the same
    where their contents are (`content_digest`). Images that can't be read are left out, which the
    dataset's `issues` tell. `progress` hears how many images of how many were read, then compared.
    """
    rows = images.images
    kinds: dict[bool, tuple[list[int], list[Print]]] = {False: ([], []), True: ([], [])}
    flat: dict[bytes, list[int]] = {}
    for number in range(len(rows)):
        progress(number + 1, 2 * len(rows))
        try:
            loaded = images.load(rows.iloc[number])
        except (DataError, MidsError):  # broken, or a link whose content is not there
            continue
        picture = _flatten(loaded.data) if isinstance(loaded, Volume) else loaded.data
        if picture.size == 0 or not picture.max() > picture.min():  # of one grey, or not a number: it shows nothing
            flat.setdefault(content_digest(images.locate(rows.iloc[number])[0]), []).append(number)
            continue
        numbers, prints = kinds[isinstance(loaded, Volume)]
        numbers.append(number)
        prints.append(make_print(picture))
    found: list[tuple[Any, ...]] = [
        (*_name(rows, one), *_name(rows, other), 1.0) for same in flat.values() for one, other in combinations(same, 2)
    ]
    for numbers, prints in kinds.values():
        for one, other, value in _search(prints, similar, lambda done: progress(len(rows) + done, 2 * len(rows))):
            found.append((*_name(rows, numbers[one]), *_name(rows, numbers[other]), round(value, 4)))
    table = pd.DataFrame(found, columns=list(COLUMNS))
    return table.sort_values(
        ["similarity", "filename", "other_filename"], ascending=[False, True, True], ignore_index=True
    )


def read_pairs(path: Path) -> pd.DataFrame:
    """A table of pairs as `mids duplicates` writes it.

    Raises `DataError` (TABLE_ENCODING, TABLE_RAGGED), and `MidsError` for another table.
    """
    if not path.is_file():
        raise MidsError(f"no file {path}: write it with mids duplicates DATASET -o {path.name}")
    table = read_table(path, path.name)
    if not set(COLUMNS) <= set(table.columns):
        raise MidsError(
            f"{path} has not the columns {', '.join(COLUMNS[:3])} …: give the table that mids duplicates writes"
        )
    return table


def list_groups(duplicates: pd.DataFrame) -> list[list[tuple[str, str]]]:
    """The subjects, (dataset, participant_id), that each pair joins, as `Joined.splits` takes them (`together`)."""
    columns = list(COLUMNS[:2] + COLUMNS[3:5])
    return [
        [(one, person), (other, same)]
        for one, person, other, same in duplicates[columns].itertuples(index=False)
        if (one, person) != (other, same)
    ]


def _flatten(data: np.ndarray) -> np.ndarray:
    """A volume as a picture: the mean along its third axis, of tissue between air and bone; colours are averaged.

    Of complex numbers it is that of their magnitudes.
    """
    if data.dtype.fields:
        data = np.mean([data[name] for name in data.dtype.fields], axis=0)
    data = np.abs(data) if np.iscomplexobj(data) else data
    volume = data.reshape((*data.shape, 1)) if data.ndim == 2 else data.reshape((*data.shape[:3], -1))[..., 0]
    return np.asarray(np.clip(volume, -1000, 1000).mean(axis=2).T)


def _search(prints: Sequence[Print], similar: float, told: Callable[[int], None]) -> Iterable[tuple[int, int, float]]:
    """The pairs that are alike, each once: those near in the coarse are compared finely, both ways."""
    if len(prints) < 2:
        return
    turned = np.stack([each.turned for each in prints]).reshape(-1, prints[0].turned.shape[1]).T
    seen: set[tuple[int, int]] = set()
    for number, own in enumerate(prints):
        told(number + 1)
        coarse = (own.framed @ turned).reshape(len(own.framed), len(prints), -1).max(axis=(0, 2))
        coarse[number] = -1
        for other in np.argsort(-coarse)[:NEIGHBOURS]:
            pair = min(number, int(other)), max(number, int(other))
            if coarse[other] < COARSE or pair in seen:
                continue
            seen.add(pair)
            value = max(compare(own, prints[other]), compare(prints[other], own))
            if value >= similar:
                yield *pair, value


def _name(rows: pd.DataFrame, number: int) -> tuple[Any, ...]:
    row = rows.iloc[number]
    return str(row["dataset"]), str(row["participant_id"]), str(row["filename"])
