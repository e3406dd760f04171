"""Masks as DICOM on volumes that lie in any way: read back voxel by voxel, or left out with the reason."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
import pytest
from places import SOURCES
from pydicom.dataset import Dataset as Dicom
from trees import COMMANDS

import mids
from mids import cli
from mids.exports.targets import write

RAW = SOURCES / "bimcv-covid19-raw" / "mids"
MASKS = "derivatives/rois/**/mim-ct/*_dseg.nii.gz"
SHAPE = (9, 7, 5)
Array = np.ndarray[Any, Any]


def rotation(*angles: float) -> Array:
    """A rotation around x, y and z, in degrees."""
    made = np.eye(3)
    for axis, angle in enumerate(np.radians(angles)):
        turned = np.eye(3)
        one, two = (axis + 1) % 3, (axis + 2) % 3
        turned[[one, one, two, two], [one, two, one, two]] = np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
        made = made @ turned
    return made


def affine(turn: Array, spacing: tuple[float, float, float] = (0.7, 0.9, 2.5)) -> Array:
    made = np.eye(4)
    made[:3, :3], made[:3, 3] = turn * spacing, (-31.25, 17.5, 203.0)
    return made


def dataset(root: Path, volume: Array, mask: Array, place: Array, coded: int = 2) -> Path:
    """The example with this volume and mask in place of its CT and the CT's only mask; returns its folder."""
    copy = shutil.copytree(RAW, root / "mids")
    masks = sorted(copy.glob(MASKS))
    for path in masks[1:]:
        path.unlink()
    (image,) = copy.glob("sub-*/ses-*/mim-ct/*_ct.nii.gz")
    for path, values in ((image, volume), (masks[0], mask)):
        made = nib.Nifti1Image(values, place)
        made.set_sform(place, coded)
        made.set_qform(None, 0)
        nib.save(made, path)
    return copy


def blobs(seed: int = 1) -> Array:
    """Two regions with holes and corners that touch."""
    values = np.random.default_rng(seed).choice([0, 1, 2], SHAPE, p=[0.5, 0.3, 0.2]).astype(np.uint8)
    values[4, 3, 2] = 1
    return values


def places(mask: Array, place: Array) -> dict[tuple[float, ...], int]:
    """The value at each place (LPS, mm) where there is one."""
    at = np.argwhere(mask)
    lps = nib.affines.apply_affine(np.diag([-1, -1, 1, 1]) @ place, at)
    return {tuple(np.round(xyz, 2) + 0.0): int(mask[tuple(index)]) for xyz, index in zip(lps, at, strict=True)}


def grid(image: Dicom) -> Callable[[Array], Array]:
    """From (row, column) of an image to LPS in mm (PS3.3 C.7.6.2.1.1)."""
    across, down = (np.array(image.ImageOrientationPatient[k : k + 3], float) for k in (0, 3))
    step = np.array(image.PixelSpacing, float)
    corner = np.array(image.ImagePositionPatient, float)
    return lambda at: corner + np.outer(at[:, 0] * step[0], down) + np.outer(at[:, 1] * step[1], across)


def of_segments(path: Path) -> dict[tuple[float, ...], int]:
    seg = pydicom.dcmread(path)
    shared = seg.SharedFunctionalGroupsSequence[0]
    found = {}
    pixels = seg.pixel_array.reshape(-1, seg.Rows, seg.Columns)
    for plane, frame in zip(pixels, seg.PerFrameFunctionalGroupsSequence, strict=True):
        image = Dicom()
        image.ImageOrientationPatient = shared.PlaneOrientationSequence[0].ImageOrientationPatient
        image.PixelSpacing = shared.PixelMeasuresSequence[0].PixelSpacing
        image.ImagePositionPatient = frame.PlanePositionSequence[0].ImagePositionPatient
        at = np.argwhere(plane)
        if seg.SegmentationType == "BINARY":
            values = [int(frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber)] * len(at)
        else:
            values = [int(plane[tuple(index)]) for index in at]
        found |= {
            tuple(np.round(xyz, 2) + 0.0): value for xyz, value in zip(grid(image)(at), values, strict=True)
        }  # fmt: skip
    return found


