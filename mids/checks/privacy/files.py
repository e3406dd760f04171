"""Privacy: files that hold more than they show, whatever their names: source images, archives, notebooks, histories."""

import json
import os
import re
from pathlib import Path

from mids.inspection.identifiers import find_in_lines, identify, is_private_column
from mids.inspection.paths import classify_path
from mids.inspection.people import looks_like_person
from mids.inspection.registry import Finding, Found, check
from mids.inspection.views import DatasetView, FileView
from mids.issues import Level

CARRIERS = re.compile(
    r"(.*/)?(?!Thumbs\.db)(DICOMDIR|nohup\.out|core\.\d+|[^/]*(\.(dcm|dicom|ima|dc3|acr|zip|rar|7z|tar|tgz|tbz2?|txz|tar\.\w+"
    r"|bz2|xz|zst|lz4|cab|iso|dmg|xlsx?|xlsm|ods|docx?|pptx?|odt|odp|pdf|rtf|ps|eps|vsdx?"
    r"|sqlite3?|db|mdb|accdb|dbf|sav|sas7bdat|dta|por|rds|rdata|rda|ipynb|pkl|pickle|joblib|npz|key|pem|p12|pfx|kdbx|eml|msg|mbox"
    r"|vcf|ics|hl7|log|err|out|bak|old|orig|tmp|swp)|~))",  # codespell:ignore
    re.IGNORECASE,
)
"""Files that hold more than they show: source images, archives, office files, notebooks, logs, old versions, keys."""
PICTURES = (b"\xff\xd8\xff", b"II*\0", b"MM\0*")
KINDS: tuple[tuple[bytes, int, str], ...] = (
    (b"DICM", 128, "a DICOM file"), (b"PK\x03\x04", 0, "an archive or office file"),
    (b"7z\xbc\xaf\x27\x1c", 0, "an archive"), (b"Rar!", 0, "an archive"), (b"ustar", 257, "an archive"),
    (b"%PDF", 0, "a PDF"), (b"MSH|", 0, "a message of a hospital (HL7)"),
    (b"\xd0\xcf\x11\xe0", 0, "an office file"), (b"SQLite format 3", 0, "a database"), (b"\xfd7zXZ", 0, "an archive"),
    (b"BZh", 0, "an archive"), (b"\x28\xb5\x2f\xfd", 0, "an archive"),
    *((magic, 0, "a picture with notes of its camera") for magic in PICTURES),
)  # fmt: skip
"""How files begin whose names may say something else: bytes, where, and what they are."""
RECORDS = ("DICOM file", "archive", "office file", "database", "(HL7)")
"""Kinds that no code is, by the end of their names."""
BARE = re.compile(rb"[\x02\x08]\x00[\x00-\x20\x50-\x60]\x00(UI|UL|CS|SH|DA|LO|PN|[\x02-\x40]\x00\x00\x00)")
"""The first element of a DICOM file without a preamble: group 0002 or 0008, little endian."""
LENGTH = 264


def _content_kind(place: str) -> str:
    """What a file is by its first bytes, "" where that says nothing."""
    with open(place, "rb", buffering=0) as stream:  # noqa: PTH123 - as views read
        data = stream.read(LENGTH)
    if BARE.match(data):
        return "a DICOM file"
    return next((kind for magic, at, kind in KINDS if data[at : at + len(magic)] == magic), "")


def _is_unlike_its_name(file: FileView) -> bool:
    """Whether a file below a subject is of no kind that is looked into, or can't be read as what its name says."""
    if file.kind == "image":
        return not hasattr(file.head, "stored")
    if file.kind in ("sidecar", "json"):
        return bool(file.document.error)
    return file.kind == "other" or (file.kind == "table" and bool(file.rows.problems))


@check("PRIVACY_DICOM", per="file", when=_is_unlike_its_name)
def privacy_dicom(file: FileView) -> Found:
    """A DICOM file lies below a subject, under whatever name.

    Why: Its header holds the patient's name, birth date and numbers, and everything else that was removed elsewhere.

    Fix: Remove it, withdraw published copies, and convert it instead.
    """
    if file.size > 8 and _content_kind(file.dataset.place(file.path)) == "a DICOM file":
        yield "the content is a DICOM file"


@check("PRIVACY_FILE", per="dataset", level=Level.WARNING)
def privacy_file(dataset: DatasetView) -> Found:
    """A source image, an archive, an office file, a notebook, a log, a database or a key lies among the derivatives or
    tables, by its name or by its content.

    Why: Such files hold authors, histories, paths, headers or whole records that nobody has checked.

    Fix: Remove it, or move the parts that are needed into a table or a text.
    """
    opened = 0
    for path, size in dataset.tree.files.items():
        if path.startswith("sub-") or classify_path(path) != "other":
            continue
        if "/" in path and CARRIERS.fullmatch(path):
            yield Finding("files of this kind hold more than they show", path=path)
        elif size > 8 and opened < OPENED and path.rpartition(".")[2].lower() not in SAID:
            opened += 1
            if kind := _content_kind(dataset.place(path)):
                yield Finding(f"the content is {kind}", path=path)


