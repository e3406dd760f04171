"""NIfTI that comes as one file: what is broken is data, wherever it breaks off."""

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from mids.actions.nifti import Nifti
from mids.errors import DataError
from mids.records import Source

WHOLE = nib.Nifti1Image(np.arange(60, dtype=np.int16).reshape(3, 4, 5), np.eye(4)).to_bytes()


@pytest.mark.parametrize("length", [0, 1, 100, 347, 348, 351, 352, len(WHOLE) - 1])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
def test_a_file_that_breaks_off_is_told(length: int, packed: bool, tmp_path: Path) -> None:
    (tmp_path / "x.nii.gz").write_bytes(gzip.compress(WHOLE[:length]) if packed else WHOLE[:length])
    with pytest.raises(DataError, match="the NIfTI file can't be read as NIfTI"):
        Nifti(Source("x.nii.gz")).make(tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "FILE_EMPTY"), (gzip.compress(WHOLE)[:-20], "FILE_TRUNCATED"), (b"no volume", "PIXELS_UNREADABLE")],
)
def test_what_is_wrong_with_a_file_is_named(content: bytes, code: str, tmp_path: Path) -> None:
    (tmp_path / "x.nii.gz").write_bytes(content)
    with pytest.raises(DataError) as told:
        Nifti(Source("x.nii.gz")).make(tmp_path, tmp_path)
    assert told.value.code == code


def test_a_volume_of_nifti_2_is_told_in_its_message_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    second = nib.Nifti2Image(np.arange(60, dtype=np.int16).reshape(3, 4, 5), np.eye(4))
    nib.save(second, tmp_path / "x.nii.gz")
    with pytest.raises(DataError, match="is NIfTI-2, and only NIfTI-1 is read"):
        Nifti(Source("x.nii.gz")).make(tmp_path, tmp_path)
    assert caplog.records == []
