"""Single defects of privacy: see `benchmarks.single.images`."""

from benchmarks.single.dataset import Drawn, as_json

KEYS = tuple(
    (
        "PatientsName|patient_name|PATIENT_ID|patientId|MRN|nhc|(0010,0010)|0010,0020|[0010,0030]|"
        "Patient Name|Patient's Name|DOB|date_of_birth|FechaNacimiento|fecha_de_nacimiento|nombre_paciente|"
        "Apellidos|prenom|nom_patient|date_naissance|data_naixement|cognoms|PatientsBirthDate|"
        "patients_address|AccessionNo|accession_number|institution_name|ReferringPhysiciansName|"
        "numero_historia|DNI|telefono|e-mail|StudyDate|study_date|(0008,0020)|fecha_estudio|x00100010|"
        "0010|0020|MedicalRecordNumber|nhs_number"
    ).split("|")
)


def key_of_a_person(d: Drawn) -> str:
    """A sidecar's key that names a person or a day, in some spelling, nested or not."""
    stem = d.dice.choice([*d.ct, *d.rx, d.mr, d.mask])
    key = d.dice.choice(KEYS)
    value = d.dice.choice(("DOE", "4711-A", "1950-01-02x", "Somebody"))
    d.keys(f"{stem}.json", **d.dice.choice(({key: value}, {"Source": {key: value}}, {"Items": [{key: value}]})))
    return stem


COLUMNS = tuple(
    (
        "patients_name|nombre_y_apellidos|nom_et_prenom|cognoms|full_name|date_of_birth|fecha_nacimiento|"
        "data_naixement|date_de_naissance|numero_historia_clinica|nhs_number|num_dossier|codigo_postal|"
        "adreca|courriel|telefon|patient_number|medico_responsable|primer_apellido|hopital"
    ).split("|")
)


def column_of_people(d: Drawn) -> str:
    """A column of names, numbers, addresses, in one of four languages."""
    name = d.dice.choice(COLUMNS)
    d.column(name, "Rosa-I", "77-J")
    return "participants.tsv"


PEOPLE = tuple(
    ("Maria Garcia Lopez|GARCIA LOPEZ, MARIA|John Smith|Pierre Dupont|LOPEZ^JUAN|Jordi Puig|Dr. Sanchez").split("|")
)


def name_as_value(d: Drawn) -> str:
    """A name where nobody expects one: in a cell, in a sidecar's free text, in a comment of a label."""
    name = d.dice.choice(
        (
            "Maria Garcia Lopez",
            "GARCIA LOPEZ, MARIA",
            "John Smith",
            "Pierre Dupont",
            "LOPEZ^JUAN",
            "Jordi Puig",
            "Dr. Sanchez",
        )
    )
    how = d.dice.randrange(3)
    if how == 0:
        lines = d.files["participants.tsv"].decode().splitlines()
        d.files["participants.tsv"] = "".join(
            f"{line}\t{cell}\n" for line, cell in zip(lines, ("note", name, "n/a"), strict=True)
        ).encode()
        d.files["participants.json"] = as_json({"note": {"Description": "made up"}})
        return "participants.tsv"
    if how == 1:
        stem = d.dice.choice([*d.ct, *d.rx])
        d.keys(f"{stem}.json", ImageNote=name)
        return stem
    d.keys(f"{d.mask}.json", Annotations=[{"By": name}])
    return d.mask


def label_of_a_person(d: Drawn) -> str:
    """A patient's or a visit's label that is a name."""
    old = d.dice.choice(("A1", "E1"))
    new = d.dice.choice(
        ("GarciaMaria", "JohnSmith", "mgarcia", "LOPEZJUAN", "PierreDupont", "AnnaMuller", "JuanPerez2", "MariaG")
    )
    prefix = "sub-" if old == "A1" else "ses-"
    d.files = {
        path.replace(prefix + old, prefix + new): data.replace((prefix + old).encode(), (prefix + new).encode())
        if path.endswith((".tsv", ".json"))
        else data
        for path, data in d.files.items()
    }
    return new


DICOM = bytes(128) + b"DICM\x02\0\0\0UL\4\0" + bytes(200)
BARE = b"\x08\0\x05\0CS\x0a\0ISO_IR 100" + bytes(200)


HIDDEN: tuple[tuple[str, bytes], ...] = (
    ("derivatives/rois/slice.dat", DICOM),
    ("derivatives/extra/image", DICOM),
    ("derivatives/extra/0001.bin", BARE),
    ("sub-A1/ses-E1/mim-ct/slice.dat", DICOM),
    ("CT.img", BARE),
    ("derivatives/extra/readme.txt", b"PK\3\4" + bytes(99)),
    ("derivatives/extra/backup", b"7z\xbc\xaf\x27\x1c" + bytes(99)),
    ("derivatives/extra/data.bin", bytes(257) + b"ustar" + bytes(99)),
    ("derivatives/extra/run.log", b"made up\n"),
    ("derivatives/extra/slurm-12.out", b"made up\n"),
    ("derivatives/extra/table.tsv.bak", b"made up\n"),
    ("derivatives/extra/notes.txt~", b"made up\n"),
    ("derivatives/extra/list.xlsm", b"x"),
    ("code/look.ipynb", as_json({"cells": [{"cell_type": "code", "outputs": [{"text": ["1"]}]}]})),
    ("code/convert.log", b"read /data/GARCIA\n12345678Z done\n"),
    ("code/people.txt", b"Maria Garcia Lopez\n"),
    (".git/HEAD", b"ref: refs/heads/main\n"),
    ("derivatives/rois/.git/config", b"[core]\n"),
    ("derivatives/extra/db", b"SQLite format 3\0" + bytes(99)),
    ("derivatives/extra/scan.dcm.gz.old", b"x"),
    ("derivatives/extra/report", b"%PDF-1.4 made up"),
)
"""Files that hide something, by their paths; CT is the stem of a volume."""


def hidden_file(d: Drawn) -> str:
    """A DICOM file, an archive, a notebook, a log, a history, under whatever name."""
    path, data = d.dice.choice(HIDDEN)
    path = path.replace("CT", d.ct[0])
    d.files[path] = data
    top = path.split("/")[0]
    if top == "derivatives" and "/extra/" in path:
        d.files["derivatives/extra/dataset_description.json"] = d.files["derivatives/rois/dataset_description.json"]
    return path.split("/HEAD")[0].split("/config")[0]


KINDS = (
    key_of_a_person,
    key_of_a_person,
    column_of_people,
    name_as_value,
    label_of_a_person,
    hidden_file,
    hidden_file,
)
