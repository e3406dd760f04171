"""What a run on a source did, and everything that is wrong, for whoever asked for it."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mids.deid.references import References
from mids.issues import Issue, Level, read_issue
from mids.plan import Comparison, Outcome, Plan
from mids.plan.curation import is_acknowledged
from mids.plan.unseen import tell_unseen
from mids.run.disk import write_privately
from mids.run.journal import Journal, state_folder
from mids.run.sources import fates
from mids.run.texts import Change

ISSUES = "issues.jsonl"
"""What is known to be wrong, kept beside the destination for whoever looks at the images."""


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


def write_issues(
    dataset: Path, journal: Journal, plan: Plan, outcome: Outcome | None, found: Sequence[Issue], references: References
) -> None:
    """Writes what is known to be wrong after a run, readable by its owner only: what it `found`, and what still holds.

    Of an image that an earlier run made, and of sources that a run was not asked for, the word of then counts. Raises
    `MidsError` where it can't be written.
    """
    recalled = list(_recall_made(journal, plan, outcome))
    earlier = list(read_issues(dataset)) if outcome is None or not plan.complete else []
    if earlier:
        spoken_of = {references.shown(source.name) for source, *_ in fates(plan, outcome)} | {
            job.path for job in plan.jobs
        }
        there = journal.known().keys() - spoken_of
        recalled += [
            each for each in earlier
            if each.path in there or (each.origin == "read" and each.path and each.path not in spoken_of)
        ]  # fmt: skip
    _write(state_folder(dataset), dict.fromkeys((*found, *recalled)))


def _recall_made(journal: Journal, plan: Plan, outcome: Outcome | None) -> Iterator[Issue]:
    """What was noteworthy of images that earlier runs made, without errors that a person knows of by now."""
    made = set(outcome.made if outcome else ())
    for found in journal.told():
        names = (found.path, *journal.origins(found.path)) if plan.acknowledged else ()
        is_known = found.level is Level.ERROR and is_acknowledged(found, names, plan.acknowledged)
        if found.path not in made and not is_known:
            yield found


def forget_issues(dataset: Path, is_theirs: Callable[[Issue], bool]) -> None:
    """Drops what is wrong with a patient's files; raises `MidsError` where it can't be written."""
    if (state_folder(dataset) / ISSUES).is_file():
        _write(state_folder(dataset), [each for each in read_issues(dataset) if not is_theirs(each)])


def _write(folder: Path, found: Iterable[Issue]) -> None:
    write_privately(folder / ISSUES, "".join(json.dumps(asdict(each)) + "\n" for each in found))


def read_issues(dataset: Path) -> Iterator[Issue]:
    """What is known to be wrong after the last run on a dataset; nothing where it is older than this file."""
    path = state_folder(dataset) / ISSUES
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        yield read_issue(json.loads(line))
