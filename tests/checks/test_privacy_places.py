"""Leaks in finished datasets: the place is told, and never what was found."""

import json
from pathlib import Path

import pytest

from example_datasets import generate_broken as generator
from example_datasets.invented import chunk, gz, nifti, png
from example_datasets.mutations import RX
from example_datasets.small import radiograph, write
from mids.inspection.identifiers import names_a_person
from mids.inspection.people import label_names_person
from mids.validation.runner import validate

NAME = "NADIE^ZUTANA"
PRIVACY = frozenset({"privacy"})


def told(tmp_path: Path, changed: dict[str, bytes], *, deep: bool = False) -> set[tuple[str, str]]:
    """Code and path of what the family says of a valid dataset with these files; the name is in no message."""
    generator.write(generator.volume(), tmp_path / "dataset")
    for path, content in changed.items():
        place = tmp_path / "dataset" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    found = list(validate(tmp_path / "dataset", deep=deep, select=PRIVACY))
    assert not [issue for issue in found if "NADIE" in f"{issue}"]
    return {(issue.code, issue.path) for issue in found}


@pytest.mark.parametrize(
    ("path", "content", "code"),
    [
        ("derivatives/x/raw.bin", bytes((2, 0, 0, 0)) + b"UL\x04\0" + NAME.encode(), "PRIVACY_FILE"),
        ("derivatives/x/note", b"MSH|^~|A|B|" + NAME.encode(), "PRIVACY_FILE"),
        ("derivatives/x/oru.hl7", b"made up message", "PRIVACY_FILE"),
        ("code/scan", bytes(128) + b"DICM" + NAME.encode(), "PRIVACY_NOTEBOOK"),
        ("code/all.zip", b"PK\x03\x04" + NAME.encode(), "PRIVACY_NOTEBOOK"),
        ("code/patients.db", b"SQLite format 3\0" + NAME.encode(), "PRIVACY_NOTEBOOK"),
    ],
)
def test_records_under_other_names(tmp_path: Path, path: str, content: bytes, code: str) -> None:
    assert told(tmp_path, {path: content}) == {(code, path)}


def test_a_later_gzip_stream_that_holds_more_than_the_volume(tmp_path: Path) -> None:
    generator.write(generator.volume(), tmp_path / "dataset")
    path = next((tmp_path / "dataset").rglob("*.nii.gz")).relative_to(tmp_path / "dataset").as_posix()
    content = gz(nifti((4, 4, 3))) + gz(f"Patient {NAME}".encode())
    assert told(tmp_path, {path: content}, deep=True) == {("PRIVACY_GZIP_MEMBERS", path)}


@pytest.mark.parametrize(
    ("text", "is_told"),
    [
        ("Garcia Lopez Ana 1961", True),
        ("1961_Garcia_Ana", True),
        ("6.0.5:9e026117", False),
        ("FreeSurfer 7 Nov 2020", False),
        ("SPM12 - realigned 3T Siemens", False),
        ("TE=30;TR=2000", False),
    ],
)
def test_a_name_beside_a_number_in_a_header(tmp_path: Path, text: str, *, is_told: bool) -> None:
    generator.write(generator.volume(), tmp_path / "dataset")
    path = next((tmp_path / "dataset").rglob("*.nii.gz")).relative_to(tmp_path / "dataset").as_posix()
    found = told(tmp_path, {path: gz(nifti((4, 4, 3), descrip=text.encode()))})
    assert found == ({("PRIVACY_NIFTI_TEXT", path)} if is_told else set())


def test_two_offsets_of_a_subject_belong_to_the_family(tmp_path: Path) -> None:
    generator.write(generator.BROKEN["PRIVACY_DATE_OFFSETS"](), tmp_path / "dataset")
    found = validate(tmp_path / "dataset", select=PRIVACY)
    assert {issue.code for issue in found} == {"PRIVACY_DATE_OFFSETS"}


def test_a_file_that_is_no_table_is_not_quoted(tmp_path: Path) -> None:
    generator.write(generator.volume(), tmp_path / "dataset")
    content = bytes(128) + b"DICM" + b"\0\0" + NAME.encode() + b"\0\n x\0 " + NAME.encode() + b"\0\n"
    (tmp_path / "dataset" / "participants.tsv").write_bytes(content)
    found = list(validate(tmp_path / "dataset"))
    assert found
    assert not [issue.code for issue in found if "NADIE" in f"{issue}"]


