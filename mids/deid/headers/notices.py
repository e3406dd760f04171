"""What is told of values that were removed: by attribute, never by value."""

from collections.abc import Iterator, Mapping

from mids.deid.headers import elements
from mids.issues import Issue, issue


def report_repeated_identity(counts: Mapping[int, int]) -> Iterator[Issue]:
    """One Issue for each attribute that repeated what identifies the patient."""
    for tag in sorted(counts):
        name = elements.name(tag)
        yield issue(
            "DEID_VALUE_REMOVED",
            f"{name} repeats what identifies the patient, and was removed",
            where=name,
            origin="deid",
        )


def report_unreadable(removed: Mapping[tuple[int, str], int]) -> Iterator[Issue]:
    """One Issue for each attribute of which values went because they were not of their VR."""
    for (tag, vr), count in sorted(removed.items()):
        name = elements.name(tag)
        times = "" if count == 1 else f" ({count} times)"
        yield issue(
            "DEID_VALUE_REMOVED",
            f"{name} holds no {vr or 'value that can be read'} and was removed{times}",
            where=name,
            origin="deid",
        )
