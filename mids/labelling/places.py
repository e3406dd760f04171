"""Which finding of a sentence a place belongs to: "derrame derecho y nódulo en LSI" has two of each."""

import re
from collections.abc import Mapping, Sequence
from typing import Protocol


class Span(Protocol):
    """A stretch of a sentence: 0-based characters, end excluded."""

    @property
    def start(self) -> int: ...  # noqa: D102 -- see the class

    @property
    def end(self) -> int: ...  # noqa: D102 -- see the class


def tie_places(
    text: str, findings: Sequence[Span], places: Sequence[tuple[str, Span]], joins: Mapping[str, str]
) -> list[tuple[str, ...]]:
    """The places of each finding, all in the order of the text; `joins` are the words of `Lexicon.joins`.

    A place in the words of a finding is its own. Else it belongs to the finding before it; or to that behind it, where
    a comma or a word like "and" stands between it and the one before, and none between it and the one behind. Findings
    that a word like "and" joins share what "in" leads to behind the last of them.
    """
    found: list[dict[str, None]] = [{} for _ in findings]
    shared: dict[int, list[str]] = {}
    full: set[int] = set()
    for name, place in places:
        inside = [at for at, one in enumerate(findings) if one.start <= place.start and place.end <= one.end]
        owners = inside or _nearest(text, findings, place, joins)
        for at in owners:
            found[at][name] = None
            if not inside:
                full.add(at)
            if not inside and _is_led(text[findings[at].end : place.start], joins):
                shared.setdefault(at, []).append(name)
    for at in range(len(findings) - 1, 0, -1):
        gap = text[findings[at - 1].end : findings[at].start]
        if at in shared and at - 1 not in full and "," not in gap and _is_cut(gap, joins):
            found[at - 1].update(dict.fromkeys(shared[at]))
            shared[at - 1] = shared[at]
    return [tuple(own) for own in found]


def _nearest(text: str, findings: Sequence[Span], place: Span, joins: Mapping[str, str]) -> list[int]:
    before = [at for at, one in enumerate(findings) if one.end <= place.start or one.start < place.start]
    behind = [at for at, one in enumerate(findings) if one.start >= place.start]
    if before and behind:
        left = text[findings[before[-1]].end : place.start]
        right = text[place.end : findings[behind[0]].start]
        return behind[:1] if _is_cut(left, joins) and not _is_cut(right, joins) else before[-1:]
    return before[-1:] or behind[:1]


def _is_cut(gap: str, joins: Mapping[str, str]) -> bool:
    return bool(re.search(rf"[,:]|\b(?:{joins['and']}|{joins['or']}|{joins['with']})\b", gap))


def _is_led(gap: str, joins: Mapping[str, str]) -> bool:
    return bool(re.search(rf"\b(?:{joins['at']})\b", gap))
