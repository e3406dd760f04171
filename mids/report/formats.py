"""Every format of a report by its name, and where each goes: ``--format NAME`` or ``--format NAME=FILE``."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mids.checks.control import known
from mids.checks.outcome import Report
from mids.errors import MidsError
from mids.report import annotations, html, json, junit, markdown, sarif, text
from mids.report.issue import Style

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
            raise MidsError(f"two formats for {place or 'standard output'}: write one to a file, --format NAME=FILE")
    return found


def _output(word: str) -> Output:
    name, equals, file = word.partition("=")
    known("format", name, FORMATS)
    if equals and not file:
        raise MidsError(f"--format {word}: the file is missing")
    path = Path(file) if file else None
    if path and path.is_dir():
        raise MidsError(f"--format {word}: {path} is a folder")
    if path and not path.parent.is_dir():
        raise MidsError(f"--format {word}: there is no folder {path.parent}")
    return Output(name, path)


def write(report: Report, chosen: Iterable[Output], style: Style) -> None:
    """Writes a report in every format chosen. Raises `MidsError` where a file can't be written."""
    for output in chosen:
        if output.path is None:
            _print(FORMATS[output.name](report, style))
        else:
            save(output.path, FORMATS[output.name](report, replace(style, colour=False)))


def _print(pieces: Iterable[str]) -> None:
    """To standard output; what its encoding lacks is escaped."""
    encoding = sys.stdout.encoding or "utf-8"
    for piece in pieces:
        sys.stdout.write(piece.encode(encoding, "backslashreplace").decode(encoding))
    sys.stdout.flush()


def save(path: Path, pieces: Iterable[str]) -> None:
    """Writes a file, whole or not at all. Raises `MidsError` where it can't be written."""
    is_plain = path.is_file() or not path.exists()  # never replace a pipe or a device
    scratch = path.with_name(f".{path.name}.{os.getpid()}") if is_plain else path
    try:
        with scratch.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as stream:
            stream.writelines(pieces)
        if is_plain:
            scratch.replace(path)
    except OSError as error:
        raise MidsError(f"{path}: can't be written ({error.strerror})") from error
    finally:
        if is_plain:
            scratch.unlink(missing_ok=True)
