"""A small MIDRC-RICORD-1A: three invented patients in NBIA's layout, an MD.ai export of two and a half readers, tables.

The phantom's markers stand for lesions: every outline is the circle in which a marker cuts a slice, drawn in pixels
whose whole numbers are corners, so that the voxels of a label map must be the voxels that have the marker's value.
"""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from math import cos, pi, radians, sin, sqrt
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage

from example_datasets.generators.anatomy import MARKERS, Marker, hu
from example_datasets.generators.dicomfile import Values, axis, encode, instance, uid, with_pixels

File: TypeAlias = tuple[str, bytes]
Json: TypeAlias = dict[str, Any]

PREFIX = "MIDRC-RICORD-1A"
PIXEL = 9.0
ROWS, COLUMNS = 32, 40
TILT = 12.0
DENSE, SOFT = MARKERS["right upper anterior"], MARKERS["left lower posterior"]
STAMP = "2020-11-04T22:14:25.137Z"


@dataclass(frozen=True, slots=True)
class Study:
    """One examination: `day` as DICOM writes it, `agent` the contrast agent of the header."""

    name: str
    patient: str
    day: str
    description: str
    age: str
    sex: str
    agent: str = ""

    @property
    def uid(self) -> str:
        return uid("ricord", "study", self.name)


@dataclass(frozen=True, slots=True)
class Series:
    """A stack of slices: `centres` (n, 3) in LPS mm, `column` and `row` the directions of columns and rows."""

    study: Study
    number: int
    description: str
    centres: NDArray[np.float64]
    column: tuple[float, float, float] = (0.0, 1.0, 0.0)
    kernel: str = "B40f"
    row: tuple[float, float, float] = (1.0, 0.0, 0.0)

    @property
    def uid(self) -> str:
        return uid("ricord", "series", self.study.name, self.number)

    def sop(self, index: int) -> str:
        """SOPInstanceUID of a slice, counted as in `centres`."""
        return uid("instance", self.name(index))

    def name(self, index: int) -> str:
        return f"ricord-{self.study.name}-{self.number}-{index}"

    def points(self, index: int) -> NDArray[np.float64]:
        """LPS mm of every pixel's centre: (3, rows, columns)."""
        down = np.multiply.outer(self.column, axis(ROWS, PIXEL))[:, :, None]
        right = np.multiply.outer(self.row, axis(COLUMNS, PIXEL))[:, None, :]
        return np.asarray(self.centres[index][:, None, None] + down + right)

    @property
    def folder(self) -> str:
        """NBIA's: patient, day and study, series, each with the last five digits of its UID."""
        day, study = self.study.day, self.study
        date = f"{day[4:6]}-{day[6:]}-{day[:4]}"
        top = f"{study.patient[:15]}/{study.patient}/{date}-NA-{study.description or 'NA'}-{study.uid[-5:]}"
        return f"{top}/{self.number}.000000-{self.description or 'NA'}-{self.uid[-5:]}"


def _along(z: Sequence[float]) -> NDArray[np.float64]:
    return np.array([[0.0, 0.0, value] for value in z])


FIRST = Study("first", f"{PREFIX}-419639-000901", "20020802", "CT CHEST WITHOUT CONTRAST", "067Y", "F")
LATER = Study("later", f"{PREFIX}-419639-000901", "20020809", "CT CHEST WITHOUT CONTRAST", "067Y", "F")
SECOND = Study("second", f"{PREFIX}-660042-000907", "20081120", "", "091Y", "M", agent="OMNIPAQUE 350")
BARE = Study("bare", f"{PREFIX}-440808-000911", "20050511", "CHEST", "", "")

_LEANING = (0.0, round(cos(radians(TILT)), 9), round(-sin(radians(TILT)), 9))
AXIAL = Series(FIRST, 2, "ROUTINE CHEST NON-CON", _along(axis(13, 10.0, 0.0)))
CORONAL = Series(
    FIRST,
    604,
    "COR 3X3",
    np.array([[0.0, y, 0.0] for y in axis(5, 12.0, -45.0)]),
    column=(0.0, 0.0, -1.0),
    kernel="B70f",
)
UNEVEN = Series(LATER, 3, "0.625mm bone alg", _along([-50, -40, -30, -20, 10, 20, 30, 40]), kernel="B70f")
TILTED = Series(SECOND, 4, "", _along(axis(9, 10.0)), column=_LEANING)
PLAIN = Series(BARE, 2, "5mm", _along(axis(4, 12.0)))
SERIES = (AXIAL, CORONAL, UNEVEN, TILTED, PLAIN)
TWIN = 2
"""The slice of `TILTED` that lies there twice, the copy with a UID of its own (`TWIN_SOP`)."""
TWIN_SOP = uid("instance", "ricord-twin")
ABSENT = "2.25.1111111111111111111111111111110"
"""A UID that stands in tables and annotations, and in no image."""


