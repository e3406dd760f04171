"""A source proves which public collection it is, or is refused: ids and facts are published of nobody else."""

import shutil
from pathlib import Path

import pytest
from places import SOURCES
from trees import fill_folder

from example_datasets.generators import ct, radiograph
from mids import cli, collections
from mids.conversion import convert
from mids.errors import MidsError

PUBLIC = ("bimcv-covid19", "covid-chestxray", "covid19-ct", "fidac", "midrc-ricord-1a", "padchest")


@pytest.mark.parametrize("name", [*PUBLIC, "dicom"])
def test_auto_names_the_collection_that_a_source_is(name: str) -> None:
    assert collections.recognise_source(SOURCES / name / "input") == name


@pytest.fixture
def hospital(tmp_path: Path) -> Path:
    """A folder that is called like a patient, with files that are called like those of collections."""
    files = {"ROE JANE/rx": radiograph.dx_pa(), **{f"ROE JANE/{n}": one for n, one in enumerate(ct.slices(ct.SOFT))}}
    source = fill_folder(tmp_path / "source", files)
    (source / "metadata.csv").write_text("patient,file\nROE JANE,rx\n")
    (export,) = (SOURCES / "midrc-ricord-1a" / "input").glob("*.json")
    shutil.copy(export, source)
    return source


@pytest.mark.parametrize("name", [*PUBLIC, "bimcv-covid19-raw"])
def test_a_hospital_is_no_public_collection(name: str, hospital: Path, tmp_path: Path, key: Path) -> None:
    with pytest.raises(MidsError):
        convert(name, hospital, tmp_path / "out", key=key)
    assert not any((tmp_path / "out").iterdir())


def test_auto_takes_what_proves_nothing_as_dicom(
    hospital: Path, here: Path, tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "auto").mkdir()  # a folder of that name is not meant
    assert collections.recognise_source(hospital) == "dicom"
    cli.convert_main(["auto", str(hospital), str(tmp_path / "out"), "--key", str(key)])
    assert capsys.readouterr().out.startswith("collection: dicom\n")
    assert convert("auto", hospital, tmp_path / "out", key=key).outcome is not None


def test_a_dataset_of_another_origin_is_not_bimcvs(tmp_path: Path, key: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(SOURCES / "bimcv-covid19" / "input", source)
    for path in sorted(source.rglob("*S90001*"), reverse=True):
        path.rename(path.with_name(path.name.replace("S90001", "ROEJANE")))
    with pytest.raises(MidsError, match="subject IDs are not all like S03047"):
        convert("bimcv-covid19", source, tmp_path / "out", key=key)


def test_one_patient_of_another_hospital_is_too_many(tmp_path: Path, key: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(SOURCES / "midrc-ricord-1a" / "input", source)
    fill_folder(source / "more", {"rx": radiograph.dx_pa()})
    with pytest.raises(MidsError, match="neither a PatientID like MIDRC-RICORD-1A"):
        convert("midrc-ricord-1a", source, tmp_path / "out", key=key)
