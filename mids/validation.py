"""Validates a dataset: one walk, then every selected check on every file, subject by subject."""

import multiprocessing
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import Any

from mids.checks import CHECKS, Check
from mids.checks.outcome import OWN, Counts, Report
from mids.checks.registry import Finding, Per
from mids.checks.tree import Tree, walk
from mids.checks.views import DatasetView, FileView, kind_of, subject_of
from mids.errors import MidsError
from mids.issues import Definition, Issue
from mids.schema import Schema, load

__all__ = ["Counts", "Report", "definitions", "validate"]

CRASHED = OWN["CHECK_CRASHED"]
BATCH = 500
"""Files that one task of a worker process holds, in whole subjects."""


def definitions() -> Mapping[str, Definition]:
    """Every code of the validator with its level, meaning, reason and remedy."""
    codes = {code: check.definition for code, check in CHECKS.items()}
    return {**codes, **OWN}


def validate(
    dataset: Path | str,
    *,
    jobs: int = 1,
    deep: bool = False,
    select: frozenset[str] = frozenset(),
    schema: Schema | None = None,
) -> Report:
    """Checks the dataset in the folder `dataset`, with `jobs` processes.

    `deep` also reads whole images. `select` holds codes or families of checks (names, layout, sidecars,
    images, tables, references, privacy): the others do not run. Raises `MidsError` where `dataset` is no
    folder, or a name in `select` is unknown.
    """
    root = Path(dataset)
    if not root.is_dir():
        raise MidsError(f"{root}: no such folder")
    checks = _selected(select, deep=deep)
    schema = schema or load()
    tree = walk(root)
    issues = list(_run_dataset(tree, schema, checks))
    batches = list(_batches(tree))
    if jobs > 1 and len(batches) > 1:
        # Not fork: the caller may have threads.
        context = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
        with ProcessPoolExecutor(min(jobs, len(batches)), mp_context=context) as pool:
            codes = frozenset(check.definition.code for check in checks)
            for found in pool.map(_run_batch, batches, [schema] * len(batches), [codes] * len(batches)):
                issues += found
    else:
        for batch in batches:
            issues += _run_subjects(batch, schema, checks)
    issues.sort(key=lambda issue: issue.path)
    crashed = any(issue.code == CRASHED.code for issue in issues)
    return Report(root.resolve().name, tuple(issues), _counts(tree), crashed)


def _selected(select: frozenset[str], *, deep: bool) -> tuple[Check, ...]:
    """The checks to run, in the order of their registration."""
    families = {check.family for check in CHECKS.values()}
    unknown = sorted(select - CHECKS.keys() - families)
    if unknown:
        raise MidsError(f"no check and no family of checks is called {', '.join(unknown)} (see --list-codes)")
    return tuple(
        check
        for code, check in CHECKS.items()
        if (deep or not check.deep) and (not select or code in select or check.family in select)
    )


def _batches(tree: Tree) -> Iterator[Tree]:
    """The tree in pieces of whole subjects, each with the files at the top that apply to all."""
    by_subject: dict[str, list[str]] = {}
    for path in tree.files:
        by_subject.setdefault(subject_of(path), []).append(path)
    top = [path for path in by_subject.pop("", ()) if "/" not in path]
    paths: list[str] = []
    subjects: set[str] = set()
    for subject, files in sorted(by_subject.items()):
        paths += files
        subjects.add(subject)
        if len(paths) >= BATCH:
            yield tree.part([*top, *paths], subjects)
            paths, subjects = [], set()
    if paths:
        yield tree.part([*top, *paths], subjects)


def _run_batch(tree: Tree, schema: Schema, codes: frozenset[str]) -> list[Issue]:
    """What a worker process does: checks travel by their codes."""
    return _run_subjects(tree, schema, tuple(check for code, check in CHECKS.items() if code in codes))


