"""Patient A's chest CT: one study, its slices shuffled together in one folder under meaningless names."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import (
    BasicTextSRStorage,
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
    SecondaryCaptureImageStorage,
)

from example_datasets.generators.anatomy import hu
from example_datasets.generators.dicomfile import Values, axis, instance, lettering, uid, with_pixels
from example_datasets.generators.patients import PATIENT_A, series, study

FOLDER = "entrega 1/TÓRAX Pérez"
STUDY: Values = study("a-ct", "20210304", "101500", "TC TORAX SIN CONTRASTE JANE DOE", 1)
PIXEL = 6.25
"""mm, rows and columns of the axial series."""
TILT = 15.0
"""Degrees of the gantry in the tilted series."""
MISSING = 4
"""Rank, from the feet, of the slice that the uneven series lacks."""
PADDING = -2000
"""Stored value outside the circle of reconstruction, in the lung series."""
SOFT_Z = axis(22, 5.0, -5.0)
LUNG_Z = axis(43, 2.5, -5.0)
TILTED_Z = axis(15, 7.0)
UNEVEN_Z = np.delete(axis(12, 10.0), MISSING)
CORONAL_Y = axis(14, 12.0)


_X, _Y, _DOWN = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, -1.0)
_LEANING = (0.0, round(cos(radians(TILT)), 9), round(-sin(radians(TILT)), 9))


@dataclass(frozen=True, slots=True)
class Stack:
    """A CT series: `centres` (n, 3) is the middle of each slice, `row` and `column` unit vectors, in LPS mm.

    `shape` is (rows, columns), `pixel` their spacing in mm; HU = stored value + `intercept`.
    """

    name: str
    number: int
    description: str
    centres: NDArray[np.float64]
    thickness: float
    row: tuple[float, float, float] = _X
    column: tuple[float, float, float] = _Y
    shape: tuple[int, int] = (48, 64)
    pixel: tuple[float, float] = (PIXEL, PIXEL)
    kernel: str = "B40f"
    intercept: int = -1024
    syntax: str = ExplicitVRLittleEndian
    extra: tuple[tuple[str, object], ...] = ()

    def points(self, index: int) -> NDArray[np.float64]:
        """LPS mm of every pixel's centre of one slice: (3, rows, columns)."""
        rows, columns = axis(self.shape[0], self.pixel[0]), axis(self.shape[1], self.pixel[1])
        down = np.multiply.outer(self.column, rows)[:, :, None]
        right = np.multiply.outer(self.row, columns)[:, None, :]
        return np.asarray(self.centres[index][:, None, None] + down + right)


