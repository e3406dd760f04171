"""The lock of a destination: a file that says who writes there, and whose time says that they still do.

SQLite locks the journal as well, but network file systems may not pass its locks on to other computers.
"""

import json
import os
import signal
import socket
import sys
from contextlib import suppress
from multiprocessing import get_context, parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path
from uuid import uuid4

from mids.errors import MidsError

BEAT = 10.0
"""Seconds between two signs of life."""

SILENCE = 120.0
"""Seconds without one, after which who holds the lock counts as gone: twelve beats, for slow disks."""


class Lock:
    """Holds the file `path` while it is entered; raises `MidsError` where somebody else does.

    The file of a process of this computer that has ended, or of another computer that gives no sign of life any more,
    is taken over.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._own = json.dumps(
            {"host": socket.gethostname(), "pid": os.getpid(), "began": _began(os.getpid()), "run": uuid4().hex}
        )
        self._beating: BaseProcess | None = None

    def __enter__(self) -> "Lock":
        try:
            if not self._take() and not (self._set_aside() and self._take()):
                raise MidsError(
                    "another run is writing to DEST: wait until it has ended; if it was on another computer that is "
                    f"off, wait {SILENCE / 60:.0f} minutes"
                )
        except OSError as error:
            raise MidsError(f"can't write {self._path} ({error.strerror}): check permissions and space") from error
        context = get_context("fork") if sys.platform == "linux" else get_context("spawn")
        # A process, not a thread: workers are forked, and a fork copies the locks that threads hold.
        self._beating = context.Process(target=_beat, args=(self._path, self._own), daemon=True)
        self._beating.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._beating is not None:
            self._beating.kill()
            self._beating.join()
        with suppress(OSError):
            if self._path.read_text(encoding="utf-8") == self._own:
                self._path.unlink()

    def check(self) -> None:
        """Raises `MidsError` where somebody else has taken the lock over: this computer was asleep too long."""
        try:
            is_ours = self._path.read_text(encoding="utf-8") == self._own
        except OSError:
            is_ours = False
        if not is_ours:
            raise MidsError("another run has taken DEST over: finished work is kept; run again to continue")

    def _take(self) -> bool:
        """Makes the file in one step, its content included: a link to a finished one is made by one run only."""
        half = self._path.with_name(f"{self._path.name}-{uuid4().hex[:8]}")
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            with os.fdopen(os.open(half, flags, 0o600), "w", encoding="utf-8") as stream:
                stream.write(self._own)
            try:
                os.link(half, self._path)
            except FileExistsError:
                return False
            except OSError:  # a file system without links
                return self._create()
        finally:
            half.unlink(missing_ok=True)
        return True

    def _create(self) -> bool:
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return False
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(self._own)
        return True

    def _set_aside(self) -> bool:
        """Removes the file of who is gone; whether there is none any more."""
        try:
            text = self._path.read_text(encoding="utf-8", errors="replace")
            if self._is_held(text):
                return False
            aside = self._path.with_name(f"{self._path.name}-{uuid4().hex[:8]}")
            self._path.rename(aside)
            is_other = aside.read_text(encoding="utf-8", errors="replace") != text
            if is_other:  # another run was quicker: it gets its own back
                with suppress(OSError):
                    os.link(aside, self._path)
            aside.unlink()
        except FileNotFoundError:
            return True
        return not is_other

    def _is_held(self, text: str) -> bool:
        try:
            held = json.loads(text)
            host, process, began = str(held["host"]), int(held["pid"]), str(held.get("began", ""))
        except (AttributeError, ValueError, TypeError, LookupError):
            return self._age() < SILENCE  # half-written
        if host == socket.gethostname() and os.name == "posix":
            is_same = process != os.getpid() and began == _began(process)  # numbers of processes are used again
            return is_same and _runs(process) and self._age() < SILENCE
        return self._age() < SILENCE

    def _age(self) -> float:
        """Seconds since the last sign of life, by the clock of the disk: that of another computer may differ.

        A sign from the future (the clock was set back since) counts as given now: who lives gives another.
        """
        probe = self._path.with_name(f"{self._path.name}-{uuid4().hex[:8]}")
        try:
            probe.touch(mode=0o600)
            age = probe.stat().st_mtime - self._path.stat().st_mtime
            if age < -SILENCE:
                os.utime(self._path)
            return age
        finally:
            probe.unlink(missing_ok=True)


def _beat(path: Path, own: str) -> None:
    """Gives signs of life until the coordinator has ended, or somebody else has the lock."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    coordinator = parent_process()
    while coordinator is not None and coordinator.is_alive():
        with suppress(OSError):
            if path.read_text(encoding="utf-8") != own:
                return
            os.utime(path)
        coordinator.join(BEAT)


def _began(process: int) -> str:
    """When a process began, as Linux counts it; empty where that is not known."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # another user's
    return True
