"""What a run found wrong is known as long as it holds: a later run that makes nothing takes no word back."""

from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.uid import UID
from trees import chest, codes, fill_folder, person

from example_datasets.generators.dicomfile import encode, fill, uid
from mids import cli
from mids.conversion import convert
from mids.run.done import read_issues


def study(patient: str) -> dict[str, Dataset | bytes]:
    """A chest CT in a folder of the patient's ID."""
    uids = {f"{level}InstanceUID": uid(level, patient) for level in ("Study", "Series")}
    slices: dict[str, Dataset | bytes] = {}
    for name, one in chest().items():
        assert isinstance(one, Dataset)
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = UID(uid(patient, name))
        slices[f"{patient}/{name}"] = fill(one, {**person(patient), **uids})
    return slices


def gapped(patient: str) -> dict[str, Dataset | bytes]:
    """The same without two of its slices."""
    return {name: one for name, one in study(patient).items() if not name.endswith(("/11", "/12"))}


def resampled(dest: Path) -> set[str]:
    """The subjects of the images that are known to be resampled."""
    return {each.path.split("/")[0] for each in read_issues(dest) if each.code == "VOLUME_RESAMPLED"}


@pytest.fixture
def dest(tmp_path: Path, key: Path) -> Path:
    """Two patients, each with a volume that was resampled."""
    convert("dicom", fill_folder(tmp_path / "source", {**gapped("P1"), **gapped("P2")}), tmp_path / "dest", key=key)
    assert len(resampled(tmp_path / "dest")) == 2
    return tmp_path / "dest"


def test_a_warning_of_an_image_holds_until_the_image_is_made_again(dest: Path, tmp_path: Path) -> None:
    both = resampled(dest)
    again = convert("dicom", tmp_path / "source", dest)
    assert "VOLUME_RESAMPLED" not in codes(again.issues)  # a run tells of what it made
    assert resampled(dest) == both
    fill_folder(tmp_path / "source", study("P1"))
    convert("dicom", tmp_path / "source", dest, include=["P2"])
    assert resampled(dest) == both
    convert("dicom", tmp_path / "source", dest)
    assert len(resampled(dest)) == 1


def test_a_warning_of_another_source_holds_until_that_source_is_read_again(dest: Path, tmp_path: Path) -> None:
    broken = tmp_path / "source/P1/broken"
    one = next(iter(chest().values()))
    assert isinstance(one, Dataset)
    broken.write_bytes(encode(one)[:-900])
    convert("dicom", tmp_path / "source", dest)
    (lost,) = [each for each in read_issues(dest) if each.code == "FILE_TRUNCATED"]
    convert("dicom", fill_folder(tmp_path / "other", gapped("P3")), dest)
    assert lost in read_issues(dest)
    assert len(resampled(dest)) == 3
    broken.write_bytes(encode(one))
    convert("dicom", tmp_path / "source", dest)
    assert lost not in read_issues(dest)
    assert len(resampled(dest)) == 3


def test_who_is_withdrawn_takes_their_own_warnings_away_and_no_others(dest: Path, key: Path) -> None:
    both = resampled(dest)
    assert cli.main(["withdraw", "P1", str(dest), "--key", str(key)]) == 0
    assert len(resampled(dest)) == 1
    assert resampled(dest) < both
    (gone,) = both - resampled(dest)
    assert gone not in Path(f"{dest}.mids/issues.jsonl").read_text("utf-8")
