"""A patient who is withdrawn is gone, from the dataset and from its state, and stays away."""

import gzip
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from places import plain_user
from trees import codes, fill_folder, images, put, source_rows, table, tree

from example_datasets.generators import radiograph
from mids import cli
from mids.conversion import convert
from mids.dataset import Dataset
from mids.deidentification import deidentify
from mids.records import WITHDRAWN
from mids.validation.runner import validate

CANARY = "CANARY-4711"
PAGES = ("out.html", "out.compared.html", "out.certificate.json", "out.certificate.html", "out.mids/report.html")
"""Where `mids report`, with `--compare` and `--private`, and `mids certify` write, by their documentation."""
HEAD = "file\tfield\told\tnew\twho\twhy\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two patients; the folder and the ID of one of them are canaries."""
    one, other = radiograph.dx_pa(), radiograph.cr_pa()
    one.PatientID, other.PatientID = CANARY, "stays"
    return fill_folder(tmp_path / "source", {f"{CANARY}/a.dcm": one, "b.dcm": other})


def everything(*folders: Path) -> bytes:
    """All bytes of all files below folders, and all their names."""
    found = [path for folder in folders for path in folder.rglob("*")]
    return b"\n".join([*(str(path).encode() for path in found), *(p.read_bytes() for p in found if p.is_file())])


def converted(source: Path, tmp_path: Path, key: Path) -> tuple[Path, str]:
    """A dataset with all that a user adds to it, and the canary's subject."""
    dest = tmp_path / "out"
    (tmp_path / "fix.tsv").write_text(
        f"{HEAD}{CANARY}/a.dcm\tredact\t\t0,0,9,9\tR\tseen\nb.dcm\tredact\t\t0,0,9,9\tR\tx\n"
    )
    convert("dicom", source, dest, key=key, curation=tmp_path / "fix.tsv", publish_sources=True)
    labels = [path.split("/")[0] for path in images(dest)]
    convert("dicom", source, tmp_path / "only", key=key, exclude=["stays"])
    (label,) = {path.split("/")[0] for path in images(tmp_path / "only")}
    assert label in labels
    Dataset(dest).splits(write=True)
    with (dest / "CHANGES").open("a") as stream:
        stream.write(f"1.0.1\n  - {label} was looked at.\n")
    extra = dest / "derivatives" / "masks" / label / f"{label}_mask.nii.gz"
    extra.parent.mkdir(parents=True)
    extra.write_bytes(b"by hand")
    for page in PAGES:
        (tmp_path / page).write_text(label)
    return dest, label


@pytest.mark.parametrize("by", ["id", "label", "folder"])
def test_nothing_is_left_of_a_withdrawn_patient(by: str, source: Path, tmp_path: Path, key: Path) -> None:
    dest, label = converted(source, tmp_path, key)
    state = tmp_path / "out.mids"
    assert CANARY.encode() in everything(state)
    name = {"id": CANARY, "label": label.removeprefix("sub-"), "folder": label}[by]
    assert cli.main(["withdraw", name, str(dest)]) == 0
    left = everything(dest, state)
    assert CANARY.encode() not in left.replace(str(source / CANARY).encode(), b"")
    assert label.removeprefix("sub-").encode() not in left
    assert [page for page in PAGES if (tmp_path / page).exists()] == []
    assert len(table(dest / "participants.tsv")) == len(images(dest)) == 1
    assert len(table(dest / "derivatives/provenance/curation.tsv")) == 1
    assert [found for found in validate(dest).issues if found.level == "error"] == []


def test_a_later_delivery_is_left_out(source: Path, tmp_path: Path, key: Path) -> None:
    dest, label = converted(source, tmp_path, key)
    cli.main(["withdraw", CANARY, str(dest)])
    before = {path: content for path, content in tree(dest).items() if "provenance" not in path}
    moved = source.rename(tmp_path / "next delivery")
    (tmp_path / "fix.tsv").write_text(f"{HEAD}b.dcm\tredact\t\t0,0,9,9\tR\tx\n")
    done = convert("dicom", moved, dest, curation=tmp_path / "fix.tsv")
    assert done.exit_code == 0
    assert {path: content for path, content in tree(dest).items() if "provenance" not in path} == before
    assert label.removeprefix("sub-").encode() not in everything(dest)


