"""The layouts of published datasets are data: every file of `schemas/layouts` is one, and names nothing unknown."""

from dataclasses import fields
from pathlib import Path

import pytest

from example_datasets.golden import SOURCES
from mids import convert
from mids.errors import MidsError
from mids.plan.layouts import find_layout, ignored_lines
from mids.plan.naming import Described
from mids.resources import layout_names
from mids.vocabulary.schema import load


@pytest.mark.parametrize("name", layout_names()[1:])
def test_a_layout_names_what_the_vocabulary_knows(name: str) -> None:
    layout, schema = find_layout(name), load()
    assert layout
    assert set(layout.suffixes) <= set(schema.suffixes)
    assert {*layout.entities, layout.part} <= set(schema.entities)
    assert set(layout.run_counts) <= {field.name for field in fields(Described)}
    assert "/" not in layout.folder


def test_ours_is_the_first_and_needs_no_file() -> None:
    assert layout_names()[0] == "mids"
    assert find_layout("mids") is None


def test_lines_of_bidsignore_are_those_of_folders_that_are_used() -> None:
    assert ignored_lines(["sub-1/ses-1/mim-ct/a.nii.gz", "sub-1/ses-1/mod-rxx/b.png"]) == []
    assert ignored_lines(["sub-1/ses-1/mod-rx/a.png", "sub-1/ses-1/mod-rx/b.png"]) == ["**/mod-*\n"]


def test_an_unknown_layout_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(MidsError, match="no layout 'bimcv': give one of mids, bimcv-covid19"):
        convert("dicom", SOURCES / "dicom" / "input", tmp_path / "dest", layout="bimcv")
    assert list(tmp_path.iterdir()) == []
