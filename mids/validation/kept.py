"""Results of earlier validations, outside of the dataset: what did not change is not looked at again.

One file for a dataset and a choice of checks, in the cache folder of the user and readable by nobody else. It has a
line for what concerns the dataset as a whole and one for each subject, in the order in which they are checked: lines
that still hold are passed on, the others are written anew into a file that replaces the old one at the end. So memory
does not grow with the dataset, two runs at a time do no harm, and a line that is damaged is as good as none.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from pathlib import Path
from shutil import rmtree
from typing import IO, BinaryIO

import platformdirs

from mids.inspection.facts import Facts
from mids.inspection.registry import CHECKS
from mids.issues import Issue
from mids.resources import schemas
from mids.validation.checking import WHOLE, Unit, origin_of
from mids.validation.marks import BY_ROW, COMMON, OTHER, Marks, of_folder, rows_of
from mids.validation.outcome import CRASHED

FORMAT = "1"
MOST = 50_000
"""Issues that the line of a subject holds at most: more are found again."""
PASSING = frozenset({CRASHED.code, "FILE_UNREADABLE", "PIXELS_CHANGED"})
"""Codes of what may be another thing the next time although no file of the subject changed."""
LEFTOVER = 24 * 3600
"""Seconds after which a new file that replaced no old one belongs to a run that was killed."""
_DEPENDENCIES = ("bidsschematools", "jsonschema", "numpy", "pyyaml")


def folder() -> Path:
    """Where results are kept."""
    return Path(platformdirs.user_cache_dir("mids")) / "validate"


def clear() -> None:
    """Removes the results of all datasets."""
    rmtree(folder(), ignore_errors=True)


class Kept:
    """The results of one dataset: which still hold, and how to pass them on."""

    def __init__(self, root: Path, marks: Marks, facts: Facts, options: str) -> None:
        self._root, self._marks = root, marks
        base = digest(_program(), options, _text_of(facts))
        rows = [rows_of(root / path) for path in sorted(BY_ROW)]
        whole = digest(base, *marks.all(), of_folder(root / "code", by_content=marks.by_content))
        self._names = [WHOLE, *sorted(marks.holders - {COMMON, OTHER})]
        self._keys = {
            name: digest(base, marks.of(COMMON), marks.of(name), *(row(name) for row in rows)) if name else whole
            for name in self._names
        }
        self._path = folder() / f"{digest(str(root.resolve()), options)}.tsv"

    def through(self, find: Callable[[frozenset[str]], Iterator[Unit]]) -> Iterator[Issue]:
        """The issues of all units in their order; `find` gives the units with the names that it is given, in it too."""
        with _open(self._path) as old:
            every = {line.name: self._holds(line) for line in _lines(old)}
            hits = frozenset(name for name, holds in every.items() if holds)
            found = find(frozenset(self._names) - hits)
            lines = (line for line in _lines(old) if line.name in hits)
            if every.keys() == hits == set(self._names):
                for line in lines:
                    yield from line.issues()
            else:
                yield from self._renewed(lines, hits, found)

    def _renewed(self, lines: Iterator["_Line"], hits: frozenset[str], found: Iterator[Unit]) -> Iterator[Issue]:
        """All issues, while a new file is written; `lines` are those of `hits`."""
        with _New(self._path) as new:
            try:
                for name in self._names:
                    if name in hits:
                        line = next(lines)
                        new.write(line.data)
                        yield from line.issues()
                    else:
                        yield from self._noted(next(found), new)
            finally:
                for line in lines:  # of a run that was stopped nothing is lost
                    new.write(line.data)

    def _noted(self, unit: Unit, new: "_New") -> Iterator[Issue]:
        """The issues of a unit, which are written down when they are known."""
        issues: list[Issue] = []
        passing = False
        for issue in unit.issues:
            yield issue
            passing = passing or issue.code in PASSING or issue.code not in CHECKS
            if len(issues) <= MOST:
                issues.append(issue)
        if len(issues) <= MOST and not passing and self._is_settled(unit.name):
            new.write(_Line.made(unit.name, self._keys[unit.name], unit.asked, issues).data)

    def _is_settled(self, name: str) -> bool:
        parts = {name, COMMON, OTHER} if name else {*self._names, COMMON, OTHER}
        return all(self._marks.is_settled(part) for part in parts)

    def _holds(self, line: "_Line") -> bool:
        """Whether nothing that a result depends on is another."""
        return self._keys.get(line.name) == line.key and all(
            os.path.lexists(self._root / path) is was for path, was in line.asked.items()
        )


# --- the file --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Line:
    """The result of a unit as it is written: five cells of JSON or hexadecimal digits."""

    name: str
    key: str
    asked: Mapping[str, bool]
    found: str
    data: bytes

    @classmethod
    def made(cls, name: str, key: str, asked: Mapping[str, bool], issues: Iterable[Issue]) -> "_Line":
        """A line of what was found."""
        # Everything else of an issue is said by its check.
        found = json.dumps([[i.code, i.message, i.path, i.where, i.value, i.expected] for i in issues])
        text = "\t".join((json.dumps(name), key, json.dumps(asked), found))
        return cls(name, key, asked, found, f"{text}\t{digest(text)}\n".encode("ascii"))

    @classmethod
    def read(cls, data: bytes) -> "_Line | None":
        """A line that was read; None where it is not as it was written."""
        text, _, check = data.decode("ascii", "replace").rstrip("\n").rpartition("\t")
        if digest(text) != check:
            return None
        name, key, asked, found = text.split("\t")
        return cls(json.loads(name), key, json.loads(asked), found, data)

    def issues(self) -> Iterator[Issue]:
        """The issues, as the checks gave them."""
        for code, message, path, where, value, expected in json.loads(self.found):
            check = CHECKS[code]
            level, fix = check.definition.level, check.definition.fix
            yield Issue(code, level, message, path, where, value, expected, fix, origin_of(check))


def _open(path: Path) -> BinaryIO:
    """A file of results, an empty one where there is none."""
    try:
        return path.open("rb")
    except OSError:
        return BytesIO()


def _lines(stream: BinaryIO) -> Iterator[_Line]:
    """The lines of a file of results that are whole and in their place, from its begin."""
    last = None
    stream.seek(0)
    for data in stream:
        line = _Line.read(data)
        if line and (last is None or last < line.name):
            last = line.name
            yield line


class _New:
    """A file that replaces another one at the end, as far as it could be written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream: IO[bytes] | None = None

    def __enter__(self) -> "_New":
        with suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            for left in self._path.parent.glob("*.part"):
                if left.stat().st_mtime < time.time() - LEFTOVER:
                    left.unlink()
            # Readable by its owner alone, as mkstemp makes it.
            self._stream = tempfile.NamedTemporaryFile(dir=self._path.parent, suffix=".part", delete=False)
        return self

    def write(self, data: bytes) -> None:
        """Writes a line; where that is impossible, such as on a full disk, the next run finds what it would hold."""
        if self._stream is None:
            return
        try:
            self._stream.write(data)
        except OSError:
            self._drop()

    def __exit__(self, *_: object) -> None:
        if self._stream is None:
            return
        try:
            self._stream.close()
            os.replace(self._stream.name, self._path)  # noqa: PTH105 - the name is a text
        except OSError:
            self._drop()

    def _drop(self) -> None:
        assert self._stream is not None
        with suppress(OSError):
            self._stream.close()
        with suppress(OSError):
            os.unlink(self._stream.name)  # noqa: PTH108 - the name is a text
        self._stream = None


# --- what results depend on ------------------------------------------------------------------------------


def digest(*texts: str) -> str:
    """32 hexadecimal digits that stand for some texts."""
    found = blake2b(digest_size=16)
    for text in texts:
        data = text.encode("utf-8", "surrogateescape")
        found.update(len(data).to_bytes(8) + data)
    return found.hexdigest()


def _text_of(facts: Facts) -> str:
    """The facts that a subject's checks can see: all but the list of subjects."""
    said = [
        facts.mids,
        facts.shifted,
        facts.missing,
        *facts.ignored,
        *sorted(facts.datatypes),
        facts.hollow,
        *sorted(facts.bare),
        *facts.hidden,
    ]
    return json.dumps([facts.bids.version, facts.description, said], sort_keys=True)


@cache
def _program() -> str:
    """What the checks are: the code and the vocabulary of this package, and the versions of what it asks."""
    package = Path(__file__).parents[1]
    places = sorted([*package.rglob("*.py"), *(path for path in schemas().rglob("*") if path.is_file())])
    code = (blake2b(place.read_bytes()).hexdigest() for place in places)
    return digest(FORMAT, sys.version, *map(_version, _DEPENDENCIES), *code)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
