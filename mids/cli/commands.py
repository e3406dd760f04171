"""The commands: parse, call, render, exit code. Nothing is decided here.

Exit codes: 0 everything was done or rightly skipped; 1 something was lost or is wrong; 2 wrong usage or
environment; 3 a fault of this program. Heavy modules are imported by the command that needs them, so that --help
is quick.
"""

import argparse
import io
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from mids._version import __version__
from mids.cli import (
    completion,
    convert,
    deidentify,
    diff,
    duplicates,
    export,
    report,
    risk,
    scaffold,
    splits,
    stats,
    validate,
)
from mids.cli.kept import info, init, key, review, where, withdraw
from mids.cli.models import evaluate, label, train
from mids.cli.parsing import EXIT_CODES, Parser
from mids.cli.releases import certify, release, verify
from mids.cli.shared import Interrupts, LiveLine, say
from mids.dataset.disk.progress import watching
from mids.errors import DataError, MidsError, forget_output

_COMMANDS: Mapping[str, ModuleType] = {
    "init": init, "convert": convert, "validate": validate, "deidentify": deidentify, "label": label, "train": train,
    "evaluate": evaluate,
    "risk": risk, "report": report, "review": review,
    "stats": stats, "diff": diff, "duplicates": duplicates, "scaffold": scaffold, "export": export, "splits": splits,
    "info": info, "where": where, "key": key, "withdraw": withdraw,
    "release": release, "verify": verify, "certify": certify,
}  # fmt: skip
"""Each with TEXT (what it does), EXAMPLES, `arguments`, and where they are needed NOTES and CODES (exit codes)."""

_STOPPED = "stopped: finished work is kept; run the same command again to continue"


def main(argv: Sequence[str] | None = None) -> int:
    """The command ``mids``."""
    return _guarded(parsers()["mids"], argv)


def convert_main(argv: Sequence[str] | None = None) -> int:
    """The command ``mids-convert``: the same as ``mids convert``."""
    return _guarded(parsers()["mids-convert"], argv)


def validate_main(argv: Sequence[str] | None = None) -> int:
    """The command ``mids-validate``: the same as ``mids validate``."""
    return _guarded(parsers()["mids-validate"], argv)


def parsers() -> dict[str, Parser]:
    """The parser of each command that is installed, by its name."""
    text = "MIDS datasets: convert medical imaging collections into them, validate them, and work with them."
    mids = Parser("mids", description=text, notes="mids COMMAND --help shows examples and the flags of a command.")
    _add_version(mids)
    commands = mids.add_subparsers(dest="command", metavar="COMMAND", required=True, title="commands")
    for name, module in _COMMANDS.items():
        module.arguments(commands.add_parser(name, help=module.TEXT, **_texts(module)))
    completing = commands.add_parser("completion", help=completion.TEXT, **_texts(completion))
    completion.arguments(completing, parsers)
    single = {"mids": mids}
    for name, module in (("mids-convert", convert), ("mids-validate", validate)):
        single[name] = Parser(name, **_texts(module))
        _add_version(single[name])
        module.arguments(single[name])
    return single


def _texts(module: ModuleType) -> dict[str, Any]:
    """What the help of a command says."""
    return {
        "description": module.TEXT[0].upper() + module.TEXT[1:] + ".",
        "examples": module.EXAMPLES,
        "notes": getattr(module, "NOTES", ""),
        "exit_codes": getattr(module, "CODES", EXIT_CODES),
    }


def _add_version(parser: Parser) -> None:
    parser.add_argument(
        "--version", action="version", version=f"{parser.prog} {__version__}", help="print the version and stop"
    )


def _guarded(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> int:
    """Runs a command; the three outcomes stay apart."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names that are no text are data, and no fault
    typed = list(sys.argv[1:] if argv is None else argv)
    if parser.prog == "mids" and typed[:1] in ([], ["help"], ["version"]):
        typed = ["--version"] if typed[:1] == ["version"] else [*typed[1:], "--help"]
    arguments = parser.parse_args(typed)
    if hasattr(arguments, "jobs"):  # processes share the work: threads of NumPy's OpenBLAS would wait for each other
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with Interrupts(f"{parser.prog}: {_STOPPED}\n") as interrupts, _live(arguments):
        return _flushed(parser, _run(parser, arguments, interrupts))


@contextmanager
def _live(arguments: argparse.Namespace) -> Iterator[None]:
    """Shows on a terminal how far long work is."""
    if not sys.stderr.isatty() or getattr(arguments, "quiet", False) or getattr(arguments, "verbose", False):
        yield
        return
    line = LiveLine()
    with watching(line):
        yield


def _flushed(parser: argparse.ArgumentParser, code: int) -> int:
    """The exit code of a command whose output was written; a reader that went away does not change it."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        forget_output()
    except OSError as error:
        forget_output()
        say(f"{parser.prog}: can't write to standard output ({error.strerror})\n")
        return 2
    return code


def _run(parser: argparse.ArgumentParser, arguments: argparse.Namespace, interrupts: Interrupts) -> int:
    command: Callable[[argparse.Namespace], int] = arguments.run
    try:
        _log_to(getattr(arguments, "log", None))
        return command(arguments)
    except MidsError as error:
        say(f"{parser.prog}: {error}\n")
        return 2
    except DataError as error:  # of the one file without which nothing can be said
        say(f"{parser.prog}: {error.code}: {error}\n")
        return 1
    except KeyboardInterrupt:
        interrupts.tell()
        return 130
    except BrokenPipeError:
        forget_output()
        return 141
    except Exception as error:
        # The text of an unexpected exception may quote a header: print only its place and its type.
        print("".join(traceback.format_tb(error.__traceback__)), type(error).__name__, file=sys.stderr)
        print(f"{parser.prog}: this is a fault of the program: please report the lines above", file=sys.stderr)
        return 3


class _Plain(logging.Formatter):
    """Lines of the log, in which a name can't steer the terminal that shows them."""

    def format(self, record: logging.LogRecord) -> str:
        from mids.issues import escape_lines

        return escape_lines(super().format(record))


def _log_to(path: Path | None) -> None:
    logging.getLogger("mids").addHandler(logging.NullHandler())  # what is logged alone, commands say themselves
    if path is None:
        return
    try:
        handler = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise MidsError(f"can't write the log {path} ({error.strerror}): give another file to --log") from error
    handler.setFormatter(_Plain("%(asctime)s %(levelname)s %(message)s"))
    logging.getLogger("mids").addHandler(handler)
    logging.getLogger("mids").setLevel(logging.INFO)
