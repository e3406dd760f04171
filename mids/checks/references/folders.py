"""Tables against folders, both ways: participants, sessions, scans, and every id that a table names."""

import os
import re
from collections.abc import Iterator

from mids.dataset.disk.listing import OPEN
from mids.inspection.registry import Finding, Found, check, of_name
from mids.inspection.views import DatasetView, FileView
from mids.issues import Level
from mids.readers.tables.tsv import NA

PARTICIPANTS = "participants.tsv"


def _column(table: FileView, name: str) -> Iterator[tuple[str, str]]:
    """(place, value) of every cell of a column that holds something."""
    for line, value in zip(table.rows.lines, table.rows.column(name), strict=False):
        if value.strip() and value != NA:
            yield f"row {line}, column {name}", value


# --- participants ----------------------------------------------------------------------------------------


@check("PARTICIPANTS_MISSING", per="dataset", mids=True)
def participants_missing(dataset: DatasetView) -> Found:
    """The dataset has no participants.tsv.

    Why: All other tables refer to it.

    Fix: Write one with a row for each subject folder.
    """
    if not dataset.has(PARTICIPANTS):
        yield Finding("there is no participants.tsv", expected=PARTICIPANTS)


@check("PARTICIPANT_WITHOUT_FOLDER", per="dataset", mids=True)
def participant_without_folder(dataset: DatasetView) -> Found:
    """A row of participants.tsv names a subject that has no folder.

    Why: Counts of participants are too high, or images are missing.

    Fix: Restore the folder, or remove the row.
    """
    if dataset.has(PARTICIPANTS):
        for where, value in _column(dataset.view(PARTICIPANTS), "participant_id"):
            if value not in dataset.subjects:
                yield Finding("this subject has no folder", where, value[:40], path=PARTICIPANTS)


@check("FOLDER_WITHOUT_PARTICIPANT", per="dataset")
def folder_without_participant(dataset: DatasetView) -> Found:
    """A subject folder has no row in participants.tsv, or one below `derivatives` is of nobody in the dataset.

    Why: Age and sex of the subject are unknown, and joins lose its images.

    Fix: Add the row.
    """
    if dataset.has(PARTICIPANTS) and "participant_id" in dataset.view(PARTICIPANTS).rows.header:
        for subject in dataset.subjects:
            if subject not in dataset.participants:
                yield Finding("participants.tsv has no row for this subject", path=subject)
    known = dataset.participants | dataset.subjects.keys()
    for folder in sorted(dataset.tree.folders) if known else ():
        name = DERIVED.fullmatch(folder)
        if name and name[1] not in known and not folder.startswith(OPEN):
            yield Finding("neither the raw data nor participants.tsv has this subject", path=folder)


TEMPLATES = "fsaverage|talairach|template|average|group|mni"
DERIVED = re.compile(rf"derivatives/[^/]+/(sub-(?!{TEMPLATES})[0-9a-z+]+)", re.IGNORECASE)
"""Folders of subjects below those of pipelines, but for templates, which programs keep as subjects of their own."""


# --- sessions --------------------------------------------------------------------------------------------


def _sessions(subject: DatasetView) -> Iterator[tuple[FileView, frozenset[str]]]:
    """The sessions tables of a subject, each with the subject's session folders."""
    for table in subject.find("table"):
        label = table.subject
        if table.path == f"{label}/{label}_sessions.tsv":
            yield table, subject.subjects[label]


@check("SESSIONS_MISSING", per="subject", level=Level.WARNING, mids=True)
def sessions_missing(subject: DatasetView) -> Found:
    """A subject with session folders has no sessions table.

    Why: The order and the times of the visits are unknown; session labels do not give them.

    Fix: Write `sub-<label>_sessions.tsv` with a row for each session.
    """
    for label, sessions in subject.subjects.items():
        if sessions and not subject.has(f"{label}/{label}_sessions.tsv"):
            yield Finding("there is no sessions table", path=label, expected=f"{label}/{label}_sessions.tsv")


