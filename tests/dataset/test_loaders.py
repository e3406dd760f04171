"""Datasets in the programs that train models: PyTorch, TorchIO, MONAI, Hugging Face."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from places import ROOT, SOURCES

import mids
from mids import testing
from mids.errors import DataError, MidsError

RICORD, BIMCV, CHESTXRAY = (SOURCES / n / "mids" for n in ("midrc-ricord-1a", "bimcv-covid19", "covid-chestxray"))
torch: Any = pytest.importorskip("torch")


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_batches_by_worker_processes_hold_each_image_once(method: str) -> None:
    joined = mids.concat([BIMCV, CHESTXRAY])
    rows = joined.select(modality="rx", vp=["pa", "ap"])
    samples = joined.torch(rows, size=(32, 24), target="sex")
    loader = torch.utils.data.DataLoader(samples, batch_size=2, num_workers=2, multiprocessing_context=method)
    names, shapes = [], set()
    for batch in loader:
        names += batch["filename"]
        shapes.add(tuple(batch["image"].shape[1:]))
        assert 0 <= batch["image"].min() <= batch["image"].max() <= 1
    known = rows[rows["sex"].notna()]
    assert sorted(names) == sorted(known["dataset"].astype("string") + "/" + known["filename"])
    assert shapes == {(1, 32, 24)}


def test_an_item_has_the_pixels_of_the_file() -> None:
    dataset = mids.Dataset(CHESTXRAY)
    row = next(row for row in dataset if row["group"] == "rx" and dataset.load(row).data.ndim == 2)
    item = dataset.torch(dataset.images[dataset.images["filename"] == row["filename"]])[0]
    with Image.open(CHESTXRAY / row["filename"]) as picture:
        grey = np.asarray(picture)
    assert np.allclose(item["image"][0].numpy() * np.iinfo(grey.dtype).max, grey, atol=0.01)


def test_unknown_targets_are_left_out_aloud(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    table = 'participant_id\tsession_id\tfilename\tlabels\nsub-S1\tses-E1\tn/a\t["nodule", "effusion"]\n'
    dataset = mids.Dataset(testing.dataset(tmp_path, {"derivatives/labels/labels.tsv": table}))
    with caplog.at_level(logging.WARNING, "mids.dataset"):
        samples = dataset.torch(target="nodule")
    assert "1 of 2 images have no known target" in caplog.text
    assert [(item["filename"].split("/")[0], int(item["target"])) for item in samples] == [("sub-S1", 1)]
    assert dataset.torch(target=["nodule", "effusion"])[0]["target"].tolist() == [1.0, 1.0]


def test_several_labels_are_a_number_each() -> None:
    dataset = mids.Dataset(BIMCV)
    words = sorted(dataset.labels["label"].unique())[:2]
    for item in dataset.torch(target=words):
        said = [bool(dataset.has_label(word)[dataset.images["filename"] == item["filename"]].iloc[0]) for word in words]
        assert item["target"].tolist() == [float(value) for value in said]


def test_coloured_pictures_are_grey_unless_three_channels_are_asked_for() -> None:
    dataset = mids.Dataset(CHESTXRAY)
    rows = dataset.select(modality="rx")
    for row, one, three in zip(rows.iterrows(), dataset.torch(rows), dataset.torch(rows, channels=3), strict=True):
        data = dataset.load(row[1]).data
        assert (one["image"].shape[0], three["image"].shape[0]) == (1, 3)
        if data.ndim == 3:
            grey = np.asarray(Image.fromarray(data).convert("L"), np.float32)
            assert np.abs(one["image"][0].numpy() * 255 - grey).max() <= 1


def test_slices_and_patches_are_those_of_the_volume_and_its_mask(tmp_path: Path) -> None:
    dataset = mids.Dataset(RICORD)
    roi = dataset.rois.iloc[0]
    rows = dataset.images[dataset.images["filename"] == roi["image"]]
    readers = dataset.rois[dataset.rois["image"] == roi["image"]]
    volume = np.asanyarray(nib.load(RICORD / roi["image"]).dataobj)
    if len(readers) > 1:
        with pytest.raises(MidsError, match="choose a reader"):
            dataset.mask(roi["image"])
    drawn = dataset.mask(roi["image"], reader=roi["reader"])
    assert drawn is not None
    assert drawn.shape == volume.shape[:3]

    slices = dataset.torch(rows, size=volume.shape[1::-1])
    assert len(slices) == volume.shape[2]
    assert np.array_equal(slices[1]["image"][0].numpy(), volume[:, :, 1].T.astype(np.float32))

    sides = tuple(max(side // 2, 1) for side in volume.shape[:3])
    ways: list[dict[str, Any]] = [{}, {"cache": str(tmp_path)}, {"cache": str(tmp_path), "unpack": True}]
    for options in ways * 2:
        patch = dataset.torch(rows, size=sides, **options)[0]["image"][0].numpy()
        assert patch.shape == sides
        views = np.lib.stride_tricks.sliding_window_view(volume.astype(np.float32), sides)
        assert (views == patch).all(axis=(3, 4, 5)).any()


def test_a_window_takes_grey_values_to_the_unit_interval() -> None:
    dataset = mids.Dataset(RICORD)
    rows = dataset.images.iloc[:1]
    volume = dataset.load(rows.iloc[0]).data
    found = dataset.torch(rows, window="lung")[0]["image"][0].numpy()
    assert np.allclose(found, np.clip((volume + 1350) / 1500, 0, 1), atol=1e-5)
    with pytest.raises(MidsError, match="choose lung, bone"):
        dataset.torch(rows, window="lungs")
    with pytest.raises(MidsError, match="width above 0"):
        dataset.torch(rows, window=(40, 0))


@pytest.mark.filterwarnings("ignore:NvImgCodec")
def test_torchio_and_monai_open_images_and_masks() -> None:
    dataset = mids.Dataset(RICORD)
    roi = dataset.rois.iloc[0]
    pytest.importorskip("torchio")
    subject = dataset.subject(roi["image"], reader=roi["reader"])
    volume = dataset.load(roi["image"])
    assert np.array_equal(subject["image"].numpy()[0], volume.data)
    assert subject["mask"].shape[1:] == volume.shape
    monai = pytest.importorskip("monai.transforms")
    items = dataset.monai(dataset.images)
    assert len(items) == len(dataset)
    image = monai.LoadImage(image_only=True)(items[0]["image"])
    assert np.array_equal(np.asarray(image), dataset.load(dataset.images.iloc[0]).data)


@pytest.mark.filterwarnings("ignore:NvImgCodec", "ignore:The LabelMap")
def test_torchio_and_monai_open_every_example() -> None:
    """Both have the columns of a 2D image first."""
    pytest.importorskip("torchio")
    read = pytest.importorskip("monai.transforms").LoadImage(image_only=True)
    joined = mids.concat({path.parent.name: path for path in SOURCES.glob("*/mids")})
    reader = joined.rois.drop_duplicates(["dataset", "image"]).set_index(["dataset", "image"])["reader"]
    for row, item in zip(joined, joined.monai(), strict=True):
        data = joined.load(row).data
        if ".nii" not in row["filename"]:
            data = np.swapaxes(data, 0, 1)
        image = joined.subject(row, reader=reader.get((row["dataset"], row["filename"])))["image"].numpy()
        assert np.array_equal(np.asarray(read(item["image"])), data)
        assert np.array_equal(np.moveaxis(image, 0, -1).reshape(data.shape), data)


def test_hugging_face_holds_images_and_columns() -> None:
    pytest.importorskip("datasets")
    joined = mids.concat([BIMCV, CHESTXRAY])
    rows = joined.select(modality="rx")
    made = joined.to_hf(rows)
    assert len(made) == len(rows)
    first = joined.load(rows.iloc[0])
    assert np.array_equal(np.asarray(made[0]["image"]), first.data)
    assert (
        made["view_position"]
        == rows["view_position"].astype("object").where(rows["view_position"].notna(), None).tolist()
    )
    with pytest.raises(MidsError, match="choose rows of one kind"):
        joined.to_hf()


def test_an_embedded_hugging_face_dataset_needs_no_file_of_this_machine(tmp_path: Path) -> None:
    read = pytest.importorskip("datasets").Dataset.from_parquet
    (source := tmp_path / "source").mkdir()
    dataset = _volumes(source, (4, 3, 2), (3, 3, 3), noise=True)
    expected = [dataset.load(row).data for row in dataset]
    made = dataset.to_hf(embed=True)
    assert str(tmp_path) not in made.info.description
    made.to_parquet(tmp_path / "whole.parquet")
    assert str(tmp_path).encode() not in (tmp_path / "whole.parquet").read_bytes()
    source.rename(tmp_path / "moved")
    again = read(str(tmp_path / "whole.parquet"), cache_dir=str(tmp_path / "cache"))
    assert all(np.array_equal(item["image"].dataobj, data) for item, data in zip(again, expected, strict=True))


def test_wrong_choices_are_one_line() -> None:
    dataset = mids.Dataset(BIMCV)
    with pytest.raises(MidsError, match="did you mean normal"):
        dataset.torch(target="norma1")
    with pytest.raises(MidsError, match="has no patches"):
        dataset.torch(dataset.select(modality="rx"), size=(8, 8, 8))
    with pytest.raises(MidsError, match="give"):
        dataset.torch(size=(8,))


def test_the_training_script_of_the_docs_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "dataset.md").read_text(encoding="utf-8")
    script = page.partition("<!-- training -->\n```python\n")[2].partition("```")[0]
    assert len([line for line in script.splitlines() if line]) <= 12
    monkeypatch.chdir(ROOT)
    torch.manual_seed(0)
    errors: list[float] = []
    kept = script.replace("error.backward()", "error.backward(), kept.append(error.item())")
    exec(kept, {"kept": errors})
    assert "num_workers=2" in script
    assert np.mean(errors[-2:]) < np.mean(errors[:2]) / 2


def _volumes(folder: Path, *shapes: tuple[int, ...], noise: bool = False) -> mids.Dataset:
    """A BIDS dataset with a volume of each shape, of ones or of noise, each of a subject."""
    (folder / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.9.0"}')
    (folder / "participants.tsv").write_text(
        "participant_id\tage\n" + "".join(f"sub-{number}\t{40 + number}\n" for number in range(len(shapes)))
    )
    for number, shape in enumerate(shapes):
        path = folder / f"sub-{number}" / "anat" / f"sub-{number}_T1w.nii.gz"
        path.parent.mkdir(parents=True)
        values = np.random.default_rng(number).integers(0, 4000, shape) if noise else np.ones(shape)
        nib.save(nib.Nifti1Image(values.astype(np.int16), np.eye(4)), path)
    return mids.Dataset(folder)


def test_a_volume_of_four_axes_has_no_slices_or_patches_but_is_loaded_whole(tmp_path: Path) -> None:
    dataset = _volumes(tmp_path, (6, 5, 4, 3))
    for size in ((8, 8), (2, 2, 2)):
        with pytest.raises(MidsError, match="has 4 axes: choose volumes of three"):
            dataset.torch(size=size)
    assert dataset.torch()[0]["image"].shape == (1, 6, 5, 4, 3)


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 1, 1), (6, 5, 1)])
def test_a_volume_of_one_plane_has_one_slice_and_patches(tmp_path: Path, shape: tuple[int, ...]) -> None:
    dataset = _volumes(tmp_path, shape)
    assert [item["image"].shape for item in dataset.torch(size=(3, 2))] == [(1, 3, 2)]
    assert dataset.torch(size=(3, 2, 1))[0]["image"].shape == (1, 3, 2, 1)


def test_a_mask_is_nothing_where_its_volume_has_ended(tmp_path: Path) -> None:
    dataset = _volumes(tmp_path, (6, 5, 4))
    roi = tmp_path / "derivatives" / "rois" / "sub-0" / "anat" / "sub-0_label-lung_mask.nii.gz"
    roi.parent.mkdir(parents=True)
    nib.save(nib.Nifti1Image(np.ones((6, 5, 4), np.uint8), np.eye(4)), roi)
    assert len(dataset.rois) == 1
    mask = dataset.torch(size=(8, 8, 8), mask=True)[0]["mask"]
    assert mask.sum() == 6 * 5 * 4
    assert mask[:6, :5, :4].all()


def test_a_mask_of_another_shape_is_refused(tmp_path: Path) -> None:
    dataset = _volumes(tmp_path, (6, 5, 4))
    roi = tmp_path / "derivatives" / "rois" / "sub-0" / "anat" / "sub-0_label-lung_mask.nii.gz"
    roi.parent.mkdir(parents=True)
    nib.save(nib.Nifti1Image(np.ones((6, 5, 5), np.uint8), np.eye(4)), roi)
    with pytest.raises(DataError, match="lies on another grid"):
        dataset.torch(size=(2, 2, 2), mask=True)[0]


def test_a_coloured_picture_without_a_mask_has_one_plane_of_zeros() -> None:
    dataset = mids.Dataset(SOURCES / "covid-chestxray" / "mids")
    samples = dataset.torch(dataset.select(modality="rx"), size=(8, 8), mask="lungVAE")
    assert {tuple(item["mask"].shape) for item in samples} == {(8, 8)}


def test_a_column_of_the_users_own_is_a_target() -> None:
    rows = mids.Dataset(BIMCV).select(modality="rx")
    rows["mine"] = ["b", "a"] * 2
    items = mids.Dataset(BIMCV).torch(rows, size=(4, 4), target="mine")
    assert [int(item["target"]) for item in items] == [1, 0, 1, 0]


@pytest.mark.parametrize("unpack", [False, True])
def test_the_cache_is_made_anew_where_it_is_broken(tmp_path: Path, *, unpack: bool) -> None:
    source, cache = tmp_path / "source", tmp_path / "cache"
    source.mkdir()
    samples = _volumes(source, (6, 5, 4)).torch(size=(6, 5, 4), cache=str(cache), unpack=unpack)
    assert samples[0]["image"].min() == 1
    (kept,) = cache.iterdir()
    kept.write_bytes(kept.read_bytes()[:150])
    assert samples[0]["image"].min() == 1
    slices = mids.Dataset(source).torch(size=(6, 5), cache=str(cache), unpack=unpack)
    nib.save(nib.Nifti1Image(np.ones((6, 5, 2), np.int16), np.eye(4)), next(source.rglob("*.nii.gz")))
    with pytest.raises(mids.MidsError, match=r"T1w.nii.gz: give columns, rows and slices within \(6, 5, 2\)"):
        slices[3]


def test_points_of_a_stream_that_were_damaged_are_made_anew(tmp_path: Path) -> None:
    source, cache = tmp_path / "source", tmp_path / "cache"
    source.mkdir()
    samples = _volumes(source, (64, 64, 40), noise=True).torch(size=(64, 64), cache=str(cache))
    right = samples[30]["image"]
    (kept,) = cache.iterdir()
    whole = kept.read_bytes()
    for at in range(8, len(whole), len(whole) // 7):
        kept.write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
        assert torch.equal(samples[30]["image"], right)
        assert kept.read_bytes() == whole


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"size": 8}, "size 8: give"),
        ({"size": (8.5, 8)}, "size .8.5, 8.: give"),
        ({"window": (40,)}, "give .center, width."),
        ({"window": (40, float("nan"))}, "give .center, width."),
        ({"window": ("40", "80")}, "give .center, width."),
        ({"target": []}, "give a column, a label"),
        ({"rows": ["a.png"]}, "give rows of images"),
        ({"split": "train"}, "mids splits DATASET --write"),
        ({"mask": "nobody"}, "unknown reader nobody"),
        ({"cache": str(ROOT / "README.md")}, "is a file: give a folder"),
        ({"unpack": True}, "give the folder for unpacked volumes"),
    ],
)
def test_what_torch_cannot_do_is_one_line(tmp_path: Path, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(MidsError, match=said):
        _volumes(tmp_path, (6, 5, 4)).torch(**wrong)


@pytest.mark.parametrize("change", [lambda data: data[:-400], lambda data: data[:300] + b"\xff" * 60 + data[360:]])
def test_a_damaged_volume_is_named_whatever_part_is_asked_for(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    source = tmp_path / "source"
    source.mkdir()
    dataset = _volumes(source, (40, 40, 40), noise=True)
    (path,) = source.rglob("*.nii.gz")
    path.write_bytes(change(path.read_bytes()))
    for options in ({}, {"cache": str(tmp_path / "cache")}, {"cache": str(tmp_path / "cache"), "unpack": True}):
        with pytest.raises(DataError, match=path.name):
            _ = dataset.torch(size=(40, 40, 40), **options)[0]


def test_the_cache_is_not_in_the_dataset(tmp_path: Path) -> None:
    with pytest.raises(MidsError, match="inside of the dataset"):
        _volumes(tmp_path, (6, 5, 4)).torch(cache=str(tmp_path / "cache"))


# --- values, whatever the file holds ---

COLOURS = [("R", "u1"), ("G", "u1"), ("B", "u1")]


def _one(folder: Path, values: np.ndarray) -> mids.Dataset:
    """A BIDS dataset, in a folder with a blank, whose one volume holds these values."""
    root = folder / "my dataset"
    path = root / "sub-0" / "anat" / "sub-0_T1w.nii.gz"
    path.parent.mkdir(parents=True)
    (root / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.9.0"}')
    nib.save(nib.Nifti1Image(values, np.eye(4)), path)
    return mids.Dataset(root)


@pytest.mark.parametrize("kind", ["u1", "u2", "i2", "i4", "f4"])
def test_volumes_keep_their_units_in_every_type(kind: str, tmp_path: Path) -> None:
    values = np.arange(120).reshape(6, 5, 4).astype(kind)
    dataset = _one(tmp_path, values)
    assert np.array_equal(dataset.torch()[0]["image"][0], values)
    assert np.array_equal(dataset.torch(size=(5, 6))[1]["image"][0], values[:, :, 1].T)
    assert np.array_equal(dataset.torch(size=(6, 5, 4))[0]["image"][0], values)
    assert np.allclose(dataset.torch(window=(60, 100))[0]["image"][0], np.clip((values - 10.0) / 100, 0, 1), atol=1e-6)


def test_volumes_of_colours_have_channels(tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (6, 5, 4, 3)).astype(np.uint8)
    dataset = _one(tmp_path, np.ascontiguousarray(colours).view(COLOURS)[..., 0])
    assert np.array_equal(dataset.torch(channels=3)[0]["image"], np.moveaxis(colours, -1, 0))
    grey = colours @ np.array([0.299, 0.587, 0.114])
    assert np.allclose(dataset.torch()[0]["image"][0], grey, atol=1e-3)
    for number, item in enumerate(dataset.torch(size=(5, 6), channels=3, mask=True)):
        assert np.array_equal(item["image"], np.moveaxis(colours[:, :, number], -1, 0).swapaxes(1, 2))
        assert item["mask"].shape == (5, 6)
    assert dataset.torch(size=(8, 8, 8), channels=3)[0]["image"].shape == (3, 8, 8, 8)
    subject = pytest.importorskip("torchio") and dataset.subject(dataset[0])
    assert np.array_equal(subject["image"].numpy(), np.moveaxis(colours, -1, 0))


def test_grey_images_get_as_many_channels_as_asked_for(tmp_path: Path) -> None:
    dataset = _one(tmp_path, np.arange(120, dtype=np.int16).reshape(6, 5, 4))
    assert dataset.torch(channels=3)[0]["image"].shape == (3, 6, 5, 4)
    assert dataset.torch(size=(8, 8), channels=3)[0]["image"].shape == (3, 8, 8)


def test_complex_volumes_stay_complex_and_have_no_window(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    values = (random.normal(size=(6, 5, 4)) + 1j * random.normal(size=(6, 5, 4))).astype(np.complex64)
    dataset = _one(tmp_path, values)
    assert np.array_equal(dataset.torch()[0]["image"][0], values)
    assert np.allclose(dataset.torch(size=(5, 6))[2]["image"][0], values[:, :, 2].T)
    patch = dataset.torch(size=(8, 5, 4))[0]["image"][0].numpy()
    assert np.array_equal(patch[:6], values)
    assert not patch[6:].any()
    with pytest.raises(MidsError, match=r"sub-0_T1w.nii.gz holds complex numbers, which have no window"):
        _ = dataset.torch(window=(0, 1))[0]


@pytest.mark.parametrize(
    ("values", "held"),
    [(["2020-01-02"], "dates or times"), ([{"a": 1}], "dict"), ([("a", "b")], "tuple")],
)
def test_a_target_of_neither_numbers_nor_text_is_one_line(values: list[Any], held: str, tmp_path: Path) -> None:
    dataset = _one(tmp_path, np.ones((2, 2, 2), np.int16))
    rows = dataset.images.copy()
    rows["mine"] = pd.to_datetime(values) if "dates" in held else pd.Series(values, dtype="object")
    with pytest.raises(MidsError, match=f"target mine is a column of {held}: give one of numbers or of text"):
        dataset.torch(rows, target="mine")
