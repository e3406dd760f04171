"""Every format of a report by its name, and where each goes: ``--format NAME`` or ``--format NAME=FILE``."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mids.errors import MidsError, put
from mids.issues import Issue
from mids.report import annotations, html, json, junit, markdown, sarif, text
from mids.report.issue import Style
from mids.validation.control import check_choice
from mids.validation.outcome import Report

FORMATS: Mapping[str, Callable[[Report, Style], Iterator[str]]] = {
    "text": text.write,
    "json": json.write,
    "jsonl": json.write_lines,
    "sarif": sarif.write,
    "junit": junit.write,
    "github": annotations.write_github,
    "gitlab": annotations.write_gitlab,
    "markdown": markdown.write,
    "html": html.write,
}
EVERY_ISSUE = frozenset({"json", "sarif", "gitlab"})
"""Formats that are made of all issues; the others show some of each code."""
PLURAL = ("text", "jsonl", "github", "markdown")
"""Formats of which several reports can follow each other."""
LINES = "jsonl"
"""The format that is written as issues come."""


@dataclass(frozen=True, slots=True)
class Output:
    """A format and the file that it goes to; None is standard output."""

    name: str
    path: Path | None = None


def outputs(words: Sequence[str]) -> tuple[Output, ...]:
    """What ``--format`` says, text on standard output where it says nothing.

    Raises `MidsError` for a format that does not exist, a folder that does not, or two for one place.
    """
    found = tuple(_output(word) for word in words or ["text"])
    places = [output.path for output in found]
    for place in places:
        if places.count(place) > 1:
            raise MidsError(
                f"two formats go to {place or 'standard output'}: write one to a file with --format NAME=FILE"
            )
    return found


def _output(word: str) -> Output:
    name, equals, file = word.partition("=")
    check_choice("format", name, FORMATS)
    if equals and not file:
        raise MidsError(f"--format {word} names no file: write NAME=FILE")
    path = Path(file) if file else None
    if path and path.is_dir():
        raise MidsError(f"--format {word}: {path} is a folder: give a file")
    if path and not path.parent.is_dir():
        raise MidsError(f"--format {word}: the folder {path.parent} does not exist: make it first")
    return Output(name, path)


class Writer:
    """Writes a report in every format chosen; JSON lines as issues come, the others when the report is there.

    Files appear whole or not at all. Raises `MidsError` where one can't be written.
    """

    def __init__(self, chosen: Iterable[Output], style: Style) -> None:
        self._chosen, self._style = tuple(chosen), style
        self._lines: list[Callable[[str], None]] = []
        self._stack = ExitStack()

    @property
    def keep(self) -> int:
        """How many issues of a code the formats need, 0 for all."""
        return 0 if any(output.name in EVERY_ISSUE for output in self._chosen) else self._style.shown

    def __enter__(self) -> "Writer":
        for output in self._chosen:
            if output.name == LINES:
                write = put if output.path is None else self._stack.enter_context(_file(output.path))
                self._lines.append(write)
        return self

    def tell(self, issue: Issue) -> None:
        """Writes an issue to the formats that are written as issues come."""
        if self._lines:
            text = json.line(issue)
            for write in self._lines:
                write(text)

    def finish(self, report: Report) -> None:
        """Writes the rest."""
        for write in self._lines:
            write(json.last_line(report))
        for output in self._chosen:
            if output.name != LINES and output.path is None:
                for piece in FORMATS[output.name](report, self._style):
                    put(piece)
            elif output.name != LINES and output.path:
                save(output.path, FORMATS[output.name](report, replace(self._style, colour=False)))

    def __exit__(self, *failure: Any) -> None:
        self._stack.__exit__(*failure)


def save(path: Path, pieces: Iterable[str]) -> None:
    """Writes a file, whole or not at all. Raises `MidsError` where it can't be written."""
    with _file(path) as put:
        for piece in pieces:
            put(piece)


@contextmanager
def _file(path: Path) -> Iterator[Callable[[str], None]]:
    """What writes into a file that is moved into place at the end, unless something failed."""
    # Never replace a pipe, a device or a link: /dev/stdout is one, and may lead to a file.
    is_plain = not path.is_symlink() and (path.is_file() or not path.exists())
    scratch = path.with_name(f".{path.name}.{os.getpid()}") if is_plain else path
    with _name_failing_file(path):
        stream = scratch.open("w", encoding="utf-8", errors="backslashreplace", newline="\n")

    def put(text: str) -> None:
        with _name_failing_file(path):
            stream.write(text)

    try:
        yield put
        with _name_failing_file(path):
            stream.close()
            if is_plain:
                scratch.replace(path)
    finally:
        stream.close()
        if is_plain:
            scratch.unlink(missing_ok=True)


@contextmanager
def _name_failing_file(path: Path) -> Iterator[None]:
    """Says which file it was that can't be written."""
    try:
        yield
    except OSError as error:
        raise MidsError(f"can't write {path} ({error.strerror}): give another file") from error
