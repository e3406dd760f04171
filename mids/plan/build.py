"""From records to jobs: names, modality, 2D or 3D, pseudonyms and shifted dates, all decided here."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from mids.actions.frames import Frames
from mids.actions.nifti import Nifti
from mids.actions.picture import Picture
from mids.actions.png import Png
from mids.actions.volumes.dcm2niix import NATIVE
from mids.actions.volumes.volume import Volume
from mids.deid.burned.evidence import decide, screen
from mids.issues import Issue, issue
from mids.plan.curation import Corrections, corrected
from mids.plan.image import Context, Image, acquired, moment, session, source_id
from mids.plan.job import Job, Plan, Subject, TableRow
from mids.plan.layouts import counted, entities, is_published, parts, same_but_numbers, written
from mids.plan.naming import Described, describe
from mids.plan.regions import Target, region_jobs
from mids.plan.shelf import Shelf
from mids.plan.texts.entries import Known, resolved
from mids.plan.texts.rows import participant, scan, sessions
from mids.plan.texts.sidecar import sidecar
from mids.records import (
    ORIGINAL_REPORT,
    Action,
    Entry,
    Item,
    MaskFile,
    Record,
    Regions,
    Skipped,
    Visit,
)  # fmt: skip
from mids.vocabulary.names import Name, parse
from mids.vocabulary.names import build as build_name


def build(subjects: Iterable[Sequence[Item]], context: Context, *, complete: bool = True) -> Plan:
    """The plan of a source whose items come subject by subject; collisions of labels are issues.

    `complete` says that no subject was left out, so that earlier outputs of others may be removed.
    """
    shelf = Shelf()
    planned: dict[str, str] = {}
    issues: list[Issue] = []
    skipped: list[Skipped] = []
    entries: list[TableRow] = []
    corrections = Corrections(context.corrections)
    held = 0
    for items in subjects:
        patient = source_id(items)
        if not patient:
            issues += [item for item in items if isinstance(item, Issue)]
            skipped += [item for item in items if isinstance(item, Skipped)]
            entries += [TableRow(item.table, item.values) for item in items if isinstance(item, Entry)]
            continue
        if not context.labels.is_known(patient):
            issues += _unlisted(items)
            continue
        label = context.labels.subject(patient)
        if label.lower() in planned and context.labels.are_public:
            label = context.labels.apart(patient)
        if context.privacy.policy.reports == "hold":
            held += sum(isinstance(item, Entry) and ORIGINAL_REPORT in item.values for item in items)
        subject = _subject(items, label, context, corrections)
        if label.lower() not in planned:
            planned[label.lower()] = label
            shelf.add(subject)
        elif subject.jobs:
            issues.append(issue("SUBJECT_COLLISION", "two patients get one label", subject.label, origin="plan"))
        else:
            shelf.replace(_joined(shelf.labelled(planned[label.lower()]), subject))
    if held:
        message = f"{held} reports may name patients and are left out: take them with --reports clean, and review them"
        issues.append(issue("PRIVACY_HELD_BACK", message, "derivatives/ehr/reports.tsv", origin="plan"))
    if complete:
        issues += corrections.unmatched()
    return Plan(shelf, tuple(issues), tuple(skipped), complete, tuple(entries))


def _joined(one: Subject, other: Subject) -> Subject:
    """A subject with what was skipped and found wrong under its label without any image."""
    return replace(one, skipped=(*one.skipped, *other.skipped), issues=(*one.issues, *other.issues))


def _unlisted(items: Sequence[Item]) -> Iterator[Issue]:
    """A patient whom the table of labels does not name: nothing of it is delivered."""
    for record in (item for item in items if isinstance(item, Record)):
        message = "the table of labels does not hold this patient: nothing of it is delivered"
        yield issue("PATIENT_UNLISTED", message, record.sources[0].name, origin="read")


def _subject(items: Sequence[Item], label: str, context: Context, corrections: Corrections) -> Subject:
    records = [item for item in items if isinstance(item, Record)]
    context = replace(context, privacy=context.privacy.of(source_id(items), records))
    skipped = [item for item in items if isinstance(item, Skipped)]
    issues = [item for item in items if isinstance(item, Issue)]
    images: list[Image] = []
    for record in records:
        described = describe(record, context.schema)
        decision = decide(record, context.privacy.policy)
        if described is None:
            message = "its Modality is none that the vocabulary has a suffix for"
            issues.append(issue("MODALITY_UNKNOWN", message, record.sources[0].name, origin="read"))
        elif decision.outcome == "hold":
            reason = f"held back: {decision.reason}"
            issues.append(issue("PRIVACY_HELD_BACK", reason, record.sources[0].name, origin="read"))
            skipped.append(Skipped(record.sources, reason, record.subject, record.series))
        else:
            if decision.outcome == "report":
                issues.append(issue("PRIVACY_TEXT_KEPT", decision.reason, record.sources[0].name, origin="read"))
            images += [replace(image, decision=decision) for image in _images(record, described, context)]
    named, problems = _curated(_named(images, label, context), label, context, corrections, skipped)
    jobs = [_job(image, label, context) for image in named]
    targets = {image.record.image: Target(image.record, job) for image, job in zip(named, jobs, strict=True)}
    left = {item.image for item in items if isinstance(item, Record)} - set(targets)
    drawn = [item for item in items if isinstance(item, Regions | MaskFile) and item.image not in left]
    skipped += [_undelivered(item) for item in items if isinstance(item, Regions | MaskFile) and item.image in left]
    regions = list(region_jobs(drawn, targets, context.options.compression, context.options.contours))
    jobs += [job for job in regions if isinstance(job, Job)]
    known = Known(
        label,
        {image.record.study: session(image, context) for image in named},
        {key: target.job.path for key, target in targets.items()},
    )
    treated = partial(context.privacy.row, patient=source_id(items))
    rows = list(resolved([item for item in items if isinstance(item, Entry)], known, context.schema, treated))
    issues += [*problems, *(found for found in (*regions, *rows) if isinstance(found, Issue)), *_collisions(jobs)]
    visits = {(item.study): item.columns for item in items if isinstance(item, Visit)}
    return Subject(
        label,
        row=participant(named, label, items, context),
        sessions=sessions(named, visits, context),
        jobs=tuple(jobs),
        entries=tuple(row for row in rows if isinstance(row, TableRow)),
        skipped=tuple(skipped),
        issues=tuple(issues),
    )


def _undelivered(item: Regions | MaskFile) -> Skipped:
    return Skipped((item.source,), "regions of an image that is not delivered", item.subject)


def _images(record: Record, described: Described, context: Context) -> Iterator[Image]:
    made = moment(record)
    # The place in the series changes when a file comes between others: it counts only where nothing else tells.
    own = str(record.part) if record.kind == "volume" else record.instance or str(record.part)
    key = context.labels.item(record.subject, record.study, record.series, own)
    frames = record.header.get("NumberOfFrames")
    if record.kind == "frames" and context.options.cine == "png" and isinstance(frames, int):
        for frame in range(frames):
            yield Image(record, described, f"{key}.{frame + 1}", made, frame)
    else:
        yield Image(record, described, key, made)


def _named(images: Sequence[Image], label: str, context: Context) -> list[Image]:
    """Gives every image its run and chunk (acq): contiguous by what the layout counts, in order of acquisition.

    Names of earlier runs are kept; new images get the numbers after them.
    """
    groups: dict[tuple[object, ...], list[Image]] = defaultdict(list)
    series: dict[tuple[str, str], list[str]] = defaultdict(list)
    layout = context.options.layout
    for image in sorted(images, key=acquired):
        visit = session(image, context)
        groups[visit, *counted(image.described, layout)].append(image)
        if is_published(image.described.suffix, layout):
            series[visit, image.record.series or image.key].append(image.key)
    numbers = {key: number for keys in series.values() for key, number in parts(keys, context.known, layout).items()}
    return [named for group in groups.values() for named in _numbered(group, numbers, label, context)]


def _numbered(group: Sequence[Image], numbers: Mapping[str, int], label: str, context: Context) -> Iterator[Image]:
    """The images of a group with their run and part; `numbers` holds the parts that a whole series counts."""
    repeats: dict[tuple[str, str], list[Image]] = defaultdict(list)
    for image in group:
        is_part = image.record.kind in ("volume", "nifti") or image.frame is not None
        apart = "" if is_part or (image.key in numbers and image.record.series) else image.key
        repeats[image.record.series, apart].append(image)
    taken: dict[tuple[str, str], int] = {}
    for repeat, images in repeats.items():
        old = next((context.known[image.key] for image in images if image.key in context.known), "")
        parsed = parse(old).name if old else None
        run = parsed.get("run") if parsed else None
        name = _name(images[0], label, 1, 0, context)
        if run and int(run) not in taken.values() and same_but_numbers(old, name, context.options.layout):
            taken[repeat] = int(run)
    following = max(taken.values(), default=0)
    for repeat, images in repeats.items():
        if repeat not in taken:
            following += 1
            taken[repeat] = following
        for number, image in enumerate(images, start=1):
            part = numbers.get(image.key, number if len(images) > 1 else 0)
            yield replace(image, name=_name(image, label, taken[repeat], part, context))


def _name(image: Image, label: str, run: int, part: int, context: Context) -> Name:
    d = image.described
    own = {"sub": label, "ses": session(image, context), **entities(d, run, part, context.options.layout)}
    is_volume = image.record.kind in ("volume", "nifti") or (image.record.kind == "frames" and image.frame is None)
    extension = ".nii.gz" if is_volume else ".png"
    return build_name(own, d.suffix, extension, group=d.group, datatype=d.datatype, schema=context.schema)


def _curated(
    images: list[Image], label: str, context: Context, corrections: Corrections, skipped: list[Skipped]
) -> tuple[list[Image], list[Issue]]:
    """The images after a person's corrections; names are given anew where one changed."""
    kept: list[Image] = []
    issues: list[Issue] = []
    touched = False
    for image in images:
        assert image.name is not None
        rows = corrections.of(written(image.name, context.options.layout), image.record)
        described, blank, problems = corrected(image.described, rows, context.schema)
        issues += problems
        touched |= described != image.described
        if described is None:
            reason = "excluded by curation.tsv"
            skipped.append(Skipped(image.record.sources, reason, image.record.subject, image.record.series))
        else:
            kept.append(replace(image, described=described, blank=blank))
    return (_named(kept, label, context) if touched else kept), issues


