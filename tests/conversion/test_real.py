"""Real DICOM beside the project: what comes out is compared with pydicom's own pixels, slice by slice."""

import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
import trees
from PIL import Image
from pydicom.pixels import apply_rescale

from mids.conversion import Conversion, convert

pytestmark = pytest.mark.shared


def find_made(result: Conversion) -> list[Path]:
    assert result.outcome is not None
    return [result.dataset / path for path in sorted(result.outcome.made)]


def sidecar(image: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads(image.with_name(image.name.split(".")[0] + ".json").read_text())
    return content


def slices_of(folder: Path) -> list[pydicom.Dataset]:
    found = [pydicom.dcmread(path) for path in sorted(folder.iterdir())]
    normal = np.cross(found[0].ImageOrientationPatient[:3], found[0].ImageOrientationPatient[3:])
    return sorted(found, key=lambda dataset: float(np.dot(dataset.ImagePositionPatient, normal)))


def test_chest_ct_series_equal_their_dicom_slice_by_slice(shared: Path, tmp_path: Path, key: Path) -> None:
    source = shared / "dicom" / "lung_pet_ct_dx"
    images = find_made(convert("dicom", source, tmp_path / "out", key=key, jobs=2))
    series = {folder.parent for folder in source.rglob("*.dcm")}
    assert len(images) == len(series) == 3
    by_shape = {(nib.load(path).shape[2], json.dumps(sidecar(path)["ConvolutionKernel"])): path for path in images}
    for folder in series:
        slices = slices_of(folder)
        kernel = slices[0].ConvolutionKernel
        name = [kernel] if isinstance(kernel, str) else list(kernel)
        volume = nib.load(by_shape[len(slices), json.dumps(name)])
        voxels = np.asarray(volume.dataobj)
        for k, dataset in enumerate(slices):
            assert np.array_equal(voxels[:, ::-1, k].T, apply_rescale(dataset.pixel_array, dataset))
        assert volume.header.get_zooms()[:2] == pytest.approx([float(value) for value in slices[0].PixelSpacing][::-1])
        first = np.array([float(value) for value in slices[0].ImagePositionPatient])
        corner = nib.affines.apply_affine(volume.affine, [0, volume.shape[1] - 1, 0]) * (-1, -1, 1)
        assert corner == pytest.approx(first, abs=0.01)
        last = np.array([float(value) for value in slices[-1].ImagePositionPatient])
        corner = nib.affines.apply_affine(volume.affine, [0, volume.shape[1] - 1, len(slices) - 1]) * (-1, -1, 1)
        assert corner == pytest.approx(last, abs=0.05)


def test_a_tilted_unevenly_spaced_head_comes_out_corrected_and_marked(shared: Path, tmp_path: Path, key: Path) -> None:
    source = shared / "dicom" / "dcm_qa_ct" / "GE"
    (image,) = find_made(convert("dicom", source, tmp_path / "out", key=key))
    assert sidecar(image)["Resampled"] is True
    assert sidecar(image)["ResampledReason"] == "tilt and uneven"
    assert sidecar(image)["GantryDetectorTilt"] == pytest.approx(18.5, abs=0.1)
    volume = nib.load(image)
    voxels = np.asarray(volume.dataobj)
    inverse = np.linalg.inv(volume.affine)
    for dataset in slices_of(source):
        position = np.array([float(value) for value in dataset.ImagePositionPatient])
        axes = np.array([float(value) for value in dataset.ImageOrientationPatient]).reshape(2, 3)
        pixels = apply_rescale(dataset.pixel_array, dataset)
        rows, columns = np.mgrid[60:450:13, 60:450:13]
        spacing = [float(value) for value in dataset.PixelSpacing]
        points = position + columns[..., None] * axes[0] * spacing[1] + rows[..., None] * axes[1] * spacing[0]
        i, j, k = np.rint(nib.affines.apply_affine(inverse, points * (-1, -1, 1))).astype(int).reshape(-1, 3).T
        k = np.clip(k, 0, voxels.shape[2] - 1)
        correlation = np.corrcoef(voxels[i, j, k], pixels[rows.ravel(), columns.ravel()])[0, 1]
        assert correlation > 0.9


def test_series_that_dicom2nifti_refuses_are_delivered_and_named(shared: Path, tmp_path: Path, key: Path) -> None:
    root = shared / "dicom" / "dicom2nifti_failing"
    expected = {
        "gantrytilting/001": ["VOLUME_RESAMPLED"],
        "notavolume/001": ["SPACING_ASSUMED"],
        "slicecount/001": [],
        "sliceincrement/001": ["SERIES_GAP", "VOLUME_RESAMPLED"],
        "sliceincrement/002": ["SERIES_GAP", "VOLUME_RESAMPLED"],
    }
    for name, codes in expected.items():
        result = convert("dicom", root / name, tmp_path / name.replace("/", "-"), key=key)
        (image,) = find_made(result)
        assert trees.codes(result.issues) == codes, name
        assert sidecar(image)["Resampled"] is ("VOLUME_RESAMPLED" in codes)
    bolus = nib.load(find_made(convert("dicom", root / "notavolume/001", tmp_path / "bolus", key=key))[0])
    assert bolus.shape == (512, 512, 1, 4)  # four times at one place


LOSSLESS = (
    "BigEndianExplicit", "DeflatedExplicitVRLittleEndian", "JPEG2000LosslessOnly", "JPEGLSLossless",
    "JPEGProcess14Transfer", "JPEGProcess14SV1", "LittleEndianExplicit", "LittleEndianImplicit", "RLELossless",
)  # fmt: skip
LOSSY = {
    "JPEG2000Transfer": (5, 0.571),
    "JPEGLSLossy": (1, 0.694),
    "JPEGProcess1Transfer": (2, 0.618),
    "JPEGProcess2_4": (18, 1.922),
    "JPEGProcess6_8": (18, 1.922),  # this and the next are retired, and pydicom refuses them
    "JPEGProcess10_12": (18, 1.922),
}
"""How far the picture is from that before compression as GDCM 3.0 decodes it: at most, and in the mean, in grey levels.

JPEG-LS promises its figure (NEAR is 1); the others are what their quantization lost.
"""


def convert_slice(name: str, shared: Path, tmp_path: Path, key: Path) -> tuple[Path, np.ndarray]:
    """The DICOM file of a transfer syntax, and its converted pixels as rows × columns."""
    (source,) = [path for path in (shared / "dicom" / "transfer_syntaxes").glob("CT*") if f"_{name}" in path.name]
    (image,) = find_made(convert("dicom", source, tmp_path / "out", key=key))
    return source, np.asarray(nib.load(image).dataobj)[:, ::-1, 0].T


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_transfer_syntaxes_give_the_same_pixels(name: str, shared: Path, tmp_path: Path, key: Path) -> None:
    reference = pydicom.dcmread(next((shared / "dicom" / "transfer_syntaxes").glob("*LittleEndianExplicit*")))
    _, pixels = convert_slice(name, shared, tmp_path, key)
    assert np.array_equal(pixels, apply_rescale(reference.pixel_array, reference))


@pytest.mark.parametrize("name", LOSSY)
def test_lossy_transfer_syntaxes_are_as_near_to_the_pixels_before_compression_as_by_another_decoder(
    name: str, shared: Path, tmp_path: Path, key: Path
) -> None:
    reference = pydicom.dcmread(next((shared / "dicom" / "transfer_syntaxes").glob("*LittleEndianExplicit*")))
    source, pixels = convert_slice(name, shared, tmp_path, key)
    level = float(pydicom.dcmread(source, stop_before_pixels=True).RescaleSlope)
    apart = np.abs(pixels - apply_rescale(reference.pixel_array, reference)) / level
    most, mean = LOSSY[name]
    assert apart.max() <= most
    assert apart.mean() == pytest.approx(mean, abs=0.005)


def test_a_monochrome1_radiograph_is_white_on_black(shared: Path, tmp_path: Path, key: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    shutil.copy(shared / "dicom" / "cr_dx_chest" / "RG1_J2KI.dcm", source)
    (image,) = find_made(convert("dicom", source, tmp_path / "out", key=key))
    picture = np.asarray(Image.open(image))
    assert picture.dtype == np.uint16
    assert picture.shape == (1955, 1841)
    assert sidecar(image)["SourcePhotometricInterpretation"] == "MONOCHROME1"
    assert sidecar(image)["PhotometricInterpretation"] == "MONOCHROME2"
    spine, lung = picture[300:900, 880:960], picture[500:800, 450:600]
    assert spine.mean() > 1.2 * lung.mean()
