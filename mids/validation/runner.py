"""Validates a dataset: one walk, then every selected check on every file, subject by subject."""

import gc
import json
import multiprocessing
import signal
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import chain, islice
from pathlib import Path

from mids.checks import CHECKS
from mids.dataset.disk.folder import DESCRIPTION, require_folder
from mids.dataset.disk.progress import watched
from mids.dataset.disk.tree import Tree, find_subject, walk
from mids.errors import MidsError
from mids.inspection.facts import HOLLOW, Facts, MissingContent, gather, recordings
from mids.inspection.paths import classify_path
from mids.inspection.registry import is_selected
from mids.inspection.views import DatasetView, FileView
from mids.issues import Definition, Issue, Level
from mids.resources import read_yaml, schemas
from mids.validation import plugins
from mids.validation.checking import WHOLE, Checks, Part, Run, Unit
from mids.validation.kept import Kept, digest
from mids.validation.marks import CacheBy, Marks
from mids.validation.outcome import CRASHED, OWN, Counts, Report
from mids.vocabulary import clinical
from mids.vocabulary.bids.schema import load as load_bids
from mids.vocabulary.clinical import read_collection_name
from mids.vocabulary.schema import Schema, load

__all__ = ["Counts", "Report", "definitions", "stream", "validate"]

BATCH = 500
"""Files that one task of a worker process holds, in whole subjects."""
WAITING = 4
"""Tasks in flight for each worker process: memory does not grow with the dataset."""


def definitions() -> Mapping[str, Definition]:
    """Every code of the validator with its level, meaning, reason and remedy."""
    plugins.load()
    return {**{code: check.definition for code, check in CHECKS.items()}, **OWN}


def validate(
    dataset: Path | str,
    *,
    jobs: int = 1,
    deep: bool = False,
    select: frozenset[str] = frozenset(),
    schema: Schema | None = None,
    through: Callable[[Iterable[Issue]], Iterable[Issue]] = iter,
    plain: bool = False,
    missing: MissingContent = "report",
    bids: Path | None = None,
    cache: CacheBy = "off",
) -> Report:
    """Checks the dataset in the folder `dataset`, with `jobs` processes.

    `schema` is the vocabulary, by default with the tables of the dataset's own collection. `deep` also reads whole
    images. `select` holds codes or families of checks (names, layout, sidecars, images, tables, references, labels,
    privacy): the others do not run; the family claims runs only where it is selected. `plain` asks what BIDS asks, and
    nothing of MIDS; `missing` "allow" counts files whose content was not fetched and says nothing of them; `bids` is
    another schema of BIDS than that of bidsschematools. With `cache`, results are kept in the user's cache folder, and
    what did not change since is not looked at again, by "times" or by "contents" (`mids.validation.kept`). Raises
    `MidsError` where `dataset` is no folder, or a name in `select` is unknown. The report holds what `through` passes
    on of the issues, in the order of finding.
    """
    work = _prepare(dataset, select, schema, bids, deep=deep, plain=plain, missing=missing, cache=cache)
    issues = sorted(through(_issues(work, jobs)), key=lambda issue: issue.path)
    crashed = any(issue.code == CRASHED.code for issue in issues)
    return Report(work.view.tree.root.resolve().name, tuple(issues), _counts(work.view), crashed)


def stream(
    dataset: Path | str,
    *,
    jobs: int = 1,
    deep: bool = False,
    select: frozenset[str] = frozenset(),
    schema: Schema | None = None,
) -> Iterator[Issue]:
    """The issues of `validate` as they are found, in the order of finding; none is kept in memory."""
    work = _prepare(dataset, select, schema, None, deep=deep, plain=False, missing="report", cache="off")
    return _issues(work, jobs)


