"""The shape of the code in numbers: how many rooms the house has, and how large they are.

``python -m benchmarks.shape`` prints what `measure` finds; `tests/project/test_shape.py` holds it to its limits.
"""

import ast
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CODE = ("mids", "tests", "example_datasets", "benchmarks", "docs")
LONG_FUNCTION, LONG_FILE = 50, 400


@dataclass(frozen=True, slots=True)
class Shape:
    """What can be counted without running anything; lines of a function are those from ``def`` to its end."""

    loose_modules: int
    widest_package: int
    widest_test_folder: int
    layers: int
    cycles: tuple[str, ...]
    long_functions: tuple[str, ...]
    long_files: tuple[str, ...]
    without_return_type: tuple[str, ...]


def measure(root: Path = ROOT) -> Shape:
    """The shape of the checkout in the folder `root`."""
    package = root / "mids"
    folders = [folder for folder in _folders(package) if (folder / "__init__.py").is_file()]
    files = [path for name in CODE for path in sorted((root / name).rglob("*.py"))]
    contract = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layers = next(one for one in contract["contracts"] if one["type"] == "layers")["layers"]
    functions = [(path, node) for path in files for node in _functions(path)]
    return Shape(
        loose_modules=len([path for path in package.glob("*.py") if not path.name.startswith("__")]),
        widest_package=max(len([p for p in folder.glob("*.py") if p.name != "__init__.py"]) for folder in folders),
        widest_test_folder=max((len(list(folder.glob("*.py"))) for folder in _folders(root / "tests")), default=0),
        layers=len(layers),
        cycles=_cycles(package),
        long_functions=tuple(_named(root, path, node) for path, node in functions if _lines(node) > LONG_FUNCTION),
        long_files=tuple(
            path.relative_to(root).as_posix()
            for path in files
            if len(path.read_text(encoding="utf-8").splitlines()) > LONG_FILE
        ),
        without_return_type=tuple(_named(root, path, node) for path, node in functions if node.returns is None),
    )


def _folders(root: Path) -> Iterator[Path]:
    yield from (folder for folder in (root, *root.rglob("*")) if folder.is_dir())


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    yield from (node for node in ast.walk(_tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _named(root: Path, path: Path, node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    return f"{path.relative_to(root).as_posix()}:{node.name}"


def _cycles(package: Path) -> tuple[str, ...]:
    """The modules of a circle of imports, where there is one; `import_module` with a text counts as an import."""
    modules = {_module(path, package.parent): path for path in package.rglob("*.py")}
    graph = {name: set(_imports(path, modules)) - {name} for name, path in modules.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return tuple(error.args[1])
    return ()


def _module(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def _imports(path: Path, modules: Mapping[str, Path]) -> Iterator[str]:
    """The modules of the package that a module imports, inside functions too; not those for type checkers alone."""
    tree = _tree(path)
    typing = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in typing:
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield from (name for name in (full if full in modules else node.module,) if name in modules)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module") and node.args:
            name = node.args[0]
            if isinstance(name, ast.Constant) and name.value in modules:
                yield str(name.value)


def main() -> int:
    """Prints the numbers, and the places behind those that are not 0."""
    shape = measure()
    print(f"loose modules in mids/        {shape.loose_modules}")
    print(f"widest flat package           {shape.widest_package}")
    print(f"widest test folder            {shape.widest_test_folder}")
    print(f"layers                        {shape.layers}")
    for words, places in (
        ("modules in a circle          ", shape.cycles),
        (f"functions over {LONG_FUNCTION} lines      ", shape.long_functions),
        (f"files over {LONG_FILE} lines         ", shape.long_files),
        ("functions without return type", shape.without_return_type),
    ):
        print(f"{words} {len(places)}", *(f"    {place}" for place in places), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
