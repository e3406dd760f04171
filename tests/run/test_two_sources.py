"""Odd sources and destinations that a person meets: each does what was meant, or is refused in one line."""

import shutil
from pathlib import Path

import pydicom
import pytest
from trees import codes, tree

from example_datasets.generate import INPUT
from example_datasets.generators import ct, radiograph
from example_datasets.generators.dicomfile import encode
from mids.conversion import convert
from mids.deid.policy import preset
from mids.errors import MidsError
from mids.validation.runner import validate


def test_a_second_source_is_added_and_takes_nothing_away(tmp_path: Path, key: Path) -> None:
    dataset = tmp_path / "out"
    convert("dicom", INPUT / "123", dataset, key=key)
    first = {path: content for path, content in tree(dataset).items() if path.startswith("sub-")}
    second = convert("dicom", INPUT / "ROE_RICHARD", dataset, key=key)
    assert first.items() <= tree(dataset).items()
    assert "SOURCE_ADDED" in codes(second.issues)
    assert len((dataset / "participants.tsv").read_text().splitlines()) == 3
    again = convert("dicom", INPUT / "123", dataset, key=key)
    assert again.outcome is not None
    assert (again.outcome.made, again.outcome.removed) == ((), ())
    assert [issue for issue in validate(dataset).issues if issue.level != "info"] == []


def test_a_second_source_under_another_policy_is_refused(tmp_path: Path, key: Path) -> None:
    dataset = tmp_path / "out"
    convert("dicom", INPUT / "123", dataset, key=key)
    convert("dicom", INPUT / "123", dataset, key=key, policy=preset("basic"))  # of one source the newest policy counts
    before = tree(dataset)
    with pytest.raises(MidsError, match="another policy"):
        convert("dicom", INPUT / "ROE_RICHARD", dataset, key=key, forget=["policy"])
    assert tree(dataset) == before
    assert convert("dicom", INPUT / "ROE_RICHARD", dataset, key=key).exit_code == 0


def test_sessions_of_one_patient_from_two_sources_stay(tmp_path: Path, key: Path) -> None:
    for name, dataset in (("ct", ct.slices(ct.SOFT)), ("cr", [radiograph.cr_pa()])):
        (tmp_path / name).mkdir()
        for number, instance in enumerate(dataset):
            (tmp_path / name / str(number)).write_bytes(encode(instance))
    for name in ("ct", "cr"):
        done = convert("dicom", tmp_path / name, tmp_path / "out", key=key)
    (sessions,) = done.dataset.glob("sub-*/*_sessions.tsv")
    assert len(sessions.read_text().splitlines()) == 3
    assert [issue for issue in validate(done.dataset).issues if issue.level != "info"] == []


def test_the_current_folder_may_be_the_destination(tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    done = convert("dicom", INPUT / "123", ".", key=key)
    assert done.dataset == tmp_path / "here"
    assert (tmp_path / "here.mids" / "sources.tsv").is_file()


@pytest.mark.parametrize(("source", "dest"), [("", "out"), (str(INPUT), "")])
def test_nothing_is_no_place(source: str, dest: str, key: Path) -> None:
    with pytest.raises(MidsError, match="must not be empty"):
        convert("dicom", source, dest, key=key)


def test_a_dicomdir_alone_is_refused_with_what_to_give(tmp_path: Path, key: Path) -> None:
    with pytest.raises(MidsError, match="give the folder that holds it"):
        convert("dicom", INPUT / "disco PET" / "DICOMDIR", tmp_path / "out", key=key)


def test_a_selection_of_nobody_is_told(tmp_path: Path, key: Path) -> None:
    with pytest.raises(MidsError, match="--include NOBODY"):
        convert("dicom", INPUT, tmp_path / "out", key=key, include=["NOBODY"])


def test_a_modality_that_is_a_name_is_not_printed(tmp_path: Path, key: Path) -> None:
    dataset = radiograph.cr_pa()
    dataset.Modality = "PEREZ"
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "image").write_bytes(encode(dataset))
    done = convert("dicom", tmp_path / "in", tmp_path / "out", key=key, publish_sources=True)
    assert codes(done.issues) == ["MODALITY_UNKNOWN"]
    assert not any("PEREZ" in found.message for found in done.issues)
    assert not any(b"PEREZ" in path.read_bytes() for path in done.dataset.rglob("*") if path.is_file())


def test_a_value_that_can_not_be_is_left_out_of_the_sidecar(tmp_path: Path, key: Path) -> None:
    dataset = radiograph.cr_pa()
    dataset.KVP, dataset.ExposureTime = 0, -5
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "image").write_bytes(encode(dataset))
    done = convert("dicom", tmp_path / "in", tmp_path / "out", key=key)
    (sidecar,) = done.dataset.rglob("*_cr.json")
    assert "KVP" not in sidecar.read_text()
    assert [issue for issue in validate(done.dataset, deep=True).issues if issue.level == "error"] == []


def test_a_volume_that_would_be_mostly_invented_is_refused(tmp_path: Path, key: Path) -> None:
    (tmp_path / "in").mkdir()
    for number, instance in enumerate(ct.slices(ct.SOFT)):
        if number in (0, 1, 21):
            (tmp_path / "in" / str(number)).write_bytes(encode(instance))
    done = convert("dicom", tmp_path / "in", tmp_path / "out", key=key)
    assert codes(done.issues) == ["SERIES_SPARSE"]
    assert "only 3 slices exist; 19 slices between them would have to be invented" in done.issues[0].message


def test_an_overlay_does_not_cost_the_image(tmp_path: Path, key: Path) -> None:
    overlay = Path(pydicom.__file__).parent / "data" / "test_files" / "examples_overlay.dcm"
    shutil.copy(overlay, tmp_path / "overlay")
    done = convert("dicom", tmp_path / "overlay", tmp_path / "out", key=key)
    assert done.outcome is not None
    assert (len(done.outcome.made), done.outcome.lost) == (1, ())