def _along_z(positions: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([np.zeros_like(positions), np.zeros_like(positions), positions], axis=1)


SOFT = Stack("ct-soft", 2, "TORAX 5.0 B40f", _along_z(SOFT_Z), 5.0)
LUNG = Stack(
    "ct-lung",
    3,
    "PULMON 2.5 B70f",
    _along_z(LUNG_Z),
    2.5,
    kernel="B70f",
    intercept=0,
    syntax=RLELossless,
    extra=(("PixelPaddingValue", PADDING), ("WindowCenter", -600), ("WindowWidth", 1600)),
)
TILTED = Stack(
    "ct-tilt",
    4,
    "TORAX INCLINADO",
    _along_z(TILTED_Z),
    7.0,
    column=_LEANING,
    extra=(("GantryDetectorTilt", TILT),),
)
UNEVEN = Stack("ct-uneven", 5, "TORAX 10.0 B40f", _along_z(UNEVEN_Z), 5.0, syntax=ImplicitVRLittleEndian)
CORONAL = Stack(
    "ct-coronal",
    6,
    "MPR CORONAL",
    np.stack([np.zeros(14), CORONAL_Y, np.zeros(14)], axis=1),
    12.0,
    column=_DOWN,
    shape=(40, 56),
    pixel=(7.0, PIXEL),
    extra=(("ImageType", ["DERIVED", "SECONDARY", "MPR"]),),
)
STACKS = (SOFT, LUNG, TILTED, UNEVEN)


def slices(stack: Stack) -> Iterator[Dataset]:
    """The series from the first centre to the last."""
    for index in range(len(stack.centres)):
        points = stack.points(index)
        values = np.round(hu(*points)).astype(np.int64)
        header = {
            "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
            "InstanceNumber": len(stack.centres) - index,
            "ImagePositionPatient": [round(float(value), 6) for value in points[:, 0, 0]],
            "ImageOrientationPatient": [*stack.row, *stack.column],
            "PixelSpacing": list(stack.pixel),
            "SliceThickness": stack.thickness,
            "SliceLocation": round(float(stack.centres[index][2]), 3),
            "KVP": 120,
            "XRayTubeCurrent": 200,
            "ExposureTime": 500,
            "ConvolutionKernel": stack.kernel,
            "PatientPosition": "HFS",
            "RescaleSlope": 1,
            "RescaleIntercept": stack.intercept,
            "RescaleType": "HU",
            "WindowCenter": 40,
            "WindowWidth": 400,
            "ImageComments": "revisado por QUESADA",
        }
        name = f"{stack.name}-{index}"
        dataset = instance(CTImageStorage, name, PATIENT_A, STUDY, _series(stack), header, syntax=stack.syntax)
        for keyword, value in stack.extra:
            setattr(dataset, keyword, value)
        block = dataset.private_block(0x0029, "PHANTOM HEADER", create=True)
        block.add_new(0x10, "LO", "CANARY-PRIVATE DOE^JANE")
        yield with_pixels(dataset, _store_values(stack, values, points), "MONOCHROME2", 16 if stack is LUNG else 12)


def _series(stack: Stack) -> Values:
    return series(stack.name, "CT", stack.number, stack.description, "CHEST", "a-ct")


def _store_values(stack: Stack, values: NDArray[np.int64], points: NDArray[np.float64]) -> NDArray[np.generic]:
    """Unsigned with intercept -1024; signed with intercept 0 and padding outside a circle of 196 mm."""
    if stack.intercept:
        return (values - stack.intercept).astype(np.uint16)
    outside = points[0] ** 2 + points[1] ** 2 > 196.0**2
    return np.where(outside, PADDING, values).astype(np.int16)


def localizer() -> Dataset:
    """A frontal scout, 64 by 40, its pixels the sum of water along y."""
    x, z = axis(64, PIXEL), axis(40, 8.0)[::-1]
    water = np.stack([hu(x[None, :], y, z[:, None]) + 1000.0 for y in axis(24, 10.0)]).sum(0) * 0.01
    header = {
        "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"],
        "InstanceNumber": 1,
        "ImagePositionPatient": [float(x[0]), 0.0, float(z[0])],
        "ImageOrientationPatient": [1, 0, 0, 0, 0, -1],
        "PixelSpacing": [8.0, PIXEL],
        "SliceThickness": 1,
        "RescaleSlope": 1,
        "RescaleIntercept": -1024,
    }
    level = series("ct-scout", "CT", 1, "TOPOGRAMA", "CHEST", "a-ct")
    dataset = instance(CTImageStorage, "ct-scout", PATIENT_A, STUDY, level, header)
    return with_pixels(dataset, np.round(water * 4).astype(np.uint16), "MONOCHROME2", 12)


def dose_page() -> Dataset:
    """A colour page with the patient's name in its pixels: a report, not an image."""
    page = np.zeros((32, 96, 3), dtype=np.uint8)
    text = lettering("DOE JANE 000123")
    page[6 : 6 + text.shape[0], 3 : 3 + text.shape[1]][text] = (255, 255, 0)
    header = {
        "ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"],
        "ConversionType": "WSD",
        "BurnedInAnnotation": "YES",
        "InstanceNumber": 1,
    }
    level = series("ct-dose", "CT", 501, "Patient Protocol", "CHEST", "a-ct")
    dataset = instance(SecondaryCaptureImageStorage, "ct-dose", PATIENT_A, STUDY, level, header)
    return with_pixels(dataset, page, "RGB", 8)


def report() -> Dataset:
    """A structured report whose text names the patient."""
    title = {
        "CodeValue": "18748-4",
        "CodingSchemeDesignator": "LN",
        "CodeMeaning": "Diagnostic imaging report",
    }
    finding = {"CodeValue": "121071", "CodingSchemeDesignator": "DCM", "CodeMeaning": "Finding"}
    text = {
        "RelationshipType": "CONTAINS",
        "ValueType": "TEXT",
        "ConceptNameCodeSequence": [finding],
        "TextValue": "Paciente JANE DOE, SIP99887766: nodulo denso en lobulo superior derecho. Dr. QUESADA.",
    }
    header = {
        "InstanceNumber": 1,
        "ValueType": "CONTAINER",
        "ContinuityOfContent": "SEPARATE",
        "CompletionFlag": "COMPLETE",
        "VerificationFlag": "UNVERIFIED",
        "ConceptNameCodeSequence": [title],
        "ContentSequence": [text],
    }
    level = series("ct-sr", "SR", 502, "Informe", "CHEST", "a-ct")
    dataset = instance(BasicTextSRStorage, "ct-sr", PATIENT_A, STUDY, level, header)
    del dataset.FrameOfReferenceUID
    return dataset


def duplicate_uid() -> str:
    """SOPInstanceUID of the slice that lies in the folder twice, byte for byte."""
    return uid("instance", "ct-soft-7")
