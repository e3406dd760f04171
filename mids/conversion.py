"""A source collection in, a dataset out. Everything a user can ask of a conversion is an argument of `convert`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from mids import collections
from mids.deid.labels import Labels
from mids.deid.policy import Policy
from mids.deid.text.redact import redactor
from mids.deid.text.review import Row as Removed
from mids.deid.text.review import write_review
from mids.errors import MidsError
from mids.learned.views import ViewModel
from mids.plan import Context, Options, Outcome, Plan, build
from mids.plan.curation import Corrections
from mids.plan.image import patient_of
from mids.plan.layouts import find_layout
from mids.plan.privacy import Privacy
from mids.plan.selection import Names, Selection
from mids.plan.texts.files import Inventory, Text, Words, dataset_texts, sidecar_texts
from mids.plan.views import SHIPPED, choose_view_model, find_view_model, modelled
from mids.readers.dicom.scan import Scanner
from mids.readers.given import about as about_file
from mids.readers.given import curation as curation_table
from mids.readers.given import planned
from mids.readers.given.curation import Correction
from mids.records import About, Compression, Contours, Item, Json, Layout, Map, PatientKey, Person, Pixels
from mids.run.decided.choices import Choices, add_rows, applied_rows, bound_rows, held, join_rows, read_rows
from mids.run.decided.people import People, Said
from mids.run.decided.planned import check_listed
from mids.run.done import Done
from mids.run.request import make_request
from mids.run.road import Fact, Stage, travel
from mids.run.run import Progress
from mids.run.sources import published
from mids.vocabulary import clinical
from mids.vocabulary.schema import Schema

_OPTIONS = tuple(entry.name for entry in fields(Options))


class Conversion(Done):
    """What a conversion planned, did and found wrong."""

    __slots__ = ()


def convert(
    collection: str, source: str | Path, dataset: str | Path, *,
    dry_run: bool = False, jobs: int = 1, limit: int | None = None, include: Sequence[str] = (),
    exclude: Sequence[str] = (), pixels: Pixels | None = None, compression: Compression | None = None,
    cine: Literal["nifti", "png"] | None = None, contours: Contours | None = None,
    policy: Policy | None = None, id_table: str | Path | None = None, review: str | Path | None = None,
    key: str | Path | None = None, curation: str | Path | None = None, about: str | Path | None = None,
    layout: Layout | None = None, publish_sources: bool = False, show_paths: bool = False, dask: Any = "",
    issuer: str | None = None, site: str | None = None, change: Sequence[str] = (), forget: Sequence[str] = (),
    remove: int | None = 0, view_model: str | Path | None = None, plan: str | Path | None = None,
    progress: Progress = lambda done, total, path: None,
) -> Conversion:  # fmt: skip
    """Converts a source collection into a MIDS dataset, or goes on with an earlier run.

    `collection` is a name of `mids.collections`, or ``auto``: the one that the source proves to be, else `dicom`.
    `source` is a folder, a file or an archive; `dataset` is absent, empty, or made by an earlier run of the same
    collection, key and layout. `include` and `exclude` are ids or subject IDs, and globs where nobody is called so.
    `policy` (`mids.deid.policy`; the preset ``mids``) says what de-identification does. `issuer` is the
    IssuerOfPatientID of headers that have none; `site` stands in the column of that name. Images whose source files
    vanished are kept; at most `remove` of them go, all where it is None. `view_model` is a file of
    ``mids train views``, for radiographs whose headers and source say no view, ``shipped`` for the one that comes with
    the package (for new datasets the default), or ``none``; `plan` the table of an earlier dry run
    (`mids.run.decided.planned.write_plan`) with what a person changed in it. The other arguments are the flags of
    ``mids-convert`` (docs/commands.md). What is not given is as an earlier run on `dataset` was given it; a choice
    that was recorded changes only if `change` names it, and `forget` names choices to drop.

    A failing item becomes an Issue and the rest goes on. Raises `MidsError` where use or environment is wrong.
    """
    _check_use(limit, review, layout)
    given = partial(
        _tell_choices, curation=curation, about=about, pixels=pixels, compression=compression, cine=cine,
        contours=contours, layout=layout, publish_sources=publish_sources or None, view_model=view_model, plan=plan,
    )  # fmt: skip
    if collection == collections.AUTO:
        collection = collections.recognise_source(Path(source))
    reader = collections.find(collection)
    request = make_request(
        source, dataset, policy=policy, key=key, id_table=id_table, jobs=jobs, dask=dask, dry_run=dry_run,
        show_paths=show_paths, progress=progress, change=change, forget=forget, collection=collection, given=given,
        issuer=issuer, site=site, removes=remove, defaults=_tell_defaults,
    )  # fmt: skip
    values: Mapping[str, Any] = request.choices.values
    road = _Collection(
        collection, about_file.lay_over(reader.ABOUT, values.get("about", {})), clinical.load(collection).schema,
        request.dataset, Options(**{name: values[name] for name in _OPTIONS if name in values}),
        Selection(tuple(include), tuple(exclude), limit), read_rows(values.get("curation")),
        Path(review) if review else None, find_view_model(held(request.choices, "view-model")),
        Path(plan) if plan else None, publish_sources="publish-sources" in values,
    )  # fmt: skip
    return travel(road, request, Conversion)


def _check_use(limit: int | None, review: str | Path | None, layout: Layout | None) -> None:
    """Refuses what can't be meant, before anything is read or written."""
    if limit is not None and limit < 1:
        raise MidsError("--limit must be a whole number of 1 or more")
    if review and Path(review).exists():
        raise MidsError(f"{review} already exists: give another file for --review, or move it away")
    find_layout(layout or "mids")


