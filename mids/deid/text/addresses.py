"""What belongs to spans that were found: the parts of an address between them, and what stands beside one."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise

from mids.deid.text.guards import says_state
from mids.deid.text.names import find_repeated_names
from mids.deid.text.spans import Kind, Span
from mids.deid.text.words import fold_text, ordinary, particles, vocabulary

LONGEST = 60
"""Characters of the longest stretch that is taken for a part of an address."""

_TOKEN = re.compile(r"[^\W_]+")
_APART = re.compile(r"[\n\t;:?!|]")
_NUMBER = re.compile(r"(?:e|d)?\d{1,5}[ºª°]{0,2}[a-z]{0,2}|[a-z]\d{1,3}")


def complete_spans(text: str, spans: Sequence[Span]) -> Iterator[Span]:
    """What belongs to settled spans and is not in them."""
    yield from fill_addresses(text, spans)
    for span in spans:
        before, behind = _beside()[0].get(span.kind), _beside()[1].get(span.kind)
        match = behind.match(text, span.end) if behind else None
        if match and not any(says_state(fold_text(word)) for word in _TOKEN.findall(match[0])):
            yield Span(span.start, match.end(), span.kind, "beside")
        if before and (match := before.search(text, max(span.start - NEAR, 0), span.start)):
            yield Span(match.start(), span.end, span.kind, "beside")
    for kind in _REPEATED:
        yield from find_repeated_names(text, (one for one in spans if one.kind == kind and _is_sure(text, one)), kind)


_REPEATED: tuple[Kind, ...] = ("NAME", "LOC")


def _is_sure(text: str, span: Span) -> bool:
    """Whether a name or place is sure enough to go wherever it stands: training may take any one word for one."""
    return span.source not in ("trained", "origin") or len(_TOKEN.findall(text[span.start : span.end])) > 1


NEAR = 16
"""Characters before a span in which what belongs to it is looked for."""


@cache
def _beside() -> tuple[dict[Kind, re.Pattern[str]], dict[Kind, re.Pattern[str]]]:
    """What stands before a kind of span and behind it: M.ª Teresa, Bogotá D.C., Dräger GmbH."""
    lists = vocabulary()["beside"]
    before = {kind: re.compile(f"{pattern}$") for kind, pattern in lists["before"].items()}
    return before, {kind: re.compile(pattern) for kind, pattern in lists["behind"].items()}


def fill_addresses(text: str, spans: Sequence[Span]) -> Iterator[Span]:
    """Stretches between two settled spans that can only be a part of their address: "[Gil]. Acacias, 30. [33423]"."""
    for left, right in pairwise(spans):
        gap = text[left.end : right.start]
        if len(gap) > LONGEST or left.kind not in ("NAME", "INST", "DIR", "LOC") or _APART.search(gap):
            continue
        is_address = right.kind in ("DIR", "LOC") or right.source in ("postal code", "e-mail", "phone with its word")
        if is_address and _is_part(gap, beside_street=left.kind == "DIR" or right.source == "postal code"):
            yield Span(left.end, right.start, "DIR", "address")


def _is_part(gap: str, *, beside_street: bool) -> bool:
    """Whether a stretch holds numbers, and besides nothing but names and words of floors."""
    numbers = False
    for token in _TOKEN.findall(gap):
        plain = fold_text(token)
        if _NUMBER.fullmatch(plain):
            numbers = True
        elif plain in _words():
            numbers |= beside_street
        elif not token[0].isupper() or plain in ordinary():
            return False
    return numbers


def _words() -> frozenset[str]:
    return frozenset(vocabulary()["streets"]["inside"]) | particles()