def _action(image: Image, context: Context) -> Action:
    record, options = image.record, context.options
    blank = tuple(dict.fromkeys((*image.decision.boxes, *image.blank)))
    looks = screen(image.decision, context.privacy.policy)
    if record.kind == "volume":
        assert record.geometry is not None
        decode = str(record.header.get("TransferSyntaxUID", "")) not in NATIVE
        gradients = image.described.suffix == "dwi" and not image.described.group
        return Volume(record.sources, record.geometry, record.modality, decode, gradients, options.compression, blank)
    if record.kind == "picture":
        return Picture(record.sources[0], options.compression, blank, looks)
    if record.kind == "nifti":
        return Nifti(record.sources[0], options.compression)
    if record.kind == "frames" and image.frame is None:
        return Frames(record.sources[0], options.pixels, options.compression, blank, looks)
    return Png(record.sources[0], options.pixels, options.compression, blank, image.frame, looks)


def _job(image: Image, label: str, context: Context) -> Job:
    assert image.name is not None
    action = _action(image, context)
    extra = (".bval", ".bvec") if isinstance(action, Volume) and action.gradients else ()
    names = (image.name, *(image.name.with_extension(extension) for extension in extra))
    outputs = tuple(written(name, context.options.layout) for name in names)
    fields = sidecar(image.record, image.described, context.schema, frame=image.frame)
    fields = context.privacy.sidecar(fields, context.schema)
    row = scan(image, label, context)
    return Job(image.key, label, session(image, context), image.name, outputs, action, fields, row)


def _collisions(jobs: Sequence[Job]) -> Iterator[Issue]:
    seen: set[str] = set()
    for job in jobs:
        for output in job.outputs:
            if output.lower() in seen:
                yield issue("NAME_COLLISION", "another item gets the same name", output, origin="plan")
            seen.add(output.lower())
