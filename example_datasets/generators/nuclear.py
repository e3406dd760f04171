"""Patient A's nuclear medicine, on a disc with a DICOMDIR: a short PET series and a SPECT volume."""

from collections.abc import Iterator

import numpy as np
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import NuclearMedicineImageStorage, PositronEmissionTomographyImageStorage

from example_datasets.generators.anatomy import HEART, Floats, Point, hu
from example_datasets.generators.dicomfile import Values, axis, instance, with_pixels
from example_datasets.generators.patients import PATIENT_A, series, study

STUDY: Values = study("a-pt", "20210912", "113000", "PET-TC CORPORAL", 8)
PIXEL = 12.5
"""mm, both series."""
PET_Z = axis(9, 10.0, -35.0)
SPECT_Z = axis(10, 12.5, -35.0)
BODY_BQML, HOT_BQML = 1000, 25000
HOT_SPOT: Point = (-60.0, 10.0, -45.0)
"""LPS mm of the middle of the hot sphere of 28 mm radius, in the liver: on the patient's right."""


def activity(x: Floats, y: Floats, z: Floats) -> Floats:
    """Bq/ml: the body, three times as much in the heart, 25 times as much in the hot spot."""
    value = np.where(hu(x, y, z) > -1000, float(BODY_BQML), 0.0)
    heart = sum(((p - c) / a) ** 2 for p, c, a in zip((x, y, z), HEART.centre, HEART.axes, strict=True))
    value = np.where(np.asarray(heart) <= 1, 3.0 * BODY_BQML, value)
    spot = sum((p - c) ** 2 for p, c in zip((x, y, z), HOT_SPOT, strict=True))
    return np.asarray(np.where(np.asarray(spot) <= 28.0**2, float(HOT_BQML), value))


_TRACER: Values = {
    "Radiopharmaceutical": "FDG",
    "RadiopharmaceuticalStartTime": "103000",
    "RadionuclideTotalDose": 250000000.0,
    "RadionuclideHalfLife": 6586.2,
    "RadionuclidePositronFraction": 0.967,
    "RadionuclideCodeSequence": [
        {"CodeValue": "C-111A1", "CodingSchemeDesignator": "SRT", "CodeMeaning": "^18^Fluorine"}
    ],
}


def pet() -> Iterator[Dataset]:
    """Axial PET in Bq/ml; each slice has its own RescaleSlope (0.5, 0.75, 1, …)."""
    x, y = axis(32, PIXEL)[None, :], axis(24, PIXEL)[:, None]
    for index, z in enumerate(PET_Z):
        slope = 0.5 + 0.25 * index
        header = {
            "ImageType": ["ORIGINAL", "PRIMARY"],
            "InstanceNumber": index + 1,
            "ImageIndex": index + 1,
            "SeriesType": ["STATIC", "IMAGE"],
            "NumberOfSlices": len(PET_Z),
            "Units": "BQML",
            "CountsSource": "EMISSION",
            "DecayCorrection": "START",
            "CorrectedImage": ["NORM", "DECY", "ATTN"],
            "FrameReferenceTime": 0.0,
            "ActualFrameDuration": 120000,
            "RadiopharmaceuticalInformationSequence": [_TRACER],
            "ImagePositionPatient": [float(x[0, 0]), float(y[0, 0]), float(z)],
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "PixelSpacing": [PIXEL, PIXEL],
            "SliceThickness": 10,
            "RescaleSlope": slope,
            "RescaleIntercept": 0,
            "PatientPosition": "HFS",
        }
        level = series("pt", "PT", 1, "PET AC TORAX", "CHEST", "a-pt")
        kind = PositronEmissionTomographyImageStorage
        dataset = instance(kind, f"pt-{index}", PATIENT_A, STUDY, level, header)
        pixels = np.round(activity(x, y, np.asarray(z)) / slope).astype(np.uint16)
        yield with_pixels(dataset, pixels, "MONOCHROME2", 16)


def spect() -> Dataset:
    """A reconstructed volume in one file of ten frames, from the feet up; counts = activity / 100."""
    x, y, z = axis(32, PIXEL)[None, None, :], axis(24, PIXEL)[None, :, None], SPECT_Z[:, None, None]
    detector = {
        "ImagePositionPatient": [float(x[0, 0, 0]), float(y[0, 0, 0]), float(SPECT_Z[0])],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
    }
    header = {
        "ImageType": ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"],
        "InstanceNumber": 1,
        "FrameIncrementPointer": Tag("SliceVector"),
        "SliceVector": list(range(1, len(SPECT_Z) + 1)),
        "NumberOfSlices": len(SPECT_Z),
        "DetectorInformationSequence": [detector],
        "PixelSpacing": [PIXEL, PIXEL],
        "SliceThickness": 12.5,
        "SpacingBetweenSlices": 12.5,
        "PatientPosition": "HFS",
    }
    level = series("nm", "NM", 2, "SPECT TORAX", "CHEST", "a-pt")
    dataset = instance(NuclearMedicineImageStorage, "nm", PATIENT_A, STUDY, level, header)
    return with_pixels(dataset, np.round(activity(x, y, z) / 100).astype(np.uint16), "MONOCHROME2", 16)
