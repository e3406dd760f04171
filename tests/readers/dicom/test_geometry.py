"""Volumes lie where the DICOM headers say: markers of the phantom, put at known points, found again in RAS mm."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from pydicom.dataset import Dataset

from example_datasets.generators import anatomy, ct
from example_datasets.generators.dicomfile import encode
from mids.conversion import Conversion, convert

TILTED_BACK = (0.0, 0.965925826, 0.258819045)


def numbered(datasets: Sequence[Dataset], *, upwards: bool) -> list[Dataset]:
    for index, dataset in enumerate(datasets):
        dataset.InstanceNumber = index + 1 if upwards else len(datasets) - index
    return list(datasets)


def converted(datasets: Sequence[Dataset], folder: Path, key: Path) -> Conversion:
    source = folder / "source"
    source.mkdir()
    for index, dataset in enumerate(datasets):
        (source / f"{(index * 7919) % 997:04}").write_bytes(encode(dataset))
    return convert("dicom", source, folder / "out", key=key)


def the_volume(result: Conversion) -> nib.Nifti1Image:
    assert result.outcome is not None
    assert len(result.outcome.made) == 1, result.issues
    return nib.load(result.dataset / result.outcome.made[0])


def hounsfield_at_voxels(image: nib.Nifti1Image) -> np.ndarray:
    """What the phantom has at the centre of every voxel, by the affine alone (RAS → LPS)."""
    i, j, k = np.indices(image.shape)
    points = np.tensordot(image.affine, np.stack([i, j, k, np.ones_like(i)]), axes=1)
    return np.round(anatomy.hu(-points[0], -points[1], points[2]))


def centroid(image: nib.Nifti1Image, marker: anatomy.Marker, tolerance: float) -> np.ndarray:
    """The mean LPS position of the voxels that have a marker's value and lie near it."""
    values = np.asarray(image.dataobj)
    indices = np.argwhere(np.abs(values - marker.value) < tolerance)
    points = nib.affines.apply_affine(image.affine, indices) * (-1, -1, 1)
    near = np.linalg.norm(points - marker.centre, axis=1) < 1.6 * marker.radius
    assert near.sum() > 5, f"{marker} is not where it should be"
    return points[near].mean(axis=0)