def _run_subjects(tree: Tree, schema: Schema, checks: tuple[Check, ...]) -> list[Issue]:
    """The checks of files and of subjects, for every subject in `tree`."""
    issues: list[Issue] = []
    top = [path for path in tree.files if "/" not in path]
    for subject, paths in groupby(sorted(tree.files, key=subject_of), subject_of):
        if subject:
            view = DatasetView(tree.part([*top, *paths], {subject}), schema)
            issues += _run_files(view, (p for p in view.tree.files if subject_of(p) == subject), checks)
            issues += _run_checks(view, "subject", subject, checks)
    return issues


def _run_dataset(tree: Tree, schema: Schema, checks: tuple[Check, ...]) -> Iterator[Issue]:
    """The checks of the whole dataset, and of the files that belong to no subject."""
    view = DatasetView(tree, schema)
    yield from _run_checks(view, "dataset", "", checks)
    yield from _run_files(view, (path for path in tree.files if not subject_of(path)), checks)


KINDS: Mapping[Per, Callable[[FileView], bool]] = {
    "file": lambda file: bool(file.subject),
    "image": lambda file: file.kind == "image",
    "json": lambda file: file.kind in ("sidecar", "json", "description"),
    "sidecar": lambda file: file.kind == "sidecar",
    "table": lambda file: file.kind == "table",
}


def _run_files(view: DatasetView, paths: Iterable[str], checks: tuple[Check, ...]) -> Iterator[Issue]:
    """The checks that look at one file."""
    by_kind = [(fits, [c for c in checks if c.per == per]) for per, fits in KINDS.items()]
    for path in paths:
        file = view.view(path)
        yield from _once(_run(check, file, path) for fits, selected in by_kind if fits(file) for check in selected)


def _run_checks(view: DatasetView, per: Per, path: str, checks: tuple[Check, ...]) -> Iterator[Issue]:
    """The checks that look at a dataset or a subject."""
    return _once(_run(check, view, path) for check in checks if check.per == per)


def _once(found: Iterable[Iterable[Issue]]) -> Iterator[Issue]:
    """All issues, that of an unreadable file only once."""
    unreadable = set()
    for issue in (issue for issues in found for issue in issues):
        if issue.code == "FILE_UNREADABLE" and not issue.origin.startswith("layout"):
            if issue.path in unreadable:
                continue
            unreadable.add(issue.path)
        yield issue


def _run(check: Check, view: Any, path: str) -> Iterator[Issue]:
    """What one check finds; its failure is an issue of its own and stops nothing."""
    definition = check.definition
    origin = f"{check.family}.{check.function.__name__}"
    try:
        for found in check.function(view):
            finding = Finding(found) if isinstance(found, str) else found
            yield Issue(
                definition.code,
                definition.level,
                finding.message,
                finding.path or path,
                finding.where,
                finding.value,
                finding.expected,
                definition.fix,
                origin,
            )
    except OSError as error:
        unreadable = CHECKS["FILE_UNREADABLE"].definition
        message = f"the file can't be read ({error.strerror or type(error).__name__})"
        yield Issue(unreadable.code, unreadable.level, message, path, fix=unreadable.fix, origin=origin)
    except Exception as error:  # whatever it is, the run goes on and ends with exit code 3
        # The text of the exception may hold what the file holds, so only its kind is told.
        message = f"the check {definition.code} stopped with {type(error).__name__}"
        yield Issue(CRASHED.code, CRASHED.level, message, path, fix=CRASHED.fix, origin=origin)


def _counts(tree: Tree) -> Counts:
    kinds = [kind_of(path) for path in tree.files]
    folders = [folder.split("/") for folder in tree.folders if folder.startswith("sub-")]
    return Counts(
        files=len(tree.files),
        bytes=sum(tree.files.values()),
        subjects=sum(len(parts) == 1 for parts in folders),
        sessions=sum(len(parts) == 2 and parts[1].startswith("ses-") for parts in folders),
        images=kinds.count("image"),
        tables=kinds.count("table"),
        ignored=tree.ignored,
    )
