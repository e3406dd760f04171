"""Privacy: names, ids, dates and UIDs of patients that were left in. No message shows what was found."""

import re
from functools import lru_cache

from mids.inspection.guards import is_odd_png, is_png, says_more
from mids.inspection.identifiers import is_private_column, names_a_date, names_a_person
from mids.inspection.registry import Finding, Found, check
from mids.inspection.views import FileView
from mids.issues import Level
from mids.readers.images.heads import NiftiHead, PngHead
from mids.readers.images.whole import Whole
from mids.records import Json

BLANK = ("", "anonymous", "anonymized", "anonymised", "anon", "removed", "none", "n/a", "0", "00000000")
"""Values that say nothing of anybody."""

CLOCK = re.compile(r"\b(19|20)\d\d[-/.]?(0[1-9]|1[0-2])[-/.]?(0[1-9]|[12]\d|3[01])\b|\bTime=\d")
"""A day, or dcm2niix's note of the time of acquisition."""


def _has_private_keys(file: FileView) -> bool:
    """Whether any key of a sidecar is that of a person, a visit or a day; asked before its entries are made."""
    return file.kind == "sidecar" and (file.layout in ("xnat", "dicom") or any(map(_is_private, file.document.keys)))


@lru_cache(maxsize=4096)
def _is_private(key: str) -> bool:
    return names_a_person(key) or names_a_date(key)


@check("PRIVACY_KEY", per="json", when=_has_private_keys)
def privacy_key(file: FileView) -> Found:
    """A sidecar holds a key that names a patient, a person, an institution or a visit, such as PatientName.

    Why: It can identify the patient. This is a leak, not a matter of style.

    Fix: Remove the key, withdraw published copies, and convert again with a policy that removes it.
    """
    for where, key, value in file.entries:
        if names_a_person(key) and _says_something(value):
            yield Finding(f"{key} must not be in a sidecar", where=where)


@check("PRIVACY_DATE", per="json", when=_has_private_keys)
def privacy_date(file: FileView) -> Found:
    """A sidecar holds the date of an examination.

    Why: Together with age and place, a date finds a patient in any hospital's list.

    Fix: Remove the key; write shifted times into acq_time of the tables.
    """
    for where, key, value in file.entries:
        if names_a_date(key) and _says_something(value):
            yield Finding(f"{key} must not be in a sidecar", where=where)


def _says_something(value: Json) -> bool:
    if isinstance(value, dict | list):
        return bool(value)
    return value is not None and str(value).strip(" ^").casefold() not in BLANK


@check("PRIVACY_COLUMN", per="table")
def privacy_column(table: FileView) -> Found:
    """A table has a column for names, ids, birth dates, accession numbers, UIDs or institutions.

    Why: It can identify the patient.

    Fix: Remove the column; the public id of the source goes into source_id.
    """
    lookup = {"name"} if table.path.endswith("dseg.tsv") else set()  # BIDS: index and name of each structure
    for number, name in enumerate(table.rows.header, start=1):
        private = is_private_column(name) and name not in lookup
        if private and any(_says_something(value) for value in table.rows.column(name)):
            yield Finding("this column must not be in a table", where=f"column {number}")


AGES = re.compile("(patient_?)?(age|edad)(_?(years?|at_.{1,40}|años|anos))?|patients_age", re.IGNORECASE)
"""Names of columns and keys that hold an age in years."""


@check("PRIVACY_AGE", per="content")
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
    elif file.kind == "sidecar" and any(map(_is_age, file.document.keys)):
        for where, key, said in file.entries:
            if _is_age(key) and _is_old(str(said).strip("Yy")):
                yield Finding("the age is above 89", where=where, expected="89")


@lru_cache(maxsize=4096)
def _is_age(name: str) -> bool:
    return AGES.fullmatch(name) is not None


def _is_old(text: str) -> bool:
    return re.fullmatch(r"\d{2,3}(\.\d+)?", text.strip(), re.ASCII) is not None and float(text) > 89


# --- images ----------------------------------------------------------------------------------------------


