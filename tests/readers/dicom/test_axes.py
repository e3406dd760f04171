"""What tells slices at one place apart has a name: time puts them in order, all else makes volumes of its own."""

from pathlib import Path
from typing import Any

import pytest

from mids.plan.naming import describe
from mids.records import Record
from mids.vocabulary.schema import load
from tests.support.slices import (
    CLASSES,
    codes,
    enhanced,
    items,
    measures,
    numbers,
    placed,
    records,
    skipped,
    slice_at,
)  # fmt: skip


def repeated(volumes: int, **by_volume: list[Any]) -> list[Any]:
    """Four places, each `volumes` times; InstanceNumber tells the pixels. The files come shuffled."""
    made = []
    for t in reversed(range(volumes)):
        more = {key: values[t] for key, values in by_volume.items()}
        made += [slice_at(10 * t + k, (0, 0, 3 * k), **more) for k in (2, 0, 3, 1)]
    return made


def in_order(record: Record) -> list[int]:
    return [10 * t + k + 1 for t in range(record.geometry.volumes if record.geometry else 0) for k in range(4)]


TIMES: dict[str, tuple[list[Any], tuple[float, ...]]] = {
    "TemporalPositionIdentifier": ([1, 2, 3], ()),
    "TriggerTime": ([0, 40, 80], (0, 0.04, 0.08)),
    "FrameReferenceTime": ([5000, 15000, 35000], (0, 10, 30)),
    "AcquisitionTime": (["100000.0", "100002.5", "100005.0"], (0, 2.5, 5)),
    "AcquisitionDateTime": (["20200101235958.0", "20200102000000.0", "20200102000002.0"], (0, 2, 4)),
    "AcquisitionNumber": ([1, 2, 3], ()),
    "ContentTime": (["100000", "100001", "100002"], (0, 1, 2)),
}


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
@pytest.mark.parametrize("keyword", TIMES)
def test_each_kind_of_time_alone_gives_order_and_times(keyword: str, modality: str, tmp_path: Path) -> None:
    values, times = TIMES[keyword]
    datasets = repeated(3, modality=[modality] * 3, **{keyword: values})
    for dataset in datasets:
        dataset.ImageIndex, dataset.InstanceNumber = dataset.InstanceNumber, None  # the order is time's alone
        dataset.SliceThickness = 3 + dataset.ImageIndex / 1000
    (record,) = records(items(tmp_path, datasets))
    shape = record.geometry
    assert shape is not None
    assert (shape.axis, shape.volumes, shape.times) == ("time", 3, times)
    assert [round(1000 * (v - 3)) for v in record.per_slice["SliceThickness"]] == in_order(record)


def test_times_of_every_slice_of_its_own_give_the_order(tmp_path: Path) -> None:
    datasets = [
        slice_at(10 * t + k, (0, 0, 3 * k), modality="MR", AcquisitionTime=f"1000{2 * t + (k % 2):02}.{k}")
        for t in range(5) for k in range(4)
    ]  # fmt: skip
    (record,) = records(items(tmp_path, datasets))
    assert record.geometry is not None
    assert (record.geometry.axis, record.geometry.step) == ("time", 2.0)
    assert numbers(record) == in_order(record)


def test_numbers_alone_give_an_order_that_is_told_as_assumed(tmp_path: Path) -> None:
    found = items(tmp_path, repeated(3))
    (record,) = records(found)
    assert record.geometry is not None
    assert (record.geometry.volumes, record.geometry.axis, codes(found)) == (3, "", ["ORDER_ASSUMED"])
    assert numbers(record) == in_order(record)


def test_numbers_of_as_many_images_as_time_points_are_stated_are_time(tmp_path: Path) -> None:
    found = items(tmp_path, repeated(3, NumberOfTemporalPositions=[3, 3, 3]))
    (record,) = records(found)
    assert record.geometry is not None
    assert (record.geometry.axis, codes(found)) == ("time", [])


