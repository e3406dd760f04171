"""What a BIMCV-like hospital hands over: DICOM studies, tables, and regions drawn in four ways. All of it invented."""

import gzip
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    RLELossless,
    RTStructureSetStorage,
    SegmentationStorage,
)

from example_datasets.generators import ct, radiograph
from example_datasets.generators.bimcv_covid19 import SQUARE, TREE, aim
from example_datasets.generators.dicomfile import Values, encode, fill, instance, uid
from example_datasets.generators.patients import PATIENT_A, series

STACK = replace(
    ct.SOFT, name="raw-ct", centres=ct.SOFT.centres[8:14], shape=(24, 32), pixel=(12.5, 12.5), syntax=RLELossless
)
"""Six slices of 24 by 32."""
LAST = len(STACK.centres) - 1

TRIANGLE = ((6.0, 4.0), (20.0, 4.0), (6.0, 18.0))
"""(column, row), whole numbers at the centres of pixels, of the contour on slice 2 (from the feet)."""
BLOCK = slice(5, 12), slice(8, 20)
"""Rows and columns of the segmentation, on slices 1 and 3."""

TESTS = (
    "PatientID;fecha;prueba;resultado",
    "000123;10.09.2021;PCR;POSITIVO",
    "000123;20210911;IGG;NEGATIVO",
    "123;16/01/2020;PCR;INDETERMINADO",
    "77777;16/01/2020;PCR;NEGATIVO",
)  # fmt: skip
LABELS = (
    "PatientID\tAccessionNumber\tReport\treport_deidentified\tLabels\tLocalizations\tLabelsLocalizationsBySentence",
    "000123\tACC-4711-2\tJANE DOE: neumonía bibasal.\tNeumonía bibasal.\t"
    "['pneumonia' 'DOE JANE']\t['loc basal bilateral']\t['pneumonia' ' loc basal bilateral' ' DOE JANE']",
    "123\tACC-4711-3\tNÚÑEZ: estudio subóptimo.\t\t['suboptimal study']\t[]\t[['suboptimal study']]",
    "123\tACC-9999\tQUESADA: normal.\t\t['normal']\t[]\t[['normal']]",
)


def files() -> Iterator[tuple[str, bytes]]:
    """Every file of the source, sorted by path."""
    yield from sorted(_files())


def _files() -> Iterator[tuple[str, bytes]]:
    yield "tablas/pruebas_covid.csv", ("\n".join(TESTS) + "\n").encode()
    yield "tablas/labels.tsv", ("\n".join(LABELS) + "\n").encode()
    yield "tablas/tree_terms.csv", TREE.encode()
    small = radiograph.dx_pa()
    yield "123/IM1", encode(_halve_dataset(small))
    yield "DOE JANE/RX/1", encode(_halve_dataset(radiograph.cr_pa()))
    for number, dataset in enumerate(slices()):
        yield f"DOE JANE/TC/{number:02d}", encode(dataset)
    yield "DOE JANE/roi/contornos.dcm", encode(structure_set())
    yield "DOE JANE/roi/segmentación.dcm", encode(segmentation())
    yield "DOE JANE/roi/anotación.xml", aim(uid("instance", "cr-pa"), "Vidrio deslustrado", SQUARE, "QUESADA").encode()
    yield f"DOE JANE/roi/{uid('series', STACK.name)}_máscara.nii.gz", mask()


def _halve_dataset(dataset: Dataset) -> Dataset:
    """The image at half its size, compressed."""
    pixels = dataset.pixel_array[::2, ::2]
    bits = dataset.BitsStored
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.set_pixel_data(
        np.ascontiguousarray(pixels), dataset.PhotometricInterpretation, bits, generate_instance_uid=False
    )
    dataset.ImagerPixelSpacing = [2 * radiograph.PIXEL, 2 * radiograph.PIXEL]
    dataset.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    return dataset


def slices() -> list[Dataset]:
    """The CT from the feet to the head."""
    return list(ct.slices(STACK))


def _header(modality: str, name: str) -> Values:
    return series(name, modality, 90, f"{modality} QUESADA", "CHEST", "a-ct")


