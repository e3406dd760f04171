"""From records to jobs: names, modality, 2D or 3D, pseudonyms and shifted dates, all decided here."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Literal

from mids.actions.dcm2niix import NATIVE, Volume
from mids.actions.frames import Frames
from mids.actions.nifti import Nifti
from mids.actions.picture import Picture
from mids.actions.png import Png
from mids.deid.burned.evidence import DELIVER, Decision, decide, screen
from mids.deid.labels import Labels
from mids.deid.pseudonyms import dicom_datetime
from mids.issues import Issue, issue
from mids.names import Name, parse
from mids.names import build as build_name
from mids.plan.curation import Corrections, corrected
from mids.plan.entries import Known, resolved
from mids.plan.job import Job, Plan, Row, Subject, TableRow
from mids.plan.layouts import counted, entities, is_published, parts, same_but_numbers, written
from mids.plan.naming import Described, describe
from mids.plan.privacy import Privacy
from mids.plan.regions import Target, region_jobs
from mids.plan.shelf import Shelf
from mids.plan.sidecar import sidecar
from mids.readers.curation import Correction
from mids.records import (
    ORIGINAL_REPORT,
    Action,
    Box,
    Compression,
    Contours,
    Entry,
    Item,
    Layout,
    MaskFile,
    Person,
    Pixels,
    Record,
    Regions,
    Skipped,
    Visit,
)  # fmt: skip
from mids.schema import Schema


@dataclass(frozen=True, slots=True)
class Options:
    """What a user chooses about pictures, outlines and names."""

    pixels: Pixels = "window"
    compression: Compression = "fast"
    cine: Literal["nifti", "png"] = "nifti"
    contours: Contours = "corner"
    layout: Layout = "mids"


@dataclass(frozen=True, slots=True)
class Context:
    """Everything besides the records that a plan depends on.

    `known` are the names that earlier runs gave, by the key of the item: they are kept.
    """

    schema: Schema
    privacy: Privacy
    options: Options
    corrections: tuple[Correction, ...] = ()
    known: Mapping[str, str] = field(default_factory=dict)

    @property
    def labels(self) -> Labels:
        """What subjects and sessions are called."""
        return self.privacy.labels


@dataclass(frozen=True, slots=True)
class _Image:
    """A record on its way to a job: what it is called so far, and when it was made."""

    record: Record
    described: Described
    key: str
    moment: datetime | None
    frame: int | None = None
    name: Name | None = None
    blank: tuple[Box, ...] = ()
    decision: Decision = DELIVER


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


def source_id(items: Sequence[Item]) -> str:
    """The source's id of the patient that items belong to, empty where they belong to none."""
    return next((item.subject for item in items if not isinstance(item, Issue) and item.subject), "")


def _subject(items: Sequence[Item], label: str, context: Context, corrections: Corrections) -> Subject:
    records = [item for item in items if isinstance(item, Record)]
    context = replace(context, privacy=context.privacy.of(source_id(items), records))
    skipped = [item for item in items if isinstance(item, Skipped)]
    issues = [item for item in items if isinstance(item, Issue)]
    images: list[_Image] = []
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
        {image.record.study: _session(image, context) for image in named},
        {key: target.job.path for key, target in targets.items()},
    )
    treated = partial(context.privacy.row, patient=source_id(items))
    rows = list(resolved([item for item in items if isinstance(item, Entry)], known, context.schema, treated))
    issues += [*problems, *(found for found in (*regions, *rows) if isinstance(found, Issue)), *_collisions(jobs)]
    visits = {(item.study): item.columns for item in items if isinstance(item, Visit)}
    return Subject(
        label,
        row=_participant(named, label, items, context),
        sessions=_sessions(named, visits, context),
        jobs=tuple(jobs),
        entries=tuple(row for row in rows if isinstance(row, TableRow)),
        skipped=tuple(skipped),
        issues=tuple(issues),
    )


def _undelivered(item: Regions | MaskFile) -> Skipped:
    return Skipped((item.source,), "regions of an image that is not delivered", item.subject)


