"""The commands: parse, call, render, exit code. Nothing is decided here.

Exit codes: 0 everything done or rightly skipped; 1 something was lost or is wrong; 2 use or environment is
wrong; 3 a fault of this program. Heavy modules are imported by the command that needs them, so that --help
is quick.
"""

import argparse
import logging
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from mids._version import __version__
from mids.cli import completion, convert, deidentify, diff, export, key, label, report, risk, scaffold, splits, validate
from mids.errors import MidsError

_COMMANDS: Mapping[str, ModuleType] = {
    "convert": convert, "validate": validate, "deidentify": deidentify, "label": label, "risk": risk, "report": report,
    "diff": diff, "scaffold": scaffold, "export": export, "splits": splits, "key": key,
}  # fmt: skip
"""Each with TEXT (what it does), EXAMPLES and `arguments`."""
EXIT_CODES = "exit codes: 0 done, 1 something is wrong with the data, 2 usage or environment, 3 our bug\n"


def main(argv: Sequence[str] | None = None) -> int:
    """The command ``mids``."""
    return _guarded(parsers()["mids"], argv)


def convert_main(argv: Sequence[str] | None = None) -> int:
    """The command ``mids-convert``: the same as ``mids convert``."""
    return _guarded(parsers()["mids-convert"], argv)


def validate_main(argv: Sequence[str] | None = None) -> int:
    """The command ``mids-validate``: the same as ``mids validate``."""
    return _guarded(parsers()["mids-validate"], argv)


def parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command that is installed, by its name."""
    text = "MIDS datasets: convert medical imaging collections into them, validate them, and work with them."
    mids = _parser("mids", text, "mids COMMAND --help shows the flags of a command, with examples.\n")
    commands = mids.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, module in _COMMANDS.items():
        module.arguments(_subcommand(commands, name, module.TEXT, module.EXAMPLES))
    completion.arguments(_subcommand(commands, "completion", completion.TEXT, completion.EXAMPLES), parsers)
    single = {"mids": mids}
    for name, text, module in (
        ("mids-convert", "Convert a source collection into a MIDS dataset.", convert),
        ("mids-validate", "Validate a MIDS dataset.", validate),
    ):
        single[name] = _parser(name, text, module.EXAMPLES)
        module.arguments(single[name])
    return single


class _Parser(argparse.ArgumentParser):
    """Wrong use is one line and exit code 2, as every `MidsError`; argparse puts its usage in front."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}: see {self.prog} --help\n")


def _parser(name: str, description: str, epilog: str) -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = _Parser(name, description=description, epilog=epilog, formatter_class=raw)
    parser.add_argument("--version", action="version", version=f"{name} {__version__}")
    return parser


def _subcommand(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, text: str, epilog: str
) -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    epilog += "" if "exit codes:" in epilog else f"\n{EXIT_CODES}"
    return commands.add_parser(
        name, help=text, description=text[0].upper() + text[1:] + ".", epilog=epilog, formatter_class=raw
    )


def _guarded(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> int:
    """Runs a command; the three outcomes stay apart."""
    arguments = parser.parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.run
    try:
        _log_to(getattr(arguments, "log", None))
        return command(arguments)
    except MidsError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{parser.prog}: stopped; what is finished is kept, run again to go on", file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except Exception as error:
        # The text of an unexpected exception may quote a header: only where it happened and its type are told.
        print("".join(traceback.format_tb(error.__traceback__)), type(error).__name__, file=sys.stderr)
        print(f"{parser.prog}: this is a fault of the program; please report the lines above", file=sys.stderr)
        return 3


def _log_to(path: Path | None) -> None:
    logging.getLogger("mids").addHandler(logging.NullHandler())  # what is logged alone, commands say themselves
    if path is None:
        return
    try:
        handler = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise MidsError(f"the log {path} can't be written: {error.strerror}") from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.getLogger("mids").addHandler(handler)
    logging.getLogger("mids").setLevel(logging.INFO)
