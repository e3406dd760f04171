"""What is delivered though nobody looked at it is counted, with the command that looks."""

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from image2d import image
from lettering import radiograph
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from trees import fill_folder, images

from mids.conversion import convert
from mids.deid.policy import Policy, chosen
from mids.deidentification import deidentify
from mids.report.plan import summary

CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def picture(number: int, modality: str, **more: Any) -> Dataset:
    uid = f"1.2.826.0.1.{number}"
    header = {
        "Modality": modality, "PatientID": "X1", "StudyInstanceUID": "1.2.3.4", "SeriesInstanceUID": f"{uid}.1",
        "SOPInstanceUID": uid, "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1", "BodyPartExamined": "CHEST", **more,
    }  # fmt: skip
    dataset = image(radiograph(number, 120, 100), header)
    dataset.file_meta.MediaStorageSOPInstanceUID = uid
    return dataset


@pytest.fixture
def source(tmp_path: Path) -> Path:
    kinds = ("CR", "DX", "MG", "XA", "OP", "IO", "PX")
    files = {kind: picture(number, kind) for number, kind in enumerate(kinds, 1)}
    place = {"ImagePositionPatient": [0, 0, 0], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PixelSpacing": [1, 1]}
    for number, part in enumerate(("HEAD", "CHEST"), 20):
        volume = {**place, "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "BodyPartExamined": part}
        files[part] = picture(number, "CT", **volume)
    return fill_folder(tmp_path / "s", files)


def told(done: Any) -> dict[str, str]:
    return {found.code: found.message for found in done.issues}


COUNTED = "pixels nobody searched for text (CR 1, DX 1, IO 1, MG 1, OP 1, PX 1, XA 1)"


@pytest.mark.parametrize("command", ["convert", "deidentify"])
def test_radiographs_and_heads_are_counted_with_the_command_that_looks(
    source: Path, tmp_path: Path, key: Path, command: str
) -> None:
    def run(name: str, policy: Policy) -> Any:
        where = {"policy": policy, "key": key}
        if command == "deidentify":
            return deidentify(source, tmp_path / name, **where)
        return convert("dicom", source, tmp_path / name, **where)

    silent = run("silent", Policy())
    assert COUNTED in told(silent)["PRIVACY_UNSEEN"]
    assert told(silent)["PRIVACY_FACE_KEPT"].startswith("1 ")
    lines = summary(silent.plan, silent.outcome, silent.issues, "x").splitlines()
    assert [line.rpartition(": ")[2] for line in lines[:2]] == [
        "--detect glyphs --change detect looks at them, unless --burned-in is release",
        "--faces withhold --change faces withholds them; deface in place of withhold removes it from CT and MR",
    ]  # fmt: skip
    looked = run("looked", chosen("mids", detect="glyphs", faces="withhold"))
    assert "PRIVACY_UNSEEN" not in told(looked)
    assert "face" in told(looked)["PRIVACY_HELD_BACK"]
    assert "PRIVACY_FACE_KEPT" not in told(run("kept", chosen("mids", faces="keep")))


def test_a_modality_that_dicom_does_not_define_is_not_printed(tmp_path: Path, key: Path) -> None:
    source = fill_folder(tmp_path / "s", {"1": picture(1, "QUEVEDO")})
    done = deidentify(source, tmp_path / "d", key=key)
    assert "(? 1)" in told(done)["PRIVACY_UNSEEN"]
    assert "QUEVEDO" not in summary(done.plan, done.outcome, done.issues, "x")


@pytest.mark.parametrize("modality", ["CR", "CT", "US", "OT", "SC"])
def test_captures_are_withheld_and_released_like_ultrasound(tmp_path: Path, key: Path, modality: str) -> None:
    source = fill_folder(tmp_path / "s", {"1": picture(1, modality, SOPClassUID=CAPTURE)})
    held = convert("dicom", source, tmp_path / "held", key=key)
    assert [found.code for found in held.issues] == ["PRIVACY_HELD_BACK"]
    assert "1 file withheld" in summary(held.plan, held.outcome, held.issues, "x")
    released = convert("dicom", source, tmp_path / "out", key=key, policy=chosen("mids", burned_in="release"))
    assert released.outcome is not None
    assert len(released.outcome.made) == 1
    known = modality if modality != "SC" else "?"  # DICOM has no Modality SC
    assert f"({known} 1)" in told(released)["PRIVACY_UNSEEN"]
    row = "file\tfield\told\tnew\twho\twhy\n1\trelease\t\t\tA. Reader\tlooked\n"
    (tmp_path / "c.tsv").write_text(row, "utf-8")
    one = convert("dicom", source, tmp_path / "one", key=key, curation=tmp_path / "c.tsv")
    assert one.exit_code == 0
    assert len(images(one.dataset)) == 1


def test_a_capture_that_claims_to_lie_among_slices_is_none_of_them(tmp_path: Path, key: Path) -> None:
    files = {}
    for number in range(5):
        place = {"ImagePositionPatient": [0, 0, number], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}
        sop_class = CAPTURE if number == 4 else "1.2.840.10008.5.1.4.1.1.2"
        more = {
            **place,
            "PixelSpacing": [1, 1],
            "RescaleSlope": 1,
            "RescaleIntercept": 0,
            "SeriesInstanceUID": "1.2.7",
            "SOPClassUID": sop_class,
        }
        files[str(number)] = picture(number + 1, "CT", InstanceNumber=number, **more)
    done = convert("dicom", fill_folder(tmp_path / "s", files), tmp_path / "d", key=key)
    assert [found.code for found in done.issues] == ["PRIVACY_HELD_BACK"]
    (volume,) = convert_images(done.dataset)
    assert volume.shape == (100, 120, 4)


def convert_images(dataset: Path) -> list[np.ndarray]:
    return [np.asarray(nibabel.nifti1.load(path).dataobj) for path in dataset.glob("sub-*/**/*.nii.gz")]


def test_what_is_refused_when_it_is_made_is_not_counted(tmp_path: Path, key: Path) -> None:
    """Its header is right, and its pixels are no JPEG: that is noticed after the plan."""
    files = {"1": picture(1, "CR"), "2": picture(2, "DX")}
    broken = files["2"]
    broken.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.70"
    broken.PixelData = encapsulate([b"no image" * 400])
    broken["PixelData"].is_undefined_length = True
    source = fill_folder(tmp_path / "s", files)
    done = convert("dicom", source, tmp_path / "d", key=key)
    assert done.exit_code == 1
    assert done.outcome is not None
    assert (len(done.outcome.made), len(done.outcome.lost)) == (1, 1)
    assert told(done)["PRIVACY_UNSEEN"].startswith("1 image is delivered")
    assert "(CR 1)" in told(done)["PRIVACY_UNSEEN"]
