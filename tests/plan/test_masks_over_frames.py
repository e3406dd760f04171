"""Regions on images of many frames: loops, volumes over time, enhanced files; what is written is compared."""

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from drawn import axial, common, image_uid
from numpy.typing import NDArray
from PIL import Image
from pydicom.uid import UltrasoundMultiFrameImageStorage
from test_regions import context
from trees import put

from example_datasets.generators.dicomfile import instance, with_pixels
from mids.actions.agreement import compare
from mids.actions.mask import Mask
from mids.errors import DataError
from mids.plan import build
from mids.plan.job import Job
from mids.readers.annotations.places import places
from mids.readers.dicom.grouping.series import records
from mids.readers.dicom.scan import PLAIN
from mids.records import Geometry, Outline, Record, Regions, Source

XML = Source("roi.xml", "", 10, 1)


def square(low: float, high: float, k: int, label: str = "a") -> Outline:
    return Outline(label, ((low, low), (high, low), (high, high), (low, high)), k)


def loop(root: Path) -> Record:
    """An ultrasound loop of five frames, which has pixel spacings of its own."""
    values = common(
        "US", "us", FrameTime=40, PixelSpacing=[0.5, 0.25], BurnedInAnnotation="NO", BodyPartExamined="LIVER"
    )
    dataset = instance(UltrasoundMultiFrameImageStorage, "drawn-us", values)
    frames = np.arange(5 * 12 * 16, dtype=np.uint8).reshape(5, 12, 16)
    put(root, "us", with_pixels(dataset, frames, "MONOCHROME2", 8))
    (record,) = (item for item in records(root, list(PLAIN.scan(root).instances())) if isinstance(item, Record))
    return record


def jobs(record: Record, *outlines: Outline, cine: str = "nifti") -> list[Job]:
    labels = dict.fromkeys(outline.label for outline in outlines)
    regions = Regions("P1", record.study, record.image, "r", outlines, {n: k for k, n in enumerate(labels, 1)}, XML)
    options = replace(context().options, cine=cine)  # type: ignore[arg-type]
    return list(build([[record, regions]], replace(context(), options=options)).jobs)


def made(job: Job, root: Path, scratch: Path) -> Path:
    scratch.mkdir()
    return scratch / job.action.make(root, scratch).files[0]


def expected(low: float, high: float, rows: int, columns: int) -> NDArray[np.bool_]:
    row, column = np.mgrid[:rows, :columns]
    return (row > low) & (row < high) & (column > low) & (column < high)


def test_outlines_of_a_loop_lie_on_their_frames(tmp_path: Path) -> None:
    record = loop(tmp_path)
    image, mask = jobs(record, square(1.5, 6.5, 1), square(3.5, 9.5, 4))
    picture, labels = nib.load(made(image, tmp_path, tmp_path / "i")), nib.load(made(mask, tmp_path, tmp_path / "m"))
    assert mask.path.endswith(".nii.gz")
    assert picture.shape == labels.shape == (16, 12, 1, 5)
    assert np.allclose(picture.affine, labels.affine)
    assert np.allclose(picture.header.get_zooms(), labels.header.get_zooms())
    values = np.asarray(labels.dataobj)[:, ::-1, 0].transpose(2, 1, 0)
    for k, ends in enumerate(((9, 0), (1.5, 6.5), (9, 0), (9, 0), (3.5, 9.5))):
        assert np.array_equal(values[k] > 0, expected(*ends, 12, 16))


def test_outlines_of_a_loop_of_pictures_go_to_their_own(tmp_path: Path) -> None:
    record = loop(tmp_path)
    found = jobs(record, square(1.5, 6.5, 1), square(3.5, 9.5, 4), cine="png")
    masks = {job.of: job for job in found if job.of}
    images = [job.path for job in found if not job.of]
    assert sorted(masks) == sorted([images[1], images[4]])
    for number, ends in ((1, (1.5, 6.5)), (4, (3.5, 9.5))):
        path = made(masks[images[number]], tmp_path, tmp_path / str(number))
        assert np.array_equal(np.asarray(Image.open(path)) > 0, expected(*ends, 12, 16))


GRID = axial((4, 12, 16))
OVER_TIME = Geometry(12, 16, 4, 3, (1, 0, 0, 0, 1, 0), tuple(GRID.corner), (1, 1, 3))


