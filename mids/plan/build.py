"""From records to jobs: names, modality, 2D or 3D, pseudonyms and shifted dates, all decided here."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, count

from mids.actions.deface import Deface
from mids.actions.frames import Frames
from mids.actions.nifti import Nifti
from mids.actions.picture import Picture
from mids.actions.png import Png
from mids.actions.volumes.dcm2niix import NATIVE
from mids.actions.volumes.volume import Volume
from mids.deid.burned.evidence import UNSEEN, decide, screen
from mids.deid.labels import follow_names
from mids.issues import Issue, issue
from mids.plan.curation import EXCLUDED, Corrections, corrected, identify, list_paths
from mids.plan.image import Context, Image, acquired, moment, patient_of, session
from mids.plan.job import Job, Plan, Subject, TableRow, read_identity
from mids.plan.layouts import counted, entities, is_published, kept_name, parts, same_but_numbers, written
from mids.plan.naming import Described, describe
from mids.plan.regions import Target, region_jobs
from mids.plan.register import Register
from mids.plan.texts.entries import Known, resolved
from mids.plan.texts.rows import participant, scan, sessions
from mids.plan.texts.sidecar import sidecar
from mids.plan.unseen import DEFINED, list_unseen
from mids.readers.given.curation import Correction
from mids.records import (
    ORIGINAL_REPORT,
    Action,
    Entry,
    Item,
    MaskFile,
    PatientKey,
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
    register = Register(context.labels)
    issues: list[Issue] = []
    skipped: list[Skipped] = []
    entries: list[TableRow] = []
    corrections = context.corrections
    earlier = _by_label(context)
    held = 0
    for items in subjects:
        patient = patient_of(items)
        corrections.note(items)
        if patient is None:
            issues += [item for item in items if isinstance(item, Issue)]
            skipped += [item for item in items if isinstance(item, Skipped)]
            entries += [TableRow(item.table, item.values) for item in items if isinstance(item, Entry)]
            continue
        if not context.labels.is_known(patient):
            issues += _unlisted(items)
            skipped += _lost(items, "PATIENT_UNLISTED: the table of subject IDs does not list this patient")
            continue
        label = context.labels.subject(patient)
        if label in register and context.labels.are_public:
            label = context.labels.apart(patient)
        if context.privacy.policy.reports == "hold":
            held += sum(isinstance(item, Entry) and ORIGINAL_REPORT in item.values for item in items)
        known, given = earlier.get(label, _NOTHING)
        own = replace(context, known=known, given=given)
        subject = _subject(items, patient, label, own, corrections)
        register.add(subject, patient)
    if held:
        message = (
            f"{held} reports may name patients and were withheld: deliver them with --reports clean, and review them"
        )
        issues.append(issue("PRIVACY_HELD_BACK", message, "derivatives/ehr/reports.tsv", origin="plan"))
    if complete:
        issues += corrections.unmatched()
    return Plan(
        register.shelf, tuple(issues), tuple(skipped), complete, tuple(entries),
        acknowledged=corrections.acknowledged(), applied=corrections.applied(), dropped=corrections.dropped(),
    )  # fmt: skip


def _lost(items: Iterable[Item], reason: str) -> Iterator[Skipped]:
    """What a patient's items are made of, where nothing of it is delivered, and what was left out anyway."""
    for item in items:
        if isinstance(item, Record):
            yield Skipped(item.sources, reason, item.subject, item.series, "lost")
        elif isinstance(item, Skipped):
            yield item


def _left_out(subject: Subject) -> Subject:
    """A subject whose label is another's: nothing of it is delivered."""
    sources = dict.fromkeys(source for job in subject.jobs for source in job.action.sources)
    lost = Skipped(tuple(sources), "lost: another patient has the same subject ID", status="lost")
    return Subject(subject.label, skipped=(*subject.skipped, lost), issues=subject.issues)


_NOTHING: tuple[dict[str, str], dict[str, str]] = ({}, {})


