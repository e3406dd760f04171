"""Multi-frame images of every modality come out, whatever the modality usually is."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from example_datasets.generators import us
from example_datasets.generators.dicomfile import encode
from mids.conversion import convert


@pytest.mark.parametrize("modality", ["MG", "DX", "XA", "RF", "CR", "OP", "PX"])
@pytest.mark.parametrize("cine", ["nifti", "png"])
def test_frames_come_out_as_one_nifti_or_as_pictures(modality: str, cine: str, tmp_path: Path, key: Path) -> None:
    dataset = us.cine()
    dataset.Modality = modality
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "loop").write_bytes(encode(dataset))
    done = convert("dicom", tmp_path / "in", tmp_path / "out", key=key, cine=cine)  # type: ignore[arg-type]
    assert done.exit_code == 0, done.issues
    assert done.outcome is not None
    if cine == "png":
        assert len(done.outcome.made) == us.FRAMES
        assert sorted(path.split("_chunk-")[1][0] for path in done.outcome.made) == [*"12345"]
    else:
        (path,) = done.outcome.made
        assert np.asarray(nib.load(done.dataset / path).dataobj).shape == (64, 64, 1, us.FRAMES)
