"""Subject IDs, session labels and shifts of dates, which depend on what a collection's ids and dates are."""

import csv
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

from mids.deid.policy import Ids
from mids.deid.pseudonyms import Pseudonyms
from mids.errors import MidsError
from mids.records import About, PatientKey
from mids.vocabulary.names import label

_UID = re.compile(r"\d+(\.\d+){2,}")
_VISIT = re.compile(r"sub-([0-9A-Za-z]+)([/_]ses-)([0-9A-Za-z]+)")
_COLUMNS = ("id_old", "id_new")


@dataclass(frozen=True, slots=True)
class Labels:
    """Keyed pseudonyms and shifts if ids and dates are real; public ids stay readable, and public dates are kept.

    `ids` is the policy's: ``random`` uses a key that is destroyed, ``keep`` keeps real ids, and
    ``table`` takes subject IDs from `table` (source id → subject ID); sessions are keyed then. `renamed` is what a
    person calls a subject (`S1`), or a session of a subject (`S1/E1`), instead; where somebody is renamed, `met` is who
    was asked for, by such names.
    """

    pseudonyms: Pseudonyms
    about: About
    ids: Ids = "keyed"
    table: Mapping[str, str] = field(default_factory=dict, repr=False)
    renamed: Mapping[str, str] = field(default_factory=dict, repr=False)
    met: set[str] = field(default_factory=set, repr=False)

    @property
    def are_public(self) -> bool:
        """Whether the collection's ids are public, so that tables may show them."""
        return self.about.ids != "real" and self.ids != "random"

    def subject(self, patient: PatientKey) -> str:
        """The subject ID of a patient; raises `KeyError` for one that the table of subject IDs does not hold."""
        found = self.proposed(patient)
        return self._rename(found, found)

    def proposed(self, patient: PatientKey) -> str:
        """The subject ID of a patient as it is without corrections; raises `KeyError` as `subject` does."""
        if self.ids == "table":
            return self.table[patient.id]
        is_kept = self.are_public or self.ids == "keep"
        return _public(patient.id, patient.text) if is_kept else self.pseudonyms.subject(patient)

    def is_known(self, patient: PatientKey) -> bool:
        """Whether a patient has a subject ID: only a table may lack one."""
        return self.ids != "table" or patient.id in self.table

    def session(self, patient: PatientKey, study: str) -> str:
        """The session label of a study."""
        found = self._visit(patient, study)
        return self._rename(f"{self.proposed(patient)}/{found}", found) if self.renamed else found

    def _visit(self, patient: PatientKey, study: str) -> str:
        is_kept = self.are_public
        return _public(study.removeprefix("series|"), study) if is_kept else self.pseudonyms.session(patient, study)

    def propose(self, patient: PatientKey, study: str) -> tuple[str, str]:
        """The subject ID of a patient and the session label of a study, as they are if nobody is renamed."""
        return self.proposed(patient), self._visit(patient, study)

    def _rename(self, name: str, found: str) -> str:
        if self.renamed:
            self.met.add(name)
        return self.renamed.get(name, found)

    def shift(self, patient: PatientKey, shifts: int) -> timedelta:
        """The shift of all dates of a patient, one of so many."""
        return self.pseudonyms.shift(patient, shifts) if self.about.dates == "real" else timedelta(0)

    def item(self, *ids: str) -> str:
        """A reference to a source item."""
        return self.pseudonyms.item(*ids)

    def apart(self, patient: PatientKey) -> str:
        """The subject ID of a patient whose public id gives the same one as another patient's."""
        return self.subject(patient) + hashlib.sha256(patient.text.encode()).hexdigest()[:4]


def follow_names(renamed: Mapping[str, str]) -> Callable[[str], str]:
    """What gives an earlier run's path with subject and session as a person calls them now (`Labels.renamed`).

    A former name that somebody else has now stays as it is: it may be either's.
    """
    former = {new: old for old, new in renamed.items() if "/" not in old}
    given = {f"{old.partition('/')[0]}/{new}" for old, new in renamed.items() if "/" in old}

    def follow(found: re.Match[str]) -> str:
        subject, between, visit = found.groups()
        if subject in former and subject in renamed:
            return found[0]
        session = f"{former.get(subject, subject)}/{visit}"
        new = visit if session in given else renamed.get(session, visit)
        return f"sub-{renamed.get(subject, subject)}{between}{new}"

    return partial(_VISIT.sub, follow) if renamed else str


def read_table(path: Path) -> dict[str, str]:
    """A table of subject IDs: CSV with the columns id_old (the PatientID) and id_new (letters and digits).

    Raises `MidsError` with the line, never with an id, if it can't be read, a subject ID is invalid, or either ID
    occurs twice.
    """
    found: dict[str, str] = {}
    seen: set[str] = set()
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.DictReader(stream)
            if not {*_COLUMNS} <= {*(rows.fieldnames or ())}:
                raise MidsError(f"{path} lacks the columns {' and '.join(_COLUMNS)}: add them")
            for row in rows:
                old, new = ((row[name] or "").strip() for name in _COLUMNS)
                if not old or not new or label(new) != new:
                    raise MidsError(
                        f"{path}, line {rows.line_num}: write an ID, and a subject ID of letters and digits"
                    )
                if old in found or new.lower() in seen:
                    raise MidsError(
                        f"{path}, line {rows.line_num}: an earlier line has the same ID or subject ID: remove one"
                    )
                found[old] = new
                seen.add(new.lower())
    except OSError as error:
        raise MidsError(
            f"can't read the table of subject IDs {path} ({error.strerror}): check its path and permissions"
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise MidsError(f"the table of subject IDs {path} is not CSV in UTF-8: save it again as such") from error
    return found


def _public(name: str, text: str) -> str:
    """A public id as a label; of a UID, and where nothing of an id may stand in a label, a digest of the whole key."""
    if _UID.fullmatch(name) or not label(name):
        return hashlib.sha256(text.encode()).hexdigest()[:10]
    return label(name)
