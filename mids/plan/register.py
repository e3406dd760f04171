"""Which patient has which subject ID: no two share one."""

from dataclasses import dataclass, replace

from mids.deid.labels import Labels
from mids.issues import issue
from mids.plan.job import Subject
from mids.plan.shelf import Shelf
from mids.records import PatientKey, Skipped

_LOST = "another patient gets the same subject ID"


@dataclass(slots=True)
class _Holder:
    """Who has a label; `is_own` says that it is the patient's very id, `is_lost` that nobody has it."""

    label: str
    patient: PatientKey
    is_own: bool
    is_lost: bool = False


class Register:
    """Puts subjects on the shelf under their labels.

    Where two patients with images would get one label (case is not told apart: some file systems can't), the one whose
    very id it is has it, else neither; the files of the others are lost, and it is said.
    """

    def __init__(self, labels: Labels) -> None:
        self.shelf = Shelf()
        self._labels = labels
        self._holders: dict[str, _Holder] = {}
        self._references: set[str] = set()

    def __contains__(self, label: str) -> bool:
        return label.lower() in self._holders

    def add(self, subject: Subject, patient: PatientKey) -> None:
        """Gives a patient's subject its place, or both it and who is there none."""
        own = subject.label == patient.id
        holder = self._holders.get(subject.label.lower())
        if holder is None:
            self._holders[subject.label.lower()] = _Holder(subject.label, patient, own)
            self.shelf.add(subject)
            return
        there = None if holder.is_lost else self.shelf.labelled(holder.label)
        if there is not None and not (there.jobs and subject.jobs):
            self.shelf.replace(_joined(there, subject))
        elif own and not holder.is_own:
            self._lose(holder)
            self._holders[subject.label.lower()] = _Holder(subject.label, patient, own)
            self.shelf.add(subject)
        else:
            if own == holder.is_own:
                self._lose(holder)
            self._add_lost(subject, patient)

    def _lose(self, holder: _Holder) -> None:
        """Takes the label from who has it."""
        if not holder.is_lost:
            holder.is_lost = True
            self._add_lost(self.shelf.take(holder.label), holder.patient)

    def _add_lost(self, subject: Subject, patient: PatientKey) -> None:
        lost = self._lost(subject, patient)
        if lost.label in self._references:  # a collection may speak of a patient twice
            self.shelf.replace(_joined(self.shelf.labelled(lost.label), lost))
        else:
            self._references.add(lost.label)
            self.shelf.add(lost)

    def _lost(self, subject: Subject, patient: PatientKey) -> Subject:
        """What is left of a patient whose images can't be delivered; a reference stands in place of the label."""
        reference = self._labels.item("patient", patient.text)
        sources = tuple(dict.fromkeys(source for job in subject.jobs for source in job.action.sources))
        if not sources:
            return Subject(reference, skipped=subject.skipped, issues=subject.issues)
        message = _LOST if len(sources) == 1 else f"{len(sources)} files: {_LOST}"
        found = issue("SUBJECT_COLLISION", message, sources[0].name, origin="read")
        skipped = Skipped(sources, _LOST, patient, status="lost")
        return Subject(reference, skipped=(*subject.skipped, skipped), issues=(*subject.issues, found))


def _joined(one: Subject, other: Subject) -> Subject:
    """A subject with what was skipped and found wrong under its label without any image."""
    images, rest = (one, other) if one.jobs or not other.jobs else (other, one)
    skipped, issues = (*images.skipped, *rest.skipped), (*images.issues, *rest.issues)
    return replace(images, label=one.label, skipped=skipped, issues=issues)
