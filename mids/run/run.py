"""Runs a plan: makes what is left to do, moves it in, writes the tables, removes what is superseded."""

import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from mids.dataset.disk.progress import watched_steps
from mids.errors import MidsError
from mids.issues import Issue, issue
from mids.plan.compare import Comparison, compare, files_below
from mids.plan.job import NOBODY, Job, Outcome, Plan, Subject
from mids.plan.texts.files import Inventory
from mids.readers.archives.files import archive_order
from mids.records import Source
from mids.run.disk import is_damaged, mark
from mids.run.journal import Journal
from mids.run.moving import Place, check_result, moving, remove, scratch_folder
from mids.run.pool import Failed, Finished, Workers, work
from mids.run.texts import Change, Held, preview_texts, write_texts

Progress = Callable[[int, int, str], None]
"""Called with how many jobs are done, how many there are, and the path of the last one."""

Texts = Callable[[Inventory, Outcome], Iterable[tuple[str, str]]]
"""The small files of a dataset (path, content), from what the journal knows is there and what became of each job."""


def run(
    plan: Plan, place: Place, journal: Journal, texts: Texts, *,
    workers: Workers, progress: Progress = lambda done, total, path: None, forgets_edits: bool = False,
) -> Outcome:  # fmt: skip
    """Makes everything of the plan that is not done yet.

    `texts` gives the small files of the dataset: sidecars, tables, descriptions; with `forgets_edits`, what a person
    changed in them is lost. Raises `MidsError` where the
    destination can't take the result; what is finished by then stays, and the next run goes on from there.
    """
    comparison = survey(plan, place, journal, keep=True)
    todo = {*comparison.new, *comparison.stale}
    _check_space(comparison.needed, place)
    journal.give_names(plan)
    issues = [*_foreign(comparison, journal.texts()), *_kept_or_mended(comparison)]
    made: list[str] = []
    crashes: list[str] = []
    with scratch_folder(place), moving(place, journal) as mover, watched_steps("images made") as tell:
        for number, (job, came) in enumerate(_results(plan, todo, place, workers), start=1):
            result = check_result(job, came, place.scratch) if isinstance(came, Finished) else came
            if isinstance(result, Finished):
                issues += mover.add(job, result)
                made.append(job.path)
            else:
                issues.append(issue(result.code, result.message, job.path, origin="run"))
                crashes += [result.crash] if result.crash else []
            tell(number, len(todo), number - len(made))
            progress(number, len(todo), job.path)
    retained = {*_retained(plan, comparison, {found.path: found.code for found in issues}, journal)} - {*made}
    issues = [_as_kept(found) if found.path in retained else found for found in issues]
    lost = _lost(plan, {*made, *comparison.done, *retained})
    removed = _remove_unwanted(plan, comparison, lost, place, journal)
    issues += _unsaid(plan, lost, {found.path: found.code for found in issues}, journal)
    outcome = Outcome(
        tuple(path for path in made if path not in lost),
        tuple(path for path in (*comparison.done, *sorted(retained)) if path not in lost),
        tuple(sorted(lost)),
        (),
        tuple(issues),
        tuple(crashes),
    )
    held = _held(comparison, forgets=forgets_edits)
    gone, told = write_texts(place, journal, texts(journal, outcome), held)
    return replace(outcome, removed=(*removed, *gone), issues=(*issues, *told))


def survey(plan: Plan, place: Place, journal: Journal, *, keep: bool) -> Comparison:
    """What is left to do: the plan against the journal and against the files that are there, damage told apart.

    `keep` has the journal learn the times of files that were copied, and that hold what they held.
    """
    dataset = place.dataset
    known, texts, present = journal.known(), journal.texts(), files_below(dataset)
    ours = {path: stamp for entry in known.values() for path, stamp in entry.outputs.items()} | texts
    differing = [path for path, stamp in ours.items() if path in present and present[path] != stamp]
    copied = [
        path for path in differing if present[path][0] == ours[path][0] and _holds(dataset / path, journal.marks(path))
    ]
    if keep and copied:
        journal.restamp({path: present[path] for path in copied})
    present |= {path: ours[path] for path in copied}
    damaged = [
        path
        for path in differing
        if present[path] != ours[path] and _is_damaged(dataset / path, ours[path][0], journal.marks(path))
    ]
    empty = partial(_is_empty, place.source)
    return compare(plan, known, texts, present, damaged=damaged, origins=journal.origins, is_empty=empty)


def _is_empty(source: Path, name: str) -> bool:
    """Whether a folder of the source is there and holds nothing."""
    try:
        return not any((source / name).iterdir())
    except (OSError, ValueError):  # no folder, or none that can be read
        return False


