"""Segmentations below `derivatives/rois`, each with its image."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mids.dataset.disk.door import Door
from mids.dataset.files import PLACE, describe_path, find_images
from mids.dataset.tables import frame, read_table
from mids.vocabulary.schema import Schema

ROIS = "derivatives/rois"
OWN = frozenset({"label", "desc", "res", "den", "seg", "space", "hemi", "scale", "atlas"})
"""Entities that a segmentation has and its image has not."""
COLUMNS = ("filename", "image", "participant_id", "session_id", "reader", "lookup")


def masks(door: Door, images: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """One row for each segmentation; see `Dataset.rois`."""
    shared = [key for key in schema.entities if key not in OWN]
    files = door.below_subjects(ROIS)
    present = frozenset(files)
    known = {_key(row, shared): str(row["filename"]) for row in _rows(images)}
    rows = []
    for path, extension in find_images(files):
        row = describe_path(path.removeprefix(f"{ROIS}/"), extension, schema)
        lookup = f"{path.removesuffix(extension)}.tsv"
        rows.append({
            **row, "filename": path, "image": known.get(_key(row, shared), ""), "reader": row.get("desc", ""),
            "lookup": lookup if lookup in present else "",
        })  # fmt: skip
    used = {"sub", "ses", "run", "bp", "lat", "vp"}.union(*rows)
    return frame(rows, [*COLUMNS, *(key for key in schema.entities if key in used), *PLACE])


def _rows(images: pd.DataFrame) -> list[dict[str, str]]:
    return [{str(k): str(v) for k, v in row.items() if v} for row in images.fillna("").to_dict("records")]


def _key(row: dict[str, str], shared: Sequence[str]) -> tuple[str, ...]:
    """What an image and its segmentations have in common: the folder, and the entities of both."""
    folder = row["filename"].rpartition("/")[0]
    return (folder, *(row.get(key, "") for key in shared))


def structures(path: Path, shown: str) -> dict[int, str]:
    """The names of the values of a segmentation by its table, which has the columns index and name."""
    table = read_table(path, shown)
    if not {"index", "name"} <= set(table.columns):
        return {}
    pairs = table[["index", "name"]].dropna().itertuples(index=False)
    return {int(index): str(name) for index, name in pairs if str(index).isdecimal()}
