"""Documentation: generated parts are fresh, links lead somewhere, and what is named exists."""

import argparse
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from places import ROOT

from mids.issues import catalogue
from mids.plan.curation import FIELDS
from mids.readers.given.curation import COLUMNS
from mids.validation.runner import definitions

sys.path.insert(0, str(ROOT / "docs"))

import make_pages

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "example_datasets" / "README.md"])
NAMES = [path.relative_to(ROOT).as_posix() for path in PAGES]
NO_CODES = {"LINEAR_EXACT"}
"""Words in code that look like codes of issues and are values of DICOM attributes."""


@pytest.fixture(params=PAGES, ids=NAMES)
def page(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def prose(path: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors(path: Path) -> set[str]:
    """What can follow # in a link to a page: its headings, as GitHub spells them."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def shell_lines(path: Path) -> Iterator[str]:
    for block in re.findall(r"^```sh\n(.*?)^```$", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        yield from (line for line in block.splitlines() if re.match(r"mids(-convert|-validate)? ", line))


def test_generated_parts_are_fresh() -> None:
    fresh = make_pages.generate_pages()
    assert {path.name for path in fresh} >= {"codes.md", "commands.md", "dicom.md", "fidac.md"}
    for path, text in fresh.items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is stale: python docs/make_pages.py"


def test_every_flag_and_code_has_its_row() -> None:
    commands = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    for command, flags in FLAGS.items():
        for flag in flags - FORMER[command] - {"-h", "--help"}:
            assert any(flag in line and f"`{command}`" in line for line in commands.splitlines() if line[:1] == "|")
    codes = (ROOT / "docs" / "codes.md").read_text(encoding="utf-8")
    for code in (*catalogue(), *definitions()):
        assert f"\n| `{code}` | " in codes


def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        place = (page.parent / file).resolve() if file else page
        assert place.exists(), target
        assert place.is_relative_to(ROOT.resolve()), target
        assert not anchor or anchor in anchors(place), target


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    for path in (ROOT / "docs").rglob("*.md"):
        assert path.name == "README.md" or f"]({path.relative_to(ROOT / 'docs').as_posix()})" in index


def test_codes_that_are_named_exist(page: Path) -> None:
    if page.name == "vocabulary.md" or "example_datasets" in page.parts:
        pytest.skip("names values of DICOM and constants, no codes of issues")
    known = {*catalogue(), *definitions(), *NO_CODES}
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", prose(page)))
    assert named <= known


FLAGS_OF_DASK = {"--nthreads", "--nworkers", "--memory-limit", "--host", "--no-dashboard"}
FLAGS_OF_OTHERS = {
    "--bind", "--build-arg", "--containall", "--depth", "--draft", "--file", "--network", "--pwd", "--rm", "--strict",
    "--tag", "--user", "--volume",
}  # fmt: skip
"""Those of git, Docker, Apptainer, towncrier and twine."""
FLAGS = {name: set(parser._option_string_actions) for name, parser in make_pages.parsers().items()}

FORMER = {
    name: {flag for action in parser._actions if action.help == argparse.SUPPRESS for flag in action.option_strings}
    for name, parser in make_pages.parsers().items()
}
"""Names that still work, and are documented no more."""


def test_flags_that_are_named_exist(page: Path) -> None:
    known = set().union(*FLAGS.values()) | {"--version"} | FLAGS_OF_DASK | FLAGS_OF_OTHERS
    assert set(re.findall(r"(?<![\w<-])--[a-z][a-z-]*", page.read_text(encoding="utf-8"))) <= known


def test_commands_of_examples_are_understood(page: Path) -> None:
    parsers = make_pages.parsers()
    for line in shell_lines(page):
        command, *arguments = shlex.split(line.split(" > ")[0].replace("mids-", "mids ", 1), comments=True)[1:]
        parsers[command].parse_args(arguments)  # exits where it does not understand


def test_the_curation_page_names_every_field_and_column() -> None:
    text = (ROOT / "docs" / "curation.md").read_text(encoding="utf-8")
    for name in (*FIELDS, "exclude", "blank", *COLUMNS):
        assert f"`{name}`" in text
    assert "\n```\n" + "\t".join(COLUMNS) + "\n" in text
