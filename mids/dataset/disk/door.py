"""The door of a dataset: lists its files, opens them, and keeps account of those that can't be read.

Whoever works on a dataset (Python, report, diff, risk, export, splits) comes through here, so that none of them passes
over in silence what it could not read.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TypeVar

from mids.dataset.disk.folder import require_description
from mids.dataset.disk.tree import CLOSED, Tree, walk
from mids.errors import DataError, MidsError
from mids.issues import Issue, Level

UNREADABLE, LINK_BROKEN = "FILE_UNREADABLE", "LINK_BROKEN"

_FIX = "See what mids validate says of it, and restore the file or correct its permissions."
_ODD = {
    "unreadable": (Level.ERROR, UNREADABLE, "it can't be read: what lies in it is not counted"),
    "broken": (Level.WARNING, LINK_BROKEN, "the link leads nowhere: its content is not counted"),
    "encoding": (Level.ERROR, "NAME_ENCODING", "the name is not UTF-8: the file is not counted"),
}
"""What keeps a dataset from being seen as a whole, by the kind of entry (`tree.Odd`)."""

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Door:
    """The files of one dataset, but those of `closed` folders at the top. Its paths are relative, POSIX.

    Raises `MidsError` where `root` is no folder or holds no dataset_description.json.
    """

    def __init__(self, root: Path, *, closed: frozenset[str] = CLOSED) -> None:
        self.root, self._closed = root.absolute(), closed  # for the working folder may change later
        self._found: dict[tuple[str, str], Issue] = {}
        try:
            require_description(root)
        except OSError as error:
            raise MidsError(f"{root} can't be read ({error.strerror}): correct its permissions") from error

    @cached_property
    def tree(self) -> Tree:
        """Everything that is not hidden, what `.midsignore` names included."""
        tree = walk(self.root, closed=self._closed, heeds_ignore=False, follows_subjects=True)
        for odd in tree.odd:
            if odd.kind in _ODD:
                level, code, message = _ODD[odd.kind]
                self._add(Issue(code, level, message, odd.path, fix=_FIX, origin="dataset"))
        return tree

    @cached_property
    def files(self) -> Sequence[str]:
        """Every file, sorted; a link counts by its own name, wherever it leads (git-annex, shared storage)."""
        links = [odd.path for odd in self.tree.odd if odd.kind in ("broken", "outside")]
        return sorted([*self.tree.files, *(path for path in links if not (self.root / path).is_dir())])

    @property
    def issues(self) -> tuple[Issue, ...]:
        """What could not be read so far, ordered by path."""
        return tuple(sorted(self._found.values(), key=lambda found: (found.path, found.code)))

    def below_subjects(self, folder: str = "") -> list[str]:
        """The files below the subjects' folders of `folder`."""
        start = f"{folder}/sub-" if folder else "sub-"
        return [path for path in self.files if path.startswith(start) and "/" in path[len(start) :]]

    def place(self, path: str) -> Path:
        """Where a file lies; raises `MidsError` where the dataset has no such file."""
        given = PurePosixPath(path)
        try:
            is_there = not given.is_absolute() and ".." not in given.parts and (self.root / path).is_file()
        except OSError:
            is_there = False
        if not is_there:
            raise MidsError(f"{path} is not a file of the dataset: give a path relative to its top folder")
        return self.root / path

    def holds(self, path: str) -> bool:
        """Whether there is such a file; one in a folder that can't be entered is none."""
        try:
            return (self.root / path).is_file()
        except OSError:
            return False

    def read_text(self, path: str) -> str:
        """The text of a file; raises `DataError` FILE_UNREADABLE, and `UnicodeDecodeError` where it is no UTF-8."""
        with opening(path):
            return (self.root / path).read_text(encoding="utf-8-sig")

    def attempt(self, path: str, function: Callable[[], T], otherwise: T) -> T:
        """What `function` reads of a file; `otherwise`, and an Issue is kept, where it raises `DataError`."""
        try:
            return function()
        except DataError as error:
            self.keep(error, path)
            return otherwise

    def keep(self, error: DataError, path: str) -> None:
        """Keeps that something of a file could not be read."""
        self._add(Issue(error.code, Level.ERROR, error.message, path, fix=_FIX, origin="dataset"))

    def _add(self, found: Issue) -> None:
        if (found.code, found.path) not in self._found:
            self._found[found.code, found.path] = found
            _log.warning("%s: %s", found.path, found.message)


@contextmanager
def opening(path: str) -> Iterator[None]:
    """What the system says of a file that can't be read becomes a `DataError` FILE_UNREADABLE."""
    try:
        yield
    except OSError as error:
        raise DataError(UNREADABLE, f"{path} can't be read ({error.strerror or type(error).__name__})") from error
