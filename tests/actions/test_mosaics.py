"""Sheets of tiles: Siemens mosaics and UIH grids are cut as their private elements say."""

import json
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from known_slices import COLUMNS, ROWS, converted, csa, picture, placed, slice_of, volume
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGLSLossless
from trees import codes

from mids import Conversion

SLICES, TIMES, STEP = 5, 3, 4.0
SPACING = (2.0, 1.5)
ANGLE = np.radians(20)
RIGHT = np.array([1.0, 0, 0])
DOWN = np.array([0, np.cos(ANGLE), np.sin(ANGLE)])
NORMAL = np.cross(RIGHT, DOWN)
FIRST = np.array([-30.0, -40, 12])


def _tile(k: int, time: int) -> Any:
    return picture(k, "<u2") + 300 * time


def _sheet(time: int, across: int, down: int) -> Any:
    sheet = np.zeros((down * ROWS, across * COLUMNS), np.uint16)
    for k in range(SLICES):
        row, column = divmod(k, across)
        sheet[row * ROWS : (row + 1) * ROWS, column * COLUMNS : (column + 1) * COLUMNS] = _tile(k, time)
    return sheet


def _common(time: int, values: Any, **more: Any) -> Dataset:
    return slice_of(
        time, values, "MR", AcquisitionNumber=time + 1, AcquisitionTime=f"10000{2 * time}", EchoTime=30,
        ImageOrientationPatient=[round(float(v), 8) for v in (*RIGHT, *DOWN)], SpacingBetweenSlices=STEP,
        PixelSpacing=list(SPACING), RepetitionTime=2000, RescaleSlope=None, RescaleIntercept=None, **more,
    )  # fmt: skip


def _siemens(time: int, *, direction: int) -> Dataset:
    """The position of a mosaic is the corner of its first slice if that were as large as the sheet."""
    side = 3
    corner = FIRST - RIGHT * SPACING[1] * COLUMNS * (side - 1) / 2 - DOWN * SPACING[0] * ROWS * (side - 1) / 2
    kinds = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
    dataset = _common(
        time, _sheet(time, side, side), Manufacturer="SIEMENS", ImageType=kinds,
        ImagePositionPatient=[round(float(v), 6) for v in corner],
    )  # fmt: skip
    dataset.private_block(0x29, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", csa(_cut(direction)))
    return dataset


def _cut(direction: int) -> list[tuple[str, list[Any]]]:
    normal = [f"{v:.8f}" for v in direction * NORMAL]
    times = [f"{400 * k}.0" for k in range(SLICES)]
    return [("NumberOfImagesInMosaic", [SLICES]), ("SliceNormalVector", normal), ("MosaicRefAcqTimes", times)]


def _uih(time: int, *, direction: int) -> Dataset:
    dataset = _common(
        time, _sheet(time, 3, 2), Manufacturer="UIH", ImageType=["ORIGINAL", "PRIMARY", "M", "VFRAME"],
        ImagePositionPatient=None,
    )  # fmt: skip
    items = []
    for k in range(SLICES):
        item = Dataset()
        item.ImagePositionPatient = [round(float(v), 6) for v in FIRST + direction * NORMAL * STEP * k]
        item.AcquisitionTime = f"10000{2 * time}.{k}"
        items.append(item)
    block = dataset.private_block(0x65, "Image Private Header", create=True)
    block.add_new(0x50, "DS", str(SLICES))
    block.add_new(0x51, "SQ", items)
    return dataset


@pytest.mark.parametrize("make", [_siemens, _uih])
@pytest.mark.parametrize("direction", [1, -1])
def test_tiles_become_slices_at_their_place_and_time(make: Any, direction: int, tmp_path: Path, key: Path) -> None:
    done = converted([make(time, direction=direction) for time in range(TIMES)], tmp_path, key)
    found = volume(done)
    assert found.shape == (COLUMNS, ROWS, SLICES, TIMES)
    for k in range(SLICES):
        position = FIRST + direction * NORMAL * STEP * k
        for time in range(TIMES):
            assert np.array_equal(placed(found, position, time), _tile(k, time))


@pytest.mark.parametrize("direction", [1, -1])
def test_slice_times_and_directions_are_those_of_the_delivered_slices(
    direction: int, tmp_path: Path, key: Path
) -> None:
    weights: list[tuple[int, Any]] = [(0, None), (1000, RIGHT), (1000, (0.6, 0, 0.8))]
    datasets = [_siemens(time, direction=direction) for time in range(TIMES)]
    for dataset, (weight, gradient) in zip(datasets, weights, strict=True):
        tags = [*_cut(direction), ("B_value", [weight])]
        if gradient is not None:
            tags += [("DiffusionGradientDirection", list(gradient)), ("DiffusionDirectionality", ["DIRECTIONAL"])]
        dataset.private_block(0x29, "SIEMENS CSA HEADER")[0x10].value = csa(tags)
        dataset.SeriesDescription, dataset.ScanningSequence, dataset.BodyPartExamined = "ep2d_diff", "EP", "BRAIN"
    done = converted(datasets, tmp_path, key)
    found = volume(done)
    matrix = found.affine[:3, :3]
    assert np.allclose(_sidecar(done)["SliceTiming"], _acquired(found), atol=0.003)
    (vectors,) = done.dataset.glob("sub-*/**/*.bvec")
    rotation = matrix / np.linalg.norm(matrix, axis=0)
    for vector, (_, gradient) in list(zip(np.loadtxt(vectors).T, weights, strict=True))[1:]:
        if np.linalg.det(matrix) > 0:  # FSL turns the first axis of such volumes
            vector = vector * [-1, 1, 1]
        assert abs(rotation @ vector @ (gradient * np.array([-1, -1, 1]))) > 0.999


def test_a_mosaic_that_dcm2niix_cannot_decode_has_its_slice_times(tmp_path: Path, key: Path) -> None:
    datasets = [_siemens(time, direction=1) for time in range(TIMES)]
    for dataset in datasets:
        packed = imagecodecs.jpegls_encode(dataset.pixel_array)
        dataset.file_meta.TransferSyntaxUID = JPEGLSLossless
        dataset.PixelData = encapsulate([packed], fragments_per_frame=2)
        dataset["PixelData"].is_undefined_length = True
    done = converted(datasets, tmp_path, key)
    assert np.array_equal(placed(volume(done), FIRST), _tile(0, 0))
    assert np.allclose(_sidecar(done)["SliceTiming"], _acquired(volume(done)), atol=0.003)


def _sidecar(done: Conversion) -> dict[str, Any]:
    (path,) = done.dataset.glob("sub-*/**/*.json")
    facts: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return facts


def _acquired(found: Any) -> Any:
    """When each delivered slice was acquired, in s: tile k at 0.4 · k, wherever it now lies."""
    first = np.linalg.inv(found.affine) @ [-FIRST[0], -FIRST[1], FIRST[2], 1]
    times = 0.4 * np.arange(SLICES)
    return times if round(first[2]) == 0 else times[::-1]


def test_a_sheet_that_its_tiles_do_not_fill_is_refused(tmp_path: Path, key: Path) -> None:
    dataset = _siemens(0, direction=1)
    tags = [("NumberOfImagesInMosaic", [17]), ("SliceNormalVector", ["0", "0", "1"])]
    dataset.private_block(0x29, "SIEMENS CSA HEADER")[0x10].value = csa(tags)
    done = converted([dataset], tmp_path, key)
    assert codes(done.issues) == ["MOSAIC_UNCUT"]
    assert any("5 × 5 tiles" in found.message for found in done.issues)
