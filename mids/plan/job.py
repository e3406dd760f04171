"""The plan as data: jobs, the subjects they belong to, and what is left out."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from mids.issues import Issue
from mids.records import Action, Json, Skipped, Source
from mids.vocabulary.names import Name

Row = Mapping[str, str]

NOBODY = ""
"""The label under which rows of tables that are about no subject are kept."""


@dataclass(frozen=True, slots=True)
class Job:
    """The outputs that one action makes, and what is known of them beforehand.

    `key` is the keyed id of the source item, which keeps its name over runs; `name` is that of an image of MIDS;
    `sidecar` is what the headers give, completed by the action's facts; `row` is the line of scans.tsv, empty for
    what is no scan (a label map, which is `of` the image that it lies on). `outputs` are relative to the dataset, the
    image first. `identity` are ids (by DICOM keyword) that the headers of all sources had. `unseen` is
    what of the image nobody looks at, by kind (`mids.plan.unseen`).
    """

    key: str
    subject: str
    session: str
    name: Name | None
    outputs: tuple[str, ...]
    action: Action
    sidecar: Mapping[str, Json] = field(default_factory=dict)
    row: Row = field(default_factory=dict)
    of: str = ""
    identity: Mapping[str, str] = field(default_factory=dict, repr=False)
    unseen: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The image, relative to the dataset."""
        return self.outputs[0]

    def digest(self, earlier: Iterable[Source] = ()) -> str:
        """SHA-256 over the outputs, the action, its version and parameters, and the sources' fingerprints.

        Of a source that is among `earlier` ones by its name, the fingerprint is that of then.
        """
        known = {(source.path, source.member): asdict(source) for source in earlier}

        def described_as(fields: list[tuple[str, Json]]) -> dict[str, Json]:
            found = dict(fields)
            return known.get((str(found.get("path")), str(found.get("member"))), found)

        # The description of an action is its dataclass fields: they are all it depends on.
        parameters = asdict(self.action, dict_factory=described_as)  # type: ignore[call-overload]
        described = [list(self.outputs), type(self.action).__name__, self.action.VERSION, parameters]
        return hashlib.sha256(json.dumps(described, sort_keys=True, default=_plain).encode()).hexdigest()


def _plain(value: object) -> object:
    """What JSON lacks, as the same text in every run: the order of a set is not."""
    return sorted(value) if isinstance(value, frozenset) else str(value)


IDENTITY = ("SeriesInstanceUID", "PatientID")
"""The ids by which the files of a job are known again."""


def read_identity(header: Mapping[str, Json]) -> dict[str, str]:
    """The ids of a header by keyword, those that are not missing."""
    return {key: str(header[key]).strip() for key in IDENTITY if header.get(key)}


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of a table besides participants, sessions and scans."""

    table: str
    row: Row


@dataclass(frozen=True, slots=True)
class Subject:
    """One subject of the plan: its rows, its jobs, what is rightly skipped and what is wrong."""

    label: str
    row: Row = field(default_factory=dict)
    sessions: Mapping[str, Row] = field(default_factory=dict)
    jobs: tuple[Job, ...] = ()
    entries: tuple[TableRow, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do; `subjects` may lie on disk (`mids.plan.shelf`).

    `complete` says that no subject was left out on request; `entries` are rows of tables about no subject.
    `adds` says that the dataset holds another source too, of which nothing may be removed. `removes` is how many
    images may be removed whose source vanished; None: all. `acknowledged` are files
    of the source whose errors a person knows of, with the codes of these (none: all); `applied` is what
    rows of the curation table decided (`Correction.decision`), with the images (`mids.plan.curation.identify`),
    `dropped` what those did that are about patients who were withdrawn. `what` is the word for its outputs.
    """

    subjects: Sequence[Subject]
    issues: tuple[Issue, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    complete: bool = True
    entries: tuple[TableRow, ...] = ()
    adds: bool = False
    acknowledged: Mapping[str, frozenset[str]] = field(default_factory=dict)
    removes: int | None = 0
    applied: Mapping[tuple[str, str, str], frozenset[str]] = field(default_factory=dict)
    dropped: frozenset[tuple[str, str, str]] = frozenset()
    what: str = "images"

    @property
    def jobs(self) -> Iterator[Job]:
        """The jobs of all subjects, one after another: they may be too many for memory."""
        return (job for subject in self.subjects for job in subject.jobs)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did: the images it made, those that were there, those that were not made, and what is wrong."""

    made: tuple[str, ...]
    kept: tuple[str, ...]
    lost: tuple[str, ...]
    removed: tuple[str, ...]
    issues: tuple[Issue, ...]
    crashes: tuple[str, ...] = ()

    @property
    def withheld(self) -> dict[str, str]:
        """Those of `lost` that are withheld because of what their pixels show, with the reason."""
        told = {found.path: found.message for found in self.issues if found.message.startswith("withheld: ")}
        return {path: told[path] for path in self.lost if path in told}
