"""The one road from a source to a destination; a way in brings its reader, its plan and its texts.

read, plan, compare, run, and say what is wrong: in this order, whoever reads.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple, Protocol, TypeVar

from mids.dataset.disk.progress import watched_map
from mids.deid.headers.rules import Rules
from mids.deid.keys import Key, show_fingerprint
from mids.deid.labels import Labels
from mids.deid.pseudonyms import Pseudonyms
from mids.deid.references import References
from mids.issues import Issue, Level, issue
from mids.plan import Outcome, Plan
from mids.plan.texts.files import Inventory, Text
from mids.records import About, Map
from mids.run.decided.choices import check_record, label_rows, read_renamed
from mids.run.decided.people import check_renamed
from mids.run.done import Done, collect_issues, write_issues
from mids.run.moving import Place
from mids.run.request import KEPT, Request, check_policy, find_key, join_source, record_choices
from mids.run.run import rehearse, run, survey
from mids.run.sources import write_sources
from mids.run.state import State, check_places
from mids.run.texts import Change
from mids.run.workers import hire_workers

D = TypeVar("D", bound=Done)


class Fact(NamedTuple):
    """What every run on one destination must share; `complaint` is said where it differs (see `Journal.settle`)."""

    name: str
    value: str
    complaint: str
    before: str = ""


@dataclass(frozen=True, slots=True)
class Stage:
    """What a way in works with once places, policy and key are settled."""

    request: Request
    state: State
    labels: Labels
    rules: Rules
    references: References


class Road(Protocol):
    """A way in: how a source is read and planned, and what is written besides the outputs of jobs."""

    @property
    def about(self) -> About:
        """What the source is: its description, and whether its ids and dates are real."""

    @property
    def facts(self) -> tuple[Fact, ...]:
        """What every run on a destination must share besides the key."""

    @property
    def emptiness(self) -> str:
        """What is said of a source that holds nothing for this way in."""

    def plan(self, stage: Stage, mapped: Map) -> Plan:
        """Reads the source, perhaps with other processes (`mapped`), and plans what becomes of it."""

    def write(self, stage: Stage, plan: Plan, inventory: Inventory, outcome: Outcome) -> Iterator[Text]:
        """The small files of the destination."""

    def finish(self, stage: Stage, plan: Plan, outcome: Outcome | None) -> None:
        """Writes what a user asked for outside of the destination; not called in a dry run."""


def travel(road: Road, request: Request, kind: Callable[..., D]) -> D:
    """Takes a road: `kind` is made of what was planned, done and found wrong.

    Raises `MidsError` where use or environment is wrong.
    """
    check_places(request.source, request.dataset)
    rules = check_policy(request.policy, key=request.key, id_table=request.id_table)
    lasting, key_made = find_key(request.policy, request.key, request.dataset)
    with (
        hire_workers(request.jobs, request.dask, request.source) as workers,
        State(request.dataset, dry_run=request.dry_run) as state,
    ):
        stage = _set_stage(road, request, state, lasting or state.random_key(), rules)
        with workers.reading() as mapped:
            read = watched_map(mapped, "batches of files read")
            plan = replace(_check_content(road.plan(stage, read), road), removes=request.removes)
        check_renamed(label_rows(request.choices.values), plan, stage.labels, state.journal)
        source = stage.labels.item("source root", str(request.source.resolve()))
        plan = replace(plan, issues=(*plan.issues, *_tell_state(state)))
        plan = join_source(plan, state, source, request, keep=not request.dry_run)
        place = Place(request.source, request.dataset, state.folder, state.lock)
        comparison = survey(plan, place, state.journal, keep=not request.dry_run)
        outcome: Outcome | None = None
        changes: tuple[Change, ...] = ()
        texts = partial(road.write, stage, plan)
        if request.dry_run and plan.subjects:
            changes = rehearse(
                plan, place, comparison, state.journal, texts, forgets_edits=request.forgets_edits
            )  # fmt: skip
        elif plan.subjects:  # not where the source has vanished: nothing is removed for that
            record_choices(request, plan, state)  # before the first file: a killed run has decided too
            outcome = run(
                plan, place, state.journal, texts, workers=workers, progress=request.progress,
                forgets_edits=request.forgets_edits,
            )  # fmt: skip
        is_sealed = request.policy.ids == "random" and outcome is not None
        if not request.dry_run:
            road.finish(stage, plan, outcome)
            write_sources(state.folder, plan, outcome, stage.references, linked=not is_sealed)
        found, known_of = collect_issues(plan, outcome, stage.references)
        if not request.dry_run and not is_sealed:
            write_issues(request.dataset, state.journal, plan, outcome, found, stage.references)
        if is_sealed:
            state.seal()
        elif not request.dry_run:
            state.keep_copy()
    return kind(
        request.dataset, plan, comparison, outcome, found, stage.references, known_of, key_made, is_sealed, changes,
    )  # fmt: skip


def _set_stage(road: Road, request: Request, state: State, secret: Key, rules: Rules) -> Stage:
    """What the way in works with; raises `MidsError` where an earlier run was of another kind."""
    for fact in road.facts:
        state.journal.settle(fact.name, fact.value, fact.complaint, before=fact.before)
    _settle_key(request, state, secret)
    check_record(request.dataset, was_kept=bool(state.journal.fact(KEPT)), leave=request.leave)
    renamed = read_renamed(request.choices.values)
    labels = Labels(Pseudonyms(secret), road.about, request.policy.ids, request.id_table or {}, renamed)
    references = References(labels.pseudonyms, show_paths=request.show_paths or labels.are_public)
    return Stage(request, state, labels, rules, references)


def _tell_state(state: State) -> Iterator[Issue]:
    """What earlier runs and commands left that is not as it should be."""
    if state.is_restored:
        yield issue("JOURNAL_RESTORED", "the journal is that of the last run that ended", origin="plan")
    if count := state.journal.unfinished():
        yield issue("WITHDRAWAL_UNFINISHED", f"{count} withdrawals were stopped before their end", origin="plan")


def _settle_key(request: Request, state: State, secret: Key) -> None:
    """Refuses another key than that of earlier runs, by their fingerprints."""
    known = show_fingerprint(state.journal.fact("key"))
    complaint = (
        f"{request.dataset} was made with another key ({known}, and this one is {secret.fingerprint}): "
        "give that key, or another DEST"
    )
    state.journal.settle("key", secret.digest, complaint)


def _check_content(plan: Plan, road: Road) -> Plan:
    """Adds an Issue where the source holds nothing for this way in and nothing says why."""
    if any(subject.jobs or subject.skipped or subject.issues for subject in plan.subjects) or not plan.complete:
        return plan
    if any(found.level is Level.ERROR for found in plan.issues):
        return plan
    message = f"{road.emptiness}{_say_content(plan)}"
    return replace(plan, issues=(*plan.issues, issue("SOURCE_EMPTY", message, origin="plan")))


_KNOWN = ".png .jpg .jpeg .tif .tiff .nii .nii.gz .mha .nrrd .csv .tsv .json .xlsx".split()
"""Endings that may be told: another one could be a part of a name."""


def _say_content(plan: Plan) -> str:
    """What the files are that are not DICOM, as far as their names' endings say."""
    names = [source.name.lower() for skipped in plan.skipped for source in skipped.sources]
    found = Counter(ending for name in names for ending in _KNOWN if name.endswith(ending))
    told = ", ".join(f"{number} {ending}" for ending, number in found.most_common())
    if told:
        return f"; it holds {told}: convert with a collection that reads them (mids-convert --list, mids scaffold)"
    return f"; it holds {len(names)} files of other kinds" if names else "; it holds no files to read"
