"""Validates a dataset: one walk, then every selected check on every file, subject by subject."""

import multiprocessing
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from mids.checks import CHECKS, Check
from mids.dataset.disk.folder import DESCRIPTION, require_folder
from mids.dataset.disk.tree import Tree, find_subject, is_common, walk
from mids.errors import MidsError
from mids.inspection.facts import HOLLOW, Facts, MissingContent, gather, recordings
from mids.inspection.identifiers import identify
from mids.inspection.paths import Kind, classify_path
from mids.inspection.registry import Finding, Per, is_selected
from mids.inspection.views import DatasetView, FileView
from mids.issues import Definition, Issue
from mids.validation import plugins
from mids.validation.outcome import CRASHED, OWN, Counts, Report
from mids.vocabulary import clinical
from mids.vocabulary.bids.schema import load as load_bids
from mids.vocabulary.clinical import read_collection_name
from mids.vocabulary.schema import Schema, load

__all__ = ["Counts", "Report", "definitions", "stream", "validate"]

NOT_SHOWN = "(the value looks like an identifier of a person and is not shown)"

BATCH = 500
"""Files that one task of a worker process holds, in whole subjects."""
WAITING = 4
"""Tasks in flight for each worker process: memory does not grow with the dataset."""

Checks = tuple[Check, ...]
Part = tuple[str, Tree]
"""A subject folder and what it holds."""


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
) -> Report:
    """Checks the dataset in the folder `dataset`, with `jobs` processes.

    `schema` is the vocabulary, by default with the tables of the dataset's own collection. `deep` also reads whole
    images. `select` holds codes or families of checks (names, layout, sidecars, images, tables, references, labels,
    privacy): the others do not run; the family claims runs only where it is selected. `plain` asks what BIDS asks, and
    nothing of MIDS; `missing` "allow" counts files whose content was not fetched and says nothing of them; `bids` is
    another schema of BIDS than that of bidsschematools. Raises `MidsError` where `dataset` is no folder, or a name in
    `select` is unknown. The report holds what `through` passes on of the issues, in the order of finding.
    """
    view, checks = _prepare_checks(dataset, select, schema, bids, deep=deep, plain=plain, missing=missing)
    issues = sorted(through(_issues(view, checks, jobs)), key=lambda issue: issue.path)
    crashed = any(issue.code == CRASHED.code for issue in issues)
    return Report(view.tree.root.resolve().name, tuple(issues), _counts(view), crashed)


def stream(
    dataset: Path | str,
    *,
    jobs: int = 1,
    deep: bool = False,
    select: frozenset[str] = frozenset(),
    schema: Schema | None = None,
) -> Iterator[Issue]:
    """The issues of `validate` as they are found, in the order of finding; none is kept in memory."""
    view, checks = _prepare_checks(dataset, select, schema, None, deep=deep, plain=False, missing="report")
    return _issues(view, checks, jobs)


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


def _prepare_checks(
    dataset: Path | str,
    select: frozenset[str],
    schema: Schema | None,
    bids: Path | None,
    *,
    deep: bool,
    plain: bool,
    missing: MissingContent,
) -> tuple[DatasetView, Checks]:
    """A view of what is in the folder, and the checks to run on it."""
    root = Path(dataset)
    require_folder(root)
    plugins.load()
    checks = _select_checks(select, deep=deep)
    words = load_bids(bids)
    tree = walk(root, is_recording=partial(recordings, words))
    view = DatasetView(tree, schema or _choose_schema(tree))
    view.facts = gather(view, words, plain=plain, missing=missing)
    return view, tuple(check for check in checks if view.facts.mids or not check.mids)


def _issues(view: DatasetView, checks: Checks, jobs: int) -> Iterator[Issue]:
    """First what is wrong with the dataset, then with each subject."""
    run = _Run(DatasetView(view.tree.common(), view.schema, facts=view.facts), checks)
    yield from _keep_first_crashes(_find_issues(view, run, jobs))


def _find_issues(view: DatasetView, run: "_Run", jobs: int) -> Iterator[Issue]:
    yield from run.dataset(view)
    batches = _batches(view.tree.subjects())
    first = list(islice(batches, 2))
    if jobs > 1 and len(first) > 1:
        yield from _check_in_processes(chain(first, batches), run, jobs)
    else:
        for batch in chain(first, batches):
            yield from run.subjects(batch)


