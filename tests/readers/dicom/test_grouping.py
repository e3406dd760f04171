"""Slices belong together by distance: neither noise, nor few digits, nor their size sets them apart."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from mids.issues import Issue
from mids.records import Geometry, Record
from tests.support.slices import AXIAL, SAGITTAL, codes, items, numbers, records, skipped, slice_at

OBLIQUE = (0.8660254, 0.5, 0, -0.4698463, 0.8137977, 0.3420201)


def the_record(found: list) -> Record:
    (record,) = records(found)
    return record


def shape_of(record: Record) -> Geometry:
    assert record.geometry is not None
    return record.geometry


@pytest.mark.parametrize("seed", range(12))
def test_a_stack_of_any_size_digits_and_noise_is_one_even_volume_in_order(seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    count = int(random.integers(5, 40))
    spacing = float(random.choice([0.004, 0.0625, 0.3, 0.625, 1.25, 3.0, 7.5]))
    digits = next(d for d in range(1, 6) if 10.0**-d <= 0.1 * spacing) + int(random.integers(0, 3))
    direction = np.array([AXIAL, SAGITTAL, OBLIQUE][seed % 3], float)
    normal = np.cross(direction[:3], direction[3:])
    order = random.permutation(count)
    datasets = [
        slice_at(
            int(k), np.round(k * spacing * normal + (1.7, -2.9, 40.1), digits),
            direction + random.uniform(-1e-3, 1e-3, 6) * (seed % 2), PixelSpacing=[spacing, spacing],
            SliceThickness=spacing * float(random.choice([0.5, 1, 2])),
        )
        for k in order
    ]  # fmt: skip
    found = items(tmp_path, datasets)
    record = the_record(found)
    assert numbers(record) == [k + 1 for k in range(count)]
    assert (shape_of(record).slices, shape_of(record).problem, codes(found)) == (count, "", [])
    assert shape_of(record).spacing[2] == pytest.approx(spacing, rel=0.03)


@pytest.mark.parametrize("noise", [0.0, 0.004, 0.02])
def test_points_of_time_share_places_although_positions_have_noise(noise: float, tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    datasets = [
        slice_at(
            10 * t + k, (-8, -6, 3 * k + random.uniform(-noise, noise)), InstanceNumber=1, name=f"{t} {k}",
            TemporalPositionIdentifier=t + 1,
        )
        for t in range(4) for k in range(6)
    ]  # fmt: skip
    shape = shape_of(the_record(items(tmp_path, datasets)))
    assert (shape.slices, shape.volumes, shape.problem) == (6, 4, "")


def test_overlapping_and_distant_thin_slices_stay_apart(tmp_path: Path) -> None:
    overlapping = items(tmp_path / "a", [slice_at(k, (0, 0, 0.4 * k), SliceThickness=5) for k in range(30)])
    distant = items(tmp_path / "b", [slice_at(k, (0, 0, 50 * k), SliceThickness=1) for k in range(4)])
    assert shape_of(the_record(overlapping)).slices == 30
    assert shape_of(the_record(distant)).spacing[2] == 50


@pytest.mark.parametrize(
    ("places", "problem", "missing"),
    [
        ([0, 3, 6, 9, 15, 18], "uneven", 1),
        ([0, 3, 6, 9.3, 12.3, 15.3], "uneven", 0),
        ([0, 5, 10, 17, 22, 27], "uneven", 0),
        ([0, 0.62, 1.25, 1.88, 2.5, 3.12], "", 0),
        ([0, 0.6, 1.2, 1.9, 2.5, 3.1, 3.8, 4.4, 5.0], "", 0),
    ],
)
def test_uneven_places_are_told_from_rounded_ones(
    places: list[float], problem: str, missing: int, tmp_path: Path
) -> None:
    datasets = [slice_at(k, (0, 0, z), SliceThickness=places[1]) for k, z in enumerate(places)]
    shape = shape_of(the_record(items(tmp_path, datasets)))
    assert (shape.problem, shape.missing) == (problem, missing)


@pytest.mark.parametrize("keyword", ["SliceThickness", "SpacingBetweenSlices"])
@pytest.mark.parametrize("write", [math.floor, round])
@pytest.mark.parametrize("step", [1.5, 1.3, 2.25])
def test_a_stack_of_the_stated_distance_whose_places_are_written_in_whole_millimetres_is_even(
    keyword: str, write: Callable[[float], int], step: float, tmp_path: Path
) -> None:
    said = {"SliceThickness": 5, keyword: step}
    datasets = [slice_at(k, (-8, -8, write(step * k)), **said) for k in range(20)]
    found = items(tmp_path / "whole", datasets)
    shape = shape_of(the_record(found))
    assert (shape.problem, shape.missing, codes(found)) == ("", 0, [])
    assert shape.spacing[2] == pytest.approx(step, abs=1 / 19)
    gap = items(tmp_path / "gap", datasets[:9] + datasets[10:])
    assert shape_of(the_record(gap)).problem == "uneven"


@pytest.mark.parametrize("digits", [0, 1])
def test_a_gap_in_whole_steps_is_not_taken_for_few_digits(digits: int, tmp_path: Path) -> None:
    step = 10.0**-digits
    places = [round(step * k, digits) for k in range(80) if k != 40]
    found = items(tmp_path, [slice_at(k, (-8, -8, z), SliceThickness=step) for k, z in enumerate(places)])
    assert (shape_of(the_record(found)).missing, codes(found)) == (1, ["SERIES_GAP"])


def test_positions_that_can_not_tell_the_slices_apart_are_refused(tmp_path: Path) -> None:
    for kind, step, unit in (("CT", 0.004, 2), ("MR", 0.4, 0)):
        datasets = [
            slice_at(k, (0, 0, round(step * k, unit)), modality=kind, SliceThickness=step, SliceLocation=step * k)
            for k in range(6)
        ]
        found = items(tmp_path / kind, datasets)
        assert (codes(found), len(records(found))) == (["POSITIONS_EQUAL"], 0)
        assert any("digits" in one.message for one in found if isinstance(one, Issue))


def test_a_slice_in_the_middle_that_is_moved_aside_is_seen(tmp_path: Path) -> None:
    datasets = [slice_at(k, (4.0 * (k == 3), 0, 3 * k)) for k in range(7)]
    assert shape_of(the_record(items(tmp_path, datasets))).problem == "shift"


def test_a_tilted_stack_is_tilted_and_not_shifted(tmp_path: Path) -> None:
    shape = shape_of(the_record(items(tmp_path, [slice_at(k, (0, 0.8 * k, 3 * k)) for k in range(7)])))
    assert (shape.problem, round(shape.tilt, 1)) == ("tilt", 14.9)


def test_directions_that_really_differ_are_volumes_of_their_own(tmp_path: Path) -> None:
    turned = (0.9961947, 0.0871557, 0, -0.0871557, 0.9961947, 0)  # 5 degrees
    planes = [(AXIAL, k) for k in range(4)] + [(turned, k + 4) for k in range(4)]
    found = items(tmp_path, [slice_at(k, (0, 0, 3 * k), direction) for direction, k in planes])
    assert [shape_of(record).slices for record in records(found)] == [4, 4]
    assert codes(found) == ["SERIES_MIXED"]


def test_a_copy_of_a_slice_is_dropped_and_an_equal_picture_elsewhere_or_inverted_is_not(tmp_path: Path) -> None:
    stack = [slice_at(k, (0, 0, 3 * k)) for k in range(6)]
    copied = items(tmp_path / "a", [*stack, slice_at(2, (0, 0, 6), name="again")])
    assert skipped(copied) == ["a duplicate: same position, time and pixels as another slice"]
    assert shape_of(the_record(copied)).slices == 6
    blank = [slice_at(0, (0, 0, 3 * k), name=k, InstanceNumber=k + 1) for k in range(6)]
    assert shape_of(the_record(items(tmp_path / "b", blank))).slices == 6
    inverted = slice_at(2, (0, 0, 6), name="again", PhotometricInterpretation="MONOCHROME1")
    inverted.PhotometricInterpretation = "MONOCHROME1"
    assert not skipped(items(tmp_path / "c", [*stack, inverted]))


@pytest.mark.parametrize("different", [{"WindowCenter": 50}, {"RescaleIntercept": -1}, {"AcquisitionTime": "101010"}])
def test_a_slice_with_another_window_or_scale_is_no_copy(different: dict[str, object], tmp_path: Path) -> None:
    same = {"WindowCenter": 40, "WindowWidth": 400, "RescaleIntercept": 0, "RescaleSlope": 1}
    stack = [slice_at(k, (0, 0, 3 * k), **same) for k in range(4)]
    found = items(tmp_path, [*stack, slice_at(2, (0, 0, 6), name="again", **{**same, **different})])
    assert not skipped(found) or "SERIES_UNSTACKABLE" in codes(found)


def test_slices_side_by_side_are_no_stack_although_their_locations_say_so(tmp_path: Path) -> None:
    beside = [slice_at(k, (20 * k, 0, 5), SliceLocation=3 * k) for k in range(5)]
    found = items(tmp_path / "a", beside)
    assert (codes(found), records(found)) == (["GEOMETRY_IRREGULAR"], [])
    for dataset in beside:
        dataset.SliceLocation = 5
    stations = items(tmp_path / "b", beside)
    assert (codes(stations), len(records(stations))) == (["SERIES_MIXED"], 5)


@pytest.mark.parametrize(
    ("lacking", "modality", "expected"),
    [
        (range(4), "CT", ["RESCALE_MISSING"]),
        (range(4), "PT", ["RESCALE_MISSING"]),
        (range(4), "MR", []),
        ([2], "CT", ["RESCALE_MISSING"]),
        ([2], "MR", ["RESCALE_MISSING"]),
        ([], "CT", []),
    ],
)
def test_slices_that_do_not_say_what_their_values_mean_are_told(
    lacking: Sequence[int], modality: str, expected: list[str], tmp_path: Path
) -> None:
    stated = [{"RescaleSlope": None} if k in lacking else {} for k in range(4)]
    found = items(tmp_path, [slice_at(k, (0, 0, 3 * k), modality=modality, **stated[k]) for k in range(4)])
    assert (codes(found), len(records(found))) == (expected, 1)
