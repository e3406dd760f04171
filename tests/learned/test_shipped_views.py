"""The models that ship: what conversions take from them, and what they say of real and drawn radiographs."""

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from places import ROOT

from example_datasets.generators import radiograph
from example_datasets.generators.dicomfile import encode
from example_datasets.small import Files, chest, move_file, page, phantom, write
from mids.conversion import convert
from mids.gallery import Wanted, write_page
from mids.learned.gradients import SIDE, shrink
from mids.learned.shipped import look, model, tell_view
from mids.review.shelves import collect_items
from mids.validation.runner import validate

THUMBNAILS = ROOT.parent / "shared" / "data" / "cxr-views"


def silent(folder: Path, *, body_part: str = "CHEST", name: str = "cr-mute", view: str = "") -> Path:
    """A frontal radiograph of the phantom whose header says another view, or none."""
    folder.mkdir(exist_ok=True)
    mute = radiograph.cr_pa(name, 2)
    mute.SeriesDescription = "RX"
    mute.BodyPartExamined = body_part
    del mute.ViewPosition, mute.PatientOrientation
    if view:
        mute.ViewPosition = view
    (folder / f"{name}.dcm").write_bytes(encode(mute))
    return folder


def read_view(dataset: Path) -> "pd.Series[str]":
    return pd.read_csv(next(dataset.glob("sub-*/ses-*/*_scans.tsv")), sep="\t").iloc[0]


def test_a_silent_radiograph_of_a_chest_gets_a_view_unless_nobody_wants_that(tmp_path: Path, key: Path) -> None:
    source = silent(tmp_path / "source")
    assert convert("dicom", source, tmp_path / "out", key=key).exit_code == 0
    row = read_view(tmp_path / "out")
    assert (row["view_position"], row["view_source"]) == ("frontal", "model")
    assert row["view_probability"] >= model("view").threshold
    assert convert("dicom", source, tmp_path / "plain", key=key, view_model="none").exit_code == 0
    assert pd.isna(read_view(tmp_path / "plain").get("view_position"))
    assert convert("dicom", source, tmp_path / "plain", key=key).exit_code == 0
    assert pd.isna(read_view(tmp_path / "plain").get("view_position"))


def test_a_dataset_of_an_earlier_version_stays_without(tmp_path: Path, key: Path) -> None:
    source = silent(tmp_path / "source")
    convert("dicom", source, tmp_path / "out", key=key, view_model="none")
    record = tmp_path / "out.mids" / "choices.json"
    choices = json.loads(record.read_text())
    del choices["values"]["view-model"]
    record.write_text(json.dumps(choices))
    assert convert("dicom", source, tmp_path / "out", key=key).exit_code == 0
    assert pd.isna(read_view(tmp_path / "out").get("view_position"))


def test_another_part_of_the_body_is_not_judged(tmp_path: Path, key: Path) -> None:
    assert convert("dicom", silent(tmp_path / "source", body_part="HAND"), tmp_path / "out", key=key).exit_code == 0
    assert pd.isna(read_view(tmp_path / "out").get("view_position"))


def _codes(folder: Path, files: Files, *, deep: bool = True) -> set[str]:
    write(files, folder)
    return {issue.code for issue in validate(folder, deep=deep) if issue.code.startswith(("RADIOGRAPH", "VIEW_U"))}


def test_a_radiograph_is_judged_in_the_deep_pass_as_a_chest_alone(tmp_path: Path) -> None:
    assert _codes(tmp_path / "right", phantom()) == set()
    assert _codes(tmp_path / "deep", phantom(down=True)) == {"RADIOGRAPH_UPSIDE_DOWN"}
    assert _codes(tmp_path / "quick", phantom(down=True), deep=False) == set()
    stem = next(path for path in phantom() if path.endswith("_dx.png"))[:-4]
    hand = stem.replace("bp-chest", "bp-hand")
    assert (
        _codes(tmp_path / "hand", {**move_file(stem, hand), f"{hand}.png": phantom(down=True)[f"{stem}.png"]}) == set()
    )


def test_what_is_no_chest_is_told_and_the_phantom_is_one(tmp_path: Path) -> None:
    assert _codes(tmp_path / "page", chest(page())) == {"RADIOGRAPH_NOT_CHEST"}
    assert _codes(tmp_path / "lateral", phantom("lateral")) == {"VIEW_UNLIKELY"}
    found = look(np.array([list(row) for row in page()]), "")
    assert found.worst == (found.other, "does not look like a chest")


def test_what_looks_otherwise_comes_first(tmp_path: Path, key: Path) -> None:
    source = silent(tmp_path / "source", name="a", view="PA")
    silent(source, name="b", view="LL")
    assert convert("dicom", source, tmp_path / "out", key=key).exit_code == 0
    items = [item for item in collect_items(tmp_path / "out", ("unlikely",)).items if item.kind == "image"]
    assert [item.values["view"] for item in items] == ["ll", "pa"]
    assert items[0].unlikely > 0.9 > items[1].unlikely
    assert "another view" in items[0].reason
    [shown] = write_page([tmp_path / "out"], tmp_path / "p.html", Wanted(thumbnails=1, unlikely_first=True))
    assert shown.images.loc[list(shown.thumbnails), "vp"].tolist() == ["ll"]
    assert sorted(shown.images["unlikely"].astype(float) > 0.9) == [False, True]


def _is_odd(picture: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> bool:
    looks = look(picture, "")
    return looks.is_sure("other") or looks.is_sure("mirrored")


@pytest.mark.shared
@pytest.mark.skipif(not THUMBNAILS.is_dir(), reason="needs the thumbnails beside the project")
def test_radiographs_outside_the_training_data_are_recognised() -> None:
    with (THUMBNAILS / "views.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    laterals = [row["image"] for row in rows if row["view"] == "L"]
    frontals = [row["image"] for row in rows if row["view"] != "L"][::10]
    pictures = {}
    for name in (*laterals, *frontals):
        with Image.open(THUMBNAILS / "images" / name) as image:
            pictures[name] = np.asarray(image.convert("L"))
    said = {name: tell_view(picture)[0] for name, picture in pictures.items()}
    assert sum(said[name] == "lateral" for name in laterals) >= 0.9 * len(laterals)
    assert not [name for name in laterals if said[name] == "frontal"]
    assert not [name for name in frontals if said[name] == "lateral"]
    odd = {name for name, shown in pictures.items() if _is_odd(shown)}
    assert not odd & set(frontals)
    assert len(odd) <= 3
    sides = [look(pictures[name][:, ::-1], "").is_sure("mirrored") for name in frontals]
    assert np.mean(sides) >= 0.25
    turned = [look(pictures[name][::-1, ::-1], "").upside_down for name in frontals]
    negative = [look(255 - pictures[name], "").inverted for name in frontals]
    for found, name in ((turned, "upright"), (negative, "polarity")):
        assert np.mean([chance >= model(name).threshold for chance in found]) >= 0.95


def test_a_large_picture_is_shrunk_as_its_weights_alone_would_shrink_it() -> None:
    rows, columns = np.indices((1500, 1200))
    grey = 2000 + 1000 * np.sin(rows / 70) + 800 * np.cos(columns / 45)
    alone = Image.fromarray(grey.astype(np.float32)).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    assert np.abs(shrink(grey) - np.asarray(alone)).max() < 0.01 * np.ptp(grey)
    channels = np.stack([grey * 0.5, grey, grey * 1.5], axis=2)
    assert np.allclose(shrink(channels), shrink(grey), rtol=1e-4)
