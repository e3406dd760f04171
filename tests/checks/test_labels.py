"""Cells of labels in the ways they were published, and the tree of the labels."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mids.collections.bimcv import labelcells, labeltree

LABELS = st.lists(st.text(st.sampled_from("abc dé'\"-"), min_size=1, max_size=8).filter(str.strip), max_size=6)
PLAIN = st.lists(st.from_regex(r"[a-z]{1,5}( [a-z]{1,5})?", fullmatch=True), min_size=1, max_size=6)


def numpy_repr(items: list[str]) -> str:
    """numpy's array2string of texts: repr of each, blanks in between."""
    return "[" + " ".join(map(repr, items)) + "]"


@given(LABELS)
def test_lists_as_python_and_numpy_write_them_come_back(items: list[str]) -> None:
    assert labelcells.parse(repr(items)).entries == tuple(items)
    assert labelcells.parse(numpy_repr(items)).entries == tuple(items)


@given(PLAIN)
def test_bare_lists_and_tabs_come_back(items: list[str]) -> None:
    for cell in ("[" + ",".join(items) + "]", ",".join(items), "\t".join(items)):
        assert labelcells.parse(cell).entries == tuple(items)


@given(st.lists(LABELS.filter(bool), min_size=1, max_size=4))
def test_lists_of_sentences_come_back(groups: list[list[str]]) -> None:
    expected = tuple(tuple(group) for group in groups)
    assert labelcells.parse(repr(groups)).entries == expected
    as_objects = "[" + " ".join(f"list({group!r})" for group in groups) + "]"
    assert labelcells.parse(as_objects).entries == expected


@given(PLAIN, st.data())
def test_a_cell_that_breaks_off_keeps_what_is_whole(items: list[str], data: st.DataObject) -> None:
    whole = repr(items)
    cut = whole[: data.draw(st.integers(2, len(whole) - 1))]
    cell = labelcells.parse(cut)
    assert cell.truncated
    assert cell.entries == tuple(items)[: len(cell.entries)]
    assert len(cell.entries) >= cut.count("', ")


@pytest.mark.parametrize("cell", ["", "[]", " ", "['']", "[ ]"])
def test_cells_with_nothing_in_them(cell: str) -> None:
    assert labelcells.parse(cell).flat == ()
    assert labelcells.parse(cell).sentences == ()


def test_a_leading_blank_goes_on_with_the_sentence() -> None:
    cell = labelcells.parse(
        "['pulmonary fibrosis', 'loc basal bilateral', 'pseudonodule', ' ground glass pattern', '', ' loc basal']"
    )
    assert cell.sentences == (
        ("pulmonary fibrosis", "loc basal bilateral"),
        ("pseudonodule", "ground glass pattern", "loc basal"),
    )
    assert cell.flat == (
        "pulmonary fibrosis", "loc basal bilateral", "pseudonodule", "ground glass pattern", "loc basal",
    )  # fmt: skip


def test_the_papers_example() -> None:
    cell = labelcells.parse(
        "[['pulmonary fibrosis', 'loc basal bilateral'], ['chronic changes'], ['kyphosis'], "
        "['pseudonodule', 'ground glass pattern', 'loc basal']]"
    )
    assert [len(sentence) for sentence in cell.sentences] == [2, 1, 1, 3]


def test_duplicates_that_blanks_make_are_one() -> None:
    assert labelcells.parse("['increased density', ' increased density']").flat == ("increased density",)


TREE = """normal [CUI:C0205307, counts:2, 2]\\\\
radiological finding [counts:0, 9]\\\\
├── calcified densities [CUI:C2203586, counts:1, 3]\\\\
│   └── calcified granuloma [CUI:C0333404, counts:2, 2]\\\\
└── granuloma [CUI:C0235557, counts:1, 3]\\\\
    └── calcified granuloma [CUI:C0333404, counts:2, 2]\\\\
"""


def test_a_drawing_becomes_nodes() -> None:
    nodes, strange = labeltree.parse(TREE)
    assert strange == []
    assert [(node.label, node.parent, node.tree) for node in nodes] == [
        ("normal", 0, "normal"),
        ("radiological finding", 0, "radiological finding"),
        ("calcified densities", 2, "radiological finding"),
        ("calcified granuloma", 3, "radiological finding"),
        ("granuloma", 2, "radiological finding"),
        ("calcified granuloma", 5, "radiological finding"),
    ]
    assert labeltree.cuis(nodes)["calcified granuloma"] == ("C0333404",)
    assert labeltree.cuis(nodes)["radiological finding"] == ()


def test_lines_that_are_no_node_are_named() -> None:
    broken = TREE.replace("normal [CUI:C0205307, counts:2, 2]", "normal (2)").replace("    └", "          └")
    nodes, strange = labeltree.parse(broken)
    assert strange == [1, 6]
    assert len(nodes) == 4


@pytest.mark.shared
def test_the_published_tree(shared: Path) -> None:
    nodes, strange = labeltree.parse((shared / "bimcv" / "tree_term_CUI_counts_image_covid_1.csv").read_text("utf-8"))
    known = json.loads((shared / "bimcv" / "bimcv_label_tree.json").read_text("utf-8"))
    assert strange == []
    assert len(nodes) == known["n_nodes"] == 337
    found = labeltree.cuis(nodes)
    assert len(found) == known["n_terms"] == 304
    assert {term["term"]: set(term["cuis"]) for term in known["terms"]} == {k: set(v) for k, v in found.items()}
    assert {node.tree for node in nodes} == {node.label for node in nodes if not node.parent}
    assert len({node.tree for node in nodes}) == 6
    assert sum(not node.cui for node in nodes) == 60
    parents = {term["term"]: set(term["parents"]) for term in known["terms"]}
    above = {node.number: node.label for node in nodes}
    for node in nodes:
        assert not node.parent or above[node.parent] in parents[node.label]
