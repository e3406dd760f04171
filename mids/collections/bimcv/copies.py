"""Files of one name or place: copies, which are left out, or others, which is told."""

from pathlib import Path

from mids.errors import DataError
from mids.issues import Issue, issue
from mids.readers.archives.files import open_source
from mids.records import Skipped, Source

_PIECE = 1 << 20


def repeated(root: Path, kept: Source, other: Source, reason: str) -> Skipped | Issue:
    """What becomes of a file beside another of its name: a copy is left out for a `reason`, anything else is told."""
    try:
        is_copy = kept.size == other.size and _hold_the_same(root, kept, other)
    except (DataError, OSError):
        is_copy = False
    if is_copy:
        return Skipped((other,), reason)
    message = f"{reason} and other content; that file was delivered"
    return issue("DUPLICATE_DIFFERS", message, other.name, origin="read")


def _hold_the_same(root: Path, one: Source, other: Source) -> bool:
    with open_source(root, one) as ours, open_source(root, other) as theirs:
        while part := ours.read(_PIECE):
            if part != theirs.read(len(part)):
                return False
    return True
