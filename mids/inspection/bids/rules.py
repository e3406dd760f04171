"""BIDS's rules applied to a file: required keys, checks, and the rules for its columns.

Of a rule's conditions those that ask for the kind of file alone are asked once for all files of that kind.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from mids.inspection.bids.context import HEADERS, Context
from mids.inspection.facts import Facts
from mids.resources import read_yaml, schemas
from mids.vocabulary.bids.expressions import Expression, compiled
from mids.vocabulary.bids.schema import Rule

_KIND = frozenset({"suffix", "datatype", "modality", "extension", "path", "dataset", "schema"})
"""Parts of the context that are the same for all files of one kind in a dataset."""
_NO_SIDECAR = frozenset({".json", "", ".md", ".txt", ".rst", ".cff"})
_CONDITION = re.compile(r"(required|recommended) if `(\w+)` is `\"?(\w+)\"?`")
_DERIVED = 'dataset.dataset_description.DatasetType == "derivative"'
_UNLESS = re.compile(r'!\("(\w+)" in sidecar\)')
_NEEDED = re.compile(
    r"""\"(\w+)\" in sidecar|type\(sidecar\.(\w+)\) (?:!= ["']null|== ["'](?:array|string|object))["']"""
    r"""|sidecar\.(\w+)(?: != null| == (?:true|["'][^"']*["']))?"""
)
"""Conditions that can't hold where a key is not there."""
_KINDS_OF_DATA = re.compile(r"dataset\.(modalities|datatypes)")
_TRUE = {"true": True, "false": False}
_UNREAD = ("ome.", "nifti_header.mrs", "nifti_header.dim_info", "gzip.")
"""Parts of headers that are not read: rules that ask for them are not asked."""


@dataclass(frozen=True, slots=True)
class Applying:
    """A rule that may apply to files of a kind: where `selectors` hold, which are the ones still to be asked.

    `keys` are the names of the keys that it may require, with the level of each; `other` is a key that may stand in
    their place; `is_conditional` says that it asks for other kinds of data in the dataset; `headers` are the parts of
    headers that its checks read; `needs` are keys without which one of its conditions can't hold.
    """

    rule: Rule
    selectors: tuple[Expression, ...]
    keys: tuple[tuple[str, Any], ...] = ()
    other: str = ""
    is_conditional: bool = False
    headers: frozenset[str] = frozenset()
    needs: tuple[str, ...] = ()

    def holds(self, context: Context) -> bool:
        """Whether it applies to a file."""
        return all(selector.holds(context) for selector in self.selectors)


