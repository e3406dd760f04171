"""Layouts that nnU-Net and WebDataset read."""

import json
import os
import tarfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from places import SOURCES

import mids
from mids.errors import MidsError
from mids.exports.targets import write

RICORD = SOURCES / "midrc-ricord-1a" / "mids"


def choose_reader(dataset: mids.Dataset) -> str:
    readers = dataset.rois.drop_duplicates("image")["reader"].dropna()
    return str(readers.iloc[0])


def test_nnunet_takes_the_dataset(tmp_path: Path) -> None:
    dataset = mids.Dataset(RICORD)
    reader = choose_reader(dataset)
    folder = tmp_path / "Dataset501_Ricord"
    write(dataset, "nnunet", folder, readers=[reader])
    content = json.loads((folder / "dataset.json").read_text())
    own = dataset.rois[dataset.rois["reader"] == reader]
    assert content["numTraining"] == len(own) == len(list((folder / "labelsTr").iterdir()))
    for image, mask in own[["image", "filename"]].itertuples(index=False):
        case = Path(image).name.removesuffix(".nii.gz")
        assert (folder / "imagesTr" / f"{case}_0000.nii.gz").read_bytes() == (RICORD / image).read_bytes()
        given, made = (
            np.asanyarray(nib.load(path).dataobj) for path in (RICORD / mask, folder / "labelsTr" / f"{case}.nii.gz")
        )
        for value, name in dataset.structures(mask).items():
            if value:
                assert np.array_equal(given == value, made == content["labels"][name])
    os.environ.setdefault("nnUNet_raw", str(tmp_path))
    checker = pytest.importorskip("nnunetv2.experiment_planning.verify_dataset_integrity")
    checker.verify_dataset_integrity(str(folder), num_processes=1)


def test_several_annotators_are_not_mixed(tmp_path: Path) -> None:
    dataset = mids.Dataset(RICORD)
    if dataset.rois["image"].duplicated().any():
        with pytest.raises(MidsError, match="choose one annotator"):
            write(dataset, "nnunet", tmp_path / "d")
    with pytest.raises(MidsError, match="no volume has a segmentation"):
        write(dataset, "nnunet", tmp_path / "e", readers=["nobody"])


@pytest.mark.parametrize("name", ["midrc-ricord-1a", "bimcv-covid19"])
def test_shards_hold_every_image_and_what_is_known(name: str, tmp_path: Path) -> None:
    dataset = mids.Dataset(SOURCES / name / "mids")
    paths = write(dataset, "webdataset", tmp_path / "shards")
    samples: dict[str, dict[str, bytes]] = {}
    for path in paths:
        with tarfile.open(path) as stream:
            for member in stream:
                key, _, ending = member.name.partition(".")
                content = stream.extractfile(member)
                assert content is not None
                samples.setdefault(key, {})[ending] = content.read()
    assert len(samples) == len(dataset)
    for parts in samples.values():
        facts = json.loads(parts["json"])
        assert (
            parts[facts["filename"].rpartition("/")[2].partition(".")[2]]
            == (dataset.path / facts["filename"]).read_bytes()
        )
    masks = sum(
        ending.partition(".")[0].endswith("mask") or ".mask." in ending
        for parts in samples.values()
        for ending in parts
    )
    assert masks == dataset.rois["image"].notna().sum()
    again = write(dataset, "webdataset", tmp_path / "again")
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in paths]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_webdataset_reads_the_shards(tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    dataset = mids.Dataset(SOURCES / "bimcv-covid19" / "mids")
    paths = write(dataset, "webdataset", tmp_path / "shards", modality="rx")
    found = list(webdataset.WebDataset([str(path) for path in paths], shardshuffle=False))
    rows = dataset.select(modality="rx")
    assert sorted(json.loads(sample["json"])["filename"] for sample in found) == sorted(rows["filename"])
