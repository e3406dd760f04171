"""What a run on a source did, and everything that is wrong, for whoever asked for it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mids.deid.references import References
from mids.issues import Issue, Level
from mids.plan import Comparison, Outcome, Plan


@dataclass(frozen=True, slots=True)
class Done:
    """What a run planned, did and found wrong.

    `outcome` is None for a dry run. Source files in `issues` stand under references that ``<DEST>.mids/sources.tsv``
    resolves, unless real paths were asked for. `is_sealed` says that random ids were given, and that nothing links them
    to the source any more.
    """

    dataset: Path
    plan: Plan
    comparison: Comparison
    outcome: Outcome | None
    issues: tuple[Issue, ...]
    references: References
    key_made: Path | None = None
    is_sealed: bool = False

    @property
    def exit_code(self) -> int:
        """0: everything done or rightly left out; 1: something was lost or is wrong; 3: a fault of ours."""
        if self.outcome is not None and self.outcome.crashes:
            return 3
        return int(any(found.level is Level.ERROR for found in self.issues))


def collect_issues(plan: Plan, outcome: Outcome | None, references: References) -> tuple[Issue, ...]:
    """Everything that is wrong, source files under their references."""
    return tuple(references.masked(found) for found in _issues(plan, outcome))


def _issues(plan: Plan, outcome: Outcome | None) -> Iterator[Issue]:
    yield from plan.issues
    for subject in plan.subjects:
        yield from subject.issues
    yield from outcome.issues if outcome else ()