def of_contours(path: Path) -> dict[tuple[float, ...], int]:
    """Pixels whose centre an odd number of a region's contours encloses, slice by slice."""
    images = {one.SOPInstanceUID: one for one in map(pydicom.dcmread, (path.parent / "image").glob("*.dcm"))}
    counts: dict[tuple[float, ...], dict[int, int]] = {}
    for region in pydicom.dcmread(path).ROIContourSequence:
        for contour in region.ContourSequence:
            image = images[contour.ContourImageSequence[0].ReferencedSOPInstanceUID]
            for xyz in _enclosed(image, np.array(contour.ContourData, float).reshape(-1, 3)):
                own = counts.setdefault(xyz, {})
                own[int(region.ReferencedROINumber)] = own.get(int(region.ReferencedROINumber), 0) + 1
    return {xyz: number for xyz, own in counts.items() for number, count in own.items() if count % 2}


def _enclosed(image: Dicom, points: Array) -> Iterator[tuple[float, ...]]:
    across, down = (np.array(image.ImageOrientationPatient[k : k + 3], float) for k in (0, 3))
    step, away = np.array(image.PixelSpacing, float), points - np.array(image.ImagePositionPatient, float)
    assert np.allclose(away @ np.cross(across, down), 0, atol=1e-3)  # they lie in the plane of their image
    y, x = away @ down / step[0], away @ across / step[1]
    y2, x2 = np.roll(y, -1), np.roll(x, -1)
    for row in range(image.Rows):
        for column in range(image.Columns):
            crosses = ((y > row) != (y2 > row)) & (column < (x2 - x) * (row - y) / np.where(y2 == y, 1, y2 - y) + x)
            if crosses.sum() % 2:
                (xyz,) = grid(image)(np.array([[row, column]]))
                yield tuple(np.round(xyz, 2) + 0.0)


ORIENTATIONS = {
    "axial": np.diag([-1.0, 1.0, 1.0]), "mirrored": np.eye(3), "upside down": np.diag([1.0, -1.0, -1.0]),
    "sagittal": np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]]), "oblique": rotation(20, -35, 50),
    "oblique and mirrored": rotation(-12, 8, 100) @ np.diag([1.0, 1, -1]),
}  # fmt: skip


@pytest.mark.parametrize("orientation", list(ORIENTATIONS))
def test_oblique_and_mirrored_volumes_come_back_voxel_by_voxel(orientation: str, tmp_path: Path) -> None:
    place, mask = affine(ORIENTATIONS[orientation]), blobs()
    voxels = np.random.default_rng(0).integers(0, 65535, SHAPE).astype(np.uint16)
    source = mids.Dataset(dataset(tmp_path, voxels, mask, place))
    wanted = places(mask, place)
    forms: dict[str, tuple[str, dict[str, str], Callable[[Path], object]]] = {
        "binary": ("dicom-seg", {"kind": "binary"}, of_segments),
        "labelmap": ("dicom-seg", {"kind": "labelmap"}, of_segments), "rtstruct": ("rtstruct", {}, of_contours),
    }  # fmt: skip
    for name, (target, choices, reader) in forms.items():
        if target == "dicom-seg":
            pytest.importorskip("highdicom")
        written = write(source, target, tmp_path / name, **choices)
        (made,) = (path for path in written if path.name.endswith("dseg.dcm"))
        assert reader(made) == wanted, name
    images = [pydicom.dcmread(path) for path in (tmp_path / "rtstruct").rglob("image/*.dcm")]
    found = {
        tuple(np.round(xyz, 2) + 0.0): one.pixel_array[tuple(at)] * one.RescaleSlope + one.RescaleIntercept
        for one in images
        for at in np.argwhere(np.ones((one.Rows, one.Columns)))
        for xyz in grid(one)(at[None])
    }  # fmt: skip
    assert found == places(voxels.astype(np.int64) + 1, place) | {
        xyz: value - 1 for xyz, value in places(voxels.astype(np.int64) + 1, place).items()
    }


