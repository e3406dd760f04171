"""Small sources of the collection covid-chestxray, and what was made of them."""

from pathlib import Path

import numpy as np
from places import SOURCES
from trees import put, table

from example_datasets.generate import sources
from example_datasets.generators import covid_chestxray as example
from mids.conversion import Conversion, convert
from mids.issues import Issue

NAME = "covid-chestxray"
INPUT, GOLDEN = SOURCES / NAME / "input", SOURCES / NAME / "mids"
MANY = dict(sources()[NAME]())
PICTURE = example.picture(example.radiograph(), "PNG")


def source(root: Path, rows: list[dict[str, str]], columns: tuple[str, ...] = example.COLUMNS) -> Path:
    """A source of these rows, each with a picture of its own."""
    put(root, "metadata.csv", example.table(columns, rows).encode())
    for number, row in enumerate(rows):
        put(root, f"{row.get('folder') or 'images'}/{row['filename']}", picture(number) if number else PICTURE)
    return root


def picture(number: int) -> bytes:
    """A picture like no other, of the radiograph's size."""
    pixels = example.radiograph()
    noise = np.random.default_rng(number).permuted(pixels.ravel()).reshape(pixels.shape)
    return example.picture(noise, "PNG")


def row(number: int, **values: str) -> dict[str, str]:
    """A radiograph of a patient of its own."""
    first = {"patientid": str(number), "offset": "0", "finding": "COVID-19", "view": "PA", "modality": "X-ray"}
    return {**first, "filename": f"{number}.png", **values}


def converted(tmp_path: Path, key: Path, rows: list[dict[str, str]], *columns: str) -> Conversion:
    root = source(tmp_path / "source", rows, columns or example.COLUMNS)
    return convert(NAME, root, tmp_path / "dest", key=key)


def only(done: Conversion, pattern: str) -> dict[str, str]:
    """The one row of the one table of that name."""
    (path,) = done.dataset.glob(pattern)
    (found,) = table(path)
    return found


def where(issues: tuple[Issue, ...], code: str) -> list[str]:
    return [issue.where for issue in issues if issue.code == code]
