"""A certificate names what the stated profile of a DICOM file, or a conversion, would not have left there."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from trees import fill_folder, radiographs

from mids.certify.headers import check_headers
from mids.cli import main
from mids.conversion import convert
from mids.deidentification import deidentify


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """A radiograph as the policy ``mids`` delivers it."""
    folder = tmp_path_factory.mktemp("finished")
    main(["key", "new", str(folder / "key")])
    deidentify(fill_folder(folder / "s", {"1": radiographs()["a/1"]}), folder / "out", key=folder / "key")
    (path,) = (folder / "out").rglob("*.dcm")
    return pydicom.dcmread(path)


def set_preamble(dataset: Dataset) -> None:
    dataset.preamble = b"QUEVEDO PERFECTA".ljust(128, b"\0")


def set_station(dataset: Dataset) -> None:
    dataset.file_meta.SourceApplicationEntityTitle = "VALLFOSCA"


def add_overlay(dataset: Dataset) -> None:
    dataset.add_new(0x60003000, "OW", b"QUEVEDO ")


def add_padding(dataset: Dataset) -> None:
    dataset.add_new(0xFFFCFFFC, "OB", b"QUEVEDO ")


def nest_visit(dataset: Dataset) -> None:
    item = Dataset()
    item.AccessionNumber = "ACC777123"
    dataset.ReferencedInstanceSequence = [item]


def sets(keyword: str, value: str) -> Callable[[Dataset], None]:
    return lambda dataset: setattr(dataset, keyword, value)


PLANTS: dict[str, Callable[[Dataset], None]] = {
    "InstitutionName": sets("InstitutionName", "La Fe"), "PatientAge": sets("PatientAge", "097Y"),
    "FrameOfReferenceUID": sets("FrameOfReferenceUID", "1.2.826.0.1.3680043.8.498.77.5"),
    "ContextUID": sets("ContextUID", "1.2.826.0.1.3680043.8.498.77.5"), "StationName": sets("StationName", "TAC1"),
    "preamble": set_preamble, "SourceApplicationEntityTitle": set_station, "AccessionNumber": nest_visit,
    "OverlayData": add_overlay, "DataSetTrailingPadding": add_padding,
}  # fmt: skip


@pytest.mark.parametrize("keyword", [*PLANTS])
def test_what_no_stated_option_keeps_is_a_finding(finished: Dataset, tmp_path: Path, keyword: str) -> None:
    finished.save_as(tmp_path / "a.dcm")
    changed = pydicom.dcmread(tmp_path / "a.dcm")
    assert check_headers(tmp_path, ["a.dcm"], {})["Findings"] == []
    PLANTS[keyword](changed)
    changed.save_as(tmp_path / "a.dcm")
    (found,) = check_headers(tmp_path, ["a.dcm"], {})["Findings"]
    assert found in (f"a.dcm: {keyword}", "a.dcm: (6000,3000)")


def test_what_a_policy_keeps_by_name_or_option_is_no_finding(finished: Dataset, tmp_path: Path) -> None:
    finished.save_as(tmp_path / "a.dcm")
    changed = pydicom.dcmread(tmp_path / "a.dcm")
    changed.InstitutionName, changed.PatientAge = "La Fe", "097Y"
    option = Dataset()
    option.CodeValue = "113112"  # Retain Institution Identity Option
    changed.DeidentificationMethodCodeSequence.append(option)
    changed.StationName = "TAC1"
    changed.save_as(tmp_path / "a.dcm")
    said = {"Ages": "keep", "Kept": ["StationName"]}
    assert check_headers(tmp_path, ["a.dcm"], said)["Findings"] == []


def test_texts_in_volumes_and_descriptions_are_findings(
    tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = convert("dicom", fill_folder(tmp_path / "s", radiographs()), tmp_path / "d", key=key).dataset
    first, second = sorted(dataset.glob("sub-*/**/*.png"))[:2]
    image = nibabel.Nifti1Image(np.zeros((8, 8, 4), np.int16), np.eye(4))
    nibabel.save(image, first.with_suffix(".nii.gz"))
    first.with_suffix(".nii.gz").write_bytes(
        first.with_suffix(".nii.gz").read_bytes() + gzip.compress(b"QUEVEDO PERFECTA", mtime=0)
    )
    image.header["descrip"] = b"QUEVEDO ZARZALEJO PERFECTA"
    nibabel.save(image, second.with_suffix(".nii.gz"))
    description = dataset / "dataset_description.json"
    description.write_text(json.dumps({**json.loads(description.read_text()), "PatientName": "Quevedo"}))
    assert main(["certify", str(dataset)]) == 1
    said = capsys.readouterr().err
    places = [path.with_suffix(".nii.gz").relative_to(dataset).as_posix() for path in (first, second)]
    assert f"found: {places[0]}: PRIVACY_GZIP_MEMBERS" in said
    assert f"found: {places[1]}: descrip" in said
    assert "found: dataset_description.json: PRIVACY_KEY" in said
