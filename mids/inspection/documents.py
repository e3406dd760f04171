"""JSON files: reading them strictly, and the four layouts in which sidecars have been published."""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Generic, Literal, TypeVar

from mids.inspection.cells import is_free_text, list_nearest
from mids.records import Json
from mids.vocabulary.schema import Schema
from mids.vocabulary.sidecars import validator

Layout = Literal["mids", "xnat", "dicom", "text", "unknown"]

KEYWORDS = {
    "00080060": "Modality", "00180015": "BodyPartExamined", "00185101": "ViewPosition",
    "00200060": "Laterality", "00200062": "ImageLaterality", "00280010": "Rows", "00280011": "Columns",
}  # fmt: skip
"""The tags of the published layouts that checks compare with names and pixels (DICOM PS3.6)."""


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON file: its content, the keys of all its objects, keys written twice, and what kept it from being read.

    `error` is "" where nothing did, `where` its place; `has_uris` says that there may be BIDS URIs.
    """

    content: Json = None
    keys: frozenset[str] = frozenset()
    twice: tuple[str, ...] = ()
    error: str = ""
    where: str = ""
    has_uris: bool = False


class _Twice(Exception):  # noqa: N818 - it says that a slower way is needed
    """An object holds a key twice."""


def _unique(items: list[tuple[str, Json]]) -> dict[str, Json]:
    content = dict(items)
    if len(content) < len(items):
        raise _Twice
    return content


def _refuse(text: str) -> Json:
    raise ValueError(f"{text} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse)
"""One for all files: making a decoder takes as long as reading a sidecar."""


def read_json(data: bytes) -> Document:
    """JSON as a `Document`: UTF-8 without a byte order mark, no NaN, keys written twice noted."""
    twice: tuple[str, ...] = ()
    try:
        text = data.decode("utf-8")
        if text.startswith("\ufeff"):
            raise json.JSONDecodeError("Unexpected UTF-8 BOM (decode using utf-8-sig)", text, 0)
        try:
            content = _DECODER.decode(text)
            keys = _all_keys(content)
        except _Twice:
            content, keys, twice = _read_with_repeats(text)
    except UnicodeDecodeError:
        return Document(error="the text is not UTF-8")
    except json.JSONDecodeError as error:
        return Document(error=error.msg, where=f"line {error.lineno}, column {error.colno}")
    except (ValueError, RecursionError) as error:
        return Document(error="nested too deeply" if isinstance(error, RecursionError) else str(error))
    return Document(content, frozenset(keys), twice, has_uris=b"bids:" in data)


def _read_with_repeats(text: str) -> tuple[Json, set[str], tuple[str, ...]]:
    """The content, all keys, and those that an object holds twice, of which the last value counts."""
    twice: list[str] = []
    keys: set[str] = set()

    def pairs(items: list[tuple[str, Json]]) -> dict[str, Json]:
        names = [name for name, _ in items]
        keys.update(names)
        twice.extend(sorted({name for name in names if names.count(name) > 1}))
        return dict(items)

    content = json.loads(text, object_pairs_hook=pairs, parse_constant=_refuse)
    return content, keys, tuple(twice)


def _all_keys(content: Json) -> set[str]:
    """The keys of all objects."""
    keys = set(content) if isinstance(content, dict) else set()
    items = content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()
    for item in items:
        if type(item) in _NESTED:
            keys |= _all_keys(item)
    return keys


_NESTED = (dict, list)


def detect_layout(content: Json, schema: Schema) -> Layout:
    """Which layout a sidecar has: ours, XNAT's rows, DICOM's JSON model (PS3.18 F.2), or numbers as text."""
    if isinstance(content, dict) and isinstance(content.get("ResultSet"), dict):
        return "xnat"
    if isinstance(content, list):
        return "xnat" if content and all(isinstance(row, dict) and "tag1" in row for row in content) else "unknown"
    if not isinstance(content, dict):
        return "unknown"
    if content and all(map(_is_element, content.items())):
        return "dicom"
    numeric, texts = _numeric(schema), 0
    for key, value in content.items():
        if key in numeric:
            if not isinstance(value, str):
                return "mids"
            texts += 1
    return "text" if texts > 1 else "mids"


def _is_element(item: tuple[str, Json]) -> bool:
    """Whether a key and its value are a tag and an element of DICOM's JSON model."""
    key, value = item
    return len(key) == 8 and isinstance(value, dict) and "vr" in value


@cache
def _numeric(schema: Schema) -> frozenset[str]:
    """The keys whose values are numbers."""
    return frozenset(key for key, field in schema.fields.items() if field.type in ("number", "integer"))