@check("SESSION_WITHOUT_FOLDER", per="subject")
def session_without_folder(subject: DatasetView) -> Found:
    """A row of a sessions table names a session that has no folder.

    Why: Images of a visit are missing, or the visit belongs to another subject.

    Fix: Restore the folder, or remove the row.
    """
    for table, folders in _sessions(subject):
        for where, value in _column(table, "session_id"):
            if _add_prefix(value, "ses-") not in folders:
                yield Finding("this session has no folder", where, value[:40], path=table.path)


@check("FOLDER_WITHOUT_SESSION", per="subject")
def folder_without_session(subject: DatasetView) -> Found:
    """A session folder has no row in the sessions table.

    Why: The time of the visit, and what is known about it, is lost.

    Fix: Add the row.
    """
    for table, folders in _sessions(subject):
        if "session_id" in table.rows.header:
            rows = {_add_prefix(value, "ses-") for value in table.rows.column("session_id")}
            for folder in sorted(folders - rows):
                path = f"{table.folder}/{folder}"
                yield Finding("the sessions table has no row for this session", path=path, expected=table.path)


def _add_prefix(value: str, prefix: str) -> str:
    return value if value.startswith(prefix) else prefix + value


@check("SESSIONS_MIXED", per="subject", level=Level.WARNING)
def sessions_mixed(subject: DatasetView) -> Found:
    """A subject has files in session folders, and others that belong to no session.

    Why: Programs that go through sessions never see the others.

    Fix: Move them to the folder of their session, with `ses-<label>` in their names.
    """
    for label, sessions in subject.subjects.items():
        if not sessions:
            continue
        folders = {path.split("/")[1] for path in subject.tree.files if path.startswith(f"{label}/")}
        for folder in sorted(folders & subject.facts.bids.datatypes):
            yield Finding("the subject's other files are in sessions", path=f"{label}/{folder}")


# --- scans -----------------------------------------------------------------------------------------------


def _scans(subject: DatasetView) -> Iterator[FileView]:
    return (table for table in subject.find("table") if table.path.endswith("_scans.tsv"))


def _owner(image: FileView) -> str:
    """The folder whose scans table lists an image: its session's, else its subject's; "" for masks."""
    label, _, rest = image.path.partition("/")
    session = rest.partition("/")[0]
    if not label.startswith("sub-"):
        return ""
    return f"{label}/{session}" if session.startswith("ses-") else label


@check("SCANS_MISSING", per="subject", level=Level.WARNING, mids=True)
def scans_missing(subject: DatasetView) -> Found:
    """A session has images but no scans table.

    Why: It is unknown when each image was made, and what its view was taken from.

    Fix: Write `sub-<label>_ses-<label>_scans.tsv` with a row for each image.
    """
    tables = {table.folder for table in _scans(subject)}
    for folder in sorted({_owner(image) for image in subject.find("image")} - tables - {""}):
        expected = f"{folder}/{folder.replace('/', '_')}_scans.tsv"
        yield Finding("there is no scans table", path=folder, expected=expected)


@check("SCAN_WITHOUT_FILE", per="subject")
def scan_without_file(subject: DatasetView) -> Found:
    """A row of a scans table names a file that does not exist, or the sidecar of one.

    Why: An image is missing, or belongs to another subject.

    Fix: Restore the image, or remove the row.
    """
    for table in _scans(subject):
        names = _names(subject, table.folder)
        for where, value in _column(table, "filename"):
            if not subject.has(f"{table.folder}/{value}") and value not in names:
                path = f"{table.folder}/{value}"
                if subject.facts.hides(path) or _is_closed(subject.place(path)):
                    continue
                message = "this file does not exist"
                if _is_of_another(value, table):
                    message += "; its name belongs to another subject or session"
                yield Finding(message, where, value[:200], path=table.path)
            elif value.endswith((".json", ".bval", ".bvec")):
                yield Finding("this file is not a recording; it accompanies one", where, value[:200], path=table.path)


