"""Writes the invented source `example/input`: three radiographs and the table of the patients."""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

INPUT = Path(__file__).parent / "example" / "input"
TABLE = """patient;fumador;pcr;pcr_date;finding
K-07;no;positive;2021-03-02;pneumonia
K-19;sí;negativo;2021-03-04;normal
K-23;a veces;dudoso (?);2021-03-05;
K-31;?;positive;2021-03-09;pneumonia
"""
PATIENTS = (("K-07", "F", "061Y", "20210302"), ("K-19", "M", "044Y", "20210304"), ("K-23", "F", "035Y", "20210305"))


def radiograph(number: int, patient: str, sex: str, age: str, date: str) -> Dataset:
    """A picture of two dark lungs, of 48 by 40 pixels and 12 bits."""
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID = DigitalXRayImageStorageForPresentation
    image.SOPInstanceUID, image.StudyInstanceUID, image.SeriesInstanceUID = (f"2.25.{number}{i}" for i in (1, 2, 3))
    image.PatientName, image.PatientID, image.PatientSex, image.PatientAge = f"INVENTED^{patient}", patient, sex, age
    image.Modality, image.BodyPartExamined, image.ViewPosition = "DX", "CHEST", "PA"
    image.StudyDate, image.StudyTime, image.SeriesNumber, image.InstanceNumber = date, "101500", 1, 1
    image.ImagerPixelSpacing, image.BurnedInAnnotation = [8.0, 8.0], "NO"
    rows, columns = np.mgrid[0:48, 0:40]
    lungs = ((rows - 24) / 18) ** 2 + ((np.abs(columns - 19.5) - 9.5) / 7) ** 2 < 1
    pixels = np.where(lungs, 900 + 5 * rows, 3000 - number).astype(np.uint16)
    image.set_pixel_data(pixels, "MONOCHROME2", 12, generate_instance_uid=False)
    return image


def write() -> None:
    """Writes the files into `INPUT`, which is made where absent."""
    (INPUT / "images").mkdir(parents=True, exist_ok=True)
    (INPUT / "patients.csv").write_text(TABLE, encoding="utf-8")
    for number, facts in enumerate(PATIENTS, 1):
        radiograph(number, *facts).save_as(INPUT / "images" / f"{number:04d}", enforce_file_format=True)


if __name__ == "__main__":
    write()
