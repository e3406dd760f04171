"""Numbers, addresses of mail and web pages: the patterns of `schemas/deid/text/numbers.yaml`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from mids.deid.text.digits import passes
from mids.deid.text.spans import Span
from mids.deid.text.words import fold_text, ordinary, words
from mids.resources import read_yaml, schemas


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str], str], ...]:
    entries = read_yaml(schemas() / "deid" / "text" / "numbers.yaml")
    joined = ((e, "".join(line.strip() for line in e["pattern"].splitlines())) for e in entries)
    return tuple((e["name"], re.compile(pattern), e.get("check", "")) for e, pattern in joined)


_POSTAL = re.compile(r"(?<![\w.,/-])(?:[a-z]-)?\d{5}(?=[ ,-]{1,3}[^\W\d_])")
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Numbers:
    """The recogniser of numbers; a number with a check digit needs no word beside it, most others do."""

    def find(self, text: str) -> Iterator[Span]:
        """All of kind NUM, and postal codes before the name of a place."""
        plain = fold_text(text)
        if not _DIGIT.search(plain) and "@" not in plain and "www" not in plain and "//" not in plain:
            return
        for name, pattern, check in _patterns():
            for match in pattern.finditer(plain):
                if not check or passes(check, match):
                    start, end = match.span("x") if "x" in pattern.groupindex else match.span()
                    yield Span(start, end, "NUM", name)
        yield from _postal_codes(text, plain)


def _postal_codes(text: str, plain: str) -> Iterator[Span]:
    """Five digits before a capitalised word that is no ordinary one: 28016 Madrid."""
    following = {word.start: word for word in words(text)}
    for match in _POSTAL.finditer(plain):
        word = next((following[at] for at in range(match.end(), match.end() + 4) if at in following), None)
        if word is not None and word.is_capitalised and word.plain not in ordinary():
            yield Span(match.start(), match.end(), "NUM", "postal code")
