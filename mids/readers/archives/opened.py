"""Archives that stay open, so that asking for one member after the other costs one pass and not one each."""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from mids.errors import DataError
from mids.readers.archives.containers import Container, Member, open_container, open_inner, unpack
from mids.readers.archives.kinds import recognise
from mids.readers.archives.streams import MEMBER_LIMIT, Budget, Unpacked
from mids.readers.archives.volumes import open_pieces, pieces

_ANY = MEMBER_LIMIT
_MOST = 4
"""Archives that a thread keeps open."""


def open_file(path: Path) -> tuple[BinaryIO, Container | None]:
    """A stream on a file, and the archive that it is, or is the first volume of; None where it is none.

    Raises `DataError` ``ARCHIVE_UNREADABLE``, and `OSError`.
    """
    stream = open_pieces([path])
    try:
        kind = recognise(stream, path.name)
        if kind is None:
            return stream, None
        parts = [path] if kind.reader == "7-Zip" and path.name[-3:].isdigit() else pieces(path)
        if len(parts) > 1 or kind.begin:
            stream.close()
            stream = open_pieces(parts, kind.begin)
        return stream, open_container(stream, path.name, kind)
    except BaseException:
        stream.close()
        raise


class Opened:
    """An archive of `packed` bytes that stays open; `find` finds one anew that can be read only once."""

    def __init__(self, container: Container, packed: int, find: Callable[[], Container] | None = None) -> None:
        self.container, self._packed, self._find = container, packed, find
        self._rest: Generator[Member] | None = None
        self._inner: dict[str, Opened] = {}

    def close(self) -> None:
        """Ends what is under way, so that no program and no temporary file is left."""
        if self._rest is not None:
            self._rest.close()
        self._rest = None
        for inner in self._inner.values():
            inner.close()
        self._inner.clear()

    def members(self) -> Generator[Member]:
        """A new pass over every file in it, archives inside it entered, in its own order."""
        self.close()  # two passes can't share a stream
        if self._find:
            self.container = self._find()
        return unpack(self.container, Budget(self._packed))

    def member(self, name: str) -> Unpacked | None:
        """One file in it, None where there is none of its name."""
        return next((content for _, content in self.picked({name})), None)

    def picked(self, names: set[str]) -> Iterator[tuple[str, Unpacked]]:
        """Some files of it; each can be read until the next is asked for."""
        return self._at_hand(names) if self.container.is_random else self._passed(set(names))

    def _at_hand(self, names: set[str]) -> Iterator[tuple[str, Unpacked]]:
        """What can be found by its name, and in archives inside it what they hold."""
        inside: dict[str, set[str]] = {}
        for name in sorted(names):
            if (content := self.container.find(name)) is not None:
                yield name, content
                continue
            parts = name.split("!")
            outers = ("!".join(parts[:count]) for count in range(1, len(parts)))
            outer = next((outer for outer in outers if outer in self._inner or self.container.find(outer)), None)
            if outer is not None:
                inside.setdefault(outer, set()).add(name[len(outer) + 1 :])
        for outer, wanted in inside.items():
            for name, content in self._entered(outer).picked(wanted):
                yield f"{outer}!{name}", content

    def _entered(self, name: str) -> "Opened":
        """The archive inside this one; one is kept open, for files are mostly asked for archive by archive."""
        if name not in self._inner:
            self.close()
            find = partial(self._open_inner, name)
            self._inner = {name: Opened(find(), _ANY, find)}
        return self._inner[name]

    def _open_inner(self, name: str) -> Container:
        content = self.container.find(name)
        kind = recognise(cast(BinaryIO, content), name) if content is not None else None
        if content is None or kind is None:
            raise DataError("ARCHIVE_UNREADABLE", "an archive inside it is no longer an archive")
        return open_inner(Member(name, 0, content), kind, Budget(_ANY))

    def _passed(self, wanted: set[str]) -> Iterator[tuple[str, Unpacked]]:
        """In the order in which they come: from where the last pass stopped to the end, then from the start."""
        is_fresh = self._rest is None
        while True:
            rest = self.members() if self._rest is None else self._rest
            self._rest = rest
            for member in rest:
                if member.name in wanted:
                    wanted.remove(member.name)
                    yield member.name, member.content
                    if not wanted:
                        return
            self._rest = None
            if is_fresh:
                return
            is_fresh = True


class _Thread(threading.local):
    """The archives that this thread keeps open, the latest last."""

    def __init__(self) -> None:
        self.opened: OrderedDict[tuple[str, int, int, int], tuple[BinaryIO, Opened]] = OrderedDict()
        self.process = os.getpid()


_thread = _Thread()
_inherited: list[object] = []
"""What a forked process got from its parent: it shares files with that, and neither uses nor ends it."""


def opened(path: Path) -> Opened:
    """An archive that is open already, or is opened now; one that changed on disk is opened anew.

    Raises `DataError` ``ARCHIVE_UNREADABLE`` where it is none, and `OSError`.
    """
    if _thread.process != os.getpid():
        _inherited.append(_thread.opened)
        _thread.opened, _thread.process = OrderedDict(), os.getpid()
    status = path.stat()
    key = (str(path), status.st_size, status.st_mtime_ns, status.st_ino)
    known = _thread.opened
    if key not in known:
        stream, container = open_file(path)
        if container is None:
            stream.close()
            raise DataError("ARCHIVE_UNREADABLE", "the file is no longer an archive")
        known[key] = stream, Opened(container, sum(part.stat().st_size for part in pieces(path)))
        while len(known) > _MOST:
            _close(*known.popitem(last=False)[1])
    known.move_to_end(key)
    return known[key][1]


def close_all() -> None:
    """Lets go of the archives of this thread while the interpreter can still close them."""
    while _thread.process == os.getpid() and _thread.opened:
        _close(*_thread.opened.popitem()[1])


def _close(stream: BinaryIO, archive: Opened) -> None:
    archive.close()
    stream.close()
