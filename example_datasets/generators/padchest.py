"""A small PadChest as it was published: a compressed table, images in an archive and a folder, all of it invented."""

import csv
import gzip
from collections.abc import Iterator
from io import StringIO

from example_datasets.generators.bimcv_covid19 import frontal, lateral, png
from example_datasets.generators.covid19_ct import as_zip

A, B, C = "839860488694292331637988235681460001", "93931112333253133114525552131415350002", "250003"
FIRST, LATER = "216840111366964013076187734852011200001", "216840111366964013686042548532013200002"
BED, RIBS = "216840111366964013534861372972012300003", "216840111366964012819207061112010400004"


def _name(study: str, own: str) -> str:
    return f"{study}_{own}.png"


PA, LAT = _name(FIRST, "00-176-126"), _name(FIRST, "00-176-099")
PORTABLE, COSTAL, EXCLUDED = _name(BED, "01-053-019"), _name(RIBS, "02-001-077"), _name(RIBS, "02-001-078")
AGAIN, LOST = _name(LATER, "k6ga29"), _name(LATER, "k6ga30")

HEADER = (
    "", "ImageID", "ImageDir", "StudyDate_DICOM", "StudyID", "PatientID", "PatientBirth", "PatientSex_DICOM",
    "ViewPosition_DICOM", "Projection", "MethodProjection", "Pediatric", "Modality_DICOM", "Manufacturer_DICOM",
    "PhotometricInterpretation_DICOM", "PixelRepresentation_DICOM", "PixelAspectRatio_DICOM", "SpatialResolution_DICOM",
    "BitsStored_DICOM", "WindowCenter_DICOM", "WindowWidth_DICOM", "Rows_DICOM", "Columns_DICOM",
    "XRayTubeCurrent_DICOM", "Exposure_DICOM", "ExposureInuAs_DICOM", "ExposureTime", "RelativeXRayExposure_DICOM",
    "ReportID", "Report", "MethodLabel", "Labels", "Localizations", "LabelsLocalizationsBySentence", "labelCUIS",
    "LocalizationsCUIS",
)  # fmt: skip
"""The published columns; subsets lack the index, ImageDir and those of the report but Labels."""

REVIEWED, BY_MODEL = "Manual review of DICOM fields", "Manual review of an auxiliar AI model"
_MIXED = ("['pleural effusion', ' costophrenic angle blunting', 'unchanged']", "['loc left', 'loc costophrenic angle']",
          "[['pleural effusion', 'costophrenic angle blunting', 'loc left', 'loc costophrenic angle'], ['unchanged']]",
          "['C2073625']", "['C0443246']")  # fmt: skip
_NORMAL = ("['normal']", "[]", "[['normal']]", "['C0205307']", "[]")
_POOR = ("['suboptimal study', 'pneumonia']", "['loc basal']", "[['suboptimal study'], ['pneumonia', 'loc basal']]",
         "['C2828075' 'C0032285']", "['C1282378']")  # fmt: skip


def rows() -> list[tuple[str, ...]]:
    """The table: the images of a study repeat its report; one image is lost, one row gives no sex."""
    two = ("derram pleural izquierd pinz sen costofren . sin cambi .", "Physician", *_MIXED)
    poor = ("estudi suboptim . neumon basal .", "RNN_model", *_POOR)
    return [
        _row(0, PA, "0", "20120105", FIRST, A, "1950.0", "F", "POSTEROANTERIOR", "PA", REVIEWED, "CR", "4765777", two),
        _row(1, LAT, "0", "20120105", FIRST, A, "1950.0", "F", "POSTEROANTERIOR", "L", REVIEWED, "CR", "4765777", two),
        _row(2, AGAIN, "1", "20131102", LATER, A, "1950.0", "F", "nan", "PA", BY_MODEL, "DX", "4991845",
             ("sin hallazg .", "Physician", *_NORMAL)),
        _row(3, LOST, "1", "20131102", LATER, A, "1950.0", "F", "nan", "L", BY_MODEL, "DX", "4991845",
             ("sin hallazg .", "Physician", *_NORMAL)),
        _row(4, PORTABLE, "1", "20120310", BED, B, "1920.0", "M", "ANTEROPOSTERIOR", "AP_horizontal", REVIEWED, "DX",
             "4812345", poor, polarity="MONOCHROME1"),
        _row(5, COSTAL, "1", "20100401", RIBS, C, "nan", "None", "OBLICUA", "COSTAL", REVIEWED, "CR", "4900001",
             ("nan", "RNN_model", "['exclude']", "[]", "[['exclude']]", "[]", "[]"), child="PED"),
        _row(6, EXCLUDED, "1", "20100401", RIBS, C, "nan", "None", "nan", "EXCLUDE", BY_MODEL, "CR", "4900001",
             ("nan", "RNN_model", "['exclude']", "[]", "[['exclude']]", "[]", "[]"), child="PED"),
    ]  # fmt: skip


def _row(
    index: int, image: str, folder: str, day: str, study: str, person: str, birth: str, sex: str, position: str,
    projection: str, method: str, modality: str, report: str, said: tuple[str, ...],
    polarity: str = "MONOCHROME2", child: str = "No",
) -> tuple[str, ...]:  # fmt: skip
    physics = ("0", "nan", "nan", "12", "2047.0", "4096.0", "108.0", "100.0", "320.0", "2.0", "2000.0", "6.0", "nan")
    header = (modality, "CALCULATED PHANTOMS", polarity, *physics)
    return (
        str(index), image, folder, day, study, person, birth, sex, position, projection, method, child, *header, report,
        *said,
    )  # fmt: skip


def table(header: tuple[str, ...], content: list[tuple[str, ...]], delimiter: str = ",") -> bytes:
    """A table as pandas writes it."""
    buffer = StringIO()
    csv.writer(buffer, delimiter=delimiter, lineterminator="\n").writerows([header, *content])
    return buffer.getvalue().encode()


def files() -> Iterator[tuple[str, bytes]]:
    """Every file of the source, sorted by path."""
    packed = [(PA, png(frontal())), (LAT, png(lateral()))]
    loose = {AGAIN: frontal()[5:], PORTABLE: 65535 - frontal(), COSTAL: frontal()[10:90], EXCLUDED: lateral()[:50]}
    yield from sorted(
        [
            ("0.zip", as_zip(packed)),
            *((f"1/{name}", png(pixels)) for name, pixels in loose.items()),
            (
                "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv.gz",
                gzip.compress(table(HEADER, rows()), 6, mtime=0),
            ),
        ]
    )
