"""A cine loop becomes one NIfTI: frames in order, rows from the bottom, spacing and time in the header."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
import pytest
from image2d import BUNDLED, CANARY, image, write_dataset
from pydicom.dataset import Dataset

from mids.actions.frames import Frames
from mids.errors import DataError
from mids.readers.dicom import pixels
from mids.records import Compression, Json, Source

LOOP = np.arange(3 * 4 * 5, dtype=np.uint16).reshape(3, 4, 5)


def convert(
    folder: Path, attributes: Mapping[str, Any], action: Frames | None = None
) -> tuple[Any, Mapping[str, Json]]:
    """The NIfTI image and the facts that a grey loop of 3 frames, 4 rows and 5 columns gives."""
    (folder / "a.dcm").write_bytes(write_dataset(image(LOOP, {"NumberOfFrames": 3, "BitsStored": 12, **attributes})))
    made = (action or Frames(Source("a.dcm"), "raw")).make(folder, folder)
    assert made.files == ("frames.nii.gz",)
    assert CANARY not in str(made)
    return nib.load(folder / "frames.nii.gz"), made.facts


def voxels(nifti: Any) -> npt.NDArray[Any]:
    return np.asarray(nifti.dataobj)


def test_columns_then_rows_from_the_bottom_then_frames(tmp_path: Path) -> None:
    nifti, facts = convert(tmp_path, {})
    assert nifti.shape == (5, 4, 1, 3)
    assert nifti.get_data_dtype() == np.uint16
    found = voxels(nifti)
    for frame, row, column in np.ndindex(3, 4, 5):
        assert found[column, 3 - row, 0, frame] == LOOP[frame, row, column]
    assert facts["NumberOfFrames"] == 3
    assert facts["PixelMode"] == "raw"
    assert (int(nifti.header["qform_code"]), int(nifti.header["sform_code"])) == (0, 0)


@pytest.mark.parametrize("compression", ["fast", "small"])
def test_frames_are_rendered_alike_and_repeatably(tmp_path: Path, compression: Compression) -> None:
    action = Frames(Source("a.dcm"), "window", compression, blank=((0, 0, 1, 5),))
    window = {"WindowCenter": 30, "WindowWidth": 60, "VOILUTFunction": "LINEAR_EXACT"}
    nifti, facts = convert(tmp_path, window, action)
    expected = np.rint(LOOP / 60 * 65535)
    expected[:, 0, :] = 0
    assert np.array_equal(voxels(nifti)[:, ::-1, 0], expected.transpose(2, 1, 0))
    assert facts["BlankedRegions"] == [[0, 0, 1, 5]]
    first = (tmp_path / "frames.nii.gz").read_bytes()
    convert(tmp_path, window, action)
    assert (tmp_path / "frames.nii.gz").read_bytes() == first
    assert pickle.loads(pickle.dumps(action)) == action


@pytest.mark.parametrize(
    ("attributes", "time", "fact"),
    [
        ({}, 0, {}),
        ({"FrameTime": 40}, 0.04, {"FrameTime": 0.04}),
        ({"FrameTime": 0}, 0, {}),
        ({"CineRate": 25}, 0.04, {"FrameTime": 0.04}),
        ({"RecommendedDisplayFrameRate": 10}, 0.1, {"FrameTime": 0.1}),
        ({"FrameTimeVector": [0, 40, 40]}, 0.04, {"FrameTime": 0.04}),
        ({"FrameTimeVector": [0, 40, 60]}, 0.05, {"FrameTimeVector": [0, 0.04, 0.06]}),
        ({"FrameTimeVector": [0, 40], "FrameTime": 20}, 0.02, {"FrameTime": 0.02}),
    ],
)
def test_time_between_frames(tmp_path: Path, attributes: dict[str, Any], time: float, fact: dict[str, Any]) -> None:
    nifti, facts = convert(tmp_path, attributes)
    assert nifti.header.get_zooms()[3] == pytest.approx(time)
    assert {key: value for key, value in facts.items() if key.startswith("FrameTime")} == fact
    assert nifti.header.get_xyzt_units()[1] == "sec"


def region(delta_x: float, delta_y: float, unit: int = 3, right: int = 5) -> Dataset:
    item = Dataset()
    item.PhysicalDeltaX, item.PhysicalDeltaY = delta_x, delta_y
    item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = unit
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = right, 4
    return item


@pytest.mark.parametrize(
    ("attributes", "zooms"),
    [
        ({}, None),
        ({"PixelSpacing": [0.5, 0.25]}, (0.25, 0.5)),
        ({"ImagerPixelSpacing": [0.3, 0.2]}, (0.2, 0.3)),
        ({"PixelSpacing": [0, 0]}, None),
        ({"SequenceOfUltrasoundRegions": [region(0.05, -0.07)]}, (0.5, 0.7)),
        ({"SequenceOfUltrasoundRegions": [region(0.05, 0.07), region(0.05, 0.07)]}, (0.5, 0.7)),
        ({"SequenceOfUltrasoundRegions": [region(0.05, 0.07), region(0.06, 0.07)]}, None),
        ({"SequenceOfUltrasoundRegions": [region(0.05, 0.07, unit=4)]}, None),
        ({"SequenceOfUltrasoundRegions": [region(0.05, 0.07, right=10)]}, None),
    ],
)
def test_spacing_of_columns_and_rows(
    tmp_path: Path, attributes: dict[str, Any], zooms: tuple[float, float] | None
) -> None:
    nifti, facts = convert(tmp_path, attributes)
    assert nifti.header.get_zooms()[:2] == pytest.approx(zooms or (1, 1))
    assert nifti.header.get_xyzt_units()[0] == ("mm" if zooms else "unknown")
    assert facts.get("PixelSpacingSource") == (next(iter(attributes)) if zooms else None)


def test_colour_is_rgb24(tmp_path: Path) -> None:
    source = Source("examples_ybr_color.dcm")
    made = Frames(source).make(BUNDLED, tmp_path)
    nifti: Any = nib.load(tmp_path / "frames.nii.gz")
    with (BUNDLED / source.path).open("rb") as stream:
        expected = pixels.stored(pixels.read_dataset(stream))
    found = voxels(nifti)
    assert nifti.shape == (320, 240, 1, 30)
    for channel, name in enumerate("RGB"):
        assert np.array_equal(found[name][:, ::-1, 0], expected[..., channel].transpose(2, 1, 0))
    assert made.facts["PhotometricInterpretation"] == "RGB"
    assert made.facts["FrameTime"] == pytest.approx(0.033333)


def test_a_single_frame_is_a_loop_of_one(tmp_path: Path) -> None:
    Frames(Source("MR_small.dcm")).make(BUNDLED, tmp_path)
    nifti: Any = nib.load(tmp_path / "frames.nii.gz")
    assert nifti.shape == (64, 64, 1, 1)


def test_missing_frames_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        convert(tmp_path, {"NumberOfFrames": 4})
    assert caught.value.code == "FRAMES_CONTRADICTED"
