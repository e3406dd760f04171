"""The expressions of BIDS's schema (`rules` and `meta.associations`), made into functions of Python.

The grammar is that of `bidsschematools.expressions`, the meaning that of `meta.expression_tests`: null stands for what
is missing, and what is asked of null is null. An expression can name nothing but its context and the functions here.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

Value = Any
Context = Mapping[str, Value]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?)|(?P<text>\"(?:[^\"])*\"|'(?:[^'])*')"
    r"|(?P<name>[A-Za-z_]\w*)|(?P<op>\*\*|&&|\|\||[=!<>]=|[-+*/%<>!()\[\].,]|\{\}))"
)
_LEVELS: tuple[Mapping[str, str], ...] = (
    {"==": "equal", "!=": "unequal", "<": "less", "<=": "at_most", ">": "more", ">=": "at_least", "in": "within"},
    {"+": "add", "-": "subtract"},
    {"*": "multiply", "/": "divide", "%": "remainder"},
)
"""Binary operators from the loosest to the tightest, with the function of each."""
_WORDS = {"true": "True", "false": "False", "null": "None"}
_PLAIN = ("equal(", "unequal(", "less(", "at_most(", "more(", "at_least(", "allequal_(", "match_(", "(not ")
"""How expressions begin whose values count as true where they do in Python."""


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """An expression: `evaluate` gives its value in a context, `names` are the parts of the context that it reads;
    `source` is that of Python over the context `c`.
    """

    text: str
    names: frozenset[str]
    evaluate: Callable[[Context], Value]
    source: str

    def holds(self, context: Context) -> bool:
        """Whether its value counts as true: neither null, false, 0 nor an empty text."""
        return truth(self.evaluate(context))


@cache
def compiled(text: str) -> Expression:
    """The expression in `text`. Raises `ValueError` where it is not of the grammar."""
    parser = _Parser(text)
    source = parser.whole()
    return Expression(text, frozenset(parser.names), _function(source), source)


def all_hold(expressions: Iterable[Expression], *, given: Iterable[str] = ()) -> Callable[[Context], bool]:
    """A function that says whether all expressions hold in a context, or any of the parts `given` is null in it.

    One function is twice as fast as one for each of them.
    """
    absent = "".join(f"c[{name!r}] is None or " for name in sorted(given))
    return _function(f"{absent}({' and '.join(_truth_of(each.source) for each in expressions) or True})")


@cache
def _function(source: str) -> Callable[[Context], Value]:
    function: Callable[[Context], Value] = eval(f"lambda c: {source}", dict(_SCOPE))
    return function


def _truth_of(source: str) -> str:
    """The source of whether a value counts as true."""
    return source if source.startswith(_PLAIN) else f"truth({source})"


class _Parser:
    """Turns an expression into the source of a Python expression over the context `c`."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._tokens: list[tuple[str, str]] = list(self._split())
        self.names: set[str] = set()
        self._kept = 0

    def _split(self) -> Iterator[tuple[str, str]]:
        at = 0
        while self._text[at:].strip():
            match = _TOKEN.match(self._text, at)
            if match is None:
                raise ValueError(f"not an expression of the BIDS schema: {self._text}")
            yield str(match.lastgroup), match[str(match.lastgroup)]
            at = match.end()

    def whole(self) -> str:
        source = self._either()
        if self._at < len(self._tokens):
            raise ValueError(f"not an expression of the BIDS schema: {self._text}")
        return source

    def _peek(self) -> str:
        kind, text = self._tokens[self._at] if self._at < len(self._tokens) else ("", "")
        return text if kind in ("op", "name") else ""

    def _take(self, wanted: str = "") -> tuple[str, str]:
        if self._at >= len(self._tokens) or (wanted and self._tokens[self._at][1] != wanted):
            raise ValueError(f"not an expression of the BIDS schema: {self._text}")
        self._at += 1
        return self._tokens[self._at - 1]

    def _either(self) -> str:
        left = self._both()
        while self._peek() == "||":
            self._take()
            kept = self._keep()
            left = f"({kept} if truth({kept} := {left}) else {self._both()})"
        return left

    def _both(self) -> str:
        left = self._negated()
        while self._peek() == "&&":
            self._take()
            kept = self._keep()
            left = f"({self._negated()} if truth({kept} := {left}) else {kept})"
        return left

    def _keep(self) -> str:
        """A new variable for a value that is asked and then given."""
        self._kept += 1
        return f"k{self._kept}"

    def _negated(self) -> str:
        if self._peek() == "!":
            self._take()
            return f"(not {_truth_of(self._negated())})"
        return self._binary(0)

    def _binary(self, level: int) -> str:
        if level == len(_LEVELS):
            return self._power()
        left = self._binary(level + 1)
        while function := _LEVELS[level].get(self._peek()):
            self._take()
            left = f"{function}({left}, {self._binary(level + 1)})"
        return left

    def _power(self) -> str:
        left = self._atom()
        if self._peek() == "**":
            self._take()
            return f"power({left}, {self._power()})"
        return left

    def _atom(self) -> str:
        source = self._item()
        while (mark := self._peek()) in ("[", "."):
            self._take()
            if mark == ".":
                source = f"part({source}, {self._take()[1]!r})"
            else:
                source = f"element({source}, {self._either()})"
                self._take("]")
        return source

    def _item(self) -> str:
        kind, text = self._take()
        if kind == "number":
            return text
        if kind == "text":
            return repr(text[1:-1])
        if text == "(":
            source = self._either()
            self._take(")")
            return f"({source})"
        if text == "[":
            return f"[{', '.join(self._several(']'))}]"
        if text in ("{}", "-"):
            return "{}" if text == "{}" else f"subtract(0, {self._atom()})"
        if kind != "name":
            raise ValueError(f"not an expression of the BIDS schema: {self._text}")
        return self._named(text)

    def _named(self, text: str) -> str:
        if self._peek() == "(":
            self._take()
            arguments = self._several(")")
            if text not in FUNCTIONS and text != "exists":
                raise ValueError(f"the BIDS schema has no function {text}")
            if text == "exists":
                self.names.add(text)
                return f"c['exists']({', '.join(arguments)})"
            return f"{text}_({', '.join(arguments)})"
        if text in _WORDS:
            return _WORDS[text]
        self.names.add(text)
        return f"c[{text!r}]"

    def _several(self, end: str) -> list[str]:
        found = []
        while self._peek() != end:
            found.append(self._either())
            if self._peek() == ",":
                self._take()
        self._take(end)
        return found


