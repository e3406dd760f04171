"""What a person changed in tables and descriptions stays, and what a later run has to say comes in all the same."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from trees import codes, fill_folder, images, person, put, stamps, table, tree

from example_datasets.generators import radiograph
from example_datasets.generators.dicomfile import fill
from mids import cli
from mids.conversion import Conversion, convert
from mids.run.journal import Journal
from mids.run.journal.written import Base
from mids.validation.runner import validate


def edit(path: Path, **cells: str) -> None:
    """Writes cells of the first row of a table, in new columns where it has none of the name."""
    header, first, *others = path.read_text(encoding="utf-8").splitlines()
    columns, row = header.split("\t"), first.split("\t")
    for name, value in cells.items():
        if name in columns:
            row[columns.index(name)] = value
        else:
            columns.append(name)
            row.append(value)
            others = [f"{line}\tn/a" for line in others]
    path.write_text("\n".join(["\t".join(columns), "\t".join(row), *others]) + "\n", encoding="utf-8")


def bring(source: Path, number: int) -> None:
    """One more patient."""
    uids = {name: f"1.2.{place}.{number}" for place, name in enumerate(("StudyInstanceUID", "SOPInstanceUID"))}
    values = person(f"new{number}", PatientSex="F", SeriesInstanceUID=f"1.2.9.{number}", **uids)
    put(source, f"new/{number}", fill(radiograph.dx_pa(), values))


def told(done: Conversion, code: str) -> dict[str, str]:
    return {found.path: found.message for found in done.issues if found.code == code}


def test_cells_and_columns_of_a_person_stay_and_new_rows_come(
    source: Path, dest: Path, key: Path, done: Conversion
) -> None:
    path = dest / "participants.tsv"
    edit(path, sex="O", smoker="yes")
    bring(source, 1)
    again = convert("dicom", source, dest)
    rows = table(path)
    assert len(rows) == 3
    assert [row["smoker"] for row in rows if row["sex"] == "O"] == ["yes"]
    assert sorted(row["smoker"] for row in rows) == ["n/a", "n/a", "yes"]
    assert {row["participant_id"] for row in rows} == {p.split("/")[0] for p in images(dest)}
    assert again.exit_code == 0
    message = told(again, "FILE_MERGED")["participants.tsv"]
    assert "1 rows added" in message
    assert "cells of sex" in message
    assert "--forget edits" in message
    assert "smoker" not in message
    before = tree(dest), stamps(dest)
    assert convert("dicom", source, dest).exit_code == 0
    assert (tree(dest), stamps(dest)) == before
    bring(source, 2)
    convert("dicom", source, dest)
    assert [row["smoker"] for row in table(path) if row["sex"] == "O"] == ["yes"]
    assert len(table(path)) == 4


def test_an_edit_alone_leaves_every_byte(source: Path, dest: Path, key: Path, done: Conversion) -> None:
    """Also the marks of another program: a byte order mark, line ends, quotation marks."""
    path = dest / "participants.tsv"
    edit(path, smoker="yes")
    lines = path.read_text(encoding="utf-8").replace("\n", "\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + lines.encode())
    before = tree(dest)
    convert("dicom", source, dest)
    assert tree(dest) == before
    bring(source, 1)
    convert("dicom", source, dest)
    assert len(table(path)) == 3
    assert b"\r" not in path.read_bytes()


def test_forget_edits_takes_our_text_back(source: Path, dest: Path, key: Path, done: Conversion) -> None:
    before = tree(dest)
    edit(dest / "participants.tsv", sex="O", smoker="yes")
    (dest / "README.md").write_text("by hand\n")
    again = convert("dicom", source, dest)
    assert "--forget edits" in told(again, "FOREIGN_FILE")["README.md"]
    assert (dest / "README.md").read_text() == "by hand\n"
    assert cli.main(["convert", "--again", str(dest), "--forget", "edits"]) == 0
    assert tree(dest) == before
    assert codes(convert("dicom", source, dest).issues) == codes(done.issues)


def test_a_file_that_is_deleted_is_made_again(source: Path, dest: Path, key: Path, done: Conversion) -> None:
    before = tree(dest)
    edit(dest / "participants.tsv", sex="O")
    convert("dicom", source, dest)
    (dest / "participants.tsv").unlink()
    assert codes(convert("dicom", source, dest).issues) == codes(done.issues)
    assert tree(dest) == before


def test_what_the_source_corrects_comes_in_beside_a_persons_cells(tmp_path: Path, key: Path) -> None:
    source, dest = (
        fill_folder(tmp_path / "in", {"a": fill(radiograph.dx_pa(), person("1", PatientSex="F"))}),
        tmp_path / "out",
    )
    convert("dicom", source, dest, key=key)
    edit(dest / "participants.tsv", age="33")
    convert("dicom", source, dest)
    put(source, "a", fill(radiograph.dx_pa(), person("1", PatientSex="M")))
    convert("dicom", source, dest)
    (row,) = table(dest / "participants.tsv")
    assert (row["age"], row["sex"]) == ("33", "M")


def test_rows_of_who_is_gone_go_and_a_persons_own_rows_stay(
    source: Path, dest: Path, key: Path, done: Conversion
) -> None:
    path = dest / "participants.tsv"
    edit(path, smoker="yes")
    with path.open("a") as stream:
        stream.write("sub-mine" + "\tn/a" * path.read_text().splitlines()[0].count("\t") + "\n")
    convert("dicom", source, dest)
    shutil.rmtree(source / "b")
    again = convert("dicom", source, dest, remove=None)
    assert len([row for row in table(path) if row["participant_id"] != "sub-mine"]) == 1
    assert table(path)[-1]["participant_id"] == "sub-mine"
    assert "1 removed" in told(again, "FILE_MERGED")["participants.tsv"]


def test_a_removed_column_and_a_removed_cell_stay_away(source: Path, dest: Path, key: Path, done: Conversion) -> None:
    path = dest / "participants.tsv"
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    at = lines[0].index("age")
    path.write_text("\n".join("\t".join(line[:at] + line[at + 1 :]) for line in lines) + "\n")
    bring(source, 1)
    again = convert("dicom", source, dest)
    assert "age" not in table(path)[0]
    assert len(table(path)) == 3
    assert "age" in told(again, "FILE_MERGED")["participants.tsv"]


def test_tables_of_subjects_and_the_description_are_merged(
    source: Path, dest: Path, key: Path, done: Conversion
) -> None:
    scans = sorted(dest.rglob("*_scans.tsv"))[0]
    edit(scans, quality="good")
    path = dest / "dataset_description.json"
    content = json.loads(path.read_bytes())
    path.write_text(json.dumps({**content, "Authors": ["A. Reader"], "License": "CC0"}))
    (dest / "about.yaml").unlink(missing_ok=True)
    about = source.with_name("about.yaml")
    about.write_text("title: Another title\n")
    again = convert("dicom", source, dest, about=about)
    now = json.loads(path.read_bytes())
    assert (now["Authors"], now["License"], now["Name"]) == (["A. Reader"], "CC0", "Another title")
    assert table(scans)[0]["quality"] == "good"
    assert {*told(again, "FILE_MERGED")} >= {"dataset_description.json", scans.relative_to(dest).as_posix()}
    before = tree(dest)
    convert("dicom", source, dest)
    assert tree(dest) == before


@pytest.mark.parametrize("content", [b"a\tb\n1\n", b"\xff\xfea\0b\0", b"people\tage\nx\t1\n", b"age\tage\n1\t1\n"])
def test_what_is_no_table_any_more_stays_and_is_an_error(
    source: Path, dest: Path, key: Path, done: Conversion, content: bytes
) -> None:
    (dest / "participants.tsv").write_bytes(content)
    bring(source, 1)
    again = convert("dicom", source, dest)
    assert again.exit_code == 1
    assert (dest / "participants.tsv").read_bytes() == content
    assert "--forget edits" in told(again, "FILE_UNMERGED")["participants.tsv"]


def test_without_the_last_text_a_persons_cells_stay(source: Path, dest: Path, key: Path, done: Conversion) -> None:
    """As in a dataset that an earlier version made."""
    journal = Journal(Path(f"{dest}.mids/journal.sqlite"))
    for path in journal.based():
        journal._do("DELETE FROM bases WHERE path = ?", (path,))
    journal.close()
    edit(dest / "participants.tsv", sex="O", smoker="yes")
    bring(source, 1)
    again = convert("dicom", source, dest)
    rows = table(dest / "participants.tsv")
    assert sorted(row["smoker"] for row in rows) == ["n/a", "n/a", "yes"]
    assert "cells of sex" in told(again, "FILE_MERGED")["participants.tsv"]


def test_a_power_cut_does_not_take_a_persons_cells(source: Path, dest: Path, key: Path, done: Conversion) -> None:
    path = dest / "participants.tsv"
    edit(path, sex="O", smoker="yes")
    bring(source, 1)
    convert("dicom", source, dest)
    before = tree(dest)
    path.write_bytes(bytes(len(before["participants.tsv"])))
    convert("dicom", source, dest)
    assert tree(dest) == before


def test_a_merge_that_was_stopped_before_the_move_is_made_again(
    source: Path, dest: Path, key: Path, done: Conversion
) -> None:
    """What a kill leaves there: the journal has announced the merged table, and the person's stands in its place."""
    path, state = dest / "participants.tsv", Path(f"{dest}.mids/journal.sqlite")
    edit(path, sex="O", smoker="yes")
    convert("dicom", source, dest)
    edited, before = path.read_bytes(), read_base(state)
    put(source, "b/1", fill(radiograph.dx_pa(), {"PatientAge": "044Y"}))
    bring(source, 1)
    convert("dicom", source, dest)
    whole = tree(dest)
    assert whole["participants.tsv"] != edited
    path.write_bytes(edited)
    journal = Journal(state)
    journal.set_bases([("participants.tsv", replace(read_base(state, journal), before=before.ours))])
    journal.close()
    convert("dicom", source, dest)
    assert tree(dest) == whole