def test_nothing_that_tells_slices_apart_is_a_refusal(tmp_path: Path) -> None:
    datasets = [slice_at(10 * t + k, (0, 0, 3 * k), InstanceNumber=1) for t in range(2) for k in range(4)]
    found = items(tmp_path, datasets)
    assert (records(found), codes(found)) == ([], ["SERIES_UNSTACKABLE"])
    assert len(skipped(found)) == 7


def test_a_broken_point_of_time_is_a_volume_of_its_own_and_told(tmp_path: Path) -> None:
    datasets = repeated(4, TemporalPositionIdentifier=[1, 2, 3, 4])[2:]  # of the last point two slices are lost
    found = items(tmp_path, datasets)
    shapes = [record.geometry for record in records(found)]
    assert [(shape.slices, shape.volumes) for shape in shapes if shape] == [(4, 3), (2, 1)]
    assert codes(found) == ["TIME_INCOMPLETE"]


@pytest.mark.parametrize("lost", [(0, 0), (0, 2), (1, 1), (2, 1), (3, 2), (3, 0)])
@pytest.mark.parametrize("keyword", ["AcquisitionTime", "ContentTime", "InstanceNumber"])
def test_times_of_every_slice_of_its_own_say_which_point_lacks_one(
    keyword: str, lost: tuple[int, int], tmp_path: Path
) -> None:
    datasets = []
    for t in range(3):
        for k in range(4):
            clock = {keyword: f"1000{10 * t + 2 * k:02d}.5"} if keyword != "InstanceNumber" else {}
            number = {"name": 4 * t + k + 1, "InstanceNumber": 4 * t + k + 1 if not clock else 1}
            if (k, t) != lost:
                datasets.append(
                    slice_at(4 * t + k, (0, 0, 3 * k), **number, **clock, SliceThickness=3 + (t + 1) / 1000)
                )
    found = items(tmp_path, datasets)
    shapes = [record.geometry for record in records(found)]
    assert next((shape.slices, shape.volumes) for shape in shapes if shape) == (4, 2)
    assert set(codes(found)) - {"ORDER_ASSUMED", "SERIES_GAP"} == {"TIME_INCOMPLETE"}
    broken = records(found)[1]
    assert len(broken.sources) == 3
    assert broken.header["SliceThickness"] == 3 + (lost[1] + 1) / 1000


def test_kinds_are_kept_apart_where_they_lie_between_each_other(tmp_path: Path) -> None:
    datasets = [
        slice_at(2 * k + m, (0, 0, 3 * k + 1.5 * m), ImageType=["DERIVED", "PRIMARY", "AXIAL", material])
        for k in range(4) for m, material in enumerate(("WATER", "IODINE"))
    ]  # fmt: skip
    assert [record.geometry.slices for record in records(items(tmp_path, datasets)) if record.geometry] == [4, 4]


@pytest.mark.parametrize("apart", [0.001, 0.004, 0.02])
def test_single_slices_of_two_kinds_are_no_volume_of_two(apart: float, tmp_path: Path) -> None:
    datasets = [slice_at(k, (0, 0, apart * k), AcquisitionTime=f"10000{k}", FlipAngle=k) for k in range(2)]
    (record,) = records(items(tmp_path, datasets))
    assert record.geometry is not None
    assert (record.geometry.slices, record.geometry.volumes) == (1, 2)


def test_acquisitions_that_overlap_are_volumes_of_their_own(tmp_path: Path) -> None:
    datasets = [slice_at(k, (0, 0, 3 * k), AcquisitionNumber=1) for k in range(5)]
    datasets += [slice_at(k, (0, 0, 3 * (k - 1)), AcquisitionNumber=2) for k in range(5, 9)]
    found = items(tmp_path, datasets)
    assert [record.geometry.slices for record in records(found) if record.geometry] == [5, 4]
    assert codes(found) == ["SERIES_MIXED"]


