"""Ids that programs took for decimal numbers, and several columns of one name."""

import pytest

from mids.readers.tables import columns, ids
from mids.readers.tables.table import Table, parse_csv


def repaired(*cells: str) -> tuple[list[str], list[str]]:
    """The ids of a column that holds these, and the codes of its issues."""
    found = ids.repair(parse_csv("\n".join(["who", *cells]).encode(), "t.csv"), ["who"])
    return [row["who"] for row in found.rows], [one.code for one in found.issues]


@pytest.mark.parametrize(
    ("cells", "expected", "codes"),
    [
        (("7", "7.0", "8.0"), ["7", "7", "8"], ["ID_REPAIRED"]),
        (("7.0", "8.00"), ["7", "8"], ["ID_REPAIRED"]),
        (("7", "S8", "a.0"), ["7", "S8", "a.0"], []),
        (("1.1", "1.0", "2.0"), ["1.1", "1.0", "2.0"], []),
        (("1.1", "1.0", "1"), ["1.1", "1.0", "1"], ["ID_AMBIGUOUS"]),
        (("007", "7.0"), ["007", "7"], ["ID_AMBIGUOUS", "ID_REPAIRED"]),
        (("0123.0", "0123"), ["0123", "0123"], ["ID_REPAIRED"]),
        (("1.2.840.0", "1.2.840"), ["1.2.840.0", "1.2.840"], []),
    ],
)
def test_ids_as_they_were(cells: tuple[str, ...], expected: list[str], codes: list[str]) -> None:
    assert repaired(*cells) == (expected, codes)


def renamed(text: str) -> Table:
    table = parse_csv(text.encode(), "t.csv")
    return columns.rename(table, columns.named_by(table, {"age": "age", "patient age": "age"}))


@pytest.mark.parametrize(
    ("row", "age", "codes"),
    [
        ("84,84", "84", []),
        ("84.84,84", "84.84", []),
        (",84", "84", []),
        ("nan,84", "84", []),
        ("84,48", "", ["VALUE_CONTRADICTED"]),
        ("84.2,84.9", "", ["VALUE_CONTRADICTED"]),
    ],
)
def test_columns_of_one_name_are_one(row: str, age: str, codes: list[str]) -> None:
    table = renamed(f"age,patient age\n{row}\n")
    assert (table.header, [one["age"] for one in table.rows]) == (("age",), [age])
    assert [one.code for one in table.issues] == codes
    assert all("'age' and 'patient age'" in one.message for one in table.issues)


def test_the_same_column_twice_is_one_too() -> None:
    table = renamed("age,sex,age\n84,F,85\n")
    assert (table.header, table.rows[0]["age"]) == (("age", "sex"), "")
    assert [one.code for one in table.issues] == ["TABLE_HEADER", "VALUE_CONTRADICTED"]
