"""What flows between the stages: frozen, printable, picklable, comparable."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal, Protocol, TypeAlias, TypeVar

from mids.issues import Issue

Json: TypeAlias = "None | bool | int | float | str | list[Json] | dict[str, Json]"

ORIGINAL_REPORT = "report_original"
"""The key of an entry for the text of a report that nobody has de-identified yet; it is no column of any table."""

T = TypeVar("T")
R = TypeVar("R")

Kind = Literal["volume", "image", "frames", "picture", "nifti"]
"""How a record is delivered: from DICOM as a NIfTI volume, a PNG or a NIfTI of frames; a PNG or JPEG as a PNG; a
NIfTI as it is."""

Box = tuple[int, int, int, int]
"""Top, left, bottom and right in pixels, bottom and right exclusive."""

Pixels = Literal["window", "raw"]
Contours = Literal["corner", "centre"]
"""Where whole numbers of an outline lie in a pixel, if its source does not say."""
Compression = Literal["fast", "small"]
Layout: TypeAlias = str
"""Whose names and folders images get: `mids`, ours, or those of a published dataset (`mids.plan.layouts`)."""


@dataclass(frozen=True, slots=True)
class PatientKey:
    """Who a patient is: an id, and who gave it out.

    `issuer` is the IssuerOfPatientID, empty where a header names none, None where no header but a table of the
    collection names the patient. Where a header holds no PatientID, `id` is that of the study, series or file, as `of`
    says: such items are never merged. Two keys are equal only where all three are.
    """

    issuer: str | None
    id: str
    of: Literal["patient", "study", "series", "file"] = "patient"

    @property
    def text(self) -> str:
        """The key as one text, which pseudonyms are made of: no two keys have the same."""
        if self.issuer is None:
            return _escape(self.id)
        if self.of != "patient":
            return f"{_PREFIXES[self.of]}|{self.id}"
        issuer = f"\\{self.issuer}" if self.issuer in _PREFIXES.values() else _escape(self.issuer)
        return f"{issuer}|{self.id}"

    def __lt__(self, other: "PatientKey") -> bool:
        """Keys are in order of their texts."""
        return self.text < other.text


_PREFIXES = {"study": "StudyInstanceUID", "series": "SeriesInstanceUID", "file": "file"}


def _escape(text: str) -> str:
    """A text without a bar that ends it."""
    return text.replace("\\", "\\\\").replace("|", "\\|")


def patient_key(subject: "PatientKey | str") -> PatientKey:
    """The key of a patient; a text is an id that a table of the collection gives."""
    return PatientKey(None, subject) if isinstance(subject, str) else subject


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """One input file, or one member of an archive.

    `path` is relative to the source root (POSIX); `member` is the name inside the archive, empty for a plain
    file. `size` is in bytes and `mtime_ns` in nanoseconds: together they are the fingerprint.
    """

    path: str
    member: str = ""
    size: int = 0
    mtime_ns: int = 0

    @property
    def name(self) -> str:
        """Path and member as one text, for messages that may show it."""
        return f"{self.path}!{self.member}" if self.member else self.path


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where a stack of slices lies in the patient (DICOM PS3.3 C.7.6.2), lengths in mm, axes LPS.

    `orientation` is ImageOrientationPatient; `first` the ImagePositionPatient of the slice that is lowest
    along row × column; `spacing` is (row, column, slice). `volumes` counts images at each position. `problem`
    says what keeps the stack from being a regular grid (``shift``: slices that are moved aside, but not as a tilt
    moves them); `tilt` is in degrees; `missing` counts slices that a
    gap of whole multiples of the spacing says are absent. `positions` are those of the slices of one volume, in
    order, kept only where the stack is not regular.

    `frames` are the frames (from 0) of images with frames, volume by volume and each in order of its slices, and
    `files` says for each which source it is in (empty: all in the first); both are empty where every source is one
    slice. `axis` names what sets the volumes apart, empty where there is one volume or nothing says; `times` are
    their starts in s since the first and `step` is the time from one to the next in s (the mean of uneven ones), 0
    where unknown.
    """

    rows: int
    columns: int
    slices: int
    volumes: int = 1
    orientation: tuple[float, ...] = ()
    first: tuple[float, ...] = ()
    spacing: tuple[float, ...] = ()
    tilt: float = 0.0
    problem: Literal["", "tilt", "uneven", "tilt and uneven", "shift", "shift and uneven", "unknown"] = ""
    missing: int = 0
    positions: tuple[tuple[float, ...], ...] = ()
    frames: tuple[int, ...] = ()
    files: tuple[int, ...] = ()
    axis: Literal["", "time", "b", "inversion"] = ""
    times: tuple[float, ...] = ()
    step: float = 0.0


