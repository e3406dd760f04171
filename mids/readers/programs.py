"""Other programs, with a time that they may take: it grows with what they are given."""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from threading import Timer
from typing import IO

from mids.errors import DataError

_BASE = 20.0
"""Seconds for the smallest input, on a busy machine too."""

_SPEED = 1e6
"""Bytes a second of input, as from a slow network share."""


def limit_seconds(size: int, *, base: float = _BASE) -> float:
    """How long a program may take for so many bytes of input."""
    return base + size / _SPEED


def run_program(
    command: Sequence[str], *, seconds: float, given: bytes = b"", environment: dict[str, str] | None = None,
    name: str = "",
) -> subprocess.CompletedProcess[bytes]:  # fmt: skip
    """Runs a program to its end, with what it said; messages call it `name`, or by its file.

    Raises `DataError` ``TIME_LIMIT`` where it takes longer, after it was ended with all that it started, and `OSError`
    where it can't be started.
    """
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
        start_new_session=os.name == "posix",
    ) as process:  # fmt: skip
        try:
            out, err = process.communicate(given, seconds)
        except subprocess.TimeoutExpired:
            end_program(process)
            message = f"{name or Path(command[0]).name} did not end within {seconds:.0f} s and was stopped"
            raise DataError("TIME_LIMIT", message) from None
        except BaseException:
            end_program(process)
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def end_program(process: "subprocess.Popen[bytes]") -> None:
    """Ends a program, and what it started where that has a session of its own."""
    try:
        if os.name == "posix" and os.getpgid(process.pid) == process.pid:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except ProcessLookupError:
        pass  # it has just ended


class Watched:
    """The output of a program, which is ended where it is silent for too long: its reader never waits for ever."""

    def __init__(self, process: "subprocess.Popen[bytes]", seconds: float) -> None:
        assert process.stdout is not None
        self._process, self._seconds = process, seconds
        self._stream: IO[bytes] = process.stdout

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, none at the end, or where the program was ended."""
        timer = Timer(self._seconds, end_program, (self._process,))
        timer.daemon = True
        timer.start()
        try:
            return self._stream.read(size)
        finally:
            timer.cancel()
