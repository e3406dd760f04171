"""Digests that actions take of what they make are those of the files that they deliver."""

from pathlib import Path

import pytest
from places import EXAMPLES

import mids
from mids.dataset.disk.fingerprint import pixel_digest
from mids.dataset.disk.tree import CONVERSIONS


@pytest.mark.parametrize("pixels", ["window", "raw"])
def test_the_table_of_conversions_has_the_digest_of_every_delivered_image(pixels: str, tmp_path: Path) -> None:
    done = mids.convert("dicom", EXAMPLES / "sources" / "dicom" / "input", tmp_path / "dataset", pixels=pixels)
    lines = [line.split("\t") for line in (done.dataset / CONVERSIONS).read_text().splitlines()]
    at = lines[0].index("pixels_sha256")
    said = {line[0]: line[at] for line in lines[1:]}
    found = {name: pixel_digest(done.dataset / name) for name in said}
    assert said == found
    assert {name.split(".", 1)[1] for name in said} == {"nii.gz", "png"}
