"""For every code about tables, references, labels and privacy the smallest dataset that raises only it."""

from collections.abc import Callable

from example_datasets.invented import as_json, as_tsv, chunk, gz, nifti, png
from example_datasets.small import (
    CT,
    DERIVATIVE,
    DESCRIPTION,
    LABELS,
    RX,
    SCANS,
    SCANS_HEADER,
    SESSIONS,
    Files,
    added,
    changed,
    column,
    drop_files,
    labels,
    picture,
    rename_first,
    sidecar,
    table,
    tree,
    two,
    valid,
    volume,
)

NAME = "sub-S01_ses-E01_run-1_bp-chest_vp-pa_dx"
TEXT = chunk(b"tEXt", b"Comment\0Nobody")
UID = "1.2.826.0.1.3680043.8.498.12345678901234567890"
OTHER = CT.replace("S01", "S02").replace("E01", "E02") + ".nii.gz"
FILE_LABELS = "participant_id session_id filename labels"
CUI_LABELS = "participant_id session_id labels label_cuis"
PNEUMONIA = "pneumonia C0032285 finding finding 2 2"


def set_age(age: str) -> Files:
    """The subject with another age, in both tables."""
    files = changed("participants.tsv", b"\t40\t", f"\t{age}\t".encode())
    return changed(SESSIONS, b"\t40\n", f"\t{age}\n".encode(), files)


def add_report() -> Files:
    """The radiograph with one report."""
    row = "sub-S01 ses-E01 R1 normal"
    return added(
        {
            "derivatives/ehr/reports.tsv": as_tsv("participant_id session_id report_id report", row),
            f"derivatives/ehr/{DESCRIPTION}": as_json(DERIVATIVE),
        }
    )


def add_partitions(*rows: str) -> Files:
    """Two radiographs of one subject with a table of partitions."""
    table = as_tsv("participant_id session_id filename split", *rows)
    return added({"derivatives/partitions.tsv": table}, two())


