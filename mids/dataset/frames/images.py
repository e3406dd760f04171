"""The table of images: what names, tables and sidecars say of each, gathered and joined."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

import pandas as pd

from mids.dataset.disk.door import Door
from mids.dataset.disk.progress import watched
from mids.dataset.files import (
    PLACE,
    Sidecars,
    describe_path,
    find_applying_sidecars,
    find_images,
    find_sidecars,
    read_json,
)
from mids.dataset.tables import add_prefix, frame, free_names, joined, map_rows_by_key
from mids.errors import DataError
from mids.records import Json
from mids.vocabulary.schema import Schema

IDS = ("filename", "participant_id", "session_id")
ALWAYS = frozenset({"sub", "ses", "run", "bp", "lat", "vp"})
"""Entities that have a column even where no image has them."""
JOINED = ("scan", "session", "sidecar")
"""Whose columns `gathered` has, each with this word and a dot in front."""


def participants(door: Door) -> pd.DataFrame:
    """participants.tsv; empty where it is absent."""
    path = "participants.tsv"
    rows = _rows_of_keys(door, path, "participant_id")
    named = [{**row, "participant_id": add_prefix("sub-", row["participant_id"])} for row in rows]
    subjects = {name.partition("/")[0] for name in door.below_subjects()}
    if named and subjects and subjects.isdisjoint(row["participant_id"] for row in named):
        message = "no row names a subject folder of the dataset, so no image has a row: correct participant_id"
        door.keep(DataError("PARTICIPANT_WITHOUT_FOLDER", message), path)
    return frame(named, ["participant_id"])


def _rows_of_keys(door: Door, path: str, key: str) -> Sequence[Mapping[str, str]]:
    """The rows of a table with a row for each `key`; that a key has several that differ is told, the first counts."""
    rows = map_rows_by_key(door, path, key)
    first: dict[str, Mapping[str, str]] = {}
    twice = {row[key] for row in rows if row[key] and first.setdefault(row[key], row) != row}
    if twice:
        which = "1 value has" if len(twice) == 1 else f"{len(twice)} values have"
        message = f"column {key}: {which} several rows that differ; the first is used"
        door.keep(DataError("KEY_DUPLICATED", message), path)
    return rows


def sessions(door: Door, files: Sequence[str]) -> pd.DataFrame:
    """All sub-*_sessions.tsv among the files, one below the other, each row with its `participant_id`."""
    rows = (
        {**row, "participant_id": path.split("/")[0], "session_id": add_prefix("ses-", row["session_id"])}
        for path in files
        if path.endswith("_sessions.tsv")
        for row in _rows_of_keys(door, path, "session_id")
    )
    return frame(rows, ["participant_id", "session_id"])


def scans(door: Door, files: Sequence[str]) -> pd.DataFrame:
    """All *_scans.tsv among the files, one below the other, with `filename` relative to the dataset."""
    places: dict[str, list[str]] = {}
    for path, _ in find_images(files):
        places.setdefault(path.rpartition("/")[2], []).append(path)
    tables = [path for path in files if path.endswith("_scans.tsv")]
    rows = (
        {**row, "filename": _resolve_scan_path(path.rpartition("/")[0], row["filename"], places)}
        for path in watched(tables, "tables of images read", len(tables))
        for row in _rows_of_keys(door, path, "filename")
        if row["filename"]
    )
    return frame(rows, ["filename"])


def _resolve_scan_path(folder: str, filename: str, places: dict[str, list[str]]) -> str:
    """The dataset-relative path that a scans.tsv in `folder` means."""
    path = (PurePosixPath(folder) / filename).as_posix()
    here = [place for place in places.get(path.rpartition("/")[2], ()) if place.startswith(folder + "/")]
    return here[0] if path not in here and len(here) == 1 else path


# --- one row an image ------------------------------------------------------------------------------------


def gather_images(door: Door, files: Sequence[str], fields: Sequence[str], schema: Schema) -> pd.DataFrame:
    """What names, scans and sessions tables and the `fields` of sidecars say, by columns that never clash.

    `files` are all those of some subjects. A column of a table is called as in ``scan.acq_time``.
    """
    found = [describe_path(path, extension, schema) for path, extension in find_images(files)]
    images = frame(found, [*IDS, *sorted(ALWAYS), *PLACE])
    images = _join_with_prefix(images, scans(door, files), ["filename"], "scan")
    images = _join_with_prefix(images, sessions(door, files), ["participant_id", "session_id"], "session")
    if fields:
        known = find_sidecars(door, files)
        rows = [_fields(door, row["filename"], known, fields) for row in watched(found, "sidecars read", len(found))]
        images = _join_with_prefix(images, frame(rows, ["filename", *fields]), ["filename"], "sidecar")
    return images


def _join_with_prefix(images: pd.DataFrame, table: pd.DataFrame, keys: list[str], word: str) -> pd.DataFrame:
    names = {column: f"{word}.{column}" for column in table.columns if column not in keys}
    return joined(images, table.rename(columns=names), keys, "")


def _fields(door: Door, path: str, known: Sidecars, fields: Sequence[str]) -> dict[str, str]:
    """Some keys of an image's sidecars as text; nothing where one of them is broken."""
    content: dict[str, Json] = {}
    for name in find_applying_sidecars(path, known):
        try:
            content |= read_json(door, name)
        except DataError as error:
            door.keep(error, name)
            content = {}
            break
    return {"filename": path, **{key: format_cell(content[key]) for key in fields if key in content}}


def format_cell(value: Json) -> str:
    """A value of a sidecar as a cell: a text as it is, anything else as JSON, null as nothing."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def assemble_images(given: pd.DataFrame, people: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """The rows of `gathered` with short names of columns, and what participants.tsv says."""
    entities = [
        key for key in schema.entities if key in given.columns and (key in ALWAYS or bool(given[key].notna().any()))
    ]
    columns = [*IDS, *entities, *PLACE]
    images = given[columns]
    for word in JOINED[:-1]:
        # A column of rows about other images alone, or of an older state of the index, is none.
        images = _add_word_columns(images, _drop_empty(given[list(_list_own_columns(given, word))]), word)
    return _add_word_columns(joined(images, _drop_empty(people), ["participant_id"], "participant"), given, JOINED[-1])


def _drop_empty(frame: pd.DataFrame) -> pd.DataFrame:
    """IDs, and the columns that have a value."""
    return frame[[name for name in frame.columns if name in IDS or frame[name].notna().any()]]


def _add_word_columns(images: pd.DataFrame, given: pd.DataFrame, word: str) -> pd.DataFrame:
    """The images with the columns of one word, under their own names where these are free."""
    own = list(_list_own_columns(given, word))
    names = free_names((name.removeprefix(f"{word}.") for name in own), images.columns, word)
    return images.assign(**{names[name.removeprefix(f"{word}.")]: given[name] for name in own})


def _list_own_columns(given: pd.DataFrame, word: str) -> Iterator[str]:
    return (str(name) for name in given.columns if str(name).startswith(f"{word}."))
