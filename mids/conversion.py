"""The program: read, plan, run. Everything a user can ask of a conversion is an argument of `convert`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any, Literal

from mids import collections
from mids.deid.labels import Labels
from mids.deid.policy import Policy, preset
from mids.deid.pseudonyms import Pseudonyms
from mids.deid.references import References
from mids.deid.text.redact import redactor
from mids.deid.text.review import write_review
from mids.errors import MidsError
from mids.issues import Level, issue
from mids.plan import Context, Options, Outcome, Plan, build, compare
from mids.plan.compare import files_below
from mids.plan.image import source_id
from mids.plan.layouts import find_layout
from mids.plan.privacy import Privacy
from mids.plan.texts.files import Inventory, Words, dataset_texts, sidecar_texts
from mids.plan.views import modelled
from mids.readers.dicom.scan import Scanner
from mids.readers.given import about as about_file
from mids.readers.given import curation as curation_table
from mids.records import Compression, Contours, Item, Layout, Pixels
from mids.run import run
from mids.run.door import Done, checked, joined, lasting_key, told
from mids.run.pool import hired
from mids.run.run import Place, Progress
from mids.run.sources import published, write_sources
from mids.run.state import State, check_places
from mids.vocabulary import clinical

Extra = Callable[[Outcome], Mapping[str, str]]
"""What is added to the small files of a dataset once it is known what became of each job."""


class Conversion(Done):
    """What a conversion planned, did and found wrong."""

    __slots__ = ()


def convert(
    collection: str, source: str | Path, dataset: str | Path, *,
    dry_run: bool = False, jobs: int = 1, limit: int | None = None, include: Sequence[str] = (),
    exclude: Sequence[str] = (), pixels: Pixels = "window", compression: Compression = "fast",
    cine: Literal["nifti", "png"] = "nifti", contours: Contours = "corner",
    policy: Policy | None = None, id_table: str | Path | None = None, review: str | Path | None = None,
    key: str | Path | None = None, curation: str | Path | None = None, about: str | Path | None = None,
    layout: Layout = "mids", publish_sources: bool = False, show_paths: bool = False, dask: Any = "",
    progress: Progress = lambda done, total, path: None,
) -> Conversion:  # fmt: skip
    """Converts a source collection into a MIDS dataset, or goes on with an earlier run.

    `source` is a folder, a file or an archive; `dataset` must be absent, empty, or made by an earlier run of the same
    collection, key and layout. `limit` counts subjects; `include` and `exclude` are subject ids or globs. `jobs` is the
    number of worker processes; with `dask`, the address of a Dask scheduler (or a cluster object of Dask), its workers
    do the work: they must see source and destination at the same paths. `curation` is a table of corrections, `about` a
    YAML file that describes the dataset (title, authors, licence …). `contours` says where whole numbers lie in a pixel
    where a source of outlines does not. `policy` is what de-identification does (`mids.deid.policy`; the preset
    ``mids`` if none is given), and `id_table` the table of labels that its `ids` may ask for; the file `review`, which
    must not exist, gets what was removed from texts. `layout` says whose names and folders images get: ours, or those
    of a published dataset (`mids.plan.layouts`). A failing item becomes an Issue and the rest goes on.

    Raises `MidsError` where use or environment is wrong.
    """
    if jobs < 1 or (limit is not None and limit < 1):
        raise MidsError("--jobs and --limit must be whole numbers of 1 or more")
    if not str(source) or not str(dataset):
        raise MidsError("SOURCE and DEST must not be empty: give a path")
    if review and Path(review).exists():
        raise MidsError(f"{review} already exists: give another file for --review, or move it away")
    find_layout(layout)  # refuses a name that is none before anything is written
    root, target = Path(source).absolute(), Path(dataset).resolve()  # workers of a cluster start elsewhere
    reader = collections.find(collection)
    description = about_file.read(Path(about), reader.ABOUT) if about else reader.ABOUT
    check_places(Path(source), target)
    corrections = curation_table.read(Path(curation)) if curation else ()
    policy, schema = policy or preset("mids"), clinical.load(collection).schema
    own_key = Path(key) if key else None
    rules, table = checked(policy, key=own_key, id_table=Path(id_table) if id_table else None)
    lasting, key_made = lasting_key(policy, own_key, target)
    with hired(jobs, dask, root) as workers, State(target, dry_run=dry_run) as state:
        secret = lasting or state.random_key()
        labels = Labels(Pseudonyms(secret), description, policy.ids, table)
        _settle(state, target, collection=collection, key=secret.digest, layout=layout)
        options = Options(pixels, compression, cine, contours, layout)
        privacy = Privacy(labels, policy, rules, redactor(policy, secret))
        context = Context(schema, privacy, options, corrections, state.journal.names())
        with workers.reading() as mapped:
            batches = reader.read(root, Scanner(mapped, None if dry_run else state.folder))
            chosen = _chosen(batches, labels, include=include, exclude=exclude, limit=limit)
            plan = build(modelled(chosen, root, schema), context, complete=not (limit or include or exclude))
        plan = joined(plan, state, labels.item("source root", str(root.resolve())), policy, keep=not dry_run)
        plan = _checked(plan, include, exclude)
        references = References(labels.pseudonyms, show_paths=show_paths or labels.are_public)
        comparison = compare(plan, state.journal.known(), state.journal.texts(), files_below(target))
        outcome = None
        if not dry_run and plan.subjects:  # not where the source has vanished: nothing is removed for that
            extra = partial(published, plan, references, corrections, with_sources=publish_sources)
            texts = partial(_texts, words=Words(description, schema, policy), extra=extra)
            outcome = run(
                plan, Place(root, target, state.folder), state.journal, texts, workers=workers, progress=progress
            )
        is_sealed = policy.ids == "random" and outcome is not None
        if not dry_run:
            if review:
                write_review(Path(review), privacy.removed, target)
            write_sources(state.folder, plan, outcome, references, linked=not is_sealed)
        if is_sealed:
            state.seal()
    found = told(plan, outcome, references)
    return Conversion(target, plan, comparison, outcome, found, references, key_made, is_sealed)


def _settle(state: State, target: Path, *, collection: str, key: str, layout: Layout) -> None:
    """What every run on this dataset must share; raises `MidsError` where it differs."""
    settle = state.journal.settle
    settle("collection", collection, f"{target} was made from another collection: use another DEST")
    settle("key", key, f"{target} was made with another key: give that key, or another DEST")
    complaint = f"{target} was made in another layout: give its --layout, or another DEST"
    settle("layout", layout, complaint, before="mids")


def _texts(inventory: Inventory, outcome: Outcome, *, words: Words, extra: Extra) -> Iterator[tuple[str, str]]:
    """The small files of the dataset: sidecars, tables, descriptions, provenance."""
    yield from sidecar_texts(inventory)
    yield from dataset_texts(inventory, words)
    if next(inventory.images(), None):
        yield from extra(outcome).items()


def _chosen(
    batches: Iterator[Sequence[Item]], labels: Labels, *,
    include: Sequence[str], exclude: Sequence[str], limit: int | None,
) -> Iterator[Sequence[Item]]:  # fmt: skip
    """The batches of the wanted subjects, and those that belong to none."""

    def wanted(items: Sequence[Item]) -> bool:
        patient = source_id(items)
        names = (patient.split("|")[-1], labels.pseudonyms.subject(patient))
        is_in = not include or any(fnmatchcase(name, pattern) for name in names for pattern in include)
        return is_in and not any(fnmatchcase(name, pattern) for name in names for pattern in exclude)

    count = 0
    for items in batches:
        if not source_id(items):
            yield items
        elif wanted(items) and (limit is None or count < limit):
            count += 1
            yield items


def _checked(plan: Plan, include: Sequence[str], exclude: Sequence[str]) -> Plan:
    """Adds an Issue where the source holds nothing to convert and nothing says why."""
    if (include or exclude) and not plan.subjects:
        chosen = " ".join([*(f"--include {name}" for name in include), *(f"--exclude {name}" for name in exclude)])
        raise MidsError(f"{chosen} leaves no subject: give PatientIDs, subject IDs or globs of the source")
    if any(subject.jobs or subject.skipped or subject.issues for subject in plan.subjects) or not plan.complete:
        return plan
    if any(found.level is Level.ERROR for found in plan.issues):
        return plan
    found = issue("SOURCE_EMPTY", "the source holds nothing that this collection can convert", origin="plan")
    return replace(plan, issues=(*plan.issues, found))
