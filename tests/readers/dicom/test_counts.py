"""Headers say how many slices, points of time and images there are; fewer are told."""

from pathlib import Path
from typing import Any

import pytest

from mids.issues import Issue
from tests.support.slices import codes, enhanced, items, measures, placed, records, slice_at


def told(found: list[Any]) -> list[str]:
    return [one.message for one in found if isinstance(one, Issue) and one.code == "IMAGES_ABSENT"]


@pytest.mark.parametrize(
    ("keyword", "more"),
    [
        ("NumberOfSlices", {"modality": "PT"}),
        ("NumberOfSeriesRelatedInstances", {}),
        ("ImagesInAcquisition", {"AcquisitionNumber": 4}),
    ],
)
def test_slices_that_are_missing_at_an_end_are_told(keyword: str, more: dict[str, Any], tmp_path: Path) -> None:
    for stated in (3, 5, 7):
        found = items(
            tmp_path / str(stated), [slice_at(k, (0, 0, 3 * k), **{**more, keyword: stated}) for k in range(5)]
        )
        assert len(records(found)) == 1
        assert codes(found) == (["IMAGES_ABSENT"] if stated > 5 else [])
    assert told(found)[0].startswith("5 of 7 ")
    assert told(found)[0].endswith(f"({keyword})")


@pytest.mark.parametrize(
    ("keyword", "varying", "values"),
    [
        ("NumberOfTimeSlices", "FrameReferenceTime", (100, 200, 300)),
        ("NumberOfTimeSlots", "TriggerTime", (0, 40, 80)),
        ("NumberOfTemporalPositions", "TemporalPositionIdentifier", (1, 2, 3)),
    ],
)
def test_points_of_time_that_are_missing_are_told(
    keyword: str, varying: str, values: tuple[int, ...], tmp_path: Path
) -> None:
    for stated in (3, 4):
        found = items(tmp_path / str(stated), [
            slice_at(10 * t + k, (0, 0, 3 * k), modality="PT", **{keyword: stated, varying: value, "NumberOfSlices": 2})
            for t, value in enumerate(values) for k in range(2)
        ])  # fmt: skip
        (record,) = records(found)
        assert record.geometry is not None
        assert record.geometry.volumes == 3
        assert codes(found) == (["IMAGES_ABSENT"] if stated > 3 else [])
    assert told(found)[0].startswith("3 of 4 ")


def test_one_of_several_reconstructions_of_an_acquisition_may_hold_the_rest(tmp_path: Path) -> None:
    series = [
        slice_at(10 * n + k, (0, 0, 3 * k), SeriesInstanceUID=f"2.25.{7 + n}", ImagesInAcquisition=6)
        for n in range(2) for k in range(3)
    ]  # fmt: skip
    assert codes(items(tmp_path / "both", series)) == []
    assert codes(items(tmp_path / "one", series[:3])) == ["IMAGES_ABSENT"]


def test_a_part_of_a_concatenation_that_is_missing_is_told(tmp_path: Path) -> None:
    parts = [
        enhanced(f"part {n}", [placed((0, 0, 3 * (2 * n + k))) for k in range(2)], measures(), "Enhanced CT", "CT",
                 ConcatenationUID="2.25.9", InConcatenationNumber=n + 1, InConcatenationTotalNumber=3)
        for n in range(3)
    ]  # fmt: skip
    assert codes(items(tmp_path / "all", parts)) == []
    assert told(items(tmp_path / "two", parts[:2])) == ["2 of 3 parts are there (InConcatenationTotalNumber)"]
