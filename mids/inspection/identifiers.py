"""What in a text can identify a person: numbers with their check digits, addresses, names by their context.

Functions say where and of which kind, never what they found. Every quantifier is bounded: a text of a hundred
thousand capitals takes no longer than one of prose.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from mids.deid.text.numbers import is_dni, is_iranian, is_nir
from mids.inspection.people import BARE, DAYS, PEOPLE, as_tag, looks_like_person, squeeze
from mids.readers.tables.tsv import NA, Rows
from mids.records import Json
from mids.vocabulary.schema import Table

Kind = Literal["national id", "e-mail", "phone", "person", "birth date", "uid", "date"]


@dataclass(frozen=True, slots=True)
class Found:
    """An identifier: of which kind, what kind of number or name exactly, and the place inside the file."""

    kind: Kind
    what: str
    where: str = ""


# --- keys and columns that are identifiers by their name --------------------------------------------------

_KEYWORDS = """
PatientName PatientID IssuerOfPatientID OtherPatientIDs OtherPatientNames PatientBirthName PatientBirthDate
PatientBirthTime PatientAddress PatientTelephoneNumbers PatientMotherBirthName PatientComments
MedicalRecordLocator EthnicGroup Occupation CountryOfResidence RegionOfResidence PatientReligiousPreference
MilitaryRank BranchOfService AccessionNumber StudyID AdmissionID IssuerOfAdmissionID
RequestAttributesSequence InstitutionName InstitutionAddress InstitutionalDepartmentName StationName
DeviceSerialNumber ReferringPhysicianName ReferringPhysicianAddress ReferringPhysicianTelephoneNumbers
PerformingPhysicianName OperatorsName PhysiciansOfRecord NameOfPhysiciansReadingStudy RequestingPhysician
RequestingService ResponsiblePerson ResponsibleOrganization CurrentPatientLocation
PatientInstitutionResidence StudyInstanceUID SeriesInstanceUID SOPInstanceUID FrameOfReferenceUID
MediaStorageSOPInstanceUID ProcedureStepDescription ImageComments StudyComments RequestedProcedureID
ScheduledProcedureStepID PerformedProcedureStepID PersonName PersonAddress VerifyingObserverName
"""
IDENTIFIERS = frozenset(_KEYWORDS.split())
"""Keywords of DICOM PS3.15 table E.1-1 that name a person, a place or a visit: never in a sidecar."""

_SQUEEZED = frozenset(keyword.casefold() for keyword in IDENTIFIERS)

_COLUMNS = _SQUEEZED - {"studyid", "occupation", "stationname", "ethnicgroup"}
"""What of them a column may not be called either; a study's id and an occupation may be a study's own columns."""

PLACES = frozenset(
    "InstitutionName InstitutionAddress InstitutionalDepartmentName StationName DeviceSerialNumber "
    "ProcedureStepDescription ImageComments".split()
)
"""Those that BIDS itself defines, or that dcm2niix writes beside them: warnings where a dataset follows BIDS alone."""

DATES = re.compile("(Study|Series|Acquisition|Content|InstanceCreation|PerformedProcedureStepStart|Birth)Date(Time)?")
"""Keywords of dates on which the patient was seen."""

TAGS = re.compile("0010(0010|0020|0021|0030|0032|1000|1001|1005|1040|1060|1090|2150|2154|2180|4000)")
TAGS_OF_DATES = frozenset({"00080020", "00080021", "00080022", "00080023"})
TAGS_OF_VISITS = frozenset(
    "00080050 00080080 00080081 00080090 00081010 00081040 00081050 00081070 00181000 00200010".split()
)

COLUMN = re.compile(
    r"(patient|subject)?_?('s_)?(full_?|sur|first_?|last_?)?(name|nombre|apellidos?|nom|prenom)"
    r"|birth_?(date|day)|date_of_birth|dob|(fecha_(de_)?)?nac(imiento)?|date_(de_)?naissance"
    r"|patient_?('s_)?id|accession(_?number)?|mrn|nhc|sip|dni|nie|nif|nir|ssn|code_?melli"
    r"|medical_record(_number)?|address|direccion|adresse|phone|telephone|telefono|e?mail|correo"  # codespell:ignore
    r"|(study|series|sop)_?instance_?uid|institution(_?name)?|hospital"
)
"""Names of columns (lower case, without tags) that hold what must not be published."""


PUBLIC = frozenset(
    "participantid subjectid subjectnumber subjectcode participantcode participantnumber studyid".split()
)
"""Columns of pseudonyms: ids that the dataset gives its people and studies."""


def names_a_person(key: str) -> bool:
    """Whether a keyword or a tag, in any spelling, is that of a person, a place or a visit."""
    tag, word = as_tag(key), squeeze(key)
    if tag and (tag in TAGS_OF_VISITS or TAGS.fullmatch(tag)):
        return True
    return word in _SQUEEZED or (word not in BARE | PUBLIC and PEOPLE.fullmatch(word) is not None)


def names_a_patient(key: str) -> bool:
    """Whether a key is one of DICOM for a patient or a visit: descriptions name their authors and institutions."""
    return squeeze(key) in _COLUMNS and key not in PLACES


@lru_cache(maxsize=1 << 14)
def names_a_date(key: str) -> bool:
    """Whether a keyword or a tag, in any spelling, is that of a day on which a patient was seen."""
    return as_tag(key) in TAGS_OF_DATES or DATES.fullmatch(key) is not None or DAYS.fullmatch(squeeze(key)) is not None


@lru_cache(maxsize=4096)
def is_private_column(name: str) -> bool:
    """Whether the name of a column is one for names, ids, birth dates and the like."""
    plain = re.sub(r"\s*\(?[0-9a-f]{4},?\s?[0-9a-f]{4}\)?\s*$", "", name.strip().casefold())
    plain = plain.replace("&rsquo;", "'").replace("’", "'").replace(" ", "_").replace("-", "_")
    word = squeeze(name)
    return bool(COLUMN.fullmatch(plain) or (word not in PUBLIC and (PEOPLE.fullmatch(word) or word in _COLUMNS)))


# --- numbers with check digits ---------------------------------------------------------------------------


_DNI = re.compile(r"(?<![0-9A-Za-z])([XYZxyz]\d{7}|\d{8})[ -]?([A-HJ-NP-TV-Za-hj-np-tv-z])(?![0-9A-Za-z])", re.ASCII)
_NIR = re.compile(
    r"(?<![\d.-])([123478]) ?(\d\d) ?(\d\d) ?(\d\d|2[ABab]) ?(\d{3}) ?(\d{3}) ?(\d\d)(?![\d-]|\.\d)", re.ASCII
)
_SSN = re.compile(r"(?<![\d.-])(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\d-])", re.ASCII)
_TEN = re.compile(r"(?<!\d)\d{10}(?!\d)")
_MELLI = re.compile(r"(?:melli|kod.?e? ?mell|national (?:id|code|number)|کد ?ملی|كد ?ملي)\D{0,12}(\d{10})(?!\d)", re.I)


def _national_ids(text: str) -> Iterator[str]:
    if any(is_dni(*match.groups()) for match in _DNI.finditer(text)):
        yield "a Spanish DNI or NIE"
    if any(is_nir("".join(m.groups()[:6]), m[7]) for m in _NIR.finditer(text)):
        yield "a French NIR"
    if _SSN.search(text):
        yield "a US social security number"
    if any(is_iranian(match[1]) for match in _MELLI.finditer(text)):
        yield "an Iranian national code"


# --- other identifiers -----------------------------------------------------------------------------------

_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,4}\.[A-Za-z]{2,24}")
_PHONE = re.compile(
    r"(?<![\w.+])\+\d{1,3}[ .-]?(?:\(?\d{1,4}\)?[ .-]?){2,5}\d{2,4}(?![\w.])"
    r"|(?<![\w.-])[6789]\d\d(?:[ .-]\d{3}){2}(?![\w.-])"
    r"|(?<![\w.-])0[1-9](?:[ .-]\d\d){4}(?![\w.-])"
    r"|(?<![\w.-])(?:\(\d{3}\) ?|\d{3}-)\d{3}-\d{4}(?![\w.-])"
    r"|\b(?:tel|telf|tlf|tfno|tel[eé]fono|t[eé]l[eé]phone|phone|m[oó]vil|fax)\b\W{0,5}(?:\d[ .-]?){7,12}\d",
    re.ASCII | re.IGNORECASE,
)
_NAME = r"[A-ZÀ-ÖØ-Þ][\w'’-]{1,40}"
_PERSON = re.compile(
    rf"\b(?:Dr|Dra|Sr|Sra|Mr|Mrs|Ms|Mme|Prof)\.? {{1,3}}{_NAME}"
    rf"|\b(?:Fdo|[Ff]irmado(?: por)?|Signed(?: by)?)[.:]{{1,2}} {{0,3}}{_NAME}"
    rf"|\b(?:[Pp]aciente|[Pp]atient|[Nn]ombre(?: y apellidos)?|[Aa]pellidos?|[Nn]om|[Pp]atient'?s? [Nn]ame|[Nn]ame)"
    rf" {{0,2}}: {{0,3}}{_NAME} {{1,2}}{_NAME}"
)
_DICOM_NAME = re.compile(r"[^\W\d_][\w' .-]{0,62}\^[^\W\d_][\w' .-]{0,62}(?:\^[\w' .-]{0,62}){0,3}")
_DAY = r"(?:\d{1,2}[/.-]\d{1,2}[/.-](?:\d{4}|\d\d)|\d{4}-\d\d-\d\d|\d{1,2} (?:de )?[^\W\d_]{3,10} (?:del? )?\d{4})"
_BIRTH = re.compile(
    r"(?:\bborn(?: on)?|\bdate of birth|\bbirth ?date|\bDOB|\bf\.? ?nac\.?|\bfecha de nac(?:imiento|\.)?"
    rf"|\bnacid[oa](?: el)?|\bnée? le|\bdate de naissance)\W{{0,5}}{_DAY}",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"(?<![\d.])(?:(?:19[3-9]\d|20\d\d)-(?:0\d|1[0-2])-[0-3]\d|[0-3]?\d[/.-][01]?\d[/.-](?:19[3-9]\d|20\d\d))(?!\d)"
)
_UID = re.compile(r"(?<![\d.])(?:2\.25\.\d{20,39}|[0-2](?:\.(?:0|[1-9]\d{0,38})){5,30})(?![\d.])", re.ASCII)
ROOTS: Mapping[str, str] = {
    "1.2.840.113619.": "GE", "1.3.12.2.1107.": "Siemens", "1.3.46.670589.": "Philips",
    "1.2.392.200036.9116.": "Canon (Toshiba)", "1.2.392.200036.9125.": "Fujifilm",
    "1.2.392.200036.9107.": "Konica Minolta", "1.3.51.": "Agfa", "1.2.840.113564.": "Carestream (Kodak)",
    "1.2.840.113704.": "Philips (Marconi)", "1.2.124.113532.": "Philips (Sectra)", "1.2.752.24.": "Sectra",
    "1.2.276.0.7230010.": "DCMTK", "1.2.826.0.1.3680043.": "Medical Connections",
    "1.3.6.1.4.1.14519.": "a CTP project", "1.3.6.1.4.1.9590.": "MATLAB", "2.25.": "a UUID",
}  # fmt: skip
"""Roots under which makers of devices and programs give UIDs."""


def _uid(text: str) -> str:
    """Of which maker a UID in the text is; "" where there is none but those of PS3.6's registry."""
    for match in _UID.finditer(text):
        if len(match[0]) >= 20 and not _is_of_the_standard(match[0]):
            maker = next((maker for root, maker in ROOTS.items() if match[0].startswith(root)), "")
            return f"a UID of {maker}" if maker else "a UID"
    return ""


