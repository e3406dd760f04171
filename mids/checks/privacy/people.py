"""Privacy: labels of subjects and sessions that are names of people."""

from mids.inspection.people import label_names_person
from mids.inspection.registry import Finding, Found, check
from mids.inspection.views import DatasetView
from mids.issues import Level


@check("PRIVACY_SUBJECT_NAME", per="subject", level=Level.WARNING)
def privacy_subject_name(subject: DatasetView) -> Found:
    """The label of a subject or a session looks like a person's name, such as sub-GarciaMaria or sub-jsmith.

    Why: Everybody sees the names of folders, and they spread into tables, logs and papers.

    Fix: Convert again with a key, so that a pseudonym replaces it. If it is no name, waive the issue with a reason.
    """
    for label, sessions in subject.subjects.items():
        if label_names_person(label.removeprefix("sub-")):
            yield Finding("the subject's label looks like a name", path=label)
        for session in sorted(sessions):
            if label_names_person(session.removeprefix("ses-")):
                yield Finding("the session's label looks like a name", path=f"{label}/{session}")
