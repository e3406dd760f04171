"""Datasets in pybids: the configuration finds every image by its entities."""

import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import pandas as pd
import pytest
from by_hand import CT, HEAD, RX, names, written
from hypothesis import given, settings

from mids.conversion import Conversion
from mids.dataset import Dataset
from mids.dataset.layout import CONFIG, bids_layout, pybids_config
from mids.errors import MidsError
from mids.resources import schemas
from mids.vocabulary.names import Name
from mids.vocabulary.schema import load

SHORT = {entity["name"]: entity["pattern"] for entity in pybids_config(load())["entities"]}


def entities_of(row: Mapping[str, object]) -> dict[str, str]:
    """A row of `images` as entities of pybids: by what the patterns of the configuration look for."""
    columns = {name: re.sub(r"^\[_/\\\\\]([a-z]+)-.*", r"\1", pattern) for name, pattern in SHORT.items()}
    columns |= {name: name for name in ("suffix", "group", "datatype", "extension")}
    return {n: str(row[c]) for n, c in columns.items() if c in row and not pd.isna(row[c])}


def test_committed_configuration_is_that_of_the_vocabulary() -> None:
    committed = json.loads((schemas() / CONFIG).read_text(encoding="utf-8"))
    assert committed == pybids_config(load()), (
        "write json.dumps(pybids_config(load()), indent=2) to schemas/pybids.json"
    )


def test_entities_have_the_names_that_pybids_gives_them() -> None:
    stock = json.loads((files("bids.layout") / "config" / "bids.json").read_text(encoding="utf-8"))["entities"]
    ours = {re.sub(r".*?([a-z]+)-\(.*", r"\1", pattern): name for name, pattern in SHORT.items() if "-(" in pattern}
    theirs = {re.sub(r".*?([a-z]+)-\(.*", r"\1", e["pattern"]): e["name"] for e in stock if "-(" in e["pattern"]}
    assert len(theirs) > 20
    assert {key: ours[key] for key in theirs} == theirs


def test_pybids_finds_every_image_of_the_phantom(phantom: Conversion) -> None:
    layout = bids_layout(phantom.dataset)
    dataset = Dataset(phantom.dataset)
    for row in dataset.images.to_dict("records"):
        wanted = entities_of(row)
        exactly = [f for f in layout.get(**wanted) if set(f.get_entities()) == set(wanted)]
        assert [file.relpath for file in exactly] == [row["filename"]]
        assert layout.build_path(wanted, absolute_paths=False, validate=False) == row["filename"]
        assert exactly[0].get_metadata()["Modality"] == dataset.sidecar(row["filename"])["Modality"]
    found = layout.get(bodypart="chest", group="rx", extension=".png")
    assert len(found) == len(dataset.select(bp="chest", modality="rx"))


def test_pybids_looks_at_the_end_of_paths_only(made: Path) -> None:
    elsewhere = made.parent / "sub-99" / "ses-Z" / "mim-us" / "anat"
    shutil.copytree(made, elsewhere)
    layout = bids_layout(elsewhere)
    assert set(layout.get_subjects()) == {"01", "02"}
    assert set(layout.get_sessions()) == {"A", "B"}
    assert [file.relpath for file in layout.get(run=1, group="ct")] == [CT]
    assert {str(file.get_entities()["run"]) for file in layout.get(suffix="dx")} == {"01"}
    assert {file.relpath for file in layout.get(datatype="anat")} == {HEAD}


@settings(max_examples=15)
@given(names())
def test_pybids_reads_any_name_that_is_built(name: Name) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = written(Path(folder), {name.path: ""})
        (file,) = bids_layout(root).get(suffix=name.suffix)
        row = Dataset(root).images.to_dict("records")[0]
        assert {key: str(value) for key, value in file.get_entities().items()} == entities_of(row)
        assert bids_layout(root).build_path(entities_of(row), absolute_paths=False, validate=False) == name.path


def test_pybids_without_a_dataset_or_with_a_broken_one(made: Path) -> None:
    with pytest.raises(MidsError, match="is not a folder"):
        bids_layout(made / "absent")
    written(made, {RX.replace(".png", ".json"): "{"})
    with pytest.raises(MidsError, match="can't index"):
        bids_layout(made)
