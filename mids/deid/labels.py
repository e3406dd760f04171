"""Labels of subjects and sessions, and shifts of dates, by what a collection's ids and dates are."""

import csv
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from mids.deid.policy import Ids
from mids.deid.pseudonyms import Pseudonyms
from mids.errors import MidsError
from mids.records import About
from mids.vocabulary.names import label

_UID = re.compile(r"\d+(\.\d+){2,}")
_COLUMNS = ("id_old", "id_new")


@dataclass(frozen=True, slots=True)
class Labels:
    """Keyed pseudonyms and shifts where ids and dates are real; public ids stay readable, public dates as they are.

    `ids` is the policy's: ``random`` is keyed with a key that is thrown away, ``keep`` gives real ids as they are, and
    with ``table`` the labels of patients are those of `table` (source id → label); sessions are keyed then.
    """

    pseudonyms: Pseudonyms
    about: About
    ids: Ids = "keyed"
    table: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def are_public(self) -> bool:
        """Whether the collection's ids are public, so that tables may show them."""
        return self.about.ids != "real" and self.ids != "random"

    def subject(self, patient: str) -> str:
        """The subject label of a patient; raises `KeyError` for one that the table of labels does not hold."""
        if self.ids == "table":
            return self.table[patient.split("|")[-1]]
        is_kept = self.are_public or self.ids == "keep"
        return _public(patient) if is_kept else self.pseudonyms.subject(patient)

    def is_known(self, patient: str) -> bool:
        """Whether a patient has a label: only a table may lack one."""
        return self.ids != "table" or patient.split("|")[-1] in self.table

    def session(self, patient: str, study: str) -> str:
        """The session label of a study."""
        return _public(study) if self.are_public else self.pseudonyms.session(patient, study)

    def shift(self, patient: str) -> timedelta:
        """What all dates of a patient are moved by."""
        return self.pseudonyms.shift(patient) if self.about.dates == "real" else timedelta(0)

    def item(self, *ids: str) -> str:
        """A reference to a source item."""
        return self.pseudonyms.item(*ids)

    def is_whole(self, patient: str) -> bool:
        """Whether a patient's id can be a label as it stands, letter by letter."""
        name = patient.split("|")[-1]
        return label(name) == name

    def apart(self, patient: str) -> str:
        """The label of a patient whose public id gives the same label as another's."""
        return self.subject(patient) + hashlib.sha256(patient.encode()).hexdigest()[:4]


def read_table(path: Path) -> dict[str, str]:
    """A table of labels: CSV with the columns id_old (the PatientID) and id_new (a label of letters and digits).

    Raises `MidsError` with the line, never with an id, where it can't be read, a label is none, or an id or a label
    stands twice.
    """
    found: dict[str, str] = {}
    seen: set[str] = set()
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.DictReader(stream)
            if not {*_COLUMNS} <= {*(rows.fieldnames or ())}:
                raise MidsError(f"{path} lacks the columns {' and '.join(_COLUMNS)}")
            for row in rows:
                old, new = ((row[name] or "").strip() for name in _COLUMNS)
                if not old or not new or label(new) != new:
                    raise MidsError(f"{path}, line {rows.line_num}: an id and a label of letters and digits are needed")
                if old in found or new.lower() in seen:
                    raise MidsError(f"{path}, line {rows.line_num}: this id or label stands in an earlier line too")
                found[old] = new
                seen.add(new.lower())
    except OSError as error:
        raise MidsError(f"the table of labels {path} can't be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise MidsError(f"the table of labels {path} is no CSV in UTF-8") from error
    return found


def _public(text: str) -> str:
    """A public id as a label; of a UID, and where nothing of an id may stand in a label, a digest."""
    name = text.split("|")[-1]
    if _UID.fullmatch(name) or not label(name):
        return hashlib.sha256(text.encode()).hexdigest()[:10]
    return label(name)
