"""BIDS's rules applied to a file: required keys, checks, and the rules for its columns.

Of a rule's conditions those that ask for the kind of file alone are asked once for all files of that kind.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from mids.inspection.bids.context import HEADERS, Context
from mids.inspection.facts import Facts
from mids.resources import read_yaml, schemas
from mids.vocabulary.bids.expressions import Expression, all_hold, compiled
from mids.vocabulary.bids.schema import Node, Rule

_KIND = frozenset({"suffix", "datatype", "modality", "extension", "path", "dataset", "schema", "entities"})
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
_OF_NAMES = re.compile(r"entities\.(sub|ses)")
"""What would make a condition on entities another one for each subject or session."""
SHAPES = 1 << 14
"""How many kinds of names are remembered."""
_UNREAD = ("ome.", "nifti_header.mrs", "nifti_header.dim_info", "gzip.")
"""Parts of headers that are not read: rules that ask for them are not asked."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A key that a rule may require: always, or (`key` not "") only where another key has a value, or has it not."""

    name: str
    always: bool
    key: str = ""
    value: Any = None
    demanded: bool = False

    def is_required(self, present: Mapping[str, Any]) -> bool:
        """Whether it is required beside the keys that are there."""
        if self.key and self.key in present and present[self.key] == self.value:
            return self.demanded
        return self.always


@dataclass(frozen=True, slots=True)
class Applying:
    """A rule that may apply to files of a kind: `holds` asks of one of them what is still to be asked.

    `is_kept` says whether a file passes its checks, or has not the headers that they read; `keys` are those that it may
    require; `other` is a key that may stand in their place; `is_conditional` says that it asks for other kinds of data
    in the dataset; `needs` are keys without which one of its conditions can't hold.
    """

    rule: Rule
    holds: Callable[[Context], bool]
    is_kept: Callable[[Context], bool]
    keys: tuple[Asked, ...] = ()
    other: str = ""
    is_conditional: bool = False
    needs: frozenset[str] = frozenset()


class Group:
    """The rules that may apply to files of a kind."""

    def __init__(self, rules: Sequence[Applying]) -> None:
        self.rules = rules
        self._needs = frozenset().union(*(each.needs for each in rules))
        self._left: dict[frozenset[str], list[Applying]] = {}

    def applying(self, context: Context) -> list[Applying]:
        """Those that apply to a file."""
        lacking = self._needs.difference(context["sidecar"]) if self._needs else self._needs
        left = self._left.get(lacking)
        if left is None:
            if len(self._left) >= SHAPES:
                self._left.clear()
            left = self._left[lacking] = [each for each in self.rules if each.needs.isdisjoint(lacking)]
        return [each for each in left if each.holds(context)]


