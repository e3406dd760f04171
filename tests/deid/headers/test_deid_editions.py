"""Editions of the table: read from three forms, and compared."""

import json
from pathlib import Path

import pytest

from docs.make_deid_tables import generate_tables
from mids.deid.headers.editions import HEADS, Change, as_table, differences, read
from mids.deid.headers.tables import edition
from mids.errors import MidsError
from mids.resources import schemas

CELLS = ["Attribute Name", "Tag", "Retd. (from PS3.6)", "In Std. Comp. IOD (from PS3.3)", "Basic Prof.", *HEADS]


def docbook(*rows: tuple[str, str, str, dict[str, str]]) -> str:
    """A part 15 with these rows in its Table E.1-1: name, tag, basic, and options by head."""

    def line(cells: list[str], kind: str) -> str:
        return "<tr>" + "".join(f"<{kind}><para>{cell}</para></{kind}>" for cell in cells) + "</tr>"

    body = [[name, tag, "N", "Y", basic, *(more.get(head, "") for head in HEADS)] for name, tag, basic, more in rows]
    lines = [line(CELLS, "th"), *(line(cells, "td") for cells in body)]
    return (
        '<?xml version="1.0"?><book xmlns="http://docbook.org/ns/docbook">'
        "<subtitle>DICOM PS3.15 2030b - Profiles</subtitle>"
        '<table label="E.1-1a"><tr><td>D</td></tr></table>'
        f'<table label="E.1-1"><thead>{lines[0]}</thead><tbody>{"".join(lines[1:])}</tbody></table></book>'
    )


def test_our_table_is_that_of_its_edition() -> None:
    ours = edition()
    assert (ours.name, len(ours.rows)) == ("2026d", 657)
    assert ours.rows["(0008,2112)"].basic == "X/Z/U*"
    assert ours.rows["(0010,2110)"].options == {"retain_patient_characteristics": "C", "clean_descriptors": "C"}


def test_docbook_is_read(tmp_path: Path) -> None:
    path = tmp_path / "part15.xml"
    rows = ("Study\u200b Date", "(0008,0020)", "Z", {"Rtn. Long. Full Dates Opt.": "K"}), (
        "Private Attributes", "(gggg,eeee) where gggg is odd", "X", {"Rtn. Safe Priv. Opt.": "C"},
    )  # fmt: skip
    path.write_text(docbook(*rows), encoding="utf-8")
    found = read(path)
    assert found.name == "2030b"
    assert found.rows["(0008,0020)"].name == "Study Date"
    assert found.rows["(0008,0020)"].options == {"retain_full_dates": "K"}
    assert found.rows["odd"].options == {"retain_safe_private": "C"}


def test_a_newer_edition_is_compared(tmp_path: Path) -> None:
    path = tmp_path / "part15.xml"
    rows = ("Study Date", "(0008,0020)", "X", {"Rtn. Long. Full Dates Opt.": "K"}), ("New", "(0008,9999)", "X/D", {})
    path.write_text(docbook(*rows), encoding="utf-8")
    changes = differences(edition(), read(path))
    assert changes[0] == Change("added", "(0008,9999)", "New", new="X/D")
    assert Change("changed", "(0008,0020)", "Study Date", "basic", "Z", "X") in changes
    assert Change("changed", "(0008,0020)", "Study Date", "retain_modified_dates", "C", "") in changes
    assert sum(change.kind == "removed" for change in changes) == 656
    assert str(changes[0]) == "added    (0008,9999) New: X/D"
    assert str(changes[1]) == "changed  (0008,0020) Study Date, basic: Z → X"


def test_all_forms_say_the_same(tmp_path: Path) -> None:
    table, content = tmp_path / "table.tsv", tmp_path / "table.json"
    table.write_text(as_table(edition(), notice=["a notice"]), encoding="utf-8")
    rows = [
        {
            "tag": row.tag,
            "name": row.name,
            "basic_profile": row.basic,
            "options": dict(row.options),
            "keyword": row.keyword,
            "vr": row.vr,
            "vm": row.vm,
        }
        for row in edition().rows.values()
    ]
    content.write_text(json.dumps({"edition": "2026d", "rows": rows}), encoding="utf-8")
    assert read(table) == edition() == read(content)
    assert differences(edition(), read(content)) == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.xml", "<book/>"),
        ("a.xml", "<book>"),
        ("a.xml", '<!DOCTYPE b [<!ENTITY a "aaaa">]><book>&a;</book>'),
        ("a.xml", docbook(("Odd", "(0008,0020)", "Q", {}))),
        ("a.json", "{}"),
        ("a.json", "[1"),
        ("a.tsv", "tag\tname\n"),
        ("a.tsv", ""),
    ],
)
def test_a_file_without_such_a_table_is_one_clear_line(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(MidsError, match=r"holds no readable Table E\.1-1"):
        read(path)
    with pytest.raises(MidsError, match="can't read the table"):
        read(tmp_path / "absent.tsv")


@pytest.mark.shared
def test_the_tables_are_those_that_the_maker_makes(shared: Path) -> None:
    made = generate_tables(shared / "deid")
    assert len(made) == 4
    assert {name: (schemas() / "deid" / name).read_text(encoding="utf-8") for name in made} == made