def _by_label(context: Context) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
    """The names that earlier runs gave for good, and the others, by the label of the subject; whoever was renamed since
    keeps the numbers.
    """
    found: dict[str, tuple[dict[str, str], dict[str, str]]] = {}
    follow = follow_names(context.labels.renamed)
    for place, names in enumerate((context.known, context.given)):
        for key, former in names.items():
            path = follow(former)
            label = path.partition("sub-")[2].partition("/")[0].partition("_")[0]
            found.setdefault(label, ({}, {}))[place][key] = path
    return found


def _unlisted(items: Sequence[Item]) -> Iterator[Issue]:
    """A patient that the table of subject IDs does not list: nothing of it is delivered."""
    for record in (item for item in items if isinstance(item, Record)):
        message = "the table of subject IDs does not list this patient: nothing of it was delivered"
        yield issue("PATIENT_UNLISTED", message, record.sources[0].name, origin="read")


def _unsupported(record: Record) -> str:
    """Names the Modality that has no suffix, unless DICOM does not define it: then it may be anything, even a name."""
    name = f" {record.modality}" if record.modality in DEFINED else ""
    return f"Unsupported Modality{name}: the vocabulary defines no suffix for it"


def _subject(
    items: Sequence[Item], patient: PatientKey, label: str, context: Context, corrections: Corrections
) -> Subject:
    records = [item for item in items if isinstance(item, Record)]
    context = replace(context, privacy=context.privacy.of(patient, records))
    decided = list(chain.from_iterable(_decided(record, context, corrections) for record in records))
    images = [item for item in decided if isinstance(item, Image)]
    skipped = [item for item in (*items, *decided) if isinstance(item, Skipped)]
    issues = [item for item in (*items, *decided) if isinstance(item, Issue)]
    context = context.reserving({image.key for image in images})
    named = _curated(_named(images, label, context), label, context, corrections, skipped)
    jobs = [_job(image, label, context) for image in named]
    targets = [Target(image.record, job, image.frame) for image, job in zip(named, jobs, strict=True)]
    left = {item.image for item in items if isinstance(item, Record)} - {target.record.image for target in targets}
    drawn = [item for item in items if isinstance(item, Regions | MaskFile) and item.image not in left]
    skipped += [_undelivered(item) for item in items if isinstance(item, Regions | MaskFile) and item.image in left]
    options = context.options
    regions = list(region_jobs(drawn, targets, options.compression, options.contours, context.privacy.region))
    jobs += [job for job in regions if isinstance(job, Job)]
    visited = {image.record.study: session(image, context) for image in named}
    paths = {target.record.image: target.job.path for target in targets}
    known = Known(label, visited, paths, _withheld(records, skipped))
    treated = partial(context.privacy.row, patient=patient)
    rows = list(resolved([item for item in items if isinstance(item, Entry)], known, context.schema, treated))
    issues += [*(found for found in (*regions, *rows) if isinstance(found, Issue)), *_collisions(jobs)]
    visits = {(item.study): item.columns for item in items if isinstance(item, Visit)}
    return Subject(
        label,
        row=participant(named, label, patient, items, context),
        sessions=sessions(named, visits, context),
        jobs=tuple(jobs),
        entries=tuple(row for row in rows if isinstance(row, TableRow)),
        skipped=tuple(skipped),
        issues=tuple(issues),
    )


def _decided(record: Record, context: Context, corrections: Corrections) -> Iterator[Image | Issue | Skipped]:
    """The images of a record, or why there are none; what its header says of text and faces is decided here."""
    described = context.privacy.named(describe(record, context.schema), record.header)
    names = {record.instance, *(source.name for source in record.sources)}
    decision = corrections.released(names, decide(record, context.privacy.policy), identify(record))
    place = record.sources[0].name
    if described is None:
        yield issue("MODALITY_UNKNOWN", _unsupported(record), place, origin="read")
        yield Skipped(record.sources, _unsupported(record), record.subject, record.series, "lost")
    elif decision.outcome == "hold" and corrections.excludes(names, identify(record)):
        yield Skipped(record.sources, EXCLUDED, record.subject, record.series)
    elif decision.outcome == "hold":
        reason = f"withheld: {decision.reason}"
        yield issue("PRIVACY_HELD_BACK", reason, place, origin="read")
        yield Skipped(record.sources, reason, record.subject, record.series, "withheld")
    else:
        if decision.outcome == "report":
            yield issue("PRIVACY_TEXT_KEPT", decision.reason, place, origin="read")
        yield from (replace(image, decision=decision) for image in _images(record, described, context))


