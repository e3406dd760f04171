"""Stretches of a text that identify a person: what recognisers find, and how overlapping ones are settled."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
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
    for span in sorted(set(spans), key=_precedence):
        for start, end in list(_find_uncovered_parts(span, starts, chosen)):
            start, end = _trim_span(text, start, end)
            if start < end:
                at = bisect_left(starts, start)
                starts.insert(at, start)
                chosen.insert(at, Span(start, end, span.kind, span.source))
    return tuple(chosen)


def _precedence(span: Span) -> tuple[int, bool, int, int, str, str]:
    """The longest first, then what the header knows, then by place."""
    return span.start - span.end, span.source != "known", span.start, span.end, span.kind, span.source


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


# --- tags ------------------------------------------------------------------------------------------------

_TAG = re.compile(rf"\[(?:{'|'.join(kind for kind in KINDS if kind != 'CAB')})\]")


def spare_tags(text: str, spans: Iterable[Span]) -> Iterator[Span]:
    """Spans without the tags that stand in a text for what was removed before: ``[NAME]`` is nobody's."""
    tags = [Span(match.start(), match.end(), "CAB", "tag") for match in _TAG.finditer(text)]
    if not tags:
        yield from spans
        return
    starts = [tag.start for tag in tags]
    for span in spans:
        for start, end in _find_uncovered_parts(span, starts, tags):
            yield Span(start, end, span.kind, span.source)


class Masked:
    """The lines of a text around its spans, which are in order and overlap nowhere, with tags in place of the spans."""

    def __init__(self, text: str, spans: Sequence[Span]) -> None:
        pieces: list[str] = []
        self._places: list[int] = []
        self._shifts: list[int] = []
        length = 0

        def add(piece: str, start: int) -> None:
            nonlocal length
            self._places.append(length)
            self._shifts.append(start - length)
            pieces.append(piece)
            length += len(piece)

        end = 0
        for first, last, inside in _group_lines(text, spans):
            end = first
            for span in inside:
                add(text[end : span.start], end)
                add(f"[{span.kind}]", span.start)
                end = span.end
            add(text[end:last], end)
        self.text = "".join(pieces)

    def unmask(self, span: Span) -> Span:
        """What was found outside the tags, as a span of the text before."""
        shift = self._shifts[bisect_right(self._places, span.start) - 1]
        return Span(span.start + shift, span.end + shift, span.kind, span.source)


def _group_lines(text: str, spans: Sequence[Span]) -> Iterator[tuple[int, int, list[Span]]]:
    """Stretches of whole lines that hold spans, with two lines before and behind, and the spans in each."""
    groups: list[tuple[int, int, list[Span]]] = []
    for span in spans:
        first, last = span.start, span.end
        for _ in range(NEAR_LINES):
            first = text.rfind("\n", 0, max(first - 1, 0)) + 1
            last = text.find("\n", last) + 1 or len(text)
        if groups and first <= groups[-1][1]:
            begun, end, inside = groups[-1]
            inside.append(span)
            groups[-1] = (begun, max(last, end), inside)
        else:
            groups.append((first, last, [span]))
    return iter(groups)


NEAR_LINES = 3
"""Ends of lines before and behind a span up to which what stands for it may change what is found."""