# --- images ----------------------------------------------------------------------------------------------


def slices(series: Series) -> Iterator[Dataset]:
    """The images from the first centre to the last; InstanceNumber counts the other way."""
    study = series.study
    for index in range(len(series.centres)):
        points = series.points(index)
        values: Values = {
            "SpecificCharacterSet": "ISO_IR 100", "PatientName": study.patient, "PatientID": study.patient,
            "PatientSex": study.sex, "PatientAge": study.age, "PatientIdentityRemoved": "YES",
            "StudyInstanceUID": study.uid, "StudyDate": study.day, "StudyTime": "",
            "StudyDescription": study.description, "AccessionNumber": "", "StudyID": "", "ReferringPhysicianName": "",
            "SeriesInstanceUID": series.uid, "SeriesNumber": series.number, "SeriesDescription": series.description,
            "Modality": "CT", "BodyPartExamined": "CHEST", "FrameOfReferenceUID": uid("ricord", "frame", study.name),
            "Manufacturer": "CALCULATED PHANTOMS", "ManufacturerModelName": "Analytic CT",
            "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], "InstanceNumber": len(series.centres) - index,
            "ImagePositionPatient": [round(float(value), 6) for value in points[:, 0, 0]],
            "ImageOrientationPatient": [*series.row, *series.column], "PixelSpacing": [PIXEL, PIXEL],
            "SliceThickness": 5, "KVP": 120, "ConvolutionKernel": series.kernel, "PatientPosition": "HFS",
            "RescaleSlope": 1, "RescaleIntercept": -1024, "RescaleType": "HU",
        }  # fmt: skip
        if study.agent:
            values = {**values, "ContrastBolusAgent": study.agent}
        dataset = instance(CTImageStorage, series.name(index), values)
        stored = (np.round(hu(*points)) + 1024).astype(np.uint16)
        yield with_pixels(dataset, stored, "MONOCHROME2", 12)


def _twin() -> Dataset:
    dataset = list(slices(TILTED))[TWIN]
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = TWIN_SOP
    return dataset


def _images() -> Iterator[File]:
    for series in SERIES:
        found = [*slices(series), *([_twin()] if series is TILTED else [])]
        for number, dataset in enumerate(reversed(found), start=1):
            yield f"{series.folder}/1-{number:03}.dcm", encode(dataset)


# --- annotations -----------------------------------------------------------------------------------------

REGIONS = (
    "Infectious opacity", "Infectious TIB/micronodules", "Infectious cavity", "Noninfectious nodule/mass",
    "Atelectasis", "Other noninfectious opacity",
)  # fmt: skip
EXAM = (
    "Typical", "Indeterminate", "Effusion", "Emphysema", "With IV contrast", "Without IV contrast",
    "QA- inadequate motion/breathing", "Pacemaker", "Endotracheal tube",
)  # fmt: skip
PURPLE, GREEN, ADJUDICATION = "Purple Group 1", "Green Group 2", "Adjudication"
USERS = {PURPLE: "U_inv1", GREEN: "U_inv2", ADJUDICATION: "U_inv3"}
SHARED = "L_shared"
"""The id that "Atelectasis" has in two groups."""


def circle(marker: Marker, series: Series, index: int, count: int = 48) -> list[list[float]]:
    """Where a marker cuts a slice, as (column, row) with corners at whole numbers; empty where it does not."""
    down, right = np.array(series.column), np.array([1.0, 0.0, 0.0])
    offset = np.array(marker.centre) - series.centres[index]
    normal = np.cross(right, down)
    height = float(offset @ normal)
    if abs(height) >= marker.radius:
        return []
    radius = sqrt(marker.radius**2 - height**2) / PIXEL / cos(pi / count) + 1e-6  # outside the polygon's corners
    column, row = float(offset @ right) / PIXEL + COLUMNS / 2, float(offset @ down) / PIXEL + ROWS / 2
    angles = [2 * pi * k / count for k in range(count)]
    return [[round(column + radius * cos(a), 4), round(row + radius * sin(a), 4)] for a in angles]