def _images(record: Record, described: Described, context: Context) -> Iterator[_Image]:
    moment = _moment(record)
    # The place in the series changes when a file comes between others: it counts only where nothing else tells.
    own = str(record.part) if record.kind == "volume" else record.instance or str(record.part)
    key = context.labels.item(record.subject, record.study, record.series, own)
    frames = record.header.get("NumberOfFrames")
    if record.kind == "frames" and context.options.cine == "png" and isinstance(frames, int):
        for frame in range(frames):
            yield _Image(record, described, f"{key}.{frame + 1}", moment, frame)
    else:
        yield _Image(record, described, key, moment)


def _moment(record: Record) -> datetime | None:
    """When an image was made: the most exact date that its header has."""
    for prefix in ("Acquisition", "Content", "Series", "Study"):
        values = [
            record.header.get(f"{prefix}{part}") or _first(record, f"{prefix}{part}") for part in ("Date", "Time")
        ]
        moment = dicom_datetime(str(values[0] or ""), str(values[1] or ""))
        if moment is not None:
            return moment
    return None


def _first(record: Record, keyword: str) -> object:
    return min((str(value) for value in record.per_slice.get(keyword, ()) if value), default=None)


def _session(image: _Image, context: Context) -> str:
    return context.labels.session(image.record.subject, image.record.study)


def _number(record: Record, keyword: str) -> float:
    value = record.header.get(keyword)
    return float(value) if isinstance(value, int | float) else 0.0


def _named(images: Sequence[_Image], label: str, context: Context) -> list[_Image]:
    """Gives every image its run and chunk (acq): contiguous by what the layout counts, in order of acquisition.

    Names of earlier runs are kept; new images get the numbers after them.
    """
    groups: dict[tuple[object, ...], list[_Image]] = defaultdict(list)
    series: dict[tuple[str, str], list[str]] = defaultdict(list)
    layout = context.options.layout
    for image in sorted(images, key=_acquired):
        session = _session(image, context)
        groups[session, *counted(image.described, layout)].append(image)
        if is_published(image.described.suffix, layout):
            series[session, image.record.series or image.key].append(image.key)
    numbers = {key: number for keys in series.values() for key, number in parts(keys, context.known).items()}
    return [named for group in groups.values() for named in _numbered(group, numbers, label, context)]


def _acquired(image: _Image) -> tuple[object, ...]:
    record = image.record
    order = [_number(record, key) for key in ("SeriesNumber", "AcquisitionNumber", "InstanceNumber")]
    return (
        image.moment or datetime.min,
        *order,
        record.series,
        record.part,
        record.sources,
        image.frame or 0,
    )


def _numbered(group: Sequence[_Image], numbers: Mapping[str, int], label: str, context: Context) -> Iterator[_Image]:
    """The images of a group with their run and part; `numbers` holds the parts that a whole series counts."""
    repeats: dict[tuple[str, str], list[_Image]] = defaultdict(list)
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


def _name(image: _Image, label: str, run: int, part: int, context: Context) -> Name:
    d = image.described
    own = {"sub": label, "ses": _session(image, context), **entities(d, run, part, context.options.layout)}
    is_volume = image.record.kind in ("volume", "nifti") or (image.record.kind == "frames" and image.frame is None)
    extension = ".nii.gz" if is_volume else ".png"
    return build_name(own, d.suffix, extension, group=d.group, datatype=d.datatype, schema=context.schema)


def _curated(
    images: list[_Image], label: str, context: Context, corrections: Corrections, skipped: list[Skipped]
) -> tuple[list[_Image], list[Issue]]:
    """The images after a person's corrections; names are given anew where one changed."""
    kept: list[_Image] = []
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


def _action(image: _Image, context: Context) -> Action:
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


def _job(image: _Image, label: str, context: Context) -> Job:
    assert image.name is not None
    action = _action(image, context)
    extra = (".bval", ".bvec") if isinstance(action, Volume) and action.gradients else ()
    names = (image.name, *(image.name.with_extension(extension) for extension in extra))
    outputs = tuple(written(name, context.options.layout) for name in names)
    fields = sidecar(image.record, image.described, context.schema, frame=image.frame)
    fields = context.privacy.sidecar(fields, context.schema)
    session = _session(image, context)
    row = _scan(image, session, label, context)
    return Job(image.key, label, session, image.name, outputs, action, fields, row)