def _is_closed(place: str) -> bool:
    """Whether a file lies in a folder that can't be read, of which another check tells."""
    try:
        os.lstat(place)
    except PermissionError:
        return True
    except (OSError, ValueError):  # not there, or no path
        return False
    return False


def _is_of_another(filename: str, table: FileView) -> bool:
    """Whether a file name has another subject or session than the table."""
    own, other = (path.rpartition("/")[2].split("_")[:2] for path in (table.path, filename))
    pairs = zip(own, other, strict=False)
    return any(a != b for a, b in pairs if a[:4] == b[:4] and a[:4] in ("sub-", "ses-"))


@check("SCAN_PATH", per="subject", level=Level.WARNING)
def scan_path(subject: DatasetView) -> Found:
    """A row of a scans table names a file without its folder.

    Why: BIDS tools look for it beside the table and do not find it.

    Fix: Write the path relative to the table, as shown under expected.
    """
    for table in _scans(subject):
        names = _names(subject, table.folder)
        for where, value in _column(table, "filename"):
            if not subject.has(f"{table.folder}/{value}") and value in names:
                message = "the file lies in a folder that the row does not name"
                yield Finding(message, where, value[:200], names[value], table.path)


def _names(subject: DatasetView, folder: str) -> dict[str, str]:
    """The images of a session by their bare name, with their paths relative to it."""
    images = (i.path.removeprefix(folder + "/") for i in subject.find("image") if _owner(i) == folder)
    return {path.rpartition("/")[2]: path for path in images}


@check("IMAGE_WITHOUT_SCAN", per="subject", level=Level.WARNING, mids=True)
def image_without_scan(subject: DatasetView) -> Found:
    """An image has no row in the scans table of its session.

    Why: Selecting images by the table misses it.

    Fix: Add the row.
    """
    listed = {table.folder: set(table.rows.column("filename")) for table in _scans(subject)}
    for image in subject.find("image"):
        folder = _owner(image)
        if folder in listed:
            path = image.path.removeprefix(folder + "/")
            if path not in listed[folder] and path.rpartition("/")[2] not in listed[folder]:
                yield Finding("the scans table has no row for this image", path=image.path)


# --- every other table -----------------------------------------------------------------------------------


@of_name
def _is_of_others(table: FileView) -> bool:
    """Whether a table of no subject names participants, sessions or files that other files say."""
    return not table.subject and table.path != PARTICIPANTS


@check("REFERENCE_UNKNOWN", per="table", when=_is_of_others)
def reference_unknown(table: FileView) -> Found:
    """A table names a participant, a session or a file that the dataset does not hold.

    Why: The row is about nobody; joins drop it silently.

    Fix: Correct the id, restore what it names, or remove the row.
    """
    dataset = table.dataset
    if not (table.table or table.rule or "filename" in table.rows.header):
        return
    known = dataset.participants | dataset.subjects.keys()
    sessions = {session for found in dataset.subjects.values() for session in found}
    owners = table.rows.column("participant_id")
    for number, (where, value) in enumerate(_iterate_all_cells(table, "session_id")):
        theirs = dataset.subjects.get(owners[number], frozenset()) if owners else sessions
        session = _add_prefix(value, "ses-")
        if owners and dataset.facts.hides(f"{owners[number]}/{session}"):
            continue
        if value != NA and session not in theirs and (not owners or owners[number] in known):
            yield Finding("the dataset holds no such session of this participant", where, value[:40])
    for where, value in _column(table, "participant_id"):
        if value not in known:
            yield Finding("the dataset holds no such participant", where, value[:40])
    for where, value in _column(table, "filename"):
        if not dataset.has(value) and not dataset.facts.hides(value):
            yield Finding("the dataset holds no such file", where, value[:200])


def _iterate_all_cells(table: FileView, name: str) -> Iterator[tuple[str, str]]:
    """(place, value) of every cell of a column."""
    for line, value in zip(table.rows.lines, table.rows.column(name), strict=False):
        yield f"row {line}, column {name}", value
