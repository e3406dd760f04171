"""One series or image under several patients or studies is told, and nothing wrong is made of it."""

from pathlib import Path

import pytest

from tests.support.slices import codes, items, one, pixels, records, skipped, slice_at


def test_a_series_torn_between_two_patients_is_delivered_under_neither(tmp_path: Path) -> None:
    found = items(tmp_path, [slice_at(k, (0, 0, 3 * k), PatientID=f"P{k % 2}") for k in range(6)])
    assert (codes(found), records(found), len(skipped(found))) == (["SERIES_TORN"], [], 5)


def test_two_patients_whose_series_have_one_uid_keep_their_own_volumes(tmp_path: Path) -> None:
    datasets = [
        slice_at(k + 10 * p, (0, 0, 3 * k), PatientID=f"P{p}", StudyInstanceUID=f"2.25.9{p}")
        for p in range(2) for k in range(4)
    ]  # fmt: skip
    found = items(tmp_path, datasets)
    assert codes(found) == ["SERIES_OF_TWO_PATIENTS"]
    assert [record.geometry.slices for record in records(found) if record.geometry] == [4, 4]


def test_an_image_of_two_patients_is_converted_once_and_told(tmp_path: Path) -> None:
    found = items(tmp_path, [one("x", pixels(1), "CR", PatientID=f"P{p}") for p in range(2)])
    assert (codes(found), len(records(found)), len(skipped(found))) == (["IMAGE_OF_TWO_PATIENTS"], 1, 1)


def test_a_whole_series_of_two_patients_is_told_once(tmp_path: Path) -> None:
    datasets = [slice_at(k, (0, 0, 3 * k), PatientID=f"P{p}") for p in range(2) for k in range(4)]
    found = items(tmp_path, datasets)
    assert codes(found) == ["IMAGE_OF_TWO_PATIENTS"]
    assert [record.geometry.slices for record in records(found) if record.geometry] == [4]


def test_different_images_of_one_uid_under_two_patients_are_both_converted(tmp_path: Path) -> None:
    found = items(tmp_path, [one("x", pixels(p), "CR", PatientID=f"P{p}") for p in range(2)])
    assert (set(codes(found)), len(records(found))) == ({"IMAGE_OF_TWO_PATIENTS", "SERIES_OF_TWO_PATIENTS"}, 2)


def test_a_study_uid_for_each_file_is_put_together_and_told(tmp_path: Path) -> None:
    found = items(tmp_path, [slice_at(k, (0, 0, 3 * k), StudyInstanceUID=f"2.25.8{k}") for k in range(5)])
    (record,) = records(found)
    assert record.geometry is not None
    assert (codes(found), record.geometry.slices) == (["SERIES_OF_TWO_STUDIES"], 5)


def test_visits_that_share_a_series_uid_stay_apart(tmp_path: Path) -> None:
    datasets = [
        slice_at(k + 10 * v, (0, 0, 3 * k), StudyInstanceUID=f"2.25.8{v}", StudyDate=f"2020010{v + 1}")
        for v in range(2) for k in range(5)
    ]  # fmt: skip
    found = items(tmp_path, datasets)
    assert codes(found) == ["SERIES_OF_TWO_STUDIES"]
    assert len({record.study for record in records(found)}) == 2


def test_opposite_pictures_of_one_uid_are_no_duplicates(tmp_path: Path) -> None:
    first, second = (one("x", pixels(1), "CR") for _ in range(2))
    second.PhotometricInterpretation = "MONOCHROME1"
    assert codes(items(tmp_path, [first, second])) == ["DUPLICATE_DIFFERS"]


@pytest.mark.parametrize(
    ("keyword", "stated", "other"),
    [
        ("ImageLaterality", "L", "R"),
        ("ViewPosition", "PA", "LL"),
        ("PatientOrientation", ["L", "F"], ["R", "F"]),
        ("BodyPartExamined", "CHEST", "HAND"),
        ("ImagerPixelSpacing", [0.1, 0.1], [0.2, 0.2]),
        ("PixelAspectRatio", None, [2, 1]),
        ("RescaleType", "HU", "OD"),
        ("ConvolutionKernel", "B30f", "B70f"),
        ("EchoTime", 10, 80),
        ("PixelIntensityRelationshipSign", 1, -1),
    ],
)
def test_files_of_one_uid_that_contradict_each_other_are_no_duplicates(
    keyword: str, stated: object, other: object, tmp_path: Path
) -> None:
    twins = [one("x", pixels(1), "CR", **({} if value is None else {keyword: value})) for value in (stated, other)]
    assert codes(items(tmp_path, twins)) == ["DUPLICATE_DIFFERS"]


def test_a_copy_with_other_labels_is_a_duplicate(tmp_path: Path) -> None:
    labels = {"SeriesDescription": "2", "AccessionNumber": "2", "ImagerPixelSpacing": ["0.10", "0.1"], "KVP": "70.0"}
    twins = [one("x", pixels(1), "CR", KVP="70", ImagerPixelSpacing=[0.1, 0.1]), one("x", pixels(1), "CR", **labels)]
    found = items(tmp_path, twins)
    assert (codes(found), len(records(found)), len(skipped(found))) == ([], 1, 1)
