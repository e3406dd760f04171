"""Names, parsed once for all subjects and sessions whose files are named alike."""

from dataclasses import dataclass
from functools import lru_cache

from mids.dataset.disk.tree import ROIS
from mids.vocabulary.bids.names import judge
from mids.vocabulary.bids.schema import Bids
from mids.vocabulary.names import Name, Parsed, Problem, parse
from mids.vocabulary.schema import Schema

ANYBODY, ANY_SESSION = "X0", "X1"


@dataclass(frozen=True, slots=True)
class Alike:
    """A path with the same labels for every subject and session in place of its own, `common`; "" where they are not
    plain, or stand elsewhere than once in the folders and once in the name.
    """

    common: str
    subject: str = ""
    session: str = ""


NOBODY = Alike("")


def alike(path: str) -> Alike:
    """What a path has in common with those of other subjects and sessions."""
    parts = path.removeprefix(ROIS).split("/", 2)
    if not (len(parts) > 1 and parts[0].startswith("sub-") and _is_label(parts[0][4:])):
        return NOBODY
    subject = parts[0][4:]
    session = parts[1][4:] if parts[1].startswith("ses-") and len(parts) > 2 else ""
    session = session if _is_label(session) else ""
    common = path.replace(f"sub-{subject}", f"sub-{ANYBODY}")
    common = common.replace(f"ses-{session}", f"ses-{ANY_SESSION}") if session else common
    return Alike(common, subject, session) if common.count(ANYBODY) == 2 else NOBODY


def parsed(path: str, schema: Schema, likeness: Alike) -> Parsed:
    """`parse`, remembered for the same name of another subject and session where nothing is wrong with it."""
    if likeness.common:
        found = _parse_path(likeness.common, schema)
        if found.name and not found.problems:
            labels = {"sub": likeness.subject, "ses": likeness.session}
            entities = tuple([(key, labels.get(key, value)) for key, value in found.name.entities])
            name = found.name
            return Parsed(Name(entities, name.suffix, name.extension, name.datatype, name.group, name.root), ())
    return parse(path, schema)


@lru_cache(maxsize=4096)
def _parse_path(path: str, schema: Schema) -> Parsed:
    return parse(path, schema)


def judged(path: str, bids: Bids, likeness: Alike, *, derived: bool, folder: bool) -> tuple[Problem, ...]:
    """`judge`, remembered in the same way."""
    if likeness.common and not _judge_path(likeness.common, bids, derived, folder):
        return ()
    return judge(path, bids, derived=derived, folder=folder)


@lru_cache(maxsize=4096)
def _judge_path(path: str, bids: Bids, derived: bool, folder: bool) -> tuple[Problem, ...]:  # noqa: FBT001 - for the cache
    return judge(path, bids, derived=derived, folder=folder)


def _is_label(text: str) -> bool:
    return text.isascii() and text.isalnum()