def _choose_schema(tree: Tree) -> Schema:
    """The vocabulary, with the own tables of the collection that the dataset says it was converted from.

    Columns that a collection adds to common tables are left to the tables' own descriptions: an implausible value of
    the source is kept in them, and said to be one.
    """
    common = load()
    if DESCRIPTION not in tree.files:
        return common
    try:
        description = DatasetView(tree, common).view(DESCRIPTION).document.content
    except OSError:  # its checks say so
        return common
    own = clinical.load(read_collection_name(description)).schema.tables
    return replace(common, tables={**own, **common.tables}) if own.keys() - common.tables.keys() else common


@dataclass(frozen=True, slots=True)
class _Work:
    """A view of what is in a folder, the checks to run on it, and the results of earlier runs, if they count."""

    view: DatasetView
    checks: Checks
    kept: Kept | None


def _prepare(
    dataset: Path | str,
    select: frozenset[str],
    schema: Schema | None,
    bids: Path | None,
    *,
    deep: bool,
    plain: bool,
    missing: MissingContent,
    cache: CacheBy,
) -> _Work:
    """What there is to do about a folder."""
    root = Path(dataset)
    require_folder(root)
    # Checks of others may look at what nobody knows, and words of others have no name.
    may_keep = cache != "off" and not plugins.load() and schema is None
    checks = _select_checks(select, deep=deep)
    words = load_bids(bids)
    marks = Marks(root, by_content=cache == "contents") if may_keep else None
    tree = walk(root, is_recording=partial(recordings, words), mark=marks)
    view = DatasetView(tree, schema or _choose_schema(tree))
    view.facts = gather(view, words, plain=plain, missing=missing)
    checks = tuple(check for check in checks if view.facts.mids or not check.mids)
    rules = digest(bids.read_text("utf-8")) if bids else ""
    options = [*(check.definition.code for check in checks), deep, plain, missing, rules, cache]
    return _Work(view, checks, Kept(root, marks, view.facts, json.dumps(options)) if marks else None)


def _issues(work: _Work, jobs: int) -> Iterator[Issue]:
    """First what is wrong with the dataset, then with each subject."""
    kept = work.kept
    find = partial(_find, work, jobs)
    issues = kept.through(find) if kept else chain.from_iterable(unit.issues for unit in find(None))
    levels = {} if work.view.facts.mids else _levels_of_bids()
    for issue in _say_once(_keep_first_crashes(issues)):
        yield replace(issue, level=levels[issue.code]) if issue.code in levels else issue


@cache
def _levels_of_bids() -> Mapping[str, Level]:
    """The levels that codes have in a dataset without any part of MIDS: those of the profile bids."""
    profile = read_yaml(schemas() / "profiles.yaml")["bids"]
    return {code: Level(level) for code, level in profile["level"].items()}


def _find(work: _Work, jobs: int, missing: frozenset[str] | None) -> Iterator[Unit]:
    """What is found in the dataset as a whole, and in each subject; in all that are `missing` (None: all)."""
    view = work.view
    # A subject's checks do not know which others there are: what is kept of them would not hold.
    facts = replace(view.facts, subjects=())
    run = Run(DatasetView(view.tree.common(), view.schema, facts=facts), work.checks)
    wanted = missing is None or bool(missing - {WHOLE})
    batches = _batches(view.tree.subjects(missing)) if wanted else iter(())
    first = list(islice(batches, 2))
    with _checking(chain(first, batches), run, jobs if len(first) > 1 else 1) as found:
        if missing is None or WHOLE in missing:
            yield run.dataset(view)
            view.forget_files()
        if wanted:
            yield from watched(found, "subjects checked", len(missing or view.facts.subjects), problems=_count_errors)


def _count_errors(unit: Unit) -> int:
    return sum(found.level is Level.ERROR for found in unit.issues)


def _keep_first_crashes(found: Iterable[Issue]) -> Iterator[Issue]:
    """All issues, but of a check that crashes in the same way again and again only the first."""
    crashed: set[str] = set()
    for issue in found:
        if issue.code == CRASHED.code:
            if issue.message in crashed:
                continue
            crashed.add(issue.message)
        yield issue