def _unseen(image: Image, context: Context) -> Iterator[str]:
    """What of an image nobody looks at."""
    looked = screen(image.decision, context.privacy.policy)
    is_picture = image.record.kind in ("image", "frames", "picture") and image.record.modality != "NM"
    return list_unseen(image.decision, looked, image.record.modality, has_picture=is_picture)


def _withheld(records: Iterable[Record], skipped: Iterable[Skipped]) -> frozenset[str]:
    """The studies and images of records that are withheld."""
    sources = {source for item in skipped if item.status == "withheld" for source in item.sources}
    held = [record for record in records if sources.intersection(record.sources)]
    return frozenset(key for record in held for key in (record.study, record.image))


def _undelivered(item: Regions | MaskFile) -> Skipped:
    return Skipped((item.source,), "regions of an image that is not delivered", item.subject)


def _images(record: Record, described: Described, context: Context) -> Iterator[Image]:
    made = moment(record)
    # The place in the series changes when a file comes between others: it counts only where nothing else tells.
    own = str(record.part) if record.kind == "volume" else record.instance or str(record.part)
    key = context.labels.item(record.patient.text, record.study, record.series, own)
    frames = record.header.get("NumberOfFrames")
    if record.kind == "frames" and context.options.cine == "png" and isinstance(frames, int):
        for frame in range(frames):
            yield Image(record, described, f"{key}.{frame + 1}", made, frame)
    else:
        yield Image(record, described, key, made)


def _named(images: Sequence[Image], label: str, context: Context) -> list[Image]:
    """Gives every image its run and chunk (acq): contiguous by what the layout counts, in order of acquisition.

    Names of earlier runs are kept; new images get the numbers after them. An image that was published in this layout
    has the published name.
    """
    groups: dict[tuple[object, ...], list[Image]] = defaultdict(list)
    series: dict[tuple[str, str], list[str]] = defaultdict(list)
    layout = context.options.layout
    kept = [replace(image, name=_kept(image, label, context)) for image in images if kept_name(image.record, layout)]
    for image in sorted((image for image in images if not kept_name(image.record, layout)), key=acquired):
        visit = session(image, context)
        groups[visit, *counted(image.described, layout)].append(image)
        if is_published(image.described.suffix, layout):
            series[visit, image.record.series or image.key].append(image.key)
    numbers = {key: number for keys in series.values() for key, number in parts(keys, context.known, layout).items()}
    return kept + [named for group in groups.values() for named in _numbered(group, numbers, label, context)]


def _kept(image: Image, label: str, context: Context) -> Name:
    """The name under which an image was published."""
    own = kept_name(image.record, context.options.layout)
    suffix = own.pop("suffix")
    return _built(image, {"sub": label, "ses": session(image, context), **own}, suffix, context)


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
    held = _numbers_held(_name(group[0], label, 1, 0, context), context)
    for repeat, images in repeats.items():
        if repeat not in taken:
            following = next(number for number in count(following + 1) if number not in held)
            taken[repeat] = following
        for number, image in enumerate(images, start=1):
            part = numbers.get(image.key, number if len(images) > 1 else 0)
            yield replace(image, name=_name(image, label, taken[repeat], part, context))


def _numbers_held(name: Name, context: Context) -> set[int]:
    """The runs of names like this one that belong to images which the source does not have now."""
    alike = (parse(path).name for path in context.reserved if same_but_numbers(path, name, context.options.layout))
    return {int(run) for other in alike if other and (run := other.get("run"))}


def _name(image: Image, label: str, run: int, part: int, context: Context) -> Name:
    d = image.described
    own = {"sub": label, "ses": session(image, context), **entities(d, run, part, context.options.layout)}
    return _built(image, own, d.suffix, context)


