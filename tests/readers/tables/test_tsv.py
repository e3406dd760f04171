"""Tables and JSON files as they are read: every value a string, every problem at its line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mids.errors import DataError
from mids.inspection.documents import read_json
from mids.readers.tables import tsv

CELL = st.text(st.characters(exclude_characters="\t\n\r", exclude_categories=("Cs",)))


@given(st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1))
def test_tables_keep_every_value(rows: list[list[str]]) -> None:
    data = "".join("\t".join(row) + "\n" for row in [["a", "b", "c"], *rows]).encode()
    table = tsv.parse(data)
    assert table.problems == ()
    assert [list(row) for row in table.rows] == rows
    assert table.lines == tuple(range(2, len(rows) + 2))
    assert tsv.parse(data.removesuffix(b"\n")) == table


def test_table_problems_have_lines() -> None:
    table = tsv.parse("a\tb\r\n1\t2\r\n\r\n3\r\né\t4\r\n".encode("latin-1"))
    assert [(p.kind, p.line) for p in table.problems] == [
        ("encoding", 5),
        ("line ends", 0),
        ("blank line", 3),
        ("ragged", 4),
    ]
    assert table.column("a") == ("1", "é")
    assert table.lines == (2, 5)
    assert table.column("absent") == ()


def test_strict_reading_raises_for_the_first_problem(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_bytes(b"a\tb\n007\t1.0\n")
    assert tsv.read_strict(tmp_path / "t.tsv").rows == (("007", "1.0"),)
    (tmp_path / "t.tsv").write_bytes(b"a\tb\n1\n")
    with pytest.raises(DataError, match="line 2"):
        tsv.read_strict(tmp_path / "t.tsv")


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b'{"a": 1,}', "line 1"),
        (b'{"a": NaN}', ""),
        (b"\xff", ""),
        (b"[" * 100_000, ""),
        (b'\xef\xbb\xbf{"a": 1}', "line 1"),
    ],
)
def test_what_is_no_json(data: bytes, error: str) -> None:
    document = read_json(data)
    assert document.error
    assert document.where.startswith(error)


def test_keys_written_twice_are_found_at_any_depth() -> None:
    assert read_json(b'{"a": {"b": 1, "b": 2}, "c": 1}').twice == ("b",)
