"""From DICOM files to the jobs of ``mids deidentify``: one file in, one file out, names that say nothing.

A name depends on the file's own ids and the key alone, so that files added later rename none.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Literal

from mids.actions.deface import Head
from mids.actions.deidentify import Block, Deidentify
from mids.deid.burned.devices import devices
from mids.deid.burned.evidence import UNSEEN, Decision, Screen, decide_by_header, is_slice, screen
from mids.deid.burned.pages import attributes
from mids.deid.burned.rules import Rule, first, patterns, rules
from mids.deid.headers.tables import edition
from mids.deid.labels import Labels
from mids.deid.policy import Policy
from mids.issues import Issue, issue
from mids.plan.curation import EXCLUDED, Corrections
from mids.plan.job import Job, Plan, Subject, read_identity
from mids.plan.unseen import list_unseen
from mids.readers.archives.files import open_source
from mids.readers.dicom.grouping.series import by_subject, cut_off, stacked, study_key, subject_key
from mids.readers.dicom.grouping.slices import grouped
from mids.readers.dicom.grouping.twins import pixel_digest
from mids.readers.dicom.headers import Instance
from mids.readers.dicom.scan import Scan, keywords, left_out, scan
from mids.records import Json, PatientKey, Record, Skipped, Source
from mids.resources import read_yaml, schemas

ANATOMY = ("BodyPartExamined", "AnatomicRegionSequence", "ProtocolName", "StudyDescription", "SeriesDescription")
"""What `mids.deid.burned.evidence` reads of a header besides what its rules name."""

NUMBERS = range(100_000)
"""InstanceNumbers that a file name shows; a larger one may be an id in disguise."""


NO_PICTURES = frozenset({"SEG", "RTDOSE"})
"""Modalities whose pixels are masks and doses: no text is looked for in them."""


@dataclass(frozen=True, slots=True)
class Context:
    """Everything besides the files that a plan depends on; `blocks` are what is embedded, by PatientID,
    `corrections` what a person says of single files.
    """

    labels: Labels
    policy: Policy
    blocks: Mapping[str, Block] = field(default_factory=dict)
    corrections: Corrections = field(default_factory=Corrections)

    def label(self, patient: PatientKey) -> str:
        """The subject label; where real ids are kept, a patient without one gets a keyed one."""
        is_kept = self.labels.ids == "keep" and patient.of != "patient"
        return self.labels.pseudonyms.subject(patient) if is_kept else self.labels.subject(patient)

    def shift(self, patient: PatientKey) -> timedelta:
        """What the dates of a patient are moved by."""
        return timedelta(0) if self.policy.dates == "keep" else self.labels.shift(patient, self.policy.shifts)


NEEDED = (
    "AccessionNumber InstanceNumber IssuerOfPatientID Modality PatientBirthDate PatientID PatientName PatientSex "
    "SOPClassUID SOPInstanceUID SeriesInstanceUID SeriesNumber StudyInstanceUID Rows Columns NumberOfFrames"
).split()
"""What of a header names, groups and sorts files, and tells two patients apart.

