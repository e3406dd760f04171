"""What sidecars and descriptions refer to: files by path or BIDS URI, fields of B0 by name, the dataset's DOI."""

import re
from collections.abc import Iterator
from pathlib import Path

from mids.checks.references.masks import image_of
from mids.dataset.disk.folder import DESCRIPTION
from mids.dataset.disk.tree import ROIS
from mids.inspection.documents import read_json
from mids.inspection.paths import IMAGES, Kind
from mids.inspection.registry import Finding, Found, check
from mids.inspection.views import DatasetView, FileView
from mids.issues import Level
from mids.records import Json

URI = re.compile("bids:([^:/]*):(.*)")
"""BIDS 1.11, BIDS URI: the name of a dataset, empty for this one, and a path from its root."""
PATHS = ("IntendedFor", "Sources", "RawSources", "AssociatedEmptyRoom")
"""Keys whose values may be paths without being URIs."""
ANYBODY = ("AssociatedEmptyRoom", "SpatialReference")
"""Keys that may name a file of another subject."""


KINDS: tuple[Kind, ...] = ("sidecar", "json")


def _has_links(file: FileView) -> bool:
    """Whether a sidecar refers to anything; asked of its text, for almost none does."""
    document = file.document
    return file.kind in ("sidecar", "json") and (document.has_uris or not document.keys.isdisjoint(PATHS))


def _links(file: FileView) -> Iterator[tuple[str, str, str]]:
    """(place, key, text) of everything in a sidecar that is a path or a BIDS URI."""
    content = file.document.content
    for key, value in content.items() if isinstance(content, dict) else ():
        several = isinstance(value, list)
        for number, text in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(text, str) and text and (text.startswith("bids:") or key in PATHS) and "://" not in text:
                yield f"$.{key}[{number}]" if several else f"$.{key}", key, text


def _candidates(file: FileView, key: str, text: str) -> list[str] | None:
    """Where a path or URI may lead, from the root of the dataset; None for another dataset; empty where it is none."""
    folder = "/".join(file.path.split("/")[:2]) + "/" if file.path.startswith("derivatives/") else ""
    if match := URI.fullmatch(text):
        if match[1]:
            return None
        return [match[2], folder + match[2]]
    if text.startswith("bids:"):
        return []
    text = text.removeprefix("/")
    if key == "IntendedFor":  # BIDS: relative to the subject's folder, of iEEG to the dataset's
        anywhere = [text] if "/ieeg/" in file.path else []
        return [f"{folder}{file.subject}/{text}", f"{file.subject}/{text}", *anywhere]
    return [text, folder + text, f"{file.subject}/{text}"]


def _exists(dataset: DatasetView, path: str) -> bool:
    """Whether anything lies there; the content of a link may be elsewhere (git-annex)."""
    return bool(path) and not path.startswith("/") and dataset.exists(path.rstrip("/"))


def _is_file(dataset: DatasetView, path: str) -> bool:
    """Whether no folder lies there but one that is a recording."""
    path = path.rstrip("/")
    return _exists(dataset, path) and (dataset.has(path) or not Path(dataset.place(path)).is_dir())


@check("LINK_UNRESOLVED", per="json", when=_has_links)
def link_unresolved(file: FileView) -> Found:
    """A sidecar refers to a file that is not there: IntendedFor, Sources, a BIDS URI.

    Why: A field map is applied to nothing, or nobody can tell what an image was made from.

    Fix: Write `bids::` and the path from the root of the dataset, or restore the file.
    """
    facts = file.dataset.facts
    for where, key, text in _links(file):
        paths = _candidates(file, key, text)
        if key in ("Sources", "RawSources") and facts.derived and not facts.mids:
            continue  # what a derivative was made from is seldom published with it
        if paths is None:
            name = URI.fullmatch(text)
            if name and name[1] not in _linked(file):
                yield Finding("DatasetLinks of the description names no such dataset", where, name[1][:40])
        elif not paths:
            yield Finding("this is not a BIDS URI", where, text[:200], "bids::<path>")
        elif not any(_exists(file.dataset, path) for path in paths):
            yield Finding("the dataset holds no such file", where, text[:200])
        elif key == "IntendedFor" and text.endswith(".json"):
            yield Finding("this is a sidecar, not an image", where, text[:200])
        elif key == "IntendedFor" and not any(_is_file(file.dataset, path) for path in paths):
            yield Finding("this is a folder, not an image", where, text[:200])