def read_base(state: Path, journal: Journal | None = None) -> Base:
    """What the journal keeps of the participants."""
    opened = journal or Journal(state)
    base = opened.base("participants.tsv")
    if journal is None:
        opened.close()
    assert base is not None
    return base


def test_a_withdrawn_patient_leaves_an_edited_table_and_the_journal(
    source: Path, dest: Path, key: Path, done: Conversion
) -> None:
    path = dest / "participants.tsv"
    edit(path, smoker="yes")
    convert("dicom", source, dest)
    label = table(path)[0]["participant_id"]
    assert cli.main(["withdraw", label, str(dest)]) == 0
    assert [row["smoker"] for row in table(path)] == ["n/a"]
    journal = Journal(Path(f"{dest}.mids/journal.sqlite"))
    known = [journal.base(name) for name in journal.based()]
    journal.close()
    assert known
    assert not [base for base in known if base and label.encode() in b"".join((base.ours, base.merged or b""))]
    convert("dicom", source, dest)
    assert label not in path.read_text()
    assert [found for found in validate(dest).issues if found.level == "error"] == []


def test_files_that_were_copied_are_no_edits(source: Path, dest: Path, key: Path, done: Conversion) -> None:
    """A copy of dataset and state without the times of files goes on as it was."""
    before = tree(dest)
    for folder in (dest, Path(f"{dest}.mids")):
        copy = folder.rename(folder.with_name("moved"))
        shutil.copytree(copy, folder, copy_function=shutil.copyfile)
        shutil.rmtree(copy)
    again = convert("dicom", source, dest)
    assert codes(again.issues) == codes(done.issues)
    assert tree(dest) == before
    assert len(again.outcome.made if again.outcome else "?") == 0