def _scan(image: _Image, session: str, label: str, context: Context) -> Row:
    assert image.name is not None
    d, record = image.described, image.record
    path = written(image.name, context.options.layout).removeprefix(f"sub-{label}/ses-{session}/")
    values = {
        "filename": path, "modality": record.modality.lower(),
        "body_part": d.body_part, "view_position": d.view, "laterality": d.laterality,
        "rows": str(record.header.get("Rows") or ""), "columns": str(record.header.get("Columns") or ""),
        "patient_position": d.patient_position, "respiration": d.respiration, "view_source": d.view_source,
    }  # fmt: skip
    treated = context.privacy.row({**values, **record.columns}, context.schema.tables["scans"].columns, record.subject)
    treated["acq_time"] = context.privacy.acquired(image.moment, record.subject)
    return {key: value or "n/a" for key, value in treated.items()}


def _sessions(images: Sequence[_Image], visits: Mapping[str, Row], context: Context) -> dict[str, Row]:
    """The rows of sessions.tsv by label, in order of time: the study's own date, else its first image's.

    Where the policy removes dates they are in the order of labels, which says nothing of time.
    """
    moments: dict[str, datetime] = {}
    rows: dict[str, Row] = {}
    for image in images:
        header, label = image.record.header, _session(image, context)
        own = dicom_datetime(str(header.get("StudyDate") or ""), str(header.get("StudyTime") or "")) or image.moment
        moments[label] = min(moments.get(label, datetime.max), own or datetime.max)
        texts = (str(header.get(key) or "") for key in ("PatientAge", "PatientBirthDate", "StudyDate"))
        if rows.get(label, {}).get("age", "n/a") == "n/a":
            years = context.privacy.age(*texts)
            rows[label] = {"session_id": f"ses-{label}", "age": years, **visits.get(image.record.study, {})}
    patient, columns = images[0].record.subject if images else "", context.schema.tables["sessions"].columns
    removed = context.privacy.policy.dates == "remove"
    found: dict[str, Row] = {}
    for label in sorted(rows, key=lambda label: (datetime.max if removed else moments[label], label)):
        moment = None if moments[label] == datetime.max else moments[label]
        treated = context.privacy.row(rows[label], columns, patient)
        found[label] = {**treated, "acq_time": context.privacy.acquired(moment, patient)}
    return found


def _participant(images: Sequence[_Image], label: str, items: Sequence[Item], context: Context) -> Row:
    """The row of participants.tsv: what the headers say, overruled by what the collection's tables say."""
    headers = [image.record.header for image in sorted(images, key=_acquired)]
    births = {str(h.get("PatientBirthDate") or "") for h in headers}
    keys = ("PatientAge", "PatientBirthDate" if len(births) == 1 else "", "StudyDate")
    ages = [context.privacy.age(*(str(h.get(key) or "") for key in keys)) for h in headers]
    sexes = {str(h.get("PatientSex") or "").strip().upper() for h in headers} & {"M", "F", "O"}
    row = {
        "participant_id": f"sub-{label}",
        "age": next((value for value in ages if value != "n/a"), "n/a"),
        "sex": sexes.pop() if len(sexes) == 1 else "n/a",
    }
    if context.labels.are_public:
        row["source_id"] = source_id(items).split("|")[-1]
    for person in (item for item in items if isinstance(item, Person)):
        row |= person.columns
    return context.privacy.row(row, context.schema.tables["participants"].columns, source_id(items))


def _collisions(jobs: Sequence[Job]) -> Iterator[Issue]:
    seen: set[str] = set()
    for job in jobs:
        for output in job.outputs:
            if output.lower() in seen:
                yield issue("NAME_COLLISION", "another item gets the same name", output, origin="plan")
            seen.add(output.lower())