def _holds(path: Path, marks: str) -> bool:
    """Whether a file has the content that it was given."""
    try:
        return not path.is_symlink() and bool(marks) and mark(path) == marks
    except OSError:
        return False


def _is_damaged(path: Path, size: int, marks: str) -> bool:
    try:
        return not path.is_symlink() and is_damaged(path, size, marks)
    except OSError:
        return False  # what can't be read is not ours to replace


def _remove_unwanted(plan: Plan, comparison: Comparison, lost: set[str], place: Place, journal: Journal) -> list[str]:
    """Removes what is superseded, and what a lost job left of an earlier run; the journal learns of the plan."""
    known = journal.known()
    _describe(plan, comparison, journal)
    failed = lost & set(known) - {*comparison.blocked}
    unwanted = [*comparison.superseded, *(path for image in failed for path in known[image].outputs)]
    untouched = {*comparison.foreign, *comparison.changed}
    removed = remove(sorted({*unwanted} - untouched), place, journal)
    journal.forget([path for path in known if not (place.dataset / path).exists()])
    return removed


def _describe(plan: Plan, comparison: Comparison, journal: Journal) -> None:
    vanished = {path.split("/", 1)[0].removeprefix("sub-") for path in comparison.vanished}
    for subject in plan.subjects:
        journal.describe(subject, adds=plan.adds or subject.label in vanished)
    journal.describe(Subject(NOBODY, entries=plan.entries), adds=plan.adds)


def rehearse(
    plan: Plan, place: Place, comparison: Comparison, journal: Journal, texts: Texts, *, forgets_edits: bool = False
) -> tuple[Change, ...]:
    """What would become of the small files; what making an image finds out (its size in pixels) is not known yet."""
    copy = journal.copy()
    new = {*comparison.new}
    for job in (job for subject in plan.subjects for job in subject.jobs if job.path in new):
        copy.announce([(job, "", {}, {})])
        copy.finish([(job, "planned", {}, {})])
    _describe(plan, comparison, copy)
    copy.forget(comparison.superseded)
    outcome = Outcome((*comparison.new, *comparison.stale), comparison.done, (), (), ())
    changes = [*preview_texts(place, copy, texts(copy, outcome), _held(comparison, forgets=forgets_edits))]
    copy.close()
    return tuple(changes)


def _held(comparison: Comparison, *, forgets: bool) -> Held:
    foreign, changed, damaged = map(frozenset, (comparison.foreign, comparison.changed, comparison.damaged))
    return Held(foreign, changed, damaged, forgets=forgets)


def _retained(plan: Plan, comparison: Comparison, codes: Mapping[str, str], journal: Journal) -> Iterator[str]:
    """The images that could not be made again, of which nothing but a source is another: they stay for a better night.

    Where the policy, an option or the program is another, what an earlier run left is not what is wanted.
    """
    failed = {path for path in comparison.stale if not codes.get(path, "PRIVACY_").startswith("PRIVACY_")}
    known = journal.known() if failed else {}
    for job in (job for subject in plan.subjects for job in subject.jobs if job.path in failed):
        if known[job.path].digest == job.digest(journal.sources(job.path)):
            yield job.path


def _as_kept(found: Issue) -> Issue:
    return replace(found, message=f"{found.message}; the image that an earlier run made is kept")


def _lost(plan: Plan, there: set[str]) -> set[str]:
    """The images that were not delivered; a label map without its image lies on nothing."""
    lost = {job.path for job in plan.jobs if job.path not in there}
    return lost | {job.path for job in plan.jobs if job.of in lost} if lost else lost


def _unsaid(plan: Plan, lost: set[str], codes: Mapping[str, str], journal: Journal) -> Iterator[Issue]:
    """An Issue for each session whose images were all lost, and with them the rows that tables have of it.

    A subject that lost all its images is in no table at all, which the images' own Issues say.
    """
    gone: dict[tuple[str, str], list[str]] = {}
    for job in (job for job in plan.jobs if job.row and job.path in lost) if lost else ():
        gone.setdefault((job.subject, f"ses-{job.session}"), []).append(codes.get(job.path, ""))
    there = {(image.subject, f"ses-{image.session}") for image in journal.images()} if gone else set()
    people = {label for label, _ in there} & {label for label, _ in gone.keys() - there}
    for subject in (subject for subject in plan.subjects if subject.label in people) if people else ():
        rows = Counter((subject.label, entry.row.get("session_id", "")) for entry in subject.entries)
        for session in sorted((gone.keys() - there) & rows.keys()):
            is_withheld = all(code.startswith("PRIVACY_") for code in gone[session])
            code = "PRIVACY_HELD_BACK" if is_withheld else "ENTRY_UNMATCHED"
            message = f"{rows[session]} rows of tables are about a session of which no image was delivered: left out"
            yield issue(code, message, f"sub-{subject.label}", origin="run")


