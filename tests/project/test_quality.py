"""The project's own rules, as tools check them: style, types, layers, spelling."""

import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

BIN = Path(sys.executable).parent

TOOLS = {
    "ruff check": ["ruff", "check", "."],
    "ruff format": ["ruff", "format", "--check", "."],
    "mypy": ["mypy"],
    "import-linter": ["lint-imports"],
    "codespell": ["codespell", "mids", "schemas", "docs", "tests", "benchmarks", "README.md", "CHANGELOG.md"],
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name == "mypy" else ()) for name in TOOLS]
)
def test_tools_find_nothing(name: str) -> None:
    command, *arguments = TOOLS[name]
    done = subprocess.run([BIN / command, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
