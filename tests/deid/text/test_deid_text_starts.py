"""Patterns that are tried only where they can begin find what they find everywhere."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from example_datasets.layouts_corpus import layouts
from mids.deid.text import dates, names, numbers, places
from mids.deid.text.words import find_matches, fold_text, join_patterns

TOGETHER = [
    numbers.list_numbers().patterns, numbers.list_messages().patterns, dates._patterns(), dates._relative(),
    names._trigger_patterns(), places._places(),
]  # fmt: skip
PATTERNS = [entry for one in TOGETHER for entry in one.entries]
PIECES = (
    "tel. +34 (96) 123 45 67|"
    "NHC: 12-34|a.b@c.org|juan arroba mail punto es|(2019)|5 de MAYO|d'agost 12|c/ 3|Dr. Pi|X1234567L|"
    "_12|.5|nº 4|hª 12345|IBAN ES12 3456 7890 1234 5678 9012|1.2.840.10008.1.2.3|TC 2017|12/3/20|lunes 3|\n|; | "
).split("|")


def spans(text: str) -> tuple[list[object], list[object]]:
    plain = fold_text(text)
    searched = [(at, m.span()) for at, (pattern, _) in enumerate(PATTERNS) for m in pattern.finditer(plain)]
    tried = [(at, m.span()) for at, (pattern, sort) in enumerate(PATTERNS) for m in find_matches(pattern, plain, sort)]
    together = [match.span() for one in TOGETHER for _, match in one.find(plain)]
    assert together == [span for _, span in searched]
    return searched, tried


@pytest.mark.slow
def test_reports_in_many_layouts_give_the_same_matches() -> None:
    for report in layouts(12):
        searched, tried = spans(report.text)
        assert tried == searched


@example("a.b@c.org1.2.840.10008.1.2.3a.b@c.org")
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_pieces_of_numbers_and_words_give_the_same_matches(text: str) -> None:
    searched, tried = spans(text)
    assert tried == searched


@pytest.mark.parametrize(
    ("patterns", "texts"),
    [
        (["a", "ab", "b?c", "abc", "bc|x"], ["abc", "ab", "a", "bc", "c", "x", "bx"]),
        (["rus[oa]", "ruman[oa]", "turc", "turque", "(?:el )?ruso"], ["rusa", "rumano", "turque", "el ruso", "r"]),
        (["mai", "mayo", "ma", "m.rz"], ["mayor", "mai", "maerz", "marz", "m"]),
    ],
)
def test_patterns_that_share_a_letter_find_what_each_finds_in_their_order(
    patterns: list[str], texts: list[str]
) -> None:
    apart, together = re.compile("|".join(patterns)), re.compile(join_patterns(patterns))
    for text in texts:
        found = (apart.search(text), together.search(text))
        assert found[0] == found[1] or (found[0] and found[1] and found[0].span() == found[1].span()), text