def _built(image: Image, own: Mapping[str, str], suffix: str, context: Context) -> Name:
    d = image.described
    is_volume = image.record.kind in ("volume", "nifti") or (image.record.kind == "frames" and image.frame is None)
    extension = ".nii.gz" if is_volume else ".png"
    return build_name(own, suffix, extension, group=d.group, datatype=d.datatype, schema=context.schema)


def _curated(
    images: list[Image], label: str, context: Context, corrections: Corrections, skipped: list[Skipped]
) -> list[Image]:
    """The images after a person's corrections; names are given anew where one changed."""
    kept: list[Image] = []
    touched = False
    said: dict[str, list[Correction]] = {}
    for image in images:
        assert image.name is not None
        record = image.record
        paths = list_paths(image.name, record, context.labels, context.options.layout)
        said[image.key] = rows = corrections.of(paths, record, image.frame)
        described, blank = corrected(image.described, rows, record, context.schema)
        touched |= described != image.described
        if described is None:
            skipped.append(Skipped(record.sources, EXCLUDED, record.subject, record.series))
        else:
            names = {*paths, record.instance, *(source.name for source in record.sources)}
            decision = corrections.released(names, image.decision, identify(record, image.frame))
            kept.append(replace(image, described=described, blank=blank, decision=decision))
    named = _named(kept, label, context) if touched else kept
    for image in named:
        corrections.acknowledge(_names(image, context), said[image.key])
    return named


def _names(image: Image, context: Context) -> list[str]:
    """What errors of an image may be told of: its path, and its source files unless it is one frame of them."""
    assert image.name is not None
    sources = image.record.sources if image.frame is None else ()
    return [written(image.name, context.options.layout), *(source.name for source in sources)]


def _action(image: Image, context: Context) -> Action:
    record, options = image.record, context.options
    blank = tuple(dict.fromkeys((*image.decision.boxes, *image.blank)))
    looks = screen(image.decision, context.privacy.policy)
    if record.kind == "volume":
        assert record.geometry is not None
        decode = str(record.header.get("TransferSyntaxUID", "")) not in NATIVE
        gradients = image.described.suffix == "dwi" and not image.described.group
        form = record.sources, record.geometry, record.modality, decode, gradients, options.compression
        return Volume(*form, blank, looks if looks.asked else UNSEEN)
    if record.kind == "picture":
        return Picture(record.sources[0], options.compression, blank, looks)
    if record.kind == "nifti":
        return Nifti(record.sources[0], options.compression)
    if record.kind == "frames" and image.frame is None:
        pixels = "raw" if record.modality == "NM" else options.pixels  # counts are measured, not looked at
        return Frames(record.sources[0], pixels, options.compression, blank, looks)
    return Png(record.sources[0], options.pixels, options.compression, blank, image.frame, looks)


def _job(image: Image, label: str, context: Context) -> Job:
    assert image.name is not None
    action = _action(image, context)
    extra = (".bval", ".bvec") if isinstance(action, Volume) and action.gradients else ()
    if image.decision.deface and isinstance(action, Volume | Nifti):
        action = Deface(action, image.record.modality, context.options.compression)
    names = (image.name, *(image.name.with_extension(extension) for extension in extra))
    outputs = tuple(written(name, context.options.layout) for name in names)
    fields = sidecar(image.record, image.described, context.schema, frame=image.frame)
    fields = context.privacy.sidecar(fields, context.schema)
    if image.decision.certified:
        fields["BurnedInAnnotation"] = "NO"
    row = scan(image, label, context)
    ids = read_identity(image.record.header) if image.record.kind in ("volume", "image", "frames") else {}
    unseen = tuple(_unseen(image, context))
    return Job(
        image.key, label, session(image, context), image.name, outputs, action, fields, row, identity=ids, unseen=unseen
    )


def _collisions(jobs: Sequence[Job]) -> Iterator[Issue]:
    seen: set[str] = set()
    for job in jobs:
        for output in job.outputs:
            if output.lower() in seen:
                yield issue("NAME_COLLISION", "another item gets the same file name", output, origin="plan")
            seen.add(output.lower())