@dataclass(frozen=True, slots=True)
class Record:
    """One imaging item of a collection, before it has a name: one volume, one image or one cine loop.

    `subject`, `study` and `series` are the ids of the source and never leave the program unless the policy says so;
    a `subject` that is a text is the id that a table gives, here and in all other items. `header` holds DICOM
    keywords (the allow-list and what naming needs), constant over the item; `per_slice` those that vary, in the
    order of `sources`. `sources` are in geometric order. `view` is a code of the list view_positions for where the
    header is silent; `view_source` says whether a table or name of the source gives it, or a model (without a view:
    that the source names one that has no code, so that no model is asked).
    `entities` are those that tell it from other volumes of its series (rec, part, echo …). `published` is the name that
    the image has in a published layout: its entities but sub and ses, ``suffix``, and ``layout`` (schemas/layouts).
    """

    subject: PatientKey | str
    study: str
    series: str
    kind: Kind
    modality: str
    sources: tuple[Source, ...]
    header: Mapping[str, Json]
    per_slice: Mapping[str, tuple[Json, ...]] = field(default_factory=dict)
    geometry: Geometry | None = None
    part: int = 0
    instance: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    view: str = ""
    view_source: Literal["", "source", "model"] = ""
    entities: Mapping[str, str] = field(default_factory=dict)
    published: Mapping[str, str] = field(default_factory=dict)

    @property
    def patient(self) -> PatientKey:
        """The patient whose item this is."""
        return patient_key(self.subject)

    @property
    def image(self) -> str:
        """What entries and regions call this record by."""
        return f"{self.series}|{self.part}|{self.instance}"


@dataclass(frozen=True, slots=True)
class Person:
    """What a collection's tables say of a patient: columns of participants.tsv."""

    subject: PatientKey | str
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Visit:
    """What a collection's tables say of a study: columns of sessions.tsv."""

    subject: PatientKey | str
    study: str
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of any other table: a laboratory test, a report's labels, a phenotype; of no subject: a term of a tree.

    `table` names a table of `schemas/tables` or of the collection's own vocabulary. The columns participant_id,
    session_id (of `study`) and filename (of the record whose `image` this is) are filled in by the plan.
    """

    table: str
    subject: PatientKey | str
    values: Mapping[str, str]
    study: str = ""
    image: str = ""


@dataclass(frozen=True, slots=True)
class Outline:
    """One closed outline on one slice (PS3.3 C.8.8.6 in pixels).

    `points` are (column, row) with whole numbers at the centres of pixels; `slice` counts the sources of the
    record, from 0; `label` is a class of the region's lookup.
    """

    label: str
    points: tuple[tuple[float, float], ...]
    slice: int = 0


@dataclass(frozen=True, slots=True)
class Regions:
    """What one reader drew on one image: one label map. `lookup` gives each class its value (from 1).

    `source` is the file that the outlines come from; `note` is what else is to be known of them. With `convention`
    ``unknown`` the points stand as in a source that does not say whether whole numbers are centres or corners of
    pixels: the plan decides. `codes` is None where classes are words of the collection's vocabulary; else they are
    somebody's own words, and it holds what standard codes say in their place, as far as there are any. `off` is how
    many mm outlines lie away from their slices at most, 0 where they were drawn on them.
    """

    subject: PatientKey | str
    study: str
    image: str
    reader: str
    outlines: tuple[Outline, ...]
    lookup: Mapping[str, int]
    source: Source
    note: str = ""
    convention: Literal["centre", "unknown"] = "centre"
    codes: Mapping[str, str] | None = None
    off: float = 0.0


@dataclass(frozen=True, slots=True)
class MaskFile:
    """A label map that comes as a file: a PNG or NIfTI of the image's own grid, or a DICOM SEG.

    `frames` are those of a SEG that lie on the image: the frame's number, from 0, and which of the record's slices it
    names (-1: none); `segments` are the SEG's segments by number and their classes. `codes` is as for `Regions`.
    """

    subject: PatientKey | str
    study: str
    image: str
    reader: str
    source: Source
    lookup: Mapping[str, int]
    frames: tuple[tuple[int, int], ...] = ()
    segments: tuple[tuple[int, str], ...] = ()
    codes: Mapping[str, str] | None = None


WITHDRAWN = "the patient was withdrawn from the dataset"
"""Why input is left out whose rows of the curation table have nothing to do any more."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """Input that is not converted, and why.

    It is rightly left out (`status` skipped), may show a patient's name (withheld), or should be in the dataset and
    is not (lost); for lost files there is an `Issue` too. `instances` are SOPInstanceUIDs by which a person may name
    it.
    """

    sources: tuple[Source, ...]
    reason: str
    subject: PatientKey | str = ""
    series: str = ""
    status: Literal["skipped", "withheld", "lost"] = "skipped"
    instances: frozenset[str] = frozenset()


Item: TypeAlias = "Record | Person | Visit | Entry | Regions | MaskFile | Skipped | Issue"
"""What a collection yields, a sequence of them for each patient."""


class Map(Protocol):
    """Works like the built-in `map` of one iterable; may spread the calls over processes, in any order."""

    def __call__(self, function: Callable[[T], R], items: Iterable[T], /) -> Iterator[R]:
        """The results."""


PIXELS = "pixels_sha256"
"""The private fact that is a digest of an image's pixels, and its column in the table of conversions."""


