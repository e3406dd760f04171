"""The files of a dataset: which there are, what their names say, and which sidecars apply to an image."""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from mids.errors import DataError, MidsError
from mids.records import Json
from mids.vocabulary.names import parse
from mids.vocabulary.schema import Schema

PLACE = ("suffix", "group", "datatype", "extension")
IMAGE = re.compile(r"\.(nii\.gz|nii|png|ome\.tif|ome\.btf|tif)$", re.IGNORECASE)


def below_subjects(root: Path, folder: str = "") -> list[str]:
    """The files below the subjects' folders of `folder`, dataset-relative and sorted, without hidden ones."""
    found = []
    for top in (root / folder).glob("sub-*"):
        start, length = f"{folder}/{top.name}".removeprefix("/"), len(str(top))
        for place, folders, files in os.walk(top):
            folders[:] = [name for name in folders if not name.startswith(".")]
            here = start + place[length:].replace(os.sep, "/")
            found += [f"{here}/{name}" for name in files if not name.startswith(".")]
    return sorted(found)


def images_among(files: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Path and extension of every image."""
    for path in files:
        if match := IMAGE.search(path):
            yield path, match[0]


def described(path: str, extension: str, schema: Schema) -> dict[str, str]:
    """What the path of an image says, by the columns of `Dataset.images`."""
    name = parse(path, schema).name
    if name is None:
        folders = [folder.partition("-") for folder in path.split("/")[:2]]
        values = {key: value for key, _, value in folders if key in ("sub", "ses")}
    else:
        values = dict(name.entities) | {"suffix": name.suffix, "group": name.group, "datatype": name.datatype}
    ids = {"participant_id": f"sub-{values['sub']}"}
    if "ses" in values:
        ids["session_id"] = f"ses-{values['ses']}"
    return {"filename": path, **ids, **values, "extension": extension}


def tokens(path: str) -> tuple[frozenset[str], str]:
    """The entities of a file name as they stand there, and the suffix."""
    *entities, suffix = path.rpartition("/")[2].partition(".")[0].split("_")
    return frozenset(entities), suffix


def file_at(root: Path, path: str) -> Path:
    """The file at a dataset-relative path; `MidsError` where there is none."""
    given = PurePosixPath(path)
    if given.is_absolute() or ".." in given.parts or not (root / path).is_file():
        raise MidsError(f"{path} is not a file of the dataset: give a path relative to its top folder")
    return root / path


def read_json(root: Path, path: str) -> dict[str, Json]:
    """The content of a JSON file; `DataError` (JSON_INVALID) where it is no JSON object."""
    try:
        content = json.loads((root / path).read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise DataError("JSON_INVALID", f"{path} is not a JSON object")
    return content


# --- sidecars --------------------------------------------------------------------------------------------

Sidecars = Mapping[tuple[str, str], Sequence[tuple[int, str, frozenset[str]]]]
"""By folder ("." at the top) and suffix, the JSON files: number of entities, path, entities; sorted."""


def sidecars_of(root: Path, files: Sequence[str]) -> Sidecars:
    """The JSON files that may apply to images: those of `files`, and those at the top of the dataset."""
    found: dict[tuple[str, str], list[tuple[int, str, frozenset[str]]]] = {}
    paths = [*(path.name for path in root.glob("*.json")), *(path for path in files if path.endswith(".json"))]
    for path in paths:
        said, suffix = tokens(path)
        found.setdefault((path.rpartition("/")[0] or ".", suffix), []).append((len(said), path, said))
    return {place: sorted(entries, key=lambda entry: entry[:2]) for place, entries in found.items()}


def applying(path: str, sidecars: Sidecars) -> Iterator[str]:
    """The JSON files that apply to an image, the least specific first (BIDS inheritance principle)."""
    entities, suffix = tokens(path)
    for folder in reversed(PurePosixPath(path).parents):
        for count, name, said in sidecars.get((folder.as_posix(), suffix), ()):
            if count <= len(entities) and said <= entities:
                yield name
