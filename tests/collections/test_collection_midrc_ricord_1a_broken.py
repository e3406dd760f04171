"""MIDRC-RICORD-1A: what is wrong with a source is told, and the rest is converted."""

import csv
import shutil
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from openpyxl import Workbook
from trees import count_codes, table

from example_datasets.generators import midrc_ricord_1a as source
from mids.collections.midrc_ricord import readings
from mids.conversion import Conversion, convert
from mids.errors import DataError, MidsError
from mids.readers.tables.workbook import read_table
from mids.records import Source

NAME = "midrc-ricord-1a"
EXPORT = "MIDRC-RICORD-1a_annotations_labelgroup_all_2020-Dec-8.json"
CLINICAL = "MIDRC-RICORD-1A Clinical Data.csv"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The invented source, to be changed by a test; only its smallest series."""
    for path, content in source.files():
        if "/" not in path or source.PLAIN.folder in path:
            (tmp_path / "in" / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "in" / path).write_bytes(content)
    return tmp_path / "in"


def converted(folder: Path, key: Path) -> Conversion:
    return convert(NAME, folder, folder.parent / "out", key=key)


def rewritten(folder: Path, old: str, new: str, encoding: str = "utf-8-sig") -> None:
    path = folder / CLINICAL
    text = path.read_text("utf-8-sig")
    assert old in text
    path.write_bytes(text.replace(old, new).encode(encoding))


def test_a_version_without_a_clinical_table_is_converted(folder: Path, key: Path) -> None:
    (folder / CLINICAL).unlink()
    result = converted(folder, key)
    assert result.outcome is not None
    assert len(result.outcome.made) == 1


def test_a_renamed_column_of_studies_is_one_clear_line(folder: Path, key: Path) -> None:
    rewritten(folder, "Anon Study UID", "Anon Study UIDs")
    with pytest.raises(MidsError, match="'study uid'; 'anon study uids' is like it"):
        converted(folder, key)


def add_row(folder: Path) -> None:
    """A row about the one study that the folder has images of."""
    study = source.PLAIN.study
    mrn, count = study.patient.removeprefix(f"{source.PREFIX}-"), len(source.PLAIN.centres)
    text = f"{mrn},84,,{study.description},{study.sex},{study.uid},{count},CT,DETECTED,RT-PCR\r\n"
    with (folder / CLINICAL).open("a", encoding="utf-8", newline="") as file:
        file.write(text)


def test_an_unknown_column_is_told_and_stays_in_the_source(folder: Path, key: Path) -> None:
    add_row(folder)
    rewritten(folder, "Specimen Source", "Specimen Sauce")
    done = converted(folder, key)
    (told,) = [issue for issue in done.issues if issue.code == "COLUMN_UNREAD"]
    assert "'specimen sauce' is in no known version: did you mean 'specimen source'?" in told.message


REAL = (
    "Anon MRN,Anon Age,AnonTCIA Study Date,Anon Exam Description,Anon Sex,Anon Study UID,Anon Image Count,Modality,"
    "Result,Specimen Source"
)
"""The header as it was published."""


@pytest.mark.parametrize("header", [REAL, REAL.lower().replace(" ", "_"), REAL.replace("Anon ", "").upper()])
def test_published_headers_and_decimals(folder: Path, tmp_path: Path, key: Path, header: str) -> None:
    add_row(folder)
    plain = converted(folder, key)
    with (folder / CLINICAL).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))[1:]
    count = next(n for n, name in enumerate(header.split(",")) if "count" in name.lower())
    for row in rows:
        row[1], row[count] = (f"{row[1]}.84" if row[1] == "84" else row[1]), f"{row[count]}.0"
    with (folder / CLINICAL).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header.split(","), *rows])
    done = convert(NAME, folder, tmp_path / "real", key=key)
    assert count_codes(done.issues) == count_codes(plain.issues)
    (person,) = table(done.dataset / "participants.tsv")
    assert person.items() >= {"age": "84", "covid_test": "positive"}.items()
    for path in ("participants.tsv", "derivatives/ehr/laboratory_tests.tsv"):
        assert table(done.dataset / path) == table(plain.dataset / path)
    for path in plain.dataset.rglob("*_sessions.tsv"):
        assert table(done.dataset / path.relative_to(plain.dataset)) == table(path)


def test_a_source_without_annotations_is_one_clear_line(folder: Path, key: Path) -> None:
    (folder / EXPORT).unlink()
    with pytest.raises(MidsError, match=r"MD\.ai export"):
        converted(folder, key)


@pytest.mark.parametrize("length", [0, 5000])
def test_a_cut_export_is_an_issue_and_the_images_are_converted(folder: Path, key: Path, length: int) -> None:
    path = folder / EXPORT
    path.write_bytes(path.read_bytes()[:length])
    result = converted(folder, key)
    assert count_codes(result.issues)["ANNOTATIONS_INVALID"] == 1
    assert result.outcome is not None
    assert len(result.outcome.made) == 1


def test_a_date_that_is_none_is_told(folder: Path, key: Path) -> None:
    uid, patient = source.BARE.uid, source.BARE.patient.removeprefix(f"{source.PREFIX}-")
    header = (folder / CLINICAL).read_text("utf-8-sig").splitlines()[0]
    (folder / CLINICAL).write_text(f"{header}\n{patient},61,13/45/2005,CHEST,M,{uid},4,CT,Positive,swab\n", "utf-8")
    (told,) = [one for one in converted(folder, key).issues if one.code == "VALUE_UNKNOWN"]
    assert "column study date" in told.where.lower()


def test_other_encodings_and_repeated_and_contradicting_rows(folder: Path, key: Path) -> None:
    uid, patient = source.BARE.uid, source.BARE.patient.removeprefix(f"{source.PREFIX}-")
    good = f"{patient},sesenta años,5/11/2005,CHEST,X,{uid},4,MR,Negative,swab"
    again = f"{patient},61,5/11/2005,CHEST,M,{uid},4,CT,Positive,swab"
    text = (folder / CLINICAL).read_text("utf-8-sig").splitlines()[0]
    (folder / CLINICAL).write_bytes("\n".join([text, good, again, "a,b"]).encode("latin-1"))
    result = converted(folder, key)
    found = count_codes(result.issues)
    assert (found["TABLE_READ_AS_LATIN1"], found["ROW_REPEATED"], found["ROW_INVALID"]) == (1, 1, 1)
    assert found["VALUE_UNKNOWN"] == 2  # neither an age nor a sex
    assert not [one for one in result.issues if "sesenta" in f"{one.message}{one.value}"]
    assert found["VALUE_CONTRADICTED"] == 1  # MR on CT
    (row,) = table(result.dataset / "participants.tsv")
    assert (row["age"], row["age_raw"], row["sex"], row["sex_raw"]) == ("n/a", "sesenta años", "n/a", "X")
    assert row["covid_test"] == "negative"


def test_a_row_that_gives_a_study_to_another_patient_is_not_used(folder: Path, key: Path) -> None:
    text = (folder / CLINICAL).read_text("utf-8-sig").splitlines()[0]
    row = f"440808-000999,61,5/11/2005,CHEST,M,{source.BARE.uid},4,CT,Positive,swab"
    (folder / CLINICAL).write_text(f"{text}\n{row}\n", "utf-8")
    result = converted(folder, key)
    assert count_codes(result.issues)["VALUE_CONTRADICTED"] == 1
    (person,) = table(result.dataset / "participants.tsv")
    assert person["sex"] == "n/a"


def test_an_empty_table_is_an_issue(folder: Path, key: Path) -> None:
    (folder / CLINICAL).write_bytes(b"")
    assert count_codes(converted(folder, key).issues)["TABLE_INVALID"] == 1


def workbook(rows: list[list[object]]) -> bytes:
    book, buffer = Workbook(), BytesIO()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    book.save(buffer)
    return buffer.getvalue()


def test_a_workbook_says_what_its_table_says(folder: Path, key: Path) -> None:
    (folder / CLINICAL).unlink()
    patient = source.BARE.patient.removeprefix(f"{source.PREFIX}-")
    row = [patient, 61.0, "5/11/2005", "CHEST", "F", source.BARE.uid, 4, "CT", "Positive", "swab"]
    (folder / "clinical.xlsx").write_bytes(workbook([list(source.HEADER), [None], row]))
    result = converted(folder, key)
    (person,) = table(result.dataset / "participants.tsv")
    assert (person["age"], person["sex"], person["covid_test"]) == ("61", "F", "positive")
    assert count_codes(result.issues)["COUNT_MISMATCH"] == 0


def test_a_broken_or_hostile_workbook_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cut.xlsx").write_bytes(workbook([["a"], [1]])[:-200])
    (tmp_path / "text.xlsx").write_bytes(b"no workbook")
    bomb = BytesIO(workbook([["a"], [1]]))
    with zipfile.ZipFile(bomb, "a") as archive:
        archive.writestr("xl/bomb.xml", b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>')
    (tmp_path / "entities.xlsx").write_bytes(bomb.getvalue())
    for name in ("cut", "text", "entities"):
        with pytest.raises(DataError) as caught:
            read_table(tmp_path, Source(f"{name}.xlsx"))
        assert caught.value.code == "TABLE_INVALID"
    (tmp_path / "large.xlsx").write_bytes(workbook([["a"], *([["x" * 1000]] * 50)]))
    monkeypatch.setattr("mids.readers.tables.workbook.LARGEST", 1000)
    with pytest.raises(DataError, match="unpacks"):
        read_table(tmp_path, Source("large.xlsx"))


def test_everything_in_one_archive_is_read_and_nothing_leaves_the_scratch_folder(folder: Path, key: Path) -> None:
    packed = folder.parent / "packed"
    packed.mkdir()
    with zipfile.ZipFile(packed / "all.zip", "w") as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            archive.write(path, f"../../{path.relative_to(folder).as_posix()}")
    result = convert(NAME, packed, folder.parent / "out", key=key)
    assert result.outcome is not None
    assert len(result.outcome.made) == 1
    assert not (folder.parents[1] / EXPORT).exists()
    assert count_codes(result.issues)["ANNOTATION_ORPHAN"] == 10


def test_a_second_export_and_other_json_are_told_apart(folder: Path, key: Path) -> None:
    (folder / "notes.json").write_text('{"hello": 1}')
    shutil.copy(folder / EXPORT, folder / "second.json")
    result = converted(folder, key)
    assert count_codes(result.issues)["ANNOTATION_ORPHAN"] == 20
    assert any("not an MD.ai export" in item.reason for item in result.plan.skipped)


def test_other_spellings_of_a_label_become_the_term(folder: Path, key: Path) -> None:
    path = folder / EXPORT
    text = path.read_text(encoding="utf-8")
    assert '"Typical"' in text
    path.write_text(text.replace('"Typical"', '"Typical Appearance"'), encoding="utf-8")
    done = converted(folder, key)
    assert not [issue for issue in done.issues if "Typical" in issue.message]
    schema = readings.terms({"Typical": {"kind": "finding", "also": ["Typical Appearance"]}})
    assert schema["Typical Appearance"] is schema["Typical"]
    assert list(schema) == ["Typical", "Typical Appearance"]


def write_book(path: Path, **sheets: list[list[str]]) -> None:
    """A workbook of these sheets."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)