def _say_once(found: Iterable[Issue]) -> Iterator[Issue]:
    """All issues, but of what files inherit from one above only the first: what is wrong there is wrong once."""
    said: set[int] = set()
    subject = ""
    own: set[int] = set()
    for issue in found:
        if (now := find_subject(issue.path)) != subject:
            subject, own = now, set()
        before = own if subject else said
        key = hash((issue.code, issue.path, issue.where, issue.message, issue.value))
        if key not in before:
            before.add(key)
            yield issue


def _select_checks(select: frozenset[str], *, deep: bool) -> Checks:
    """The checks to run, in the order of their registration."""
    families = {check.family for check in CHECKS.values()}
    unknown = sorted(select - CHECKS.keys() - families)
    if unknown:
        raise MidsError(f"unknown check or family {', '.join(unknown)}: see --list-codes")
    return tuple(check for check in CHECKS.values() if (deep or not check.deep) and is_selected(check, select))


def _batches(subjects: Iterable[Part]) -> Iterator[list[Part]]:
    """Subjects together until they hold enough files to be worth a task."""
    batch: list[Part] = []
    files = 0
    for subject, tree in subjects:
        batch.append((subject, tree))
        files += len(tree.files)
        if files >= BATCH:
            yield batch
            batch, files = [], 0
    if batch:
        yield batch


def spare_the_collector() -> None:
    """Lets Python look for garbage less often, in a process that does nothing else: what is read of a subject is
    dropped as a whole, and looking takes a tenth of the time.
    """
    gc.freeze()
    gc.set_threshold(OBJECTS, 20, 20)


OBJECTS = 50_000
"""New objects after which Python looks for garbage."""


# --- in other processes ----------------------------------------------------------------------------------


@contextmanager
def _checking(batches: Iterator[Sequence[Part]], run: Run, jobs: int) -> Iterator[Iterator[Unit]]:
    """What `run` finds in the subjects, in their order; several processes begin at once."""
    if jobs == 1:
        yield chain.from_iterable(map(run.subjects, batches))
        return
    # Not fork: the caller may have threads.
    context = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
    context.set_forkserver_preload([__name__])
    codes = frozenset(check.definition.code for check in run.checks)
    begin = (run.common.tree, run.common.schema, run.common.facts, codes)
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=begin) as pool:
        waiting = deque(pool.submit(_run_batch, batch) for batch in islice(batches, WAITING * jobs))
        yield _collect(waiting, (pool.submit(_run_batch, batch) for batch in batches))


def _collect(waiting: deque[Future[list[Unit]]], more: Iterator[Future[list[Unit]]]) -> Iterator[Unit]:
    """The results of tasks in their order; for each that is done another one is given."""
    while waiting:
        waiting.extend(islice(more, 1))
        yield from waiting.popleft().result()


_RUNS: list[Run] = []
"""In a worker process: what it works on, for all of its batches."""


def _begin(common: Tree, schema: Schema, facts: Facts, codes: frozenset[str]) -> None:
    """Prepares a worker process; checks travel by their codes. The coordinator alone hears Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    plugins.load()
    spare_the_collector()
    checks = tuple(check for code, check in CHECKS.items() if code in codes)
    _RUNS[:] = [Run(DatasetView(common, schema, facts=facts), checks)]


def _run_batch(batch: Sequence[Part]) -> list[Unit]:
    """What a worker process does."""
    return list(_RUNS[0].subjects(batch))


def _counts(view: DatasetView) -> Counts:
    tree = view.tree
    kinds = Counter(map(classify_path, tree.files))
    folders = [folder.split("/") for folder in tree.folders if folder.startswith("sub-")]
    return Counts(
        files=len(tree.files),
        bytes=sum(size for _, size in tree.files.items()),
        subjects=sum(len(parts) == 1 for parts in folders),
        sessions=sum(len(parts) == 2 and parts[1].startswith("ses-") for parts in folders),
        images=kinds["image"],
        tables=kinds["table"],
        ignored=tree.ignored,
        absent=sum(FileView(path, view).is_without_content for path, size in tree.files.items() if size <= HOLLOW),
    )
