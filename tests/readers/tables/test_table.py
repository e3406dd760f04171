"""Source tables: encodings, quotes, headers, and rows that don't fit."""

import csv
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mids.errors import DataError, MidsError
from mids.readers.tables.table import Table, check_columns, find_file, parse_csv, read_csv


def codes(table: Table) -> list[str]:
    return [found.code for found in table.issues]


def test_names_are_lower_case_without_outer_blanks_and_values_stay() -> None:
    table = parse_csv(b"PatientID, URL ,Age\n007, a ,\n", "t.csv")
    assert table.header == ("patientid", "url", "age")
    assert table.rows == ({"patientid": "007", "url": " a ", "age": ""},)
    assert table.issues == ()


@pytest.mark.parametrize(
    ("data", "value", "found"),
    [
        ("a,b\nñandú,1\n".encode(), "ñandú", []),
        ("a,b\nñandú,1\n".encode("utf-8-sig"), "ñandú", []),
        ("a,b\nñandú,1\n".encode("utf-16"), "ñandú", []),
        ("a,b\nñandú,1\n".encode("latin-1"), "ñandú", ["TABLE_READ_AS_LATIN1"]),
        (b"a\tb\r\nx, y\t1\r\n", "x, y", []),
        (b"a;b\n1,5;2\n", "1,5", []),
    ],
)
def test_encodings_and_delimiters(data: bytes, value: str, found: list[str]) -> None:
    table = parse_csv(data, "t.csv")
    assert table.header == ("a", "b")
    assert [row["a"] for row in table.rows] == [value]
    assert codes(table) == found


def test_a_quoted_cell_may_hold_line_ends_and_rows_keep_their_line() -> None:
    table = parse_csv(b'a,b\n"one\ntwo, ""three""",x\n4,5\n', "t.csv")
    assert table.rows[0]["a"] == 'one\ntwo, "three"'
    assert table.lines == (2, 4)


def test_lines_before_the_header_are_left_out() -> None:
    table = parse_csv(b"## what\n## who\na,b\n1,2\n", "t.csv", comment="##")
    assert table.header == ("a", "b")
    assert table.lines == (4,)


def test_headers_without_a_name_and_twice() -> None:
    table = parse_csv(b"a,,a\n1,2,3\n", "t.csv")
    assert table.rows == ({"a": "1", "column 2": "2", "a.2": "3"},)
    assert codes(table) == ["TABLE_HEADER"]


def test_a_row_that_does_not_fit_is_told_and_the_rest_stays() -> None:
    table = parse_csv(b"a,b\n1\n2,3\n4,5,6\n7,8,\n\n", "t.csv")
    assert [row["a"] for row in table.rows] == ["2", "7"]
    assert [(found.code, found.where) for found in table.issues] == [("ROW_INVALID", "row 2"), ("ROW_INVALID", "row 4")]


def test_a_quote_that_never_ends_is_told() -> None:
    table = parse_csv(b'a,b\n1,2\n"3,4\n5,6\n', "t.csv")
    assert [row["a"] for row in table.rows] == ["1"]
    assert codes(table) == ["TABLE_INVALID", "ROW_INVALID"]


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_table_is_told(data: bytes) -> None:
    assert codes(parse_csv(data, "t.csv")) == ["TABLE_INVALID"]


def test_columns_are_checked_with_the_nearest_name() -> None:
    table = parse_csv(b"patient id,findings\n1,2\n", "t.csv")
    with pytest.raises(MidsError, match=r"lacks the column 'patientid'; 'patient id' is like it"):
        check_columns(table, ("patientid", "finding"), ("patientid",))
    checked = check_columns(table, ("patient id", "finding"))
    assert checked.header == ("patient id",)
    assert checked.rows == ({"patient id": "1"},)
    assert [issue.code for issue in checked.issues] == ["COLUMN_UNREAD"]
    assert "did you mean 'finding'?" in checked.issues[0].message


def test_a_first_line_that_is_no_header_is_not_repeated() -> None:
    with pytest.raises(MidsError, match="is that line a header") as told:
        check_columns(parse_csv(b"Perfecta Quevedo,77889911\nZutano,1\n", "t.csv"), ("patientid",), ("patientid",))
    assert "quevedo" not in str(told.value).casefold()


def test_a_column_without_a_name_is_told_and_an_empty_one_leaves_nothing() -> None:
    checked = check_columns(parse_csv(b"a,,\n1,2,\n3,,\n", "t.csv"), ("a",), ("a",))
    assert checked.rows == ({"a": "1"}, {"a": "3"})
    assert [issue.message for issue in checked.issues] == ["column 2 has no name"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "metadata (1).csv").write_text("a\n")
    with pytest.raises(MidsError, match=r"holds no metadata\.csv: did you mean metadata \(1\)\.csv\?"):
        find_file(tmp_path, ["metadata.csv"])
    assert find_file(tmp_path, ["x", "metadata (1).csv"]) == "metadata (1).csv"
    with pytest.raises(DataError, match="can't be opened"):
        read_csv(tmp_path, "absent.csv")


CELLS = st.lists(st.lists(st.text("aé ,;\t\"'\n", max_size=6), min_size=3, max_size=3), max_size=5)


@given(CELLS, st.sampled_from([",", ";", "\t"]))
def test_what_a_writer_writes_is_read(cells: list[list[str]], delimiter: str) -> None:
    text = StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows([["a", "b", "c"], *cells])
    table = parse_csv(text.getvalue().encode(), "t.csv")
    assert [list(row.values()) for row in table.rows] == [row for row in cells if any(map(str.strip, row))]
    assert table.issues == ()


@given(st.binary(max_size=200))
def test_no_bytes_are_too_odd_and_no_row_is_lost(data: bytes) -> None:
    table = parse_csv(data, "t.csv")
    assert len(table.rows) == len(table.lines)
    assert all(tuple(row) == table.header for row in table.rows)


def test_rows_of_empty_cells_are_no_rows() -> None:
    """Spreadsheets write their blank rows as separators alone; the line numbers of the others stay."""
    table = parse_csv(b"a,b\n1,2\n,\n , \n,,,\n3,4\n", "t.csv")
    assert list(table.numbered()) == [(2, {"a": "1", "b": "2"}), (6, {"a": "3", "b": "4"})]
    assert table.issues == ()