def test_outlines_at_several_times_make_a_map_over_time(tmp_path: Path) -> None:
    drawn = (square(1.5, 6.5, 2), square(3.5, 9.5, 4 + 1))
    action = Mask(XML, OVER_TIME, is_picture=False, outlines=drawn, lookup=(("a", 1),))
    made = action.make(tmp_path, tmp_path)
    values = np.asarray(nib.load(tmp_path / made.files[0]).dataobj)
    assert values.shape == (16, 12, 4, 3)
    found = {(int(k), int(t)) for k, t in np.argwhere(values.any(axis=(0, 1)))}
    assert found == {(2, 0), (1, 1)}
    assert "Volume" not in made.facts


def test_outlines_at_one_time_say_which(tmp_path: Path) -> None:
    action = Mask(XML, OVER_TIME, is_picture=False, outlines=(square(1.5, 6.5, 9),), lookup=(("a", 1),))
    made = action.make(tmp_path, tmp_path)
    values = np.asarray(nib.load(tmp_path / made.files[0]).dataobj)
    assert values.shape == (16, 12, 4)
    assert np.array_equal(values[:, ::-1, 1].T > 0, expected(1.5, 6.5, 12, 16))
    assert made.facts == {"Volume": 2}


def test_frames_of_an_enhanced_image_are_found_by_their_number() -> None:
    shape = replace(OVER_TIME, volumes=1, frames=(2, 0, 3, 1))
    header = {"SOPInstanceUID": image_uid(0), "Modality": "CT"}
    record = Record("P1", "1", "s", "volume", "CT", (XML,), header, geometry=shape)
    known = places([record])
    assert [known.find(image_uid(0), frame).slice for frame in (1, 2, 3, 4)] == [1, 3, 0, 2]  # type: ignore[union-attr]
    assert known.find(image_uid(0), 5) is None
    whole = known.find(image_uid(0))
    assert whole is not None
    assert whole.slice == -1


def test_frames_of_several_enhanced_files_are_told_apart() -> None:
    shape = replace(OVER_TIME, slices=2, volumes=2, frames=(1, 0, 1, 0), files=(0, 0, 1, 1))
    record = Record(
        "P1", "1", "s", "volume", "CT", (XML, XML), {"Modality": "CT"},
        {"SOPInstanceUID": (image_uid(0), image_uid(1))}, geometry=shape,
    )  # fmt: skip
    known = places([record])
    found = [known.find(image_uid(file), frame) for file in (0, 1) for frame in (1, 2)]
    assert [place.slice for place in found if place] == [1, 0, 3, 2]


@pytest.mark.parametrize("fault", ["another slice", "upside down", "a pixel too many"])
def test_a_file_that_shows_something_else_is_not_delivered(fault: str, tmp_path: Path) -> None:
    drawn = (square(1.5, 6.5, 2),)
    shape = replace(OVER_TIME, volumes=1)
    Mask(XML, shape, is_picture=False, outlines=drawn, lookup=(("a", 1),)).make(tmp_path, tmp_path)
    image = nib.load(tmp_path / "mask.nii.gz")
    values = np.asarray(image.dataobj).copy()
    wanted = {2: values[:, ::-1, 2].T.copy()}
    compare(tmp_path / "mask.nii.gz", shape, wanted, {})
    if fault == "another slice":
        values = np.roll(values, 1, axis=2)
    elif fault == "upside down":
        values = values[:, ::-1]
    else:
        values[0, 0, 0] = 1
    nib.Nifti1Image(values, image.affine).to_filename(tmp_path / "mask.nii.gz")
    with pytest.raises(DataError) as caught:
        compare(tmp_path / "mask.nii.gz", shape, wanted, {})
    assert caught.value.code == "REGION_UNVERIFIED"


def test_outlines_that_lie_outside_are_lost_and_those_that_leave_are_cut(tmp_path: Path) -> None:
    shape = replace(OVER_TIME, volumes=1)
    drawn = (square(30, 40, 1), square(8.5, 14.5, 2))
    made = Mask(XML, shape, is_picture=False, outlines=drawn, lookup=(("a", 1),)).make(tmp_path, tmp_path)
    assert {found.code: found.level for found in made.issues} == {
        "REGION_OUTSIDE": "error",
        "REGION_INVALID": "warning",
    }
    values = np.asarray(nib.load(tmp_path / made.files[0]).dataobj)
    assert np.array_equal(values[:, ::-1, 2].T > 0, expected(8.5, 14.5, 12, 16))
