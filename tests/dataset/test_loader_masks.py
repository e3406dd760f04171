"""Segmentations for training: on the grid of their image, whole numbers, one number for each structure."""

import logging
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

import mids
from mids.dataset import Volume
from mids.errors import DataError, MidsError
from mids.exports.targets import write

torch: Any = pytest.importorskip("torch")

SHAPE = (6, 5, 4)
AFFINE = np.diag([-1.0, -1.0, 2.0, 1.0])


def build(folder: Path, *masks: np.ndarray, tables: tuple[str, ...] = (), affine: np.ndarray = AFFINE) -> mids.Dataset:
    """A BIDS dataset with a volume and a segmentation of each subject; of the tables (index, name) one for each."""
    (folder / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.9.0"}')
    (folder / "participants.tsv").write_text("participant_id\n" + "".join(f"sub-{n}\n" for n in range(len(masks))))
    for number, mask in enumerate(masks):
        path = folder / f"sub-{number}" / "anat" / f"sub-{number}_T1w.nii.gz"
        roi = folder / "derivatives" / "rois" / f"sub-{number}" / "anat" / f"sub-{number}_dseg.nii.gz"
        path.parent.mkdir(parents=True)
        roi.parent.mkdir(parents=True)
        nib.save(nib.Nifti1Image(np.arange(120, dtype=np.int16).reshape(SHAPE), AFFINE), path)
        nib.save(nib.Nifti1Image(mask, affine), roi)
        if tables:
            roi.with_name(f"sub-{number}_dseg.tsv").write_text("index\tname\n" + tables[number])
    return mids.Dataset(folder)


SHIFTED = AFFINE + np.array([[0, 0, 0, 50], [0] * 4, [0] * 4, [0] * 4])
ONES = np.ones(SHAPE, np.uint8)


@pytest.mark.parametrize(
    ("mask", "affine"),
    [(ONES, np.diag([1.0, -1, 2, 1])), (ONES, SHIFTED), (np.ones((6, 5, 5), np.uint8), AFFINE)],
    ids=["flipped", "shifted", "shape"],
)
def test_a_mask_on_another_grid_is_refused_by_name(tmp_path: Path, mask: np.ndarray, affine: np.ndarray) -> None:
    table = "1\tlung\n"
    dataset = build(tmp_path, mask, tables=(table,), affine=affine)
    row = dataset[0]
    for ask in (
        lambda: dataset.mask(row), lambda: dataset.torch(mask=True), lambda: dataset.monai(mask=True),
        lambda: dataset.torch(size=(2, 2, 2), mask=True), lambda: write(dataset, "nnunet", tmp_path.parent / "out"),
        lambda: write(dataset, "monai", tmp_path.parent / "list.json"),
    ):  # fmt: skip
        with pytest.raises(DataError, match=r"sub-0_dseg.nii.gz lies on another grid .*sub-0_T1w.nii.gz: resample"):
            ask()


def test_rounding_of_the_affine_is_no_other_grid(tmp_path: Path) -> None:
    dataset = build(tmp_path, ONES, affine=AFFINE + np.full((4, 4), 1e-4) * [[1], [1], [1], [0]])
    assert dataset.torch(mask=True)[0]["mask"].min() == 1


def test_a_mask_of_an_unplaced_image_fits(tmp_path: Path) -> None:
    """nibabel writes the affine that it makes up as one that the header states."""
    dataset = build(tmp_path, ONES)
    path = tmp_path / dataset[0]["filename"]
    image = nib.Nifti1Image(np.zeros(SHAPE, np.int16), None)
    image.header.set_zooms((1, 1, 2))
    nib.save(image, path)
    roi = tmp_path / dataset.rois.iloc[0]["filename"]
    nib.save(nib.Nifti1Image(ONES, nib.load(path).header.get_best_affine()), roi)
    found = dataset.mask(dataset[0])
    assert found is not None
    assert found.shape == SHAPE


def test_a_mask_of_a_picture_has_its_size(tmp_path: Path) -> None:
    name = "sub-1_run-1_bp-chest_vp-pa_dx.png"
    for folder, size in (("sub-1/mim-rx", (9, 7)), ("derivatives/rois/sub-1/mim-rx", (7, 9))):
        (tmp_path / folder).mkdir(parents=True)
        own = name.replace("_dx", "_label-lung_mask") if "rois" in folder else name
        Image.new("L", size).save(tmp_path / folder / own)
    (tmp_path / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.9.0"}')
    dataset = mids.Dataset(tmp_path)
    with pytest.raises(DataError, match="lies on another grid"):
        dataset.mask(dataset[0])


def test_masks_whose_tables_differ_get_one_numbering(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    two = np.zeros(SHAPE, np.uint8)
    two[0], two[1] = 1, 2
    dataset = build(tmp_path, two, two, tables=("1\tlung\n2\tlesion\n", "1\tlesion\n2\theart\n"))
    with caplog.at_level(logging.WARNING):
        samples = dataset.torch(mask=True)
    assert samples.structures == {1: "heart", 2: "lesion", 3: "lung"}
    assert "1 heart, 2 lesion, 3 lung" in caplog.text
    assert [item["mask"][:3, 0, 0].tolist() for item in samples] == [[3, 2, 0], [2, 1, 0]]
    part = dataset.torch(dataset.images.iloc[1:], mask=True, size=(5, 6))
    assert part[0]["mask"][0, :2].tolist() == [2, 1]
    with pytest.raises(MidsError, match="masks number their structures differently"):
        dataset.monai(mask=True)


def test_masks_whose_tables_agree_keep_their_values(tmp_path: Path) -> None:
    dataset = build(tmp_path, ONES * 7, ONES * 3, tables=("7\tlung\n", "0\tbackground\n3\theart\n7\tlung\n"))
    samples = dataset.torch(mask=True)
    assert [int(item["mask"].max()) for item in samples] == [7, 3]
    assert samples.structures == {0: "background", 3: "heart", 7: "lung"}
    assert len(dataset.monai(mask=True)) == 2


def test_images_without_a_mask_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = build(tmp_path, ONES, ONES, ONES).path
    (folder / "derivatives/rois/sub-1/anat/sub-1_dseg.nii.gz").unlink()
    dataset = mids.Dataset(folder)
    with caplog.at_level(logging.WARNING):
        assert [int(item["mask"].max()) for item in dataset.torch(mask=True)] == [1, 0, 1]
    assert "1 of 3 images have no segmentation: their masks are zeros" in caplog.text
    caplog.clear()
    dataset.torch(dataset.images.iloc[[0, 2]], mask=True)
    assert not caplog.text


def test_a_value_that_no_table_names_is_an_error_where_values_change(tmp_path: Path) -> None:
    dataset = build(tmp_path, ONES * 5, ONES, tables=("1\tlung\n", "1\theart\n"))
    with pytest.raises(DataError, match=r"sub-0_dseg.nii.gz has the value 5, which its table does not name"):
        _ = dataset.torch(mask=True)[0]


@pytest.mark.parametrize("size", [None, (4, 4), (6, 5, 4)])
@pytest.mark.parametrize("value", [0.5, np.nan])
def test_a_mask_of_fractions_is_refused(tmp_path: Path, size: tuple[int, ...] | None, value: float) -> None:
    dataset = build(tmp_path, np.full(SHAPE, value, np.float32))
    with pytest.raises(DataError, match=r"sub-0_dseg.nii.gz has the value \S+, which is not a whole number"):
        _ = dataset.torch(mask=True, size=size)[0]


def test_a_mask_of_whole_floats_is_one(tmp_path: Path) -> None:
    assert build(tmp_path, np.full(SHAPE, 2, np.float32)).torch(mask=True)[0]["mask"].min() == 2


@pytest.mark.filterwarnings("ignore:Casting complex")
@pytest.mark.parametrize("kind", ["sheared", "complex", "axes"])
def test_nnunet_refuses_what_it_cannot_read(tmp_path: Path, kind: str) -> None:
    shear = AFFINE.copy()
    shear[0, 2] = 1
    source = tmp_path / "source"
    source.mkdir()
    dataset = build(source, ONES, tables=("1\tlung\n",), affine=shear if kind == "sheared" else AFFINE)
    values = np.zeros((*SHAPE, 2) if kind == "axes" else SHAPE, np.complex64 if kind == "complex" else np.int16)
    nib.save(nib.Nifti1Image(values, shear if kind == "sheared" else AFFINE), source / dataset[0]["filename"])
    said = {"sheared": "is sheared", "complex": "holds complex numbers", "axes": "has 4 axes"}[kind]
    with pytest.raises(MidsError, match=f"sub-0_T1w.nii.gz {said}"):
        write(dataset, "nnunet", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_patch_is_filled_up_with_its_lowest_known_value(tmp_path: Path) -> None:
    dataset = build(tmp_path, ONES)
    values = np.ones(SHAPE, np.float32)
    values[2, 2, 2] = np.nan
    nib.save(nib.Nifti1Image(values, AFFINE), tmp_path / dataset[0]["filename"])
    patch = dataset.torch(size=(8, 8, 8))[0]["image"]
    assert patch.isnan().sum() == 1
    assert patch[0, 7, 7, 7] == 1


@pytest.mark.filterwarnings("ignore:NvImgCodec")
@pytest.mark.parametrize("shape", [SHAPE, (6, 5)])
def test_torchio_places_volumes_as_load_does(tmp_path: Path, shape: tuple[int, ...]) -> None:
    pytest.importorskip("torchio")
    dataset = build(tmp_path, ONES)
    image = nib.Nifti1Image(np.zeros(shape, np.int16), AFFINE if len(shape) == 2 else None)
    nib.save(image, tmp_path / dataset[0]["filename"])
    (tmp_path / dataset.rois.iloc[0]["filename"]).unlink()
    again = mids.Dataset(tmp_path)
    volume = again.load(again[0])
    assert isinstance(volume, Volume)
    assert np.allclose(again.subject(again[0])["image"].affine, volume.affine)