def _is_of_the_standard(uid: str) -> bool:
    """Whether PS3.6's registry has a UID: all in it are below one root, so the registry is seldom loaded."""
    if not uid.startswith("1.2.840.10008."):
        return False
    from mids.deid.headers.elements import is_registered_uid

    return is_registered_uid(uid)


def _is_person(text: str) -> bool:
    found = _PERSON.search(text) or _DICOM_NAME.fullmatch(text.strip())
    return found is not None or looks_like_person(text)


_TESTS: tuple[tuple[Kind, str, Callable[[str], object]], ...] = (
    ("e-mail", "an e-mail address", _EMAIL.search),
    ("phone", "a telephone number", _PHONE.search),
    ("person", "a name", _is_person),
    ("birth date", "a date of birth", _BIRTH.search),
    ("date", "a date", lambda text: len(text) > 20 and _DATE.search(text)),
)
_SIGNS = re.compile(r"[@^:]|[A-Z]\w{1,3}\.? |\d(?:\d{6}|[ /.-]\d| [^\W\d_])|\+\d|Fdo|irmado|igned")
"""Without any of these a text holds no identifier that is looked for, unless all of it is a name."""


@lru_cache(maxsize=1 << 13)
def identify(text: str) -> tuple[tuple[Kind, str], ...]:
    """The kinds of identifiers in a text, each with what it is exactly."""
    if len(text) < 7:
        return ()
    if not _SIGNS.search(text):
        return (("person", "a name"),) if looks_like_person(text) else ()
    return identify_closely(text)


