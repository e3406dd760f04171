"""The columns and cells of BIDS's tables, judged by the rules of its schema and by their own dictionaries."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from mids.inspection.bids.context import Context
from mids.inspection.bids.rules import rulebook
from mids.inspection.bids.values import kinds, may_hold
from mids.inspection.cells import SHOWN, Fault, is_free_text, list_nearest
from mids.inspection.identifiers import identify, is_private_column
from mids.readers.tables.tsv import NA, Rows
from mids.vocabulary.bids.schema import Bids, Node
from mids.vocabulary.bids.schema import Rule as BidsRule

Judge = Callable[[str], Fault | None]
"""Says what is wrong with a cell."""
OPEN, DESCRIBED, CLOSED = "allowed", "allowed_if_defined", "not_allowed"


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """What BIDS asks of a table: definition and level of each column, the first columns, the key, other columns."""

    columns: Mapping[str, Node]
    levels: Mapping[str, str]
    first: tuple[str, ...]
    key: tuple[str, ...]
    others: str


def rule_of(context: Context) -> Rule | None:
    """The rules of BIDS for a table, merged; None where it has none."""
    found = tuple([each.rule for each in rulebook(context.file.dataset.facts).applying("tabular_data", context)])
    return _merged(found, context.bids) if found else None


@lru_cache(maxsize=512)
def _merged(rules: tuple[BidsRule, ...], bids: Bids) -> Rule:
    columns: dict[str, Node] = {}
    levels: dict[str, str] = {}
    first: list[str] = []
    key: list[str] = []
    others = OPEN
    for rule in rules:
        body = rule.body
        for name, level in body["columns"].items():
            column = _name(name, bids)
            columns.setdefault(column, bids.column(name))
            said = level if isinstance(level, str) else str(level["level"])
            if levels.get(column) != "required":
                levels[column] = said
        first = [_name(name, bids) for name in body.get("initial_columns", ())] or first
        key = [_name(name, bids) for name in body.get("index_columns", ())] or key
        others = body["additional_columns"] if body["additional_columns"] in (DESCRIBED, CLOSED) else others
    return Rule(columns, levels, tuple(first), tuple(key), others)


def _name(key: str, bids: Bids) -> str:
    return str(bids.column(key)["name"])


@cache
def known_columns(suffix: str, bids: Bids) -> frozenset[str]:
    """The columns that any rule of BIDS has for tables of a suffix, wherever they lie."""
    every = list(kinds(suffix, "", bids))
    rules = (rule for rule in bids.rules("tabular_data") if any(may_hold(rule.selectors, kind) for kind in every))
    return frozenset(_name(key, bids) for rule in rules for key in rule.body["columns"])


# --- columns ---------------------------------------------------------------------------------------------


def misplaced(rule: Rule, header: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    """The first columns that stand elsewhere, each with its place from 1 where BIDS wants it."""
    wanted = [name for name in rule.first if name in header]
    for at, name in enumerate(wanted):
        if header.index(name) != at:
            yield name, at + 1
            return


def undefined(rule: Rule, header: tuple[str, ...], described: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """The columns that BIDS does not define and the dictionary does not describe; whether BIDS forbids them."""
    for name in dict.fromkeys(header):
        if name and name not in rule.columns and (rule.others == CLOSED or name not in described):
            yield name, rule.others == CLOSED


# --- cells -----------------------------------------------------------------------------------------------


def faults(rows: Rows, rule: Rule | None, described: Mapping[str, Any], bids: Bids) -> tuple[Fault, ...]:
    """What is wrong with the cells, by the definition of each column and by what its dictionary says of it."""
    found = []
    for at, name in enumerate(rows.header):
        judged = _judge_of(name, rule, described.get(name), bids)
        if judged is None:
            continue
        for line, row in zip(rows.lines, rows.rows, strict=True):
            if fault := judged(row[at]):
                shown = "" if is_private_column(name) or is_free_text(fault.value) or identify(row[at]) else fault.value
                where = f"row {line}, column {name[:SHOWN]}"
                found.append(Fault(fault.code, fault.message, where, shown, fault.expected))
    return tuple(found)


def _judge_of(name: str, rule: Rule | None, own: Any, bids: Bids) -> Judge | None:
    """What judges the cells of a column; None where nothing is asked of them."""
    if isinstance(own, dict):
        return _judged(name, bids, _tests(rule.columns.get(name, {}) if rule else {}, own))
    return _judge_by_rule(name, rule, bids)


@lru_cache(maxsize=1 << 10)
def _judge_by_rule(name: str, rule: Rule | None, bids: Bids) -> Judge | None:
    """The same of a column that no dictionary describes."""
    return _judged(name, bids, _tests(rule.columns.get(name, {}) if rule else {}, {}))


Test = tuple[str, Any]


def _tests(definition: Node, own: Node) -> tuple[Test, ...]:
    """What the cells of a column must be; a dictionary replaces what BIDS gives as a custom alone."""
    if "definition" in definition:
        return tuple(_described(own or definition["definition"]))
    if not definition:
        return tuple(_described(own))
    choices = definition.get("anyOf", [definition])
    formats = tuple(choice.get("format") or choice.get("type") or "string" for choice in choices)
    tests: list[Test] = [("pattern", definition["pattern"])] if "pattern" in definition else [("formats", formats)]
    if "enum" in definition:
        tests.append(("words", tuple(definition["enum"])))
    return (*tests, *_limits(definition.get("minimum"), definition.get("maximum")))


def _described(own: Node) -> Iterator[Test]:
    """What a description of a column asks for; its Levels are a check of their own where they are the dataset's."""
    form = own.get("Format") or ("number" if own.get("Units") else "string")
    if isinstance(form, str):
        yield "formats", (form,)
    levels = own.get("Levels")
    if isinstance(levels, Mapping) and "Format" in own and "LongName" in own:
        yield "words", tuple(levels)
    yield from _limits(own.get("Minimum"), own.get("Maximum"))