APART: list[tuple[str, dict[str, list[Any]], list[str]]] = [
    ("CT", {"ConvolutionKernel": ["B30f", "B70f"]}, ["rec-B30f", "rec-B70f"]),
    ("CT", {"KVP": [80, 140]}, ["rec-140kV", "rec-80kV"]),
    ("CT", {"ImageType": [["DERIVED", "PRIMARY", "AXIAL", "MIXED"], ["DERIVED", "PRIMARY", "AXIAL", "IODINE"]]},
     ["rec-IODINE", "rec-MIXED"]),
    ("PT", {"CorrectedImage": [["DECY", "ATTN", "SCAT"], ["DECY"]]}, ["rec-ac", "rec-nac"]),
    ("PT", {"Units": ["BQML", "CNTS"]}, ["rec-BQML", "rec-CNTS"]),
    ("CT", {"RescaleType": ["HU", "OD"]}, ["rec-HU", "rec-OD"]),
    ("PT", {"ReconstructionMethod": ["OSEM 3i", "FBP"]}, ["rec-FBP", "rec-OSEM3i"]),
    ("MR", {"EchoTime": [4.92, 7.38], "EchoNumbers": [1, 2]}, ["echo-1", "echo-2"]),
    ("MR", {"EchoTime": [4.92, 7.38]}, ["echo-1", "echo-2"]),
    ("MR", {"InversionTime": [700, 2500]}, ["inv-1", "inv-2"]),
    ("MR", {"SequenceName": ["fl3d1_v150in", "fl3d1_v150fh"]}, ["rec-fh", "rec-through"]),
    ("MR", {"FlipAngle": [4, 18]}, ["flip-1", "flip-2"]),
    ("MR", {"ImageType": [["ORIGINAL", "PRIMARY", "M", "ND"], ["ORIGINAL", "PRIMARY", "P", "ND"]]},
     ["part-mag", "part-phase"]),
    ("MR", {"ImageType": [["DERIVED", "PRIMARY", "M", "DIXON", "WATER"], ["DERIVED", "PRIMARY", "M", "DIXON", "FAT"]]},
     ["rec-FAT", "rec-WATER"]),
]  # fmt: skip


@pytest.mark.parametrize("with_times", [False, True])
@pytest.mark.parametrize(("modality", "values", "names"), APART)
def test_what_is_no_time_makes_volumes_with_a_name(
    modality: str, values: dict[str, list[Any]], names: list[str], with_times: bool, tmp_path: Path
) -> None:
    times = {"AcquisitionTime": ["100000", "100500"], "AcquisitionNumber": [1, 2]} if with_times else {}
    found = items(tmp_path, repeated(2, modality=[modality] * 2, **values, **times))
    volumes = records(found)
    assert [record.geometry.volumes for record in volumes if record.geometry] == [1, 1]
    described = [describe(record, load()) for record in volumes]
    said = [f"{key}-{value}" for one in described if one for key, value in one.entities().items()]
    assert sorted(name for name in said if name.split("-")[0] not in ("vp", "bp")) == names
    assert codes(found) == ["SERIES_MIXED"]


def test_echoes_over_time_are_two_volumes_over_time(tmp_path: Path) -> None:
    values = {"EchoTime": [10, 30, 10, 30, 10, 30], "TemporalPositionIdentifier": [1, 1, 2, 2, 3, 3]}
    found = records(items(tmp_path, repeated(6, modality=["MR"] * 6, **values)))
    assert [(r.geometry.volumes, r.geometry.axis, r.header["EchoTime"]) for r in found if r.geometry] == [
        (3, "time", 10.0), (3, "time", 30.0),
    ]  # fmt: skip


def test_noise_of_echo_times_is_no_second_echo(tmp_path: Path) -> None:
    datasets = [slice_at(k, (0, 0, 3 * k), modality="MR", EchoTime=30 + 0.01 * (k % 3)) for k in range(6)]
    assert len(records(items(tmp_path, datasets))) == 1


