"""Small chest CT series of invented patients: the phantom's thorax on a coarse grid."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from example_datasets.generators.anatomy import hu
from example_datasets.generators.dicomfile import Values, axis, instance, uid, with_pixels

SHAPE = (24, 32)
"""Rows and columns."""
PIXEL = 12.5
"""mm, rows and columns."""


@dataclass(frozen=True, slots=True)
class Scan:
    """One axial series of one study; `step` and `thickness` in mm, HU = stored value - 1024.

    `patient` and `study` are the values of the upper levels; `extra` wins over all others. `shift` in mm moves the
    anatomy towards the head, so that no two patients have one image.
    """

    name: str
    patient: Values
    study: Values
    extra: Values
    slices: int = 10
    step: float = 22.0
    thickness: float = 3.0
    shift: float = 0.0
    number: int = 2
    syntax: str = ExplicitVRLittleEndian

    def positions(self) -> list[float]:
        """z of each slice in mm, from the feet."""
        return [round(float(z), 3) for z in axis(self.slices, self.step)]


def slices(scan: Scan) -> Iterator[Dataset]:
    """The series from the feet up, uncompressed 16-bit."""
    y, x = axis(SHAPE[0], PIXEL), axis(SHAPE[1], PIXEL)
    for index, z in enumerate(scan.positions()):
        values = np.round(hu(x[None, :], y[:, None], np.float64(z - scan.shift))) + 1024
        header = {
            "SeriesInstanceUID": uid("series", scan.name), "FrameOfReferenceUID": uid("frame", scan.name),
            "Modality": "CT", "SeriesNumber": scan.number, "BodyPartExamined": "CHEST",
            "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], "InstanceNumber": scan.slices - index,
            "ImagePositionPatient": [float(x[0]), float(y[0]), z], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "PixelSpacing": [PIXEL, PIXEL], "SliceThickness": scan.thickness, "PatientPosition": "HFS", "KVP": 120,
            "RescaleSlope": 1, "RescaleIntercept": -1024, "RescaleType": "HU",
        }  # fmt: skip
        name = f"{scan.name}-{index}"
        dataset = instance(CTImageStorage, name, scan.patient, scan.study, header, scan.extra, syntax=scan.syntax)
        yield with_pixels(dataset, values.astype(np.uint16), "MONOCHROME2", 16)
