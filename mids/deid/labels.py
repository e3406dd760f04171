"""Labels of subjects and sessions, and shifts of dates, by what a collection's ids and dates are."""

import hashlib
import re
from dataclasses import dataclass
from datetime import timedelta

from mids.deid.pseudonyms import Pseudonyms
from mids.names import label
from mids.records import About

_UID = re.compile(r"\d+(\.\d+){2,}")


@dataclass(frozen=True, slots=True)
class Labels:
    """Keyed pseudonyms and shifts where ids and dates are real; public ids stay readable, public dates as they are."""

    pseudonyms: Pseudonyms
    about: About

    @property
    def are_public(self) -> bool:
        """Whether the collection's ids are public, so that tables may show them."""
        return self.about.ids != "real"

    def subject(self, patient: str) -> str:
        """The subject label of a patient."""
        return _public(patient) if self.are_public else self.pseudonyms.subject(patient)

    def session(self, patient: str, study: str) -> str:
        """The session label of a study."""
        return _public(study) if self.are_public else self.pseudonyms.session(patient, study)

    def shift(self, patient: str) -> timedelta:
        """What all dates of a patient are moved by."""
        return self.pseudonyms.shift(patient) if self.about.dates == "real" else timedelta(0)

    def item(self, *ids: str) -> str:
        """A reference to a source item."""
        return self.pseudonyms.item(*ids)

    def apart(self, patient: str) -> str:
        """The label of a patient whose public id gives the same label as another's."""
        return self.subject(patient) + hashlib.sha256(patient.encode()).hexdigest()[:4]


def _public(text: str) -> str:
    """A public id as a label; of a UID, and where nothing of an id may stand in a label, a digest."""
    name = text.split("|")[-1]
    if _UID.fullmatch(name) or not label(name):
        return hashlib.sha256(text.encode()).hexdigest()[:10]
    return label(name)
