"""A dataset's tables as Parquet files, every column a string as in the tables; needs the extra `parquet`."""

from pathlib import Path

import pandas as pd

from mids.dataset import Dataset
from mids.dataset.index import library


def write_tables(dataset: Dataset, folder: Path) -> list[Path]:
    """Writes images, participants, sessions, labels, tests, rois and partitions, those that have rows.

    Missing values are null. `days_to_test` of images are days to the nearest laboratory test (int64). Raises
    `MidsError` without pyarrow, or where a file can't be written.
    """
    parquet = library()
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, table in _tables(dataset).items():
        if len(table):
            path = folder / f"{name}.parquet"
            parquet.write(path, table, {"mids.dataset": dataset.name, "mids.table": name})
            written.append(path)
    return written


def _tables(dataset: Dataset) -> dict[str, pd.DataFrame]:
    images = dataset.images
    if len(dataset.tests):
        images = images.assign(days_to_test=dataset.nearest_tests()["days"].array)
    known = dataset.partitions.dropna(subset=["split"])
    return {
        "images": images, "participants": dataset.participants, "sessions": dataset.sessions,
        "labels": dataset.labels, "tests": dataset.tests, "rois": dataset.rois, "partitions": known,
    }  # fmt: skip
