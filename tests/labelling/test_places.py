"""Places belong to their finding, and labels close upwards in the tree of a dataset."""

import argparse
import json
from pathlib import Path

import pandas as pd
import pytest
from places import ROOT

import mids
from mids.analysis.tree import read_tree
from mids.cli.models import evaluate as cli_evaluate
from mids.cli.models import label as cli_label
from mids.errors import MidsError
from mids.labelling.labeller import label, lexicon

TREE = ROOT / "example_datasets/sources/bimcv-covid19/mids/derivatives/labels/label_tree.tsv"


def write_tree(folder: Path, *rows: str) -> Path:
    path = folder / "label_tree.tsv"
    path.write_text("label\tparent\tcount\n" + "".join(row.replace(" > ", "\t") + "\n" for row in rows), "utf-8")
    return path


SMALL = (
    "finding > n/a > 0", "fracture > finding > 1", "rib fracture > fracture > 2",
    "callus rib fracture > rib fracture > 3",
    "calcified granuloma > granuloma > 1", "calcified granuloma > calcified densities > 1", "granuloma > finding > 0",
    "calcified densities > finding > 4",
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Derrame pleural derecho y condensación en LSI", [
            ("pleural effusion", {"pleural", "right"}), ("consolidation", {"left upper lobe"}),
        ]),
        ("Infiltrado y derrame en base derecha", [
            ("infiltrates", {"basal", "right"}), ("pleural effusion", {"basal", "right"}),
        ]),
        ("Cardiomegalia y derrame pleural derecho", [
            ("cardiomegaly", set()), ("pleural effusion", {"pleural", "right"}),
        ]),
        ("Infiltrados en LSI y LID con broncograma", [
            ("infiltrates", {"left upper lobe", "right lower lobe"}), ("air bronchogram", set()),
        ]),
        ("En LID, infiltrado", [("infiltrates", {"right lower lobe"})]),
        ("Nódulo en LSD, fractura costal izquierda y derrame bilateral", [
            ("nodule", {"right upper lobe"}), ("rib fracture", {"rib", "left"}), ("pleural effusion", {"bilateral"}),
        ]),
    ],
)  # fmt: skip
def test_a_place_belongs_to_its_finding(text: str, expected: list[tuple[str, set[str]]]) -> None:
    (said,) = label(text, lexicon())
    assert [(name, set(places)) for name, places in said.ordered()] == expected


def test_terms_above_a_label(tmp_path: Path) -> None:
    tree = read_tree(write_tree(tmp_path, *SMALL))
    assert tree.close(["callus rib fracture"]) == ("callus rib fracture", "rib fracture", "fracture")
    assert tree.close(["calcified granuloma", "mine"]) == (
        "calcified granuloma", "mine", "granuloma", "calcified densities",
    )  # fmt: skip


def test_a_tree_that_turns_back_on_itself_ends(tmp_path: Path) -> None:
    tree = read_tree(write_tree(tmp_path, "a > b > 1", "b > a > 1"))
    assert tree.close(["a"]) == ("a", "b")


def test_the_tree_of_a_dataset() -> None:
    assert read_tree(TREE).above("COVID 19") == ("pneumonia",)


def run(module: object, *texts: object) -> int:
    parser = argparse.ArgumentParser()
    module.arguments(parser)  # type: ignore[attr-defined]
    namespace = parser.parse_args([str(text) for text in texts])
    return int(namespace.run(namespace))


def test_labels_close_upwards_where_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reports, output, tree = tmp_path / "reports.tsv", tmp_path / "labels.tsv", write_tree(tmp_path, *SMALL)
    reports.write_text("report_id\treport\nR1\tCallo de fractura costal derecho. Derrame.\n", encoding="utf-8")
    assert run(cli_label, reports, "-o", output, "--close-up", tree) == 0
    row = pd.read_csv(output, sep="\t").iloc[0]
    assert json.loads(row["labels"]) == ["callus rib fracture", "rib fracture", "fracture", "pleural effusion"]
    evidence = json.loads(row["label_evidence"])
    assert [text.split(" ", 1)[1] for text in evidence[1:3]] == ["above callus rib fracture"] * 2
    assert json.loads(row["label_cuis"])[1] == "C0035522"
    assert json.loads(row["labels_localizations_by_sentence"])[0][:3] == ["callus rib fracture", "loc rib", "loc right"]

    truth = tmp_path / "truth.tsv"
    truth.write_text('report_id\tlabels\nR1\t["rib fracture", "pleural effusion"]\n', encoding="utf-8")
    found = tmp_path / "found.tsv"
    found.write_text('report_id\tlabels\nR1\t["callus rib fracture", "pleural effusion"]\n', encoding="utf-8")
    capsys.readouterr()
    assert run(cli_evaluate, found, truth, "--close-up", tree) == 0
    assert capsys.readouterr().out.startswith("1 rows: precision 0.750, recall 1.000")
    assert mids.evaluate(found, truth, close_up=tree).precision == 0.75
    assert mids.evaluate(found, truth).precision == 0.5


@pytest.mark.parametrize("header", [None, "label\tcount\n"])
def test_what_is_no_tree(tmp_path: Path, header: str | None) -> None:
    path = tmp_path / "tree.tsv"
    if header:
        path.write_text(header + "x\t1\n", encoding="utf-8")
    with pytest.raises(MidsError, match=r"label_tree\.tsv"):
        read_tree(path)
