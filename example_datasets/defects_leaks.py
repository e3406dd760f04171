"""Leaks of identifiers, as single defects (see `mutations`)."""

from example_datasets.invented import gz, nifti, png
from example_datasets.mutations import (
    CT,
    CTZ,
    PEOPLE,
    PICTURE,
    REPORTS,
    RX,
    TESTS,
    TEXT,
    UID,
    Defect,
    cell,
    column,
    image,
    keys,
    swap,
)

_RX = RX.rpartition("/")[2]


PRIVACY = [
    Defect(
        "PatientName in a sidecar",
        "PRIVACY_KEY",
        f"{RX}.json",
        "$.PatientName",
        keys(f"{RX}.json", {"PatientName": "Made^Up"}),
    ),
    Defect(
        "StudyDate in a sidecar",
        "PRIVACY_DATE",
        f"{CT}.json",
        "$.StudyDate",
        keys(f"{CT}.json", {"StudyDate": "20200317"}),
    ),
    Defect("a UID in a sidecar", "PRIVACY_UID", f"{CT}.json", "$.Source", keys(f"{CT}.json", {"Source": UID})),
    Defect("a UID in a table", "PRIVACY_UID", PEOPLE, "row 2, column note", column(PEOPLE, "note", UID, "n/a")),
    Defect("a column of names", "PRIVACY_COLUMN", PEOPLE, "column 7", column(PEOPLE, "patient_name", "Made Up", "n/a")),
    Defect("an age of 93", "PRIVACY_AGE", PEOPLE, "row 3, column age", cell(PEOPLE, 3, "age", "93")),
    Defect(
        "a Spanish DNI", "PRIVACY_NATIONAL_ID", PEOPLE, "row 2, column note", column(PEOPLE, "note", "12345678Z", "n/a")
    ),
    Defect(
        "a Spanish NIE", "PRIVACY_NATIONAL_ID", PEOPLE, "row 2, column note", column(PEOPLE, "note", "X1234567L", "n/a")
    ),
    Defect(
        "a French NIR",
        "PRIVACY_NATIONAL_ID",
        PEOPLE,
        "row 2, column note",
        column(PEOPLE, "note", "255081416802538", "n/a"),
    ),
    Defect(
        "an Iranian code",
        "PRIVACY_NATIONAL_ID",
        PEOPLE,
        "row 2, column note",
        column(PEOPLE, "note", "0499370899", "n/a"),
    ),
    Defect(
        "a US social security number",
        "PRIVACY_NATIONAL_ID",
        PEOPLE,
        "row 2, column note",
        column(PEOPLE, "note", "078-05-1120", "n/a"),
    ),
    Defect(
        "a DNI in the README",
        "PRIVACY_NATIONAL_ID",
        "README.md",
        "line 3",
        swap("README.md", b"Made-up pixels", b"Of 12345678Z:"),
    ),
    Defect(
        "an e-mail address",
        "PRIVACY_EMAIL",
        PEOPLE,
        "row 2, column note",
        column(PEOPLE, "note", "made.up@example.org", "n/a"),
    ),
    Defect(
        "a telephone number",
        "PRIVACY_PHONE",
        PEOPLE,
        "row 2, column note",
        column(PEOPLE, "note", "+34 600 000 000", "n/a"),
    ),
    Defect(
        "a physician in a report",
        "PRIVACY_PERSON",
        REPORTS,
        "row 2, column report",
        cell(REPORTS, 2, "report", "Pneumonia. Dr. Inventado"),
    ),
    Defect(
        "a birth date in a report",
        "PRIVACY_BIRTH_DATE",
        REPORTS,
        "row 2, column report",
        cell(REPORTS, 2, "report", "Nacido el 12/03/1950"),
    ),
    Defect(
        "a real date in a report",
        "PRIVACY_DATE_TEXT",
        REPORTS,
        "row 2, column report",
        cell(REPORTS, 2, "report", "Compared with 2020-03-17: unchanged."),
    ),
    Defect(
        "a date that was not shifted",
        "PRIVACY_DATE_UNSHIFTED",
        TESTS,
        "row 2, column date",
        cell(TESTS, 2, "date", "2020-03-17"),
    ),
    Defect(
        "the time in descrip",
        "PRIVACY_NIFTI_TEXT",
        CTZ,
        "descrip",
        image(CTZ, gz(nifti((4, 4, 3), descrip=b"Time=101112.000"))),
    ),
    Defect(
        "a DICOM header in an extension",
        "PRIVACY_NIFTI_EXTENSION",
        CTZ,
        "extension 2",
        image(CTZ, gz(nifti((4, 4, 3), extension=2))),
    ),
    Defect(
        "the old name in the gz header",
        "PRIVACY_GZIP_NAME",
        CTZ,
        "FNAME",
        image(CTZ, gz(nifti((4, 4, 3)), name=b"made-up.nii")),
    ),
    Defect("text in a png", "PRIVACY_PNG_TEXT", f"{RX}.png", "tEXt", image(f"{RX}.png", png(8, 6, before=TEXT))),
    Defect(
        "text behind the pixels of a png",
        "PRIVACY_PNG_TEXT_AFTER",
        f"{RX}.png",
        "tEXt",
        image(f"{RX}.png", png(8, 6, after=TEXT)),
    ),
    Defect(
        "bytes after the end of a png",
        "PRIVACY_TRAILING_BYTES",
        f"{RX}.png",
        "",
        image(f"{RX}.png", PICTURE + b"made up"),
    ),
]
