"""What a publisher says of a dataset reaches its description; what is wrong with it is told in one line."""

import json
from pathlib import Path

import pytest
from PIL import Image

from example_datasets.generators import radiograph
from example_datasets.generators.dicomfile import encode
from mids.conversion import convert
from mids.errors import MidsError

ABOUT = """
title: Radiographs of three invented patients
licence: CC-BY-4.0
authors: [Ada Example, Ben Example]
how_to_cite: Example A, Example B. Invented radiographs. 2026.
ethics: [Not needed, the patients are invented.]
commercial_use: allowed
"""


def source(folder: Path) -> Path:
    folder.mkdir()
    (folder / "image").write_bytes(encode(radiograph.cr_pa()))
    return folder


def test_the_description_says_what_the_file_says(tmp_path: Path, key: Path) -> None:
    (tmp_path / "about.yaml").write_text(ABOUT, encoding="utf-8")
    done = convert("dicom", source(tmp_path / "in"), tmp_path / "out", key=key, about=tmp_path / "about.yaml")
    description = json.loads((done.dataset / "dataset_description.json").read_text(encoding="utf-8"))
    assert description["Name"] == "Radiographs of three invented patients"
    assert description["License"] == "CC-BY-4.0"
    assert description["Authors"] == ["Ada Example", "Ben Example"]
    assert description["UsageTerms"]["CommercialUse"] == "allowed"
    assert "Invented radiographs. 2026." in (done.dataset / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("title_: X", "did you mean title"),
        ("commercial_use: maybe", "must be one of allowed, forbidden, unknown"),
        ("authors: Ada", "must be a list of strings"),
        ("title: [", "correct line"),
        ("- a", "must hold keys and values"),
        ("ids: public", "unknown key ids"),
    ],
)
def test_a_wrong_file_is_one_clear_line(text: str, told: str, tmp_path: Path, key: Path) -> None:
    (tmp_path / "about.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(MidsError, match=told):
        convert("dicom", source(tmp_path / "in"), tmp_path / "out", key=key, about=tmp_path / "about.yaml")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("flag", ["about", "curation"])
@pytest.mark.parametrize(
    ("suffix", "kind"), [("jpg", "a JPEG picture"), ("png", "a PNG picture"), ("dcm", "a DICOM file")]
)
def test_a_picture_given_as_a_text_is_named_by_its_kind(
    tmp_path: Path, key: Path, flag: str, suffix: str, kind: str
) -> None:
    given = tmp_path / f"given.{suffix}"
    if suffix == "dcm":
        given.write_bytes(encode(radiograph.cr_pa()))
    else:
        Image.new("L", (80, 80), 9).save(given)
    with pytest.raises(MidsError, match=f"is {kind}: give a file of text"):
        convert("dicom", source(tmp_path / "in"), tmp_path / "out", key=key, **{flag: given})
