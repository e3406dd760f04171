"""DICOM in, DICOM out: what ``mids deidentify`` does. Everything a user can ask is an argument of `deidentify`."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from mids._version import __version__
from mids.actions.deidentify import Block, load_words, read_known
from mids.deid.headers.tables import edition
from mids.deid.known.known import Known
from mids.deid.policy import Policy
from mids.deid.text.dates import find_dates, has_spelt_day
from mids.deid.text.numbers import Numbers
from mids.deid.text.redact import Redacted, redactor
from mids.deid.text.rules import UNSURE
from mids.errors import MidsError
from mids.inspection.identifiers import identify
from mids.issues import Issue, issue
from mids.plan import Outcome, Plan
from mids.plan.curation import Corrections
from mids.plan.instances import Context, build, headers
from mids.plan.texts.files import Inventory, Text
from mids.readers.archives.files import batched, walk
from mids.readers.dicom.grouping.series import by_subject, subject_key
from mids.readers.dicom.scan import CHUNK, Scan
from mids.readers.given import curation as curation_table
from mids.readers.given.curation import Correction, written_alike
from mids.readers.given.embedding import HEADER_AGE, Embedding, recall_embedding
from mids.records import WITHDRAWN, About, Json, Map, Skipped, Source
from mids.run.decided.choices import applied_rows, bound_rows, join_rows, read_rows
from mids.run.decided.people import People, Said
from mids.run.done import Done
from mids.run.identities import write_map
from mids.run.request import Request, make_request
from mids.run.road import Fact, Stage, travel
from mids.run.run import Progress

ABOUT = About("deidentify", "De-identified DICOM", "DICOM files without what identifies the patient.")
FACTS = "deidentification.json"
"""The file in DEST that says what was done."""


class Deidentification(Done):
    """What a de-identification planned, did and found wrong."""

    __slots__ = ()


def deidentify(
    source: str | Path, dataset: str | Path, *,
    policy: Policy | None = None, key: str | Path | None = None, id_table: str | Path | None = None,
    embed: Embedding | None = None, curation: str | Path | None = None,
    map_file: str | Path | None = None, jobs: int = 1, dry_run: bool = False,
    dask: Any = "", issuer: str | None = None, change: Sequence[str] = (), forget: Sequence[str] = (),
    remove: int | None = 0,
    progress: Progress = lambda done, total, path: None,
) -> Deidentification:  # fmt: skip
    """De-identifies every DICOM file of `source` into the folder `dataset`, or goes on with an earlier run.

    `source` is a folder, a file or an archive; `dataset` must be absent, empty, or made by an earlier run with the
    same key and kind of ids. `policy` is a profile with its options (`mids.deid.policy`; the preset ``mids`` if none is
    given), `id_table` the table of labels that its `ids` may ask for, `embed` what goes into a private block,
    `curation` a table in which a person releases, redacts or excludes single files (docs/curation.md). `jobs` is
    the number of worker processes; with `dask`, the address of a Dask scheduler, its workers do the work: they get the
    key, and must see source and destination at the same paths. `map_file` gets old and new ids, readable by its owner
    only. A file that can't be de-identified is not delivered, becomes an Issue, and the rest goes on.

    `issuer` is the IssuerOfPatientID of headers that have none: equal PatientIDs of two issuers are two patients. What
    is not given is as an earlier run on `dataset` was given it; a choice that was recorded changes only if
    `change` names it, and `forget` names choices to drop.

    Files whose sources vanished are kept; at most `remove` of them go, all where it is None.

    Raises `MidsError` where use or environment is wrong.
    """
    request = make_request(
        source, dataset, policy=policy, key=key, id_table=id_table, jobs=jobs, dask=dask, dry_run=dry_run,
        progress=progress, change=change, forget=forget, issuer=issuer, removes=remove,
        given=lambda known, root: {
            "embed": asdict(embed) if embed else None,
            "curation": join_rows(known, root, curation_table.read(Path(curation))) if curation else None,
        },
    )  # fmt: skip
    recorded: Any = request.choices.values.get("embed")
    embed = recall_embedding(recorded) if recorded else None
    map_path = Path(map_file) if map_file else None
    _check_use(request, map_path)
    rows = read_rows(request.choices.values.get("curation"))
    return travel(_Files(request, embed, rows, map_path), request, Deidentification)


@dataclass(frozen=True, slots=True)
class _Files:
    """The road of DICOM files that stay DICOM files."""

    request: Request
    embed: Embedding | None
    rows: tuple[Correction, ...]
    map_file: Path | None
    met: dict[str, Said] = field(default_factory=dict, repr=False)
    decided_on: dict[str, list[Source]] = field(default_factory=dict, repr=False)
    about: About = ABOUT
    emptiness: str = "the source holds no DICOM file"

    @property
    def facts(self) -> tuple[Fact, ...]:
        """That DICOM was made, and the kind of ids."""
        target, ids = self.request.dataset, self.request.policy.ids
        return (
            Fact("collection", ABOUT.name, f"{target} was made by mids convert: give another DEST"),
            Fact("ids", ids, f"{target} was made with other --ids: give those, or another DEST"),
        )

    def plan(self, stage: Stage, mapped: Map) -> Plan:
        """Reads all headers and plans a file for each that can be de-identified."""
        request = stage.request
        elsewhere = applied_rows(request.choices, request.source, others=True)
        corrections = Corrections(self.rows, elsewhere, bound_rows(request.choices))
        root = stage.labels.item("source root", str(request.source.resolve()))
        people = People(stage.labels, stage.state.journal, root)
        found, kept_out, told = _known_people(_scanned(request, mapped), people)
        _check_titles(self.embed, found)
        blocks, refused = _blocks(self.embed)
        context = Context(stage.labels, request.policy, blocks, corrections)
        corrections.note(kept_out)
        self.decided_on.update(_find_images(self.rows, found))
        plan = build(found, request.source, context)
        self.met.update(people.met)
        issues, skipped = (*plan.issues, *refused, *told), (*plan.skipped, *kept_out)
        if plan.jobs and not request.dry_run:
            load_words(request.policy, stage.labels.pseudonyms.key)
        return replace(plan, complete=plan.complete and not people.is_torn, issues=issues, skipped=skipped)

    def write(self, stage: Stage, plan: Plan, inventory: Inventory, outcome: Outcome) -> Iterator[Text]:
        """What was done, and what the private block holds."""
        if not stage.request.dry_run:
            stage.state.journal.meet(self.met)
        files = {source.name: job.path for job in plan.jobs for source in job.action.sources}
        policy = stage.request.policy
        clean = replace(redactor(policy, stage.labels.pseudonyms.key), texts="tags").clean
        decided = [
            {"Image": files.get(row.file) or stage.references.of(row.file), "Decision": row.field,
             **self._explain(row, stage.request.source, clean)}
            for row in self.rows if row.decision not in plan.dropped
        ]  # fmt: skip
        return _texts(inventory, policy, self.embed, decided)

    def _explain(self, row: Correction, root: Path, clean: Callable[[str, Known], Redacted]) -> dict[str, Json]:
        """Who decided and why, without what the image's own header tells; nothing where there is no header to ask."""
        if row.file not in self.decided_on:
            return {"Who": "n/a", "Why": "n/a"}
        known = read_known(self.decided_on[row.file], root)
        return {"Who": clean(row.who, known).text, "Why": clean(row.why, known).text}

    def finish(self, stage: Stage, plan: Plan, outcome: Outcome | None) -> None:
        """Writes old and new ids side by side."""
        if outcome is not None and self.map_file:
            write_map(self.map_file, plan, outcome, stage.request.source, jobs=stage.request.jobs)


