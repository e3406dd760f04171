"""Segmentations that lie on two series: a map on each that they name, on none where either can be meant."""

from pathlib import Path

import numpy as np
import pytest
from drawn import Grid, Shown, at, axial, codes, done, image_uid, segmentation, series
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from example_datasets.generators.dicomfile import uid
from mids.conversion import Conversion

RNG = np.random.default_rng(12)


def drawn_at_random(shape: tuple[int, int, int]) -> NDArray[np.bool_]:
    """A region without any symmetry."""
    return np.asarray(RNG.random(shape) > 0.8)


def placed_on(result: Conversion) -> list[Path]:
    return sorted((result.dataset / "derivatives/rois").rglob("*_dseg.nii.gz"))


@pytest.mark.parametrize("names", [True, False])
def test_a_segmentation_of_two_series_is_on_both(names: bool, tmp_path: Path, key: Path) -> None:
    grid = axial()
    higher = Grid(grid.x, grid.y, grid.place(3, 0, 0), grid.spacing, grid.shape)
    source = series(series(tmp_path / "in", grid), higher if not names else grid, "other", SeriesNumber=2)
    region = drawn_at_random((9, *grid.shape[1:])) if not names else drawn_at_random(grid.shape)
    said = [{"SeriesInstanceUID": uid("drawn", name)} for name in ("ct", "other")]
    frames = [Shown(plane, grid.place(k, 0, 0), names=k if names else None) for k, plane in enumerate(region)]
    drawn = segmentation(frames, grid, ReferencedSeriesSequence=said, kind="BINARY" if names else "LABELMAP")
    for k, group in enumerate(drawn.PerFrameFunctionalGroupsSequence if names else ()):
        other = Dataset()
        other.ReferencedSOPInstanceUID = image_uid(k, "other")
        group.DerivationImageSequence[0].SourceImageSequence.append(other)
    result = done(source, key, drawn)
    assert codes(result) == {}
    first, second = placed_on(result)
    assert np.array_equal(at(first, grid), region[:6])
    assert np.array_equal(at(second, grid if names else higher), region[-6:])


def test_a_segmentation_that_names_no_series_is_on_neither_of_two(tmp_path: Path, key: Path) -> None:
    grid = axial()
    source = series(series(tmp_path / "in", grid), grid, "other", SeriesNumber=2)
    frames = [Shown(plane, grid.place(k, 0, 0)) for k, plane in enumerate(drawn_at_random(grid.shape))]
    result = done(source, key, segmentation(frames, grid, ReferencedSeriesSequence=[]))
    assert codes(result) == {"REGION_UNMATCHED": "error"}
    assert "several are possible" in result.issues[0].message
    assert not placed_on(result)