# --- what the operators mean -----------------------------------------------------------------------------

# Tuples, for a union of types is made anew, and asked more slowly, each time.
NUMBER = (int, float)
_LIST = (list, tuple)
_SEQUENCE = (list, tuple, str)


def truth(value: Value) -> bool:
    """Whether a value counts as true; lists and objects do, empty ones too."""
    return value is not None and value is not False and value != 0 and value != ""


def _part(value: Value, name: str) -> Value:
    if type(value) is dict:
        return value.get(name)
    # An instance check of Mapping costs more than all else.
    get = None if value is None else getattr(value, "get", None)
    return get(name) if get else None


def _element(value: Value, at: Value) -> Value:
    if isinstance(value, _SEQUENCE) and isinstance(at, NUMBER) and 0 <= at < len(value):
        return value[int(at)]
    return _part(value, at) if isinstance(at, str) else None


def _number(value: Value) -> float | None:
    """A value as a number, None for what is none."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    return value if isinstance(value, NUMBER) and value == value else None


def _equal(one: Value, other: Value) -> bool:
    if one is None or other is None:
        return one is other
    if isinstance(one, str) is not isinstance(other, str):
        numbers = _number(one), _number(other)
        return None not in numbers and numbers[0] == numbers[1]
    return bool(one == other)


def _ordered(test: Callable[[Any, Any], bool]) -> Callable[[Value, Value], bool]:
    def compare(one: Value, other: Value) -> bool:
        if isinstance(one, NUMBER) and isinstance(other, NUMBER):
            return test(one, other)  # nothing is true of what is not a number
        if isinstance(one, str) and isinstance(other, str):
            return test(one, other)
        numbers = _number(one), _number(other)
        return None not in numbers and test(*numbers)

    return compare


def _within(one: Value, other: Value) -> bool | None:
    return one in other if isinstance(other, Mapping | list | tuple) else None


def _computed(function: Callable[[Any, Any], Any]) -> Callable[[Value, Value], Value]:
    def compute(one: Value, other: Value) -> Value:
        numbers = _number(one), _number(other)
        try:
            return None if None in numbers else function(*numbers)
        except (ArithmeticError, ValueError):
            return None

    return compute


_sum = _computed(lambda one, other: one + other)


def _add(one: Value, other: Value) -> Value:
    return one + other if isinstance(one, str) and isinstance(other, str) else _sum(one, other)


# --- the functions of the language -----------------------------------------------------------------------


def _listed(value: Value) -> list[Value]:
    return list(value) if isinstance(value, _LIST) else [value]


def _index(values: Value, item: Value) -> int | None:
    return values.index(item) if isinstance(values, _LIST) and item in values else None


def _intersects(one: Value, other: Value) -> list[Value] | bool:
    if one is None or other is None:
        return False
    shorter, longer = sorted((_listed(one), _listed(other)), key=len)
    return [item for item in longer if item in shorter] or False


def _match(text: Value, pattern: Value) -> bool | None:
    if text is None:
        return None
    return isinstance(pattern, str) and _regular(pattern).search(str(text)) is not None


_regular = cache(re.compile)
_TYPES = ((bool, "boolean"), (NUMBER, "number"), (str, "string"), (_LIST, "array"))


def _type(value: Value) -> str:
    if value is None:
        return "null"
    for kind, name in _TYPES:
        if isinstance(value, kind):
            return name
    return "object"


def _extreme(choose: Callable[[list[float]], float]) -> Callable[[Value], float | None]:
    def find(values: Value) -> float | None:
        numbers = [number for value in _listed(values) if (number := _number(value)) is not None]
        return choose(numbers) if numbers else None

    return find


def _length(value: Value) -> int | None:
    return len(value) if isinstance(value, _SEQUENCE) else None


def _unique(values: Value) -> list[Value] | None:
    return None if values is None else list(dict.fromkeys(_listed(values)))


def _count(values: Value, item: Value) -> int:
    return _listed(values).count(item) if values is not None else 0


def _substr(text: Value, start: Value, end: Value) -> str | None:
    return None if None in (text, start, end) else str(text)[int(start) : int(end)]


def _sorted(values: Value, method: str = "auto") -> list[Value] | None:
    """Ordered by number or as text; where it is by number, what is none keeps its place among equals."""
    if not isinstance(values, list | tuple):
        return None
    if method == "lexical":
        return sorted(values, key=str)
    by_number = method == "numeric" or all(isinstance(value, int | float) for value in values)
    if not by_number:
        return sorted(values, key=str)
    numbers = [_number(value) for value in values]
    at = [place for place, number in enumerate(numbers) if number is not None]
    order = sorted(at, key=lambda place: numbers[place] or 0)
    found = list(values)
    for place, source in zip(at, order, strict=True):
        found[place] = values[source]
    return found


def _allequal(one: Value, other: Value) -> bool:
    both = isinstance(one, list | tuple) and isinstance(other, list | tuple)
    return both and list(one) == list(other)


FUNCTIONS: Mapping[str, Callable[..., Value]] = {
    "index": _index, "intersects": _intersects, "match": _match, "type": _type, "min": _extreme(min),
    "max": _extreme(max), "length": _length, "unique": _unique, "count": _count, "substr": _substr,
    "sorted": _sorted, "allequal": _allequal,
}  # fmt: skip
"""The functions of the language; `exists` belongs to the context, for it looks at the dataset."""

_SCOPE: Mapping[str, Any] = {
    "__builtins__": {},
    "truth": truth, "part": _part, "element": _element, "equal": _equal, "within": _within, "add": _add,
    "unequal": lambda one, other: not _equal(one, other),
    "less": _ordered(lambda one, other: one < other), "at_most": _ordered(lambda one, other: one <= other),
    "more": _ordered(lambda one, other: one > other), "at_least": _ordered(lambda one, other: one >= other),
    "subtract": _computed(lambda one, other: one - other), "multiply": _computed(lambda one, other: one * other),
    "divide": _computed(lambda one, other: one / other), "remainder": _computed(math.fmod),
    "power": _computed(lambda one, other: one**other),
    **{f"{name}_": function for name, function in FUNCTIONS.items()},
}  # fmt: skip
