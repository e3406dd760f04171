"""What an image is, SOP class and geometry say, not the Modality alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from example_datasets.generators.dicomfile import Values
from mids.plan.naming import describe
from mids.vocabulary.schema import load
from tests.support.slices import (
    CLASSES,
    SAGITTAL,
    codes,
    enhanced,
    items,
    measures,
    one,
    pixels,
    placed,
    records,
    skipped,
    slice_at,
)  # fmt: skip


@pytest.mark.parametrize("modality", ["XA", "RF", "OT", "DX"])
def test_slices_of_class_ct_are_a_ct_whatever_made_them(modality: str, tmp_path: Path) -> None:
    datasets = [
        slice_at(k, (0, 0, 3 * k), modality=modality, sop_class=CLASSES["CT"], PositionerPrimaryAngle=2 * k)
        for k in range(5)
    ]
    (record,) = records(items(tmp_path, datasets))
    described = describe(record, load())
    assert described is not None
    assert record.geometry is not None
    assert (record.kind, record.geometry.slices, described.suffix) == ("volume", 5, "ct")
    assert record.header["Modality"] == modality


def test_a_modality_that_contradicts_the_class_takes_no_slice_away(tmp_path: Path) -> None:
    said = ["CT", "CT", "MR", "CT"]
    datasets = [slice_at(k, (0, 0, 3 * k), modality=said[k], sop_class=CLASSES["CT"]) for k in range(4)]
    found = items(tmp_path, datasets)
    (record,) = records(found)
    assert record.geometry is not None
    assert (record.modality, record.geometry.slices, codes(found)) == ("CT", 4, ["MODALITY_CONTRADICTED"])


@pytest.mark.parametrize(("said", "side"), [("L", "L"), ("R", "R"), ("U", "")])
def test_the_side_of_tomosynthesis_stands_in_its_functional_groups(said: str, side: str, tmp_path: Path) -> None:
    frames = [placed((0.5 * k, 0, 0), SAGITTAL) for k in range(3)]
    shared = measures(0.1, 1.0) | {"FrameAnatomySequence": [{"FrameLaterality": said}]}
    (record,) = records(items(tmp_path, [enhanced("frames", frames, shared, "DBT", "MG")]))
    described = describe(record, load())
    assert described is not None
    assert described.laterality == side


@pytest.mark.parametrize(
    ("sop_class", "modality", "suffix"), [("X-Ray 3D", "XA", "xa"), ("DBT", "MG", "mg"), ("OPT", "OPT", "opt")]
)
def test_frames_with_places_are_a_volume(sop_class: str, modality: str, suffix: str, tmp_path: Path) -> None:
    frames = [placed((0, 0, 0.5 * k), None) for k in (2, 0, 1, 3)]
    shared = measures(0.1, 1.0) | {"PlaneOrientationSequence": [{"ImageOrientationPatient": [*SAGITTAL]}]}
    frames = [placed((0.5 * k, 0, 0), None) for k in (2, 0, 1, 3)]
    dataset = enhanced("frames", frames, shared, sop_class, modality, ViewPosition="MLO")
    (record,) = records(items(tmp_path, [dataset]))
    described = describe(record, load())
    assert record.geometry is not None
    assert described is not None
    assert (record.kind, record.geometry.slices, described.suffix) == ("volume", 4, suffix)
    ordered = (1, 2, 0, 3) if np.cross(SAGITTAL[:3], SAGITTAL[3:])[0] > 0 else (3, 0, 2, 1)
    assert record.geometry.frames == ordered
    assert described.view == ("mlo" if modality == "MG" else "sag")


def swept(depth: float, time: float, kind: str = "TISSUE_INTENSITY") -> Values:
    """The macros of a plane of ultrasound, in the coordinates of the probe (PS3.3 C.8.24.2)."""
    return {
        "PlanePositionVolumeSequence": [{"ImagePositionVolume": [0.0, 0.0, depth]}],
        "TemporalPositionSequence": [{"TemporalPositionTimeOffset": time}],
        "ImageDataTypeSequence": [{"DataType": kind}],
    }


def ultrasound(frames: list[Values], **more: Any) -> Any:
    """Planes that a probe swept."""
    shared = measures(0.5, 0.8) | {"PlaneOrientationVolumeSequence": [{"ImageOrientationVolume": [1.0, 0, 0, 0, 1, 0]}]}
    return enhanced("swept", frames, shared, "Enhanced US", "US", **more)


def test_planes_of_ultrasound_are_a_volume_without_a_plane_of_the_patient(tmp_path: Path) -> None:
    planes = [(k, t) for k in (3, 0, 2, 1) for t in (1, 0)]
    (record,) = records(items(tmp_path, [ultrasound([swept(0.8 * k, 0.1 * t) for k, t in planes])]))
    assert record.geometry is not None
    assert record.geometry.spacing == pytest.approx((0.5, 0.5, 0.8))
    assert [planes[frame] for frame in record.geometry.frames] == [(k, t) for t in (0, 1) for k in range(4)]
    assert (record.kind, record.geometry.axis, record.geometry.times) == ("volume", "time", (0, 0.1))
    described = describe(record, load())
    assert described is not None
    assert (described.suffix, described.view) == ("us", "")


def test_tissue_and_flow_of_ultrasound_are_two_volumes(tmp_path: Path) -> None:
    kinds = ("TISSUE_INTENSITY", "FLOW_VELOCITY")
    found = records(items(tmp_path, [ultrasound([swept(k, 0, kind) for k in range(3) for kind in kinds])]))
    assert {one.entities["rec"]: one.geometry and one.geometry.frames for one in found} == {
        "TISSUEINTENSITY": (0, 2, 4), "FLOWVELOCITY": (1, 3, 5),
    }  # fmt: skip


@pytest.mark.parametrize(("photometric", "kind"), [("MONOCHROME2", "volume"), ("PALETTE COLOR", "frames")])
def test_captured_frames_that_each_have_a_place_are_slices_if_they_are_grey(
    photometric: str, kind: str, tmp_path: Path
) -> None:
    dataset = enhanced("words", [placed((0, 0, 2 * k)) for k in range(3)], measures(), "Captured words", "CT")
    dataset.PhotometricInterpretation = photometric
    assert [record.kind for record in records(items(tmp_path, [dataset]))] == [kind]


def test_frames_without_places_are_a_loop(tmp_path: Path) -> None:
    frames: list[Values] = [{"FrameContentSequence": [{"StackID": str(k)}]} for k in range(4)]
    (record,) = records(items(tmp_path, [enhanced("loop", frames, measures(), "DBT", "MG")]))
    assert (record.kind, record.geometry) == ("frames", None)


def test_both_directions_of_one_image_are_two_volumes_and_no_gap(tmp_path: Path) -> None:
    frames = [placed((0, 0, 2 * k)) for k in range(4)] + [placed((2 * k, 0, 0), SAGITTAL) for k in range(3)]
    found = items(tmp_path, [enhanced("both", frames, measures(), "Enhanced MR", "MR")])
    assert [record.geometry.slices for record in records(found) if record.geometry] == [4, 3]
    assert codes(found) == ["SERIES_MIXED"]


# --- nuclear medicine ----------------------------------------------------------------------------------------


def nuclear(kind: str, count: int, detector: Values | None = None, **more: Any) -> Any:
    values = np.stack([pixels(number) for number in range(count)])
    where: dict[str, Any] = {"DetectorInformationSequence": [detector]} if detector else {}
    return one(
        kind, values, "NM", ImageType=["ORIGINAL", "PRIMARY", kind, "EMISSION"], SliceThickness=4, **where, **more
    )  # fmt: skip


AT_50: Values = {"ImagePositionPatient": [-8, -6, 50], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}


@pytest.mark.parametrize(
    ("spacing", "lowest", "frames"),
    [(-4.0, 34, (4, 3, 2, 1, 0)), (4.0, 50, (0, 1, 2, 3, 4)), (None, 50, (0, 1, 2, 3, 4))],
)
def test_reconstructed_slices_are_stacked_by_the_sign_of_their_spacing(
    spacing: float | None, lowest: float, frames: tuple[int, ...], tmp_path: Path
) -> None:
    dataset = nuclear("RECON TOMO", 5, AT_50, SpacingBetweenSlices=spacing, SliceVector=[1, 2, 3, 4, 5])
    found = items(tmp_path, [dataset])
    (record,) = records(found)
    shape = record.geometry
    assert shape is not None
    assert codes(found) == ([] if spacing else ["SPACING_ASSUMED"])
    assert (shape.first, shape.frames, shape.spacing[2]) == ((-8, -6, lowest), frames, 4)


def test_gated_slices_are_a_volume_over_time_and_windows_volumes_of_their_own(tmp_path: Path) -> None:
    vectors = {
        "SliceVector": [1, 2, 3] * 4,
        "TimeSlotVector": [1, 1, 1, 2, 2, 2] * 2,
        "EnergyWindowVector": [1] * 6 + [2] * 6,
    }
    dataset = nuclear("RECON GATED TOMO", 12, AT_50, SpacingBetweenSlices=4, **vectors)
    found = records(items(tmp_path, [dataset]))
    assert [(r.geometry.slices, r.geometry.volumes, r.geometry.axis) for r in found if r.geometry] == [
        (3, 2, "time")
    ] * 2
    assert [r.entities for r in found] == [{"rec": "1win"}, {"rec": "2win"}]


@pytest.mark.parametrize("kind", ["WHOLE BODY", "DYNAMIC", "TOMO", "STATIC"])
def test_views_of_nuclear_medicine_are_no_slices(kind: str, tmp_path: Path) -> None:
    (record,) = records(items(tmp_path, [nuclear(kind, 2, AT_50, SpacingBetweenSlices=4, DetectorVector=[1, 2])]))
    assert (record.kind, record.geometry) == ("frames", None)


# --- slides, decimals, directions and places that are wrong ----------------------------------------------------


def test_a_slide_of_tiles_is_refused_by_name(tmp_path: Path) -> None:
    values = np.stack([pixels(number) for number in range(4)])
    dataset = one("slide", values, "SM", TotalPixelMatrixColumns=32, TotalPixelMatrixRows=24)
    assert codes(items(tmp_path, [dataset])) == ["SLIDE_TILED"]


def test_decimal_commas_are_read_and_told(tmp_path: Path) -> None:
    datasets = [slice_at(k, (0, 0, 3 * k), PixelSpacing=["0.75", "0.75"], RescaleSlope="1.5") for k in range(4)]
    root = tmp_path / "in"
    found = items(root, datasets)
    for path in root.iterdir():
        path.write_bytes(path.read_bytes().replace(b"0.75\\0.75", b"0,75\\0,75").replace(b"1.5 ", b"1,5 "))
    commas = items(root, [])
    (wanted,), (record,) = records(found), records(commas)
    assert codes(commas) == ["DECIMAL_COMMA"]
    assert record.geometry == wanted.geometry
    assert record.header["RescaleSlope"] == 1.5


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"direction": (0, 0, 0, 0, 0, 0)}, "ORIENTATION_INVALID"),
        ({"direction": (1, 0, 0, 1, 0, 0)}, "ORIENTATION_INVALID"),
        ({"direction": (1, 0, 0, 0, 0.5, 0)}, "ORIENTATION_INVALID"),
    ],
)
def test_directions_that_are_none_are_refused(more: dict[str, Any], code: str, tmp_path: Path) -> None:
    found = items(tmp_path, [slice_at(k, (0, 0, 3 * k), **more) for k in range(4)])
    assert (codes(found), len(skipped(found)), records(found)) == ([code], 3, [])


def test_equal_positions_of_different_locations_are_refused(tmp_path: Path) -> None:
    found = items(tmp_path, [slice_at(k, (0, 0, 0), SliceLocation=3 * k) for k in range(4)])
    assert (codes(found), records(found)) == (["POSITIONS_EQUAL"], [])


@pytest.mark.parametrize("kind", ["CT", "MR"])
@pytest.mark.parametrize("is_shared", [True, False])
def test_equal_positions_of_frames_that_are_numbered_in_a_stack_are_refused(
    kind: str, is_shared: bool, tmp_path: Path
) -> None:
    here = placed((0, 0, 0))
    frames = [{"FrameContentSequence": [{"StackID": "1", "InStackPositionNumber": k + 1}]} for k in range(4)]
    groups = [frame | ({} if is_shared else here) for frame in frames]
    shared = measures() | (here if is_shared else {})
    found = items(tmp_path, [enhanced("stack", groups, shared, f"Enhanced {kind}", kind)])
    assert (codes(found), records(found)) == (["POSITIONS_EQUAL"], [])


def test_one_slice_at_many_times_is_no_stack_of_equal_positions(tmp_path: Path) -> None:
    datasets = [slice_at(k, (0, 0, 0), modality="MR", SliceLocation=5, TriggerTime=40 * k) for k in range(4)]
    (record,) = records(items(tmp_path, datasets))
    assert record.geometry is not None
    assert (record.geometry.slices, record.geometry.volumes, record.geometry.step) == (1, 4, 0.04)