BROKEN: dict[str, Callable[[], Files]] = {
    # tables
    "TABLE_ENCODING": table(
        "participants.tsv",
        b"body_parts\nsub-S01\t40\tF\tDX\tchest",
        b"body_parts\tsite\nsub-S01\t40\tF\tDX\tchest\tM\xe1laga",
    ),
    "TABLE_BYTE_ORDER_MARK": table("participants.tsv", b"participant_id", b"\xef\xbb\xbfparticipant_id"),
    "TABLE_LINE_ENDS": table("participants.tsv", b"\n", b"\r\n"),
    "TABLE_SEPARATOR": table("participants.tsv", b"\t", b","),
    "TABLE_RAGGED": table("participants.tsv", b"chest\n", b"chest\nsub-S02\t41\n"),
    "TABLE_BLANK_LINE": table("participants.tsv", b"chest\n", b"chest\n\n"),
    "TABLE_EMPTY": lambda: added({"phenotype/smoking.tsv": b"participant_id\tpack_years\n"}),
    "TABLE_UNKNOWN": lambda: added(
        {"derivatives/labels/measures.tsv": as_tsv("participant_id area", "sub-S01 4")},
        labels("sub-S01 ses-E01 []"),
    ),
    "COLUMN_MISSING": lambda: added(
        {"participants.tsv": as_tsv("participant_id age modalities body_parts", "sub-S01 40 DX chest")}
    ),
    "COLUMN_DUPLICATED": table(
        "participants.tsv",
        b"body_parts\nsub-S01\t40\tF\tDX\tchest",
        b"body_parts\tarm\tarm\nsub-S01\t40\tF\tDX\tchest\ta\tb",
    ),
    "COLUMN_NAME": table(
        "participants.tsv",
        b"body_parts\nsub-S01\t40\tF\tDX\tchest",
        b"body_parts\tStudy arm\nsub-S01\t40\tF\tDX\tchest\ta",
    ),
    "COLUMN_UNKNOWN": lambda: changed(
        LABELS,
        b"labels\nsub-S01\tses-E01\t[]",
        b"labels\tarea\nsub-S01\tses-E01\t[]\t4",
        labels("sub-S01 ses-E01 []"),
    ),
    "COLUMN_UNIT": lambda: added({"participants.json": as_json({"age": {"Units": "months"}})}),
    "CELL_MISSING_WORD": table("participants.tsv", b"\tF\t", b"\tNaN\t"),
    "CELL_HTML": column("site", "St&rsquo;Nobody"),
    "CELL_MOJIBAKE": column("site", "MÃ¡laga"),
    "CELL_INVISIBLE": column("site", "Made\u200bup"),
    "CELL_FORMULA": column("site", "=1+1"),
    "CELL_QUOTED": column("site", '"Made_up"'),
    "CELL_LEVEL": lambda: added(
        {"participants.json": as_json({"arm": {"Levels": {"a": "one", "b": "two"}}})}, column("arm", "c")()
    ),
    "CELL_EMPTY": table("participants.tsv", b"\tF\t", b"\t\t"),
    "CELL_BLANKS": table("participants.tsv", b"\tF\t", b"\t F\t"),
    "CELL_TYPE": table("participants.tsv", b"\t40\t", b"\tforty\t"),
    "CELL_DATE": table(SESSIONS, b"1920-01-02", b"1920-02-31"),
    "CELL_CODE": table("participants.tsv", b"\tF\t", b"\tfemale\t"),
    "CELL_RANGE": lambda: set_age("-4"),
    "KEY_DUPLICATED": table("participants.tsv", b"chest\n", b"chest\nsub-S01\t41\tF\tDX\tchest\n"),
    # references
    "PARTICIPANTS_MISSING": lambda: drop_files("participants.tsv"),
    "PARTICIPANT_WITHOUT_FOLDER": table("participants.tsv", b"chest\n", b"chest\nsub-S02\t41\tF\tDX\tchest\n"),
    "FOLDER_WITHOUT_PARTICIPANT": table("participants.tsv", b"sub-S01", b"n/a"),
    "SESSIONS_MISSING": lambda: drop_files(SESSIONS),
    "SESSION_WITHOUT_FOLDER": table(SESSIONS, b"\t40\n", b"\t40\nses-E02\tn/a\t41\n"),
    "FOLDER_WITHOUT_SESSION": table(SESSIONS, b"ses-E01", b"n/a"),
    "SCANS_MISSING": lambda: drop_files(SCANS),
    "SCAN_WITHOUT_FILE": lambda: added(
        {
            SCANS: as_tsv(
                SCANS_HEADER,
                *(f"mim-rx/{name}.png n/a DX chest pa n/a 6 8" for name in (NAME, NAME.replace("run-1", "run-2"))),
            )
        }
    ),
    "SCAN_PATH": table(SCANS, b"mim-rx/", b""),
    "IMAGE_WITHOUT_SCAN": table(SCANS, f"mim-rx/{NAME}.png".encode(), b"n/a"),
    "REFERENCE_UNKNOWN": lambda: labels("sub-S01 ses-E02 []"),
    "SCAN_CONTRADICTED": table(SCANS, b"\tpa\t", b"\tap\t"),
    "PARTICIPANT_CONTRADICTED": table("participants.tsv", b"\tDX\t", b"\tDX;CT\t"),
    "AGE_CONTRADICTED": table("participants.tsv", b"\t40\t", b"\t50\t"),
    "REFERENCE_CONTRADICTED": lambda: labels(
        f"sub-S01 ses-E01 {OTHER} []", "sub-S02 ses-E02 n/a []", header=FILE_LABELS, files=valid()
    ),
    "REPORT_UNKNOWN": lambda: labels(
        "sub-S01 ses-E01 R2 []", header="participant_id session_id report_id labels", files=add_report()
    ),
    "IMAGE_WITHOUT_SPLIT": lambda: add_partitions(f"sub-S01 ses-E01 {RX}.png train"),
    "LABELS_INCOMPLETE": lambda: labels("sub-S01 ses-E01 []", files=valid()),
    "SPLIT_LEAK": lambda: add_partitions(
        f"sub-S01 ses-E01 {RX}.png train", f"sub-S01 ses-E01 {RX.replace('run-1', 'run-2')}.png test"
    ),
    # labels
    "LABELS_UNPARSEABLE": lambda: labels('sub-S01 ses-E01 ["pneumonia"'),
    "LABELS_LEGACY": lambda: labels("sub-S01 ses-E01 ['pneumonia']"),
    "LABEL_BLANKS": lambda: labels('sub-S01 ses-E01 ["\\u0020pneumonia"]'),
    "LABEL_DUPLICATED": lambda: labels('sub-S01 ses-E01 ["pneumonia","Pneumonia"]'),
    "LABEL_CONTRADICTED": lambda: labels('sub-S01 ses-E01 ["normal","pneumonia"]'),
    "CUI_INVALID": lambda: labels('sub-S01 ses-E01 ["pneumonia"] ["C322"]', header=CUI_LABELS),
    "CUI_MISALIGNED": lambda: labels('sub-S01 ses-E01 ["pneumonia","nodule"] ["C0032285"]', header=CUI_LABELS),
    "LABEL_UNKNOWN": lambda: tree(PNEUMONIA, files=labels('sub-S01 ses-E01 ["pneumony"]')),
    "CUI_CONTRADICTED": lambda: tree(
        PNEUMONIA, files=labels('sub-S01 ses-E01 ["pneumonia"] ["C0205307"]', header=CUI_LABELS)
    ),
    "TREE_CUI": lambda: tree(PNEUMONIA, "nodule C0032285 finding finding 0 0"),
    "TREE_PARENT": lambda: tree(PNEUMONIA, "nodule C0028259 findings finding 0 0"),
    "TREE_COUNT": lambda: tree("pneumonia C0032285 finding finding 1 1"),
    # privacy
    "PRIVACY_KEY": sidecar(PatientName="Nobody^Invented"),
    "PRIVACY_DATE": sidecar(StudyDate="19200102"),
    "PRIVACY_UID": sidecar(ReferencedImage=UID),
    "PRIVACY_COLUMN": table(
        "participants.tsv",
        b"body_parts\nsub-S01\t40\tF\tDX\tchest",
        b"body_parts\tpatient_name\nsub-S01\t40\tF\tDX\tchest\tNobody",
    ),
    "PRIVACY_AGE": lambda: set_age("91"),
    "PRIVACY_NIFTI_TEXT": lambda: volume(gz(nifti((4, 4, 3), descrip=b"TE=2.3;Time=101112.000"))),
    "PRIVACY_PNG_TEXT": picture(png(8, 6, before=TEXT)),
    "PRIVACY_PNG_TEXT_AFTER": picture(png(8, 6, after=TEXT)),
    "PRIVACY_NATIONAL_ID": column("note", "12345678Z"),
    "PRIVACY_EMAIL": column("note", "nobody@example.org"),
    "PRIVACY_PHONE": column("note", "+34 600 000 000"),
    "PRIVACY_PERSON": column("note", "seen by Dr. Nobody"),
    "PRIVACY_BIRTH_DATE": column("note", "born 1950-01-02"),
    "PRIVACY_DATE_TEXT": column("note", "compared with that of 2020-03-17"),
    "PRIVACY_DATE_UNSHIFTED": table(SCANS, b"1920-01-02T", b"2020-01-02T"),
    "PRIVACY_PATH": lambda: rename_first("sub-S01_ses-E01_acq-20200317_run-1_bp-chest_vp-pa_dx"),
    "PRIVACY_FILE": lambda: added({"derivatives/archive.zip": b"PK made up\n"}),
    "PRIVACY_NIFTI_EXTENSION": lambda: volume(gz(nifti((4, 4, 3), extension=6))),
    "PRIVACY_GZIP_NAME": lambda: volume(gz(nifti((4, 4, 3)), name=b"made-up.nii")),
    "PRIVACY_TRAILING_BYTES": picture(png(8, 6) + b"made up"),
}