def clinical_cells(folder: Path) -> list[list[str]]:
    with (folder / CLINICAL).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def test_the_clinical_sheet_is_found_behind_notes(folder: Path, tmp_path: Path, key: Path) -> None:
    add_row(folder)
    plain = converted(folder, key)
    cells = clinical_cells(folder)
    (folder / CLINICAL).unlink()
    notes = [["Notes on this release"], ["Ages are years"]]
    write_book(folder / "Clinical Data.xlsx", Empty=[], Notes=notes, Data=cells)
    done = convert(NAME, folder, tmp_path / "book", key=key)
    assert table(done.dataset / "participants.tsv") == table(plain.dataset / "participants.tsv")
    assert count_codes(done.issues) == count_codes(plain.issues)
    write_book(folder / "Clinical Data.xlsx", Notes=notes, More=notes)
    with pytest.raises(MidsError, match=r"none of its 2 sheets has the clinical columns \(mrn, age"):
        convert(NAME, folder, tmp_path / "none", key=key)


def test_ages_with_a_decimal_comma_and_a_second_column_of_ages(folder: Path, tmp_path: Path, key: Path) -> None:
    add_row(folder)
    cells = clinical_cells(folder)
    for name, second, age, told in (("comma", "", "84", 0), ("same", "84", "84", 0), ("other", "48", "n/a", 1)):
        rows = [[*row, ""] if row[1] != "84" else [row[0], "84,84", *row[2:], second] for row in cells]
        rows[0][-1] = "Patient Age"
        with (folder / CLINICAL).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter=";").writerows(rows)
        done = convert(NAME, folder, tmp_path / name, key=key)
        (person,) = table(done.dataset / "participants.tsv")
        assert (person["age"], person.get("age_raw", "n/a")) == (age, "n/a")
        contradicted = [one.message for one in done.issues if one.code == "VALUE_CONTRADICTED"]
        assert sum("'age' and 'patient age' say different" in message for message in contradicted) == told
        assert "COLUMN_UNREAD" not in count_codes(done.issues)


def test_a_label_of_no_known_term_is_not_repeated_in_messages(folder: Path, key: Path) -> None:
    text = (folder / EXPORT).read_text("utf-8")
    assert '"Atelectasis"' in text
    (folder / EXPORT).write_text(text.replace('"Atelectasis"', '"As Dr. Somebody says"'), "utf-8")
    told = [one for one in converted(folder, key).issues if "no known term" in one.message]
    assert told
    assert not [one for one in told if "Somebody" in one.message]
