"""Studies of invented people, each of another build: chest radiographs, mammograms, ultrasound, CT and MR.

`example_datasets.hour` makes a hundred of them, and plants problems.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import (
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalXRayImageStorageForPresentation,
    RLELossless,
    UltrasoundImageStorage,
)

from example_datasets.generators import ct, mr, patients, radiograph
from example_datasets.generators.anatomy import Floats, hu
from example_datasets.generators.dicomfile import Values, axis, fill, instance, lettering, uid, with_pixels
from example_datasets.generators.patients import study
from example_datasets.generators.us import sector

Pixels: TypeAlias = NDArray[np.int64]

SURNAMES = ("ROE", "DOE", "HAYES", "LANE", "CASSIDY", "SORIANO", "NIELSEN", "OLSEN", "GARCIA", "LINARES")
GIVEN = ("JANE", "RICHARD", "CAROL", "DELIA", "ELENA", "JOSE", "NORA", "CHARLES", "ADA", "IAN")


def person(number: int) -> Values:
    """The patient level of somebody: every number is another person."""
    return {
        "SpecificCharacterSet": "ISO_IR 100",
        "PatientName": f"{SURNAMES[number % 10]}^{GIVEN[(number // 10 + number) % 10]}",
        "PatientID": f"H{70000 + 37 * number}",
        "PatientBirthDate": f"{1935 + number * 7 % 60}{1 + number % 12:02d}{1 + number * 5 % 28:02d}",
        "PatientSex": "FM"[number % 2],
        "InstitutionName": "Hospital Fantasma de Prueba",
    }


def name_of(number: int) -> str:
    """Somebody's name as a device writes it into an image."""
    return str(person(number)["PatientName"]).replace("^", " ")


def request(number: int, description: str) -> Values:
    """The study level."""
    return study(f"day-{number}", f"202103{1 + number % 28:02d}", f"{8 + number % 12:02d}1500", description, number)


def level(name: str, modality: str, description: str, part: str) -> Values:
    """The series level."""
    return {
        "SeriesInstanceUID": uid("series", name), "FrameOfReferenceUID": uid("frame", name), "Modality": modality,
        "SeriesNumber": 1, "InstanceNumber": 1, "SeriesDescription": description, "BodyPartExamined": part,
        "Manufacturer": "CALCULATED PHANTOMS", "ManufacturerModelName": f"Analytic {modality}",
    }  # fmt: skip


_PLATE: Values = {
    "ImageType": ["ORIGINAL", "PRIMARY"], "KVP": 110, "BurnedInAnnotation": "NO", "RescaleSlope": 1,
    "ImagerPixelSpacing": [radiograph.PIXEL, radiograph.PIXEL], "PresentationIntentType": "FOR PRESENTATION",
    "PresentationLUTShape": "IDENTITY", "RescaleIntercept": 0, "RescaleType": "US",
}  # fmt: skip


@cache
def water(number: int, *, is_lateral: bool = False) -> Floats:
    """Water along the ray in mm, (216, 200), for somebody's build: narrower or wider, longer or shorter, with grain."""
    build = np.random.RandomState(number)
    wide, deep, long = build.uniform(0.86, 1.04), build.uniform(0.85, 1.1), build.uniform(0.92, 1.06)
    z = radiograph.Z[:, None] / long + build.uniform(-8, 8)
    across = radiograph.ACROSS[None, :]
    if is_lateral:
        planes = [hu(x / wide, across / deep, z) for x in axis(45, 8.0)]
    else:
        planes = [hu(across / wide, y / deep, z) for y in axis(36, 8.0)]
    total = ((np.stack(planes) + 1000.0) / 1000.0).sum(0) * 8.0
    return np.asarray(np.clip(total + build.normal(0, 2.0, total.shape), 0, None))


def chest(
    number: int, shows: str = "PA", more: str = "", change: Callable[[Pixels], Pixels] | None = None, **header: object
) -> Dataset:
    """A DX of the chest that shows a view: PA, AP or LL.

    `more` tells a second image of the study from the first, `change` alters the stored values, `header` wins.
    """
    is_lateral, name = shows == "LL", f"day-chest-{number}{more}"
    pixels = radiograph.store_water(water(number, is_lateral=is_lateral), 100, 9, None if is_lateral else 4000)
    changed = change(pixels.astype(np.int64)) if change else pixels
    facts = {
        **_PLATE, "PatientOrientation": radiograph.LATERAL if is_lateral else radiograph.FRONTAL,
        "ViewPosition": shows, "WindowCenter": 1700, "WindowWidth": 2800, **header,
    }  # fmt: skip
    parts = (person(number), request(number, "RX TORAX"), level(name, "DX", "TORAX", "CHEST"), facts)
    dataset = instance(DigitalXRayImageStorageForPresentation, name, *parts, syntax=RLELossless)
    return with_pixels(dataset, np.ascontiguousarray(changed, np.uint16), "MONOCHROME2", 14)