@pytest.mark.parametrize(
    "key",
    [
        "Nombre", "Nom", "numero_dossier", "NumeroSIP", "n_sip", "NumSS", "StudyUID", "series_uid", "TIS", "llinatges",
        "Patient_x0020_Name", "name_of_patient", "x-patient-name", "iniciales", "data_naix", "Geburtsdatum",
        "apellido1", "segon_cognom", "nom_de_naissance", "nom_usuel", "forename", "patronyme",
        "firmado_por", "next_of_kin", "nombre_madre",
        "n_historia", "nif_paciente", "n_seguridad_social", "num_secu", "carte_vitale",
        "lloc_naixement", "metge", "établissement",
    ],
)  # fmt: skip
def test_keys_of_people_in_more_spellings(key: str) -> None:
    assert names_a_person(key)


@pytest.mark.parametrize(
    "key",
    [
        "Name",
        "SequenceName",
        "nominal",
        "uid",
        "nss_ratio",
        "Notes",
        "PatientPosition",
        "NominalScannedSpotSize",
        "historia_previa",
    ],
)
def test_other_keys(key: str) -> None:
    assert not names_a_person(key)


@pytest.mark.parametrize(("label", "is_name"), [("perezlopez", True), ("LopezPerez", True), ("control", False)])
def test_two_surnames_are_a_name(label: str, *, is_name: bool) -> None:
    assert label_names_person(label) is is_name


@pytest.mark.parametrize("how", ["in the chunk of the pixels", "in a chunk of their own"])
def test_bytes_after_the_packed_pixels_of_a_png_are_told(how: str, tmp_path: Path) -> None:
    plain = png(8, 6)
    data = plain[plain.index(b"IDAT") + 4 : plain.index(b"IEND") - 8]
    apart = plain.index(b"IDAT") - 4
    chunks = [data + b"Made up"] if how == "in the chunk of the pixels" else [data, b"Made up"]
    odd = plain[:apart] + b"".join(chunk(b"IDAT", part) for part in chunks) + chunk(b"IEND", b"")
    write({**radiograph(), f"{RX}.png": odd}, tmp_path)
    found = validate(tmp_path, deep=True, select=PRIVACY)
    assert [(issue.code, issue.path, issue.where) for issue in found] == [
        ("PRIVACY_PNG_TEXT_AFTER", f"{RX}.png", "IDAT")
    ]


def test_no_message_quotes_a_text_that_may_name_a_person(tmp_path: Path) -> None:
    files = radiograph()
    wrong = files["participants.tsv"].replace(b"\t40\t", b"\tNADIE 40\t")
    sidecar = {**json.loads(files[f"{RX}.json"]), "PhotometricInterpretation": "Patient: NADIE", "KVP": "9"}
    write({**files, "participants.tsv": wrong, f"{RX}.json": json.dumps(sidecar).encode()}, tmp_path)
    found = list(validate(tmp_path))
    assert {"CELL_TYPE", "SIDECAR_VALUE"} <= {issue.code for issue in found}
    assert not [issue for issue in found if "NADIE" in f"{issue}"]
    assert '"9" is not a number' in " ".join(issue.message for issue in found)


@pytest.mark.parametrize(
    ("path", "content", "is_told"),
    [
        ("sub-S01/eeg/sub-S01_task-rest_eeg.edf", b"0       " + b"X F 01-JAN-1970 Nadie_Zutana".ljust(80), True),
        ("sub-S01/eeg/sub-S01_task-rest_eeg.edf", b"0       " + b"X X X X".ljust(80), False),
        ("derivatives/labels/notes.txt", b"zutana@example.com", True),
        ("derivatives/labels/notes.txt", b"Read twice.", False),
    ],
)
def test_texts_and_headers_of_recordings_are_searched(
    path: str, content: bytes, *, is_told: bool, tmp_path: Path
) -> None:
    assert (("PRIVACY_NOTEBOOK", path) in told(tmp_path, {path: content})) is is_told
