"""No module needs itself by way of others, also not by way of a name that is imported when it is called."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "mids"


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in PACKAGE.rglob("*.py")}


def imported(tree: ast.AST, *, by_name: bool) -> Iterator[str]:
    """Every module that a file imports anywhere but for types, or (`by_name`) writes in full as a text."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in MODULES else node.module for name in inner)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif by_name and isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in MODULES:
            yield node.value
        yield from imported(node, by_name=by_name)


def test_no_module_needs_itself() -> None:
    graph = {}
    for name, path in MODULES.items():
        text = path.read_text(encoding="utf-8")
        needed = set(imported(ast.parse(text), by_name="import_module" in text))
        graph[name] = {other for other in needed if other in MODULES and other != "mids"} - {name}
    assert graph["mids.run.workers"] >= {"mids.run.pool", "mids.run.cluster"}  # the second by name
    TopologicalSorter(graph).prepare()  # raises CycleError with the modules of the cycle
