"""What needs a decision: images of a dataset, and source files that were withheld, lost or left out."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pydicom

from mids.dataset import Dataset
from mids.errors import DataError
from mids.plan.curation import EXCLUDED
from mids.readers.archives.files import open_source
from mids.run.decided.choices import Choices, read_rows
from mids.run.looking import find_file

KINDS = ("withheld", "lost", "text", "doubtful", "unsure", "duplicate", "image", "left out")
"""In the order in which a person looks at them. `doubtful`: a run had a warning about it; `unsure`: a radiograph
or photograph whose view nobody said; `text` and `duplicate` are searched for on request (`mids.review.shelves`)."""

VALUES: Mapping[str, str] = {"view": "view_position", "body_part": "body_part", "laterality": "laterality"}
"""Fields of the table of corrections, and the columns of scans.tsv that they correct."""

_CODE = re.compile(r"([A-Z]+(?:_[A-Z]+)+): ")
PROJECTIONS = frozenset({"cr", "dx", "mg", "io", "px"})
"""Suffixes of images that have a view."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to look at. `file` names it in a table of corrections: a source file, relative to SOURCE.

    `image` is its file in the dataset, empty where it is not there. `values` are what the dataset says of it now,
    and `before` what it said before any correction, by the fields of `VALUES`. `code` is that of the issue for which
    it is lost. `unlikely` is how probable it is that something said of the image is wrong (0 to 1). `files` is
    of how many source files it is. `twin` is the image that shows the same, and `likeness`
    how similar they are (0 to 1). `homes` are the items under which what is
    decided of a field is kept, where that is not this one: a new name of a subject holds for all its images.
    """

    number: int
    kind: str
    file: str
    image: str = ""
    title: str = ""
    reason: str = ""
    code: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    before: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    unlikely: float = 0.0
    files: int = 1
    twin: str = ""
    likeness: float = 0.0
    homes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shelf:
    """All items of a dataset, which is `opened`, or of a plan, in the order of looking; and where their sources lie."""

    dataset: Path
    items: tuple[Item, ...]
    roots: tuple[Path, ...]
    choices: Choices
    plan: Path | None = None
    opened: Dataset | None = None


def in_order(found: Iterable[Item]) -> tuple[Item, ...]:
    """Items in the order of looking, numbered."""
    order = sorted(
        found, key=lambda item: (KINDS.index(item.kind), -item.likeness, -item.unlikely, item.image or item.file)
    )
    return tuple(replace(item, number=number) for number, item in enumerate(order))


def list_images(dataset: Dataset, rows: list[dict[str, str]], choices: Choices) -> Iterator[Item]:
    """The images of a dataset, with what they were called before any correction."""
    sources: dict[str, list[str]] = {}
    for row in rows:
        if row["status"] == "converted":
            sources.setdefault(row["filename"], []).append(row["source"])
    decided = {(row.file, row.field): row.old for row in read_rows(choices.values.get("curation"))}
    table = dataset.select()
    for values in table.astype(object).where(table.notna(), None).to_dict("records"):
        name = str(values["filename"])
        files = sources.get(name, [])
        if not files:
            continue
        now = {key: str(values[column] or "") for key, column in VALUES.items()}
        before = dict(now)
        for file in (*files, name):
            before |= {key: decided[file, key] for key in VALUES if (file, key) in decided}
        kind, reason = "image", ""
        if values["suffix"] in PROJECTIONS and not now["view"]:
            kind, reason = "unsure", "no view is known"
        yield Item(
            0, kind, files[0], name, str(values["suffix"]), reason, values=now, facts=_facts(values, len(files)),
            before={key: "" if value == "n/a" else value for key, value in before.items()}, files=len(files),
        )  # fmt: skip


def _facts(values: Mapping[Any, Any], files: int) -> dict[str, str]:
    """What the page says of an image."""
    shown = ("participant_id", "session_id", "modality", "view_source", "sex", "age", "acq_time")
    facts = {name: str(values[name]) for name in shown if values.get(name) is not None}
    return {**facts, "source files": str(files)}


def _series(roots: Iterable[Path], file: str) -> str:
    """The SeriesInstanceUID of a source file; empty where none is to be had."""
    try:
        if not (found := find_file(roots, file)):
            return ""
        with open_source(*found) as stream:
            header = pydicom.dcmread(stream, stop_before_pixels=True, specific_tags=["SeriesInstanceUID"], force=True)
        return str(header.get("SeriesInstanceUID", ""))
    except (DataError, OSError, ValueError, AttributeError, KeyError, TypeError):
        return ""


def list_sources(rows: list[dict[str, str]], roots: tuple[Path, ...], choices: Choices) -> Iterator[Item]:
    """The source files that were withheld, lost or left out; of a volume, the file that a decision names, or the first.

    One decision holds for all slices of a volume.
    """
    decided = {row.file for row in read_rows(choices.values.get("curation"))}
    volumes: dict[str, list[dict[str, str]]] = {}
    for row in (row for row in rows if row["status"] != "converted"):
        is_volume = "face" in row["reason"] or row["reason"] == EXCLUDED
        series = _series(roots, row["source"]) if is_volume else ""
        volumes.setdefault(series or row["source"], []).append(row)
    for own in volumes.values():
        row = next((each for each in own if each["source"] in decided), own[0])
        reason = row["reason"]
        if row["status"] == "lost":
            code = _CODE.match(reason)
            yield Item(0, "lost", row["source"], title=row["reference"], reason=reason, code=code[1] if code else "")
        elif row["status"] == "skipped" and reason != "not DICOM":
            kind = "withheld" if reason.startswith("withheld") else "left out"
            yield Item(0, kind, row["source"], title=row["reference"], reason=reason, files=len(own))
