"""The page of datasets: its small pictures are the images, rightly turned and proportioned."""

from base64 import b64decode
from io import BytesIO
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from one_radiograph import one_radiograph
from PIL import Image

from mids.conversion import Conversion
from mids.gallery import Wanted, write_page
from mids.gallery.masks import COLOURS
from mids.gallery.planes import planes_and_slices
from mids.gallery.thumbnails import Task, thumbnail

SHAPE = (9, 7, 5)
SPACING = (2.0, 3.0, 4.0)
VALUES = np.arange(9 * 7 * 5, dtype=np.int16).reshape(SHAPE)
"""A volume whose axes go right, anterior and superior."""


@settings(max_examples=24)
@given(
    order=st.permutations([0, 1, 2]), flips=st.tuples(*[st.sampled_from([1, -1])] * 3),
    dtype=st.sampled_from(["<i2", ">i2", "<f4"]), extension=st.sampled_from([".nii", ".nii.gz"]),
)  # fmt: skip
def test_planes_do_not_depend_on_how_a_volume_is_stored(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], flips: tuple[int, ...], dtype: str, extension: str
) -> None:
    affine = np.diag([*SPACING, 1.0])
    stored = nib.Nifti1Image(VALUES, affine).as_reoriented(np.array(list(zip(order, flips, strict=True)), dtype=float))
    path = tmp_path_factory.mktemp("volume") / f"volume{extension}"
    header = nib.Nifti1Header(endianness=dtype[0])
    nib.Nifti1Image(np.asarray(stored.dataobj).astype(dtype[1:]), stored.affine, header, dtype=dtype[1:]).to_filename(
        path
    )
    found = {plane.name: plane for plane in planes_and_slices(path)[0]}
    i, j, k = 4, 3, 2
    # Seen from the feet, from the front, and from the left: right, or anterior, on the left side; the top on top.
    assert found["axial"].pixels.tolist() == VALUES[::-1, ::-1, k].T.tolist()
    assert found["coronal"].pixels.tolist() == VALUES[::-1, j, ::-1].T.tolist()
    assert found["sagittal"].pixels.tolist() == VALUES[i, ::-1, ::-1].T.tolist()
    assert found["axial"].size == pytest.approx((7 * 3.0, 9 * 2.0))
    assert found["coronal"].size == pytest.approx((5 * 4.0, 9 * 2.0))
    assert found["sagittal"].size == pytest.approx((5 * 4.0, 7 * 3.0))
    assert [found[name].letters[:3:2] for name in ("axial", "coronal", "sagittal")] == ["RA", "RS", "AS"]


def _panes(found: Any) -> dict[str, np.ndarray[Any, Any]]:
    return {pane.plane: np.asarray(Image.open(BytesIO(b64decode(pane.image.split(",")[1])))) for pane in found.panes}


def test_a_volume_keeps_its_proportions_and_its_mask_lies_where_it_was_drawn(tmp_path: Path) -> None:
    values = np.full((40, 20, 10), -1000, np.int16)
    values[30:, 10:, 5:] = 400
    affine = np.diag([1.0, 2.0, 6.0, 1.0])
    mask = np.zeros(values.shape, np.uint8)
    mask[30:, 10:, 5:] = 1
    root = one_radiograph(tmp_path / "set", {"derivatives/rois/dataset_description.json": "{}"})
    name = "sub-01_ses-01_run-1_bp-chest_vp-ax"
    (root / "sub-01/ses-01/mim-ct").mkdir()
    nib.Nifti1Image(values, affine).to_filename(root / f"sub-01/ses-01/mim-ct/{name}_ct.nii.gz")
    drawn = root / f"derivatives/rois/sub-01/ses-01/mim-ct/{name}_desc-reader1_dseg.nii.gz"
    drawn.parent.mkdir(parents=True)
    nib.Nifti1Image(mask, affine).to_filename(drawn)
    drawn.with_name(f"{name}_desc-reader1_dseg.tsv").write_text("index\tname\n1\tnodule\n", encoding="utf-8")
    [found] = write_page([root], tmp_path / "page.html")
    row = int(found.images.index[found.images["filename"].str.endswith("_ct.nii.gz")][0])
    shown = found.thumbnails[row]
    assert [(entry.label, entry.colour) for entry in shown.legend] == [("nodule", COLOURS[0])]
    sizes = {pane.plane: (pane.width, pane.height) for pane in shown.panes}
    assert sizes == {"axial": (100, 100), "coronal": (100, 150), "sagittal": (100, 150)}
    for pane in shown.panes:
        over = np.asarray(Image.open(BytesIO(b64decode(pane.mask.split(",")[1]))).convert("RGBA"))
        grey = _panes(shown)[pane.plane]
        grey = grey if grey.ndim == 2 else grey[..., 0]
        is_drawn, is_bright = over[..., 3] > 0, grey > 128
        assert np.mean(is_drawn == is_bright) > 0.97, pane.plane
        # Right, anterior and superior is upper left in all three planes; in the sagittal plane anterior is left.
        assert is_drawn[5, 5]
        assert not is_drawn[-5, -5]


def test_pictures_have_the_shape_of_their_pixels_in_mm(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((100, 100), np.uint8)).save(tmp_path / "a.png")
    [pane] = thumbnail(Task(tmp_path, "a.png", spacing=(0.5, 0.25))).panes
    assert (pane.width, pane.height) == (112, 224)


@pytest.mark.parametrize(
    ("name", "content"), [("a.nii.gz", b"\x1f\x8b broken"), ("a.nii", b"no"), ("a.png", b"no"), ("a.tif", b"")]
)
def test_what_can_not_be_shown_says_why(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    found = thumbnail(Task(tmp_path, name))
    assert not found.panes
    assert found.problem
    assert str(tmp_path) not in found.problem


def test_a_volume_that_ends_early_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    nib.Nifti1Image(VALUES, np.eye(4)).to_filename(path)
    path.write_bytes(path.read_bytes()[:-10])
    assert thumbnail(Task(tmp_path, "a.nii")).problem.startswith("NIFTI_TRUNCATED")


def test_small_pictures_are_shared_out_among_kinds(phantom: Conversion, tmp_path: Path) -> None:
    [found] = write_page([phantom.dataset], tmp_path / "page.html", Wanted(thumbnails=9))
    kinds = found.images.loc[list(found.thumbnails), ["suffix", "vp"]].fillna("").drop_duplicates()
    assert len(found.thumbnails) == len(kinds) == 9
