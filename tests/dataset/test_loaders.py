"""Datasets in the programs that train models: PyTorch, TorchIO, MONAI, Hugging Face."""

import logging
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from places import ROOT, SOURCES

import mids
from mids import testing
from mids.errors import MidsError

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
    for cache in (None, str(tmp_path)):
        patch = dataset.torch(rows, size=sides, cache=cache)[0]["image"][0].numpy()
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


def test_wrong_choices_are_one_line() -> None:
    dataset = mids.Dataset(BIMCV)
    with pytest.raises(MidsError, match="did you mean normal"):
        dataset.torch(target="norml")
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