def _linked(file: FileView) -> set[str]:
    """The names of other datasets that the descriptions above a file give."""
    folder = "/".join(file.path.split("/")[:2]) + "/" if file.path.startswith("derivatives/") else ""
    found: set[str] = set()
    for path in (DESCRIPTION, folder + DESCRIPTION):
        # A view of one subject holds no files of derivatives.
        if _exists(file.dataset, path):
            view = file.dataset.view(path) if file.dataset.has(path) else None
            content = view.document.content if view else _content(file.dataset, path)
            links = content.get("DatasetLinks") if isinstance(content, dict) else None
            found |= set(links) if isinstance(links, dict) else set()
    return found


def _content(dataset: DatasetView, path: str) -> Json:
    with open(dataset.place(path), "rb") as stream:  # noqa: PTH123 - as views read
        return read_json(stream.read()).content


@check("LINK_OF_ANOTHER", per="json", when=_has_links)
def link_of_another(file: FileView) -> Found:
    """A sidecar refers to a file of another subject; or a segmentation to images of which none is its own.

    Why: The files of two people were exchanged: a region, a field map or a result belongs to the wrong one.

    Fix: Find out whose it is, and correct the reference or move the file.
    """
    for where, key, text in _links(file) if file.subject else ():
        paths = [path for path in _candidates(file, key, text) or () if _exists(file.dataset, path)]
        # Templates of derivatives are subjects of their own: sub-Talairach, sub-fsaverage.
        others = [path for path in paths if _owner(path) not in ("", file.subject) and not _is_template(path)]
        if paths and len(others) == len(paths) and key not in ANYBODY:
            yield Finding("the file belongs to another subject", where, text[:200], file.subject)
    own = image_of(file) if file.is_mask and "Sources" in file.document.keys else None
    if own is not None:
        texts = [(key, text) for _, key, text in _links(file) if key == "Sources"]
        named = [path for key, text in texts for path in _candidates(file, key, text) or ()]
        images = [path for path in named if path.endswith(IMAGES) and file.dataset.has(path)]
        if images and own.path not in images:
            yield Finding("none of the sources is the image of this name", "$.Sources", images[0], own.path)


def _is_template(path: str) -> bool:
    return path.startswith("derivatives/") and not path.startswith(ROIS)


def _owner(path: str) -> str:
    """The subject's folder in a path, "" where there is none."""
    return next((part for part in path.split("/")[:-1] if part.startswith("sub-")), "")


@check("B0FIELD_UNKNOWN", per="subject")
def b0field_unknown(subject: DatasetView) -> Found:
    """B0FieldSource of a sidecar names a field that B0FieldIdentifier of no sidecar of the subject names.

    Why: The image is not corrected, and no program warns of it.

    Fix: Make both say the same, or restore the field map.
    """
    sidecars = [file for kind in KINDS for file in subject.find(kind)]
    using = [file for file in sidecars if "B0FieldSource" in file.document.keys and file.subject]
    if not using:
        return
    known = {name for file in sidecars for name in _names(file, "B0FieldIdentifier")}
    for file in using:
        for name in _names(file, "B0FieldSource"):
            if name not in known:
                yield Finding("no sidecar has this B0FieldIdentifier", "$.B0FieldSource", name[:40], path=file.path)


def _names(file: FileView, key: str) -> list[str]:
    """The names that a key of a sidecar gives, alone or in a list."""
    content = file.document.content
    value = content.get(key) if isinstance(content, dict) else None
    return [str(name) for name in (value if isinstance(value, list) else [value] if value else [])]


# --- DOI -------------------------------------------------------------------------------------------------

DOI = re.compile(r"(?:doi:|https?://(?:dx\.)?doi\.org/)?10\.\d{4,9}(?:\.\d+)*/\S+", re.IGNORECASE)
"""A DOI as BIDS, DataCite and the DOI handbook (2.2) write it: a registrant's number of at least four digits."""


@check("DOI_INVALID", per="json", level=Level.WARNING, when=lambda file: file.kind == "description")
def doi_invalid(file: FileView) -> Found:
    """DatasetDOI, or the DOI of a source dataset, is not a DOI.

    Why: Nobody finds, cites or counts the dataset by it.

    Fix: Write `doi:10.` with the registrant's number, a slash and the name, or remove the key.
    """
    content = file.document.content
    for where, text in _dois(content) if isinstance(content, dict) else ():
        if text and not DOI.fullmatch(text):
            yield Finding("this is not a DOI", where, text[:100], "doi:10.<number>/<name>")


def _dois(content: dict[str, Json]) -> Iterator[tuple[str, str]]:
    """(place, text) of every DOI of a description."""
    if isinstance(said := content.get("DatasetDOI"), str):
        yield "$.DatasetDOI", said
    sources = content.get("SourceDatasets")
    for number, source in enumerate(sources if isinstance(sources, list) else ()):
        if isinstance(source, dict) and isinstance(said := source.get("DOI"), str):
            yield f"$.SourceDatasets[{number}].DOI", said
