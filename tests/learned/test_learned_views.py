"""Views that a model learned from a table, and what becomes of them at conversion."""

import csv
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from places import ROOT

from example_datasets.generators import radiograph
from example_datasets.generators.dicomfile import encode
from mids.conversion import convert
from mids.errors import MidsError
from mids.labelling.model import read_label_model
from mids.learned import file
from mids.learned.file import read_model, write_model
from mids.learned.views import read_view_model

THUMBNAILS = ROOT.parent / "shared" / "data" / "cxr-views"


def draw(number: int, *, lateral: bool) -> np.ndarray:
    """A frontal (two dark ovals) or lateral (one) chest of an invented person."""
    rng = np.random.default_rng(number)
    rows, columns = np.mgrid[-1:1:96j, -1:1:80j]
    picture = np.full(rows.shape, 170.0)
    for middle in (0.0,) if lateral else (-0.42, 0.42):
        width = rng.uniform(0.5, 0.6) if lateral else rng.uniform(0.26, 0.34)
        oval = ((columns - middle - rng.normal(0, 0.03)) / width) ** 2 + ((rows - rng.normal(0, 0.05)) / 0.75) ** 2
        picture[oval < 1] = 60
    return (picture + rng.normal(0, 8, picture.shape)).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A model of drawn chests by the command, and what that printed."""
    folder = tmp_path_factory.mktemp("views")
    rows = [("Image", "View", "participant_id")]
    for number in range(40):
        name = f"{number}.png"
        Image.fromarray(draw(number, lateral=number % 3 == 0)).save(folder / name)
        rows.append((name, "lateral" if number % 3 == 0 else "frontal", f"sub-{number // 2}"))
    with (folder / "views.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    done = train(folder / "views.csv", folder / "views.model", "--licence", "CC0-1.0")
    assert done.returncode == 0, done.stderr
    return folder / "views.model", done.stdout


def train(table: Path, output: Path, *flags: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "mids", "train", "views", str(table), "-o", str(output), *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_model_tells_pictures_that_it_never_saw(trained: tuple[Path, str]) -> None:
    model = read_view_model(trained[0])
    assert "40 images of 20 participants; 0 could not be read" in trained[1]
    for number in range(100, 140):
        picture = draw(number, lateral=number % 2 == 0)
        for shown in (picture, 65535 - picture.astype(np.uint16) * 257 if number == 0 else picture * 1.0):
            assert model.tell(shown)[0] in ("lateral" if number % 2 == 0 else "frontal", "")
    said = [model.tell(draw(number, lateral=False))[0] for number in range(200, 240)]
    assert said.count("frontal") >= 38
    assert "lateral" not in said


def test_the_same_table_gives_the_same_bytes(trained: tuple[Path, str], tmp_path: Path) -> None:
    assert train(trained[0].with_name("views.csv"), tmp_path / "again", "--licence", "CC0-1.0",
                 "--images", str(trained[0].parent)).returncode == 0  # fmt: skip
    assert (tmp_path / "again").read_bytes() == trained[0].read_bytes()


@pytest.fixture
def silent(tmp_path: Path) -> Path:
    """A radiograph that says nothing of its view."""
    source = tmp_path / "source"
    source.mkdir()
    mute = radiograph.cr_pa("cr-mute", 2)
    mute.SeriesDescription = "TORAX"
    for keyword in ("ViewPosition", "PatientOrientation"):
        delattr(mute, keyword)
    (source / "b.dcm").write_bytes(encode(mute))
    return source


def read_view(dataset: Path) -> pd.Series:
    return pd.read_csv(next(dataset.glob("sub-*/ses-*/*_scans.tsv")), sep="\t").iloc[0]


def test_a_silent_radiograph_gets_a_probable_view_and_a_later_run_keeps_it(
    silent: Path, trained: tuple[Path, str], tmp_path: Path, key: Path
) -> None:
    easy = tmp_path / "easy.model"
    images = str(trained[0].parent)
    train(trained[0].with_name("views.csv"), easy, "--threshold", "0.6", "--images", images)
    for model in ("none", trained[0]):  # the phantom is not like the drawn chests: 0.8 is not enough for the default
        out = tmp_path / f"unknown-{model == 'none'}"
        assert convert("dicom", silent, out, key=key, view_model=model).exit_code == 0
        assert pd.isna(read_view(out).get("view_position"))
    done = convert("dicom", silent, tmp_path / "out", key=key, view_model=easy)
    assert done.exit_code == 0
    row = read_view(tmp_path / "out")
    assert (row["view_position"], row["view_source"]) == ("frontal", "model")
    assert 0.6 <= row["view_probability"] < 0.9
    before = sorted((path, path.read_bytes()) for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert convert("dicom", silent, tmp_path / "out", key=key).exit_code == 0
    assert sorted((path, path.read_bytes()) for path in (tmp_path / "out").rglob("*") if path.is_file()) == before


def test_another_model_is_asked_for(silent: Path, trained: tuple[Path, str], tmp_path: Path, key: Path) -> None:
    convert("dicom", silent, tmp_path / "out", key=key, view_model=trained[0])
    found = read_model(trained[0], "views")
    other = tmp_path / "other.model"
    head = {name: value for name, value in found.head.items() if name not in ("format", "kind")}
    write_model(other, "views", {**head, "data": "other"}, found.arrays)
    with pytest.raises(MidsError, match="view-model"):
        convert("dicom", silent, tmp_path / "out", key=key, view_model=other)
    assert convert("dicom", silent, tmp_path / "out", key=key, view_model=other, change=["view-model"]).exit_code == 0


def test_a_changed_damaged_or_foreign_file_is_one_line(trained: tuple[Path, str], tmp_path: Path) -> None:
    with zipfile.ZipFile(trained[0]) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    head = json.loads(parts["head.json"])
    parts["head.json"] = json.dumps({**head, "threshold": 0.1}).encode()
    with zipfile.ZipFile(tmp_path / "changed", "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    (tmp_path / "cut").write_bytes(trained[0].read_bytes()[:-200])
    (tmp_path / "text").write_text("no model")
    for name in ("changed", "cut", "text"):
        with pytest.raises(MidsError, match="is not a model of views, or was changed"):
            read_view_model(tmp_path / name)
    with pytest.raises(MidsError, match="no such file"):
        read_view_model(tmp_path / "absent")


def test_a_model_of_another_kind_or_a_later_version_is_told_as_such(
    trained: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MidsError, match="is a model of views: give one of labels"):
        read_label_model(trained[0])
    monkeypatch.setattr(file, "FORMAT", file.FORMAT + 1)
    write_model(tmp_path / "later", "views", {}, {})
    monkeypatch.undo()
    with pytest.raises(MidsError, match="was written by a later version of mids"):
        read_view_model(tmp_path / "later")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("image,view,participant_id\n0.png,pa,1\n", "two or more views"),
        ("image,view,participant_id\n0.png,sideways,1\n", "unknown view sideways"),
        ("picture,view\n0.png,pa\n", "lacks the column image"), ("", "two or more views"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_one_line(trained: tuple[Path, str], tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    done = train(tmp_path / "t.csv", tmp_path / "m", "--images", str(trained[0].parent))
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "m").exists()


@pytest.mark.shared
@pytest.mark.skipif(not THUMBNAILS.is_dir(), reason="needs the thumbnails beside the project")
def test_laterals_of_patients_never_seen_are_told_from_frontals(tmp_path: Path) -> None:
    with (THUMBNAILS / "views.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    with (tmp_path / "t.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(("image", "view", "participant_id"))
        table.writerows((r["image"], "lateral" if r["view"] == "L" else "frontal", r["patient"]) for r in rows)
    assert train(tmp_path / "t.csv", tmp_path / "m", "--images", str(THUMBNAILS / "images")).returncode == 0
    metrics = read_model(tmp_path / "m", "views").head["metrics"]
    assert isinstance(metrics, dict)
    assert metrics["accuracy"] >= 0.995  # type: ignore[operator]
    assert "frontal called lateral" not in metrics["confusions"]  # type: ignore[operator]


def _write_rows(trained: tuple[Path, str], folder: Path, *, skip: int = 0, more: str = "") -> Path:
    """The table of the trained model with further rows, or without its last columns."""
    lines = (trained[0].with_name("views.csv")).read_text().splitlines()
    table = folder / "own.csv"
    table.write_text("\n".join(",".join(line.split(",")[: 3 - skip]) for line in lines) + "\n" + more)
    return table


@pytest.mark.parametrize(
    ("skip", "more", "said"),
    [
        (1, "", "lacks the column participant_id"),
        (0, "0.png,frontal,sub-0\n", "the image of row 41 has another view in a row above"),
        (0, "0.png,latteral,sub-0\n", "did you mean lateral"),
    ],
)
def test_rows_that_contradict_are_one_line(
    trained: tuple[Path, str], tmp_path: Path, skip: int, more: str, said: str
) -> None:
    images = str(trained[0].parent)
    done = train(_write_rows(trained, tmp_path, skip=skip, more=more), tmp_path / "m", "--images", images)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "m").exists()


def test_images_in_another_folder_are_told_as_such(trained: tuple[Path, str], tmp_path: Path) -> None:
    done = train(_write_rows(trained, tmp_path), tmp_path / "m", "--images", str(tmp_path))
    assert done.returncode == 2
    assert "none of 40 images can be read" in done.stderr


def test_an_image_that_cannot_be_read_is_told_by_its_row(trained: tuple[Path, str], tmp_path: Path) -> None:
    table = _write_rows(trained, tmp_path, more="Doe_Jane.png,frontal,sub-90\n")
    done = train(table, tmp_path / "m", "--images", str(trained[0].parent))
    assert done.returncode == 1
    assert done.stderr == "the image of row 41 can't be read as a picture\n"
    assert "Doe" not in done.stdout


def test_rows_without_a_view_and_rows_twice_do_not_count(trained: tuple[Path, str], tmp_path: Path) -> None:
    more = "1.png,n/a,sub-0\n2.png,,sub-1\n0.png,lateral,sub-0\n"
    done = train(_write_rows(trained, tmp_path, more=more), tmp_path / "m", "--images", str(trained[0].parent))
    assert done.returncode == 0
    assert "40 images of 20 participants; 0 could not be read" in done.stdout


def test_a_model_of_other_features_is_refused_when_it_is_read(trained: tuple[Path, str], tmp_path: Path) -> None:
    found = read_model(trained[0], "views")
    head = {name: value for name, value in found.head.items() if name not in ("format", "kind")}
    write_model(tmp_path / "m", "views", head, {**found.arrays, "weights": found.arrays["weights"][:, :10]})
    with pytest.raises(MidsError, match="lacks a part"):
        read_view_model(tmp_path / "m")


def test_a_damaged_model_is_refused(trained: tuple[Path, str], tmp_path: Path) -> None:
    whole = trained[0].read_bytes()
    for place in range(40, len(whole), len(whole) // 40):
        (tmp_path / "m").write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        with pytest.raises(MidsError, match=r"was changed|too large"):
            read_view_model(tmp_path / "m")