@pytest.mark.parametrize(
    "values", [{"DiffusionBValue": [0, 1000, 1000]}, {"SequenceName": ["*ep_b0", "*ep_b1000#1", "*ep_b1000#2"]}]
)
def test_diffusion_is_no_time(values: dict[str, list[Any]], tmp_path: Path) -> None:
    times = {"AcquisitionTime": ["100000", "100004", "100008"], "modality": ["MR"] * 3, "ScanningSequence": ["EP"] * 3}
    (record,) = records(items(tmp_path, repeated(3, **values, **times)))
    assert record.geometry is not None
    assert (record.geometry.axis, record.geometry.times) == ("b", ())
    described = describe(record, load())
    assert described is not None
    assert described.suffix == "dwi"
    assert numbers(record) == in_order(record)


@pytest.mark.parametrize(("creator", "group", "element", "vr", "values"), [
    ("GEMS_PARM_01", 0x0043, 0x39, "IS", [[0, 8, 0, 0], [1000001000, 8, 0, 0]]),
    ("SIEMENS MR HEADER", 0x0019, 0x0C, "IS", [0, 800]),
    ("Philips Imaging DD 001", 0x2001, 0x03, "FL", [0.0, 800.0]),
    ("Image Private Header", 0x0065, 0x09, "FD", [0.0, 800.0]),
])  # fmt: skip
def test_b_values_of_the_makers_are_found(
    creator: str, group: int, element: int, vr: str, values: list[Any], tmp_path: Path
) -> None:
    datasets = repeated(2, modality=["MR"] * 2, ScanningSequence=["EP"] * 2, AcquisitionTime=["100000", "100004"])
    for dataset in datasets:
        block = dataset.private_block(group, creator, create=True)
        block.add_new(element, vr, values[dataset.AcquisitionTime == "100004"])
    (record,) = records(items(tmp_path, datasets))
    assert record.geometry is not None
    assert (record.geometry.axis, record.geometry.volumes) == ("b", 2)
    assert record.per_slice["DiffusionBValue"] == (0.0,) * 4 + (1000.0 if group == 0x0043 else 800.0,) * 4


