"""The values of keys in JSON files, judged by the definitions of BIDS's schema."""

import re
from collections.abc import Iterator, Mapping
from functools import cache, partial
from typing import Any

import jsonschema

from mids.inspection.documents import ValueRule, shorten_error
from mids.records import Json
from mids.vocabulary.bids.expressions import Expression
from mids.vocabulary.bids.schema import Bids

Error = tuple[str, str, str]
Rules = Mapping[str, ValueRule[Error]]
"""What judges the values of a key, by its name."""


def errors(content: Mapping[str, Json], suffix: str, datatype: str, bids: Bids) -> Iterator[tuple[str, str, str]]:
    """What is wrong with the values of a JSON file: (keyword of the schema, place, message), once for each key.

    The keys are those of the rules for files of this suffix, in this folder or (datatype "") in any.
    """
    return _errors(content, _definitions(suffix, datatype, bids))


def description_errors(content: Mapping[str, Json], bids: Bids) -> Iterator[tuple[str, str, str]]:
    """What is wrong with the values of dataset_description.json: (keyword of the schema, place, message)."""
    return _errors(content, _of_description(bids))


def _errors(content: Mapping[str, Json], rules: Rules) -> Iterator[Error]:
    for key, value in content.items():
        if (rule := rules.get(key)) and (error := rule.judge(value)):
            yield error


@cache
def _of_description(bids: Bids) -> Rules:
    named = [rule for rule in bids.rules("json") if any("/dataset_description.json" in s.text for s in rule.selectors)]
    fields = {str(bids.key(key)["name"]): key for rule in named for key in rule.body["fields"]}
    return {name: _rule(name, (key,), bids) for name, key in fields.items()}


@cache
def _rule(name: str, definitions: tuple[str, ...], bids: Bids) -> ValueRule[Error]:
    """What judges the values of a key that may follow any of some definitions."""
    parts = [bids.key(definition) for definition in definitions]
    return ValueRule(parts, partial(_first_error, name, definitions, bids))


def _first_error(key: str, definitions: tuple[str, ...], bids: Bids, value: Json) -> Error | None:
    """The first error of a value that fits none of its definitions."""
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
def _definitions(suffix: str, datatype: str, bids: Bids) -> Rules:
    """Every key that a rule for such files names, with what judges its values."""
    found: dict[str, dict[str, None]] = {}
    every = list(kinds(suffix, datatype, bids))
    for family in ("sidecars", "json"):
        for rule in bids.rules(family):
            if any(may_hold(rule.selectors, kind) for kind in every):
                for key in rule.body["fields"]:
                    found.setdefault(str(bids.key(key)["name"]), {})[key] = None
    return {name: _rule(name, tuple(keys), bids) for name, keys in found.items()}


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
