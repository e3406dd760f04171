"""``mids deidentify``: the ids that come out, the key they are made of, and the map that leads back."""

import csv
import shutil
import stat
from pathlib import Path

import pydicom
import pytest
from deidentified import headers
from trees import another, codes, command, fill_folder, source_rows, tree

from example_datasets.generators.dicomfile import uid
from mids.deid.policy import chosen
from mids.deidentification import deidentify
from mids.errors import MidsError


def test_the_same_key_gives_the_same_files_anywhere_and_another_key_others(
    source: Path, tmp_path: Path, key: Path
) -> None:
    moved = shutil.copytree(source, tmp_path / "elsewhere" / "x")
    shutil.copy(key, tmp_path / "copied")
    (tmp_path / "other").write_text("77" * 32)
    (tmp_path / "other").chmod(0o600)
    one = deidentify(source, tmp_path / "1", key=key).dataset
    same = deidentify(moved, tmp_path / "2", key=tmp_path / "copied", jobs=2).dataset
    other = deidentify(source, tmp_path / "3", key=tmp_path / "other").dataset
    assert tree(same) == tree(one)
    ids = [
        {str(header[name].value) for header in headers(dest).values() for name in ("PatientID", "StudyInstanceUID")}
        for dest in (one, other)
    ]
    assert len(ids[0]) == len(ids[1]) == 4
    assert not ids[0] & ids[1]
    with pytest.raises(MidsError, match="another key"):
        deidentify(source, one, key=tmp_path / "other")


def test_random_ids_leave_no_key_and_no_link(source: Path, dest: Path, tmp_path: Path) -> None:
    policy = chosen("mids", ids="random")
    done = deidentify(source, dest, policy=policy)
    other = deidentify(source, tmp_path / "other", policy=policy)
    assert done.exit_code == 0
    assert done.is_sealed
    outputs = {*headers(dest)}
    assert len(outputs) == 3
    assert not {path.split("/")[0] for path in outputs} & {path.split("/")[0] for path in headers(other.dataset)}
    state = Path(f"{dest}.mids")
    assert sorted(path.name for path in state.iterdir()) == ["journal.sqlite", "sources.tsv"]
    assert [(row["source"], row["status"], row["filename"]) for row in source_rows(dest)] == [
        ("a/1", "converted", "n/a"), ("a/2", "converted", "n/a"), ("b/1", "converted", "n/a"),
    ]  # fmt: skip
    kept = b"".join(path.read_bytes() for path in state.iterdir())
    for path in outputs:
        assert not any(part.encode() in kept for part in Path(path).with_suffix("").parts)
    assert b"a/1" not in (state / "journal.sqlite").read_bytes()


@pytest.mark.slow
def test_a_finished_destination_with_random_ids_is_refused(source: Path, dest: Path, tmp_path: Path) -> None:
    deidentify(source, dest, policy=chosen("mids", ids="random"))
    before = tree(dest)
    left = Path(f"{dest}.mids/random-key")
    left.touch(mode=0o600)
    left.write_text("5d" * 32)  # as a kill between the seal and the key's end leaves it
    for ids in ("random", "keyed"):
        again = command("mids", "deidentify", source, dest, "--ids", ids, "-q", home=tmp_path)
        assert again.returncode == 2
        assert "is finished" in again.stderr
        assert again.stderr.count("\n") == 1
    assert not left.exists()
    assert tree(dest) == before


def test_random_ids_have_neither_key_nor_map(source: Path, dest: Path, key: Path, tmp_path: Path) -> None:
    policy = chosen("mids", ids="random")
    with pytest.raises(MidsError, match="no key"):
        deidentify(source, dest, policy=policy, key=key)
    with pytest.raises(MidsError, match="mapped back"):
        deidentify(source, dest, policy=policy, map_file=tmp_path / "map.csv")
    assert not dest.exists()


def test_real_ids_are_kept_if_asked_for(source: Path, dest: Path, key: Path) -> None:
    deidentify(source, dest, policy=chosen("mids", ids="keep"), key=key)
    assert {path.split("/")[0]: header.PatientID for path, header in headers(dest).items()} == {
        "000123": "000123", "123": "123",
    }  # fmt: skip


def test_two_patients_are_never_merged(tmp_path: Path, dest: Path, key: Path) -> None:
    files = {
        str(number): another(
            f"n{number}", PatientID=patient, IssuerOfPatientID="", StudyInstanceUID=uid("study", number)
        )
        for number, patient in enumerate(("A-1", "A1", "B"))
    }
    done = deidentify(fill_folder(tmp_path / "s", files), dest, policy=chosen("mids", ids="keep"), key=key)
    assert codes(done.issues) == ["SUBJECT_COLLISION", "SUBJECT_COLLISION"]
    assert done.exit_code == 1
    assert [header.PatientID for header in headers(dest).values()] == ["B"]
    assert [row["status"] for row in source_rows(dest)] == ["lost", "lost", "converted"]


def test_labels_come_from_a_table(source: Path, dest: Path, key: Path, tmp_path: Path) -> None:
    table = tmp_path / "ids.csv"
    table.write_text("id_old,id_new\n000123,P1\n")
    done = deidentify(source, dest, policy=chosen("mids", ids="table"), key=key, id_table=table)
    assert codes(done.issues) == ["PATIENT_UNLISTED"]
    assert {(path.split("/")[0], header.PatientID) for path, header in headers(dest).items()} == {("P1", "P1")}
    table.write_text("id_old,id_new\n000123,P1\n123,P2\n")
    again = deidentify(source, dest, policy=chosen("mids", ids="table"), key=key, id_table=table)
    assert again.exit_code == 0
    assert {path.split("/")[0] for path in headers(dest)} == {"P1", "P2"}
    table.write_text("id_old,id_new\n000123,P1\n123,p1\n")
    with pytest.raises(MidsError, match="line 3"):
        deidentify(source, dest, policy=chosen("mids", ids="table"), key=key, id_table=table)
    with pytest.raises(MidsError, match="need each other"):
        deidentify(source, tmp_path / "other", policy=chosen("mids", ids="table"), key=key)


def test_the_map_says_who_is_who_and_only_its_owner_can_read_it(
    source: Path, dest: Path, key: Path, tmp_path: Path
) -> None:
    place = tmp_path / "map.csv"
    deidentify(source, dest, key=key, map_file=place)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    with place.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    new = {(row["kind"], row["id_old"]): row["id_new"] for row in rows}
    for row in source_rows(dest):
        before = pydicom.dcmread(source / row["source"])
        after = pydicom.dcmread(dest / row["filename"])
        assert new["patient", before.PatientID] == after.PatientID
        for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
            assert new["uid", before[keyword].value] == after[keyword].value
    assert not any(row["id_old"].startswith("1.2.840.10008.") for row in rows)
    with pytest.raises(MidsError, match="exists"):
        deidentify(source, dest, key=key, map_file=place)
    with pytest.raises(MidsError, match="inside DEST"):
        deidentify(source, dest, key=key, map_file=dest / "map.csv")
