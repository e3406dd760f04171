"""The result of a validation: a `Report`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase

from mids.inspection.registry import CHECKS
from mids.issues import Definition, Issue, Level

CRASHED = Definition(
    "CHECK_CRASHED",
    Level.ERROR,
    "A check failed because of a fault of its own.",
    "It may have missed issues; all other checks were run.",
    "Report it with the code of the check and, if you can, the file.",
)
WAIVER_UNUSED = Definition(
    "WAIVER_UNUSED",
    Level.INFO,
    "A waiver of mids-validate.toml matches no issue.",
    "What it waived was fixed, or it never matched; if it stays, it would hide the next such issue.",
    "Remove the waiver, or correct its path.",
)
OWN: Mapping[str, Definition] = {own.code: own for own in (CRASHED, WAIVER_UNUSED)}
"""Codes of the validator that no check raises."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How much was looked at; `bytes` is the size of all files, `ignored` what `.midsignore` names.

    `absent` are the files whose content is not there: it was not fetched, or is empty and may be.
    """

    files: int = 0
    bytes: int = 0
    subjects: int = 0
    sessions: int = 0
    images: int = 0
    tables: int = 0
    ignored: int = 0
    absent: int = 0

    def as_dict(self) -> dict[str, int]:
        """The counts by name."""
        return {count.name: getattr(self, count.name) for count in fields(self)}


@dataclass(frozen=True, slots=True)
class Waived:
    """An issue that a person waived, and why."""

    issue: Issue
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """The issues of a dataset, sorted by path; `crashed` says that a check failed for a fault of its own.

    `dataset` is the name of the folder, without the path to it. `waived` issues and those `known` from a
    baseline are not among `issues`, and do not fail; `number_waived` and `number_known` count them all. Where
    a report keeps only some issues of a code, `left_out` says how many more there are.
    """

    dataset: str
    issues: tuple[Issue, ...]
    counts: Counts = Counts()
    crashed: bool = False
    waived: tuple[Waived, ...] = ()
    known: tuple[Issue, ...] = ()
    number_waived: int = 0
    number_known: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Issue]:
        return iter(self.issues)

    def __len__(self) -> int:
        return len(self.issues)

    @property
    def errors(self) -> tuple[Issue, ...]:
        """The issues of level error."""
        return tuple(issue for issue in self.issues if issue.level is Level.ERROR)

    @property
    def warnings(self) -> tuple[Issue, ...]:
        """The issues of level warning."""
        return tuple(issue for issue in self.issues if issue.level is Level.WARNING)

    def filter(self, *, code: str = "", family: str = "", level: Level | str = "", path: str = "") -> "Report":
        """The report with only the issues that fit everything given; `path` is a glob, `*` crosses folders."""

        def fits(issue: Issue) -> bool:
            check = CHECKS.get(issue.code)
            return (
                code in ("", issue.code)
                and (not family or (check is not None and check.family == family))
                and level in ("", issue.level)
                and (not path or fnmatchcase(issue.path, path))
            )

        return replace(self, issues=tuple(filter(fits, self.issues)))

    def exit_code(self, fail_on: Level = Level.ERROR) -> int:
        """3 where a check crashed, 1 where an issue is as bad as `fail_on`, else 0."""
        order = list(Level)
        worst = any(order.index(issue.level) <= order.index(fail_on) for issue in self.issues)
        return 3 if self.crashed else int(worst)
