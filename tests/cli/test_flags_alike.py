"""A flag has one meaning in all commands: what is different about it is listed here, with the reason."""

import argparse
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from mids import cli

DIFFERENT: Mapping[str, str] = {
    "--output": "what is written differs: a table, a model, a page, a folder",
    "--format": "validate writes several reports at once, each perhaps to a file",
    "--issuer": "withdraw asks about one patient, and the others about all of a source",
    "--list": "each command lists what can be chosen in it",
    "--detect": "certify always searches: it has no none",
    "--column": "evaluate knows two columns, train learns any",
    "--images": "a former name in risk",
    "--again": "a former name in verify",
    "--model": "a former name in convert and deidentify",
    "--profile": "a former name in deidentify",
}


def flags() -> Iterator[tuple[str, str, argparse.Action]]:
    """Command, flag, and how the command takes it; former names, which help does not show, are left out."""
    inner = next(each for each in cli.parsers()["mids"]._actions if isinstance(each, argparse._SubParsersAction))
    for name, parser in inner.choices.items():
        for action in parser._actions:
            for flag in action.option_strings:
                if flag.startswith("--") and action.help != argparse.SUPPRESS:
                    yield name, flag, action


def meaning(action: argparse.Action) -> tuple[object, ...]:
    """What a flag means, whatever its default is."""
    said = re.sub(r" \(default: .*?\)", "", str(action.help))
    return said, action.metavar, action.type, type(action), tuple(action.choices or ())


def test_a_flag_means_one_thing() -> None:
    found: dict[str, set[tuple[object, ...]]] = defaultdict(set)
    for _, flag, action in flags():
        found[flag].add(meaning(action))
    assert {flag for flag, meanings in found.items() if len(meanings) > 1} - set(DIFFERENT) == set()


def test_what_is_called_different_is_so() -> None:
    commands: dict[str, set[str]] = defaultdict(set)
    for name, flag, _ in flags():
        commands[flag].add(name)
    former = {flag for flag, reason in DIFFERENT.items() if reason.startswith("a former name")}
    assert all(len(commands[flag]) <= 1 for flag in former), "two commands show it: give it one meaning"
    assert all(len(commands[flag]) > 1 for flag in set(DIFFERENT) - former)


@pytest.mark.parametrize(
    ("typed", "now"),
    [
        (("risk", "--images"), "--shared-images"), (("verify", "--again"), "--reread"),
        (("certify", "--verify"), "--check"),
    ],
)  # fmt: skip
def test_a_former_name_is_taken_and_told(
    typed: tuple[str, str], now: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([typed[0], str(tmp_path / "absent"), typed[1]]) == 2
    assert f"{typed[1]} is now called {now}" in capsys.readouterr().err
    assert cli.main([typed[0], str(tmp_path / "absent"), now]) == 2
    assert "is now called" not in capsys.readouterr().err


def test_the_former_name_of_a_model_for_texts_is_the_same_choice(capsys: pytest.CaptureFixture[str]) -> None:
    for flag in ("--model", "--text-model"):
        assert cli.convert_main(["--describe", flag, "spacy:absent"]) in (0, 2)
    said = capsys.readouterr()
    assert said.err.count("is now called --text-model") == 1