@pytest.mark.parametrize(
    ("by", "issuer", "flags"),
    [("canary-4711", "", {}), (f" 00{CANARY} ", "", {}), (CANARY, "NORTH", {}), (CANARY, "", {"issuer": "NORTH"})],
)
def test_another_spelling_or_an_issuer_brings_nobody_back(
    by: str, issuer: str, flags: dict[str, str], source: Path, tmp_path: Path, key: Path
) -> None:
    dest = tmp_path / "out"
    convert("dicom", source, dest, key=key)
    cli.main(["withdraw", f" {CANARY} ", str(dest)])
    before = tree(dest)
    again, other = radiograph.dx_lateral(), radiograph.cr_pa()
    again.PatientID, again.IssuerOfPatientID, other.PatientID = by, issuer, "new"
    other.StudyInstanceUID += ".7"
    other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = f"{other.SOPInstanceUID}.7"
    convert("dicom", fill_folder(tmp_path / "next", {"a": again, "b": other}), dest, **flags)  # type: ignore[arg-type]
    assert len(images(dest)) == len([path for path in before if path.endswith(".png")]) + 1
    assert [row["reason"] for row in source_rows(dest) if row["source"] == "a"] == [WITHDRAWN]


@pytest.mark.parametrize(("by", "issuer"), [("canary-4711", ""), (f" 00{CANARY} ", ""), (CANARY, "NORTH")])
def test_another_spelling_brings_no_dicom_back(by: str, issuer: str, source: Path, tmp_path: Path, key: Path) -> None:
    dest = tmp_path / "out"
    deidentify(source, dest, key=key)
    cli.main(["withdraw", f" {CANARY} ", str(dest)])
    before = tree(dest)
    again = radiograph.dx_lateral()
    again.PatientID, again.IssuerOfPatientID = by, issuer
    deidentify(fill_folder(tmp_path / "next", {"a": again}), dest)
    assert [path for path in tree(dest) if path.endswith(".dcm")] == [path for path in before if path.endswith(".dcm")]
    assert [row["reason"] for row in source_rows(dest) if row["source"] == "a"] == [WITHDRAWN]


def test_a_number_is_enough_where_headers_name_one_issuer(tmp_path: Path, key: Path) -> None:
    one = radiograph.dx_pa()
    one.PatientID, one.IssuerOfPatientID = CANARY, "NORTH"
    source, dest = fill_folder(tmp_path / "source", {"a": one, "b": radiograph.cr_pa()}), tmp_path / "out"
    convert("dicom", source, dest, key=key)
    assert cli.main(["withdraw", CANARY, str(dest)]) == 0
    assert len(images(dest)) == 1


def test_two_patients_whose_numbers_are_alike_are_two(tmp_path: Path, key: Path) -> None:
    """One is withdrawn; the other is in the dataset already, and stays."""
    one, other = radiograph.dx_pa(), radiograph.cr_pa()
    one.PatientID, other.PatientID = "123", "000123"
    source, dest = fill_folder(tmp_path / "source", {"a": one, "b": other}), tmp_path / "out"
    convert("dicom", source, dest, key=key)
    assert len(images(dest)) == 2
    assert cli.main(["withdraw", "123", str(dest)]) == 0
    assert convert("dicom", source, dest).exit_code == 0
    assert len(images(dest)) == 1


def test_dicom_is_withdrawn_too(source: Path, tmp_path: Path, key: Path) -> None:
    dest = tmp_path / "out"
    deidentify(source, dest, key=key)
    before = tree(dest)
    assert cli.main(["withdraw", CANARY, str(dest)]) == 0
    after = tree(dest)
    assert 0 < len(after) < len(before)
    assert CANARY.encode() not in everything(dest, tmp_path / "out.mids").replace(str(source / CANARY).encode(), b"")
    assert deidentify(source, dest).exit_code == 0
    assert tree(dest) == after


