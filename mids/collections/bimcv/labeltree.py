"""The label tree that BIMCV publishes as a drawing of lines: each node with its CUI and its counts.

radiological finding [CUI:C0436485, counts:0, 4660]
├── unchanged [counts:521, 521]
│   └── calcified granuloma [CUI:C0333404, counts:8, 8]
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mids.issues import Issue, issue
from mids.resources import read_yaml, schemas

Cuis = Mapping[str, tuple[str, ...]]
"""The CUIs of each label."""

_NODE = re.compile(
    r"(?P<lines>[\s│├└─|`+-]*)(?P<label>[^\s│├└─|`+\[-][^\[]*?)\s*"
    r"\[(?:CUI:\s*(?P<cui>[^,\]]*),\s*)?counts:\s*(?P<count>\d+)\s*,\s*(?P<total>\d+)\s*\]\\*\s*"
)
STEP = 4
"""Characters that one level is moved in by."""


@dataclass(frozen=True, slots=True)
class Node:
    """One node: `parent` is the number of the node above it (0 for a root), `tree` its root's label.

    `count` are the reports with the label itself, `total` those with it or one below.
    """

    number: int
    label: str
    cui: str
    parent: int
    tree: str
    count: int
    total: int


def parse(text: str) -> tuple[list[Node], list[int]]:
    """The nodes in the order of the file, numbered from 1, and the lines (from 1) that are no node."""
    nodes: list[Node] = []
    above: list[Node] = []
    strange: list[int] = []
    for number, line in enumerate(text.lstrip("\ufeff").splitlines(), start=1):
        if not line.strip():
            continue
        match = _NODE.fullmatch(line)
        depth = len(match["lines"]) // STEP if match else 0
        if match is None or len(match["lines"]) % STEP or depth > len(above):
            strange.append(number)
            continue
        parent = above[depth - 1] if depth else None
        node = Node(
            len(nodes) + 1, match["label"], (match["cui"] or "").strip(), parent.number if parent else 0,
            parent.tree if parent else match["label"], int(match["count"]), int(match["total"]),
        )  # fmt: skip
        nodes.append(node)
        above[depth:] = [node]
    return nodes, strange


def read(data: bytes, path: str) -> tuple[Sequence[Node], Cuis, list[Issue]]:
    """The nodes and CUIs of a published tree, and an Issue for each line that is no node; `path` is its name there."""
    nodes, strange = parse(data.decode("utf-8", "replace"))
    issues = [
        issue("ROW_INVALID", "the label tree has no such node", path, where=f"line {line}", origin="read")
        for line in strange
    ]
    return nodes, cuis(nodes), issues


def without() -> tuple[Sequence[Node], Cuis, list[Issue]]:
    """What a source without a tree is read with: no nodes, the terms and CUIs of the lexicon, an Issue that says so.

    Source: `schemas/lexicon/es.yaml`, whose terms are those of BIMCV's tree that reports were found to have.
    """
    lexicon = read_yaml(schemas() / "lexicon" / "es.yaml")
    terms = lexicon["findings"] | lexicon["localizations"]
    known = {label: (term["cui"],) if "cui" in term else () for label, term in terms.items()}
    message = "there is no label tree: CUIs are those that the program knows, and the dataset has no tree"
    return (), known, [issue("TABLE_ABSENT", message, origin="read")]


def cuis(nodes: Iterable[Node]) -> Cuis:
    """The CUIs of each label, in the order of the tree: most have one, some none, adenopathy two."""
    found: dict[str, dict[str, None]] = {}
    for node in nodes:
        found.setdefault(node.label, {}).update({node.cui: None} if node.cui else {})
    return {label: tuple(given) for label, given in found.items()}