def _find_images(rows: Sequence[Correction], found: Scan) -> dict[str, list[Source]]:
    """The files that each row is about, by the name that it gives: a path or a SOPInstanceUID."""
    named: dict[str, list[Source]] = defaultdict(list)
    if rows:
        for instance in found.instances:
            for name in {instance.source.name, instance.text("SOPInstanceUID")}:
                named[written_alike(name)].append(instance.source)
    return {row.file: named[written_alike(row.file)] for row in rows if written_alike(row.file) in named}


def _known_people(found: Scan, people: People) -> tuple[Scan, list[Skipped], list[Issue]]:
    """The files of who is known as the same person, or not known; what of the others is left out, and what is told."""
    kept, skipped, told = Scan(issues=found.issues, others=found.others), list[Skipped](), list[Issue]()
    for group in by_subject(found.instances):
        reason = people.keep_out(subject_key(group[0]), [instance.header for instance in group])
        sources = tuple(instance.source for instance in group)
        if not reason:
            kept.instances += group
        elif reason == WITHDRAWN:
            images = frozenset(instance.text("SOPInstanceUID") for instance in group)
            skipped.append(Skipped(sources, reason, instances=images))
        else:
            skipped.append(Skipped(sources, f"lost: {reason}", status="lost"))
            told.append(issue("PATIENT_CONTRADICTED", reason, sources[0].name, origin="read"))
    return kept, skipped, told


def _check_use(request: Request, map_file: Path | None) -> None:
    """Refuses what can't be meant, before anything is read or written."""
    policy = request.policy
    if policy.texts == "keep" and {"clean_descriptors", "clean_structured_content"} & policy.options:
        raise MidsError(
            "--texts keep contradicts the options clean_descriptors and clean_structured_content: remove one of them"
        )
    if policy.ids == "random" and map_file:
        raise MidsError("random IDs can't be mapped back: remove --write-map, or choose --ids keyed")
    if map_file and request.dataset in map_file.resolve().parents:
        raise MidsError("--write-map lies inside DEST, and would be published with it: give a file elsewhere")
    if map_file and map_file.exists():
        raise MidsError(f"{map_file} already exists: give another file, or move it away")


