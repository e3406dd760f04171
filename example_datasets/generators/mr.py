"""Patient C's magnetic resonance: a head (T1w, FLAIR) and a lumbar spine (T2)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, MRImageStorage

from example_datasets.generators.anatomy import Floats, Point, head, lumbar
from example_datasets.generators.dicomfile import Values, axis, instance, with_pixels
from example_datasets.generators.patients import PATIENT_C, series, study

HEAD_STUDY: Values = study("c-head", "20220528", "150000", "RM CEREBRAL", 6)
SPINE_STUDY: Values = study("c-spine", "20220528", "160000", "RM LUMBAR", 7)

_ANTERIOR_TO_BACK, _DOWN, _LEFT = (0.0, 1.0, 0.0), (0.0, 0.0, -1.0), (1.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Protocol:
    """One MR series: square slices of `size` pixels of `pixel` mm, their middles at `offsets` along `normal`.

    `signal` is the stored value of each tissue of `anatomy`; `spacing` is between slices, in mm.
    """

    name: str
    study: Values
    study_name: str
    number: int
    description: str
    part: str
    anatomy: Callable[[Floats, Floats, Floats], Floats]
    signal: tuple[int, ...]
    row: Point
    column: Point
    normal: Point
    offsets: NDArray[np.float64]
    size: int
    pixel: float
    spacing: float
    header: Values
    syntax: str = ExplicitVRLittleEndian

    def points(self, index: int) -> Floats:
        """LPS mm of every pixel's centre of one slice: (3, size, size)."""
        steps = axis(self.size, self.pixel)
        down = np.multiply.outer(self.column, steps)[:, :, None]
        right = np.multiply.outer(self.row, steps)[:, None, :]
        middle = np.array(self.normal) * self.offsets[index]
        return np.asarray(middle[:, None, None] + down + right)


T1W = Protocol(
    name="mr-t1w",
    study=HEAD_STUDY,
    study_name="c-head",
    number=2,
    description="t1_mprage_sag",
    part="HEAD",
    anatomy=head,
    signal=(0, 900, 150, 450, 650, 250, 1000),
    row=_ANTERIOR_TO_BACK,
    column=_DOWN,
    normal=_LEFT,
    offsets=axis(24, 7.0),
    size=48,
    pixel=5.0,
    spacing=7.0,
    header={
        "ScanningSequence": "GR",
        "SequenceVariant": ["SK", "SP", "MP"],
        "ScanOptions": "IR",
        "MRAcquisitionType": "3D",
        "SequenceName": "*tfl3d1",
        "RepetitionTime": 2300,
        "EchoTime": 2.98,
        "InversionTime": 900,
        "FlipAngle": 9,
        "EchoTrainLength": 1,
        "WindowCenter": 500,
        "WindowWidth": 1000,
    },
)
FLAIR = Protocol(
    name="mr-flair",
    study=HEAD_STUDY,
    study_name="c-head",
    number=3,
    description="t2_tirm_tra_dark-fluid",
    part="HEAD",
    anatomy=head,
    signal=(0, 500, 60, 420, 330, 950, 980),
    row=_LEFT,
    column=_ANTERIOR_TO_BACK,
    normal=(0.0, 0.0, 1.0),
    offsets=axis(16, 11.0),
    size=40,
    pixel=6.0,
    spacing=11.0,
    header={
        "ScanningSequence": ["SE", "IR"],
        "SequenceVariant": ["SK", "SP", "OSP"],
        "ScanOptions": "FS",
        "MRAcquisitionType": "2D",
        "SequenceName": "*tir2d1_16fs",
        "RepetitionTime": 9000,
        "EchoTime": 94,
        "InversionTime": 2500,
        "FlipAngle": 150,
        "EchoTrainLength": 16,
        "WindowCenter": 450,
        "WindowWidth": 900,
    },
)
LUMBAR_T2 = Protocol(
    name="mr-lumbar",
    study=SPINE_STUDY,
    study_name="c-spine",
    number=2,
    description="t2_tse_sag",
    part="LSPINE",
    anatomy=lumbar,
    signal=(0, 600, 150, 350, 500, 900, 1000),
    row=_ANTERIOR_TO_BACK,
    column=_DOWN,
    normal=_LEFT,
    offsets=axis(13, 4.5),
    size=48,
    pixel=5.0,
    spacing=4.5,
    header={
        "ScanningSequence": "SE",
        "SequenceVariant": ["SK", "SP"],
        "ScanOptions": "PFP",
        "MRAcquisitionType": "2D",
        "SequenceName": "*tse2d1_17",
        "RepetitionTime": 3500,
        "EchoTime": 101,
        "FlipAngle": 150,
        "EchoTrainLength": 17,
        "WindowCenter": 450,
        "WindowWidth": 900,
    },
    syntax=ImplicitVRLittleEndian,
)
PROTOCOLS = (T1W, FLAIR, LUMBAR_T2)

_SCANNER: Values = {
    "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND", "NORM"],
    "MagneticFieldStrength": 3,
    "ImagingFrequency": 123.25,
    "ImagedNucleus": "1H",
    "NumberOfAverages": 1,
    "PixelBandwidth": 240,
    "ReceiveCoilName": "HeadNeck_20",
    "TransmitCoilName": "Body",
    "PatientPosition": "HFS",
    "SAR": 0.07,
    "PercentSampling": 100,
    "PercentPhaseFieldOfView": 100,
}


def slices(protocol: Protocol) -> Iterator[Dataset]:
    """The series in the order of its offsets."""
    signal = np.array(protocol.signal, dtype=np.uint16)
    number = (protocol.name, "MR", protocol.number, protocol.description, protocol.part, protocol.study_name)
    for index in range(len(protocol.offsets)):
        points = protocol.points(index)
        place = {
            "InstanceNumber": index + 1,
            "AcquisitionNumber": 1,
            "ProtocolName": protocol.description,
            "InPlanePhaseEncodingDirection": "ROW",
            "ImagePositionPatient": [round(float(value), 6) for value in points[:, 0, 0]],
            "ImageOrientationPatient": [*protocol.row, *protocol.column],
            "PixelSpacing": [protocol.pixel, protocol.pixel],
            "SliceThickness": protocol.spacing,
            "SpacingBetweenSlices": protocol.spacing,
            "SliceLocation": round(float(protocol.offsets[index]), 3),
        }
        parts = (PATIENT_C, protocol.study, series(*number), _SCANNER, protocol.header, place)
        dataset = instance(MRImageStorage, f"{protocol.name}-{index}", *parts, syntax=protocol.syntax)
        tissue = protocol.anatomy(points[0], points[1], points[2]).astype(np.intp)
        yield with_pixels(dataset, signal[tissue], "MONOCHROME2", 12)