def test_a_dry_run_says_what_becomes_of_tables_and_sidecars(
    source: Path, dest: Path, key: Path, done: Conversion, capsys: pytest.CaptureFixture[str]
) -> None:
    bring(source, 1)
    put(source, "b/1", fill(radiograph.dx_pa(), {"PatientSex": "O", "KVP": "77"}))
    before = tree(dest), stamps(dest)
    foreseen = convert("dicom", source, dest, dry_run=True).changes
    assert (tree(dest), stamps(dest)) == before
    cli.main(["convert", "dicom", str(source), str(dest), "--dry-run"])
    printed = capsys.readouterr().out
    assert any(line.startswith("changed") and "participants.tsv" in line for line in printed.splitlines())
    assert "77" not in printed
    convert("dicom", source, dest)
    after = tree(dest)
    small = {path for path in after if not path.endswith((".png", ".nii.gz"))}
    assert {change.path for change in foreseen if change.state == "new"} == small - before[0].keys()
    assert {change.path for change in foreseen if change.state == "changed"} == {
        path for path in small & before[0].keys() if before[0][path] != after[path]
    }
    (people,) = [change for change in foreseen if change.path == "participants.tsv"]
    assert people.what.startswith("2 rows new or changed")
    assert convert("dicom", source, dest, dry_run=True).changes == ()


def test_a_renamed_subject_is_told_once_and_renaming_it_back_mends_it(source: Path, dest: Path, key: Path) -> None:
    first = convert("dicom", source, dest, key=key)
    before = tree(dest)
    folder = next(dest.glob("sub-*"))
    folder.rename(dest / "sub-RENAMED")
    done = convert("dicom", source, dest, key=key)
    told = [found for found in done.issues if found.code in ("SUBJECT_RENAMED", "FOREIGN_FILE")]
    assert [(found.code, found.path) for found in told] == [("SUBJECT_RENAMED", "sub-RENAMED")]
    assert folder.name in told[0].message
    assert done.exit_code == 1
    shutil.rmtree(folder)
    (dest / "sub-RENAMED").rename(folder)
    assert codes(convert("dicom", source, dest, key=key).issues) == codes(first.issues)
    assert tree(dest) == before
