"""Segmentations and contours on random grids: what is drawn is what they show, or it is refused for its cause."""

from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import nibabel as nib
import numpy as np
from drawn import Grid, Ring, Shown, frames_of, segmentation, structures
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from example_datasets.generators.dicomfile import encode
from mids.actions.mask import filled
from mids.actions.maskfile import MaskFrames
from mids.errors import DataError
from mids.readers.annotations.contours import lay
from mids.readers.annotations.rtstruct import read
from mids.readers.dicom.geometry import positions
from mids.records import Geometry, Made, Source

Random = np.random.Generator
SEEDS = st.integers(0, 2**32 - 1)


def random_grid(rng: Random) -> Grid:
    """Slices of any direction, spacing and size."""
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    if rng.random() < 0.3:
        turn = np.eye(3)[rng.permutation(3)] * rng.choice([-1.0, 1.0], 3)[:, None]
    spacing = tuple(round(float(value), 3) for value in rng.uniform(0.3, 4, 3))
    shape = tuple(int(n) for n in rng.integers(2, 9, 3))
    return Grid(turn[0], turn[1], rng.uniform(-200, 200, 3).round(3), spacing, shape)  # type: ignore[arg-type]


def geometry(grid: Grid) -> Geometry:
    slices, rows, columns = grid.shape
    step, row, column = grid.spacing
    orientation = (*map(float, grid.x), *map(float, grid.y))
    return Geometry(rows, columns, slices, 1, orientation, tuple(map(float, grid.corner)), (row, column, step))


def drawn_of(dataset: object, grid: Grid, labels: int = 1) -> tuple[NDArray[np.integer], Made]:
    """What the action makes of a segmentation: (slices, rows, columns) at the pixels of the grid."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "seg").write_bytes(encode(dataset))  # type: ignore[arg-type]
        names = tuple((f"s{n}", n) for n in range(1, labels + 1))
        frames = tuple((n, -1) for n in range(int(dataset.NumberOfFrames)))  # type: ignore[attr-defined]
        segments = tuple((value, name) for name, value in names)
        made = MaskFrames(Source("seg"), geometry(grid), False, frames, segments, names).make(root, root)
        return np.asarray(nib.load(root / "mask.nii.gz").dataobj)[:, ::-1].transpose(2, 1, 0), made


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_a_region_on_planes_in_any_direction(seed: int) -> None:
    rng = np.random.default_rng(seed)
    grid = random_grid(rng)
    region = rng.random(grid.shape) < rng.choice([0.05, 0.5, 0.95])
    region[tuple(rng.integers(0, grid.shape))] = True
    low = [int(rng.integers(0, n)) for n in np.argwhere(region).min(axis=0) + 1]
    block = tuple(slice(n, None) for n in low)
    part = Grid(grid.x, grid.y, grid.place(*low), grid.spacing, region[block].shape)
    own, shown = frames_of(region[block], part, rng.permutation(3).tolist(), (rng.random(3) < 0.5).tolist())
    shown = [shown[n] for n in rng.permutation(len(shown))]
    values, made = drawn_of(segmentation(shown, own), grid)
    assert np.array_equal(values > 0, region)
    assert made.issues == ()
    assert made.facts == {}


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_a_region_on_another_grid_is_marked_and_near(seed: int) -> None:
    rng = np.random.default_rng(seed)
    grid = random_grid(rng)
    turn = np.linalg.qr(np.eye(3) + rng.normal(size=(3, 3)) * 0.2)[0]
    spacing = tuple(round(float(value), 3) for value in np.array(grid.spacing) * rng.uniform(0.6, 1.7, 3))
    shape = tuple(int(n) for n in rng.integers(2, 9, 3))
    other = Grid(turn[0], turn[1], grid.corner + rng.uniform(-1, 1, 3), spacing, shape)  # type: ignore[arg-type]
    shown = [Shown(np.ones(shape[1:], np.uint8), other.place(k, 0, 0)) for k in range(shape[0])]
    try:
        values, made = drawn_of(segmentation(shown, other), grid)
    except DataError as error:
        if error.code != "REGION_OUTSIDE":
            raise
        return
    assert made.facts["ResampledReason"] == "grid"
    inverse = np.linalg.inv(other.steps)
    for index in np.ndindex(grid.shape):
        place = (grid.place(*index) - other.corner) @ inverse
        if np.all(place > -0.49) and np.all(place < np.array(shape) - 0.51):
            assert values[index] == 1
        elif np.any(place < -0.51) or np.any(place > np.array(shape) - 0.49):
            assert values[index] == 0


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_contours_enclose_the_pixels_that_lie_within_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    grid = random_grid(rng)
    shape = geometry(grid)
    k = int(rng.integers(0, grid.shape[0]))
    middle, radius = rng.uniform(-1, 9, 2), rng.uniform(0.4, 6)
    angles = np.sort(rng.uniform(0, 2 * np.pi, 40))
    corners = [(middle[0] + radius * np.sin(a), middle[1] + radius * np.cos(a)) for a in angles]
    structure = structures([Ring([grid.place(k, row, column) for row, column in corners])])
    (contour,) = read(BytesIO(encode(structure))).contours
    laid = lay([contour], shape)
    values, _, _ = filled(laid.outlines, {"Liver": 1}, shape)
    for index in np.ndindex(grid.shape):
        turns = np.array(corners) - index[1:]
        swept = np.diff(np.unwrap(np.arctan2(turns[:, 1], turns[:, 0]), period=2 * np.pi), append=np.nan)
        last = np.arctan2(turns[0, 1], turns[0, 0]) - np.arctan2(turns[-1, 1], turns[-1, 0])
        swept[-1] = (last + np.pi) % (2 * np.pi) - np.pi
        if np.abs(np.abs(swept) - np.pi).min() < 1e-3:
            continue  # on an edge
        within = abs(swept.sum()) > np.pi and index[0] == k
        assert values[index[1], index[2], index[0]] == within
    assert np.allclose(positions(shape)[k], grid.place(k, 0, 0))
