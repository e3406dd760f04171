"""The expressions of BIDS's schema: by the schema's own tests, and by the grammar of bidsschematools."""

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest

from mids.vocabulary.bids.expressions import compiled

SCHEMA: dict[str, Any] = json.loads(files("bidsschematools").joinpath("data", "schema.json").read_text("utf-8"))


def _rules(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if "selectors" in node:
            yield node
        for value in node.values():
            yield from _rules(value)


EXPRESSIONS = sorted(
    {
        text
        for rule in _rules({"rules": SCHEMA["rules"], "associations": SCHEMA["meta"]["associations"]})
        for text in (*rule["selectors"], *rule.get("checks", ()))
    }
)


@pytest.mark.parametrize("case", SCHEMA["meta"]["expression_tests"], ids=lambda case: case["expression"])
def test_the_schemas_own_tests(case: dict[str, Any]) -> None:
    context = {"sidecar": {}, "exists": lambda listed, rule: 0}
    assert compiled(case["expression"]).evaluate(context) == case["result"]


def test_every_expression_of_the_schema_is_read() -> None:
    assert len(EXPRESSIONS) > 300
    for text in EXPRESSIONS:
        assert compiled(text).names or text == "false"


@pytest.mark.parametrize("text", ["", "suffix ==", "(suffix", "a b", "import('os')", "suffix; path", "eval('1')"])
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="BIDS schema"):
        compiled(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2 + 3 * 4 - 1", 13),
        ("2 ** 3 ** 2", 512),
        ("10 - 4 - 3", 3),
        ("!null && 1 < 2", True),
        ("1 == '1'", True),
        ("sidecar.A[1] == 'b' || false", True),
        ("'A' in sidecar", True),
        ("'x' in ['x', 'y']", True),
        ("intersects([suffix], ['dwi', 'epi'])", ["dwi"]),
        (r"match(extension, '^\.nii(\.gz)?$')", True),
        ("-3 * index(['sec', 'msec'], 'msec')", -3),
    ],
)
def test_precedence_and_meaning(text: str, value: object) -> None:
    context = {"sidecar": {"A": ["a", "b"]}, "suffix": "dwi", "extension": ".nii.gz"}
    assert compiled(text).evaluate(context) == value