def _tell_choices(
    known: Choices, root: Path, *, curation: str | Path | None, about: str | Path | None,
    view_model: str | Path | None, plan: str | Path | None, **plain: Json,
) -> Mapping[str, Json]:  # fmt: skip
    """The choices of a conversion by the names of their flags; files are read."""
    rows = join_rows(known, root, curation_table.read(Path(curation))) if curation else None
    if plan and (changes := planned.read(Path(plan))):
        rows = add_rows(known.values.get("curation") if rows is None else rows, changes)
    described = about_file.read(Path(about)) if about else None
    model = choose_view_model(Path(view_model)) if view_model else None
    values = {name.replace("_", "-"): value for name, value in plain.items()}
    return values | {"curation": rows, "about": described, "view-model": model}


def _tell_defaults() -> Mapping[str, Json]:
    """What holds for a new dataset where nobody decides, and goes on to hold for it in later versions."""
    return {"view-model": choose_view_model(SHIPPED)}


@dataclass(frozen=True, slots=True)
class _Collection:
    """The road of a source collection."""

    name: str
    about: About
    schema: Schema
    target: Path
    options: Options
    selection: Selection
    corrections: tuple[Correction, ...]
    review: Path | None
    view_model: ViewModel | None
    planned: Path | None
    publish_sources: bool
    removed: list[Removed] = field(default_factory=list, repr=False)
    met: dict[str, Said] = field(default_factory=dict, repr=False)
    emptiness: str = "the source holds nothing that this collection can convert"

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The collection, and the layout of names."""
        layout = f"{self.target} was made in another layout: give its --layout, or another DEST"
        return (
            Fact("collection", self.name, f"{self.target} was made from another collection: use another DEST"),
            Fact("layout", self.options.layout, layout, before="mids"),
        )

    def plan(self, stage: Stage, mapped: Map) -> Plan:
        """Reads the collection and plans the wanted subjects."""
        request, labels = stage.request, stage.labels
        redaction = redactor(request.policy, labels.pseudonyms.key)
        privacy = Privacy(labels, request.policy, stage.rules, redaction, removed=self.removed)
        elsewhere = applied_rows(request.choices, request.source, others=True)
        corrections = Corrections(self.corrections, elsewhere, bound_rows(request.choices))
        journal = stage.state.journal
        context = Context(self.schema, privacy, self.options, corrections, journal.names(), journal.given())
        scanner = Scanner(mapped, None if request.dry_run else stage.state.folder, request.issuer)
        root = labels.item("source root", str(request.source.resolve()))
        people = People(labels, journal, root)
        found = collections.find(self.name).read(request.source, scanner)
        with ExitStack() as stack:  # what a row stops leaves no index open
            stack.callback(getattr(found, "close", lambda: None))
            batches = people.check(found)
            wanted = self.selection.choose(_at_site(batches, request.site), lambda patient: _name(patient, labels))
            items = modelled(wanted, request.source, self.schema, self.view_model)
            plan = build(items, context, complete=self.selection.is_everything)
        if self.planned:
            check_listed(plan, self.planned)
        self.met.update(people.met)
        return replace(plan, complete=plan.complete and not people.is_torn)  # what is there of somebody else stays

    def write(self, stage: Stage, plan: Plan, inventory: Inventory, outcome: Outcome) -> Iterator[Text]:
        """Sidecars, tables, descriptions, and where the images come from."""
        if not stage.request.dry_run:
            stage.state.journal.meet(self.met)
        yield from write_texts(inventory, Words(self.about, self.schema, stage.request.policy))
        if next(inventory.images(), None):
            redaction = redactor(stage.request.policy, stage.labels.pseudonyms.key)
            typed = redaction.clean_label if self.about.ids == "real" else str
            yield from published(
                plan, stage.references, self.corrections, outcome, with_sources=self.publish_sources, cleaned=typed
            ).items()

    def finish(self, stage: Stage, plan: Plan, outcome: Outcome | None) -> None:
        """Writes what was taken out of texts, for a person to review."""
        if self.review:
            write_review(self.review, self.removed, stage.request.dataset)


def write_texts(inventory: Inventory, words: Words) -> Iterator[Text]:
    """Sidecars, tables and descriptions of a dataset."""
    yield from sidecar_texts(inventory)
    yield from dataset_texts(inventory, words)


def _at_site(batches: Iterable[Sequence[Item]], site: str) -> Iterator[Sequence[Item]]:
    """The items patient by patient, everybody at a site."""
    for items in batches:
        patient = patient_of(items) if site else None
        yield items if patient is None else [Person(patient, {"site": site}), *items]


def _name(patient: PatientKey, labels: Labels) -> Names:
    """What a patient may be called in --include and --exclude."""
    given = {labels.pseudonyms.subject(patient)} | ({labels.subject(patient)} if labels.is_known(patient) else set())
    return frozenset({patient.id, *given, *(f"sub-{label}" for label in given)})