def breast(number: int, side: str, **header: object) -> Dataset:
    """A cranio-caudal mammogram of a side, its letters in the corner away from the chest wall."""
    grain = np.random.RandomState(number)
    tissue = radiograph.breast().astype(np.int64)
    pixels = np.where(tissue > 0, tissue + grain.randint(0, 80, tissue.shape), 0)
    row, column = 58 + grain.randint(24), 24 + grain.randint(24)
    pixels[row : row + 4, column : column + 4] = 3600
    shown = pixels if side == "L" else pixels[:, ::-1].copy()
    letters = lettering(f"{side} CC")
    left = 96 - letters.shape[1] - 4 if side == "L" else 4
    shown[6 : 6 + letters.shape[0], left : left + letters.shape[1]][letters] = 4000
    facts = {
        **_PLATE, "KVP": 28, "ImageLaterality": side, "ViewPosition": "CC", "WindowCenter": 2000, "WindowWidth": 3600,
        "PatientOrientation": ["A", "R"] if side == "L" else ["P", "L"], **header,
    }  # fmt: skip
    name = f"day-breast-{number}-{side}"
    parts = (person(number), request(number, "MAMOGRAFIA"), level(name, "MG", "CC", "BREAST"), facts)
    dataset = instance(DigitalMammographyXRayImageStorageForPresentation, name, *parts, syntax=RLELossless)
    return with_pixels(dataset, np.ascontiguousarray(shown.astype(np.uint16)), "MONOCHROME2", 12)


def echo(number: int, text: str = "", **header: object) -> Dataset:
    """An ultrasound of 120 by 168 pixels, with a text at its top."""
    pixels = sector(120, 168, number)
    if text:
        _write(pixels, text, 3, 6, 255)
    facts = {"ImageType": ["ORIGINAL", "PRIMARY", "ABDOMINAL"], **header}
    name = f"day-echo-{number}"
    parts = (person(number), request(number, "ECO ABDOMEN"), level(name, "US", "HIGADO", "ABDOMEN"), facts)
    return with_pixels(instance(UltrasoundImageStorage, name, *parts), pixels, "MONOCHROME2", 8)


def paper(pixels: Pixels) -> Pixels:
    """A photographed sheet of paper with lines of writing, instead of what was there."""
    rows, columns = pixels.shape
    page = 3200 - 3 * np.arange(columns)[None, :] + np.random.RandomState(1).randint(-60, 60, (rows, columns))
    for line, words in enumerate(("ECO 23 10", "LESION", "CARDIACA", "SEGNI CLARI", "ORDEN 10")):
        _write(page, words, 20 + 36 * line, 14, 300)
    return page


def with_text(text: str) -> Callable[[Pixels], Pixels]:
    """Writes a text at the upper edge, beside the letter of lead."""

    def change(pixels: Pixels) -> Pixels:
        _write(pixels, text, 6, 40, 4000)
        return pixels

    return change


def _write(pixels: NDArray[Any], text: str, row: int, column: int, value: int) -> None:
    letters = lettering(text, 2)[:, : pixels.shape[1] - column]
    letters = letters if letters.shape[1] < pixels.shape[1] - column else lettering(text)
    pixels[row : row + letters.shape[0], column : column + letters.shape[1]][letters] = value


def _moved(dataset: Dataset, number: int, name: str, about: str) -> Dataset:
    """An image of the phantom as one of somebody else's; what only its own patient has goes."""
    dataset.remove_private_tags()
    for keyword in {*patients.PATIENT_A, *patients.PATIENT_C, "ImageComments"} & set(dataset.dir()):
        delattr(dataset, keyword)
    own = {"SeriesInstanceUID": uid("series", name), "FrameOfReferenceUID": uid("frame", name)}
    fill(dataset, {**person(number), **request(number, about), **own})
    dataset.SOPInstanceUID = uid("instance", name, dataset.InstanceNumber)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def chest_ct(number: int) -> Iterator[Dataset]:
    """A CT of 24 slices of 72 by 96 pixels, from the feet up."""
    build = np.random.RandomState(number)
    pixel = round(build.uniform(3.9, 4.6), 2)
    centres = np.stack([np.zeros(24), np.zeros(24), axis(24, 10.0, float(build.randint(-20, 20)))], axis=1)
    stack = replace(ct.SOFT, centres=centres, shape=(72, 96), pixel=(pixel, pixel), thickness=10.0)
    return (_moved(dataset, number, f"day-ct-{number}", "TC TORAX") for dataset in ct.slices(stack))


def dose_page(number: int) -> Dataset:
    """A page of doses, which is no image."""
    return _moved(ct.dose_page(), number, f"day-dose-{number}", "TC TORAX")


def brain(number: int) -> Iterator[Dataset]:
    """An MR of the head, T1-weighted."""
    build = np.random.RandomState(number)
    protocol = replace(mr.T1W, pixel=round(build.uniform(4.4, 5.2), 2))
    return (_moved(dataset, number, f"day-mr-{number}", "RM CEREBRAL") for dataset in mr.slices(protocol))
