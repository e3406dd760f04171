"""Checks on views: which look at what, and what becomes of their findings, their failures and what can't be read."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from mids.checks import CHECKS, Check
from mids.dataset.disk.tree import Tree, find_subject, is_common
from mids.inspection.identifiers import identify
from mids.inspection.paths import Kind, classify_path
from mids.inspection.registry import BY_NAME, Finding, Per
from mids.inspection.views import DatasetView, FileView
from mids.issues import Issue
from mids.validation.outcome import CRASHED
from mids.validation.pipelines import is_for_pipelines, view_pipelines

NOT_SHOWN = "(the value looks like an identifier of a person and is not shown)"
WHOLE = ""
"""In place of a subject: the dataset as a whole, and the files of no subject."""

Checks = tuple[Check, ...]
Part = tuple[str, Tree]
"""A subject folder and what it holds."""


@dataclass(slots=True)
class Unit:
    """What was found in a subject, or in the dataset as a WHOLE.

    `asked` are the paths beyond the subject's own files that checks asked for, and whether they were there; it is
    complete when all issues have been taken.
    """

    name: str
    issues: Iterable[Issue]
    asked: Mapping[str, bool] = field(default_factory=dict)


PERS: Mapping[Kind, tuple[Per, ...]] = {
    "image": ("image", "content"),
    "sidecar": ("json", "sidecar", "content"),
    "json": ("json", "content"),
    "description": ("json", "content"),
    "table": ("table", "content"),
    "document": ("content",),
}
"""Which checks look at a file of each kind, besides those of names for every file of a subject."""

Groups = tuple[tuple[Any, Checks], ...]
"""Checks by the question that decides whether they run."""
KEYS = 1 << 12
"""For how many sets of keys the checks are remembered."""


class Plan:
    """The checks for files that are named alike, and those of them that are left for the keys of one of the files."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self._keys = frozenset().union(*(check.keys for _, group in groups for check in group))
        self._left: dict[frozenset[str], Groups] = {}

    def of(self, file: FileView) -> Groups:
        """The checks for a file, without those whose keys it says nothing of."""
        try:
            said = self._keys.intersection(file.said)
        except Exception:  # the check that asks for the same says what it is
            return self._groups
        left = self._left.get(said)
        if left is None:
            if len(self._left) >= KEYS:
                self._left.clear()
            left = self._left[said] = tuple(self._narrow(said))
        return left

    def _narrow(self, said: frozenset[str]) -> Iterator[tuple[Any, Checks]]:
        for when, group in self._groups:
            if left := tuple(check for check in group if not check.keys or not said.isdisjoint(check.keys)):
                yield when, left


class Run:
    """Checks, and the files that apply to all subjects."""

    def __init__(self, common: DatasetView, checks: Checks) -> None:
        self.common = common
        self.checks = checks
        self._plans: dict[tuple[Kind, bool], Plan] = {}

    def dataset(self, view: DatasetView) -> Unit:
        """The checks of the whole dataset, and of the files that belong to no subject."""
        return Unit(WHOLE, self._of_dataset(view), view.asked)

    def _of_dataset(self, view: DatasetView) -> Iterator[Issue]:
        files = self._files(view, (path for path in view.tree.files if not find_subject(path)))
        found = chain(_run_checks(view, "dataset", "", self.checks), files, self._of_pipelines(view))
        for issue in _keep_first_unreadable(found):
            # What can't be read below a subject is said there.
            if issue.code != "FILE_UNREADABLE" or issue.origin.startswith("layout") or not find_subject(issue.path):
                yield issue

    def _of_pipelines(self, view: DatasetView) -> Iterator[Issue]:
        """The checks of files in folders of derivatives that no part of MIDS describes."""
        run = Run(self.common, tuple(filter(is_for_pipelines, self.checks)))
        for part, own in view_pipelines(view):
            yield from _run_checks(part, "dataset", "", run.checks)
            yield from run._files(part, own)

    def subjects(self, batch: Iterable[Part]) -> Iterator[Unit]:
        """The checks of files and of subjects, for each subject."""
        for subject, tree in batch:
            view = DatasetView(tree, self.common.schema, self.common)
            files = self._files(view, (path for path in tree.files if not is_common(path)))
            issues = _keep_first_unreadable(chain(files, _run_checks(view, "subject", subject, self.checks)))
            yield Unit(subject, list(issues), view.asked)
            view.forget()

    def _files(self, view: DatasetView, paths: Iterable[str]) -> Iterator[Issue]:
        """The checks that look at one file."""
        for path in paths:
            # Nobody asks twice for what is not looked into: a tree of derivatives may hold millions.
            file = (
                FileView(path, view) if classify_path(path) == "other" and not find_subject(path) else view.view(path)
            )
            # Of what was not fetched only the name is known; an image has its sidecar beside it.
            kind = "other" if file.kind != "image" and file.is_absent else file.kind
            if found := _run_groups(self._for(file, kind).of(file), file):
                yield from found

    def _for(self, file: FileView, kind: Kind) -> Plan:
        """The checks for a file, without those of which its name says that they do not run."""
        shape, inside = file.shape, bool(file.subject)
        if not shape.is_shared or shape.parsed.problems:
            key = kind, inside
            if key not in self._plans:
                self._plans[key] = Plan(self._of(kind, inside=inside))
            return self._plans[key]
        known = kind, inside, file.is_folder
        found: Plan | None = shape.answers.get(known)
        if found is None:
            groups = self._of(kind, inside=inside)
            found = Plan(tuple((when, group) for when, group in groups if when not in BY_NAME or BY_NAME[when](file)))
            shape.answers[known] = found
        return found

    def _of(self, kind: Kind, *, inside: bool) -> Groups:
        """The checks for a kind of file, in the order of their registration within a group."""
        groups: dict[Any, list[Check]] = {}
        for per in (("file",) if inside else ()) + PERS.get(kind, ()) + ("bids",):
            for check in self.checks:
                if check.per == per:
                    groups.setdefault(check.when, []).append(check)
        return tuple((when, tuple(found)) for when, found in groups.items())


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
        origin_of(check),
    )


def origin_of(check: Check) -> str:
    """What an issue says of the check that found it."""
    return f"{check.family}.{check.function.__name__}"


def _unreadable(error: OSError, path: str, check: Check, tree: Tree) -> Issue:
    """The issue of a file that can't be read: the one that the error names, if it is one of the dataset."""
    unreadable = CHECKS["FILE_UNREADABLE"].definition
    message = f"can't read the file ({error.strerror or type(error).__name__})"
    root, name = f"{tree.root}/", str(error.filename)
    path = name.removeprefix(root) if name.startswith(root) else path
    return Issue(unreadable.code, unreadable.level, message, path, fix=unreadable.fix, origin=origin_of(check))


def _crash(error: Exception, path: str, check: Check) -> Issue:
    # The text of the exception may hold what the file holds, so only its kind is told.
    message = f"the check {check.definition.code} stopped with {type(error).__name__}"
    return Issue(CRASHED.code, CRASHED.level, message, path, fix=CRASHED.fix, origin=origin_of(check))
