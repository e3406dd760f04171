"""The data card and the paragraph for a paper: read by the program that publishes cards, and true to the dataset."""

import json
import shutil
from pathlib import Path

import pytest
from places import SOURCES

from mids.analysis import statistics
from mids.dataset import Dataset
from mids.exports.card import card, methods, write_card

hub = pytest.importorskip("huggingface_hub", reason="the extra `test-loaders` is not installed")
NAMES = sorted(path.parent.name for path in SOURCES.glob("*/mids"))


@pytest.mark.parametrize("name", NAMES)
def test_cards_are_read_and_their_numbers_are_counted(name: str, tmp_path: Path) -> None:
    dataset = Dataset(SOURCES / name / "mids")
    paths = write_card(dataset, tmp_path / "card")
    read = hub.DatasetCard(paths[0].read_text(encoding="utf-8"))
    assert read.data.pretty_name == dataset.name
    assert read.data.size_categories == ["n<1K"]
    size = statistics.summary(dataset)["size"]
    assert f"patients {size['patients']}, studies {size['studies']}" in read.text
    paragraph = paths[1].read_text(encoding="utf-8")
    assert f"with {size['images']} image" in paragraph
    assert f" of {size['patients']} participant" in paragraph
    assert paragraph.count("\n") == 1


def test_what_a_dataset_does_not_say_stands_in_no_card(tmp_path: Path) -> None:
    root = shutil.copytree(SOURCES / "dicom" / "mids", tmp_path / "dataset")
    (root / "dataset_description.json").write_text(json.dumps({"Name": "Bare", "BIDSVersion": "1.10.1"}), "utf-8")
    bare = Dataset(root)
    text = card(bare)
    assert "- licence: not stated" in text
    assert "## Known limitations" not in text
    assert "converted with" not in methods(bare)
    assert methods(bare).startswith("We used Bare")
    assert "()" not in methods(bare)
