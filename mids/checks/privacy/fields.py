"""Privacy: keys and columns for names, ids and dates of patients. No message shows what was found."""

import re
from collections.abc import Collection
from functools import lru_cache

from mids.inspection.bids.tables import known_columns
from mids.inspection.identifiers import PLACES, is_private_column, names_a_date, names_a_patient, names_a_person
from mids.inspection.registry import Finding, Found, check, only_if
from mids.inspection.views import FileView
from mids.issues import Level
from mids.records import Json

BLANK = ("", "anonymous", "anonymized", "anonymised", "anon", "removed", "none", "n/a", "0", "00000000")
"""Values that say nothing of anybody."""


def _has_private_keys(file: FileView) -> bool:
    """Whether any key of a sidecar is that of a person, a visit or a day; asked before its entries are made."""
    if file.kind not in ("sidecar", "json", "description"):
        return False
    is_tagged = file.kind == "sidecar" and file.layout in ("xnat", "dicom")
    return is_tagged or _are_private(file.document.keys)


@lru_cache(maxsize=4096)
def _are_private(keys: frozenset[str]) -> bool:
    """Whether any key is private: most sidecars of a dataset have the same ones."""
    return any(map(_is_private, keys))


@lru_cache(maxsize=4096)
def _is_private(key: str) -> bool:
    return names_a_person(key) or names_a_date(key)


@check("PRIVACY_KEY", per="json", when=_has_private_keys)
def privacy_key(file: FileView) -> Found:
    """A sidecar holds a key that names a patient, a person, an institution or a visit, such as PatientName, in whatever
    spelling: PatientsName, patient_name, (0010,0010), MRN, fecha_nacimiento. dataset_description.json holds a key of
    DICOM for a patient or a visit.

    Why: It can identify the patient. This is a leak, not a matter of style.

    Fix: Remove the key, withdraw published copies, and convert again with a policy that removes it.
    """
    names = names_a_patient if file.kind == "description" else names_a_person
    for where, key, value in file.entries:
        if not (names(key) and _says_something(value)) or _is_described(file, value):
            continue
        if not _is_tolerated(file, key):
            yield Finding(f"{key[:60]} must not be in a sidecar", where=where)


def _is_tolerated(file: FileView, key: str) -> bool:
    """Whether BIDS allows a key of a place or a device, in a dataset that does not follow MIDS."""
    return key in PLACES and not file.dataset.facts.mids


@check("PRIVACY_PLACE", per="json", level=Level.WARNING, when=_has_private_keys)
def privacy_place(file: FileView) -> Found:
    """A sidecar names an institution, a station, a device or a step of an examination, which BIDS allows.

    Why: With an age and a date it can lead to the patient.

    Fix: Remove the key, unless the institution agreed to be named.
    """
    for where, key, value in file.entries:
        if _is_tolerated(file, key) and _says_something(value):
            yield Finding(f"{key} names a place or a device", where=where)


@check("PRIVACY_DATE", per="json", when=_has_private_keys)
def privacy_date(file: FileView) -> Found:
    """A sidecar or dataset_description.json holds the date of an examination.

    Why: Together with age and place, a date finds a patient in any hospital's list.

    Fix: Remove the key; write shifted times into acq_time of the tables.
    """
    for where, key, value in file.entries:
        if names_a_date(key) and _says_something(value) and not _is_described(file, value):
            yield Finding(f"{key[:60]} must not be in a sidecar", where=where)


def _is_described(file: FileView, value: Json) -> bool:
    """Whether a value describes a column of a table: the column itself is looked at there."""
    return file.kind == "json" and isinstance(value, dict)


def _says_something(value: Json) -> bool:
    if isinstance(value, dict | list):
        return bool(value)
    return value is not None and str(value).strip(" ^").casefold() not in BLANK


@lru_cache(maxsize=4096)
def _name_people(header: tuple[str, ...]) -> bool:
    """Whether any column may not be in a table."""
    return any(map(is_private_column, header))


@check("PRIVACY_COLUMN", per="table", when=lambda table: _name_people(table.rows.header))
def privacy_column(table: FileView) -> Found:
    """A table has a column for names, ids, birth dates, accession numbers, UIDs or institutions.

    Why: It can identify the patient.

    Fix: Remove the column; the public id of the source goes into source_id.
    """
    # BIDS: index and name of each structure; names of electrodes and channels
    own = (table.is_bids and table.subject) or table.path.endswith("dseg.tsv")
    lookup = known_columns(table.context.suffix, table.dataset.facts.bids) if own or "/" not in table.path else set()
    for number, name in enumerate(table.rows.header, start=1):
        private = is_private_column(name) and name not in lookup
        if private and any(_says_something(value) for value in table.rows.column(name)):
            yield Finding("this column must not be in a table", where=f"column {number}")


AGES = re.compile("(patient_?)?(age|edad)(_?(years?|at_.{1,40}|años|anos))?|patients_age", re.IGNORECASE)
"""Names of columns and keys that hold an age in years."""


@lru_cache(maxsize=4096)
def _name_an_age(names: Collection[str]) -> bool:
    """Whether any column or key is an age."""
    return any(map(_is_age, names))


def _has_ages(file: FileView) -> bool:
    """Whether a table or a sidecar has a column or a key for an age."""
    if file.kind == "table":
        return _name_an_age(file.rows.header)
    return file.kind == "sidecar" and _name_an_age(file.document.keys)


@check("PRIVACY_AGE", per="content", when=only_if(lambda file: file.kind in ("table", "sidecar"))(_has_ages))
def privacy_age(file: FileView) -> Found:
    """A table or a sidecar holds an age above 89.

    Why: Very old people are few, and an exact age identifies them (HIPAA, 45 CFR 164.514(b)(2)(i)(C)).

    Fix: Write 89 for everyone aged 89 and above.
    """
    if file.kind == "table":
        for name in filter(_is_age, file.rows.header):
            for line, value in zip(file.rows.lines, file.rows.column(name), strict=False):
                if _is_old(value):
                    yield Finding("the age is above 89", where=f"row {line}, column {name}", expected="89")
    elif file.kind == "sidecar":
        for where, key, said in file.entries:
            if _is_age(key) and _is_old(str(said).strip("Yy")):
                yield Finding("the age is above 89", where=where, expected="89")


@lru_cache(maxsize=4096)
def _is_age(name: str) -> bool:
    return AGES.fullmatch(name) is not None


def _is_old(text: str) -> bool:
    return re.fullmatch(r"\d{2,3}(\.\d+)?", text.strip(), re.ASCII) is not None and float(text) > 89
