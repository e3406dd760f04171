"""All that the page shows of one dataset, as plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from mids.analysis import comparison
from mids.analysis.counting import Tables, words
from mids.analysis.plots import Plot, plots
from mids.analysis.unlikely import find_doubts
from mids.dataset import Dataset
from mids.dataset.disk.progress import watched
from mids.dataset.tables import add_missing_columns
from mids.errors import DataError
from mids.gallery import facts, maps
from mids.gallery.facets import Facet, facets
from mids.gallery.flow import Flow
from mids.gallery.masks import Drawn, find_masks
from mids.gallery.people import Person, people
from mids.gallery.private import Private, read_private
from mids.gallery.skipped import Skipped, flow, skipped, source_rows
from mids.gallery.thumbnails import Task, Thumbnail, thumbnail
from mids.issues import Issue
from mids.records import Map
from mids.validation.outcome import Report
from mids.validation.runner import validate

UNLIKELY, REASON = "unlikely", "unlikely_reason"
"""Columns of the table of images. An image with a reason is shown before all others."""

REPORTS = "derivatives/ehr/reports.tsv"

ALWAYS = ("participant_id", "session_id", "filename", "modality", "bp", "vp", "lat", "sex", "age", "labels")
"""Columns of the table of images that are shown at first; the others can be chosen."""

LEFT_OUT = ("sub", "ses", "modalities", "body_parts", *facts.SPACINGS, "SourcePhotometricInterpretation")
"""Columns that say what others say, or that only the page wants."""


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """One dataset: tables, plots, facets, patients, thumbnails by the row of their image, issues, and what was skipped.

    `report` is the validation's, `issues` say what could not be read, of which the page tells nothing else.
    """

    name: str
    folder: str
    description: Mapping[str, Any]
    lines: comparison.Lines
    plots: Sequence[Plot]
    images: pd.DataFrame
    facets: Sequence[Facet]
    thumbnails: Mapping[int, Thumbnail]
    people: Sequence[Person]
    report: Report
    skipped: Sequence[Skipped]
    flow: Flow | None
    map: maps.Map | None
    issues: tuple[Issue, ...] = ()
    private: Private = field(default_factory=Private)


def contents(
    dataset: Dataset, mapped: Map, *, thumbnails: int, large: int = 0, features: Sequence[Mapping[str, Any]] = (),
    jobs: int = 1, unlikely_first: bool = False, private: bool = False,
) -> Contents:  # fmt: skip
    """Reads a dataset; thumbnails are made of `thumbnails` images (0: of none), with `unlikely_first` of the most
    unlikely ones before all others. The first `large` of them have a large image too. With
    `private`, images of sources are read that were left out.

    Raises `MidsError` for a use that is wrong, `DataError` where dataset_description.json is broken.
    """
    known = facts.read(dataset, mapped)
    given = facts.build_counted_tables(dataset, known)
    (images, lists), masks = _images(dataset, given, known), find_masks(dataset)
    if unlikely_first:
        found = find_doubts(dataset.path, mapped)
        doubts = [found.get(str(name)) for name in images["filename"]]
        images[UNLIKELY] = pd.array([f"{each.chance:.2f}" if each else None for each in doubts], dtype="string")
        images[REASON] = pd.array([each.reason or None if each else None for each in doubts], dtype="string")
    order = _order(images, masks)[:thumbnails]
    chosen, enlarged = sorted(order), set(order[:large])
    tasks = [_task(dataset.path, pd.Series(images.loc[row]), known, masks, large=row in enlarged) for row in chosen]
    small = dict(zip(chosen, watched(mapped(thumbnail, tasks), "pictures made", len(tasks)), strict=True))
    for row, each in small.items():
        if each.error is not None:
            dataset.door.keep(each.error, str(images.loc[row, "filename"]))
    reports, rows = len(facts.table(dataset, REPORTS)), source_rows(dataset.path)
    return Contents(
        dataset.name, dataset.path.resolve().name, dataset.description,
        comparison.lines(given, reports, sum(map(len, masks.values()))), plots(given, images), images,
        facets(images, lists), small, people(dataset, given),
        validate(dataset.path, jobs=jobs), skipped(rows), flow(rows),
        maps.draw_map(features, given) if features else None,
        dataset.issues, read_private(dataset.path, rows, images, mapped) if private else Private(),
    )  # fmt: skip


def _task(
    root: Path, image: "pd.Series[Any]", known: Mapping[str, facts.Fact], masks: Mapping[str, tuple[Drawn, ...]],
    *, large: bool,
) -> Task:  # fmt: skip
    name = str(image["filename"])
    words = {key: "" if pd.isna(image[key]) else str(image[key]) for key in ("group", "suffix", "bp")}
    spacing = known[name].spacing if name in known else (1.0, 1.0)
    return Task(root, name, words["group"], words["suffix"], words["bp"], spacing, masks.get(name, ()), large)


def _order(images: pd.DataFrame, masks: Mapping[str, tuple[Drawn, ...]]) -> list[int]:
    """The rows by who is shown first: in turn one of each modality and view, those with masks before those without."""
    order = images["filename"].map(lambda name: name not in masks)
    kinds = [images[key].fillna("") for key in ("suffix", "vp")]
    turn = images.assign(_last=order).sort_values(["_last"], kind="stable").groupby(kinds, sort=False).cumcount()
    if UNLIKELY in images:
        chance = pd.to_numeric(images[UNLIKELY]).fillna(0).loc[turn.index]
        turn = turn.where(images[REASON].isna().loc[turn.index], -chance)
    return [int(row) for row in turn.sort_values(kind="stable").index]


# --- the table of images ---------------------------------------------------------------------------------


def _images(
    dataset: Dataset, given: Tables, known: Mapping[str, facts.Fact]
) -> tuple[pd.DataFrame, dict[str, list[tuple[str, ...]]]]:
    """`Dataset.images` with what sidecars, headers and the label table say, and the columns that hold lists."""
    images = dataset.images.drop(columns=[name for name in LEFT_OUT if name in dataset.images]).copy()
    rows = [known.get(str(name)) for name in images["filename"]]
    keys: list[Mapping[str, str]] = [fact.keys if fact else {} for fact in rows]
    lists = {name: list_words(given, images, name) for name in ("labels", "finding")}
    added: dict[str, list[str | None]] = {
        **{name: [", ".join(values) or None for values in found] for name, found in lists.items()},
        "split": _splits(dataset, len(images)),
        "slices": [str(fact.slices) if fact and ".nii" in fact.filename else None for fact in rows],
        "Manufacturer": [found.get("Manufacturer") for found in keys],
        "ManufacturersModelName": [found.get("ManufacturersModelName") for found in keys],
    }
    for name, values in added.items():
        column = pd.array(values, dtype="string")
        if name not in images and not column.isna().all():
            images[name] = column
    first = [name for name in ALWAYS if name in images]
    return images[[*first, *(name for name in images if name not in first)]], lists


def _splits(dataset: Dataset, count: int) -> list[str | None]:
    """The part of each image; none where the table is absent, or broken, which the validation tells."""
    try:
        return [None if pd.isna(part) else str(part) for part in dataset.partitions["split"]]
    except DataError:
        return [None] * count


def list_words(given: Tables, images: pd.DataFrame, column: str) -> list[tuple[str, ...]]:
    """What a column of the label table says of each image, or else of reports and readings of its session."""
    of_image: dict[str, dict[str, None]] = {}
    of_session: dict[tuple[str, str], dict[str, None]] = {}
    table = add_missing_columns(given.labels, column)[["participant_id", "session_id", "filename", column]]
    for person, session, filename, cell in table.itertuples(index=False):
        try:
            found = dict.fromkeys(_words(cell, column))
        except DataError:
            continue
        if not pd.isna(filename):
            of_image.setdefault(str(filename), {}).update(found)
        elif not pd.isna(session):
            of_session.setdefault((str(person), str(session)), {}).update(found)
    rows = images[["filename", "participant_id", "session_id"]].itertuples(index=False)
    return [
        tuple(of_image.get(str(filename)) or of_session.get((str(person), str(session)), {}))
        for filename, person, session in rows
    ]


def _words(cell: str | None, column: str) -> list[str]:
    """The values of a cell: labels are a JSON list, a finding may be a text."""
    if cell is None or pd.isna(cell):
        return []
    return words(str(cell)) if column == "labels" or str(cell).startswith("[") else [str(cell)]
