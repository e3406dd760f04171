"""The rows of participants, sessions and scans, as headers and the collection's tables say and the policy allows."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from mids.deid.pseudonyms import dicom_datetime
from mids.plan.image import Context, Image, acquired, session
from mids.plan.job import Row
from mids.plan.layouts import written
from mids.records import Item, PatientKey, Person


def scan(image: Image, label: str, context: Context) -> Row:
    """The row of scans.tsv."""
    assert image.name is not None
    d, record = image.described, image.record
    path = written(image.name, context.options.layout).removeprefix(f"sub-{label}/ses-{session(image, context)}/")
    values = {
        "filename": path, "modality": record.modality.lower(),
        "body_part": d.body_part, "view_position": d.view, "laterality": d.laterality,
        "rows": str(record.header.get("Rows") or ""), "columns": str(record.header.get("Columns") or ""),
        "patient_position": d.patient_position, "respiration": d.respiration, "view_source": d.view_source,
    }  # fmt: skip
    treated = context.privacy.row({**values, **record.columns}, context.schema.tables["scans"].columns, record.patient)
    treated["acq_time"] = context.privacy.acquired(image.moment, record.patient)
    return {key: value or "n/a" for key, value in treated.items()}


def sessions(images: Sequence[Image], visits: Mapping[str, Row], context: Context) -> dict[str, Row]:
    """The rows of sessions.tsv by label, in order of time: the study's own date, else its first image's.

    Where the policy removes dates they are in the order of labels, which says nothing of time.
    """
    moments: dict[str, datetime] = {}
    rows: dict[str, Row] = {}
    for image in images:
        header, label = image.record.header, session(image, context)
        own = dicom_datetime(str(header.get("StudyDate") or ""), str(header.get("StudyTime") or "")) or image.moment
        moments[label] = min(moments.get(label, datetime.max), own or datetime.max)
        texts = (str(header.get(key) or "") for key in ("PatientAge", "PatientBirthDate", "StudyDate"))
        if rows.get(label, {}).get("age", "n/a") == "n/a":
            years = context.privacy.age(*texts)
            rows[label] = {"session_id": f"ses-{label}", "age": years, **visits.get(image.record.study, {})}
    columns = context.schema.tables["sessions"].columns
    removed = context.privacy.policy.dates == "remove"
    found: dict[str, Row] = {}
    for label in sorted(rows, key=lambda label: (datetime.max if removed else moments[label], label)):
        moment = None if moments[label] == datetime.max else moments[label]
        patient = images[0].record.patient
        treated = context.privacy.row(rows[label], columns, patient)
        found[label] = {**treated, "acq_time": context.privacy.acquired(moment, patient)}
    return found


def participant(
    images: Sequence[Image], label: str, patient: PatientKey, items: Sequence[Item], context: Context
) -> Row:
    """The row of participants.tsv: what the headers say, overruled by what the collection's tables say."""
    headers = [image.record.header for image in sorted(images, key=acquired)]
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
        row["source_id"] = patient.id if patient.of == "patient" else "n/a"  # else a UID, or a path
    for person in (item for item in items if isinstance(item, Person)):
        row |= person.columns
    return context.privacy.row(row, context.schema.tables["participants"].columns, patient)
