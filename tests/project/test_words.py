"""One word for one thing on screen: help, codes, policies and the vocabulary use none that was given up."""

import argparse
import re
from collections.abc import Iterator

import pytest

from mids.cli import parsers
from mids.deid.describe import describe
from mids.deid.policy import preset, presets
from mids.issues import Definition, Level, catalogue
from mids.resources import read_yaml, schemas
from mids.validation.runner import definitions

GIVEN_UP = {
    r"held back|hold back": "withheld, withhold",
    r"pictures?": "2D image",
    r"blacken(ed)?|blacked|made black|blanked": "redact",
    r"cine|loops?": "multi-frame",
    r"image heads?": "header",
    r"mend(ed|s)?": "fix, repair",
}
"""Expressions, and what is said instead."""
CODES = {**catalogue(), **definitions()}


def helps() -> Iterator[tuple[str, str]]:
    for name, parser in parsers().items():
        for command in [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]:
            yield from ((f"{name} {inner}", known.format_help()) for inner, known in command.choices.items())
        yield name, parser.format_help()


def texts() -> Iterator[tuple[str, str]]:
    yield from helps()
    yield from ((code, f"{found.what} {found.why} {found.fix}") for code, found in CODES.items())
    yield from ((f"policy {name}", describe(preset(name))) for name in presets())
    for kind in ("skips.yaml", "entities.yaml", "fields.yaml", "deid/undelivered.yaml", "deid/burned_in.yaml"):
        yield kind, " ".join(_said(read_yaml(schemas() / kind)))


def _said(content: object) -> Iterator[str]:
    """Every description and reason in a file of the vocabulary."""
    if isinstance(content, dict):
        yield from (str(content[key]) for key in ("description", "reason") if isinstance(content.get(key), str))
    if isinstance(content, dict | list):
        for value in content.values() if isinstance(content, dict) else content:
            yield from _said(value)


@pytest.mark.parametrize(("place", "text"), [pytest.param(*found, id=found[0]) for found in texts()])
def test_no_word_that_was_given_up(place: str, text: str) -> None:
    text = re.sub(r"--[a-z-]+( \{[^}]*\})?", "", text)  # names of flags stay
    found = {word[0]: now for old, now in GIVEN_UP.items() if (word := re.search(rf"(?i)\b({old})\b", text))}
    assert not found, place


@pytest.mark.parametrize("definition", CODES.values(), ids=CODES)
def test_every_code_says_what_why_and_what_to_do(definition: Definition) -> None:
    assert all(
        text.endswith(".") and not text.startswith(" ") for text in (definition.what, definition.why, definition.fix)
    )
    assert definition.level is Level.INFO or not definition.fix.startswith("Nothing."), (
        "an error or a warning with nothing to do"
    )
