"""The rules as one recogniser: what they find in a text is worked out once, for whoever asks."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from mids.deid.text.dates import Dates
from mids.deid.text.names import Names
from mids.deid.text.numbers import Numbers
from mids.deid.text.places import Places
from mids.deid.text.spans import Recogniser, Span


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules that need nothing but the text; in a short label a line of capitalised words is mostly no name."""

    label: bool = False

    def find(self, text: str) -> Iterable[Span]:
        """What the rules find in a composed text, overlapping as they find it."""
        return _find(text, label=self.label)


UNSURE = frozenset({"long number", "code of letters and digits", "postal code", "room", "url", "uid"})
"""Sources of numbers that a code or the model of a device may look like."""


@lru_cache(maxsize=1 << 12)
def is_identifying(text: str) -> bool:
    """Whether a code, or the name of a maker or model, holds a labelled number, a day, or a name behind a title."""
    spans = (*Numbers().find(text), *Dates().find(text), *Names(lines=False).find(text))
    return any(
        span.source not in UNSURE and (span.kind != "NAME" or span.source in ("title", "signature", "field"))
        for span in spans
    )


@lru_cache(maxsize=8)
def _find(text: str, *, label: bool) -> tuple[Span, ...]:
    rules: tuple[Recogniser, ...] = (Numbers(), Dates(), Names(lines=not label), Places())
    return tuple(span for one in rules for span in one.find(text))