class Rulebook:
    """The rules that apply to the files of a dataset, by kind of file."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._known: dict[tuple[str, ...], tuple[Applying, ...]] = {}

    def applying(self, family: str, context: Context) -> Iterator[Applying]:
        """The rules of a family (sidecars, json, tabular_data, checks) that apply to a file."""
        top = context["path"] if "/" not in context.file.path else ""
        key = family, context.suffix, context.datatype, context.extension, top
        rules = self._known.get(key)
        if rules is None:
            rules = self._known[key] = tuple(self._narrow(family, context))
        present = context["sidecar"] if rules else {}
        return (each for each in rules if all(key in present for key in each.needs) and each.holds(context))

    def _narrow(self, family: str, context: Context) -> Iterator[Applying]:
        for rule in self._facts.bids.rules(family):
            texts = [*(s.text for s in rule.selectors), *(c.text for c in rule.checks)]
            if any(part in text for text in texts for part in _UNREAD):
                continue
            if family == "checks" and rule.body["issue"]["code"] in _said_otherwise():
                continue
            if family == "sidecars" and not _asks(rule, derived=self._facts.derived):
                continue
            known = [selector for selector in rule.selectors if selector.names <= _KIND]
            if all(selector.holds(context) for selector in known):
                yield _applying(rule, known, self._facts)


@cache
def _said_otherwise() -> Mapping[str, str]:
    """Our code for each rule of BIDS that another check says better."""
    found: Mapping[str, str] = read_yaml(schemas() / "bids.yaml")
    return found


def _applying(rule: Rule, known: list[Expression], facts: Facts) -> Applying:
    """A rule without the conditions that are known to hold."""
    fields = rule.body.get("fields", {})
    levels = {key: level if isinstance(level, Mapping) else {"level": level} for key, level in fields.items()}
    asked = tuple(
        (str(facts.bids.key(key)["name"]), fields[key])
        for key, level in levels.items()
        if "required" in level["level"] + level.get("level_addendum", "")
    )
    return Applying(
        rule,
        tuple(selector for selector in rule.selectors if selector not in known),
        asked,
        next((match[1] for selector in rule.selectors if (match := _UNLESS.fullmatch(selector.text))), ""),
        any(_KINDS_OF_DATA.search(selector.text) for selector in rule.selectors),
        frozenset().union(*(check.names for check in rule.checks)) & HEADERS,
        tuple(match[match.lastindex or 0] for s in rule.selectors if (match := _NEEDED.fullmatch(s.text))),
    )


def _asks(rule: Rule, *, derived: bool) -> bool:
    """Whether a rule for sidecars can ask for a key at all; in derivatives those for derivatives alone do."""
    if derived and not any(selector.text == _DERIVED for selector in rule.selectors):
        return False
    levels = [level if isinstance(level, Mapping) else {"level": level} for level in rule.body["fields"].values()]
    return any("required" in (level["level"] + level.get("level_addendum", "")) for level in levels)


@lru_cache(maxsize=8)
def rulebook(facts: Facts) -> Rulebook:
    """The rulebook of a dataset, always the same one."""
    return Rulebook(facts)


# --- keys ------------------------------------------------------------------------------------------------


def missing_keys(context: Context, *, conditional: bool = False) -> Iterator[str]:
    """The keys that BIDS requires of a file and that neither it (a JSON file) nor its sidecars have.

    With `conditional` those that are required only because the dataset has other kinds of data too: the official
    validator does not ask for them.
    """
    is_json = context.extension == ".json"
    if not is_json and context.extension in _NO_SIDECAR:
        return
    book = rulebook(context.file.dataset.facts)
    said: set[str] = set()
    for each in book.applying("json" if is_json else "sidecars", context):
        if conditional is not each.is_conditional or each.other in said:  # one of two keys is enough
            continue
        present = context["json" if is_json else "sidecar"]
        for name, level in each.keys:
            if name not in present and name not in said and _is_required(level, present):
                said.add(name)
                yield name


def _is_required(level: Any, present: Mapping[str, Any]) -> bool:
    if isinstance(level, str):
        return level == "required"
    if match := _CONDITION.search(level.get("level_addendum", "")):
        demanded, key, value = match.groups()
        if key in present and present[key] == _TRUE.get(value, value):
            return demanded == "required"
    return bool(level["level"] == "required")


# --- checks ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that a file breaks: its code and message in BIDS's schema, and whether BIDS calls that an error."""

    code: str
    message: str
    is_error: bool


def broken_rules(context: Context) -> Iterator[Broken]:
    """The checks of BIDS's schema that a file fails."""
    for each in rulebook(context.file.dataset.facts).applying("checks", context):
        if any(context[part] is None for part in each.headers):
            continue
        if not all(check.holds(context) for check in each.rule.checks):
            issue = each.rule.body["issue"]
            is_error = issue["level"] == "error" and not each.is_conditional
            yield Broken(issue["code"], _filled(issue["message"], context), is_error)
    for key in missing_keys(context, conditional=True):
        yield Broken("SIDECAR_KEY_REQUIRED", f"{key} is required where the dataset has such other data", False)


def _filled(message: str, context: Context) -> str:
    """The first sentences of a message, with what its braces name."""

    def fill(match: re.Match[str]) -> str:
        value = compiled(match[1]).evaluate(context)
        return str(value)[:80] if isinstance(value, str | int | float) else match[1]

    text = " ".join(message.split())
    text = re.sub(r"\{([\w.]+)\}", fill, text)
    return text if len(text) <= 300 else f"{text[:297]}..."