@check("PRIVACY_NIFTI_TEXT", per="image", level=Level.WARNING, when=says_more)
def privacy_nifti_text(image: FileView) -> Found:
    """A text field in the header of a volume holds a date, a time or something in db_name.

    Why: dcm2niix writes the time of acquisition there, other programs the patient's name.

    Fix: Clear the field, or convert again; conversion by this program leaves it empty.
    """
    if isinstance(image.head, NiftiHead):
        for name, text in image.head.texts:
            if name == "db_name" or CLOCK.search(text):
                yield Finding("this field holds a date, a time or a name", where=name)


@check("PRIVACY_PNG_TEXT", per="image", when=is_odd_png)
def privacy_png_text(image: FileView) -> Found:
    """A PNG holds text, camera notes or a time besides its pixels.

    Why: Viewers do not show them, and they may name the patient, the place or the day.

    Fix: Write the PNG again without ancillary chunks.
    """
    if isinstance(image.head, PngHead):
        for name in dict.fromkeys(image.head.texts):
            yield Finding("this chunk must not be in an image", where=name)


@check("PRIVACY_PNG_TEXT_AFTER", per="image", deep=True, when=is_png)
def privacy_png_text_after(image: FileView) -> Found:
    """A PNG holds text, camera notes or a time after its pixels.

    Why: Viewers do not show them, and they may name the patient, the place or the day.

    Fix: Write the PNG again without ancillary chunks.
    """
    whole = image.whole
    if isinstance(image.head, PngHead) and isinstance(whole, Whole):
        for name in dict.fromkeys(whole.texts[len(image.head.texts) :]):
            yield Finding("this chunk must not be in an image", where=name)


@check("PRIVACY_NIFTI_EXTENSION", per="image", level=Level.WARNING, when=says_more)
def privacy_nifti_extension(image: FileView) -> Found:
    """The header of a volume has an extension, such as a DICOM header, a history or a comment.

    Why: Viewers do not show it, and it may hold everything that was removed elsewhere.

    Fix: Write the volume again without extensions; conversion by this program writes none.
    """
    if isinstance(image.head, NiftiHead):
        for code in dict.fromkeys(image.head.extensions):
            name = EXTENSIONS.get(code, "unknown")
            yield Finding("this extension must not be in an image", where=f"extension {code} ({name})")


EXTENSIONS = {
    0: "unspecified", 2: "DICOM", 4: "AFNI XML", 6: "comment", 8: "XCEDE", 10: "JIMDIMINFO", 12: "workflow",
    14: "FreeSurfer", 16: "pickle", 18: "MiND", 30: "variable frame timing", 32: "CIFTI", 34: "eval", 38: "Matlab",
    40: "Quantiphyse", 42: "MRS", 44: "JSON",
}  # fmt: skip
"""Registered codes of NIfTI extensions (nifti1.h and the registry at nifti.nimh.nih.gov)."""


@check("PRIVACY_GZIP_NAME", per="image", level=Level.WARNING, when=says_more)
def privacy_gzip_name(image: FileView) -> Found:
    """The gzip header of a volume holds another file name than the volume's own, or a comment.

    Why: It is the former name of the file, and often names a patient.

    Fix: Compress the volume again with `gzip -n`, or let `mids-validate --fix` clear the field.
    """
    gzip = image.head.gzip if isinstance(image.head, NiftiHead) else None
    if gzip and gzip.comment:
        yield Finding("the gzip header holds a comment", where="FCOMMENT")
    if gzip and gzip.name and gzip.name not in (own := image.path.rpartition("/")[2], own.removesuffix(".gz")):
        yield Finding("the gzip header holds another file name", where="FNAME")


@check("PRIVACY_TRAILING_BYTES", per="image", level=Level.WARNING, when=is_odd_png)
def privacy_trailing_bytes(image: FileView) -> Found:
    """A PNG continues after its end chunk.

    Why: Viewers do not show the rest; it can be another image, a text or a whole DICOM file.

    Fix: Write the PNG again.
    """
    if isinstance(image.head, PngHead) and image.head.trailing:
        yield f"{image.head.trailing} bytes follow the end chunk"
