"""The vocabulary as a BIDS schema: the file that bids-validator, bidsschematools and bids2table run on.

BIDS's own schema (package bidsschematools, CC-BY) is loaded and extended; nothing of it is kept here. What it
can't express is left to the checks of this project: images named in tables, sessions against folders, the
inside of PNG, gzip and volumes, joins, real dates, and everything below `derivatives/`.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from typing import Any

from mids.errors import MidsError
from mids.vocabulary.schema import Column, Entity, Schema, Suffix, Table
from mids.vocabulary.sidecars import sidecar_schema

BELOW = 'match(path, "/mim-[a-z]+/")'
"""The selector of files in a MIDS folder, in BIDS's expression language."""

EVERYWHERE = frozenset({"dataset", "general", "hints", "nifti", "phenotype", "privacy", "references"})
"""Families of BIDS's checks that hold in MIDS folders too; the others ask for keys that only BIDS requires."""

IMAGES = (".nii.gz", ".nii", ".png")
COMPANIONS = (".tsv", ".json", ".bval", ".bvec")
"""Extensions of files that may lie above what they describe."""

SHARED = ("label", "path", "datetime")
"""Types of columns that BIDS defines as this project does; its others, such as sex, allow more."""

JsonObject = dict[str, Any]


def bids_schema(schema: Schema) -> JsonObject:
    """BIDS's schema with the words, columns, keys and rules of `schema`.

    Its `schema_version` is that of BIDS with `+mids` behind it. Raises `MidsError` where bidsschematools is not
    installed.
    """
    bids = _load_bids_schema()
    objects, rules = bids["objects"], bids["rules"]
    keys = _entities(objects["entities"], rules["entities"], schema)
    _words(objects, rules, schema)
    _spare_mids_folders(rules)
    _files(rules, schema, keys)
    _sidecars(objects["metadata"], rules["sidecars"], schema)
    rules["checks"]["mids"] = _checks(schema)
    for table in schema.tables.values():
        _columns(objects["columns"], rules["tabular_data"]["modality_agnostic"], table, schema)
    bids["schema_version"] += "+mids"
    return bids


def _load_bids_schema() -> JsonObject:
    """BIDS's own schema, a fresh copy."""
    try:
        text = files("bidsschematools").joinpath("data", "schema.json").read_text(encoding="utf-8")
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise MidsError("the BIDS schema is in the package bidsschematools: pip install bidsschematools") from error
    content: JsonObject = json.loads(text)
    return content


# --- words -----------------------------------------------------------------------------------------------


def _term(display: str, description: str) -> JsonObject:
    return {"display_name": display, "description": description}


def _entities(objects: JsonObject, order: list[str], schema: Schema) -> dict[str, str]:
    """Adds the entities that BIDS has not, each behind the one before it; returns BIDS's long names by key."""
    names = {entity["name"]: long for long, entity in objects.items()}
    before = ""
    for key, entity in schema.entities.items():
        if key not in names:
            names[key] = re.sub("[^a-z0-9]", "", entity.name.lower())
            objects[names[key]] = _entity(entity, schema)
            order.insert(order.index(before) + 1 if before else 0, names[key])
        before = names[key]
    return {key: names[key] for key in schema.entities}


def _entity(entity: Entity, schema: Schema) -> JsonObject:
    kind = "index" if entity.kind == "index" else "label"
    described = {"name": entity.key, **_term(entity.name, entity.description), "type": "string", "format": kind}
    return {**described, "enum": list(schema.code_lists[entity.code_list].codes)} if entity.code_list else described