The rules on burned-in text and faces name what else they need.
"""


@cache
def _keywords() -> tuple[str, ...]:
    found = [keyword for part in ("text", "faces") for rule in rules(part) for keyword, _ in rule.when]
    found += attributes()
    found += [keyword for device in devices() for keyword, _ in device.when]
    parts = (_rules(part, frozenset()) for part in ("skipped", "withheld"))
    found += [keyword for rule in chain(*parts) for keyword, _ in rule.when]
    return tuple(dict.fromkeys([*NEEDED, *ANATOMY, "BurnedInAnnotation", "RecognizableVisualFeatures", *found]))


def headers(sources: Sequence[Source], root: Path, issuer: str = "", *, stacks: bool = False) -> Scan:
    """What the plan needs of the headers of some files or archives, with what puts slices together if `stacks` asks.

    Runs in a worker.
    """
    more = keywords() if stacks else ()
    return scan(sources, root, wanted=tuple(dict.fromkeys((*_keywords(), *more))), issuer=issuer)


def build(found: Scan, root: Path, context: Context) -> Plan:
    """The jobs of all files, what is skipped and why, and what is wrong."""
    kept, repeated = _once(found.instances, root)
    groups = list(by_subject(kept))
    patients = {subject_key(group[0]): group for group in groups}
    shared = _shared_labels([patient for patient in patients if context.labels.is_known(patient)], context)
    subjects = [
        _nobody(group, context, "PATIENT_UNLISTED", "the table of subject IDs does not list this patient")
        if not context.labels.is_known(patient)
        else _nobody(group, context, "SUBJECT_COLLISION", "another patient has the same subject ID")
        if context.label(patient).lower() in shared
        else _subject(patient, group, root, context)
        for patient, group in patients.items()
    ]
    issues = (*found.issues, *(item for item in repeated if isinstance(item, Issue)), *_split_series(kept))
    skipped = (*left_out(found.others), *(item for item in repeated if isinstance(item, Skipped)))
    context.corrections.note((*issues, *skipped))
    for subject in subjects:
        context.corrections.note((*subject.issues, *subject.skipped))
    plan = Plan(
        tuple(subjects), (*issues, *context.corrections.unmatched()), skipped,
        acknowledged=context.corrections.acknowledged(), applied=context.corrections.applied(),
        dropped=context.corrections.dropped(), what="files",
    )  # fmt: skip
    return _without_collisions(plan)


def _once(instances: Iterable[Instance], root: Path) -> tuple[list[Instance], list[Skipped | Issue]]:
    """The first file of each SOPInstanceUID, by path, and what becomes of the others."""
    groups: dict[str, list[Instance]] = defaultdict(list)
    for instance in sorted(instances, key=lambda one: one.source):
        groups[instance.text("SOPInstanceUID") or f"file|{instance.source.name}"].append(instance)
    kept: list[Instance] = []
    others: list[Skipped | Issue] = []
    for original, *twins in groups.values():
        kept.append(original)
        for twin in twins:
            reason = _sameness(original, twin, root)
            if reason:
                others.append(Skipped((twin.source,), reason, subject_key(twin), twin.text("SeriesInstanceUID")))
            elif (
                subject_key(original) != subject_key(twin)
                and original.has_pixels
                and twin.has_pixels
                and _hold_one_image(original, twin, root)
            ):
                message = "2 patients have the same SOPInstanceUID: the first patient's was delivered"
                others.append(issue("IMAGE_OF_TWO_PATIENTS", message, twin.source.name, origin="read"))
                reason = "another patient has the same image; it is delivered for that patient"
                others.append(Skipped((twin.source,), reason, "", twin.text("SeriesInstanceUID")))
            else:
                message = "another file has the same SOPInstanceUID but other content; that file was delivered"
                others.append(issue("DUPLICATE_DIFFERS", message, twin.source.name, origin="read"))
    return kept, others


def _split_series(instances: Iterable[Instance]) -> Iterator[Issue]:
    """An Issue for each series that stands under several patients, or several studies of one."""
    for one in grouped((i for i in instances if i.text("SeriesInstanceUID")), lambda i: i.text("SeriesInstanceUID")):
        name = one[0].source.name
        if (count := len({subject_key(instance) for instance in one})) > 1:
            message = f"{count} patients have the same SeriesInstanceUID, each with files of its own"
            yield issue("SERIES_OF_TWO_PATIENTS", message, name, origin="read")
        elif (count := len({study_key(instance) for instance in one})) > 1:
            message = f"{count} studies have the same SeriesInstanceUID: each study keeps its files"
            yield issue("SERIES_OF_TWO_STUDIES", message, name, origin="read")


def _sameness(one: Instance, other: Instance, root: Path) -> str:
    """Why two files of one SOPInstanceUID count as the same, or empty."""
    if subject_key(one) != subject_key(other) or one.has_pixels != other.has_pixels:
        return ""
    return "a duplicate: same SOPInstanceUID and pixels as another file" if _hold_one_image(one, other, root) else ""


def _hold_one_image(one: Instance, other: Instance, root: Path) -> bool:
    return _are_equal(one.source, other.source, root) or (
        pixel_digest(root, one.source) == pixel_digest(root, other.source)
    )


def _are_equal(one: Source, other: Source, root: Path) -> bool:
    """Whether two files are the same bytes, which spares decoding their pixels."""
    if one.size != other.size:
        return False
    with open_source(root, one) as first_stream, open_source(root, other) as second_stream:
        return first_stream.read() == second_stream.read()


def _shared_labels(patients: Sequence[PatientKey], context: Context) -> set[str]:
    """Labels that more than one patient would get, case folded: file systems may not tell case."""
    counts = Counter(context.label(patient).lower() for patient in patients)
    return {label for label, count in counts.items() if count > 1}


def _nobody(instances: Sequence[Instance], context: Context, code: str, message: str) -> Subject:
    """A patient of whom nothing is delivered."""
    found = [_problem(code, message, instances)]
    skipped = Skipped(_sources(instances), _PREFIX["lost"] + message, status="lost")
    reference = context.labels.item("patient", subject_key(instances[0]).text)
    return Subject(reference, skipped=(skipped,), issues=tuple(found))


def _sources(instances: Iterable[Instance]) -> tuple[Source, ...]:
    return tuple(instance.source for instance in instances)


def _problem(code: str, message: str, instances: Sequence[Instance]) -> Issue:
    text = message if len(instances) == 1 else f"{len(instances)} files: {message}"
    return issue(code, text, instances[0].source.name, origin="read")


def _subject(patient: PatientKey, instances: Sequence[Instance], root: Path, context: Context) -> Subject:
    """The jobs of one patient, and what of the patient is not delivered."""
    label = context.label(patient)
    jobs: list[Job] = []
    apart: dict[tuple[_Fate, str, str], list[Instance]] = defaultdict(list)
    fates = [(instance, *_fate(instance, context)) for instance in instances]
    heads = _heads([each for each, fate, _, decision in fates if decision.deface and fate in _DELIVERED], root)
    for instance, fate, reason, decision in fates:
        head = heads.get(instance.source)
        if decision.deface and fate in _DELIVERED and head is None:
            fate, reason = "hold", "it may show a face, which is removed from slices that make a volume"
        if fate in _DELIVERED:
            jobs.append(_job(instance, patient, label, context, decision, head))
        if fate != "deliver":
            apart[fate, reason, instance.text("SeriesInstanceUID")].append(instance)
    issues = [_problem(_CODES[fate], reason, group) for (fate, reason, _), group in apart.items() if fate in _CODES]
    skipped = [
        Skipped(_sources(group), _PREFIX.get(fate, "") + reason, patient, series, _STATUS.get(fate, "skipped"))
        for (fate, reason, series), group in apart.items()
        if fate != "report"
    ]
    return Subject(label, jobs=tuple(jobs), skipped=tuple(skipped), issues=tuple(issues))


_Fate = Literal["deliver", "report", "skip", "withhold", "hold", "truncated"]
_DELIVERED = frozenset({"deliver", "report"})
_PREFIX = {"hold": "withheld: ", "lost": "lost: ", "truncated": "lost: "}
_STATUS: dict[_Fate, Literal["skipped", "withheld", "lost"]] = {"hold": "withheld", "truncated": "lost"}
_CODES = {
    "withhold": "DEID_WITHHELD",
    "hold": "PRIVACY_HELD_BACK",
    "truncated": "FILE_TRUNCATED",
    "report": "PRIVACY_TEXT_KEPT",
}


def _fate(instance: Instance, context: Context) -> tuple[_Fate, str, Decision]:
    """What becomes of a file by its header and the word of a person, why, and what its pixels need."""
    nothing, policy = Decision("deliver"), context.policy
    header: dict[str, Json] = {**instance.header, "HasPixels": "YES" if instance.has_pixels else "NO"}
    if rule := first(_rules("skipped", frozenset()), header):
        return "skip", rule.reason, nothing
    if rule := first(_rules("withheld", policy.options), header):
        return "withhold", rule.reason, nothing
    if missing := cut_off(instance):
        return "truncated", missing, nothing
    if not instance.has_pixels:
        return "deliver", "", nothing
    decision = decide_by_header(header, policy, is_volume=_is_slice(instance))
    if decision.deface and instance.header.get("NumberOfFrames") not in (None, 1):
        decision = Decision("hold", "it may show a face, which is not removed from images with frames that stay DICOM")
    own = instance.text("SOPInstanceUID")
    names = {instance.source.name, own}
    decided = context.corrections.decide(names, decision, header, f"{own}#" if own else "")
    if decided is None:
        return "skip", EXCLUDED, nothing
    fates: dict[str, _Fate] = {"hold": "hold", "report": "report"}
    return fates.get(decided.outcome, "deliver"), decided.reason, decided


@cache
def _rules(part: str, options: frozenset[str]) -> tuple[Rule, ...]:
    """The rules of one part of `schemas/deid/undelivered.yaml` that options do not lift."""
    entries = read_yaml(schemas() / "deid" / "undelivered.yaml")[part]
    return tuple(
        Rule(entry["reason"], patterns(entry["when"])) for entry in entries if entry.get("unless") not in options
    )


def _heads(instances: Sequence[Instance], root: Path) -> dict[Source, Head]:
    """For each slice the volume in which its face is looked for, as a conversion would put it together."""
    found: dict[Source, Head] = {}
    for item in stacked(root, instances):
        if isinstance(item, Record) and item.kind == "volume" and item.geometry is not None:
            found |= dict.fromkeys(item.sources, Head(item.sources, item.geometry, item.modality))
    return found


def _job(
    instance: Instance, patient: PatientKey, label: str, context: Context, decision: Decision, head: Head | None
) -> Job:
    labels, policy = context.labels, context.policy
    session = labels.session(patient, study_key(instance))
    path = f"{label}/{session}/{_series(instance, labels)}/{_file(instance, labels)}.dcm"
    identifier = patient.id if labels.ids == "keep" and patient.of == "patient" else label
    action = Deidentify(
        instance.source, policy, labels.pseudonyms, identifier, context.shift(patient), decision.boxes,
        _screen(instance, decision, policy), decision.certified, context.blocks.get(instance.text("PatientID")),
        edition().name, head,
    )  # fmt: skip
    key, ids = labels.item("source", instance.source.name), read_identity(instance.header)
    unseen = tuple(_unseen(instance, decision, policy))
    return Job(key, label, session, None, (path,), action, identity=ids, unseen=unseen)


def _is_picture(instance: Instance) -> bool:
    return instance.has_pixels and instance.text("Modality") not in NO_PICTURES


def _screen(instance: Instance, decision: Decision, policy: Policy) -> Screen:
    looked = screen(decision, policy) if _is_picture(instance) else UNSEEN
    return looked if looked.asked or not _is_slice(instance) else UNSEEN


def _unseen(instance: Instance, decision: Decision, policy: Policy) -> Iterator[str]:
    """What of a file nobody looks at."""
    has_picture = _is_picture(instance) and not _is_slice(instance)
    looked = _screen(instance, decision, policy)
    return list_unseen(decision, looked, instance.text("Modality"), has_picture=has_picture)


def _is_slice(instance: Instance) -> bool:
    return is_slice(instance.text("Modality"), instance.text("SOPClassUID"))


def _series(instance: Instance, labels: Labels) -> str:
    """A label of the series; without a SeriesInstanceUID of what else tells series apart."""
    uid = instance.text("SeriesInstanceUID")
    rest = () if uid else (study_key(instance), instance.text("Modality"), instance.text("SeriesNumber"))
    return labels.item("series", uid, *rest)


def _file(instance: Instance, labels: Labels) -> str:
    """The number of an instance for people and for order, and a label of its UID."""
    name = labels.item("instance", instance.text("SOPInstanceUID") or instance.source.name)
    number = instance.header.get("InstanceNumber")
    return f"{number:05}-{name}" if isinstance(number, int) and number in NUMBERS else name


def _without_collisions(plan: Plan) -> Plan:
    """The plan without jobs that would write the same file, which are lost."""
    counts = Counter(path.lower() for job in plan.jobs for path in job.outputs)
    subjects = []
    for subject in plan.subjects:
        lost = [job for job in subject.jobs if counts[job.path.lower()] > 1]
        if lost:
            message = "another file gets the same name"
            found = [issue("NAME_COLLISION", message, j.action.sources[0].name, origin="read") for j in lost]
            jobs = tuple(job for job in subject.jobs if job not in lost)
            subject = replace(subject, jobs=jobs, issues=(*subject.issues, *found))
        subjects.append(subject)
    return replace(plan, subjects=tuple(subjects))
