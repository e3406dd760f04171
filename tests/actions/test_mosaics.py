"""Sheets of tiles: Siemens mosaics and UIH grids are cut as their private elements say."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from known_slices import COLUMNS, ROWS, converted, csa, picture, placed, slice_of, volume
from pydicom.dataset import Dataset
from trees import codes

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
    normal = [f"{v:.8f}" for v in direction * NORMAL]
    times = [f"{400 * k}.0" for k in range(SLICES)]
    tags = [("NumberOfImagesInMosaic", [SLICES]), ("SliceNormalVector", normal), ("MosaicRefAcqTimes", times)]
    dataset.private_block(0x29, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", csa(tags))
    return dataset


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


def test_a_sheet_that_its_tiles_do_not_fill_is_refused(tmp_path: Path, key: Path) -> None:
    dataset = _siemens(0, direction=1)
    tags = [("NumberOfImagesInMosaic", [17]), ("SliceNormalVector", ["0", "0", "1"])]
    dataset.private_block(0x29, "SIEMENS CSA HEADER")[0x10].value = csa(tags)
    done = converted([dataset], tmp_path, key)
    assert codes(done.issues) == ["MOSAIC_UNCUT"]
    assert any("5 × 5 tiles" in found.message for found in done.issues)
