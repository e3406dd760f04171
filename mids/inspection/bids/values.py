"""The values of keys in JSON files, judged by the definitions of BIDS's schema."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import Any

import jsonschema

from mids.inspection.documents import NUMBERS, obeys, shorten_error
from mids.records import Json
from mids.vocabulary.bids.expressions import Expression
from mids.vocabulary.bids.schema import Bids

Definitions = Mapping[str, tuple[str, ...]]
"""The definitions that a key may follow, by the name of the key."""


def errors(content: Mapping[str, Json], suffix: str, datatype: str, bids: Bids) -> Iterator[tuple[str, str, str]]:
    """What is wrong with the values of a JSON file: (keyword of the schema, place, message), once for each key.

    The keys are those of the rules for files of this suffix, in this folder or (datatype "") in any.
    """
    definitions = _definitions(suffix, datatype, bids)
    for key, value in content.items():
        if key in definitions and (error := _judge(key, value, definitions[key], bids)):
            yield error


def description_errors(content: Mapping[str, Json], bids: Bids) -> Iterator[tuple[str, str, str]]:
    """What is wrong with the values of dataset_description.json: (keyword of the schema, place, message)."""
    definitions = _of_description(bids)
    for key, value in content.items():
        if key in definitions and (error := _judge(key, value, definitions[key], bids)):
            yield error


@cache
def _of_description(bids: Bids) -> Definitions:
    named = [rule for rule in bids.rules("json") if any("/dataset_description.json" in s.text for s in rule.selectors)]
    return {str(bids.key(key)["name"]): (key,) for rule in named for key in rule.body["fields"]}


Error = tuple[str, str, str]


def _judge(key: str, value: Json, definitions: tuple[str, ...], bids: Bids) -> Error | None:
    """The first error of a value that fits none of its definitions."""
    kind = type(value)
    if kind is str:
        return _judged_text(key, value, definitions, bids)  # type: ignore[arg-type]
    if kind in NUMBERS:  # almost every number is a new one: remembering them would help nobody
        if any(obeys(bids.key(definition), value) for definition in definitions):
            return None
        return _errors_of(key, value, definitions, bids)
    return _judged(key, json.dumps(value, ensure_ascii=False, sort_keys=True), definitions, bids)


@lru_cache(maxsize=1 << 15)
def _judged_text(key: str, text: str, definitions: tuple[str, ...], bids: Bids) -> Error | None:
    return _errors_of(key, text, definitions, bids)


@lru_cache(maxsize=1 << 13)
def _judged(key: str, text: str, definitions: tuple[str, ...], bids: Bids) -> Error | None:
    return _errors_of(key, json.loads(text), definitions, bids)


def _errors_of(key: str, value: Json, definitions: tuple[str, ...], bids: Bids) -> Error | None:
    first = None
    for definition in definitions:
        error = next(_validator(definition, bids).iter_errors(value), None)
        if error is None:
            return None
        first = first or error
    assert first is not None
    return str(first.validator), f"$.{key}{first.json_path[1:]}", shorten_error(first)


@cache
def _validator(definition: str, bids: Bids) -> Any:
    checker = _formats(bids)
    return jsonschema.Draft202012Validator(bids.key(definition), format_checker=checker)


@cache
def _formats(bids: Bids) -> jsonschema.FormatChecker:
    """The formats of BIDS, as the official validator applies them: a text need only hold what the pattern says."""
    checker = jsonschema.FormatChecker(formats=())
    for name, entry in bids.objects["formats"].items():
        pattern = re.compile(entry["pattern"])
        checker.checks(name)(lambda value, pattern=pattern: not isinstance(value, str) or bool(pattern.search(value)))
    return checker


@cache
def _definitions(suffix: str, datatype: str, bids: Bids) -> Definitions:
    """Every key that a rule for such files names, with its definitions."""
    found: dict[str, dict[str, None]] = {}
    every = list(kinds(suffix, datatype, bids))
    for family in ("sidecars", "json"):
        for rule in bids.rules(family):
            if any(may_hold(rule.selectors, kind) for kind in every):
                for key in rule.body["fields"]:
                    found.setdefault(str(bids.key(key)["name"]), {})[key] = None
    return {name: tuple(keys) for name, keys in found.items()}


def kinds(suffix: str, datatype: str, bids: Bids) -> Iterator[Mapping[str, Any]]:
    """Every kind of file that a JSON file of this suffix can describe, and itself."""
    for rule in bids.file_rules.get(suffix, ()):
        for folder in [datatype] if datatype else sorted(rule.datatypes) or [""]:
            for extension in sorted(rule.extensions):
                yield {
                    "suffix": suffix, "datatype": folder, "extension": extension,
                    "modality": bids.modalities.get(folder, ""), "path": "/sub",
                }  # fmt: skip


def may_hold(selectors: tuple[Expression, ...], kind: Mapping[str, Any]) -> bool:
    """Whether conditions that ask for the kind of file alone hold; others may."""
    return all(selector.holds(kind) for selector in selectors if selector.names <= kind.keys())
