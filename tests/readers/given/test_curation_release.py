"""A row `release` frees the image that a person looked at, and no other: none that comes later or is named alike."""

from pathlib import Path

import pytest
from trees import fill_folder, images, source_rows

from example_datasets.generators import radiograph
from mids.conversion import Conversion, convert
from mids.errors import MidsError


def _released(source: Path, tmp_path: Path, key: Path, file: str, old: str = "") -> Conversion:
    """A conversion with a row that releases `file`."""
    path = tmp_path / "curation.tsv"
    path.write_text(f"file\tfield\told\tnew\twho\twhy\n{file}\trelease\t{old}\t\tA. Reader\tseen\n", encoding="utf-8")
    return convert("dicom", source, tmp_path / "dest", key=key, curation=path)


def test_a_row_releases_one_withheld_image(tmp_path: Path, key: Path) -> None:
    written = {"us": radiograph.dx_pa(), "loop": radiograph.dx_ap()}
    for image in written.values():
        image.BurnedInAnnotation = "YES"
    source = fill_folder(tmp_path / "source", written)
    assert images(convert("dicom", source, tmp_path / "plain", key=key).dataset) == []
    done = _released(source, tmp_path, key, "us")
    assert len(images(done.dataset)) == 1
    assert {row["source"] for row in source_rows(done.dataset) if row["status"] == "converted"} == {"us"}


def test_a_row_releases_nothing_but_its_image(tmp_path: Path, key: Path) -> None:
    """Neither what comes later, nor what has the same name elsewhere or in capitals."""
    first, second = radiograph.dx_pa(), radiograph.dx_ap()
    first.BurnedInAnnotation = second.BurnedInAnnotation = "YES"
    source = fill_folder(tmp_path / "source", {"a/us": first})
    row = "a/us", first.SOPInstanceUID
    assert len(images(_released(source, tmp_path, key, *row).dataset)) == 1
    fill_folder(source, {"b/us": second, "a/US": second})
    done = _released(source, tmp_path, key, *row)
    assert len(images(done.dataset)) == 1
    assert "PRIVACY_HELD_BACK" in {found.code for found in done.issues}


def test_a_row_that_says_which_image_it_releases_frees_no_other_of_that_name(tmp_path: Path, key: Path) -> None:
    looked_at, later = radiograph.dx_pa(), radiograph.dx_ap()
    later.BurnedInAnnotation = "YES"
    source = fill_folder(tmp_path / "source", {"IM00001": later})
    with pytest.raises(MidsError, match="another image"):
        _released(source, tmp_path, key, "IM00001", looked_at.SOPInstanceUID)
