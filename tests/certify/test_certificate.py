"""A certificate holds for what it was made of: one byte, cell or pixel changed voids it and is named."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from lettering import NAME, lettered, radiograph
from PIL import Image
from trees import fill_folder, radiographs

from mids.certify.certificate import place
from mids.cli import main
from mids.cli.releases.selftest import find_leaks
from mids.conversion import convert
from mids.deidentification import deidentify


@pytest.fixture
def dataset(tmp_path: Path, key: Path) -> Path:
    return convert("dicom", fill_folder(tmp_path / "s", radiographs()), tmp_path / "d", key=key).dataset


def change_byte(dataset: Path) -> Path:
    path = dataset / "dataset_description.json"
    path.write_bytes(path.read_bytes().replace(b"\n", b" \n", 1))
    return path


def change_cell(dataset: Path) -> Path:
    path = dataset / "participants.tsv"
    path.write_text(path.read_text().replace("\tF\t", "\tM\t"))
    return path


def change_pixel(dataset: Path) -> Path:
    path = sorted(dataset.glob("sub-*/**/*.png"))[0]
    values = np.array(Image.open(path))
    values[3, 4] ^= 1
    Image.fromarray(values).save(path)
    return path


def add_file(dataset: Path) -> Path:
    path = dataset / "sub-new.txt"
    path.write_text("x")
    return path


@pytest.mark.parametrize("change", [change_byte, change_cell, change_pixel, add_file])
def test_a_change_voids_the_certificate_and_is_named(
    dataset: Path, change: Callable[[Path], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["certify", str(dataset)]) == 0
    assert main(["certify", str(dataset), "--verify"]) == 0
    path = change(dataset)
    capsys.readouterr()
    assert main(["certify", str(dataset), "--verify"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[1] for line in said] == [path.relative_to(dataset).as_posix()]


def test_it_says_what_was_looked_at_and_leaves_the_dataset_alone(dataset: Path) -> None:
    before = sorted(dataset.rglob("*"))
    main(["certify", str(dataset)])
    assert sorted(dataset.rglob("*")) == before
    content = json.loads(place(dataset).read_text())
    pictures = len(list(dataset.glob("sub-*/**/*.png")))
    assert (content["Pixels"]["Pictures"], content["Pixels"]["Searched"]) == (pictures, pictures)
    assert content["Certified"]["images"] == pictures
    assert "<h1>" in place(dataset).with_suffix(".html").read_text()


def test_text_and_names_that_are_there_are_found(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = sorted(dataset.glob("sub-*/**/*.png"))[0]
    Image.fromarray(lettered(radiograph(1), NAME, (30, 20), 20)[0]).save(path)
    assert main(["certify", str(dataset)]) == 1
    assert f"found: {path.relative_to(dataset).as_posix()}: text" in capsys.readouterr().err


def test_headers_are_read_again(tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deidentify(fill_folder(tmp_path / "s", radiographs()), tmp_path / "out", key=key)
    assert main(["certify", str(tmp_path / "out")]) == 0
    path = sorted((tmp_path / "out").rglob("*.dcm"))[0]
    changed = pydicom.dcmread(path)
    changed.PatientBirthDate = "19510203"
    changed.save_as(path)
    capsys.readouterr()
    assert main(["certify", str(tmp_path / "out")]) == 1
    assert "PatientBirthDate" in capsys.readouterr().err


def test_the_installation_lets_no_planted_word_out() -> None:
    assert find_leaks() == (14, ())