STRAIGHT: dict[str, ct.Stack] = {
    "soft": ct.SOFT,
    "lung, signed": ct.LUNG,
    "descending": replace(ct.SOFT, centres=ct.SOFT.centres[::-1]),
    "coronal": ct.CORONAL,
    "sagittal": replace(
        ct.SOFT, row=(0.0, 1.0, 0.0), column=(0.0, 0.0, -1.0),
        centres=np.stack([ct.axis(30, 11.0), np.zeros(30), np.zeros(30)], axis=1),
    ),
    "prone": replace(ct.SOFT, row=(-1.0, 0.0, 0.0), column=(0.0, -1.0, 0.0)),
    "mirrored": replace(ct.SOFT, row=(-1.0, 0.0, 0.0)),
    "anisotropic": replace(ct.SOFT, pixel=(5.5, 6.0)),
    "oblique": replace(
        ct.SOFT, row=(0.0, 0.965925826, -0.258819045), column=(0.0, 0.258819045, 0.965925826),
        centres=np.stack([ct.axis(30, 11.0), np.zeros(30), np.zeros(30)], axis=1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STRAIGHT)
@pytest.mark.parametrize("upwards", [True, False])
def test_straight_series_have_the_phantoms_hu_at_every_voxel(
    name: str, upwards: bool, tmp_path: Path, key: Path
) -> None:
    stack = STRAIGHT[name]
    image = the_volume(converted(numbered(list(ct.slices(stack)), upwards=upwards), tmp_path, key))
    voxels = np.asarray(image.dataobj)
    expected = hounsfield_at_voxels(image)
    if stack is ct.LUNG:
        expected = np.where(voxels == ct.PADDING, ct.PADDING, expected)
    assert image.shape == (stack.shape[1], stack.shape[0], len(stack.centres))
    assert np.mean(voxels == expected) > 0.999  # a point on an organ's very edge may fall on either side


def test_a_volume_has_the_spacing_of_its_headers(tmp_path: Path, key: Path) -> None:
    stack = replace(ct.SOFT, pixel=(5.5, 6.0))
    image = the_volume(converted(list(ct.slices(stack)), tmp_path, key))
    assert image.header.get_zooms() == pytest.approx((6.0, 5.5, 5.0))


IRREGULAR: dict[str, ct.Stack] = {
    "tilted": ct.TILTED,
    "tilted back": replace(ct.TILTED, column=TILTED_BACK),
    "uneven": ct.UNEVEN,
    "tilted and uneven": replace(ct.TILTED, centres=np.delete(ct.TILTED.centres, [1, 12], axis=0)),
    "two spacings": replace(
        ct.SOFT,
        centres=np.stack([*np.zeros((2, 24)), np.concatenate([ct.axis(14, 4.0, -30.0), ct.axis(10, 8.0, 40.0)])], 1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", IRREGULAR)
@pytest.mark.parametrize("upwards", [True, False])
def test_irregular_series_are_resampled_and_their_markers_stay_in_place(
    name: str, upwards: bool, tmp_path: Path, key: Path
) -> None:
    result = converted(numbered(list(ct.slices(IRREGULAR[name])), upwards=upwards), tmp_path, key)
    image = the_volume(result)
    for marker in anatomy.MARKERS.values():
        assert centroid(image, marker, 0.15 * marker.value) == pytest.approx(marker.centre, abs=2.5)
    assert [found.code for found in result.issues if found.level == "info"] == ["VOLUME_RESAMPLED"]
    columns = image.affine[:3, :3]
    assert np.allclose(columns.T @ columns, np.diag(np.diag(columns.T @ columns)), atol=1e-4)  # a grid without shear


def test_a_missing_slice_is_named(tmp_path: Path, key: Path) -> None:
    result = converted(list(ct.slices(ct.UNEVEN)), tmp_path, key)
    assert "SERIES_GAP" in {found.code for found in result.issues}


def test_a_repeated_slice_is_dropped_once(tmp_path: Path, key: Path) -> None:
    slices = list(ct.slices(ct.SOFT))
    again = list(ct.slices(ct.SOFT))[5]
    again.SOPInstanceUID = again.file_meta.MediaStorageSOPInstanceUID = "2.25.4242"
    result = converted([*slices, again], tmp_path, key)
    assert the_volume(result).shape[2] == len(slices)
    (skipped,) = [item for subject in result.plan.subjects for item in subject.skipped]
    assert "same position, time and pixels" in skipped.reason


def test_slices_without_positions_are_refused(tmp_path: Path, key: Path) -> None:
    slices = list(ct.slices(ct.SOFT))
    for dataset in slices:
        del dataset.ImagePositionPatient
    result = converted(slices, tmp_path, key)
    assert [found.code for found in result.issues] == ["SERIES_UNSTACKABLE"]
    assert result.exit_code == 1


def test_missing_tags_are_normal(tmp_path: Path, key: Path) -> None:
    slices = list(ct.slices(ct.SOFT))
    for dataset in slices:
        for keyword in (
            "SeriesNumber",
            "PatientID",
            "IssuerOfPatientID",
            "StudyDate",
            "StudyTime",
            "SeriesDescription",
        ):
            if keyword in dataset:
                delattr(dataset, keyword)
    result = converted(slices, tmp_path, key)
    assert np.mean(np.asarray(the_volume(result).dataobj) == hounsfield_at_voxels(the_volume(result))) > 0.999
    assert result.exit_code == 0


def make_enhanced(stack: ct.Stack, order: Sequence[int]) -> Dataset:
    """The slices of a stack as one Enhanced CT image whose frames stand in any order (PS3.3 A.38)."""
    slices = list(ct.slices(stack))
    frames = [slices[index] for index in order]
    dataset = slices[0]
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    dataset.NumberOfFrames = len(frames)
    dataset.PixelData = b"".join(frame.PixelData for frame in frames)
    measures, plane, rescale = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = dataset.PixelSpacing, dataset.SliceThickness
    plane.ImageOrientationPatient = dataset.ImageOrientationPatient
    rescale.RescaleIntercept, rescale.RescaleSlope, rescale.RescaleType = dataset.RescaleIntercept, 1, "HU"
    group = Dataset()
    group.PixelMeasuresSequence, group.PlaneOrientationSequence = [measures], [plane]
    group.PixelValueTransformationSequence = [rescale]
    dataset.SharedFunctionalGroupsSequence = [group]
    dataset.PerFrameFunctionalGroupsSequence = []
    for number, frame in enumerate(frames, start=1):
        place, content, item = Dataset(), Dataset(), Dataset()
        place.ImagePositionPatient = frame.ImagePositionPatient
        content.StackID, content.InStackPositionNumber, content.DimensionIndexValues = "1", number, [1, number]
        item.PlanePositionSequence, item.FrameContentSequence = [place], [content]
        dataset.PerFrameFunctionalGroupsSequence.append(item)
    for keyword in (
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PixelSpacing",
        "RescaleIntercept",
        "RescaleSlope",
    ):
        delattr(dataset, keyword)
    return dataset


@pytest.mark.parametrize("order", ["ascending", "descending"])
def test_an_enhanced_image_lies_where_its_frames_say(order: str, tmp_path: Path, key: Path) -> None:
    count = len(ct.SOFT.centres)
    frames = range(count) if order == "ascending" else range(count - 1, -1, -1)
    result = converted([make_enhanced(ct.SOFT, list(frames))], tmp_path, key)
    image = the_volume(result)
    assert image.shape == (64, 48, count)
    assert np.mean(np.asarray(image.dataobj) == hounsfield_at_voxels(image)) > 0.999


def test_a_tilted_enhanced_image_is_resampled_in_place(tmp_path: Path, key: Path) -> None:
    result = converted([make_enhanced(ct.TILTED, range(len(ct.TILTED.centres)))], tmp_path, key)
    marker = anatomy.MARKERS["right upper anterior"]
    assert centroid(the_volume(result), marker, 0.15 * marker.value) == pytest.approx(marker.centre, abs=2.5)
