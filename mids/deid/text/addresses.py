"""What stands between the parts of an address: numbers, floors and postal codes between a person and a town."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from mids.deid.text.spans import Span
from mids.deid.text.words import fold_text, ordinary, particles, vocabulary

LONGEST = 60
"""Characters of the longest stretch that is taken for a part of an address."""

_TOKEN = re.compile(r"[^\W_]+")
_APART = re.compile(r"[\n\t;:?!|]")
_NUMBER = re.compile(r"(?:e|d)?\d{1,5}[a-z]?|[a-z]\d{1,3}", re.ASCII)


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
