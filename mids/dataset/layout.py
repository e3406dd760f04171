"""A MIDS dataset for pybids: its layout, and the configuration that is made from the vocabulary.

Apart from `mids.dataset`, because pybids takes half a second to import.
"""

from pathlib import Path
from typing import Any

from bids import BIDSLayout

from mids.errors import MidsError
from mids.resources import schemas
from mids.vocabulary.schema import Schema

CONFIG = "pybids.json"

_NAMES = {
    "sub": "subject", "tracksys": "tracksys", "voi": "volume", "ce": "ceagent", "stain": "staining",
    "dir": "direction", "mod": "modality", "flip": "flip", "inv": "inv", "mt": "mt", "proc": "proc",
    "hemi": "hemi", "seg": "seg", "res": "res", "den": "den", "desc": "desc",
}  # fmt: skip
"""pybids's names of entities, where they are not the vocabulary's without its blanks."""


def bids_layout(path: str | Path) -> BIDSLayout:
    """A `bids.BIDSLayout` of a MIDS dataset, in which every image is found by its entities.

    The entities are pybids's own, and `bodypart`, `laterality`, `viewposition` and `group` (rx, ct, …):
    ``bids_layout(path).get(bodypart="chest", viewposition="pa", extension=".png")``. Sidecars are indexed.

    Raises `MidsError` where `path` is no folder, or where pybids can't index it (one invalid sidecar is enough).
    """
    if not Path(path).is_dir():
        raise MidsError(f"{path} is not a folder: give the folder of a dataset")
    try:
        # Only a complete configuration of one's own works: together with the stock one, pybids fails.
        return BIDSLayout(path, validate=False, config=str(schemas() / CONFIG))
    except (OSError, ValueError) as error:
        raise MidsError(f"pybids can't index {path}: find invalid sidecars with mids validate") from error


def pybids_config(schema: Schema) -> dict[str, Any]:
    """The configuration of pybids for a vocabulary: the content of schemas/pybids.json.

    Patterns look at a file's name and the folders right above it, because pybids shows them absolute paths: the
    folders above the dataset must play no part.
    """
    datatypes = sorted({d for s in schema.suffixes.values() for d in (s.datatype, *s.other_datatypes) if d})
    groups = "|".join(group.folder.removeprefix("mim-") for group in schema.groups.values())
    entities: list[dict[str, str]] = [_entity(schema, key) for key in schema.entities]
    entities += [
        {"name": "suffix", "pattern": r"(?:^|[_/\\])([a-zA-Z0-9]+)\.[^/\\]+$"},
        {"name": "group", "pattern": rf"[/\\]mim-({groups})[/\\](?:[^/\\]+[/\\])?sub-[^/\\]+$"},
        {"name": "datatype", "pattern": rf"[/\\]({'|'.join(datatypes)})[/\\]sub-[^/\\]+$"},
        {"name": "extension", "pattern": r"[^./\\](\.[^/\\]+)$"},
    ]
    return {"name": "mids", "entities": entities, "default_path_patterns": _path_patterns(schema)}


def _name(schema: Schema, key: str) -> str:
    return _NAMES.get(key, schema.entities[key].name.replace(" ", ""))


def _entity(schema: Schema, key: str) -> dict[str, str]:
    """One entity: an index keeps its zeros, and compares as a number (`run=1` finds run-01), as in pybids's own."""
    is_index = schema.entities[key].kind == "index"
    value = "[0-9]+" if is_index else "[a-zA-Z0-9]+"
    entity = {"name": _name(schema, key), "pattern": rf"[_/\\]{key}-({value})[^/\\]*$"}
    return {**entity, "dtype": "int"} if is_index else entity


def _path_patterns(schema: Schema) -> list[str]:
    """Where an image goes: below its group's folder where it has one, else into the BIDS folder."""
    places = ("mim-{group}/[{datatype}/]", "{datatype}/")
    patterns = []
    for place in places:
        keys = [k for k, e in schema.entities.items() if k != "sub" and (e.bids or place is places[0])]
        pairs = "".join(f"[_{key}-{{{_name(schema, key)}}}]" for key in keys)
        patterns.append("sub-{subject}[/ses-{session}]/" + place + "sub-{subject}" + pairs + "_{suffix}{extension}")
    return patterns
