"""The label tree: its CUIs, parents and counts."""

from collections.abc import Iterator
from dataclasses import dataclass

from mids.checks.labels.cells import CUI, TREE
from mids.inspection.registry import Finding, Found, check, only_if
from mids.inspection.views import FileView
from mids.issues import Level
from mids.readers.tables.tsv import NA

CELLS = ("label", "cui", "parent", "tree", "count", "count_with_descendants")


@dataclass(frozen=True, slots=True)
class _Node:
    """A row of the tree; counts are None where they are no numbers."""

    line: int
    label: str
    cui: str
    parent: str
    tree: str
    count: int | None
    total: int | None


@only_if(lambda table: table.path == TREE)
def _is_tree(table: FileView) -> bool:
    return table.path == TREE and set(CELLS) <= set(table.rows.header)


def _nodes(table: FileView) -> Iterator[_Node]:
    columns = [table.rows.column(name) for name in CELLS]
    for line, *cells in zip(table.rows.lines, *columns, strict=True):
        label, cui, parent, tree, *counts = (cell.strip() for cell in cells)
        count, total = (
            int(text) if text.isdecimal() and text.isascii() and len(text) < 16 else None for text in counts
        )
        yield _Node(line, label, "" if cui == NA else cui, "" if parent == NA else parent, tree, count, total)


@check("TREE_CUI", per="table", when=_is_tree)
def tree_cui(table: FileView) -> Found:
    """A CUI of the label tree is not the letter C followed by seven digits, or belongs to two different labels.

    Why: Some programs count two labels with one concept as one, others as two.

    Fix: Correct the CUI, or merge the labels.
    """
    first: dict[str, _Node] = {}
    for node in _nodes(table):
        where = f"row {node.line}, column cui"
        if node.cui and not CUI.fullmatch(node.cui):
            yield Finding("this is not a CUI", where, node.cui[:40], "C and seven digits")
        elif node.cui:
            other = first.setdefault(node.cui, node)
            if other.label.casefold() != node.label.casefold():
                yield Finding(f"row {other.line} has the same CUI for another label", where, node.cui)


@check("TREE_PARENT", per="table", when=_is_tree)
def tree_parent(table: FileView) -> Found:
    """The parent of a label is not a label of the same tree, its tree has no root, or the label lies below itself.

    Why: The label belongs to no branch, or walking up from it never ends.

    Fix: Add the parent, or correct its spelling; a root has the parent n/a.
    """
    nodes = list(_nodes(table))
    parents: dict[tuple[str, str], set[str]] = {}
    for node in nodes:
        parents.setdefault((node.tree, node.label), set()).add(node.parent)
    roots = {node.label for node in nodes if not node.parent}
    for node in nodes:
        if roots and node.tree not in roots:
            yield Finding("no root has this name", f"row {node.line}, column tree", node.tree[:40])
        where = f"row {node.line}, column parent"
        if node.parent and (node.tree, node.parent) not in parents:
            yield Finding("the tree does not hold this label", where, node.parent[:40])
        elif node.parent and _is_below_itself(node, parents):
            yield Finding("the label lies below itself", where, node.parent[:40])


def _is_below_itself(node: _Node, parents: dict[tuple[str, str], set[str]]) -> bool:
    """Whether the walk from a node to its ancestors comes back to it."""
    seen: set[str] = set()
    stack = [node.parent]
    while stack:
        label = stack.pop()
        if label == node.label:
            return True
        if label and label not in seen:
            seen.add(label)
            stack += parents.get((node.tree, label), ())
    return False


@check("TREE_COUNT", per="table", level=Level.WARNING, when=_is_tree)
def tree_count(table: FileView) -> Found:
    """The count with descendants is lower than the label's own count or a child's, or higher than all of them
    together.

    Why: One of the counts is wrong, and so is every prevalence computed from it.

    Fix: Count again.
    """
    nodes = list(_nodes(table))
    below: dict[tuple[str, str], list[int]] = {}
    for node in nodes:
        if node.parent and node.total is not None:
            below.setdefault((node.tree, node.parent), []).append(node.total)
    for node in nodes:
        if node.count is not None and node.total is not None:
            children = below.get((node.tree, node.label), [])
            least, most = max([node.count, *children]), node.count + sum(children)
            if not least <= node.total <= most:
                where = f"row {node.line}, column count_with_descendants"
                yield Finding("the count contradicts the counts below it", where, str(node.total), f"{least} to {most}")
