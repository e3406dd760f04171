"""The example source, converted: known truths of the phantom stand in known places of the dataset."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from trees import table

from example_datasets.generate import INPUT
from example_datasets.generators import anatomy, mr, nuclear, radiograph, us
from example_datasets.generators.dicomfile import encode
from mids.conversion import Conversion, convert
from mids.dataset.layout import bids_layout
from mids.deid import keys
from mids.deid.pseudonyms import Pseudonyms
from mids.records import PatientKey
from mids.validation.runner import validate


def find(phantom: Conversion, *parts: str) -> Path:
    """The one image whose path holds all parts."""
    assert phantom.outcome is not None
    (path,) = [path for path in phantom.outcome.made if all(part in path for part in parts)]
    return phantom.dataset / path


def sidecar(image: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads(image.with_name(image.name.split(".")[0] + ".json").read_text("utf-8"))
    return content


def picture(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_every_series_comes_out_under_its_name(phantom: Conversion) -> None:
    assert phantom.outcome is not None
    names = sorted("_".join(path.split("/")[-1].split("_")[2:]) for path in phantom.outcome.made)
    assert names == sorted([
        "rec-B40f_run-1_bp-chest_vp-ax_ct.nii.gz", "rec-B40f_run-2_bp-chest_vp-ax_ct.nii.gz",
        "rec-B40f_run-3_bp-chest_vp-ax_ct.nii.gz", "rec-B40f_run-1_bp-chest_vp-cor_ct.nii.gz",
        "rec-B70f_run-1_bp-chest_vp-ax_ct.nii.gz", "run-1_bp-chest_vp-pa_cr.png", "run-1_bp-chest_vp-ll_dx.png",
        "run-1_bp-chest_vp-pa_dx.png", "run-1_bp-chest_vp-ap_dx.png", "run-1_bp-breast_lat-R_vp-mlo_mg.png",
        "run-1_bp-breast_lat-L_vp-cc_mg.png", "run-1_bp-abdomen_us.png", "run-2_bp-abdomen_us.nii.gz",
        "run-1_T1w.nii.gz", "run-1_FLAIR.nii.gz", "run-1_bp-lspine_vp-sag_T2w.nii.gz",
        "run-1_bp-chest_vp-ax_pet.nii.gz", "run-1_bp-chest_vp-ax_nm.nii.gz",
    ])  # fmt: skip


def test_what_is_lost_is_named_and_what_is_skipped_has_a_reason(phantom: Conversion) -> None:
    assert phantom.exit_code == 1
    errors = sorted(found.code for found in phantom.issues if found.level == "error")
    assert errors == ["FILE_EMPTY", "FILE_TRUNCATED"]
    reasons = sorted(item.reason for subject in phantom.plan.subjects for item in subject.skipped)
    assert [reason.split(":")[0].split(",")[0] for reason in reasons] == [
        "a DICOMDIR", "a duplicate", "a localizer", "a structured report or document",
        "withheld", "withheld",
    ]  # fmt: skip


@pytest.mark.parametrize("parts", [("vp-pa_cr.png",), ("vp-pa_dx.png",), ("vp-ap_dx.png",)])
def test_frontal_radiographs_are_white_on_black_with_the_heart_on_the_right(
    phantom: Conversion, parts: tuple[str, ...]
) -> None:
    image = find(phantom, *parts)
    pixels = picture(image).astype(float)
    assert pixels.shape == (216, 200)
    row = np.argmin(np.abs(radiograph.Z - -10.0))
    right, left = (np.argmin(np.abs(radiograph.ACROSS - x)) for x in (-60.0, 60.0))
    assert pixels[row, left] > 1.1 * pixels[row, right]  # the heart is on the patient's left
    assert pixels[radiograph.LEAD].max() > 0.9 * pixels.max()  # the letter of lead is the whitest
    lung = np.argmin(np.abs(radiograph.Z - anatomy.RIGHT_LUNG.centre[2]))
    spine = np.argmin(np.abs(radiograph.ACROSS))
    assert pixels[lung, spine] > pixels[lung, right]
    assert sidecar(image)["PhotometricInterpretation"] == "MONOCHROME2"


def test_a_linear_window_gives_the_grey_that_the_standard_says(phantom: Conversion) -> None:
    stored = radiograph.store_water(radiograph.frontal(), 4000, -10, 100).astype(float)
    centre, width = 2400, 2600
    share = np.clip((stored - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)  # PS3.3 C.11.2.1.2.1
    expected = np.rint(65535 - share * 65535)  # MONOCHROME1
    assert np.abs(picture(find(phantom, "vp-pa_cr.png")) - expected).max() <= 1


def test_raw_pixels_lead_back_to_the_stored_values(tmp_path: Path, key: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "image").write_bytes(encode(radiograph.cr_pa()))
    result = convert("dicom", source, tmp_path / "out", key=key, pixels="raw")
    image = find(result, "cr.png")
    facts = sidecar(image)
    low, high = facts["PixelRange"]  # type: ignore[misc]
    assert facts["PixelInverted"] is True
    assert np.array_equal(
        high - picture(image).astype(int), radiograph.store_water(radiograph.frontal(), 4000, -10, 100)
    )
    assert low == 0


def test_mammograms_have_their_laterality_and_side(phantom: Conversion) -> None:
    right, left = (picture(find(phantom, part)).astype(float) for part in ("lat-R_vp-mlo", "lat-L_vp-cc"))
    assert right[:, 48:].mean() > right[:, :48].mean()  # the chest wall of the right MLO is on the right
    assert left[:, :48].mean() > left[:, 48:].mean()
    row, column = radiograph.CALCIFICATION
    assert left[row, column] == left.max()
    assert right[row, 95 - column] == right.max()


def test_ultrasound_keeps_its_colours_and_its_frames(phantom: Conversion) -> None:
    pixels = picture(find(phantom, "run-1_bp-abdomen_us.png"))
    assert tuple(pixels[us.FLOW["red"]][2, 2]) == us.RED
    assert tuple(pixels[us.FLOW["blue"]][2, 2]) == us.BLUE
    cine = find(phantom, "run-2_bp-abdomen_us.nii.gz")
    frames = np.asarray(nib.load(cine).dataobj)
    assert frames.shape == (64, 64, 1, us.FRAMES)
    for index in range(us.FRAMES):
        row, column = us.moving_target(index)
        assert frames[column + 1, 63 - (row + 1), 0, index] == frames.max()
    assert sidecar(cine)["FrameTime"] == pytest.approx(us.FRAME_TIME / 1000)


@pytest.mark.parametrize(
    ("part", "protocol", "markers"),
    [("T1w", mr.T1W, anatomy.HEAD_MARKERS), ("FLAIR", mr.FLAIR, anatomy.HEAD_MARKERS)],
)
def test_the_head_lies_where_its_headers_say(
    phantom: Conversion, part: str, protocol: mr.Protocol, markers: dict[str, anatomy.Marker]
) -> None:
    image = find(phantom, f"_{part}.nii.gz")
    assert "/anat/" in image.as_posix()
    volume = nib.load(image)
    voxels = np.asarray(volume.dataobj)
    for marker in markers.values():
        indices = np.argwhere(voxels == protocol.signal[marker.value])
        centre = nib.affines.apply_affine(volume.affine, indices).mean(axis=0) * (-1, -1, 1)
        assert centre == pytest.approx(marker.centre, abs=2.5)


def test_pet_is_in_becquerels_at_its_place(phantom: Conversion) -> None:
    volume = nib.load(find(phantom, "_pet.nii.gz"))
    voxels = np.asarray(volume.dataobj)
    assert voxels.max() == pytest.approx(nuclear.HOT_BQML, rel=0.01)
    hot = nib.affines.apply_affine(volume.affine, np.argwhere(voxels > 0.9 * voxels.max())).mean(axis=0) * (-1, -1, 1)
    assert hot == pytest.approx(nuclear.HOT_SPOT, abs=4)


def test_tables_agree_with_the_patients(phantom: Conversion, key: Path) -> None:
    made = Pseudonyms(keys.load(key))
    first, second = made.subject(PatientKey("HFANTASMA", "000123")), made.subject(PatientKey("", "123"))
    participants = {row["participant_id"]: row for row in table(phantom.dataset / "participants.tsv")}
    assert len(participants) == 3
    elder = participants[f"sub-{second}"]
    assert (elder["age"], elder["sex"]) == ("89", "F")  # 91 years at her study
    younger = participants[f"sub-{first}"]
    assert (younger["age"], younger["modalities"], younger["body_parts"]) == ("61", "cr;ct;dx;nm;pt", "chest")
    sessions = table(next(phantom.dataset.glob(f"sub-{first}/*_sessions.tsv")))
    moments = [row["acq_time"] for row in sessions]
    assert moments == sorted(moments)
    assert all(moment < "1926" for moment in moments)


def test_intervals_and_weekdays_survive_the_shift(phantom: Conversion, key: Path) -> None:
    shift = Pseudonyms(keys.load(key)).shift(PatientKey("HFANTASMA", "000123"))
    assert shift.days % 7 == 0
    sessions = [row for path in phantom.dataset.glob("sub-*/*_sessions.tsv") for row in table(path)]
    from_source = {"2021-03-04T10:15:00", "2021-09-12T08:42:00"}
    moved = {str(np.datetime64(moment) + np.timedelta64(shift.days, "D")) for moment in from_source}
    assert moved <= {row["acq_time"] for row in sessions}


def test_position_of_the_patient_is_a_column_not_a_view(phantom: Conversion) -> None:
    rows = [row for path in phantom.dataset.glob("sub-*/*/*_scans.tsv") for row in table(path)]
    by_name = {row["filename"].split("_", 2)[2]: row for row in rows}
    assert by_name["run-1_bp-chest_vp-ap_dx.png"]["patient_position"] == "supine"
    assert by_name["run-1_bp-chest_vp-pa_dx.png"]["patient_position"] == "erect"
    assert by_name["run-1_bp-chest_vp-ap_dx.png"]["view_source"] == "description"
    assert by_name["run-1_bp-chest_vp-ll_dx.png"]["view_source"] == "dicom"


def test_our_validator_and_the_official_one_find_no_error(phantom: Conversion) -> None:
    report = validate(phantom.dataset, deep=True)
    assert [issue for issue in report.issues if issue.level != "info"] == []
    command = Path(sys.executable).parent / "bids-validator-deno"
    done = subprocess.run([command, phantom.dataset, "--json"], capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)["issues"]["issues"]
    assert [issue["code"] for issue in found if issue["severity"] == "error"] == []


def test_pybids_finds_every_image_by_its_entities(phantom: Conversion) -> None:
    assert phantom.outcome is not None
    layout = bids_layout(phantom.dataset)
    found = {Path(path).relative_to(phantom.dataset).as_posix() for path in layout.get(return_type="filename")}
    assert set(phantom.outcome.made) <= found
    chest = layout.get(suffix="dx", bodypart="chest", viewposition="pa", extension=".png", return_type="filename")
    assert [Path(path).name.split("_", 2)[2] for path in chest] == ["run-1_bp-chest_vp-pa_dx.png"]


def test_the_archive_gives_what_the_folder_gives(phantom: Conversion, tmp_path: Path, key: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "source"), "gztar", INPUT)
    packed = convert("dicom", archive, tmp_path / "out", key=key)
    assert packed.outcome is not None
    assert phantom.outcome is not None
    assert set(packed.outcome.made) == set(phantom.outcome.made)
    for path in packed.outcome.made:
        assert (packed.dataset / path).read_bytes() == (phantom.dataset / path).read_bytes()
