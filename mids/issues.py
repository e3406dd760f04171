"""What is wrong with data: an `Issue`, and the catalogue of the codes that reading and converting use.

Codes are words and stable for ever. The codes of `schemas/issues.yaml` belong to reading, planning and
running; those of the validator are defined by its checks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from mids.resources import read_yaml, schemas


class Level(StrEnum):
    """The severity of an issue: an error makes the exit code 1, a warning and an info do not."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Definition:
    """One code: its level, what it means, why it matters, how to fix it."""

    code: str
    level: Level
    what: str
    why: str
    fix: str


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing that is wrong, at one place.

    `path` is relative to the dataset, or a reference to a source file; `where` is the place inside the file
    (``row 3, column age``, ``$.EchoTime``, ``line 5``); `origin` is the stage or check that found it.
    """

    code: str
    level: Level
    message: str
    path: str = ""
    where: str = ""
    value: str = ""
    expected: str = ""
    fix: str = ""
    origin: str = ""


@cache
def catalogue() -> Mapping[str, Definition]:
    """The codes of reading, planning and running, by code (`schemas/issues.yaml`)."""
    entries = read_yaml(schemas() / "issues.yaml")
    return {code: Definition(code, Level(e["level"]), e["what"], e["why"], e["fix"]) for code, e in entries.items()}


def issue(
    code: str,
    message: str,
    path: str = "",
    *,
    where: str = "",
    value: str = "",
    expected: str = "",
    origin: str = "",
) -> Issue:
    """An Issue of a catalogued code, with its level and its fix filled in.

    Raises `KeyError` for a code that the catalogue does not hold: that is our bug.
    """
    definition = catalogue()[code]
    return Issue(code, definition.level, message, path, where, value, expected, definition.fix, origin)


def read_issue(values: Mapping[str, str]) -> Issue:
    """The Issue whose fields (`dataclasses.asdict`) were kept."""
    return Issue(**{**values, "level": Level(values["level"])})  # type: ignore[arg-type]


def escape_controls(text: str) -> str:
    """Text without control characters: a file name must not steer a terminal or break a format."""
    return text if text.isprintable() else "".join(map(_escape, text))


def escape_lines(text: str) -> str:
    """Lines, with tabs, otherwise without control characters: all that goes to a terminal or log comes this way."""
    return "".join(c if c in "\n\t" else _escape(c) for c in text)


def _escape(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape", "backslashreplace").decode()


def count(number: int, word: str) -> str:
    """A number and its word: ``1 file``, ``2,000 files``."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"