def test_nobody_and_nowhere_are_one_line(
    source: Path, tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    convert("dicom", source, tmp_path / "out", key=key)
    before = tree(tmp_path / "out")
    for line in ([f"{CANARY}x", str(tmp_path / "out")], [CANARY, str(tmp_path / "none")]):
        assert cli.main(["withdraw", *line]) == 2
        told = capsys.readouterr().err
        assert len(told.splitlines()) == 1
        assert CANARY not in told
    assert tree(tmp_path / "out") == before


@pytest.mark.parametrize(
    "spelled", ["canary4711", "CANARY-4711.0", "00canary 4711", "ＣＡＮＡＲＹ－４７１１", "CANARY-4711^^^NORTH"]
)
def test_another_spelling_at_the_same_hospital_brings_nobody_back(spelled: str, tmp_path: Path, key: Path) -> None:
    """The headers of both deliveries name the issuer."""

    def patient(number: str) -> Path:
        one = radiograph.dx_pa()
        one.PatientID, one.IssuerOfPatientID, one.SpecificCharacterSet = number, "NORTH", "ISO_IR 192"
        return fill_folder(tmp_path / number, {"a.dcm": one})

    source = patient(CANARY)
    convert("dicom", source, tmp_path / "out", key=key)
    assert cli.main(["withdraw", CANARY, str(tmp_path / "out"), "--key", str(key)]) == 0
    convert("dicom", patient(spelled), tmp_path / "out", key=key)
    assert images(tmp_path / "out") == []


def test_a_withdrawal_that_could_not_remove_a_file_goes_on(
    source: Path, tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dest, label = converted(source, tmp_path, key)
    folders = [path for path in (dest / label).rglob("*") if path.is_dir()]
    command = [sys.executable, "-m", "mids", "withdraw", CANARY, str(dest), "--key", str(key)]
    for folder in folders:
        folder.chmod(0o555)
    try:
        done = subprocess.run([*plain_user(), *command], capture_output=True, text=True)
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    night = convert("dicom", source, dest, key=key)  # the night before somebody mends it
    assert "WITHDRAWAL_UNFINISHED" in codes(night.issues)
    assert [path for path in images(dest) if path.startswith(label)] == []
    for name in (CANARY, CANARY, label):  # and once more, for whoever isn't sure
        assert cli.main(["withdraw", name, str(dest), "--key", str(key)]) == 0
    left = everything(dest, tmp_path / "out.mids")
    assert CANARY.encode() not in left.replace(str(source / CANARY).encode(), b"")
    assert label.removeprefix("sub-").encode() not in left


def test_what_can_not_be_searched_is_told(
    source: Path, tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dest, label = converted(source, tmp_path, key)
    lower = label.lower()
    for name, content in {
        "packed.tsv.gz": gzip.compress(f"id\n{label}\n".encode()), "free.tsv.gz": gzip.compress(b"id\n"),
        "table.xlsx": b"PK", "notes.json": f'"{lower}"'.encode(), "list.txt": f"{lower}\nother\n".encode(),
    }.items():  # fmt: skip
        put(dest / "derivatives", name, content)
    assert cli.main(["withdraw", CANARY, str(dest), "--key", str(key)]) == 1
    said = capsys.readouterr().err
    assert "derivatives/packed.tsv.gz still names" in said
    assert "derivatives/notes.json still names" in said
    assert "derivatives/table.xlsx can't be searched" in said
    assert "free.tsv.gz" not in said
    assert (dest / "derivatives/list.txt").read_text() == "other\n"


def test_a_folder_that_can_not_be_read_is_told(source: Path, tmp_path: Path, key: Path) -> None:
    dest, _ = converted(source, tmp_path, key)
    (dest / "derivatives/shut").mkdir(mode=0)
    command = [sys.executable, "-m", "mids", "withdraw", CANARY, str(dest), "--key", str(key)]
    done = subprocess.run([*plain_user(), *command], capture_output=True, text=True)
    assert done.returncode == 1
    assert "derivatives/shut can't be searched" in done.stderr


@pytest.mark.parametrize("by", ["file", "instance"])
@pytest.mark.parametrize("convert_or_not", ["convert", "deidentify"])
def test_a_table_that_names_the_withdrawn_stops_no_run(
    convert_or_not: str, by: str, source: Path, tmp_path: Path, key: Path
) -> None:
    table_of = tmp_path / "fix.tsv"
    uid = str(pydicom.dcmread(source / CANARY / "a.dcm").SOPInstanceUID)
    name = {"file": f"{CANARY}/a.dcm", "instance": uid}[by]
    kept = "b.dcm\tredact\t\t0,0,9,9\tR\tx\n"
    table_of.write_text(f"{HEAD}{name}\tredact\t\t0,0,9,9\tR\tLOOKED-AT\n{kept}")
    command = [convert_or_not, *(["dicom"] if convert_or_not == "convert" else []), str(source), str(tmp_path / "out")]
    command += ["--key", str(key), "-q", "--curation", str(table_of)]
    assert cli.main(command) == 0
    assert cli.main(["withdraw", CANARY, str(tmp_path / "out")]) == 0
    assert cli.main(command) == 0
    assert b"LOOKED-AT" not in everything(tmp_path / "out", tmp_path / "out.mids")
    table_of.write_text(HEAD + kept)
    assert cli.main(command) == 0


DAMAGE: dict[str, Callable[[bytes], bytes | None]] = {
    "gone": lambda content: None,
    "empty": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "zeroed": lambda content: bytes(len(content)),
    "zeros within": lambda content: content[:8192] + bytes(8192) + content[16384:],
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_journal_is_brought_back_and_undoes_no_withdrawal(
    damage: str, source: Path, tmp_path: Path, key: Path
) -> None:
    dest, _ = converted(source, tmp_path, key)
    assert cli.main(["withdraw", CANARY, str(dest), "--key", str(key)]) == 0
    whole = tree(dest)
    journal = tmp_path / "out.mids/journal.sqlite"
    damaged = DAMAGE[damage](journal.read_bytes())
    journal.unlink()
    if damaged is not None:
        journal.write_bytes(damaged)
    night = convert("dicom", source, dest)
    assert codes(night.issues).count("JOURNAL_RESTORED") == 1
    assert night.exit_code == 0
    assert images(dest) == [path for path in whole if path.endswith(".png")]
    assert "JOURNAL_RESTORED" not in codes(convert("dicom", source, dest).issues)
