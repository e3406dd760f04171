"""Volumes over time, with noise and of one-decimal positions, as they are delivered: places, times and time steps."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from pydicom.dataset import Dataset
from trees import codes

from mids.conversion import convert
from tests.support.slices import AXIAL, enhanced, measures, one, pixels, placed, slice_at, written


def delivered(folder: Path, key: Path, datasets: Iterable[Dataset]) -> tuple[Any, dict[str, Any]]:
    """The one image of a source, and its sidecar."""
    done = convert("dicom", written(folder / "in", datasets), folder / "out", key=key)
    assert (done.exit_code, codes(done.issues)) == (0, [])
    assert done.outcome is not None
    (path,) = done.outcome.made
    sidecar = json.loads((done.dataset / path.replace(".nii.gz", ".json")).read_text(encoding="utf-8"))
    return nib.load(done.dataset / path), sidecar


@pytest.mark.parametrize(
    ("values", "key_of_times", "step"),
    [
        ({"modality": "CT", "AcquisitionTime": ["100000", "100002", "100004"]}, "VolumeTiming", 2.0),
        ({"modality": "MR", "TriggerTime": [0, 40, 80]}, "VolumeTiming", 0.04),
        ({"modality": "PT", "FrameReferenceTime": [5000, 15000, 25000], "Units": "BQML"}, "FrameTimesStart", 10.0),
    ],
)
def test_times_are_in_the_sidecar_and_the_step_in_the_header(
    values: dict[str, Any], key_of_times: str, step: float, tmp_path: Path, key: Path
) -> None:
    datasets = [
        slice_at(
            10 * t + k, (0, 0, 3 * k),
            **{word: value[t] if isinstance(value, list) else value for word, value in values.items()},
        )
        for t in (2, 0, 1) for k in (1, 3, 0, 2)
    ]  # fmt: skip
    image, sidecar = delivered(tmp_path, key, datasets)
    assert sidecar[key_of_times] == pytest.approx([0, step, 2 * step])
    assert image.header.get_zooms()[3] == pytest.approx(step)
    voxels = np.asarray(image.dataobj)
    assert all(np.array_equal(voxels[:, ::-1, k, t].T, pixels(10 * t + k)) for t in range(3) for k in range(4))


def test_gates_of_pet_do_not_begin_one_after_the_other(tmp_path: Path, key: Path) -> None:
    gated: dict[str, Any] = {"modality": "PT", "SeriesType": ["GATED", "IMAGE"], "ActualFrameDuration": 1_200_000}
    places = [(t, k) for t in range(3) for k in range(4)]
    datasets = [
        slice_at(10 * t + k, (0, 0, 3 * k), TriggerTime=250 * t, FrameReferenceTime=60_000, **gated) for t, k in places
    ]
    image, sidecar = delivered(tmp_path, key, datasets)
    assert image.shape[3] == 3
    assert "FrameTimesStart" not in sidecar
    assert sidecar["FrameDuration"] == [1200, 1200, 1200]


def test_gates_of_nuclear_medicine_say_how_long_each_was_measured(tmp_path: Path, key: Path) -> None:
    where = {"ImagePositionPatient": [-8, -6, 50], "ImageOrientationPatient": [*AXIAL]}
    times = {"FrameTime": 300, "TimeSlotInformationSequence": [{"TimeSlotTime": time} for time in (100, 250)]}
    gated: dict[str, Any] = {
        "ImageType": ["ORIGINAL", "PRIMARY", "RECON GATED TOMO", "EMISSION"], "SpacingBetweenSlices": 4,
        "SliceVector": [1, 2, 3] * 2, "TimeSlotVector": [1, 1, 1, 2, 2, 2], "DetectorInformationSequence": [where],
        "GatedInformationSequence": [{"DataInformationSequence": [times]}],
    }  # fmt: skip
    image, sidecar = delivered(tmp_path, key, [one("gated", np.stack([pixels(k) for k in range(6)]), "NM", **gated)])
    assert image.shape[3] == 2
    assert (sidecar["FrameTime"], sidecar["TimeSlotTime"]) == (0.3, [0.1] * 3 + [0.25] * 3)


def test_the_grid_of_noisy_directions_is_their_mean(tmp_path: Path, key: Path) -> None:
    random = np.random.default_rng(3)
    noisy = [slice_at(k, (0, 0, 3 * k), AXIAL + random.uniform(-1e-3, 1e-3, 6)) for k in range(24)]
    image, _ = delivered(tmp_path, key, noisy)
    assert image.affine[:3, :3] == pytest.approx(np.diag([-1, 1, 3]), abs=1e-3)


def test_positions_of_one_decimal_are_one_straight_volume(tmp_path: Path, key: Path) -> None:
    stack = [slice_at(k, (0, 0, round(0.625 * k, 1)), SliceThickness=0.625) for k in range(40)]
    image, sidecar = delivered(tmp_path, key, stack)
    assert image.shape == (16, 12, 40)
    assert image.header.get_zooms()[2] == pytest.approx(0.625, rel=2e-3)
    assert not sidecar["Resampled"]


def test_views_of_nuclear_medicine_keep_their_counts(tmp_path: Path, key: Path) -> None:
    counts = np.stack([pixels(0), pixels(1)])
    kind = ["ORIGINAL", "PRIMARY", "WHOLE BODY", "EMISSION"]
    image, sidecar = delivered(tmp_path, key, [one("whole body", counts, "NM", ImageType=kind)])
    assert image.shape == (16, 12, 1, 2)
    assert sidecar["PixelMode"] == "raw"
    assert np.array_equal(np.asarray(image.dataobj)[:, ::-1, 0, 1].T, counts[1])


@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_phases_of_the_heart_are_in_the_sidecar(modality: str, tmp_path: Path, key: Path) -> None:
    phases = (10.0, 40.0, 80.0)
    frames = [
        {**placed((0, 0, 4 * k)), "CardiacSynchronizationSequence": [{"NominalPercentageOfCardiacPhase": phase}]}
        for phase in phases for k in range(3)
    ]  # fmt: skip
    image, sidecar = delivered(tmp_path, key, [enhanced("h", frames, measures(), f"Enhanced {modality}", modality)])
    assert image.shape[2:] == (3, 3)
    assert sidecar["NominalPercentageOfCardiacPhase"] == [phase for phase in phases for _ in range(3)]


def test_how_long_frames_of_enhanced_pet_took_is_in_the_sidecar(tmp_path: Path, key: Path) -> None:
    times = [("20200101100000", 5000.0), ("20200101100005", 10000.0)]
    frames = [
        {**placed((0, 0, 4 * k)), "FrameContentSequence": [
            {"FrameAcquisitionDateTime": begin, "FrameAcquisitionDuration": lasted}]}
        for begin, lasted in times for k in range(3)
    ]  # fmt: skip
    _, sidecar = delivered(tmp_path, key, [enhanced("p", frames, measures(), "Enhanced PT", "PT")])
    assert (sidecar["FrameTimesStart"], sidecar["FrameDuration"]) == ([0, 5], [5, 10])


def test_how_long_frames_of_a_dynamic_scan_took_is_in_the_sidecar(tmp_path: Path, key: Path) -> None:
    kind = ["ORIGINAL", "PRIMARY", "DYNAMIC", "EMISSION"]
    phases = [{"ActualFrameDuration": lasted, "NumberOfFramesInPhase": n} for lasted, n in ((1000, 2), (5000, 3))]
    counts = np.stack([pixels(number) for number in range(5)])
    more = {"PhaseVector": [1, 1, 2, 2, 2], "PhaseInformationSequence": phases, "ImageType": kind}
    _, sidecar = delivered(tmp_path, key, [one("dynamic", counts, "NM", **more)])
    assert sidecar["ActualFrameDuration"] == [1, 1, 5, 5, 5]