def _scanned(request: Request, mapped: Map) -> Scan:
    """What the headers of the source say."""
    root = request.source
    batches = list(batched(walk(root), CHUNK))
    everything = Scan()
    read = partial(headers, root=root, issuer=request.issuer, stacks=request.policy.face_rule == "deface")
    for found in mapped(read, batches):
        everything.instances += found.instances
        everything.issues += found.issues
        everything.others += found.others
    return everything


def _told(value: str) -> set[str]:
    """What the rules for texts find in a cell: days (a month and a year may stay), and numbers of a person."""
    has_day = any(found.day != (0, 0) for found in find_dates(value)) or has_spelt_day(value)
    has_number = any(span.source not in UNSURE - {"long number", "uid"} for span in Numbers().find(value))
    return {word for word, is_there in (("date", has_day), ("number", has_number)) if is_there}


def _check_titles(embed: Embedding | None, found: Scan) -> None:
    """Refuses columns that are titled like a person, an ID or a day: the titles are published."""
    people = [one for one in found.instances if embed and one.text("PatientID") in embed.rows]
    known = Known(tuple(sorted({one.text("PatientName") for one in people})))
    for number, title in enumerate(embed.columns if embed else (), start=2):
        is_id = any(len(patient) > 3 and patient in title for patient in embed.rows) if embed else False
        if is_id or _told(title) or any(identify(title)) or known.is_told(title):
            raise MidsError(f"column {number} of the table to embed is titled like a person, an ID or a day: rename it")


def _blocks(embed: Embedding | None) -> tuple[dict[str, Block], list[Issue]]:
    """The private block of each patient, and what of the table is refused: values that may tell who somebody is."""
    blocks: dict[str, Block] = {}
    refused: list[Issue] = []
    if embed is None:
        return blocks, refused
    vrs = [embed.vr(number) for number in range(len(embed.columns))]
    for patient, row in embed.rows.items():
        values = []
        for number, value in enumerate(row):
            kinds = sorted({*(kind for kind, _ in identify(value)), *_told(value)})
            if kinds or (len(patient) > 3 and patient in value):
                what = ", ".join(kinds) or "the patient's id"
                message = f"a value that looks like an identifier ({what}) is not embedded"
                where = f"line {embed.lines[patient]}, column {number + 2}"
                refused.append(replace(issue("EMBED_REFUSED", message, origin="plan"), where=where))
            elif value:
                values.append((embed.elements[number], vrs[number], value))
        if values:
            blocks[patient] = Block(embed.group, embed.creator, tuple(values))
    return blocks, refused


def _texts(
    inventory: Inventory, policy: Policy, embed: Embedding | None, decided: Sequence[Mapping[str, Json]]
) -> Iterator[Text]:
    """The one small file of DEST: what was done, and what the private block holds."""
    if next(inventory.images(), None) is None:
        return
    done: dict[str, Json] = {
        "GeneratedBy": {"Name": "mids", "Version": __version__},
        "Standard": f"DICOM PS3.15 Annex E, Table E.1-1 {edition().name}",
        "Profile": policy.name,
        "Options": list[Json](sorted(policy.stated)),
        "Ids": policy.ids,
        "Dates": policy.dates,
        "Times": policy.times,
        "Ages": policy.ages,
        "Texts": policy.texts,
        "BurnedInText": policy.burned_in,
        "TextSearch": policy.detect,
        "Faces": policy.face_rule,
    }
    if kept := sorted(override.attribute for override in policy.overrides if override.action in ("K", "C")):
        done["Kept"] = list[Json](kept)
    if embed is not None:
        elements: dict[str, Json] = {
            f"({embed.group:04X},10{embed.elements[number]:02X})": {"Name": column, "VR": embed.vr(number)}
            for number, column in enumerate(embed.columns)
            if embed.elements[number] != HEADER_AGE
        }
        done["PrivateBlock"] = {"PrivateCreator": embed.creator, "Elements": elements}
    if decided:
        done["Curation"] = [dict(row) for row in decided]
    for key in ("BlankedRegions", "BurnedInTextSearch"):
        if said := {image.path: image.sidecar[key] for image in inventory.images() if image.sidecar.get(key)}:
            done[key] = said
    if methods := Counter(str(image.sidecar["Defaced"]) for image in inventory.images() if "Defaced" in image.sidecar):
        done["Defaced"] = dict[str, Json](methods)
    yield FACTS, json.dumps(done, indent=2, ensure_ascii=False) + "\n"
