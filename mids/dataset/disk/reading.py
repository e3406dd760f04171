"""Files of a large dataset, read with as few calls of the system as can be: `open` asks for more than it needs."""

import os
from os import PathLike
from types import TracebackType

_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class Raw:
    """A file that is open for reading, without a buffer. Raises `OSError` with the path."""

    __slots__ = ("_file", "_path")

    def __init__(self, path: str | PathLike[str]) -> None:
        self._path = path
        self._file = os.open(path, _FLAGS)

    def __enter__(self) -> "Raw":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        os.close(self._file)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = self._path

    def read(self, count: int) -> bytes:
        """The next bytes: `count` of them, fewer only where the file ends."""
        return os.read(self._file, count)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Moves to a place, as `io.IOBase.seek` does; returns it."""
        return os.lseek(self._file, offset, whence)


def read_whole(path: str | PathLike[str], size: int) -> bytes:
    """All of a file that had `size` bytes when it was listed."""
    with Raw(path) as stream:
        data = stream.read(size + 1)
        if len(data) == size:
            return data
        # It changed meanwhile, or is no plain file.
        parts = [data]
        while parts[-1]:
            parts.append(stream.read(1 << 20))
        return b"".join(parts)
