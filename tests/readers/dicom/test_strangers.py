"""Slices that differ from the stack they lie in are told by what differs; frames of reference are kept apart."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from tests.support.slices import codes, items, numbers, records, slice_at


def stack(count: int = 9, **more: Any) -> list[Dataset]:
    return [slice_at(k, (0, 0, 3 * k), **more) for k in range(count)]


def _of_another_size(odd: Dataset) -> None:
    odd.Rows, odd.Columns, odd.PixelData = 6, 8, odd.PixelData[:96]


def _turned(odd: Dataset) -> None:
    odd.ImageOrientationPatient, odd.ImagePositionPatient = [0, 1, 0, -1, 0, 0], [11, 0, odd.ImagePositionPatient[2]]


def _set(**values: Any) -> Callable[[Dataset], None]:
    def change(odd: Dataset) -> None:
        for keyword, value in values.items():
            setattr(odd, keyword, value)

    return change


ODD = {
    "size": _of_another_size,
    "orientation": _turned,
    "polarity": _set(PhotometricInterpretation="MONOCHROME1"),
    "pixel spacing": _set(PixelSpacing=[2, 2]),
    "frame of reference": _set(FrameOfReferenceUID="2.25.77"),
}


@pytest.mark.parametrize("what", ODD)
@pytest.mark.parametrize("place", [0, 4, 8])
def test_a_slice_that_differs_is_told_by_what_differs(what: str, place: int, tmp_path: Path) -> None:
    made = stack(FrameOfReferenceUID="2.25.70")
    ODD[what](made[place])
    found = items(tmp_path, made)
    assert "SLICE_DIFFERS" in codes(found)
    assert "SERIES_GAP" not in codes(found)
    (message,) = [item.message for item in found if getattr(item, "code", "") == "SLICE_DIFFERS"]
    assert message.endswith(f"differ from them in {what}")
    assert sorted(len(numbers(record)) for record in records(found)) == [1, 8]


def test_a_slice_that_is_missing_beside_one_that_differs_is_told_too(tmp_path: Path) -> None:
    made = stack()
    _of_another_size(made[2])
    del made[6]
    assert {"SLICE_DIFFERS", "SERIES_GAP"} <= set(codes(items(tmp_path, made)))


def test_the_planes_of_a_localizer_differ_from_nothing(tmp_path: Path) -> None:
    other = [slice_at(20 + k, (3 * k, 0, 6), (0, 1, 0, 0, 0, -1)) for k in range(9)]
    assert codes(items(tmp_path, stack() + other)) == ["SERIES_MIXED"]


def test_two_frames_of_reference_are_two_volumes(tmp_path: Path) -> None:
    made = stack(4, FrameOfReferenceUID="2.25.70")
    made += [slice_at(10 + k, (0, 0, 12 + 3 * k), FrameOfReferenceUID="2.25.71") for k in range(4)]
    found = items(tmp_path, made)
    assert [numbers(record) for record in records(found)] == [[1, 2, 3, 4], [11, 12, 13, 14]]
    assert "FRAME_OF_REFERENCE_MIXED" in codes(found)


def test_a_frame_of_reference_for_each_slice_is_told_and_is_one_volume(tmp_path: Path) -> None:
    made = stack(5)
    for k, one in enumerate(made):
        one.FrameOfReferenceUID = f"2.25.{80 + k}"
    found = items(tmp_path, made)
    assert [numbers(record) for record in records(found)] == [[1, 2, 3, 4, 5]]
    assert codes(found) == ["FRAME_OF_REFERENCE_MIXED"]


def test_slices_that_name_no_frame_of_reference_go_with_the_others(tmp_path: Path) -> None:
    made = stack(5, FrameOfReferenceUID="2.25.70")
    del made[2].FrameOfReferenceUID
    found = items(tmp_path, made)
    assert codes(found) == []
    assert len(records(found)) == 1


def test_a_slope_of_zero_is_told(tmp_path: Path) -> None:
    made = stack(4, RescaleSlope=0, RescaleIntercept=-1024)
    assert codes(items(tmp_path, made)) == ["SLOPE_ZERO"]