def _check_space(needed: int, place: Place) -> None:
    """Refuses to start where the disk can't take the outputs: they are hardly ever larger than their sources."""
    free = shutil.disk_usage(place.state).free
    if needed > free:
        raise MidsError(
            f"DEST has {_size(free)} free and needs up to {_size(needed)}: "
            "free some space, or convert fewer subjects with --limit"
        )


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _foreign(comparison: Comparison, texts: Collection[str]) -> Iterator[Issue]:
    renamed = _renamed(comparison)
    for folder, subject in renamed.items():
        message = f"the folder holds files of {subject}, whose images are made again: remove it, or rename it back"
        yield issue("SUBJECT_RENAMED", message, folder, origin="run")
    for path in comparison.foreign:
        if path.partition("/")[0] in renamed:
            continue
        yield issue("FOREIGN_FILE", "this program did not make the file; it is kept", path, origin="run")
    for path in sorted({*comparison.changed} - {*texts}):  # of small files `mids.run.texts` tells
        message = (
            "the file was changed since it was made; it is kept as it is: to have it made again, delete it and run"
        )
        yield issue("FOREIGN_FILE", message, path, origin="run")
    for path in comparison.blocked:
        message = "in the way: this program did not make the file, or it was changed since"
        yield issue("FOREIGN_IN_THE_WAY", message, path, origin="run")


def _renamed(comparison: Comparison) -> dict[str, str]:
    """Folders of subjects that are not ours, though their files are called as those of a subject of ours."""
    ours = {job.partition("/")[0] for job in (*comparison.done, *comparison.new, *comparison.stale)}
    parts = (path.split("/") for path in comparison.foreign if path.startswith("sub-") and "/" in path)
    return {folder: found for folder, *_, name in parts if (found := name.partition("_")[0]) in ours - {folder}}


def _kept_or_mended(comparison: Comparison) -> Iterator[Issue]:
    """What is told of images whose source is not there any more, and of what a power cut left."""
    if count := len(comparison.vanished):
        message = f"a source of {count} images is gone, can't be read, or no table names it: the images are kept"
        if gone := count - len(comparison.hidden):
            message += f"; if it is gone for good, run again with --remove {gone}"
        yield issue("SOURCE_VANISHED", message, comparison.vanished[0], origin="run")
    for path in comparison.damaged:
        message = "the file was empty, cut off or filled with zeros, as after a power cut: it is made again"
        yield issue("OUTPUT_DAMAGED", message, path, origin="run")


def _results(plan: Plan, todo: set[str], place: Place, workers: Workers) -> Iterator[tuple[Job, Finished | Failed]]:
    function = partial(_work, root=place.source, scratch=place.scratch)
    waiting = _in_order(plan, todo, place)
    return workers.making(function, waiting, lambda job: Failed("WORKER_DIED", "its process died"))


def _in_order(plan: Plan, todo: set[str], place: Place) -> Iterator[Job]:
    """Subject by subject, the one with the largest job first, so that the last job to end is short.

    Members of archives that are read in order come as they lie in them.
    """
    places = _Places(place.source)
    firsts: list[tuple[tuple[str, int, int, str], int]] = []
    for number, subject in enumerate(plan.subjects):
        keys = [places.key(job) for job in subject.jobs if job.path in todo]
        firsts += [(min(keys), number)] if keys else []
    for _, number in sorted(firsts):
        jobs = [job for job in plan.subjects[number].jobs if job.path in todo]
        yield from sorted(jobs, key=places.key)


class _Places:
    """Where members lie in archives that are read in order; each archive is listed once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._archives: dict[str, Mapping[str, int]] = {}

    def key(self, job: Job) -> tuple[str, int, int, str]:
        """What jobs are sorted by."""
        first = job.action.sources[0] if job.action.sources else Source("")
        if first.path not in self._archives and first.member:
            self._archives[first.path] = archive_order(self._root, first.path)
        number = self._archives.get(first.path, {}).get(first.member)
        size = sum(source.size for source in job.action.sources)
        return ("", 0, -size, job.path) if number is None else (first.path, number, 0, job.path)


def _work(job: Job, root: Path, scratch: Path) -> Finished | Failed:
    result = work(job, root, scratch)
    return check_result(job, result, scratch) if isinstance(result, Finished) else result
