"""A DICOMDIR names the files of a medium; those that are not there are told."""

import shutil
from pathlib import Path
from zipfile import ZipFile

import pytest

from mids.collections.dicom import read
from mids.issues import Issue

DISC = Path(__file__).parents[3] / "example_datasets/sources/dicom/input/disco PET"


@pytest.fixture
def disc(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DISC, tmp_path / "in" / "disc"))


def told(root: Path) -> list[tuple[str, str]]:
    issues = [item for group in read(root) for item in group if isinstance(item, Issue)]
    return [(one.message, one.path) for one in issues if one.code == "IMAGE_MISSING"]


def images(disc: Path) -> list[Path]:
    return sorted(path for path in disc.rglob("*") if path.is_file() and path.name != "DICOMDIR")


def test_files_that_are_not_there_are_counted(disc: Path) -> None:
    count = len(images(disc))
    assert told(disc.parent) == []
    for path in images(disc)[-2:]:
        path.unlink()
    message = f"2 of {count} files that the DICOMDIR names are not there"
    assert told(disc.parent) == [(message, "disc/DICOMDIR")]
    assert told(disc) == [(message, "DICOMDIR")]


def test_other_names_and_places_of_the_same_images_lack_nothing(disc: Path) -> None:
    for number, path in enumerate(images(disc)):
        path.rename(disc.parent / f"moved {number}" if number % 2 else path.with_name(path.name.lower()))
    assert told(disc.parent) == []


def test_the_index_of_an_archive_names_its_members(disc: Path, tmp_path: Path) -> None:
    packed = tmp_path / "packed"
    packed.mkdir()
    with ZipFile(packed / "disc.zip", "w") as archive:
        for path in [disc / "DICOMDIR", *images(disc)[1:]]:
            archive.write(path, f"cd/{path.relative_to(disc)}")
    ((message, _),) = told(packed)
    assert message.startswith("1 of ")


def test_a_broken_index_costs_nothing(disc: Path) -> None:
    whole = (disc / "DICOMDIR").read_bytes()
    images(disc)[0].unlink()
    for size in range(len(whole) - 4, 700, -97):
        (disc / "DICOMDIR").write_bytes(whole[:size])
        assert len(told(disc)) <= 1