@dataclass(frozen=True, slots=True)
class Made:
    """What an action made: file names inside the scratch folder, in the order of the job's outputs.

    `facts` are what only the making could tell (shape, window used, resampling, versions): they go into the
    sidecar; `private` facts go into the journal only.
    """

    files: tuple[str, ...]
    facts: Mapping[str, Json] = field(default_factory=dict)
    private: Mapping[str, Json] = field(default_factory=dict)
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class About:
    """What a collection is, as data from its own page or paper; it becomes the dataset's description.

    `ids` and `dates` say what the source's are: only real ones are replaced or shifted. `publisher` and `published`
    (a year or day, ISO 8601) are those of the dataset, not of its source. The usage terms are
    coded as `schemas/sidecars/dataset_description.json` says. `access` says how the source is got, `expected` how it
    must lie on disk: both are for whoever converts (``--about NAME``) and stand in no dataset.
    """

    name: str
    title: str
    description: str
    licence: str = "n/a"
    authors: tuple[str, ...] = ()
    how_to_cite: str = ""
    acknowledgements: str = ""
    funding: tuple[str, ...] = ()
    ethics: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    doi: str = ""
    url: str = ""
    limitations: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    publisher: str = ""
    published: str = ""
    commercial_use: Literal["allowed", "forbidden", "unknown"] = "unknown"
    redistribution: Literal["allowed", "forbidden", "unknown"] = "unknown"
    attribution: Literal["required", "not_required", "unknown"] = "unknown"
    agreement: Literal["required", "not_required", "unknown"] = "unknown"
    ids: Literal["real", "pseudonymous", "public"] = "real"
    dates: Literal["real", "pseudonymous", "public"] = "real"
    access: str = ""
    expected: str = ""


@dataclass(frozen=True, slots=True)
class Delivered:
    """One image that is in the dataset, as the journal keeps it: what the tables are written from."""

    path: str
    subject: str
    session: str
    row: Mapping[str, str]
    sidecar: Mapping[str, Json]
    private: Mapping[str, Json] = field(default_factory=dict)


class Action(Protocol):
    """A way to make the outputs of one job: a frozen dataclass that pickles."""

    VERSION: ClassVar[int]

    @property
    def sources(self) -> tuple[Source, ...]:
        """The input files, in the order in which the action uses them."""

    def make(self, root: Path, scratch: Path) -> Made:
        """Makes the files in `scratch` from the sources below `root`.

        Raises `DataError` where the data can't be converted.
        """