class Rulebook:
    """The rules that apply to the files of a dataset, by kind of file."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._known: dict[tuple[Any, ...], Group] = {}

    def applying(self, family: str, context: Context, *, conditional: bool | None = None) -> Iterable[Applying]:
        """The rules of a family (sidecars, json, tabular_data, checks) that apply to a file.

        `conditional` asks for those alone that are, or are not.
        """
        shape = context.file.shape
        key: tuple[Any, ...] = family, conditional, context.extension
        known: dict[Any, Any] = shape.answers
        if not shape.is_shared:
            top = context["path"] if "/" not in context.file.path else ""
            key, known = (*key, context.datatype, top, context.shape), self._known
        group = known.get(key)
        if group is None:
            if len(self._known) >= SHAPES:
                self._known.clear()
            found = self._narrow(family, context)
            group = known[key] = Group([each for each in found if conditional in (None, each.is_conditional)])
        return group.applying(context) if group.rules else ()

    def _narrow(self, family: str, context: Context) -> Iterator[Applying]:
        for rule in self._facts.bids.rules(family):
            if _reads_what_is_unread(rule):
                continue
            if family == "checks" and rule.body["issue"]["code"] in _said_otherwise():
                continue
            if family == "sidecars" and not _asks(rule, derived=self._facts.derived):
                continue
            known = {selector: _of_kind(selector, context) for selector in rule.selectors}
            if False not in known.values():
                found = _applying(rule, [selector for selector, holds in known.items() if holds is None], self._facts)
                if found.keys or "fields" not in rule.body:
                    yield found


class _Open(Exception):  # noqa: N818 - it is an answer
    """A part of the context that may be another one for each file of a kind."""


class _OfKind(Mapping[str, Any]):
    """The parts of a context that are the same for all files whose names differ by subject and session alone."""

    def __init__(self, context: Context, names: frozenset[str]) -> None:
        self._context, self._names = context, names

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise _Open
        return self._context[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _of_kind(selector: Expression, context: Context) -> bool | None:
    """Whether a condition holds for all files of a kind; None where that is another question for each of them."""
    try:
        return selector.holds(_OfKind(context, _KIND - {"entities"} if _OF_NAMES.search(selector.text) else _KIND))
    except _Open:
        return None


@cache
def _said_otherwise() -> Mapping[str, str]:
    """Our code for each rule of BIDS that another check says better."""
    found: Mapping[str, str] = read_yaml(schemas() / "bids.yaml")
    return found


def _applying(rule: Rule, selectors: Sequence[Expression], facts: Facts) -> Applying:
    """A rule with the conditions that are still to be asked."""
    fields = rule.body.get("fields", {})
    levels = {key: level if isinstance(level, Mapping) else {"level": level} for key, level in fields.items()}
    headers = frozenset().union(*(check.names for check in rule.checks)) & HEADERS
    asked = (_asked(str(facts.bids.key(key)["name"]), level) for key, level in levels.items())
    return Applying(
        rule,
        all_hold(selectors),
        all_hold(rule.checks, given=headers),
        tuple(key for key in asked if key.always or key.demanded),
        next((match[1] for selector in rule.selectors if (match := _UNLESS.fullmatch(selector.text))), ""),
        any(_KINDS_OF_DATA.search(selector.text) for selector in rule.selectors),
        frozenset(match[match.lastindex or 0] for s in rule.selectors if (match := _NEEDED.fullmatch(s.text))),
    )


def _asked(name: str, level: Node) -> Asked:
    """When a key is required: by its level, or by the addendum to it."""
    always = level["level"] == "required"
    match = _CONDITION.search(level.get("level_addendum", ""))
    if not match:
        return Asked(name, always)
    demanded, key, value = match.groups()
    return Asked(name, always, key, _TRUE.get(value, value), demanded == "required")


@cache
def _reads_what_is_unread(rule: Rule) -> bool:
    """Whether a rule asks for parts of headers that are not read."""
    texts = [*(s.text for s in rule.selectors), *(c.text for c in rule.checks)]
    return any(part in text for text in texts for part in _UNREAD)


@cache
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
    for each in book.applying("json" if is_json else "sidecars", context, conditional=conditional):
        if each.other in said:  # one of two keys is enough
            continue
        present = context["json" if is_json else "sidecar"]
        for asked in each.keys:
            name = asked.name
            if name not in present and name not in said and asked.is_required(present):
                said.add(name)
                yield name


# --- checks ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that a file breaks: its code and message in BIDS's schema, and whether BIDS calls that an error.

    `keys` are those of the sidecar that it reads, where it reads nothing else.
    """

    code: str
    message: str
    is_error: bool
    keys: frozenset[str] = frozenset()


def broken_rules(context: Context) -> Iterator[Broken]:
    """The checks of BIDS's schema that a file fails."""
    for each in rulebook(context.file.dataset.facts).applying("checks", context):
        if not each.is_kept(context):
            issue = each.rule.body["issue"]
            is_error = issue["level"] == "error" and not each.is_conditional
            yield Broken(issue["code"], _filled(issue["message"], context), is_error, _keys_alone(each.rule))
    for key in missing_keys(context, conditional=True):
        yield Broken("SIDECAR_KEY_REQUIRED", f"{key} is required where the dataset has such other data", False)


@cache
def _keys_alone(rule: Rule) -> frozenset[str]:
    """The keys of the sidecar that the checks of a rule read; none where they read more than the sidecar."""
    if any(check.names != {"sidecar"} for check in rule.checks):
        return frozenset()
    return frozenset(key for check in rule.checks for key in re.findall(r"sidecar\.(\w+)", check.text))


def _filled(message: str, context: Context) -> str:
    """The first sentences of a message, with what its braces name."""

    def fill(match: re.Match[str]) -> str:
        value = compiled(match[1]).evaluate(context)
        return str(value)[:80] if isinstance(value, str | int | float) else match[1]

    text = " ".join(message.split())
    text = re.sub(r"\{([\w.]+)\}", fill, text)
    return text if len(text) <= 300 else f"{text[:297]}..."
