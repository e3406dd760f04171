"""The files of a dataset: which there are, what their names say, and which sidecars apply to an image."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from mids.dataset.disk.door import Door
from mids.errors import DataError
from mids.records import Json
from mids.vocabulary.names import parse
from mids.vocabulary.schema import Schema

PLACE = ("suffix", "group", "datatype", "extension")
IMAGE = re.compile(r"\.(nii\.gz|nii|png|ome\.tif|ome\.btf|tif)$", re.IGNORECASE)


def find_images(files: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Path and extension of every image."""
    for path in files:
        if match := IMAGE.search(path):
            yield path, match[0]


def describe_path(path: str, extension: str, schema: Schema) -> dict[str, str]:
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


def read_json(door: Door, path: str) -> dict[str, Json]:
    """The content of a JSON file; `DataError` where it is no JSON object (JSON_INVALID) or FILE_UNREADABLE."""
    try:
        content = json.loads(door.read_text(path))
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise DataError("JSON_INVALID", f"{path} is not a JSON object")
    return content


# --- sidecars --------------------------------------------------------------------------------------------

Sidecars = Mapping[tuple[str, str], Sequence[tuple[int, str, frozenset[str]]]]
"""By folder ("." at the top) and suffix, the JSON files: number of entities, path, entities; sorted."""


def find_sidecars(door: Door, files: Sequence[str]) -> Sidecars:
    """The JSON files that may apply to images: those of `files`, and those at the top of the dataset."""
    found: dict[tuple[str, str], list[tuple[int, str, frozenset[str]]]] = {}
    paths = [*(path.name for path in door.root.glob("*.json")), *(path for path in files if path.endswith(".json"))]
    for path in paths:
        said, suffix = tokens(path)
        found.setdefault((path.rpartition("/")[0] or ".", suffix), []).append((len(said), path, said))
    return {place: sorted(entries, key=lambda entry: entry[:2]) for place, entries in found.items()}


def find_applying_sidecars(path: str, sidecars: Sidecars) -> Iterator[str]:
    """The JSON files that apply to an image, the least specific first (BIDS inheritance principle)."""
    entities, suffix = tokens(path)
    for folder in reversed(PurePosixPath(path).parents):
        for count, name, said in sidecars.get((folder.as_posix(), suffix), ()):
            if count <= len(entities) and said <= entities:
                yield name
