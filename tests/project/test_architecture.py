"""docs/architecture.md against the code: layers, folders, paths, signatures; and what may name a collection."""

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from mids import collections

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
FLOW = re.findall(r"^\| (`\w+\(.*?\)`.*?) \| (.*?) \|", PAGE, re.MULTILINE)
"""The steps of the table of stages, each with where it is."""


def section(title: str) -> str:
    return PAGE[PAGE.index(f"\n## {title}\n") :].split("\n## ", 2)[1]


def test_the_layers_are_those_that_import_linter_checks() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = next(one for one in project["tool"]["importlinter"]["contracts"] if one["type"] == "layers")
    shown = re.findall(r"^```\n(.*?)^```", section("Layers"), re.DOTALL | re.MULTILINE)
    assert [text.splitlines() for text in shown] == [[layer.replace("mids.", "") for layer in contract["layers"]]]


def test_every_folder_has_its_row() -> None:
    rows = re.findall(r"^\| `(\w+)/` \|", section("Where things are"), re.MULTILINE)
    assert sorted(rows) == sorted(path.parent.name for path in (ROOT / "mids").glob("*/__init__.py"))


def test_every_path_that_is_named_exists() -> None:
    named = re.findall(r"`((?:mids|schemas|docs|tests|example_datasets|benchmarks)/[\w./<>-]*)`", PAGE)
    assert len(named) > 20
    paths = {name.replace("<name>", "dicom") for name in named}
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def functions(path: Path) -> Iterator[tuple[str, list[str]]]:
    """The functions of a module or of a folder's modules, each with the names of its arguments but self."""
    for file in sorted(path.glob("*.py")) if path.is_dir() else [path]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                given = [one.arg for one in (*node.args.args, *node.args.kwonlyargs)]
                yield node.name, [name for name in given if name != "self"]


@pytest.mark.parametrize(("calls", "place"), FLOW)
def test_the_steps_have_the_signatures_that_the_table_shows(calls: str, place: str) -> None:
    path = re.findall(r"`(mids/[\w./]+)`", place)[0]
    known = list(functions(ROOT / path))
    for name, arguments in re.findall(r"`(\w+)\((.*?)\)`", calls):
        wanted = arguments.split(", ")
        assert any(own == name and given[: len(wanted)] == wanted for own, given in known), f"{name}({arguments})"


def test_the_table_has_every_stage() -> None:
    assert [re.findall(r"`(\w+)\(", calls)[0] for calls, _ in FLOW] == [
        "read", "build", "compare", "run", "make", "sidecar_texts", "validate",
    ]  # fmt: skip


# --- what knows the name of a collection -------------------------------------------------------------------

EXCEPTIONS: Mapping[str, str] = {
    "cli": "help texts show commands as somebody types them, and policies and profiles by their names",
}
"""Folders and files of mids/ whose code may name a collection, and why. Documentation of code may cite a paper."""
WORDS = re.compile(r"bimcv|padchest|ricord|fidac|mashhad|covid.?19.?ct|chest.?x.?ray|mod-rx", re.IGNORECASE)
"""What our collections are called, in any spelling."""


def texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every name and text of a module, with its line; docstrings and comments are none of its code."""
    documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented:
            yield line, node.value
        for field in ("id", "attr", "name", "arg", "module"):
            value = getattr(node, field, None)
            if isinstance(value, str):
                yield line, value


def knowing() -> Iterator[str]:
    """The places in mids/ that name a collection, but for those of collections and scaffold."""
    for path in sorted((ROOT / "mids").rglob("*.py")):
        place = path.relative_to(ROOT / "mids")
        if place.parts[0] in ("collections", "scaffold", *EXCEPTIONS):
            continue
        for line, text in texts(ast.parse(path.read_text(encoding="utf-8"))):
            if WORDS.search(text):
                yield f"{place.as_posix()}:{line}: {text[:60]}"


def test_what_knows_a_collection_lives_in_it() -> None:
    assert list(knowing()) == []
    assert [
        path for path in (ROOT / "mids").rglob("*.py") if WORDS.search(path.name) and "collections" not in path.parts
    ] == []


def test_every_collection_has_a_word_that_is_looked_for() -> None:
    assert [name for name in collections.names() if not WORDS.search(name)] == ["dicom"]


def test_every_exception_is_needed() -> None:
    for name in EXCEPTIONS:
        files = (ROOT / "mids" / name).rglob("*.py")
        assert any(WORDS.search(text) for file in files for _, text in texts(ast.parse(file.read_text("utf-8"))))


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ('"""As BIMCV has it."""\nX = 1\n"""FIDAC, section 3."""\n# RICORD', False),
        ('X = "bimcv-covid19"', True),
        ("FIDAC_AGES = ()", True),
        ("from mids.collections import fidac", True),
        ("def mashhad(): ...", True),
        ("f(ricord=1)", True),
    ],
)
def test_a_name_in_code_would_be_found(code: str, found: bool) -> None:
    assert any(WORDS.search(text) for _, text in texts(ast.parse(code))) is found