def _label(group: str, name: str) -> Json:
    local = name in REGIONS
    number = (*REGIONS, *EXAM).index(name)
    key = SHARED if name == "Atelectasis" and group != ADJUDICATION else f"L_{USERS[group][-1]}{number:02}"
    return {
        "id": key, "parentId": None, "name": name, "shortName": "", "color": "#d32f2f",
        "type": "LOCAL" if local else "GLOBAL", "scope": "INSTANCE" if local else "STUDY",
        "annotationMode": "freeform" if local else None,
    }  # fmt: skip


class _Annotations:
    """Collects annotations with running ids."""

    def __init__(self) -> None:
        self.found: list[Json] = []

    def add(self, group: str, name: str, study: str, data: Json | None = None, **more: Any) -> None:
        """One annotation; `more` are further keys of MD.ai, None leaves the key out."""
        entry: Json = {
            "id": f"A_inv{len(self.found):03}", "createdAt": STAMP, "createdById": USERS[group],
            "labelId": _label(group, name)["id"], "annotationNumber": len(self.found), "height": None, "width": None,
            "data": data, "note": None, "StudyInstanceUID": study,
        }  # fmt: skip
        self.found.append({**entry, **more})

    def draw(self, group: str, name: str, series: Series, index: int, data: Json | None, **more: Any) -> None:
        """An annotation of one slice."""
        place = {"SeriesInstanceUID": series.uid, "SOPInstanceUID": series.sop(index), "height": ROWS, "width": COLUMNS}
        self.add(group, name, series.study.uid, data, **{**place, **more})

    def trace(self, group: str, name: str, series: Series, marker: Marker, **more: Any) -> None:
        """A marker's circles on every slice that it cuts."""
        for index in range(len(series.centres)):
            if points := circle(marker, series, index):
                self.draw(group, name, series, index, {"vertices": points}, **more)


def _annotations() -> list[Json]:
    made = _Annotations()
    _regions(made)
    _exams(made)
    _marks(made)
    _defects(made)
    return made.found


def _regions(made: _Annotations) -> None:
    for series in (AXIAL, UNEVEN, CORONAL):
        made.trace(PURPLE, "Infectious opacity", series, DENSE)
    made.trace(PURPLE, "Infectious TIB/micronodules", AXIAL, SOFT)
    made.trace(GREEN, "Infectious opacity", AXIAL, DENSE)
    made.trace(GREEN, "Infectious cavity", AXIAL, SOFT)
    made.trace(PURPLE, "Infectious opacity", TILTED, DENSE)
    twin = circle(SOFT, TILTED, TWIN)
    made.draw(PURPLE, "Noninfectious nodule/mass", TILTED, TWIN, {"vertices": twin}, SOPInstanceUID=TWIN_SOP)
    hole = {"foreground": [[[4, 4], [12, 4], [12, 12], [4, 12]]], "background": [[[6, 6], [10, 6], [10, 10], [6, 10]]]}
    made.draw(GREEN, "Atelectasis", AXIAL, 0, hole, frameNumber=None, isInterpolated=False, reviews=[])


def _exams(made: _Annotations) -> None:
    for name in ("Typical", "Without IV contrast", "Effusion"):
        made.add(PURPLE, name, FIRST.uid)
    made.add(GREEN, "Indeterminate", FIRST.uid, note="lower lobes, motion at the bases")
    made.add(GREEN, "QA- inadequate motion/breathing", FIRST.uid)
    made.add(ADJUDICATION, "Typical", FIRST.uid)
    made.add(PURPLE, "Typical", LATER.uid)
    for name in ("Typical", "Without IV contrast", "Pacemaker", "Endotracheal tube"):
        made.add(GREEN, name, SECOND.uid)
    made.add(PURPLE, "With IV contrast", SECOND.uid)


def _marks(made: _Annotations) -> None:
    made.draw(GREEN, "Infectious opacity", UNEVEN, 4, {"x": 10.5, "y": 8, "width": 6, "height": 4.25})
    made.draw(GREEN, "Other noninfectious opacity", UNEVEN, 4, {"x": 20.5, "y": 11.5})
    made.draw(PURPLE, "Atelectasis", UNEVEN, 2, None)
    made.add(PURPLE, "Noninfectious nodule/mass", LATER.uid, SeriesInstanceUID=UNEVEN.uid)


