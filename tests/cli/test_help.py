"""--help of every command: every argument is explained, and every example is one that the command takes."""

import argparse
import re
import shlex
from collections.abc import Iterator, Mapping

import pytest
from places import ROOT

from mids.cli import main, parsers
from mids.cli.parsing import Parser


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
    """The command lines of the examples that start one of these programs."""
    assert isinstance(parser, Parser)
    return [command for command, _ in parser.examples if not command.startswith(OTHERS)]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_argument_is_explained(name: str) -> None:
    for action in COMMANDS[name]._actions:
        if action.help == argparse.SUPPRESS:  # a former name
            continue
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


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_a_terminal_and_breaks_no_word(
    name: str, columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_help(width: int) -> str:
        monkeypatch.setenv("COLUMNS", str(width))
        with pytest.raises(SystemExit) as ended:
            COMMANDS[name].parse_args(["--help"])
        assert ended.value.code == 0
        return capsys.readouterr().out

    text = read_help(columns)
    assert max(map(len, text.splitlines())) <= columns
    monkeypatch.setattr("mids.cli.parsing.WIDEST", 100_000)
    assert text.split() == read_help(100_000).split()
    named = set(re.findall(r"docs/[\w/-]+\.md", text))
    assert all((ROOT / page).is_file() for page in named)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_begins_with_examples_and_ends_in_exit_codes(name: str) -> None:
    text = COMMANDS[name].format_help()
    titles = re.findall(r"^([a-z ]+):$", text, re.MULTILINE)
    assert titles[0] == "examples"
    assert titles[-2:] == ["print and stop", "exit codes"]


def test_a_former_flag_works_and_warns(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deidentify", "--profile", "basic", "--describe"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("Policy basic")
    assert said.err == "warning: --profile is now called --policy: use --policy\n"
    assert "--profile" not in COMMANDS["mids deidentify"].format_help()


def test_the_programs_themselves(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert all(re.search(rf"^  {name.split()[1]}\b", text, re.MULTILINE) for name in COMMANDS if name[:5] == "mids ")
    assert "mids COMMAND --help" in text
