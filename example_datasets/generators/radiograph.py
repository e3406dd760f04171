"""Radiographs: parallel projections of the chest, and two schematic mammograms.

A frontal image is displayed as if the patient faced the viewer: the patient's right, the letter R of lead and
the liver are on its left, the heart is on its right. Stored values are linear in the water along the ray.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DeflatedExplicitVRLittleEndian,
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalXRayImageStorageForPresentation,
    RLELossless,
)

from example_datasets.generators.anatomy import Floats, hu
from example_datasets.generators.dicomfile import Values, axis, instance, lettering, with_pixels
from example_datasets.generators.patients import PATIENT_A, PATIENT_B, series, study

STUDY_A: Values = study("a-rx", "20210912", "084200", "RX TORAX 2 PROYECCIONES", 2)
STUDY_B: Values = study("b-rx", "20200117", "173000", "RX TORAX", 3)
STUDY_MG: Values = study("b-mg", "20200117", "181000", "MAMOGRAFIA", 4)

PIXEL = 1.8
"""mm; the detector is 216 rows (z, from the head) by 200 columns."""
Z = axis(216, PIXEL, -15.0)[::-1]
ACROSS = axis(200, PIXEL)
"""x of a frontal image's columns, y of a lateral one's, in mm."""

LEAD = slice(14, 42), slice(10, 30)
"""Rows and columns of the lead letter on frontal images: the upper left corner."""

CALCIFICATION = (40, 52)
"""Row and column of the dense spot's middle, 5 by 5 pixels, on the left CC; the right MLO is its mirror."""

FRONTAL, LATERAL = ["L", "F"], ["P", "F"]


@cache
def frontal() -> Floats:
    """Water along y, in mm, for each row (z) and column (x): (216, 200)."""
    depth = axis(60, 4.0)
    return _water(np.stack([hu(ACROSS[None, :], y, Z[:, None]) for y in depth]), 4.0)


@cache
def lateral() -> Floats:
    """Water along x, in mm, for each row (z) and column (y, the back on the right): (216, 200)."""
    depth = axis(90, 4.0)
    return _water(np.stack([hu(x, ACROSS[None, :], Z[:, None]) for x in depth]), 4.0)


def _water(values: Floats, step: float) -> Floats:
    return np.asarray(((values + 1000.0) / 1000.0).sum(0) * step)


def store_water(water: Floats, offset: int, gain: int, lead: int | None = None) -> NDArray[np.uint16]:
    """offset + gain * water (a negative gain for MONOCHROME1); `lead` is the value of the letter R."""
    values = np.round(offset + gain * water).astype(np.int64)
    if lead is not None:
        letter = lettering("R", 4)
        values[LEAD][:, : letter.shape[1]][letter[:, :20]] = lead
    return values.astype(np.uint16)


def _code(value: str, meaning: str) -> list[Values]:
    return [{"CodeValue": value, "CodingSchemeDesignator": "SRT", "CodeMeaning": meaning}]


_PLATE: Values = {
    "ImageType": ["ORIGINAL", "PRIMARY"],
    "InstanceNumber": 1,
    "ImagerPixelSpacing": [PIXEL, PIXEL],
    "KVP": 110,
    "BurnedInAnnotation": "NO",
    "RescaleSlope": 1,
    "RescaleIntercept": 0,
    "RescaleType": "US",
    "PatientOrientation": FRONTAL,
}
_DX: Values = {**_PLATE, "PresentationIntentType": "FOR PRESENTATION", "PresentationLUTShape": "IDENTITY"}


def cr_pa(name: str = "cr-pa", number: int = 1) -> Dataset:
    """Patient A, CR, PA, MONOCHROME1 of 12 bits: 4000 - 10 * water, the letter 100."""
    header = {
        **_PLATE,
        "ViewPosition": "PA",
        "PresentationLUTShape": "INVERSE",
        "WindowCenter": 2400,
        "WindowWidth": 2600,
        "AcquisitionComments": "CANARY-PRIVATE",
    }
    level = series(name, "CR", number, "TORAX PA", "CHEST", "a-rx")
    dataset = instance(ComputedRadiographyImageStorage, name, PATIENT_A, STUDY_A, level, header)
    return with_pixels(dataset, store_water(frontal(), 4000, -10, 100), "MONOCHROME1", 12)


