"""What a run on a source did, and everything that is wrong, for whoever asked for it."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from mids.deid.references import References
from mids.issues import Issue, Level
from mids.plan import Comparison, Outcome, Plan
from mids.plan.curation import is_acknowledged
from mids.plan.unseen import tell_unseen
from mids.run.disk import write_privately
from mids.run.journal import state_folder
from mids.run.texts import Change

ISSUES = "issues.jsonl"
"""What the last run found wrong, kept beside the destination for whoever looks at the images."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a run planned, did and found wrong.

    `outcome` is None for a dry run. Source files in `issues` stand under references that ``<DEST>.mids/sources.tsv``
    resolves, unless real paths were asked for. `is_sealed` says that random ids were given, and that nothing links them
    to the source any more. `acknowledged` counts errors that a person knows of, which are not among `issues`. `changes`
    are what a dry run foresees of small files.
    """

    dataset: Path
    plan: Plan
    comparison: Comparison
    outcome: Outcome | None
    issues: tuple[Issue, ...]
    references: References
    acknowledged: int = 0
    key_made: Path | None = None
    is_sealed: bool = False
    changes: tuple[Change, ...] = ()

    @property
    def exit_code(self) -> int:
        """0: everything done or rightly left out; 1: something was lost or is wrong; 3: a fault of ours."""
        if self.outcome is not None and self.outcome.crashes:
            return 3
        return int(any(found.level is Level.ERROR for found in self.issues))


def collect_issues(plan: Plan, outcome: Outcome | None, references: References) -> tuple[tuple[Issue, ...], int]:
    """Everything that is wrong, source files under their references; and how many errors more a person knows of."""
    sources = _known_outputs(plan)
    shown: list[Issue] = []
    known = 0
    for found in _issues(plan, outcome):
        names = (found.path, *sources.get(found.path, ()))
        if found.level is Level.ERROR and is_acknowledged(found, names, plan.acknowledged):
            known += 1
        else:
            shown.append(references.masked(found))
    return tuple(shown), known


def _known_outputs(plan: Plan) -> dict[str, tuple[str, ...]]:
    """The sources of each image that is made of a file whose errors a person knows of."""
    if not plan.acknowledged:
        return {}
    sources = {job.path: tuple(source.name for source in job.action.sources) for job in plan.jobs}
    return {path: names for path, names in sources.items() if not plan.acknowledged.keys().isdisjoint(names)}


def _issues(plan: Plan, outcome: Outcome | None) -> Iterator[Issue]:
    yield from plan.issues
    for subject in plan.subjects:
        yield from subject.issues
    yield from tell_unseen(plan, outcome)
    yield from outcome.issues if outcome else ()


def write_issues(folder: Path, found: Iterable[Issue]) -> None:
    """Writes the issues of a run, readable by their owner only; raises `MidsError` where it can't."""
    write_privately(folder / ISSUES, "".join(json.dumps(asdict(each)) + "\n" for each in found))


def read_issues(dataset: Path) -> Iterator[Issue]:
    """The issues of the last run on a dataset; none where it is older than this file."""
    path = state_folder(dataset) / ISSUES
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        values = json.loads(line)
        yield Issue(**{**values, "level": Level(values["level"])})