def identify_closely(text: str) -> tuple[tuple[Kind, str], ...]:
    """The same of a text that has signs of an identifier."""
    found: list[tuple[Kind, str]] = [("national id", what) for what in _national_ids(text)]
    found += [(kind, what) for kind, what, test in _TESTS if test(text)]
    if uid := _uid(text):
        found.append(("uid", uid))
    return tuple(found)


# --- in the parts of a dataset ---------------------------------------------------------------------------


def find_in_entries(entries: Iterable[tuple[str, str, Json]]) -> tuple[Found, ...]:
    """The identifiers in (place, key, value); what keys that are identifiers themselves hold is left out."""
    found = []
    for where, key, value in entries:
        for text in value if isinstance(value, list) else (value,):
            if isinstance(text, str) and len(text) > 6 and (kinds := _find_in_value(text)) and not names_a_person(key):
                found += [Found(kind, what, where) for kind, what in kinds]
    return tuple(found)


def is_suspicious(content: Json) -> bool:
    """Whether any text in a JSON value holds an identifier; asked before places are made."""
    items = content.values() if isinstance(content, dict) else content if isinstance(content, list) else (content,)
    for item in items:
        kind = type(item)  # most values are numbers and short words: isinstance for each costs more than all else
        if kind is str:
            if len(item) > 6 and _find_in_value(item):  # type: ignore[arg-type]
                return True
        elif (kind is dict or kind is list) and is_suspicious(item):
            return True
    return False


