"""Patient C's ultrasound: a colour image, a multi-frame image, and an image that must be withheld."""

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import ImplicitVRLittleEndian, UltrasoundImageStorage, UltrasoundMultiFrameImageStorage

from example_datasets.generators.dicomfile import Values, instance, lettering, with_pixels
from example_datasets.generators.patients import PATIENT_C, series, study

STUDY: Values = study("c-us", "20220528", "120000", "ECO ABDOMEN", 5)
FRAMES = 5
FRAME_TIME = 40.0
"""Milliseconds between the frames of the loop."""
RED, BLUE = (220, 30, 20), (20, 40, 230)
FLOW = {"red": (slice(50, 60), slice(40, 52)), "blue": (slice(50, 60), slice(60, 72))}
"""Where the Doppler colours lie (rows, columns) in the colour image: red left of blue."""


def sector(rows: int, columns: int, seed: int) -> NDArray[np.uint8]:
    """A fan of speckle below the upper edge's middle: (rows, columns), 0 outside."""
    row, column = np.mgrid[0:rows, 0:columns].astype(np.float64)
    distance = np.hypot(row + 8, column - (columns - 1) / 2)
    fan = (np.abs(column - (columns - 1) / 2) < 0.75 * (row + 8)) & (distance > 16) & (distance < rows)
    speckle = np.random.RandomState(seed).randint(20, 130, (rows, columns))
    return np.where(fan, speckle, 0).astype(np.uint8)


def moving_target(frame: int) -> tuple[int, int]:
    """Row and column of the bright 4 by 4 target's corner in a frame of the loop: it sinks 6 rows a frame."""
    return 20 + 6 * frame, 30


def colour() -> Dataset:
    """RGB, 80 by 112, with two Doppler patches; BurnedInAnnotation NO."""
    pixels = np.repeat(sector(80, 112, 1)[:, :, None], 3, axis=2)
    pixels[FLOW["red"]], pixels[FLOW["blue"]] = RED, BLUE
    header = {**_HEADER, "BurnedInAnnotation": "NO", "UltrasoundColorDataPresent": 1}
    level = series("us-colour", "US", 1, "HIGADO DOPPLER", "ABDOMEN", "c-us")
    dataset = instance(UltrasoundImageStorage, "us-colour", PATIENT_C, STUDY, level, header)
    return with_pixels(dataset, pixels, "RGB", 8)


def cine() -> Dataset:
    """Five frames of 64 by 64, 8 bits, 40 ms apart, in which a target sinks; BurnedInAnnotation NO."""
    frames = np.stack([sector(64, 64, 2) for _ in range(FRAMES)])
    for index, frame in enumerate(frames):
        row, column = moving_target(index)
        frame[row : row + 4, column : column + 4] = 255
    header = {
        **_HEADER,
        "BurnedInAnnotation": "NO",
        "FrameTime": FRAME_TIME,
        "FrameIncrementPointer": Tag("FrameTime"),
        "CineRate": 25,
    }
    level = series("us-cine", "US", 2, "HIGADO CINE", "ABDOMEN", "c-us")
    dataset = instance(UltrasoundMultiFrameImageStorage, "us-cine", PATIENT_C, STUDY, level, header)
    return with_pixels(dataset, frames, "MONOCHROME2", 8)


def make_lettered() -> Dataset:
    """The patient's name stands in the pixels and no BurnedInAnnotation says so."""
    pixels = sector(80, 112, 3)
    text = lettering("ROE RICHARD")
    pixels[2 : 2 + text.shape[0], 4 : 4 + text.shape[1]][text] = 255
    level = series("us-lettered", "US", 3, "VESICULA", "ABDOMEN", "c-us")
    syntax = ImplicitVRLittleEndian
    dataset = instance(UltrasoundImageStorage, "us-lettered", PATIENT_C, STUDY, level, _HEADER, syntax=syntax)
    return with_pixels(dataset, pixels, "MONOCHROME2", 8)


_REGION: Values = {
    "RegionSpatialFormat": 1,
    "RegionDataType": 1,
    "RegionFlags": 0,
    "RegionLocationMinX0": 0,
    "RegionLocationMinY0": 0,
    "RegionLocationMaxX1": 63,
    "RegionLocationMaxY1": 63,
    "PhysicalUnitsXDirection": 3,
    "PhysicalUnitsYDirection": 3,
    "PhysicalDeltaX": 0.1,
    "PhysicalDeltaY": 0.1,
}
_HEADER: Values = {
    "ImageType": ["ORIGINAL", "PRIMARY", "ABDOMINAL"],
    "InstanceNumber": 1,
    "LossyImageCompression": "00",
    "SequenceOfUltrasoundRegions": [_REGION],
}