SHEARED = affine(np.array([[1.0, 0, 0.3], [0, 1, 0], [0, 0, 1]]))


@pytest.mark.parametrize(
    ("volume", "mask", "place", "coded", "told"),
    [
        (np.zeros(SHAPE, np.int16), blobs(), SHEARED, 2, "not at right angles"),
        (np.zeros((*SHAPE, 3), np.int16), blobs(), affine(np.eye(3)), 2, "the image has 4 axes"),
        (np.zeros((9, 7, 1, 5), np.int16), blobs(), affine(np.eye(3)), 0, "no place in the patient"),
        (np.zeros(SHAPE, np.complex64), blobs(), affine(np.eye(3)), 2, "colours or pairs"),
        (np.zeros(SHAPE, np.int16), blobs() * np.float32(0.5), affine(np.eye(3)), 2, "not whole numbers"),
        (np.zeros(SHAPE, np.int16), blobs()[:-1], affine(np.eye(3)), 2, "another grid"),
        (np.zeros(SHAPE, np.int16), np.zeros(SHAPE, np.uint8), affine(np.eye(3)), 2, "encloses nothing"),
    ],
    ids=["sheared", "over time", "frames", "complex", "fractions", "other grid", "empty"],
)  # fmt: skip
def test_what_dicom_can_not_express_is_one_clear_line(
    volume: Array, mask: Array, place: Array, coded: int, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = dataset(tmp_path, volume, mask, place, coded)
    assert cli.main(["export", str(source), "--to", "rtstruct", "--output", str(tmp_path / "out")]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_masks_that_are_left_out_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One on a radiograph is no wonder; one on a volume is an error, and the others are written."""
    source = shutil.copytree(RAW, tmp_path / "mids")
    words = ["export", str(source), "--to", "rtstruct", "--output"]
    assert cli.main([*words, str(tmp_path / "one")]) == 0
    assert "info: 1 masks are left out: the mask lies on a picture" in capsys.readouterr().err
    path = sorted(source.glob(MASKS))[0]
    mask = nib.load(path)
    nib.save(nib.Nifti1Image(np.asarray(mask.dataobj), mask.affine @ np.diag([1, 1, 2, 1])), path)
    assert cli.main([*words, str(tmp_path / "two")]) == 1
    assert "error: REGION_MISMATCH: 1 masks are left out: the mask has another grid" in capsys.readouterr().err
    assert list((tmp_path / "two").rglob("*dseg.dcm"))


@pytest.mark.parametrize("is_there", [True, False])
def test_an_export_that_fails_half_way_leaves_nothing(is_there: bool, tmp_path: Path) -> None:
    """The system takes the images, and no file as large as the masks' (a limit on the size of files)."""
    pytest.importorskip("highdicom")
    resource = pytest.importorskip("resource")
    source, output = dataset(tmp_path, np.zeros(SHAPE, np.int16), blobs(), affine(np.eye(3))), tmp_path / "out"
    written = write(mids.Dataset(source), "dicom-seg", tmp_path / "whole")
    sizes = [path.stat().st_size for path in written]
    limit = next(size for size in reversed(sizes) if size > sizes[0]) - 1
    assert sizes[0] < limit
    if is_there:
        output.mkdir()
    words = ["export", str(source), "--to", "dicom-seg", "--output", str(output)]
    done = subprocess.run(
        [str(COMMANDS / "mids"), *words], capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip
    assert (done.returncode, output.exists()) == (2, is_there), done.stderr
    assert "File too large" in done.stderr
    assert not is_there or not list(output.iterdir())