def _find_in_value(text: str) -> tuple[tuple[Kind, str], ...]:
    if len(text) == 10 and text.isdecimal() and is_iranian(text):
        return (("national id", "an Iranian national code"),)
    return identify(text)


def find_in_lines(text: str) -> tuple[Found, ...]:
    """The identifiers in the lines of a text."""
    return tuple(
        Found(kind, what, f"line {number}")
        for number, line in enumerate(text.splitlines(), start=1)
        for kind, what in identify(line)
    )


SHORT = 6
"""Characters of a text that is too short for an identifier."""
CHECKED = frozenset({"number", "integer", "path", "code", "date", "datetime"})
"""Types of columns whose cells can't hold an identifier without being reported for their type."""


def find_in_cells(rows: Rows, table: Table | None) -> tuple[Found, ...]:
    """The identifiers in the cells of a table; columns that are identifiers by their name are left out."""
    found = []
    for at, name in enumerate(rows.header):
        column = table.columns.get(name) if table else None
        if (column and column.type in CHECKED) or is_private_column(name):
            continue
        values = [row[at] for row in rows.rows]
        if not values or max(map(len, values)) <= SHORT:
            continue
        # Any ten digits are an Iranian code by chance once in eleven times; all of a column are not.
        tens = {value for value in values if len(value) == 10 and value.isdecimal()}
        iranian = tens if tens and all(map(is_iranian, tens)) else set()
        for line, value in zip(rows.lines, values, strict=True):
            if len(value) > SHORT and value != NA:
                kinds = identify(value) if value not in iranian else (("national id", "an Iranian national code"),)
                found += [Found(kind, what, f"row {line}, column {name[:40]}") for kind, what in kinds]
    return tuple(found)
