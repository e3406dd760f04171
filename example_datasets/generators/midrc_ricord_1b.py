"""A small MIDRC-RICORD-1B: one invented patient, an axial CT and a sagittal reformat of it, a table, no annotations."""

from collections.abc import Iterator

import numpy as np

from example_datasets.generators.anatomy import Floats
from example_datasets.generators.dicomfile import axis, encode
from example_datasets.generators.midrc_ricord_1a import HEADER, File, Series, Study, as_csv, clinical_row, slices

PREFIX = "MIDRC-RICORD-1B"
STUDY = Study("negative", f"{PREFIX}-419639-000951", "20060301", "CT CHEST PE PROTOCOL", "044Y", "F")


def _across(x: Floats) -> Floats:
    return np.array([[value, 0.0, 0.0] for value in x])


AXIAL = Series(STUDY, 2, "AXIAL 5MM", np.array([[0.0, 0.0, z] for z in axis(8, 12.0, 0.0)]))
SAGITTAL = Series(
    STUDY, 5, "SAG MPR", _across(axis(6, 14.0)), column=(0.0, 0.0, -1.0), row=(0.0, 1.0, 0.0), kernel="B30f"
)


def files() -> Iterator[File]:
    """Every file of the source, sorted by path."""
    images = (
        (f"{series.folder}/1-{number:03}.dcm", encode(dataset))
        for series in (AXIAL, SAGITTAL)
        for number, dataset in enumerate(slices(series), start=1)
    )
    row = clinical_row(STUDY, "44.0", "F", "14.0", "NOT DETECTED", "RT-PCR")
    yield from sorted([*images, ("MIDRC-RICORD-1B-Clinical-Data.csv", as_csv(HEADER, [row]))])
