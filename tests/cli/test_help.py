"""--help of every command: every argument is explained, and every example is one that the command takes."""

import argparse
import re
import shlex
from collections.abc import Iterator, Mapping

import pytest
from places import ROOT

from mids.cli import main, parsers


def commands() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every program and every command of `mids`, by what is typed."""
    for name, parser in parsers().items():
        inner = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
        for action in inner:
            yield from ((f"{name} {command}", known) for command, known in action.choices.items())
        if not inner:
            yield name, parser


COMMANDS: Mapping[str, argparse.ArgumentParser] = dict(commands())
OTHERS = ("pip ", "pytest ", "source ", "<(")
"""Lines of examples that start other programs."""


def examples(parser: argparse.ArgumentParser) -> list[str]:
    """The command lines under "examples:", without what is said beside them."""
    text = (parser.epilog or "").partition("examples:\n")[2].partition("\n\n")[0]
    lines = [line.strip() for line in text.splitlines() if re.match("  [a-z]", line)]
    return [re.split(r" {2,}", line)[0] for line in lines if not line.startswith(OTHERS)]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_argument_is_explained(name: str) -> None:
    for action in COMMANDS[name]._actions:
        assert action.help, f"{name}: {action.dest}"
        assert action.help[0].islower() or not action.help[0].isalpha() or action.help.split()[0].isupper()
        assert action.metavar or action.choices or action.nargs == 0 or not action.option_strings, action.dest


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_are_what_the_command_takes(name: str) -> None:
    lines = examples(COMMANDS[name])
    assert lines
    for line in lines:
        typed = re.split(r" [>|] ", line)[0]
        words = shlex.split(typed, comments=True)
        known = next(known for known in sorted(COMMANDS, key=len, reverse=True) if f"{typed} ".startswith(f"{known} "))
        COMMANDS[known].parse_args(words[len(known.split()) :])  # exits where it does not understand


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_a_terminal_and_names_what_comes_out(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    with pytest.raises(SystemExit) as ended:
        COMMANDS[name].parse_args(["--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0
    assert max(map(len, text.splitlines())) <= 120
    assert "exit codes:" in text
    named = set(re.findall(r"docs/[\w/-]+\.md", text))
    assert all((ROOT / page).is_file() for page in named)


def test_the_programs_themselves(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert all(re.search(rf"^    {name.split()[1]}\b", text, re.MULTILINE) for name in COMMANDS if name[:5] == "mids ")
    assert "mids COMMAND --help" in text
