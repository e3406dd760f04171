"""A small MIDRC-RICORD-1C: radiographs of two invented patients, labels of two readers and a judge, a workbook."""

import json
import re
import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from openpyxl import Workbook
from pydicom.dataset import Dataset
from pydicom.uid import ComputedRadiographyImageStorage, DigitalXRayImageStorageForPresentation

from example_datasets.generators import radiograph
from example_datasets.generators.covid19_ct import as_zip
from example_datasets.generators.dicomfile import Values, encode, instance, uid, with_pixels
from example_datasets.generators.midrc_ricord_1a import HEADER, STAMP, File, Study, clinical_row

PREFIX = "MIDRC-RICORD-1C"
FIRST = Study("1c-first", f"{PREFIX}-419639-001001", "20040610", "XR CHEST 1 VIEW AP", "071Y", "M")
SECOND = Study("1c-second", f"{PREFIX}-SITE2-001002", "20010124", "XR CHEST 2 VIEWS", "038Y", "F")

LABELS = (
    "Typical Appearance", "Indeterminate Appearance", "Atypical Appearance", "Negative for Pneumonia",
    "Mild Opacities  (1-2 lung zones)", "Moderate Opacities (3-4 lung zones)", "Severe Opacities (>4 lung zones)",
    "Invalid Study",
)  # fmt: skip
"""The labels of each group, the second blank of the fifth among them."""
GROUPS = ("Tiger", "Lion", "Adjudication")
SAID = (
    ("Tiger", 0, FIRST), ("Tiger", 5, FIRST), ("Lion", 1, FIRST), ("Lion", 4, FIRST), ("Adjudication", 0, FIRST),
    ("Tiger", 3, SECOND), ("Lion", 7, SECOND),
)  # fmt: skip


def files() -> Iterator[File]:
    """Every file of the source, sorted by path."""
    images = [
        (_folder(FIRST, 1), _picture(FIRST, 1, "AP")),
        (_folder(SECOND, 1), _picture(SECOND, 1, "PA")),
        (_folder(SECOND, 2), _picture(SECOND, 2, "LL")),
    ]
    yield from sorted(
        [
            *((f"{folder}/1-001.dcm", encode(dataset)) for folder, dataset in images),
            ("1c_mdai_annotations_labelgroup_all.json", json.dumps(_export(), indent=0).encode()),
            ("MIDRC-RICORD-1C Clinical Data.xlsx", _workbook()),
        ]
    )


def _folder(study: Study, number: int) -> str:
    day = f"{study.day[4:6]}-{study.day[6:]}-{study.day[:4]}"
    series = uid("ricord", "series", study.name, number)
    top = f"{PREFIX}/{study.patient}/{day}-NA-{study.description}-{study.uid[-5:]}"
    return f"{top}/{number}.000000-NA-{series[-5:]}"


def _picture(study: Study, number: int, view: str) -> Dataset:
    """A DX, or for the bedside image a CR in MONOCHROME1, of 12 bits."""
    is_bedside = view == "AP"
    values: Values = {
        "SpecificCharacterSet": "ISO_IR 100", "PatientName": study.patient, "PatientID": study.patient,
        "PatientSex": study.sex, "PatientAge": study.age, "PatientIdentityRemoved": "YES",
        "StudyInstanceUID": study.uid, "StudyDate": study.day, "StudyTime": "", "StudyID": "", "AccessionNumber": "",
        "ReferringPhysicianName": "", "StudyDescription": study.description,
        "SeriesInstanceUID": uid("ricord", "series", study.name, number), "SeriesNumber": number,
        "SeriesDescription": "", "Modality": "CR" if is_bedside else "DX", "BodyPartExamined": "CHEST",
        "Manufacturer": "CALCULATED PHANTOMS", "InstanceNumber": 1, "ImageType": ["ORIGINAL", "PRIMARY"],
        "ViewPosition": view, "WindowCenter": 1700, "WindowWidth": 2600,
        "RescaleSlope": 1, "RescaleIntercept": 0, "RescaleType": "US",
    }  # fmt: skip
    kind = ComputedRadiographyImageStorage if is_bedside else DigitalXRayImageStorageForPresentation
    water = radiograph.lateral() if view == "LL" else radiograph.frontal()
    stored = radiograph.store_water(water, *((4000, -10) if is_bedside else (100, 10)))
    dataset = instance(kind, f"ricord-{study.name}-{number}", values)
    return with_pixels(dataset, stored, "MONOCHROME1" if is_bedside else "MONOCHROME2", 12)


def _export() -> dict[str, Any]:
    groups = [
        {
            "id": f"G_1c{n}", "name": group, "type": "STANDARD",
            "labels": [
                {"id": f"L_1c{n}{k}", "parentId": None, "name": name, "shortName": "", "color": "#d32f2f",
                 "type": "GLOBAL", "scope": "STUDY", "annotationMode": None}
                for k, name in enumerate(LABELS)
            ],
        }
        for n, group in enumerate(GROUPS)
    ]  # fmt: skip
    annotations = [
        {
            "id": f"A_1c{n:03}", "createdAt": STAMP, "createdById": f"U_1c{GROUPS.index(group)}",
            "labelId": f"L_1c{GROUPS.index(group)}{k}", "annotationNumber": n, "height": None, "width": None,
            "data": None, "note": None, "StudyInstanceUID": study.uid,
        }
        for n, (group, k, study) in enumerate(SAID)
    ]  # fmt: skip
    studies = [{"StudyInstanceUID": study.uid, "number": n} for n, study in enumerate((FIRST, SECOND), start=1)]
    dataset = {"id": "D_1c", "name": "Invented", "studies": studies, "annotations": annotations}
    return {"id": "INVENTED", "name": "Invented export", "labelGroups": groups, "datasets": [dataset]}


def _workbook() -> bytes:
    """The clinical table as a workbook, without clock time."""
    book = Workbook()
    sheet = book.worksheets[0]
    for row in (
        HEADER,
        clinical_row(FIRST, "71.20", "M", "1", "DETECTED", "RT-PCR", "CR"),
        clinical_row(SECOND, "38.0", "F", "2", "DETECTED", "RT-PCR", "DX"),
    ):
        sheet.append(list(row))
    buffer = BytesIO()
    book.save(buffer)
    with zipfile.ZipFile(buffer) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    clock = re.compile(rb">[0-9T:-]+Z<")
    return as_zip([(name, clock.sub(b">2020-01-01T00:00:00Z<", content)) for name, content in members.items()])
