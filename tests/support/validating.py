"""Broken datasets in the current folder, and the command that validates them."""

import json
from pathlib import Path

from example_datasets import generate_broken as generator
from mids import cli

TWO = ("CELL_TYPE", "README_MISSING")
"""Codes of an error and a warning."""


def broken(*codes: str) -> str:
    """A dataset, in the current folder, of files that raise these codes."""
    files: generator.Files = {}
    changes = [generator.BROKEN[code]() for code in codes]
    whole = generator.radiograph()
    for change in changes:
        files |= {path: content for path, content in change.items() if whole.get(path) != content}
    removed = {path for path in whole for change in changes if path not in change}
    kept = {path: content for path, content in whole.items() if path not in removed}
    generator.write(kept | files, Path("set"))
    return "set"


def run(*arguments: str) -> int:
    return cli.validate_main(arguments)


def found(*arguments: str) -> tuple[int, list[str]]:
    """The exit code, and the codes of the issues."""
    code = run(*arguments, "--format=json=out.json")
    return code, [issue["code"] for issue in json.loads(Path("out.json").read_text())["issues"]]
