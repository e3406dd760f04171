"""Stretches of a text that identify a person: what recognisers find, and how overlapping ones are settled."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

Kind = Literal["CAB", "NAME", "DIR", "LOC", "NUM", "FECHA", "INST"]
"""The classes of DisMed: heading, person, street, place, number, date, institution. A heading identifies nobody."""

KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """text[start:end] is of a kind; `source` is the rule, list or model that says so."""

    start: int
    end: int
    kind: Kind
    source: str


class Recogniser(Protocol):
    """Finds spans in a text; frozen and picklable. Spans may overlap each other and those of others."""

    def find(self, text: str) -> Iterable[Span]:
        """The spans in the text."""
        ...


def settle_spans(text: str, spans: Iterable[Span]) -> tuple[Span, ...]:
    """Spans in order that overlap nowhere: the longest wins, and what others cover beside it stays covered.

    What is left of a span without a letter or digit is dropped.
    """
    starts: list[int] = []
    chosen: list[Span] = []
    for span in sorted(set(spans), key=lambda one: (one.start - one.end, one.source != "known", one)):
        for start, end in list(_find_uncovered_parts(span, starts, chosen)):
            start, end = _trim_span(text, start, end)
            if start < end:
                at = bisect_left(starts, start)
                starts.insert(at, start)
                chosen.insert(at, Span(start, end, span.kind, span.source))
    return tuple(chosen)


def _find_uncovered_parts(span: Span, starts: list[int], chosen: list[Span]) -> Iterator[tuple[int, int]]:
    """The parts of a span that no chosen one covers."""
    at = max(bisect_left(starts, span.start) - 1, 0)
    start = span.start
    while at < len(chosen) and chosen[at].start < span.end:
        if chosen[at].end > start:
            if chosen[at].start > start:
                yield start, chosen[at].start
            start = chosen[at].end
        at += 1
    if start < span.end:
        yield start, span.end


def _trim_span(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and not text[start].isalnum() and text[start] not in "+(":
        start += 1
    while end > start and not text[end - 1].isalnum() and text[end - 1] not in ".)":
        end -= 1
    return (start, end) if any(char.isalnum() for char in text[start:end]) else (start, start)


def joined(text: str, spans: Iterable[Span]) -> tuple[Span, ...]:
    """Settled spans with neighbours of one kind made one, where only a blank, a comma or a hyphen lies between."""
    merged: list[Span] = []
    for span in spans:
        last = merged[-1] if merged else None
        alike = last is not None and last.kind == span.kind and span.kind in ("NAME", "INST", "DIR", "LOC")
        if last is not None and alike and text[last.end : span.start] in (" ", ", ", "-", ""):
            merged[-1] = Span(last.start, span.end, span.kind, last.source)
        else:
            merged.append(span)
    return tuple(merged)
