"""Rows that name a file stay with the image on which they were decided, and reach no other image of that name."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from pydicom import Dataset
from trees import codes, fill_folder, images, source_rows

from example_datasets.generators import radiograph
from mids.conversion import Conversion, convert
from mids.errors import MidsError

EXCLUDED, OTHER = radiograph.dx_pa(), radiograph.dx_ap()
MAMMOGRAM, _ = radiograph.mammograms()


@pytest.fixture(name="decided")
def _decided(tmp_path: Path, key: Path) -> Conversion:
    """Two images of a source, of which a person excluded `a`."""
    path = tmp_path / "curation.tsv"
    path.write_text("file\tfield\told\tnew\twho\twhy\na\texclude\t\t\tA. Reader\tseen\n", encoding="utf-8")
    source = fill_folder(tmp_path / "source", {"a": EXCLUDED, "b": OTHER})
    return convert("dicom", source, tmp_path / "dest", key=key, curation=path)


@pytest.mark.parametrize(
    ("folder", "files"),
    [
        ("other", {"delivery/a": EXCLUDED, "delivery/b": OTHER}),
        ("source", {"a": OTHER, "b": EXCLUDED}),
        ("source", {"0": EXCLUDED, "a": EXCLUDED, "b": OTHER}),
    ],
    ids=["another folder", "swapped names", "an earlier copy"],
)
def test_a_row_follows_its_image(
    decided: Conversion, tmp_path: Path, key: Path, folder: str, files: Mapping[str, Dataset]
) -> None:
    before = images(decided.dataset)
    assert len(before) == 1
    done = convert("dicom", fill_folder(tmp_path / folder, dict(files)), decided.dataset, key=key)
    assert (done.exit_code, images(done.dataset)) == (0, before)


def test_a_row_reaches_no_image_of_that_name_in_another_source(decided: Conversion, tmp_path: Path, key: Path) -> None:
    other = fill_folder(tmp_path / "other", {"a": MAMMOGRAM})
    done = convert("dicom", other, decided.dataset, key=key)
    assert (done.exit_code, len(images(done.dataset))) == (1, 2)
    assert "CURATION_UNMATCHED" in codes(done.issues)


def test_a_run_stops_where_only_another_image_has_the_name(decided: Conversion, tmp_path: Path, key: Path) -> None:
    source = fill_folder(tmp_path / "source", {"a": MAMMOGRAM})
    with pytest.raises(MidsError, match="decided on another image"):
        convert("dicom", source, decided.dataset, key=key)
    assert {row["status"] for row in source_rows(decided.dataset) if row["source"] == "a"} == {"skipped"}