def iterate_tagged_values(content: Json) -> Iterator[tuple[str, str, Json]]:
    """(tag as 8 hexadecimal digits, place, value) of a sidecar in XNAT's or DICOM's layout, top level."""
    if isinstance(content, dict) and "ResultSet" not in content:
        for tag, element in content.items():
            values = element.get("Value") if isinstance(element, dict) else None
            yield tag.upper(), f"$['{tag}']", _unwrap_single(values)
        return
    for place, row in _rows(content):
        if not row.get("tag2"):
            tag = "".join(c for c in str(row.get("tag1", "")) if c.isalnum()).upper()
            yield tag, place, row.get("value")


def _rows(content: Any) -> Iterator[tuple[str, dict[str, Json]]]:
    """The rows of XNAT's layout, wrapped in a ResultSet or bare, with their places."""
    wrapped = isinstance(content, dict)
    rows = content["ResultSet"].get("Result") if wrapped else content
    prefix = "$.ResultSet.Result" if wrapped else "$"
    for number, row in enumerate(rows if isinstance(rows, list) else ()):
        if isinstance(row, dict):
            yield f"{prefix}[{number}]", row


def entries(content: Json, layout: Layout) -> Iterator[tuple[str, str, Json]]:
    """(place, keyword or tag, value) of everything in a sidecar of any layout, nested objects included."""
    if layout in ("xnat", "dicom"):
        for tag, where, value in iterate_tagged_values(content):
            yield where, tag, value
    else:
        yield from _iterate_nested(content, "$")


def _iterate_nested(content: Json, where: str) -> Iterator[tuple[str, str, Json]]:
    if isinstance(content, dict):
        for key, value in content.items():
            place = f"{where}.{key}"
            yield place, key, value
            if isinstance(value, _NESTED):
                yield from _iterate_nested(value, place)
    elif isinstance(content, list):
        for number, value in enumerate(content):
            if isinstance(value, _NESTED):
                yield from _iterate_nested(value, f"{where}[{number}]")


def keywords(content: Json) -> dict[str, Json]:
    """Keyword to value of a sidecar in XNAT's or DICOM's layout, for the tags of `KEYWORDS`."""
    tags = {tag: value for tag, _, value in iterate_tagged_values(content)}
    return {KEYWORDS[tag]: _parse_number(tags[tag]) for tag in KEYWORDS if tags.get(tag) not in (None, "")}


def _unwrap_single(values: Json) -> Json:
    return values[0] if isinstance(values, list) and len(values) == 1 else values


