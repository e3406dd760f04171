"""What the formats of a report share: how to write it, and an issue as plain values."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mids.inspection.registry import CHECKS
from mids.issues import Definition, Issue, Level, catalogue, count
from mids.validation.outcome import OWN, Report

PAGE = "docs/codes.md"
"""The page that has an anchor for every code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How to write a report.

    `shown` issues of a code stand in formats for people (0: all). `prefix` leads from the folder of the
    repository to the dataset ("" or "data/set/"), for formats that CI joins with files. `ran` are the codes of
    the checks that ran, `least` is the mildest level of the text format.
    """

    colour: bool = False
    shown: int = 20
    reasons: bool = False
    least: Level = Level.INFO
    fail_on: Level = Level.ERROR
    prefix: str = ""
    ran: frozenset[str] = frozenset()


def build_prefix(dataset: Path) -> str:
    """The path from the current folder to a dataset in it, with a slash at its end; else ""."""
    here, there = Path.cwd().resolve(), dataset.resolve()
    inside = there != here and there.is_relative_to(here)
    return f"{there.relative_to(here).as_posix()}/" if inside else ""


@dataclass(frozen=True, slots=True)
class Place:
    """The parts of `Issue.where`: line of the file, name or number of the column, JSON path."""

    line: int | None = None
    column: str = ""
    json_path: str = ""


def place(where: str) -> Place:
    """The parts of a place such as ``row 3, column age``, ``line 5`` or ``$.EchoTime``; a row is a line."""
    if where.startswith("$"):
        return Place(json_path=where)
    line = re.match(r"(?:row|line) (\d+)\b", where)
    column = re.search(r"(?:^|, )column (.+)$", where)
    return Place(int(line[1]) if line else None, column[1] if column else "")


def find_definition(code: str) -> Definition | None:
    """What a code means, if it is one of ours."""
    check = CHECKS.get(code)
    return check.definition if check else OWN.get(code) or catalogue().get(code)


def find_family(code: str) -> str:
    """The family of a code's check; "validator" for codes of no check."""
    return CHECKS[code].family if code in CHECKS else "validator"


def build_docs_url(code: str) -> str:
    """Where a code is explained: page and anchor."""
    return f"{PAGE}#{code.lower()}"


def record(issue: Issue) -> dict[str, str | int | None]:
    """An issue as plain values, in the order in which formats write them."""
    definition, at = find_definition(issue.code), place(issue.where)
    return {
        "code": issue.code,
        "level": str(issue.level),
        "message": issue.message,
        "path": issue.path,
        "where": issue.where,
        "row": at.line,
        "column": at.column,
        "json_path": at.json_path,
        "value": issue.value,
        "expected": issue.expected,
        "rule": definition.what if definition else "",
        "fix": issue.fix,
        "docs": build_docs_url(issue.code),
        "origin": issue.origin,
    }


def sentence(issue: Issue) -> str:
    """The message, with what was found and what was expected."""
    found = f" found {issue.value}" if issue.value else ""
    expected = f" expected {issue.expected}" if issue.expected else ""
    return (
        f"{issue.message};{found}{',' if found and expected else ''}{expected}" if found or expected else issue.message
    )


def format_place(issue: Issue) -> str:
    """The path and the place inside the file."""
    return ", ".join(part for part in (issue.path or "the dataset", issue.where) if part)


@dataclass(frozen=True, slots=True)
class Group:
    """The issues of one code that are shown, all of one level, and how many there are."""

    code: str
    level: Level
    fix: str
    number: int
    shown: list[Issue]

    @property
    def more(self) -> int:
        """How many are not shown."""
        return self.number - len(self.shown)


def groups(report: Report, shown: int = 0) -> Iterator[Group]:
    """The issues code by code, the worst level first; `shown` of each code, or all for 0."""
    order = list(Level)
    by_code: dict[str, list[Issue]] = {}
    for issue in report.issues:
        by_code.setdefault(issue.code, []).append(issue)
    for code, issues in sorted(by_code.items(), key=lambda item: (order.index(item[1][0].level), item[0])):
        number = len(issues) + report.left_out.get(code, 0)
        yield Group(code, issues[0].level, issues[0].fix, number, issues[:shown] if shown else issues)


def totals(report: Report) -> Mapping[Level, int]:
    """How many issues there are of each level."""
    numbers = dict.fromkeys(Level, 0)
    for group in groups(report):
        numbers[group.level] += group.number
    return numbers


def verdict(report: Report) -> str:
    """How many errors, warnings and notes there are."""
    number = totals(report)
    words = {Level.ERROR: "error", Level.WARNING: "warning", Level.INFO: "note"}
    return ", ".join(count(number[level], word) for level, word in words.items())


def scope(report: Report) -> str:
    """How much was looked at, and what was left out of the verdict."""
    counts = report.counts
    numbers = (counts.files, "file"), (counts.images, "image"), (counts.subjects, "subject")
    more = (
        (counts.ignored, "ignored"),
        (counts.absent, "without content"),
        (report.number_waived, "waived"),
        (report.number_known, "known from the baseline"),
    )
    left_out = "".join(f"; {number:,} {word}" for number, word in more if number)
    return ", ".join(count(*n) for n in numbers) + left_out + ("; a check crashed" if report.crashed else "")