@pytest.mark.parametrize("values", [(0, 1, 2, 3), (0, 1), (1,), (2, 3), (0,)])
def test_parts_of_complex_images_that_only_an_element_of_ge_tells_are_volumes_of_their_own(
    values: tuple[int, ...], tmp_path: Path
) -> None:
    datasets = repeated(len(values), modality=["MR"] * len(values))
    for dataset in datasets:
        block = dataset.private_block(0x0043, "GEMS_PARM_01", create=True)
        block.add_new(0x2F, "SS", values[(dataset.InstanceNumber - 1) // 10])
    found = items(tmp_path, datasets)
    parts = ["mag" if len(values) > 1 else None, "phase", "real", "imag"]
    made = {one.entities.get("part"): numbers(one) for one in records(found)}
    assert made == {parts[value]: [10 * t + k + 1 for k in range(4)] for t, value in enumerate(values)}
    assert codes(found) == (["SERIES_MIXED"] if len(values) > 1 else [])


# --- images with frames ---------------------------------------------------------------------------------------


def test_one_enhanced_image_for_each_point_of_time_is_one_volume_over_time(tmp_path: Path) -> None:
    datasets = [
        enhanced(
            f"t {t}",
            [
                placed((0, 0, 3 * k))
                | {"FrameContentSequence": [{"FrameAcquisitionDateTime": f"2020010110000{2 * t}"}]}
                for k in (1, 0, 2)
            ],
            measures(), "Enhanced MR", "MR", InstanceNumber=1, AcquisitionNumber=1,
        )
        for t in (1, 0, 2)
    ]  # fmt: skip
    (record,) = records(items(tmp_path, datasets))
    shape = record.geometry
    assert shape is not None
    assert (shape.slices, shape.volumes, shape.axis, shape.times) == (3, 3, "time", (0, 2, 4))
    assert (shape.frames, shape.files) == ((1, 0, 2) * 3, (0, 0, 0, 1, 1, 1, 2, 2, 2))


def test_frames_at_one_shared_place_are_points_of_time(tmp_path: Path) -> None:
    frames = [{"CardiacSynchronizationSequence": [{"NominalCardiacTriggerDelayTime": 40.0 * t}]} for t in (1, 0, 2)]
    dataset = enhanced("cine", frames, measures() | placed((0, 0, 0)), "Enhanced MR", "MR")
    (record,) = records(items(tmp_path, [dataset]))
    shape = record.geometry
    assert shape is not None
    assert (shape.slices, shape.volumes, shape.frames, shape.times) == (1, 3, (1, 0, 2), (0, 0.04, 0.08))


def test_echoes_and_parts_of_one_enhanced_image_are_volumes_of_their_own(tmp_path: Path) -> None:
    frames = [
        placed((0, 0, 3 * k))
        | {"MREchoSequence": [{"EffectiveEchoTime": echo}]}
        | {"MRImageFrameTypeSequence": [{"ComplexImageComponent": part}]}
        for k in range(3) for echo in (5.0, 10.0) for part in ("MAGNITUDE", "PHASE")
    ]  # fmt: skip
    dataset = enhanced("echoes", frames, measures(), "Enhanced MR", "MR")
    found = records(items(tmp_path, [dataset]))
    assert [dict(record.entities) for record in found] == [
        {"part": part, "echo": echo} for part in ("mag", "phase") for echo in ("1", "2")
    ]
    assert [record.geometry.frames for record in found if record.geometry] == [
        (0, 4, 8),
        (2, 6, 10),
        (1, 5, 9),
        (3, 7, 11),
    ]
    assert [record.header["EchoTime"] for record in found] == [5.0, 10.0, 5.0, 10.0]


def test_frames_that_only_their_number_tells_apart_are_told_as_assumed(tmp_path: Path) -> None:
    frames = [placed((0, 0, 3 * k)) for _ in range(2) for k in range(3)]
    found = items(tmp_path, [enhanced("twice", frames, measures(), "Enhanced CT", "CT")])
    (record,) = records(found)
    assert record.geometry is not None
    assert (record.geometry.frames, codes(found)) == ((0, 1, 2, 3, 4, 5), ["ORDER_ASSUMED"])
    assert CLASSES["Enhanced CT"] == record.header["SOPClassUID"]


def test_dimension_indices_put_frames_in_order_that_no_time_does(tmp_path: Path) -> None:
    frames = [
        {"PlanePositionSequence": [{"ImagePositionPatient": [0, 0, 3 * k]}],
         "FrameContentSequence": [{"DimensionIndexValues": [1, k + 1, t, label], "TemporalPositionIndex": t}]}
        for label in (1, 2) for k in range(3) for t in (2, 1)
    ]  # fmt: skip
    shared = {"PlaneOrientationSequence": [{"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}], **measures()}
    found = items(tmp_path, [enhanced("e", frames, shared, "Enhanced MR", "MR")])
    (record,) = records(found)
    assert record.geometry is not None
    assert codes(found) == []
    assert record.geometry.volumes == 4
    order = [frames[n]["FrameContentSequence"][0]["DimensionIndexValues"] for n in record.geometry.frames]
    assert order == [[1, k + 1, t, label] for t in (1, 2) for label in (1, 2) for k in range(3)]


def test_materials_of_one_enhanced_image_are_volumes_of_their_own(tmp_path: Path) -> None:
    frames = [
        {"PlanePositionSequence": [{"ImagePositionPatient": [0, 0, 3 * k]}],
         "CTImageFrameTypeSequence": [{"FrameType": ["DERIVED", "PRIMARY", "VOLUME", material]}]}
        for material in ("WATER", "IODINE") for k in range(3)
    ]  # fmt: skip
    shared = {"PlaneOrientationSequence": [{"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}], **measures()}
    found = items(tmp_path, [enhanced("e", frames, shared, "Enhanced CT", "CT")])
    assert sorted(record.entities["rec"] for record in records(found)) == ["IODINE", "WATER"]
    assert codes(found) == ["SERIES_MIXED"]
