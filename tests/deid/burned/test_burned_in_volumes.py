"""Text in slices of a volume whose header asks for a look; what is drawn into the slices is the truth."""

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from image2d import write_dataset
from known_slices import slice_of
from lettering import NAME, lettered, radiograph

from mids.conversion import Conversion, convert
from mids.deid import keys
from mids.deid.policy import Detect, chosen

SIDE, COUNT = 384, 9


def converted(tmp_path: Path, named: set[int], detect: Detect, **header: Any) -> Conversion:
    """A series of slices, a name drawn into some, converted with `--burned-in blank`."""
    source = tmp_path / "source"
    source.mkdir()
    ground = radiograph(2, SIDE, SIDE)
    for k in range(COUNT):
        picture = lettered(ground, NAME, (30, 20), 20)[0] if k in named else ground
        values = picture.astype("<i2") * 8 - 1000
        uid = f"1.2.826.0.1.3680043.{k + 1}"
        dataset = slice_of(k, values, SOPInstanceUID=uid, BodyPartExamined="CHEST", **header)
        (source / f"{k}.dcm").write_bytes(write_dataset(dataset))
    keys.create(tmp_path / "study.key")
    policy = chosen("mids", burned_in="blank", detect=detect)
    return convert("dicom", source, tmp_path / "dataset", policy=policy, key=tmp_path / "study.key")


def name_is_gone(done: Conversion) -> bool:
    """Whether the pixels of the name are the darkest of the volume on every slice."""
    assert done.outcome is not None
    (path,) = (path for path in done.outcome.made if path.endswith(".nii.gz"))
    image: Any = nib.load(done.dataset / path)
    values = np.asarray(image.dataobj)[:, ::-1]  # rows from the top
    box = lettered(radiograph(2, SIDE, SIDE), NAME, (30, 20), 20)[1]
    return bool((values[box[1] : box[3], box[0] + 2 : box[2] - 2] == values.min()).all())


@pytest.mark.parametrize("named", [set(range(COUNT)), {3}])
def test_text_in_slices_is_blanked_on_all_where_the_header_asks(tmp_path: Path, named: set[int]) -> None:
    done = converted(tmp_path, named, "glyphs", BurnedInAnnotation="YES")
    assert "PRIVACY_TEXT_BLANKED" in {found.code for found in done.issues}
    assert name_is_gone(done)


def test_a_volume_sure_of_text_in_which_none_is_found_is_withheld(tmp_path: Path) -> None:
    done = converted(tmp_path, set(), "glyphs", BurnedInAnnotation="YES")
    assert "PRIVACY_TEXT_FOUND" in {found.code for found in done.issues}
    assert done.outcome is not None
    assert not [path for path in done.outcome.made if path.endswith(".nii.gz")]


def test_without_a_look_a_volume_that_asks_for_it_is_withheld(tmp_path: Path) -> None:
    done = converted(tmp_path, {3}, "none", BurnedInAnnotation="YES")
    assert "PRIVACY_HELD_BACK" in {found.code for found in done.issues}


def test_slices_whose_header_asks_nothing_are_not_looked_at(tmp_path: Path) -> None:
    done = converted(tmp_path, set(range(COUNT)), "glyphs")
    assert "PRIVACY_TEXT_BLANKED" not in {found.code for found in done.issues}
    assert not name_is_gone(done)
