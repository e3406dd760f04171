"""The command ``mids completion``: scripts that let a shell complete commands, flags, collections and files."""

import argparse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

TEXT = "print a script that completes these commands in a shell"
EXAMPLES = (
    ("source <(mids completion bash)", "for this bash"),
    ("mids completion bash > ~/.local/share/bash-completion/completions/mids", "for every bash"),
    ("mids completion bash --for mids-convert > ~/.mids-convert.bash", "for one command, to source in ~/.bashrc"),
    ("mids completion zsh > ~/.zfunc/_mids", "for zsh, with fpath+=~/.zfunc before compinit"),
    ("mids completion fish > ~/.config/fish/completions/mids.fish", "for fish"),
)
NOTES = """\
The script completes the names of the collections that are installed now: print it again after you install another
package of collections.
"""

Parsers = Callable[[], Mapping[str, argparse.ArgumentParser]]


def arguments(parser: argparse.ArgumentParser, parsers: Parsers) -> None:
    """Adds the command's arguments to its parser; `parsers` gives the parsers of all commands."""
    parser.add_argument("shell", choices=["bash", "zsh", "fish"], help="name of the shell")
    parser.add_argument_group("output").add_argument(
        "--for", dest="program", choices=["mids", "mids-convert", "mids-validate"], default="",
        help="complete only this command (default: all; for zsh, mids)",
    )  # fmt: skip
    parser.set_defaults(run=run, parsers=parsers)


def run(namespace: argparse.Namespace) -> int:
    """Prints the script."""
    import shtab

    from mids import collections

    found: Mapping[str, argparse.ArgumentParser] = namespace.parsers()
    # A file of zsh completes one command: its first line names it.
    only = namespace.program or ("mids" if namespace.shell == "zsh" else "")
    for name, parser in found.items():
        if only in ("", name):
            _completed(parser, collections.names(), shtab.FILE)
            print(shtab.complete(parser, namespace.shell))
    return 0


def _completed(parser: argparse.ArgumentParser, collections: list[str], file: object) -> None:
    """Says of each argument what can stand there: files, or the names of the collections."""
    for action in _actions(parser):
        if action.metavar == "COLLECTION":
            action.choices = collections
        elif action.type is Path or action.dest in ("source", "dest", "dataset", "about"):
            action.complete = file  # type: ignore[attr-defined]


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """The arguments of a parser and of its subcommands."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from _actions(inner)
        else:
            yield action