def _reference_slice(number: int) -> dict[str, str]:
    return {
        "ReferencedSOPClassUID": CTImageStorage,
        "ReferencedSOPInstanceUID": uid("instance", f"{STACK.name}-{number}"),
    }


def structure_set() -> Dataset:
    """An RT Structure Set: the triangle on slice 2, and a point, which is no outline."""
    corner, step = STACK.points(2)[:, 0, 0], STACK.pixel[0]
    points = [[corner[0] + x * step, corner[1] + y * step, corner[2]] for x, y in TRIANGLE]
    flat = [round(float(value), 4) for point in points for value in point]
    contours = [
        {
            "ContourGeometricType": "CLOSED_PLANAR", "NumberOfContourPoints": 3, "ContourData": flat,
            "ContourImageSequence": [_reference_slice(2)],
        },
        {
            "ContourGeometricType": "POINT", "NumberOfContourPoints": 1, "ContourData": flat[:3],
            "ContourImageSequence": [_reference_slice(2)],
        },
    ]  # fmt: skip
    body = {
        "StructureSetLabel": "QUESADA", "InstanceNumber": 1,
        "StructureSetROISequence": [{"ROINumber": 1, "ROIName": "Crazy paving"}],
        "ROIContourSequence": [{"ReferencedROINumber": 1, "ContourSequence": contours}],
    }  # fmt: skip
    return instance(RTStructureSetStorage, "raw-rt", PATIENT_A, ct.STUDY, _header("RTSTRUCT", "raw-rt"), body)


def segmentation() -> Dataset:
    """A DICOM SEG of one segment on slices 1 and 3."""
    frames = np.zeros((2, *STACK.shape), np.uint8)
    frames[:, BLOCK[0], BLOCK[1]] = 1
    groups = [
        {
            "SegmentIdentificationSequence": [{"ReferencedSegmentNumber": 1}],
            "DerivationImageSequence": [{"SourceImageSequence": [_reference_slice(number)]}],
        }
        for number in (1, 3)
    ]
    body = {
        "InstanceNumber": 1, "SegmentationType": "BINARY", "ContentLabel": "ROI", "ContentCreatorName": "QUESADA",
        "SegmentSequence": [{"SegmentNumber": 1, "SegmentLabel": "Pleural effusion", "SegmentAlgorithmType": "MANUAL"}],
        "ReferencedSeriesSequence": [{"SeriesInstanceUID": uid("series", STACK.name)}],
        "SharedFunctionalGroupsSequence": [{}], "PerFrameFunctionalGroupsSequence": groups,
        "NumberOfFrames": 2, "Rows": STACK.shape[0], "Columns": STACK.shape[1], "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2", "BitsAllocated": 1, "BitsStored": 1, "HighBit": 0,
        "PixelRepresentation": 0, "LossyImageCompression": "00",
    }  # fmt: skip
    dataset = instance(SegmentationStorage, "raw-seg", PATIENT_A, ct.STUDY, _header("SEG", "raw-seg"), body)
    packed = np.packbits(frames.reshape(-1), bitorder="little").tobytes()
    return fill(dataset, {"PixelData": packed + b"\0" * (len(packed) % 2)})


def mask() -> bytes:
    """A NIfTI of classes on the grid of the CT, its rows and slices the other way round than dcm2niix's."""
    values: NDArray[Any] = np.zeros((STACK.shape[1], STACK.shape[0], len(STACK.centres)), np.uint8)
    values[10:14, 6:9, 0] = 11
    top = STACK.points(LAST)[:, 0, 0]
    step = float(STACK.centres[0][2] - STACK.centres[1][2])
    affine = np.array([
        [-STACK.pixel[1], 0, 0, -top[0]], [0, -STACK.pixel[0], 0, -top[1]], [0, 0, step, top[2]], [0, 0, 0, 1],
    ])  # fmt: skip
    image: Any = nib.Nifti1Image(values, affine)
    return gzip.compress(image.to_bytes(), 6, mtime=0)
