"""Series after public bug reports about other programs: right, or refused by the name of the cause."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataelem import DataElement

from mids.issues import Issue
from tests.support.slices import codes, enhanced, items, measures, numbers, placed, records, slice_at


def messages(found: Sequence[Any]) -> str:
    return " ".join(one.message for one in found if isinstance(one, Issue))


@pytest.mark.parametrize("days", [(None, None, None), ("20200101",) * 3, ("20200101", "20200101", "20200102")])
def test_time_goes_on_after_midnight(days: Sequence[str | None], tmp_path: Path) -> None:
    times = ("235940", "235955", "000010")
    found = items(tmp_path, [
        slice_at(10 * t + k, (0, 0, 3 * k), InstanceNumber=100 - 10 * t - k, AcquisitionTime=times[t],
                 **({} if days[t] is None else {"AcquisitionDate": days[t]}))
        for t in (1, 2, 0) for k in (2, 0, 1)
    ])  # fmt: skip
    (volume,) = records(found)
    assert volume.geometry is not None
    assert (volume.geometry.volumes, volume.geometry.times) == (3, (0, 15, 30))
    assert [100 - number for number in numbers(volume)] == [10 * t + k for t in range(3) for k in range(3)]


def test_times_of_several_offsets_from_utc_are_compared_in_utc(tmp_path: Path) -> None:
    times = ("20201025025957+0200", "20201025020000+0100", "20201025010003+0000")
    (volume,) = records(items(tmp_path, [
        slice_at(10 * t + k, (0, 0, 3 * k), AcquisitionDateTime=times[t]) for t in (1, 2, 0) for k in range(2)
    ]))  # fmt: skip
    assert volume.geometry is not None
    assert volume.geometry.times == (0, 3, 6)


def test_times_as_acr_nema_wrote_them_are_times(tmp_path: Path) -> None:
    datasets = [slice_at(10 * t + k, (0, 0, 3 * k), AcquisitionDate="20200101") for t in (1, 2, 0) for k in range(2)]
    for dataset, t in zip(datasets, (1, 1, 2, 2, 0, 0), strict=True):
        for keyword, text in (("AcquisitionTime", f"10:09:5{t}"), ("AcquisitionDate", "2020.01.01")):
            dataset[keyword] = DataElement(keyword, "LO", text)
    (volume,) = records(items(tmp_path, datasets))
    assert volume.geometry is not None
    assert volume.geometry.times == (0, 1, 2)


def test_times_of_one_day_keep_their_order(tmp_path: Path) -> None:
    times = ("080000", "120000", "190000")
    (volume,) = records(items(tmp_path, [
        slice_at(10 * t + k, (0, 0, 3 * k), AcquisitionTime=times[t]) for t in (1, 2, 0) for k in range(2)
    ]))  # fmt: skip
    assert volume.geometry is not None
    assert volume.geometry.times == (0, 4 * 3600, 11 * 3600)


def test_none_in_an_image_type_is_no_word_of_a_name(tmp_path: Path) -> None:
    kinds = ("NONE", "TRACEW")
    found = records(items(tmp_path, [
        slice_at(10 * t + k, (0, 0, 3 * k), modality="MR", ImageType=["ORIGINAL", "PRIMARY", "DIFFUSION", kinds[t]])
        for t in (0, 1) for k in range(3)
    ]))  # fmt: skip
    assert sorted(volume.entities.get("rec", "") for volume in found) == ["", "TRACEW"]


@pytest.mark.parametrize(
    ("direction", "is_right"),
    [((1, 0, 0, 0.03, 0.99955, 0), False), ((2, 0, 0, 0, 2, 0), False), ((0.87, 0.49, 0.01, -0.49, 0.87, 0), True)],
    ids=["skewed", "too long", "two digits"],
)
def test_directions_are_at_right_angles_but_for_their_digits(
    direction: Sequence[float], is_right: bool, tmp_path: Path
) -> None:
    found = items(tmp_path, [slice_at(k, (0, 0, 3 * k), direction) for k in range(4)])
    assert codes(found) == ([] if is_right else ["ORIENTATION_INVALID"])
    assert bool(records(found)) == is_right


def test_what_is_missing_is_named_and_counted(tmp_path: Path) -> None:
    series = [slice_at(k, (0, 0, 3 * k)) for k in range(4)]
    del series[2].ImagePositionPatient
    found = items(tmp_path / "position", series)
    assert codes(found) == ["SERIES_UNSTACKABLE"]
    assert "1 of 4 slices have no position" in messages(found)
    frames = [placed((0, 0, 3 * k), None) for k in range(4)]
    found = items(tmp_path / "orientation", [enhanced("e", frames, measures(), "Enhanced MR", "MR")])
    assert "4 of 4 frames have no orientation" in messages(found)


@pytest.mark.parametrize("thickness", [0, 3])
def test_a_single_slice_without_thickness_is_told(thickness: float, tmp_path: Path) -> None:
    found = items(tmp_path, [slice_at(0, (0, 0, 0), SliceThickness=thickness)])
    assert codes(found) == ([] if thickness else ["SPACING_ASSUMED"])
    assert len(records(found)) == 1


@pytest.mark.parametrize("gap", [61.7, 200])
@pytest.mark.parametrize("times", [1, 2])
def test_slabs_that_lie_far_apart_are_volumes_of_their_own(gap: float, times: int, tmp_path: Path) -> None:
    depths = [4 * k for k in range(5)] + [16 + gap + 4 * k for k in range(3)]
    found = items(tmp_path, [
        slice_at(10 * t + k, (0, 0, depth), AcquisitionTime=f"10000{t}")
        for t in range(times) for k, depth in enumerate(depths)
    ])  # fmt: skip
    assert codes(found) == ["SLABS_APART"]
    assert "5 and 3 slices" in messages(found)
    shapes = [
        (one.geometry.slices, one.geometry.volumes, one.geometry.problem) for one in records(found) if one.geometry
    ]
    assert shapes == [(5, times, ""), (3, times, "")]
    assert [numbers(one) for one in records(found)] == [
        [10 * t + k + 1 for t in range(times) for k in slab] for slab in (range(5), range(5, 8))
    ]
    assert [one.part for one in records(found)] == [0, 1]


def test_a_lone_slice_far_from_the_others_is_refused_by_its_name(tmp_path: Path) -> None:
    found = items(tmp_path, [slice_at(k, (0, 0, depth)) for k, depth in enumerate((0, 3, 6, 90))])
    assert (codes(found), records(found)) == (["SERIES_SPARSE"], [])