OPENED = 20_000
"""Files that are opened for a look at their first bytes: a tree of derivatives may hold millions."""
SAID = frozenset({"jpg", "jpeg", "tif", "tiff", "npz", "zarr"})
"""Extensions whose content begins like that of other kinds of files."""


# --- histories and notebooks -----------------------------------------------------------------------------

LINES = 1 << 20
"""Bytes of a log or a notebook that are looked through."""


@check("PRIVACY_HISTORY", per="dataset", level=Level.WARNING)
def privacy_history(dataset: DatasetView) -> Found:
    """A folder of version control (.git, .svn, .hg) lies in the dataset, without git-annex.

    Why: It holds every earlier version of every table, those with names too, and who changed them.

    Fix: Publish a copy without the folder. In a checkout, waive the issue with a reason.
    """
    parts = [path for path in dataset.tree.folders if re.fullmatch("derivatives(/[^/]+)?|code|stimuli", path)]
    for folder in ("", *sorted(parts)):
        for name in (".git", ".svn", ".hg"):
            path = f"{folder}/{name}".lstrip("/")
            place = Path(dataset.place(path))
            # Unlike Path's, these say no of what lies in a closed folder.
            is_there = dataset.exists(path) and not dataset.exists(f"{path}/annex")
            if is_there and os.path.isdir(place):  # noqa: PTH112
                yield Finding("earlier versions of all files lie here", path=path)


@check("PRIVACY_NOTEBOOK", per="dataset", level=Level.WARNING)
def privacy_notebook(dataset: DatasetView) -> Found:
    """A notebook, a log or a table in `code/` shows results, or holds what may identify a patient, or DICOM, an archive
    or a database lies there; or a text or the header of a recording elsewhere holds what identifies a person.

    Why: Printed tables and paths show what was read: names, dates, numbers of patients.

    Fix: Clear the outputs of notebooks, and remove logs and lists of patients.
    """
    root = dataset.place("code")
    for folder, _, names in os.walk(root):
        for name in sorted(names):
            place = f"{folder}/{name}"
            path = place.removeprefix(dataset.place(""))
            if name.lower().endswith(".ipynb") and _shows_results(place):
                yield Finding("the notebook shows results", path=path)
            elif re.search(r"\.(log|out|err|txt|csv|tsv)$", name, re.IGNORECASE) and _names_people(place):
                yield Finding("the text holds what may identify a person", path=path)
            elif (kind := _content_kind(place)).endswith(RECORDS):
                yield Finding(f"the content is {kind}", path=path)
    for path in dataset.tree.near:
        # The other kinds have checks of their own.
        if (is_text := path.lower().endswith(TEXTS)) or path.lower().endswith(RECORDINGS):
            place = dataset.place(path)
            if classify_path(path) != "other" or path in dataset.tree.absent | dataset.tree.recordings:
                continue
            if _identifies(place) if is_text else _is_of_a_patient(place):
                yield Finding(f"the {'text' if is_text else 'header'} holds what identifies a person", path=path)


TEXTS = (".txt", ".log", ".vhdr", ".vmrk")
RECORDINGS = (".edf", ".bdf")
BORN = re.compile(r"\b\d\d-[A-Z]{3}-\d{4}\b")
"""A date of birth as EDF+ writes it."""


def _identifies(place: str) -> bool:
    """Whether a text holds a national number or an e-mail address."""
    with open(place, "rb") as stream:  # noqa: PTH123 - as views read
        text = stream.read(LINES).decode("utf-8", "replace")
    return any(found.kind in ("national id", "e-mail") for found in find_in_lines(text))


def _is_of_a_patient(place: str) -> bool:
    """Whether the patient field of an EDF or BDF file (bytes 8 to 88: code, sex, birth date, name) tells of one."""
    with open(place, "rb") as stream:  # noqa: PTH123 - as views read
        text = stream.read(88)[8:].decode("latin-1").strip()
    name = " ".join(text.split()[3:4]).replace("_", " ")
    return bool(BORN.search(text)) or looks_like_person(name) or any(kind != "date" for kind, _ in identify(text))


def _shows_results(place: str) -> bool:
    """Whether any cell of a notebook has outputs; one that can't be read counts as one without."""
    try:
        with open(place, encoding="utf-8") as stream:  # noqa: PTH123 - as views read
            cells = json.load(stream).get("cells", [])
        return any(cell.get("outputs") for cell in cells)
    except (OSError, ValueError, AttributeError, RecursionError):
        return False


def _names_people(place: str) -> bool:
    """Whether a text holds an identifier, or a line that is a name."""
    with open(place, "rb") as stream:  # noqa: PTH123 - as views read
        text = stream.read(LINES).decode("utf-8", "replace")
    if place.lower().endswith((".csv", ".tsv")):
        header = re.split("[,;\t]", text.partition("\n")[0])
        return any(is_private_column(name.strip(' "')) for name in header)
    return bool(find_in_lines(text)) or any(map(looks_like_person, text.splitlines()))
