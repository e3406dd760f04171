"""What the journal knows of the small files of a dataset: sidecars, tables, descriptions."""

import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mids.run.disk import is_inside
from mids.run.journal.database import Database


@dataclass(frozen=True, slots=True)
class Base:
    """What a merge of a small file needs: `ours`, the text that we gave it last, and what it became.

    `merged` is what was written where a person's changes are in it. `before` is what we gave it before that, until it
    is known that the file was moved in.
    """

    ours: bytes
    merged: bytes | None = None
    before: bytes | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """A small file that is about to be moved in: path, size and time, marks (`mids.run.disk.mark`)."""

    path: str
    stamp: tuple[int, int]
    marks: str
    base: Base | None = None


class Written(Database):
    """The small files that we wrote, and what of their content is needed again."""

    def _checked(self, files: Iterable[tuple[str, tuple[int, int]]]) -> Iterator[tuple[str, tuple[int, int]]]:
        """Files of ours; raises `MidsError` where one would lie outside of the dataset."""
        for path, stamp in files:
            if not isinstance(path, str) or not is_inside(path) or not all(isinstance(part, int) for part in stamp):
                raise self._damage()
            yield path, stamp

    def marks(self, path: str) -> str:
        """What tells the content of a file of ours (`mids.run.disk.mark`); empty where it is not known."""
        return str(next(self._ask("SELECT marks FROM marks WHERE path = ?", (path,)), ("",))[0])

    def texts(self) -> dict[str, tuple[int, int]]:
        """The small files (sidecars, tables, descriptions) that we wrote."""
        return dict(self._checked((path, (size, time)) for path, size, time in self._ask("SELECT * FROM texts")))

    def wrote(self, texts: Iterable[Text]) -> None:
        """Records small files as ours before they are moved in."""
        with self._together(lasting=True):
            for text in texts:
                self._do("INSERT OR REPLACE INTO texts VALUES (?, ?, ?)", (text.path, *text.stamp))
                self._do("INSERT OR REPLACE INTO marks VALUES (?, ?)", (text.path, text.marks))
                if text.base is not None:
                    self._set_base(text.path, text.base)

    def base(self, path: str) -> Base | None:
        """What is known of the text of a file; None where an earlier version wrote it."""
        row = next(self._ask("SELECT ours, merged, before FROM bases WHERE path = ?", (path,)), None)
        if row is None:
            return None
        try:
            ours, *others = (None if packed is None else zlib.decompress(packed) for packed in row)
        except (TypeError, zlib.error) as error:
            raise self._damage() from error
        if ours is None:
            raise self._damage()
        return Base(ours, *others)

    def based(self) -> dict[str, bool]:
        """The files of which a base is known, and whether a person's changes are in them."""
        rows = self._ask("SELECT path, merged IS NOT NULL OR before IS NOT NULL FROM bases")
        return {path: bool(is_merged) for path, is_merged in rows}

    def set_bases(self, bases: Iterable[tuple[str, Base]]) -> None:
        """Records bases of files that are in place."""
        with self._together():
            for path, base in bases:
                self._set_base(path, base)

    def _set_base(self, path: str, base: Base) -> None:
        texts = (base.ours, base.merged, base.before)
        packed = (None if text is None else zlib.compress(text, 1) for text in texts)
        self._do("INSERT OR REPLACE INTO bases VALUES (?, ?, ?, ?)", (path, *packed))

    def forget_lines(self, named: re.Pattern[str]) -> None:
        """Drops the lines of bases that name somebody, in the file too (see `Journal.withdraw`)."""
        self._do("PRAGMA secure_delete=ON")
        known = ((path, self.base(path)) for path in self.based())
        stripped = ((path, base, _strip(base, named)) for path, base in known if base is not None)
        self.set_bases([(path, kept) for path, base, kept in stripped if kept != base])
        self._do("VACUUM")
        self._do("PRAGMA wal_checkpoint(TRUNCATE)")


def _strip(base: Base, named: re.Pattern[str]) -> Base:
    def without(text: bytes) -> bytes:
        lines = text.decode("utf-8", "surrogateescape").splitlines(keepends=True)
        return "".join(line for line in lines if not named.search(line)).encode("utf-8", "surrogateescape")

    merged, before = (None if text is None else without(text) for text in (base.merged, base.before))
    return Base(without(base.ours), merged, before)