def _words(objects: JsonObject, rules: JsonObject, schema: Schema) -> None:
    """Folders, modalities, suffixes and extensions."""
    for group in schema.groups.values():
        # The key must be the folder's name: bids-validator compares nothing else.
        objects["datatypes"][group.folder] = {"value": group.folder, **_term(group.folder, group.description)}
        objects["modalities"][group.name] = _term(group.folder, group.description)
        rules["modalities"][group.name] = {"datatypes": [group.folder]}
    # mim-mr holds anat, dwi … in its turn.
    rules["directories"]["raw"]["datatype"]["subdirs"] = ["datatype"]
    for kind in ("suffixes", "extensions"):
        known = {entry["value"] for entry in objects[kind].values()}
        for word, description in _iterate_used_words(schema, kind):
            if word not in known:
                objects[kind][word.strip(".").replace(".", "_")] = {"value": word, **_term(word, description)}


def _iterate_used_words(schema: Schema, kind: str) -> Iterator[tuple[str, str]]:
    for suffix in schema.suffixes.values():
        if kind == "suffixes":
            yield suffix.suffix, suffix.description
        else:
            yield from ((extension, f"A file that ends in {extension}.") for extension in suffix.extensions)


# --- rules -----------------------------------------------------------------------------------------------


def _spare_mids_folders(rules: JsonObject) -> None:
    """BIDS's rules for its own folders do not hold for `mim-mr/anat`, whose last folder has the same name."""
    families = [family for name, family in rules["checks"].items() if name not in EVERYWHERE]
    for rule in _rules([*families, rules["sidecars"]]):
        rule["selectors"].append(f"!{BELOW}")


def _rules(nodes: Iterable[Any]) -> Iterator[JsonObject]:
    """Every rule in a tree of rules."""
    for node in nodes:
        if isinstance(node, dict):
            if "selectors" in node:
                yield node
            else:
                yield from _rules(node.values())


def _files(rules: JsonObject, schema: Schema, keys: Mapping[str, str]) -> None:
    """One rule for each group, BIDS folder and set of extensions.

    Only the subject is required here: a sidecar above its images need not have their entities (see `_checks`).
    """
    entities = {keys[key]: "required" if key == "sub" else "optional" for key in schema.entities}
    for group in schema.groups.values():
        alike: dict[tuple[Any, ...], list[Suffix]] = {}
        for suffix in schema.suffixes.values():
            if suffix.group == group.name:
                datatypes = (suffix.datatype, *suffix.other_datatypes) if suffix.datatype else ()
                alike.setdefault((datatypes, tuple(sorted(suffix.extensions))), []).append(suffix)
        rules["files"]["raw"][f"mids{group.name}"] = {
            f"rule{number}": {
                "suffixes": [suffix.suffix for suffix in suffixes],
                "extensions": [*suffixes[0].extensions, ".json"],
                # bids-validator knows a file's last folder only, bidsschematools the whole way.
                "datatypes": [group.folder, *datatypes, *(f"{group.folder}/{folder}" for folder in datatypes)],
                "entities": dict(entities),
            }
            for number, ((datatypes, _), suffixes) in enumerate(alike.items(), start=1)
        }


def _sidecars(metadata: JsonObject, rules: JsonObject, schema: Schema) -> None:
    """The keys of sidecars below MIDS folders; a missing sidecar lacks the required ones."""
    for name in dict.fromkeys(suffix.sidecar for suffix in schema.suffixes.values() if suffix.sidecar):
        content = sidecar_schema(name, schema)
        suffixes = [suffix.suffix for suffix in schema.suffixes.values() if suffix.sidecar == name]
        for key, definition in content["properties"].items():
            # Not BIDS's own definition of the key, which may be wider or narrower.
            metadata[f"{key}__mids"] = {"name": key, "display_name": key, **definition}
        rules[f"mids_{name}"] = {
            "image": {
                "selectors": [
                    BELOW,
                    _build_membership_test("suffix", suffixes),
                    _build_membership_test("extension", IMAGES),
                ],
                "fields": {
                    f"{key}__mids": "required" if key in content["required"] else "optional"
                    for key in content["properties"]
                },
            }
        }


def _build_membership_test(value: str, words: Iterable[str]) -> str:
    """The expression that is true where a value is one of several words."""
    return f"intersects([{value}], {json.dumps(list(words))})"


