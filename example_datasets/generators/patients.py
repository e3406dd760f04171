"""Who the phantom is: three invented patients. All their identifiers are canaries for privacy tests."""

from example_datasets.generators.dicomfile import Values, uid

_HOSPITAL = {
    "InstitutionName": "Hospital Fantasma de Prueba",
    "InstitutionAddress": "Plaza de la Constitución 7, 46999 Villainventada",
    "InstitutionalDepartmentName": "Radiodiagnóstico Fantasma",
    "StationName": "PHANTOMSTN9",
    "DeviceSerialNumber": "SN-98765-CANARY",
    "ReferringPhysicianName": "FONSECA^MIRANDA^^DRA",
    "PerformingPhysicianName": "QUESADA^TADEO",
    "OperatorsName": "OPERADOR^WENCESLAO",
}

PATIENT_A: Values = {
    "SpecificCharacterSet": "ISO_IR 100",
    "PatientName": "DOE^JANE",
    "PatientID": "000123",
    "IssuerOfPatientID": "HFANTASMA",
    "OtherPatientIDsSequence": [{"PatientID": "SIP99887766", "IssuerOfPatientID": "SIP-CANARY"}],
    "PatientBirthDate": "19600203",
    "PatientSex": "F",
    "PatientSize": 1.63,
    "PatientWeight": 61.5,
    "PatientAddress": "Avenida del Fantasma 42",
    "PatientTelephoneNumbers": "+34 600 555 019",
    "PatientComments": "Hija: MARY DOE, tel. 600555020",
    **_HOSPITAL,
}

PATIENT_B: Values = {
    "SpecificCharacterSet": "ISO_IR 192",
    "PatientName": "NÚÑEZ^BEGOÑA",
    "PatientID": "123",
    "PatientBirthDate": "19280917",
    "PatientSex": "F",
    "PatientAddress": "Plaza del Fantasma 43",
    **_HOSPITAL,
}

PATIENT_C: Values = {
    "SpecificCharacterSet": "ISO_IR 100",
    "PatientName": "ROE^RICHARD",
    "PatientID": "HC-77001/X",
    "IssuerOfPatientID": "HFANTASMA",
    "PatientBirthDate": "19850630",
    "PatientSex": "M",
    "PatientWeight": 82.0,
    **_HOSPITAL,
}

CANARIES = (
    *("DOE", "JANE", "MARY DOE", "NÚÑEZ", "BEGOÑA", "ROE^", "RICHARD", "000123", "SIP99887766", "HC-77001"),
    *("19600203", "1960-02-03", "19280917", "1928-09-17", "19850630", "1985-06-30"),
    *("Fantasma", "HFANTASMA", "Constitución", "Villainventada", "PHANTOMSTN9", "98765-CANARY", "SIP-CANARY"),
    *(
        "Pérez",
        "FONSECA",
        "QUESADA",
        "WENCESLAO",
        "ACC-4711",
        "600 555 019",
        "600555020",
        "CANARY-PRIVATE",
        "2.25.",
    ),
    *("20210304", "2021-03-04", "20210912", "2021-09-12", "20200117", "2020-01-17", "20220528", "2022-05-28"),
)
"""Text that may appear in no output, whatever the letter case.

PatientID "123" of patient B is too short to search for, and is one as well.
"""


def study(name: str, date: str, time: str, description: str, number: int) -> Values:
    """The study level; the accession number and the request hold canaries too."""
    return {
        "StudyInstanceUID": uid("study", name),
        "StudyID": f"{number:04d}",
        "StudyDate": date,
        "SeriesDate": date,
        "AcquisitionDate": date,
        "ContentDate": date,
        "StudyTime": time,
        "SeriesTime": time,
        "AcquisitionTime": f"{time}.250000",
        "ContentTime": time,
        "StudyDescription": description,
        "AccessionNumber": f"ACC-4711-{number}",
        "RequestAttributesSequence": [
            {"RequestedProcedureID": f"ACC-4711-{number}", "RequestedProcedureDescription": "Pide FONSECA"}
        ],
    }


def series(name: str, modality: str, number: int, description: str, part: str, study_name: str) -> Values:
    """The series level, frame of reference shared by the study, device attributes that are not canaries.

    dcm2niix tells vendors by the first two letters of Manufacturer: these ask for no private data.
    """
    return {
        "SeriesInstanceUID": uid("series", name),
        "FrameOfReferenceUID": uid("frame", study_name),
        "Modality": modality,
        "SeriesNumber": number,
        "SeriesDescription": description,
        "BodyPartExamined": part,
        "Manufacturer": "CALCULATED PHANTOMS",
        "ManufacturerModelName": f"Analytic {modality}",
        "SoftwareVersions": "phantom 1",
    }