def _limits(low: Any, high: Any) -> Iterator[Test]:
    if isinstance(low, int | float) or isinstance(high, int | float):
        yield "limits", (low, high)


@lru_cache(maxsize=512)
def _judged(name: str, bids: Bids, tests: tuple[Test, ...]) -> Judge | None:
    """A function that judges a cell of a column, and remembers the values that it has seen; None without tests."""
    if not tests:
        return None

    @lru_cache(maxsize=1 << 12)
    def judged(value: str) -> Fault | None:
        text = value.strip()
        if text in ("", NA) or (name == "age" and text == "89+"):
            return None
        return next((fault for kind, wanted in tests if (fault := _JUDGES[kind](text, wanted, name, bids))), None)

    return judged


def _form(text: str, wanted: Any, name: str, bids: Bids) -> Fault | None:
    patterns = [bids.objects["formats"][form]["pattern"] for form in wanted if form in bids.objects["formats"]]
    if not patterns or any(re.fullmatch(pattern, text) for pattern in patterns):
        return None
    named = " or ".join(wanted)
    return Fault("CELL_TYPE", f"the cell is not of type {named}", value=text[:SHOWN], expected=named)


def _pattern(text: str, wanted: Any, name: str, bids: Bids) -> Fault | None:
    if re.search(wanted, text):
        return None
    return Fault("CELL_TYPE", "the cell has not the form that BIDS asks for", value=text[:SHOWN], expected=wanted)


def _word(text: str, wanted: Any, name: str, bids: Bids) -> Fault | None:
    if text in wanted:
        return None
    expected = list_nearest(text, wanted)
    return Fault("CELL_CODE", f"BIDS does not list the word for {name}", value=text[:SHOWN], expected=expected)


def _range(text: str, wanted: Any, name: str, bids: Bids) -> Fault | None:
    low, high = wanted
    try:
        number = float(text)
    except ValueError:
        return None
    if name == "age" or ((low is None or number >= low) and (high is None or number <= high)):
        return None
    shown = f"{'' if low is None else f'{low:g}'} to {'' if high is None else f'{high:g}'}".strip()
    return Fault("CELL_RANGE", "the number is out of range", value=text[:SHOWN], expected=shown)


_JUDGES: Mapping[str, Callable[[str, Any, str, Bids], Fault | None]] = {
    "formats": _form, "pattern": _pattern, "words": _word, "limits": _range,
}  # fmt: skip
