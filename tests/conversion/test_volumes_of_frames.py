"""Frames that lie in the patient, or in the volume that a probe swept: each voxel in its place, in a valid dataset."""

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from example_datasets.generators.dicomfile import encode
from mids import convert, validate
from tests.support.slices import enhanced, measures, pixels, placed

ORDER = (2, 0, 3, 1)
SWEPT = {"PlaneOrientationVolumeSequence": [{"ImageOrientationVolume": [1.0, 0, 0, 0, 1, 0]}]}


@pytest.mark.parametrize(
    ("sop_class", "modality"), [("Enhanced US", "US"), ("X-Ray 3D", "XA"), ("DBT", "MG"), ("OPT", "OPT")]
)
def test_frames_are_where_they_say_and_the_dataset_is_valid(
    sop_class: str, modality: str, tmp_path: Path, key: Path
) -> None:
    shared: Any = measures(0.5, 0.8)
    frames: list[Any] = [placed((10, 20, 0.8 * k)) for k in ORDER]
    if modality == "US":
        shared |= SWEPT
        frames = [{"PlanePositionVolumeSequence": [{"ImagePositionVolume": [10.0, 20.0, 0.8 * k]}]} for k in ORDER]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_bytes(encode(enhanced("frames", frames, shared, sop_class, modality)))
    done = convert("dicom", tmp_path / "in", tmp_path / "out", key=key)
    (path,) = done.dataset.glob("sub-*/ses-*/mim-*/*.nii.gz")
    volume: Any = nib.load(path)
    assert np.allclose(volume.affine @ (0, 11, 0, 1), (-10, -20, 0, 1), atol=1e-5)
    assert volume.header.get_zooms() == pytest.approx((0.5, 0.5, 0.8))
    for frame, k in enumerate(ORDER):
        assert np.array_equal(volume.dataobj[:, ::-1, k].T, pixels(frame))
    assert [found.message for found in validate(done.dataset, deep=True).issues if found.level == "error"] == []


def test_phase_of_diffusion_has_the_directions_of_its_magnitude(tmp_path: Path, key: Path) -> None:
    """dcm2niix writes them for the magnitude alone; the two have the same axes and order."""
    cosines = (0.96, 0.28, 0, -0.224, 0.768, 0.6)
    normal = np.cross(cosines[:3], cosines[3:])
    weights: list[Any] = [(0, None), (1000, [0.6, 0.8, 0]), (1000, [0, 0.28, 0.96]), (700, [-0.8, 0, 0.6])]
    frames: list[Any] = []
    for k in (1, 0, 2):
        for part in ("MAGNITUDE", "PHASE"):
            for number, (weight, direction) in enumerate(weights):
                named = [{"DiffusionGradientOrientation": direction}] if direction else []
                said = {"DiffusionBValue": weight, "DiffusionDirectionality": "DIRECTIONAL" if direction else "NONE"}
                nested = {"DiffusionGradientDirectionSequence": named} if named else {}
                frames.append(placed([*map(float, 3 * k * normal)], cosines) | {
                    "FrameContentSequence": [{"DimensionIndexValues": [k + 1, number + 1, 1 + (part == "PHASE")]}],
                    "MRImageFrameTypeSequence": [{"ComplexImageComponent": part}],
                    "MRDiffusionSequence": [said | nested],
                })  # fmt: skip
    more = {"Manufacturer": "Philips Medical Systems", "BodyPartExamined": "BRAIN", "SeriesDescription": "DTI"}
    (tmp_path / "in").mkdir()
    scan = enhanced("diffusion", frames, measures(), "Enhanced MR", "MR", **more)
    (tmp_path / "in" / "a").write_bytes(encode(scan))
    done = convert("dicom", tmp_path / "in", tmp_path / "out", key=key)
    assert [found.code for found in done.issues if found.level == "error"] == []
    tables = {
        (part, suffix): np.loadtxt(next(done.dataset.rglob(f"*_part-{part}_dwi.{suffix}")), ndmin=2)
        for part in ("mag", "phase") for suffix in ("bval", "bvec")
    }  # fmt: skip
    assert tables["phase", "bval"].tolist() == [[weight for weight, _ in weights]]
    assert np.allclose(tables["phase", "bvec"], tables["mag", "bvec"], atol=1e-4)
    assert np.allclose(np.linalg.norm(tables["phase", "bvec"], axis=0), (0, 1, 1, 1), atol=1e-4)


@pytest.mark.parametrize(("keyword", "size"), [("FloatPixelData", 4), ("DoubleFloatPixelData", 8)])
def test_maps_of_real_numbers_keep_them(keyword: str, size: int, tmp_path: Path, key: Path) -> None:
    scan = enhanced("map", [placed((0, 0, 2 * k)) for k in ORDER], measures(), "Parametric map", "MR")
    values = np.stack([pixels(frame) / np.pi - 40 for frame in range(4)]).astype(f"<f{size}")
    del scan.PixelData, scan.BitsStored, scan.HighBit, scan.PixelRepresentation
    scan.BitsAllocated = 8 * size
    for part, length in (("whole", 4), ("short", 3)):
        setattr(scan, keyword, values[:length].tobytes())
        (tmp_path / part).mkdir()
        (tmp_path / part / "a").write_bytes(encode(scan))
    done = convert("dicom", tmp_path / "whole", tmp_path / "out", key=key)
    (path,) = done.dataset.rglob("*_mr.nii.gz")
    found = np.asarray(nib.load(path).dataobj)
    assert found.dtype == f"f{size}"
    for frame, k in enumerate(ORDER):
        assert np.array_equal(found[:, ::-1, k].T, values[frame])
    refused = convert("dicom", tmp_path / "short", tmp_path / "none", key=key)
    assert [one.code for one in refused.issues] == ["PIXELS_UNREADABLE"]


UNIT = {"CodeValue": "um2/s", "CodingSchemeDesignator": "UCUM", "CodeMeaning": "of Doe"}
MAPPING = {"RealWorldValueSlope": 0.01, "RealWorldValueIntercept": 5.0, "MeasurementUnitsCodeSequence": [UNIT]}


@pytest.mark.parametrize("sop_class", ["Parametric map", "Enhanced MR"])
def test_what_stored_values_of_a_map_mean_is_in_the_sidecar(sop_class: str, tmp_path: Path, key: Path) -> None:
    shared = measures() | {"RealWorldValueMappingSequence": [MAPPING]}
    scan = enhanced("map", [placed((0, 0, 2 * k)) for k in ORDER], shared, sop_class, "MR")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_bytes(encode(scan))
    done = convert("dicom", tmp_path / "in", tmp_path / "out", key=key)
    (path,) = done.dataset.glob("sub-*/**/*_mr.json")
    found = {key: value for key, value in json.loads(path.read_text("utf-8")).items() if key in MAPPING}
    coded = {key: value for key, value in UNIT.items() if key != "CodeMeaning"}
    expected = {**MAPPING, "MeasurementUnitsCodeSequence": [coded]}
    assert found == (expected if sop_class == "Parametric map" else {})
