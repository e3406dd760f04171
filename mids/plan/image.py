"""An image on its way to a job: what it is called so far, when it was made, and all that a plan depends on."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from mids.deid.burned.evidence import DELIVER, Decision
from mids.deid.labels import Labels
from mids.deid.pseudonyms import dicom_datetime
from mids.issues import Issue
from mids.plan.curation import Corrections
from mids.plan.naming import Described
from mids.plan.privacy import Privacy
from mids.records import Box, Compression, Contours, Item, Layout, PatientKey, Pixels, Record, patient_key
from mids.vocabulary.names import Name
from mids.vocabulary.schema import Schema


@dataclass(frozen=True, slots=True)
class Options:
    """What a user chooses about images, outlines and names."""

    pixels: Pixels = "window"
    compression: Compression = "fast"
    cine: Literal["nifti", "png"] = "nifti"
    contours: Contours = "corner"
    layout: Layout = "mids"


@dataclass(frozen=True, slots=True)
class Context:
    """Everything besides the records that a plan depends on.

    `known` are the names that earlier runs gave, by the key of the item: they are kept. `given` are those that may
    still change, for a part of the source could not be read when they were given; no other item gets them. `reserved`
    are the names of one subject's items that the source does not have now.
    """

    schema: Schema
    privacy: Privacy
    options: Options
    corrections: Corrections = field(default_factory=Corrections)
    known: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    reserved: tuple[str, ...] = ()

    @property
    def labels(self) -> Labels:
        """What subjects and sessions are called."""
        return self.privacy.labels

    def reserving(self, keys: Collection[str]) -> "Context":
        """The context in which the names of all other items than these are reserved."""
        names = (*self.known.items(), *self.given.items())
        return replace(self, reserved=tuple(path for key, path in names if key not in keys))


@dataclass(frozen=True, slots=True)
class Image:
    """A record on its way to a job: what it is called so far, and when it was made."""

    record: Record
    described: Described
    key: str
    moment: datetime | None
    frame: int | None = None
    name: Name | None = None
    blank: tuple[Box, ...] = ()
    decision: Decision = DELIVER


def patient_of(items: Sequence[Item]) -> PatientKey | None:
    """The patient that items belong to, None where they belong to none."""
    subjects = (item.subject for item in items if not isinstance(item, Issue) and item.subject)
    return next((patient_key(subject) for subject in subjects), None)


def moment(record: Record) -> datetime | None:
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


def session(image: Image, context: Context) -> str:
    """The session label of an image."""
    return context.labels.session(image.record.patient, image.record.study)


def _number(record: Record, keyword: str) -> float:
    value = record.header.get(keyword)
    return float(value) if isinstance(value, int | float) else 0.0


def acquired(image: Image) -> tuple[object, ...]:
    """What images are sorted by: time, then the numbers that headers give."""
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
