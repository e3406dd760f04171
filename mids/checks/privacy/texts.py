"""Privacy: identifiers inside texts, wherever they stand, and files that should not be there at all."""

import re
from collections.abc import Iterator

from mids.inspection.guards import has_identifiers
from mids.inspection.identifiers import Kind, identify
from mids.inspection.registry import Finding, Found, check
from mids.inspection.views import FileView
from mids.issues import Level

CREDITED = ("document", "description")
"""Kinds of files that name authors and contacts."""
PLACES = {
    "table": "a table", "sidecar": "a sidecar", "json": "a JSON file", "image": "the header of an image",
    "document": "a text", "description": "the description",
}  # fmt: skip


def _report_identifiers(file: FileView, kind: Kind) -> Iterator[Finding]:
    """The identifiers of one kind in a file; the messages never show them."""
    for found in file.identifiers:
        if found.kind == kind:
            yield Finding(f"{PLACES[file.kind]} holds {found.what}", where=found.where)


@check("PRIVACY_NATIONAL_ID", per="content", when=has_identifiers)
def privacy_national_id(file: FileView) -> Found:
    """A text holds a person's national number: a Spanish DNI or NIE, a French NIR, an Iranian code, a US SSN.

    Why: It identifies one person in a whole country. Its check digit is right, so it is hardly a coincidence.

    Fix: Remove it, and withdraw published copies.
    """
    return _report_identifiers(file, "national id")


@check("PRIVACY_EMAIL", per="content", level=Level.WARNING, when=has_identifiers)
def privacy_email(file: FileView) -> Found:
    """A cell, a sidecar or a header holds an e-mail address.

    Why: It identifies a person.

    Fix: Remove it. Contacts go into README.md or dataset_description.json.
    """
    return () if file.kind in CREDITED else _report_identifiers(file, "e-mail")


@check("PRIVACY_PHONE", per="content", level=Level.WARNING, when=has_identifiers)
def privacy_phone(file: FileView) -> Found:
    """A cell, a sidecar or a header holds a telephone number.

    Why: It identifies a person or a place.

    Fix: Remove it. Contacts go into README.md or dataset_description.json.
    """
    return () if file.kind in CREDITED else _report_identifiers(file, "phone")


CREDITS = re.compile(
    r"\$\.(Authors|Curators|Contributors|Maintainers|Contact\w*|Acknowledgements|HowToAcknowledge|Funding|References\w*"
    r"|EthicsApprovals|License|Citation\w*)\b"
)
"""Keys of descriptions that name those who made the data."""


@check("PRIVACY_PERSON", per="content", level=Level.WARNING, when=has_identifiers)
def privacy_person(file: FileView) -> Found:
    """A text holds what looks like a person's name: after "Dr.", "Patient:", "Fdo.", or in DICOM notation.

    Why: Reports name patients and physicians. Names without such a context are not found.

    Fix: De-identify the text again; check the other texts of the same source too.
    """
    if file.kind not in CREDITED:
        yield from (found for found in _report_identifiers(file, "person") if not CREDITS.match(found.where))


@check("PRIVACY_BIRTH_DATE", per="content", when=has_identifiers)
def privacy_birth_date(file: FileView) -> Found:
    """A text holds a date of birth.

    Why: With sex and place it identifies most people.

    Fix: Remove it; the age in years is enough.
    """
    return _report_identifiers(file, "birth date")


@check("PRIVACY_UID", per="content", when=has_identifiers)
def privacy_uid(file: FileView) -> Found:
    """A text holds a UID that is not one of the DICOM standard.

    Why: A UID finds the patient's record in the archive that it comes from.

    Fix: Remove it.
    """
    found = list(_report_identifiers(file, "uid"))
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    for first in found[:1]:
        yield Finding(f"{first.message}{more}", where=first.where)


@check("PRIVACY_DATE_TEXT", per="content", level=Level.WARNING, when=has_identifiers)
def privacy_date_text(file: FileView) -> Found:
    """A free text holds a date after 1925, in a dataset that shifts its dates.

    Why: It is a real date: it reveals when the patient was seen, and by how much all other dates were shifted.

    Fix: Shift or remove the dates of the text.
    """
    return _report_identifiers(file, "date") if file.dataset.facts.shifted and file.kind in ("table", "sidecar") else ()


REAL = re.compile(r"(19(2[6-9]|[3-9]\d)|2\d\d\d)-\d\d-\d\d")
"""A date that is not shifted: BIDS wants shifted ones in or before 1925."""


@check("PRIVACY_DATE_UNSHIFTED", per="table")
def privacy_date_unshifted(table: FileView) -> Found:
    """A table holds a date after 1925, in a dataset that shifts its dates.

    Why: It is a real date: it reveals when the patient was seen, and by how much all other dates were shifted.

    Fix: Shift it by the same number of days as the subject's other dates.
    """
    columns = table.table.columns if table.table and table.dataset.facts.shifted else {}
    for name in table.rows.header:
        if name in columns and columns[name].type in ("date", "datetime"):
            for line, value in zip(table.rows.lines, table.rows.column(name), strict=False):
                if REAL.match(value):
                    yield Finding("the date is not shifted", where=f"row {line}, column {name}")


# --- names of files --------------------------------------------------------------------------------------

_DAY = r"(?:19[3-9]\d|20[0-4]\d)(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_PATH = re.compile(rf"(?<!\d){_DAY}(?!\d)|(?<!\d){_DAY}(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?(?!\d)")
_LONG = re.compile(r"\d(?:\d{6}|-\d\d-\d|\.\d{1,9}\.\d)")


@check("PRIVACY_PATH", per="file", level=Level.WARNING)
def privacy_path(file: FileView) -> Found:
    """The name of a file or its folder holds a date, a national number or a UID.

    Why: Everybody sees names, and they spread into tables, logs and papers.

    Fix: Convert again with a key, so that a pseudonym replaces it.
    """
    if _LONG.search(file.path) and not file.is_companion:
        if _PATH.search(file.path):
            yield "the name holds what looks like a date"
        for kind, what in identify(file.path):
            if kind in ("national id", "uid"):
                yield f"the name holds {what}"
