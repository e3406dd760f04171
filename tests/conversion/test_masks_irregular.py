"""Segmentations and contours on series that are no regular grid, and on what was not converted."""

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
from drawn import (
    BIG,
    SMALL,
    Grid,
    Shown,
    area,
    at,
    axial,
    codes,
    done,
    ring,
    segmentation,
    series,
    square,
    structures,
)  # fmt: skip


def test_on_a_series_with_a_gap_what_lies_on_slices_stays(tmp_path: Path, key: Path) -> None:
    grid = axial((9, 24, 32))
    source = series(tmp_path / "in", grid, skip=(6,))
    result = done(source, key, structures([ring(grid, k, square(*BIG)) for k in (2, 3)]), segmentation(
        [Shown(area(*SMALL, grid.shape, 4)[4], grid.place(4, 0, 0), names=4)], grid))  # fmt: skip
    assert not {"REGION_UNVERIFIED", "REGION_OUTSIDE"} & set(codes(result))
    maps = {path.name.split("desc-")[1][:3]: at(path, grid) for path in result.dataset.rglob("*_dseg.nii.gz")}
    assert np.array_equal(maps["rts"], area(*BIG, grid.shape, 2, 3))
    assert np.array_equal(maps["seg"], area(*SMALL, grid.shape, 4))


def test_on_a_tilted_series_both_lie_where_the_slices_are(tmp_path: Path, key: Path) -> None:
    grid = Grid(np.array([1.0, 0, 0]), np.array([0, 0.96, -0.28]), np.zeros(3), (3, 1, 1), (6, 24, 32), lean=1.5)
    region = [Shown(area(*BIG, grid.shape, k)[k], grid.place(k, 0, 0), names=k) for k in range(6)]
    rings = structures([ring(grid, k, square(*BIG)) for k in range(6)])
    result = done(series(tmp_path / "in", grid), key, rings, segmentation(region, grid))
    assert codes(result) == {"VOLUME_RESAMPLED": "info"}
    one, other = (np.asarray(nib.load(path).dataobj) for path in result.dataset.rglob("*_dseg.nii.gz"))
    assert np.array_equal(one, other)
    image = nib.load(next(result.dataset.rglob("*_ct.nii.gz")))
    assert image.shape == one.shape
    found = np.argwhere(one) @ image.affine[:3, :3].T + image.affine[:3, 3]
    middle = np.mean([grid.place(k, 6.5, 6.5) for k in range(6)], axis=0) * (-1, -1, 1)
    assert np.allclose(found.mean(axis=0), middle, atol=0.3)


def test_contours_that_name_no_image_lie_on_the_slab_that_they_are_in(tmp_path: Path, key: Path) -> None:
    grid = axial((30, 24, 32))
    source = series(tmp_path / "in", grid, skip=range(4, 26))
    result = done(source, key, structures([ring(grid, 2, square(*BIG)), ring(grid, 27, square(*SMALL))]))
    assert codes(result) == {"SLABS_APART": "warning"}
    first, second = sorted(result.dataset.rglob("*_dseg.nii.gz"))
    low, high = axial((4, 24, 32)), replace(axial((4, 24, 32)), corner=grid.place(26, 0, 0))
    assert np.array_equal(at(first, low), area(*BIG, low.shape, 2))
    assert np.array_equal(at(second, high), area(*SMALL, high.shape, 1))


def test_what_was_not_converted_is_not_drawn_on(tmp_path: Path, key: Path) -> None:
    source = tmp_path / "in"
    grid = axial()
    result = done(source, key, structures([ring(grid, 2, square(*BIG), names=2)]))
    assert codes(result)["REGION_UNMATCHED"] == "error"