def _checks(schema: Schema) -> JsonObject:
    """What BIDS's file rules can't say, under the codes of this project's own checks."""
    checks: JsonObject = {}
    for suffix in schema.suffixes.values():
        if suffix.modalities:
            selectors = [f'suffix == "{suffix.suffix}"', BELOW, '"Modality" in sidecar']
            among = _build_membership_test("sidecar.Modality", suffix.modalities)
            checks[f"{suffix.suffix}_modality"] = _check("MODALITY_CONTRADICTED", "warning", selectors, among)
    for entity in schema.entities.values():
        there = f'"{entity.key}" in entities'
        if not entity.bids:
            above = f"!{_build_membership_test('extension', COMPANIONS)}"
            checks[f"{entity.key}_place"] = _check("FOLDER_WRONG", "warning", [there, above], BELOW)
        if entity.code_list and not entity.bids:
            among = _build_membership_test(f"entities.{entity.key}", schema.code_lists[entity.code_list].codes)
            checks[f"{entity.key}_value"] = _check("ENTITY_VALUE", "warning", [there], among)
        if "mids" in entity.required:
            # For files of mim-mr/anat bids-validator is content with BIDS's rule for anat.
            checks[f"{entity.key}_missing"] = _check("ENTITY_MISSING", "error", [BELOW, 'suffix != ""'], there)
    return checks


def _check(code: str, level: str, selectors: list[str], test: str) -> JsonObject:
    messages = {
        "FOLDER_WRONG": "The name of a file outside mim- folders holds an entity of MIDS.",
        "ENTITY_VALUE": "The value of an entity is not in its code list.",
        "MODALITY_CONTRADICTED": "The suffix of the name contradicts Modality of the sidecar.",
        "ENTITY_MISSING": "A file in a mim- folder lacks an entity.",
    }
    return {
        "issue": {"code": code, "message": messages[code], "level": level},
        "selectors": selectors,
        "checks": [test],
    }


# --- tables ----------------------------------------------------------------------------------------------


def _columns(objects: JsonObject, rules: JsonObject, table: Table, schema: Schema) -> None:
    """Adds a table's columns to BIDS's rule for it: of two rules for one table both would complain."""
    rule = next((rule for name, rule in rules.items() if name.lower() == table.name), None)
    if rule is None:
        return
    known = {objects[key]["name"]: key for key in rule["columns"]}
    for name, column in table.columns.items():
        key = known.get(name, "")
        if not key or column.type not in SHARED:
            rule["columns"].pop(key, None)
            key = f"{name}__mids_{table.name}"
            objects[key] = _column(column, schema)
        rule["columns"][key] = "required" if column.required else "optional"


def _column(column: Column, schema: Schema) -> JsonObject:
    """A column as BIDS describes one; `n/a` is allowed in all."""
    codes = list(schema.code_lists[column.code_list].codes) if column.code_list else []
    kinds: dict[str, JsonObject] = {
        "integer": {"type": "integer"},
        "number": {"type": "number"},
        "date": {"type": "string", "format": "date"},
        "datetime": {"type": "string", "format": "datetime"},
        "label": {"type": "string", "pattern": "(?:(?:sub|ses|sample)-)?[0-9a-zA-Z]+"},
        "json_list": {"type": "string", "pattern": r"\[.*\]"},
        "semicolon_list": {"type": "string", "pattern": f"{_item(codes)}(?:;{_item(codes)})*"},
    }
    kind = kinds.get(column.type, {"type": "string"})
    if codes and column.type == "code":
        kind = {**kind, "enum": codes}
    limits = {"minimum": column.minimum, "maximum": column.maximum}
    return {
        "name": column.name,
        **_term(column.name.replace("_", " ").capitalize(), column.description),
        **kind,
        **{key: value for key, value in limits.items() if value is not None},
    }


def _item(codes: list[str]) -> str:
    return f"(?:{'|'.join(map(re.escape, codes))})" if codes else "[^;]+"