def _keep_first_crashes(found: Iterable[Issue]) -> Iterator[Issue]:
    """All issues, but of a check that crashes in the same way again and again only the first."""
    crashed: set[str] = set()
    for issue in found:
        if issue.code == CRASHED.code:
            if issue.message in crashed:
                continue
            crashed.add(issue.message)
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


# --- in other processes ----------------------------------------------------------------------------------


def _check_in_processes(batches: Iterator[Sequence[Part]], run: "_Run", jobs: int) -> Iterator[Issue]:
    """What `run` finds in the subjects, in their order; a few batches are under way at a time."""
    # Not fork: the caller may have threads.
    context = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
    context.set_forkserver_preload([__name__])
    codes = frozenset(check.definition.code for check in run.checks)
    begin = (run.common.tree, run.common.schema, run.common.facts, codes)
    waiting: deque[Future[list[Issue]]] = deque()
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=begin) as pool:
        for batch in batches:
            waiting.append(pool.submit(_run_batch, batch))
            if len(waiting) > WAITING * jobs:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


_RUNS: list["_Run"] = []
"""In a worker process: what it works on, for all of its batches."""


def _begin(common: Tree, schema: Schema, facts: Facts, codes: frozenset[str]) -> None:
    """Prepares a worker process; checks travel by their codes. The coordinator alone hears Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    plugins.load()
    checks = tuple(check for code, check in CHECKS.items() if code in codes)
    _RUNS[:] = [_Run(DatasetView(common, schema, facts=facts), checks)]


def _run_batch(batch: Sequence[Part]) -> list[Issue]:
    """What a worker process does."""
    return list(_RUNS[0].subjects(batch))


# --- checks on views -------------------------------------------------------------------------------------


PERS: Mapping[Kind, tuple[Per, ...]] = {
    "image": ("image", "content"),
    "sidecar": ("json", "sidecar", "content"),
    "json": ("json", "content"),
    "description": ("json",),
    "table": ("table", "content"),
    "document": ("content",),
}
"""Which checks look at a file of each kind, besides those of names for every file of a subject."""

Groups = tuple[tuple[Any, Checks], ...]
"""Checks by the question that decides whether they run."""


class _Run:
    """Checks, and the files that apply to all subjects."""

    def __init__(self, common: DatasetView, checks: Checks) -> None:
        self.common = common
        self.checks = checks
        self._groups: dict[tuple[Kind, bool], Groups] = {}

    def dataset(self, view: DatasetView) -> Iterator[Issue]:
        """The checks of the whole dataset, and of the files that belong to no subject."""
        files = self._files(view, (path for path in view.tree.files if not find_subject(path)))
        for issue in _keep_first_unreadable(chain(_run_checks(view, "dataset", "", self.checks), files)):
            # What can't be read below a subject is said there.
            if issue.code != "FILE_UNREADABLE" or issue.origin.startswith("layout") or not find_subject(issue.path):
                yield issue

    def subjects(self, batch: Iterable[Part]) -> Iterator[Issue]:
        """The checks of files and of subjects, for each subject."""
        for subject, tree in batch:
            view = DatasetView(tree, self.common.schema, self.common)
            files = self._files(view, (path for path in tree.files if not is_common(path)))
            yield from _keep_first_unreadable(chain(files, _run_checks(view, "subject", subject, self.checks)))
            view.forget()

    def _files(self, view: DatasetView, paths: Iterable[str]) -> Iterator[Issue]:
        """The checks that look at one file."""
        for path in paths:
            file = view.view(path)
            # Of what was not fetched only the name is known; an image has its sidecar beside it.
            kind = "other" if file.kind != "image" and file.is_absent else file.kind
            groups = self._of(kind, inside=bool(file.subject))
            if found := _run_groups(groups, file):
                yield from found

    def _of(self, kind: Kind, *, inside: bool) -> Groups:
        """The checks for a kind of file, in the order of their registration within a group."""
        if (kind, inside) not in self._groups:
            groups: dict[Any, list[Check]] = {}
            for per in (("file",) if inside else ()) + PERS.get(kind, ()) + ("bids",):
                for check in self.checks:
                    if check.per == per:
                        groups.setdefault(check.when, []).append(check)
            self._groups[kind, inside] = tuple((when, tuple(found)) for when, found in groups.items())
        return self._groups[kind, inside]


def _run_groups(groups: Groups, file: FileView) -> list[Issue]:
    """The checks of each group whose question about the file is answered yes."""
    issues: list[Issue] = []
    for when, group in groups:
        try:
            wanted = when is None or when(file)
        except OSError as error:
            issues.append(_unreadable(error, file.path, group[0], file.dataset.tree))
            continue
        except Exception as error:  # whatever it is, the run goes on and ends with exit code 3
            issues.append(_crash(error, file.path, group[0]))
            continue
        if wanted:
            for check in group:
                _run(check, file, file.path, issues)
    return issues


def _run_checks(view: DatasetView, per: Per, path: str, checks: Checks) -> Iterator[Issue]:
    """The checks that look at a dataset or a subject."""
    for check in checks:
        if check.per == per:
            issues: list[Issue] = []
            _run(check, view, path, issues)
            yield from issues


def _keep_first_unreadable(found: Iterable[Issue]) -> Iterator[Issue]:
    """All issues, that of an unreadable file only once."""
    unreadable = set()
    for issue in found:
        if issue.code == "FILE_UNREADABLE" and not issue.origin.startswith("layout"):
            if issue.path in unreadable:
                continue
            unreadable.add(issue.path)
        yield issue


def _run(check: Check, view: Any, path: str, issues: list[Issue]) -> None:
    """Adds what one check finds; its failure is an issue of its own and stops nothing."""
    try:
        for found in check.function(view):
            issues.append(_issue(check, Finding(found) if isinstance(found, str) else found, path))
    except OSError as error:
        tree = view.dataset.tree if isinstance(view, FileView) else view.tree
        issues.append(_unreadable(error, path, check, tree))
    except Exception as error:  # whatever it is, the run goes on and ends with exit code 3
        issues.append(_crash(error, path, check))


def _issue(check: Check, finding: Finding, path: str) -> Issue:
    """The issue of a finding; what it quotes of the dataset is left out where it looks like an identifier."""
    definition = check.definition
    message, value = finding.message, finding.value
    if any(kind != "date" for text in (message, value) for kind, _ in identify(text)):
        message, value = f"{definition.what} {NOT_SHOWN}", ""
    return Issue(
        definition.code,
        definition.level,
        message,
        finding.path or path,
        finding.where,
        value,
        finding.expected,
        definition.fix,
        _origin(check),
    )


def _origin(check: Check) -> str:
    return f"{check.family}.{check.function.__name__}"


def _unreadable(error: OSError, path: str, check: Check, tree: Tree) -> Issue:
    """The issue of a file that can't be read: the one that the error names, if it is one of the dataset."""
    unreadable = CHECKS["FILE_UNREADABLE"].definition
    message = f"can't read the file ({error.strerror or type(error).__name__})"
    root, name = f"{tree.root}/", str(error.filename)
    path = name.removeprefix(root) if name.startswith(root) else path
    return Issue(unreadable.code, unreadable.level, message, path, fix=unreadable.fix, origin=_origin(check))


def _crash(error: Exception, path: str, check: Check) -> Issue:
    # The text of the exception may hold what the file holds, so only its kind is told.
    message = f"the check {check.definition.code} stopped with {type(error).__name__}"
    return Issue(CRASHED.code, CRASHED.level, message, path, fix=CRASHED.fix, origin=_origin(check))


def _counts(view: DatasetView) -> Counts:
    tree = view.tree
    kinds = [classify_path(path) for path in tree.files]
    folders = [folder.split("/") for folder in tree.folders if folder.startswith("sub-")]
    return Counts(
        files=len(tree.files),
        bytes=sum(tree.files.values()),
        subjects=sum(len(parts) == 1 for parts in folders),
        sessions=sum(len(parts) == 2 and parts[1].startswith("ses-") for parts in folders),
        images=kinds.count("image"),
        tables=kinds.count("table"),
        ignored=tree.ignored,
        absent=sum(view.view(path).is_without_content for path in tree.files if tree.files[path] <= HOLLOW),
    )
