"""What a validation gives: a `Report`."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

from mids.issues import Issue, Level


@dataclass(frozen=True, slots=True)
class Counts:
    """How much was looked at; `bytes` is the size of all files, `ignored` what `.midsignore` names."""

    files: int = 0
    bytes: int = 0
    subjects: int = 0
    sessions: int = 0
    images: int = 0
    tables: int = 0
    ignored: int = 0

    def as_dict(self) -> dict[str, int]:
        """The counts by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, slots=True)
class Report:
    """The issues of a dataset, sorted by path; `crashed` says that a check failed for a fault of its own.

    `dataset` is the name of the folder, without the path to it.
    """

    dataset: str
    issues: tuple[Issue, ...]
    counts: Counts = Counts()
    crashed: bool = False

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

    def exit_code(self, fail_on: Level = Level.ERROR) -> int:
        """3 where a check crashed, 1 where an issue is as bad as `fail_on`, else 0."""
        order = list(Level)
        worst = any(order.index(issue.level) <= order.index(fail_on) for issue in self.issues)
        return 3 if self.crashed else int(worst)
