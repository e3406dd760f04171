"""Privacy: names, ids, dates and UIDs of patients that were left in. No message shows what was found."""

import re

from mids.checks.registry import Finding, Found, check
from mids.checks.views import FileView
from mids.errors import DataError
from mids.issues import Level
from mids.readers.heads import NiftiHead, PngHead
from mids.records import Json

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

DATES = re.compile("(Study|Series|Acquisition|Content|InstanceCreation|PerformedProcedureStepStart|Birth)Date(Time)?")
"""Keywords of dates on which the patient was seen."""

TAGS = re.compile("0010(0010|0020|0021|0030|0032|1000|1001|1005|1040|1060|1090|2150|2154|2180|4000)")
TAGS_OF_DATES = ("00080020", "00080021", "00080022", "00080023")
TAGS_OF_VISITS = (
    "00080050",
    "00080080",
    "00080081",
    "00080090",
    "00081010",
    "00081040",
    "00081050",
    "00081070",
    "00181000",
    "00200010",
)
BLANK = ("", "anonymous", "anonymized", "anonymised", "anon", "removed", "none", "n/a", "0", "00000000")
"""Values that say nothing of anybody."""

UID = re.compile(r"[0-2](\.(0|[1-9]\d*)){5,}")
STANDARD_UID = "1.2.840.10008."
COLUMN = re.compile(
    r"(patient|subject)?_?('s_)?(full_?|sur|first_?|last_?)?(name|nombre|apellidos?)|birth_?(date|day)|date_of_birth"
    r"|dob|patient_?('s_)?id|accession(_?number)?|mrn|nhc|medical_record(_number)?|address|phone|telephone|e?mail|ssn"
    r"|(study|series|sop)_?instance_?uid|institution(_?name)?|hospital"
)
"""Names of columns (lower case, without tags) that hold what must not be published."""

CLOCK = re.compile(r"\b(19|20)\d\d[-/.]?(0[1-9]|1[0-2])[-/.]?(0[1-9]|[12]\d|3[01])\b|\bTime=\d")
"""A day, or dcm2niix's note of the time of acquisition."""


@check("PRIVACY_KEY", per="json")
def privacy_key(file: FileView) -> Found:
    """A sidecar holds a key that names a patient, a person, an institution or a visit, such as PatientName.

    Why: It can identify the patient. This is a leak, not a matter of style.

    Fix: Remove the key, withdraw published copies, and convert again with a policy that removes it.
    """
    for where, key, value in file.entries:
        if (key in IDENTIFIERS or _is_private_tag(key)) and _says_something(value):
            yield Finding(f"{key} must not be in a sidecar", where=where)


@check("PRIVACY_DATE", per="json")
def privacy_date(file: FileView) -> Found:
    """A sidecar holds the date of an examination.

    Why: Together with age and place a date finds a patient in any hospital's list.

    Fix: Remove the key; times belong, shifted, into the acq_time of the tables.
    """
    for where, key, value in file.entries:
        is_date = DATES.fullmatch(key) or key in TAGS_OF_DATES
        if is_date and _says_something(value):
            yield Finding(f"{key} must not be in a sidecar", where=where)


@check("PRIVACY_UID", per="json")
def privacy_uid(file: FileView) -> Found:
    """A sidecar holds a UID that is not one of the DICOM standard.

    Why: A UID finds the patient's record in the archive that it comes from.

    Fix: Remove the key.
    """
    found = [
        where
        for where, key, value in file.entries
        if key not in IDENTIFIERS and any(_is_uid(text) for text in _texts(value))
    ]
    if found:
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        yield Finding(f"a UID must not be in a sidecar{more}", where=found[0])


def _is_private_tag(key: str) -> bool:
    return key in TAGS_OF_VISITS or TAGS.fullmatch(key) is not None


def _says_something(value: Json) -> bool:
    if isinstance(value, dict | list):
        return bool(value)
    return value is not None and str(value).strip(" ^").casefold() not in BLANK


def _texts(value: Json) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [text.strip() for text in values if isinstance(text, str)]


def _is_uid(text: str) -> bool:
    return 20 <= len(text) <= 64 and UID.fullmatch(text) is not None and not text.startswith(STANDARD_UID)


@check("PRIVACY_COLUMN", per="table")
def privacy_column(table: FileView) -> Found:
    """A table has a column for names, ids, birth dates, accession numbers, UIDs or institutions.

    Why: It can identify the patient.

    Fix: Remove the column; the public id of the source belongs into source_id.
    """
    for number, name in enumerate(table.rows.header, start=1):
        plain = re.sub(r"\s*\(?[0-9a-f]{4},?\s?[0-9a-f]{4}\)?\s*$", "", name.strip().casefold())
        plain = plain.replace("&rsquo;", "'").replace("’", "'").replace(" ", "_").replace("-", "_")
        values = table.rows.column(name)
        if COLUMN.fullmatch(plain) and any(_says_something(value) for value in values):
            yield Finding("this column must not be in a table", where=f"column {number}")


@check("PRIVACY_AGE", per="table")
def privacy_age(table: FileView) -> Found:
    """An age above 89 stands in a table.

    Why: The very old are few, and an exact age finds them (HIPAA, 45 CFR 164.514(b)(2)(i)(C)).

    Fix: Write 89 for everyone of 89 and above.
    """
    for line, value in zip(table.rows.lines, table.rows.column("age"), strict=False):
        if re.fullmatch(r"\d{2,3}(\.\d+)?", value.strip()) and float(value) > 89:
            yield Finding("the age is above 89", where=f"row {line}, column age", expected="89")


@check("PRIVACY_NIFTI_TEXT", per="image", level=Level.WARNING)
def privacy_nifti_text(image: FileView) -> Found:
    """A text field in the header of a volume holds a date, a time or something in db_name.

    Why: dcm2niix writes the time of acquisition there, other programs the patient's name.

    Fix: Clear the field; conversion by this program leaves none.
    """
    if isinstance(image.head, NiftiHead):
        for name, text in image.head.texts:
            if name == "db_name" or CLOCK.search(text):
                yield Finding("this field holds a date, a time or a name", where=name)


@check("PRIVACY_PNG_TEXT", per="image")
def privacy_png_text(image: FileView) -> Found:
    """A PNG carries text, camera notes or a time besides its pixels.

    Why: Nobody sees them, and they may name the patient, the place or the day.

    Fix: Write the PNG again without ancillary chunks.
    """
    if isinstance(image.head, PngHead):
        for name in dict.fromkeys(image.head.texts):
            yield Finding("this chunk must not be in an image", where=name)


@check("PRIVACY_PNG_TEXT_AFTER", per="image", deep=True)
def privacy_png_text_after(image: FileView) -> Found:
    """A PNG carries text, camera notes or a time after its pixels.

    Why: Nobody sees them, and they may name the patient, the place or the day.

    Fix: Write the PNG again without ancillary chunks.
    """
    whole = image.whole
    if isinstance(image.head, PngHead) and not isinstance(whole, DataError):
        for name in dict.fromkeys(whole[len(image.head.texts) :]):
            yield Finding("this chunk must not be in an image", where=name)
