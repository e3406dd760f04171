"""Names, parsed once for all subjects and sessions whose files are named alike."""

from functools import lru_cache

from mids.dataset.disk.tree import ROIS
from mids.vocabulary.names import Name, Parsed, parse
from mids.vocabulary.schema import Schema

ANYBODY, ANY_SESSION = "X0", "X1"


def parsed(path: str, schema: Schema) -> Parsed:
    """`parse`, remembered for the same name of another subject and session where nothing is wrong with it."""
    subject, session = _labels(path)
    if subject:
        common = path.replace(f"sub-{subject}", f"sub-{ANYBODY}")
        common = common.replace(f"ses-{session}", f"ses-{ANY_SESSION}") if session else common
        found = _parse_path(common, schema)
        if found.name and not found.problems and common.count(ANYBODY) == 2:
            labels = {"sub": subject, "ses": session}
            entities = tuple((key, labels.get(key, value)) for key, value in found.name.entities)
            name = found.name
            return Parsed(Name(entities, name.suffix, name.extension, name.datatype, name.group, name.root), ())
    return parse(path, schema)


@lru_cache(maxsize=4096)
def _parse_path(path: str, schema: Schema) -> Parsed:
    return parse(path, schema)


def _labels(path: str) -> tuple[str, str]:
    """The labels of the subject's and the session's folder, "" where they are not plain."""
    parts = path.removeprefix(ROIS).split("/", 2)
    if not (len(parts) > 1 and parts[0].startswith("sub-") and _is_label(parts[0][4:])):
        return "", ""
    session = parts[1][4:] if parts[1].startswith("ses-") and len(parts) > 2 else ""
    return parts[0][4:], session if _is_label(session) else ""


def _is_label(text: str) -> bool:
    return text.isascii() and text.isalnum()