def _defects(made: _Annotations) -> None:
    square = {"vertices": [[2, 2], [6, 2], [6, 6], [2, 6]]}
    made.add(PURPLE, "Typical", FIRST.uid)  # said before
    made.add(GREEN, "Typical", ABSENT)
    made.draw(GREEN, "Infectious opacity", AXIAL, 3, square, SOPInstanceUID=ABSENT)
    made.draw(GREEN, "Infectious opacity", AXIAL, 3, square, height=512, width=512)
    made.draw(GREEN, "Infectious opacity", AXIAL, 3, {"vertices": [[3, 3], [9, "x"]]})
    made.draw(GREEN, "Infectious opacity", AXIAL, 3, {"vertices": [[3, 3], [9, 9]]})
    made.add(GREEN, "Typical", FIRST.uid, labelId="L_gone")
    made.add(GREEN, "With IV contrast", SECOND.uid)  # and said the contrary before


def _export() -> Json:
    names = (*REGIONS, *EXAM)
    groups = [
        {"id": f"G_inv{n}", "name": group, "type": "STANDARD", "labels": [_label(group, name) for name in names]}
        for n, group in enumerate(USERS)
    ]
    listed = [{"StudyInstanceUID": study.uid, "number": n} for n, study in enumerate((FIRST, LATER), start=1)]
    dataset = {"id": "D_inv1", "name": "Invented", "studies": listed, "annotations": _annotations()}
    return {"id": "INVENTED", "name": "Invented export", "labelGroups": groups, "datasets": [dataset]}


# --- tables ----------------------------------------------------------------------------------------------

HEADER = (
    "Anon MRN", "Anon Age", "AnonTCIA Study Date", "Anon Exam Description", "Anon Sex", "Anon Study UID",
    "Anon Image Count", "Modality", "Result", "Specimen Source",
)  # fmt: skip
"""The clinical table as it was published."""
COPIED = (
    "Anon MRN", "Age", "Anon TCIA Study Date", "Anon Exam Description", "Sex", "Anon Study UID", "Image Count",
    "Modality", "Testing Result", "Specimen Source",
)  # fmt: skip
"""The clinical table as a copy spells it."""


def clinical_row(
    study: Study, age: str, sex: str, images: str, result: str, specimen: str, modality: str = "CT"
) -> tuple[str, ...]:
    """A row of the clinical table."""
    day = f"{int(study.day[4:6])}/{int(study.day[6:])}/{study.day[:4]}"
    mrn = study.patient.split("-", 3)[3]
    return mrn, age, day, study.description, sex, study.uid, images, modality, result, specimen


def published_rows() -> list[tuple[str, ...]]:
    """The rows in the published spelling, in which ages and counts are decimals: a wrong count, a strange result."""
    return [clinical_row(SECOND, "91.37", "M", "9.0", "Detected (weak)", "RT-PCR")]


def copied_rows() -> list[tuple[str, ...]]:
    """The other rows, as a copy spells them: right for the first patient, and two rows of nobody."""
    swab = "Nasopharyngeal swab"
    return [
        clinical_row(FIRST, "67", "Female", str(len(AXIAL.centres) + len(CORONAL.centres)), "Positive", swab),
        clinical_row(LATER, "67", "F", str(len(UNEVEN.centres)), "Positive", "Sputum, induced"),
        ("660042-000999", "50", "11/20/2008", "CHEST", "M", ABSENT, "10", "CT", "Positive", swab),
        ("660042-000998", "51", "11/20/2008", "CHEST", "M", "", "10", "CT", "Positive", swab),
    ]


def as_csv(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    """A table as Excel writes it."""
    buffer = StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows([header, *rows])
    return buffer.getvalue().encode("utf-8-sig")


def _manifest() -> bytes:
    header = ("Series UID", "Collection", "Subject ID", "Study UID", "Number of Images", "File Location")
    rows = [
        (s.uid, PREFIX, s.study.patient, s.study.uid, str(len(s.centres) + (s is TILTED)), f"./{s.folder}")
        for s in SERIES
    ]
    gone = (ABSENT, PREFIX, BARE.patient, BARE.uid, "40", f"./{PREFIX}/{BARE.patient}/gone")
    return as_csv(header, [*rows, gone])


def files() -> Iterator[File]:
    """Every file of the source, sorted by path."""
    export: Mapping[str, Any] = _export()
    found = [
        *_images(),
        ("MIDRC-RICORD-1a_annotations_labelgroup_all_2020-Dec-8.json", json.dumps(export, indent=0).encode()),
        ("MIDRC-RICORD-1A Clinical Data.csv", as_csv(COPIED, copied_rows())),
        ("tables/MIDRC-RICORD-1A-Clinical-Data.csv", as_csv(HEADER, published_rows())),
        ("metadata.csv", _manifest()),
        ("LICENSE", b"Invented patients: no rights reserved.\n"),
    ]
    yield from sorted(found)
