"""Rows of the other tables (tests, labels, phenotypes), with the dataset's own names for what they are about."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mids.issues import Issue, issue
from mids.plan.job import Row, TableRow
from mids.records import Entry
from mids.vocabulary.schema import Column, Schema


@dataclass(frozen=True, slots=True)
class Known:
    """What a subject's entries may be about: its label, its studies' session labels, its images' paths.

    `withheld` are the studies and images that the source holds and that are not delivered, as they may name somebody.
    """

    subject: str
    sessions: Mapping[str, str]
    images: Mapping[str, str]
    withheld: frozenset[str] = frozenset()

    def lacks(self, entry: Entry) -> str:
        """The study or image of an entry that is not delivered, empty where all is there."""
        if entry.image and entry.image not in self.images:
            return entry.image
        return entry.study if entry.study and entry.study not in self.sessions else ""


def resolved(
    entries: Sequence[Entry], known: Known, schema: Schema, treated: Callable[[Row, Mapping[str, Column]], Row]
) -> Iterator[TableRow | Issue]:
    """Each entry as a row of its table, its cells `treated`; an Issue where what it is about is not there."""
    for entry in entries:
        if lacking := known.lacks(entry):
            what = "an image" if lacking == entry.image else "a session"
            is_withheld = lacking in known.withheld
            why = "is withheld" if is_withheld else "the source does not hold"
            message = f"a row of {entry.table} is about {what} that {why}"
            code = "PRIVACY_HELD_BACK" if is_withheld else "ENTRY_UNMATCHED"
            yield issue(code, message, f"sub-{known.subject}", origin="plan")
            continue
        names = {
            "participant_id": f"sub-{known.subject}",
            "session_id": f"ses-{known.sessions[entry.study]}" if entry.study else "",
            "filename": known.images.get(entry.image, ""),
        }
        columns = schema.tables[entry.table].columns
        given = {key: value for key, value in names.items() if value and key in columns}
        yield TableRow(entry.table, {**given, **treated(entry.values, columns)})
