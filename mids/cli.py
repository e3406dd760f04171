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

from mids import (
    cli_completion,
    cli_convert,
    cli_deidentify,
    cli_diff,
    cli_export,
    cli_label,
    cli_report,
    cli_risk,
    cli_scaffold,
    cli_validate,
)
from mids._version import __version__
from mids.errors import MidsError

_COMMANDS: Mapping[str, ModuleType] = {
    "convert": cli_convert, "validate": cli_validate, "deidentify": cli_deidentify, "label": cli_label,
    "risk": cli_risk, "report": cli_report, "diff": cli_diff, "scaffold": cli_scaffold, "export": cli_export,
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
    splits = _subcommand(commands, "splits", cli_export.TEXT_SPLITS, cli_export.EXAMPLES_SPLITS)
    cli_export.splits_arguments(splits)
    key = _subcommand(commands, "key", "make the key of pseudonyms", "examples:\n  mids key new ~/keys/study.key\n")
    key.add_argument("action", choices=["new"], help="make a new key")
    key.add_argument("file", type=Path, metavar="FILE", help="where to; must not exist")
    key.set_defaults(run=_key)
    completion = _subcommand(commands, "completion", cli_completion.TEXT, cli_completion.EXAMPLES)
    cli_completion.arguments(completion, parsers)
    convert = _parser("mids-convert", "Convert a source collection into a MIDS dataset.", cli_convert.EXAMPLES)
    cli_convert.arguments(convert)
    validate = _parser("mids-validate", "Validate a MIDS dataset.", cli_validate.EXAMPLES)
    cli_validate.arguments(validate)
    return {"mids": mids, "mids-convert": convert, "mids-validate": validate}


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
    if path is None:
        return
    try:
        handler = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise MidsError(f"the log {path} can't be written: {error.strerror}") from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.getLogger("mids").addHandler(handler)
    logging.getLogger("mids").setLevel(logging.INFO)


def _key(arguments: argparse.Namespace) -> int:
    from mids.deid import keys

    keys.create(arguments.file)
    print(f"made {arguments.file}: keep it outside the dataset; without it a later run gives other ids")
    return 0


if __name__ == "__main__":
    sys.exit(main())
