"""Pictures that show the same are found, others are not."""

import io
import shutil
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from places import ROOT, SOURCES

import mids
from mids.analysis.duplicates import find_duplicates, list_groups
from mids.analysis.duplicates.prints import compare, make_print
from mids.cli import main

THUMBNAILS = ROOT.parent / "shared" / "data" / "cxr-views" / "images"


def draw(number: int) -> np.ndarray:
    """A picture of blots, another one for each number."""
    rng = np.random.default_rng(number)
    small = rng.normal(size=(14, 12)).astype(np.float32)
    grey = np.asarray(Image.fromarray(small).resize((180, 210), Image.Resampling.BICUBIC))
    return ((grey - grey.min()) / (grey.max() - grey.min()) * 200 + 20).astype(np.uint8)


def encode(picture: np.ndarray) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=30)
    with Image.open(stream) as again:
        return np.asarray(again)


@pytest.mark.parametrize(
    "change",
    [
        lambda p: (np.clip((p.astype(float) - 60) / 100, 0, 1) ** 1.4 * 255).astype(np.uint8),
        lambda p: np.pad(p, ((9, 30), (20, 5)), constant_values=255),
        lambda p: p[14:-6, 3:-12],
        encode,
        lambda p: p[:, ::-1],
        lambda p: np.rot90(p),
        lambda p: p.astype(np.uint16) * 257,
        lambda p: np.repeat(p[..., None], 3, axis=2),
        lambda p: encode(np.ascontiguousarray(np.rot90(p[10:, :-8], 2))),
    ],
    ids=["window", "border", "crop", "jpeg", "flip", "turn", "16 bits", "colour", "several"],
)
def test_a_changed_picture_is_the_same(change: object) -> None:
    assert callable(change)
    for number in range(5):
        one, other = make_print(draw(number)), make_print(change(draw(number)))
        assert max(compare(one, other), compare(other, one)) > 0.86
        strange = make_print(change(draw(number + 100)))
        assert max(compare(one, strange), compare(strange, one)) < 0.7


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A dataset of two people with one picture under another window and border, and a third with another."""
    root = tmp_path / "planted"
    (root).mkdir()
    (root / "dataset_description.json").write_text('{"Name": "planted", "BIDSVersion": "1.10.0"}')
    same = np.pad(255 - ((255 - draw(1)) // 2), 12)
    for subject, picture in (("1", draw(1)), ("2", same), ("3", draw(3))):
        folder = root / f"sub-{subject}" / "ses-1" / "mim-rx"
        folder.mkdir(parents=True)
        Image.fromarray(picture).save(folder / f"sub-{subject}_ses-1_run-1_bp-chest_vp-pa_dx.png")
    return root


def test_the_command_names_the_pair(planted: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mids", "duplicates", str(planted), "-o", str(tmp_path / "pairs.tsv")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "1 pairs show the same, of 3 images" in done.stderr
    row = pd.read_csv(tmp_path / "pairs.tsv", sep="\t").iloc[0]
    assert (row["participant_id"], row["other_participant_id"]) == ("sub-1", "sub-2")
    pairs = str(tmp_path / "pairs.tsv")
    half = ("--fraction", "train=0.5", "--fraction", "test=0.5")
    for seed in ("0", "1"):
        split = subprocess.run(
            [sys.executable, "-m", "mids", "splits", str(planted), *half, "--seed", seed, "--together", pairs],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        parts = pd.read_csv(io.StringIO(split.stdout), sep="\t").set_index("participant_id")["split"]
        assert parts["sub-1"] == parts["sub-2"] != parts["sub-3"]
    again = subprocess.run(done.args, capture_output=True, text=True, check=False)
    assert again.returncode == 2
    assert "already exists" in again.stderr


def test_a_table_of_two_folders_of_one_name_is_for_each(
    planted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = (shutil.copytree(planted, tmp_path / name / "mids") for name in ("a", "b"))
    colours = np.zeros((4, 4, 3), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    folder = one / "sub-1" / "anat"
    folder.mkdir()
    nib.save(nib.Nifti1Image(colours, np.eye(4)), folder / "sub-1_T1w.nii.gz")  # no grey values, and no stop
    pairs = str(tmp_path / "pairs.tsv")
    assert main(["duplicates", str(one), str(other), "-o", pairs, "-q"]) == 0
    assert "show the same" not in capsys.readouterr().err
    (tmp_path / "link.tsv").symlink_to(tmp_path / "absent" / "pairs.tsv")
    assert main(["duplicates", str(one), "-o", str(tmp_path / "link.tsv")]) == 2
    for dataset in (one, other):
        assert main(["splits", str(dataset), "--together", pairs]) == 0
    assert main(["splits", str(SOURCES / "fidac" / "mids"), "--together", pairs]) == 2


def test_people_with_one_picture_are_on_one_side(planted: Path) -> None:
    joined = mids.concat({"a": planted, "b": SOURCES / "bimcv-covid19" / "mids"})
    groups = list_groups(find_duplicates(joined))
    assert [("a", "sub-1"), ("a", "sub-2")] in groups
    for seed in range(6):
        table = joined.splits(seed=seed, together=groups)
        mine = table[(table["dataset"] == "a") & table["participant_id"].isin(["sub-1", "sub-2"])]
        assert mine["split"].nunique() == 1


@pytest.mark.shared
@pytest.mark.skipif(not THUMBNAILS.is_dir(), reason="needs the thumbnails beside the project")
def test_radiographs_are_found_again_and_not_mixed_up() -> None:
    rng = np.random.default_rng(11)
    prints, changed = [], []
    for path in sorted(THUMBNAILS.glob("*.png"))[:60]:
        with Image.open(path) as image:
            picture = np.asarray(image.convert("L"))
        prints.append(make_print(picture))
        top, bottom, left, right = (int(side * rng.uniform(0.0, 0.08)) for side in (*picture.shape, *picture.shape))
        cropped = picture[top : picture.shape[0] - bottom, left : picture.shape[1] - right]
        changed.append(make_print(encode(np.ascontiguousarray(cropped[:, ::-1]))))
    same = [max(compare(a, b), compare(b, a)) for a, b in zip(prints, changed, strict=True)]
    assert np.mean(np.array(same) > 0.86) >= 0.98


def test_what_cannot_be_read_is_left_out_and_told(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(SOURCES / "bimcv-covid19" / "mids", tmp_path / "copy"))
    names = mids.Dataset(copy).images["filename"].tolist()
    (copy / names[0]).unlink()
    (copy / names[0]).symlink_to(tmp_path / "nowhere")
    (copy / names[1]).write_bytes(b"no picture")
    dataset = mids.Dataset(copy)
    find_duplicates(dataset)
    assert {issue.path for issue in dataset.issues} == set(names[:2])


def test_a_table_in_no_folder_is_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mids", "duplicates", str(SOURCES / "fidac" / "mids"), "-o", str(tmp_path / "a/b")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "its folder is not there" in done.stderr


def test_the_table_calls_datasets_as_concat_does(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(SOURCES / "covid-chestxray" / "mids", tmp_path / "copy"))
    pairs = tmp_path / "pairs.tsv"
    assert main(["duplicates", str(copy), str(SOURCES / "bimcv-covid19" / "mids"), "-o", str(pairs), "-q"]) == 0
    joined = mids.concat([copy, SOURCES / "bimcv-covid19" / "mids"])
    table = pd.read_csv(pairs, sep="\t")
    assert set(table["dataset"]) | set(table["other_dataset"]) == set(joined.datasets)
    rows = joined.splits(together=list_groups(table)).itertuples()
    parts = {(row.dataset, row.participant_id): row.split for row in rows}
    assert all(parts[one] == parts[other] for one, other in list_groups(table))
    assert main(["splits", str(copy), "--together", str(pairs)]) == 0
    assert main(["duplicates", str(copy), str(copy), "-q"]) == 2


def test_volumes_of_complex_numbers_are_compared_by_their_magnitudes(tmp_path: Path) -> None:
    (tmp_path / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.9.0"}')
    values = np.random.default_rng(0).normal(size=(40, 40, 3)).cumsum(axis=0).cumsum(axis=1)
    for subject, turn in (("1", 1), ("2", 1j)):
        path = tmp_path / f"sub-{subject}" / "anat" / f"sub-{subject}_T1w.nii.gz"
        path.parent.mkdir(parents=True)
        nib.save(nib.Nifti1Image((values * turn).astype(np.complex64), np.eye(4)), path)
    (row,) = find_duplicates(mids.Dataset(tmp_path)).to_dict("records")
    assert (row["participant_id"], row["other_participant_id"]) == ("sub-1", "sub-2")


def test_images_of_one_grey_are_the_same_where_their_contents_are(tmp_path: Path) -> None:
    (tmp_path / "dataset_description.json").write_text('{"Name": "x"}')
    for number, grey in enumerate([0, 0, 7, 255]):
        path = tmp_path / f"sub-{number}" / "mim-rx" / f"sub-{number}_run-1_bp-chest_vp-pa_dx.png"
        path.parent.mkdir(parents=True)
        Image.new("L", (40, 40), grey).save(path, dpi=(72, 72) if number else None)
    found = find_duplicates(mids.Dataset(tmp_path))
    pairs = found[["participant_id", "other_participant_id", "similarity"]].to_numpy().tolist()
    assert pairs == [["sub-0", "sub-1", 1.0]]
