"""Layouts that nnU-Net and WebDataset read."""

import json
import os
import shutil
import tarfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from places import SOURCES

import mids
from mids.errors import DataError, MidsError
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
    with pytest.raises(MidsError, match="unknown annotator nobody: did you mean"):
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


def _copy(folder: Path, name: str = "bimcv-covid19") -> Path:
    return Path(shutil.copytree(SOURCES / name / "mids", folder / "copy"))


def _members(folder: Path) -> dict[str, bytes]:
    with tarfile.open(folder / "shard-000000.tar") as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]


@pytest.mark.parametrize("which", ["image", "filename"])
def test_a_volume_that_cannot_be_read_is_a_fault_of_the_data(which: str, tmp_path: Path) -> None:
    copy = _copy(tmp_path)
    rois = mids.Dataset(copy).rois
    broken = copy / rois.loc[rois["extension"] == ".nii.gz", which].iloc[0]
    broken.write_bytes(broken.read_bytes()[:100])
    with pytest.raises(DataError, match="can't be read as NIfTI"):
        write(mids.Dataset(copy), "nnunet", tmp_path / "d")


def test_shards_leave_out_what_is_not_there(tmp_path: Path) -> None:
    copy = _copy(tmp_path)
    gone = copy / mids.Dataset(copy)[0]["filename"]
    gone.unlink()
    gone.symlink_to(tmp_path / "nowhere")
    write(mids.Dataset(copy), "webdataset", tmp_path / "shards")
    keys = {name.split(".")[0] for name in _members(tmp_path / "shards")}
    assert len(keys) == 4
    assert gone.name.split(".")[0] not in keys


def test_shards_hold_the_labels_of_the_session_and_every_mask_of_an_annotator(tmp_path: Path) -> None:
    copy = _copy(tmp_path)
    dataset = mids.Dataset(copy)
    row = dataset[0]
    table = "participant_id\tsession_id\tfilename\tlabels\n"
    table += f'{row["participant_id"]}\t{row["session_id"]}\tn/a\t["nodule"]\n'
    (copy / "derivatives" / "labels" / "labels.tsv").write_text(table)
    own = copy / dataset.rois.loc[dataset.rois["image"] == row["filename"], "filename"].iloc[0]
    shutil.copyfile(own, own.with_name(own.name.replace("_desc-", "_label-heart_desc-")))
    dataset = mids.Dataset(copy)
    masks = dataset.rois[dataset.rois["image"] == row["filename"]]
    assert len(masks) == 2
    write(dataset, "webdataset", tmp_path / "shards")
    members = {name: data for name, data in _members(tmp_path / "shards").items() if Path(row["filename"]).stem in name}
    assert json.loads(members[f"{Path(row['filename']).stem}.json"])["labels"] == ["nodule"]
    assert sum(".mask." in name for name in members) == 2
