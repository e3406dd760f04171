"""The commands: one file each, and the parsers that bring them together.

Loading them takes a moment. Ctrl-C in that moment ends the program with a line and exit code 130, as it does later on
(`mids.cli.shared.Interrupts`): nothing has been begun, so nothing has to be finished.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from importlib import import_module

TYPE_CHECKING = False  # typing and argparse take longer to load than all of this
if TYPE_CHECKING:
    import argparse

__all__ = ["convert_main", "main", "parsers", "validate_main"]


class Loading:
    """Has Ctrl-C end the program `name` at once; a command that begins replaces it."""

    is_of_loading = True

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, number: int, frame: object) -> None:
        """Says that the program stops, and ends it without what Python says of that."""
        try:
            os.write(2, f"{self._name}: stopped before it began\n".encode())
        finally:
            os._exit(130)


def main(argv: Sequence[str] | None = None) -> int:
    """The command ``mids``."""
    return _loaded("mids", "main", argv)


def convert_main(argv: Sequence[str] | None = None) -> int:
    """The command ``mids-convert``: the same as ``mids convert``."""
    return _loaded("mids-convert", "convert_main", argv)


def validate_main(argv: Sequence[str] | None = None) -> int:
    """The command ``mids-validate``: the same as ``mids validate``."""
    return _loaded("mids-validate", "validate_main", argv)


def _loaded(name: str, command: str, argv: Sequence[str] | None) -> int:
    _fill_streams()
    before = signal.getsignal(signal.SIGINT)
    is_main = threading.current_thread() is threading.main_thread()
    is_ours = is_main and before is signal.default_int_handler  # else whoever began the program wants otherwise
    loading = Loading(name)
    if is_ours:
        signal.signal(signal.SIGINT, loading)
    try:
        call: Callable[[Sequence[str] | None], int] = getattr(import_module("mids.cli.commands"), command)
        return call(argv)
    finally:
        if is_ours and signal.getsignal(signal.SIGINT) is loading:
            signal.signal(signal.SIGINT, before)


def _fill_streams() -> None:
    """Has standard streams that are closed, as schedulers start programs, lead nowhere.

    Else the next file that is opened would get the number of one, and what is printed with it.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def parsers() -> "dict[str, argparse.ArgumentParser]":
    """The parser of each program."""
    found: dict[str, argparse.ArgumentParser] = import_module("mids.cli.commands").parsers()
    return found
