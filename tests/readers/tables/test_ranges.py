"""Ranges in three languages mean what they say; what is no range is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mids.readers.tables.ranges import Span, span

NUMBER = st.integers(0, 150)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("60-70", Span(60, 70)),
        ("60−70 ans", Span(60, 70)),
        ("[60 – 70]", Span(60, 70)),
        ("060Y-070Y", Span(60, 70)),
        ("18-20 years old", Span(18, 20)),
        ("entre 3 et 7 jours", Span(3, 7)),
        ("de 8 à 21 jours", Span(8, 21)),
        ("entre 8 y 21 días", Span(8, 21)),
        ("3 to 7 days", Span(3, 7)),
        ("3-7 j", Span(3, 7)),
        ("<3 days", Span(None, 3, high_excluded=True)),
        ("< 3 jours", Span(None, 3, high_excluded=True)),
        ("Moins de 3 jours", Span(None, 3, high_excluded=True)),
        ("inférieur à 3 jours", Span(None, 3, high_excluded=True)),
        ("≤3", Span(None, 3)),
        ("jusqu’à 3 jours", Span(None, 3)),
        (">21 days", Span(21, None, low_excluded=True)),
        ("PLUS DE 21 JOURS", Span(21, None, low_excluded=True)),
        ("más de 21 días", Span(21, None, low_excluded=True)),
        (">= 90", Span(90, None)),
        ("90+", Span(90, None)),
        ("90 ans et plus", Span(90, None)),
        ("70-60", None),
        ("60", None),
        ("065Y", None),
        ("1-2-3", None),
        ("a week or so", None),
        ("une semaine", None),
        ("", None),
        ("<", None),
        ("60-", None),
    ],
)
def test_what_a_text_means(text: str, expected: Span | None) -> None:
    assert span(text) == expected


@given(low=NUMBER, high=NUMBER, dash=st.sampled_from("-–—−‑"), blank=st.sampled_from(["", " ", "\u00a0"]))
def test_two_numbers_are_a_range_only_in_order(low: int, high: int, dash: str, blank: str) -> None:
    assert span(f"{low}{blank}{dash}{blank}{high}") == (Span(low, high) if low <= high else None)


@given(st.text())
def test_no_text_is_a_crash(text: str) -> None:
    found = span(text)
    assert found is None or found.low is not None or found.high is not None
