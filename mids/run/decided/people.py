"""Whether two deliveries speak of one person: keyed digests of birth date and sex, kept in the journal.

Two hospitals may give out the same PatientID. Who was born on another day is somebody else, and is merged with nobody.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from mids.deid.labels import Labels
from mids.errors import MidsError
from mids.issues import issue
from mids.plan import Plan
from mids.plan.image import patient_of
from mids.readers.given.curation import Correction, written_alike
from mids.records import WITHDRAWN, Item, Json, PatientKey, Record, Skipped
from mids.run.journal import Journal
from mids.run.sources import fates

CONTRADICTED = "another delivery has the same PatientID with another birth date or sex"
_DAY = re.compile(r"\d{8}")


Said = tuple[str, str, str, str]
"""Which source tells of a patient, digests of birth date and sex (empty: unknown), and the subject ID."""


@dataclass(slots=True)
class People:
    """Lets the patients of one source pass who are known as the same persons, or not known at all.

    `met` is what this source says of them; `is_torn` whether it contradicted another delivery.
    """

    labels: Labels
    journal: Journal
    source: str
    met: dict[str, Said] = field(default_factory=dict)
    is_torn: bool = False

    def check(self, batches: Iterable[Sequence[Item]]) -> Iterator[Sequence[Item]]:
        """The items patient by patient; of who is somebody else, or was withdrawn, only that they are left out."""
        for items in batches:
            patient = patient_of(items)
            reason = "" if patient is None else self.keep_out(patient, _headers(items))
            if reason == CONTRADICTED:
                lost = list(_left_out(items, f"lost: {CONTRADICTED}", "lost"))
                path = next((item.sources[0].name for item in items if isinstance(item, Record)), "")
                yield [*lost, issue("PATIENT_CONTRADICTED", CONTRADICTED, path, origin="read")]
            else:
                yield list(_left_out(items, reason, "skipped")) if reason else items

    def keep_out(self, patient: PatientKey, headers: Iterable[Mapping[str, Json]]) -> str:
        """Why nothing of a patient is delivered, `WITHDRAWN` or `CONTRADICTED`; empty where it is."""
        if is_withdrawn(self.journal, self.labels, patient):
            return WITHDRAWN
        if self._is_other(patient, headers):
            self.is_torn = True
            return CONTRADICTED
        return ""

    def _is_other(self, patient: PatientKey, headers: Iterable[Mapping[str, Json]]) -> bool:
        """Whether the patient is known as somebody else; a header that one source corrects is no contradiction."""
        name = refer(self.labels, patient)
        born, sex = (self._digest(name, kind, found) for kind, found in _facts(headers).items())
        known = self.journal.person(name)
        if known is None:
            self.met[name] = (self.source, born, sex, self._label(patient))
            return False
        differs = [bool(old and new and old != new) for old, new in ((known[1], born), (known[2], sex))]
        if all(differs) or (any(differs) and known[0] != self.source):
            return True
        self.met[name] = (known[0], born or known[1], sex or known[2], self._label(patient))
        return False

    def _label(self, patient: PatientKey) -> str:
        return self.labels.subject(patient) if self.labels.is_known(patient) else ""

    def _digest(self, name: str, kind: str, found: set[str]) -> str:
        return self.labels.item(kind, name, *found) if len(found) == 1 else ""


def check_renamed(rows: Sequence[Correction], plan: Plan, labels: Labels, journal: Journal) -> None:
    """Refuses new names of subjects and sessions that nobody would have, or that another one has, before a run.

    Raises `MidsError` with the row.
    """
    others = {name.lower() for name in labels.met - labels.renamed.keys()}
    for row in rows:
        subject, _, session = row.old.partition("/")
        if (f"{subject}/{row.new}" if session else row.new).lower() in others:
            place = f"row {row.row} of the curation table ({row.field})"
            raise MidsError(f"{place} gives a name under new that another {row.field} has: give another one")
    missed = [row for row in rows if row.old not in labels.met and not _has_done(row, labels, journal)]
    if not missed or not plan.complete:
        return
    undelivered = {written_alike(source.name) for source, status, *_ in fates(plan, None) if status != "converted"}
    for row in missed:
        if written_alike(row.file) not in undelivered:
            form = "subject/session" if row.field == "session" else "the subject ID"
            raise MidsError(
                f"row {row.row} of the curation table ({row.field}): no {row.field} of the source is called what old "
                f"says: correct it ({form}, as it is without corrections), or remove the row"
            )


def _has_done(row: Correction, labels: Labels, journal: Journal) -> bool:
    """Whether a new name was given in an earlier run: to who is of another source, is gone since, or was withdrawn."""
    old = row.old.partition("/")[0]
    known = journal.subject(labels.renamed.get(old, old))
    is_delivered = known is not None and (row.field == "subject" or row.new in known.sessions)
    return is_delivered or journal.is_withdrawn(bury(labels, old))


def refer(labels: Labels, patient: PatientKey) -> str:
    """The keyed reference of a patient in the journal."""
    return labels.item("patient", patient.text)


def bury(labels: Labels, label: str) -> str:
    """The tombstone of a subject: a keyed digest of its ID without corrections, which says nothing of who it was."""
    return labels.item("withdrawn", label.lower())


def bury_name(labels: Labels, label: str) -> str:
    """The tombstone of what a person called a subject: by it, a withdrawal goes on. Another one may get the name."""
    return labels.item("withdrawn name", label.lower())


def bury_number(labels: Labels, patient: PatientKey) -> set[str]:
    """The tombstones of a number as anybody spells it: for who names no issuer, and for who names the same one."""
    whose = ("issued", f"issued by {_plain(patient.issuer)}") if patient.issuer else ("of any issuer",)
    return _tombstones(labels, patient, whose)


def _tombstones(labels: Labels, patient: PatientKey, whose: Iterable[str]) -> set[str]:
    return {labels.item("withdrawn number", by, spelled) for by in whose for spelled in _spellings(patient.id)}


def _spellings(number: str) -> set[str]:
    """A number without what people, spreadsheets and HL7 (``4711^^^NORTH``) change in it, and as it was once kept."""
    text = re.sub(r"\.0+$", "", unicodedata.normalize("NFKC", number).partition("^")[0].strip())
    found = {re.sub(r"\s", "", number).casefold().lstrip("0"), _plain(text).lstrip("0")}
    return found - {""} or {number}


def _plain(text: str) -> str:
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", text).casefold())


def is_withdrawn(journal: Journal, labels: Labels, patient: PatientKey) -> bool:
    """Whether a patient was withdrawn from the dataset.

    A patient who is new to the dataset, or not in its table of IDs any more, may be the withdrawn one under the same
    number, spelled in another way or with an issuer that one of the two lacks: who withdrew is not delivered by a slip
    of the pen.
    """
    if labels.is_known(patient):
        if journal.is_withdrawn(bury(labels, labels.proposed(patient))):
            return True
        if labels.are_public:
            return journal.is_withdrawn(bury(labels, labels.apart(patient)))
        if journal.subject(labels.subject(patient)) is not None:
            return False
    if patient.of != "patient":
        return False
    by = f"issued by {_plain(patient.issuer)}" if patient.issuer else "issued"
    return any(map(journal.is_withdrawn, _tombstones(labels, patient, ("of any issuer", by))))


def _headers(items: Sequence[Item]) -> list[Mapping[str, Json]]:
    return [item.header for item in items if isinstance(item, Record)]


def _facts(headers: Iterable[Mapping[str, Json]]) -> Mapping[str, set[str]]:
    """Birth dates and sexes that headers say, as far as they are any."""
    said = [(header.get("PatientBirthDate"), header.get("PatientSex")) for header in headers]
    days = {re.sub(r"\D", "", str(born or "")) for born, _ in said}
    sexes = {str(sex or "").strip().upper() for _, sex in said}
    return {"born": {day for day in days if _DAY.fullmatch(day)}, "sex": sexes & {"M", "F"}}


def _left_out(items: Sequence[Item], reason: str, status: Literal["skipped", "lost"]) -> Iterator[Item]:
    """What a patient's images are made of, as left out."""
    for item in items:
        if isinstance(item, Record):
            yield Skipped(item.sources, reason, "", item.series, status, frozenset({item.instance}))
        elif isinstance(item, Skipped):
            own = reason if reason == WITHDRAWN else item.reason
            yield replace(item, reason=own, subject="", status=status if reason == WITHDRAWN else item.status)
