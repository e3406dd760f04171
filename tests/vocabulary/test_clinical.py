"""A collection's vocabulary on top of the common one: what it declares anew, and what stays."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mids.scaffold import install_temporarily
from mids.vocabulary.clinical import Clinical, load
from mids.vocabulary.schema import load as load_schema

VOCABULARY = """
tables:
  participants:
    columns:
      age: {from: edad}
      sex: {from: sexo, values: {hombre: M, mujer: F}, required: false}
      body_parts: {type: string, description: Whatever, source: invented}
  scans:
    columns:
      acq_time: {type: string, description: The year alone, source: invented}
"""


@pytest.fixture
def redeclared(tmp_path: Path) -> Iterator[Clinical]:
    package = tmp_path / "mids_spain"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "vocabulary.yaml").write_text(VOCABULARY, encoding="utf-8")
    with install_temporarily("spain", tmp_path):
        yield load("spain")


def test_a_column_keeps_what_the_collection_does_not_say(redeclared: Clinical) -> None:
    common, columns = load_schema().tables["participants"].columns, redeclared.schema.tables["participants"].columns
    assert columns["age"] == common["age"]
    assert columns["sex"] == common["sex"]  # every dataset must have it: a collection can't say otherwise
    assert list(columns) == list(common)


def test_values_that_are_given_anew_have_none_of_the_old_limits(redeclared: Clinical) -> None:
    column = redeclared.schema.tables["participants"].columns["body_parts"]
    assert (column.type, column.code_list, column.required) == ("string", "", True)


def test_what_a_column_holds_of_a_person_is_never_lost(redeclared: Clinical) -> None:
    assert redeclared.schema.tables["scans"].columns["acq_time"].holds == "date"


def test_values_are_understood_by_what_was_kept(redeclared: Clinical) -> None:
    values, problems = redeclared.values("participants", {"edad": "95", "sexo": "Mujer"})
    assert values == {"age": "95", "sex": "F"}
    assert [(problem.code, problem.column) for problem in problems] == [("VALUE_IMPLAUSIBLE", "age")]