def dx_lateral() -> Dataset:
    """Patient A, DX, left lateral, MONOCHROME2 of 14 bits: 200 + 30 * water, SIGMOID, no ViewPosition."""
    header = {
        **_DX,
        "ViewCodeSequence": _code("R-10236", "left lateral"),
        "PatientOrientation": LATERAL,
        "VOILUTFunction": "SIGMOID",
        "WindowCenter": 7000,
        "WindowWidth": 8000,
    }
    level = series("dx-lateral", "DX", 2, "TORAX LAT", "CHEST", "a-rx")
    return _dx("dx-lateral", PATIENT_A, STUDY_A, level, header, store_water(lateral(), 200, 30), RLELossless)


def dx_pa() -> Dataset:
    """Patient B, DX, PA erect, MONOCHROME2 of 12 bits: 100 + 10 * water, the letter 4000, LINEAR_EXACT."""
    header = {
        **_DX,
        "ViewPosition": "PA",
        "ViewCodeSequence": _code("R-10214", "postero-anterior"),
        "VOILUTFunction": "LINEAR_EXACT",
        "WindowCenter": 1700,
        "WindowWidth": 2600,
    }
    level = series("dx-pa", "DX", 1, "TORAX PA BIPEDESTACION", "TORAX", "b-rx")
    pixels = store_water(frontal(), 100, 10, 4000)
    return _dx("dx-pa", PATIENT_B, STUDY_B, level, header, pixels, RLELossless, 12)


def dx_ap() -> Dataset:
    """Patient B, DX, AP supine, MONOCHROME2 of 14 bits: 500 + 40 * water, the letter 16000, no window."""
    level = series("dx-ap", "DX", 2, "TORAX AP SUPINO PORTATIL", "TORAX", "b-rx")
    header = {**_DX, "ViewPosition": "AP"}
    pixels = store_water(frontal(), 500, 40, 16000)
    return _dx("dx-ap", PATIENT_B, STUDY_B, level, header, pixels, DeflatedExplicitVRLittleEndian)


def _dx(
    name: str,
    patient: Values,
    request: Values,
    level: Values,
    header: Values,
    pixels: NDArray[Any],
    syntax: str,
    bits: int = 14,
) -> Dataset:
    kind = DigitalXRayImageStorageForPresentation
    return with_pixels(
        instance(kind, name, patient, request, level, header, syntax=syntax), pixels, "MONOCHROME2", bits
    )


def breast() -> NDArray[np.uint16]:
    """A breast with the chest wall on the left: (128, 96), 12 bits, background 0, the dense spot 4000."""
    row, column = np.mgrid[0:128, 0:96].astype(np.float64)
    radius = np.sqrt(((row - 68) / 56) ** 2 + (column / 80) ** 2)
    gland = ((row - 68) / 34) ** 2 + ((column - 38) / 30) ** 2 <= 1
    pixels = np.where(radius <= 1, 1600, 0) + np.where(gland, 900, 0)
    pixels[(row < 30) & (column < 24) & (radius <= 1.05)] = 2600
    top, left = CALCIFICATION
    pixels[top - 2 : top + 3, left - 2 : left + 3] = 4000
    return pixels.astype(np.uint16)


def mammograms() -> Iterator[Dataset]:
    """Patient B: right MLO (chest wall on the right, three windows), left CC (on the left, a VOI LUT)."""
    curve = np.round(4095 * (np.arange(2048) / 2047) ** 0.8).astype("<u2")
    lut = {"LUTDescriptor": [2048, 1500, 12], "LUTData": curve.tobytes(), "LUTExplanation": "NORMAL"}
    right: Values = {
        "ImageLaterality": "R",
        "ViewPosition": "MLO",
        "ViewCodeSequence": _code("R-10226", "medio-lateral oblique"),
        "PatientOrientation": ["P", "FL"],
        "WindowCenter": [2300, 2000, 2600],
        "WindowWidth": [2800, 2000, 3400],
        "WindowCenterWidthExplanation": ["NORMAL", "HARDER", "SOFTER"],
    }
    left: Values = {
        "ImageLaterality": "L",
        "ViewPosition": "CC",
        "ViewCodeSequence": _code("R-10242", "cranio-caudal"),
        "PatientOrientation": ["A", "R"],
        "VOILUTSequence": [lut],
    }
    views = (("mg-rmlo", 1, "R MLO", right, breast()[:, ::-1]), ("mg-lcc", 2, "L CC", left, breast()))
    for name, number, description, view, pixels in views:
        header = {**_DX, "OrganExposed": "BREAST", "KVP": 28, **view}
        level = series(name, "MG", number, description, "BREAST", "b-mg")
        kind = DigitalMammographyXRayImageStorageForPresentation
        parts = (PATIENT_B, STUDY_MG, level, header)
        dataset = instance(kind, name, *parts, syntax=RLELossless)
        yield with_pixels(dataset, np.ascontiguousarray(pixels), "MONOCHROME2", 12)
