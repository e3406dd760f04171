"""The page on collections is enough: what it makes in an empty folder imports three modules and is valid at once."""

import ast
import re
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from doc_blocks import Block, blocks, run

from mids import collecting

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "add-a-collection.md").read_text(encoding="utf-8")
BEGIN = PAGE.index("\n## Pictures and volumes with a table\n")
DICOM, BLOCKS = blocks(PAGE[:BEGIN]), blocks(PAGE[BEGIN:])
FACES = {"mids", "mids.collecting", "mids.testing"}
PACKAGES = [
    *sorted((ROOT / "example_datasets" / "plugin").rglob("*.py")),
    *sorted((ROOT / "mids" / "scaffold" / "templates").glob("*.py.txt")),
]


def imported(code: str) -> set[str]:
    """The modules of mids that a module imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "mids":
            found |= {f"mids.{name}" if f"mids.{name}" in FACES else "mids" for name in (a.name for a in node.names)}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
    return {name for name in found if name.split(".")[0] == "mids"}


def follow(page: list[Block], folder: Path) -> None:
    """Does in a folder what a page says."""
    wrong = [problem for block in page for problem in run(block, folder, Path(sys.executable).parent)]
    assert wrong == [], "\n".join(wrong)


@pytest.mark.slow
def test_the_first_command_makes_the_package_that_is_explained(tmp_path: Path) -> None:
    follow(DICOM, tmp_path)
    assert (tmp_path / "our_hospital" / "mids_our_hospital" / "vocabulary.yaml").is_file()


@pytest.mark.slow
def test_the_page_makes_a_collection_that_is_valid_at_the_first_try(tmp_path: Path) -> None:
    assert [block.file for block in BLOCKS if block.file] == [
        "pyproject.toml", "make_input.py", "mids_village/vocabulary.yaml", "mids_village/__init__.py", "make_golden.py",
        "tests/test_village.py",
    ]  # fmt: skip
    follow(BLOCKS, tmp_path)
    tables = {
        path.name: path.read_text(encoding="utf-8").splitlines() for path in tmp_path.rglob("my_dataset/**/*.tsv")
    }
    assert tables["participants.tsv"][0].split("\t") == [
        "participant_id", "age", "sex", "modalities", "body_parts", "smoker", "smoker_raw",
    ]  # fmt: skip
    sidecars = [path.read_text(encoding="utf-8") for path in (tmp_path / "my_dataset").glob("sub-*/ses-*/mim-*/*.json")]
    assert sorted(re.findall(r'"Modality": "(\w+)"', "".join(sidecars))) == ["CT", "DX", "DX"]


@pytest.mark.parametrize(
    "code",
    [
        *(pytest.param(block.code, id=block.file) for block in BLOCKS if block.file.endswith(".py")),
        *(pytest.param(path.read_text(encoding="utf-8"), id=path.name) for path in PACKAGES),
    ],
)
def test_a_package_needs_three_modules(code: str) -> None:
    assert imported(code) <= FACES


def test_an_inner_module_would_be_found() -> None:
    code = "import mids.records\nfrom mids import clinical, testing\nfrom mids.readers.dicom import scan\nimport numpy"
    assert imported(code) == {"mids", "mids.records", "mids.testing", "mids.readers.dicom"}


@pytest.mark.parametrize(
    "name", ["Person", "Visit", "Entry", "Regions", "MaskFile", "Skipped", "Source", "Outline", "Geometry"]
)
def test_the_page_names_every_field_of_an_item(name: str) -> None:
    row = re.search(rf"^\| `{name}` \|.*\| (.*) \|$", PAGE, re.MULTILINE)
    assert row
    assert re.findall(r"`(\w+)`", row[1]) == [field.name for field in fields(getattr(collecting, name))]


def test_the_page_names_every_field_of_a_record() -> None:
    table = PAGE[PAGE.index("\n## Fields of a record\n") :]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [field.name for field in fields(collecting.Record)]


def test_what_is_public_is_there_and_described() -> None:
    for name in collecting.__all__:
        assert hasattr(collecting, name)
    named = set(re.findall(r"`(\w+)[`(]", PAGE))
    assert {"find_file", "read_csv", "left_out", "subject_key", "study_key", "picture_size", "walk", "issue"} <= named
