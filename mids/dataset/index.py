"""The kept index of a dataset: what was gathered of its images, as a Parquet file outside of it.

Subjects whose files have the sizes and times that they had are not read again.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from mids.dataset.disk.door import Door
from mids.dataset.disk.tree import find_subject
from mids.dataset.frames.images import IDS, gather_images
from mids.errors import DataError, MidsError
from mids.vocabulary.schema import Schema

VERSION = "2"
_KEY = "mids.index"


def read_indexed_images(
    door: Door, files: Sequence[str], fields: Sequence[str], schema: Schema, index: Path
) -> pd.DataFrame:
    """What `images.gathered` gives, from the index as far as that is fresh; afterwards the index is.

    Raises `MidsError` without pyarrow, for an index inside the dataset, or for a file that is no index.
    """
    parquet, root = library(), door.root
    if index.resolve().is_relative_to(root.resolve()):
        raise MidsError(f"{index} lies in the dataset: give a path outside")
    by_subject = {subject: list(own) for subject, own in groupby(files, key=lambda path: path.split("/")[0])}
    tops = [path.name for path in sorted(root.glob("*.json"))]
    stamp = {"version": VERSION, "fields": list(fields), "top": _print(root, tops), "words": _words(schema)}
    now = {subject: _print(root, own) for subject, own in by_subject.items()}
    before, problems = _read_marks(index, stamp, parquet)
    same = {subject for subject, mark in now.items() if before.get(subject) == mark}
    kept: pd.DataFrame = parquet.read(index) if same else gather_images(door, (), fields, schema)
    for code, message, path in problems:
        if find_subject(path) in same:
            door.keep(DataError(code, message), path)
    if same == set(now) == set(before):
        return kept
    changed = [path for subject, own in by_subject.items() if subject not in same for path in own]
    fresh = gather_images(door, changed, fields, schema)
    found = pd.concat([kept[kept["participant_id"].isin(same)], fresh], ignore_index=True)
    found = found.sort_values("filename", ignore_index=True)
    parquet.write(index, found, {_KEY: json.dumps({**stamp, "subjects": now, "problems": _problems(door)})})
    return found


def library() -> Any:
    """The module that reads and writes Parquet; `MidsError` where pyarrow is absent."""
    try:
        return import_module("mids.dataset.parquet")
    except ImportError as error:
        raise MidsError("Parquet needs pyarrow: pip install 'mids[parquet]'") from error


def _problems(door: Door) -> list[list[str]]:
    """What can't be read of the files of subjects, which are not read again while they stay as they are."""
    return [[found.code, found.message, found.path] for found in door.issues if find_subject(found.path)]


def _read_marks(index: Path, stamp: Mapping[str, object], parquet: Any) -> tuple[dict[str, str], list[list[str]]]:
    """The marks of the subjects in the index, and what could not be read; none where it is absent or made otherwise."""
    if not index.exists():
        return {}, []
    notes = parquet.read_notes(index)
    if _KEY not in notes:
        raise MidsError(f"{index} exists and is not an index of a dataset: give another name")
    found = json.loads(notes[_KEY])
    subjects: dict[str, str] = found.pop("subjects")
    problems: list[list[str]] = found.pop("problems", [])
    return (subjects, problems) if found == stamp else ({}, [])


def _print(root: Path, files: Sequence[str]) -> str:
    """A mark of names, sizes and times of files."""
    mark = hashlib.blake2b(digest_size=16)
    for path in files:
        try:
            stat = os.stat(f"{root}/{path}")  # noqa: PTH116 - of each file: pathlib takes twice as long
            size, time = stat.st_size, stat.st_mtime_ns
        except OSError:  # a link that leads nowhere
            size = time = -1
        mark.update(f"{path}\0{size}\0{time}\n".encode("utf-8", "surrogateescape"))
    return mark.hexdigest()


def _words(schema: Schema) -> str:
    """A mark of the words by which names are read."""
    words = [*IDS, *schema.entities, *schema.suffixes, *schema.groups]
    codes = [spelling for codes in schema.code_lists.values() for spelling in codes.codes]
    return hashlib.blake2b("\n".join([*words, *codes]).encode(), digest_size=16).hexdigest()