def _parse_number(value: Json) -> Json:
    """A number that a published layout writes as text, as a number."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


# --- against a JSON Schema -------------------------------------------------------------------------------

_SIMPLE = frozenset({"$schema", "$comment", "$id", "title", "description", "type", "required", "properties"})


def schema_errors(content: dict[str, Json], name: str, words: Schema) -> tuple[tuple[str, str, str], ...]:
    """What the JSON Schema `name` says of an object: (keyword of the schema, place, message)."""
    rules = validator(name, words)
    if _is_right(content, name, words):
        return ()
    return tuple((str(e.validator), e.json_path, shorten_error(e)) for e in rules.iter_errors(content))


def value_errors(content: dict[str, Json], name: str, words: Schema) -> tuple[tuple[str, str, str], ...]:
    """The same of the values alone: no key is required."""
    rules = _rules(name, words)[1]
    wrong = {key: value for key, value in content.items() if key in rules and rules[key].judge(value) is not None}
    return tuple(error for error in schema_errors(wrong, name, words) if error[0] != "required") if wrong else ()


def _is_right(content: dict[str, Json], name: str, words: Schema) -> bool:
    """Whether the answer is known to be nothing."""
    required, rules = _rules(name, words)
    if required is None or not content.keys() >= required:
        return False
    for key, value in content.items():
        rule = rules.get(key)
        if rule is not None and rule.judge(value) is not None:
            return False
    return True


def required_keys(name: str, words: Schema) -> tuple[str, ...]:
    """The keys that the JSON Schema `name` requires."""
    schema: Any = validator(name, words).schema
    return tuple(schema.get("required", ()))


@cache
def _rules(name: str, words: Schema) -> tuple[frozenset[str] | None, Mapping[str, "ValueRule[bool]"]]:
    """The required keys of a schema, None where it has rules across keys, and what judges the value of each key."""
    schema: Any = validator(name, words).schema
    simple = schema.keys() <= _SIMPLE
    parts = {key: part for key, part in schema.get("properties", {}).items() if part is not True}
    rules = {key: ValueRule([part], partial(_is_wrong, validator(name, words), part)) for key, part in parts.items()}
    return (frozenset(schema.get("required", ())) if simple else None), rules


def _is_wrong(rules: Any, part: Any, value: Json) -> bool | None:
    """True where a part of a schema does not allow a value, else None."""
    return None if rules.evolve(schema=part).is_valid(value) else True


Judged = TypeVar("Judged")


class ValueRule(Generic[Judged]):
    """Judges the values of a key: the same ones come again in thousands of sidecars, so that they are remembered.

    `parts` are the schemas of which a value must fit one; `judge_closely` says what is wrong with a value, None for
    nothing. Numbers within plain limits are not remembered: almost every number of a sidecar is a new one.
    """

    def __init__(self, parts: Iterable[Any], judge_closely: Callable[[Any], Judged | None]) -> None:
        self._limits = [limits for part in parts for limits in _limits(part)]
        self._judge_closely = judge_closely
        self._known: dict[object, Judged | None] = {}

    def judge(self, value: Json) -> Judged | None:
        """What is wrong with a value, None for nothing."""
        kind = type(value)
        for fits in self._limits if kind in NUMBERS else ():
            if fits(kind, value):
                return None
        mark = repr(value) if kind in _NESTED else value
        try:
            return self._known[kind, mark]
        except KeyError:
            found = self._judge_closely(value)
            if len(self._known) >= KNOWN:
                self._known.clear()
            self._known[kind, mark] = found
            return found


KNOWN = 1 << 12
"""How many values of a key are remembered."""
NUMBERS = {int: ("integer", "number"), float: ("number",)}
_SAID = frozenset({"description", "name", "display_name", "unit"})
_LIMITED = _SAID | {"type", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
_KINDS = {"integer": (int,), "number": (int, float)}


def _limits(part: Any) -> Iterator[Callable[[type, Any], bool]]:
    """For each way in which a schema surely allows numbers, whether a number of a type is one of them."""
    if not isinstance(part, Mapping):
        return
    if "anyOf" in part:
        if part.keys() <= _SAID | {"anyOf"}:
            for one in part["anyOf"]:
                yield from _limits(one)
        return
    kinds = _KINDS.get(part["type"]) if isinstance(part.get("type"), str) else None
    if kinds and part.keys() <= _LIMITED:
        low, high = part.get("minimum", -math.inf), part.get("maximum", math.inf)
        above, below = part.get("exclusiveMinimum", -math.inf), part.get("exclusiveMaximum", math.inf)
        yield partial(_is_within, kinds, low, high, above, below)


def _is_within(
    kinds: tuple[type, ...], low: float, high: float, above: float, below: float, kind: type, value: float
) -> bool:
    return kind in kinds and low <= value <= high and above < value < below


def shorten_error(error: Any) -> str:
    """A message of jsonschema without the whole document in it, and without texts that may name a person."""
    if error.validator == "required":
        return str(error.message)
    shown = json.dumps(error.instance, ensure_ascii=False)
    shown = "the value" if is_free_text(shown) else shown if len(shown) <= 60 else shown[:57] + "..."
    if error.validator == "anyOf":
        return f"{shown} is not {' or '.join(dict.fromkeys(map(_describe_form, error.validator_value)))}"
    if error.validator == "enum":
        words = [str(word) for word in error.validator_value]
        return f"{shown} breaks enum: {list_nearest(str(error.instance), words)}"
    expected = json.dumps(error.validator_value, ensure_ascii=False)
    return f"{shown} breaks {error.validator}: {expected if len(expected) <= 200 else expected[:197] + '...'}"


def _describe_form(rule: Mapping[str, Any]) -> str:
    """What one of several forms of a value is, in words."""
    if rule.get("type") == "array":
        items = rule.get("items")
        kind = str(items.get("type", "value")) if isinstance(items, dict) else "value"
        return f"a list of {_FORMS.get(kind, 'a value').partition(' ')[2]}s"
    limits = (f" {word} {rule[key]:g}" for key, word in _LIMITS.items() if isinstance(rule.get(key), int | float))
    return _FORMS.get(str(rule.get("type")), "a value") + "".join(limits)


_FORMS = {"number": "a number", "integer": "a whole number", "string": "a text", "object": "an object"}
_LIMITS = {"exclusiveMinimum": "above", "minimum": "from", "maximum": "up to", "exclusiveMaximum": "below"}
