"""An example of the covid-chestxray collection: drawn radiographs and figures, invented patients, its tables' traps.

Lungs are ellipses, so that what masks and boxes must cover is known. Nothing in it is of any person.
"""

import csv
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO, StringIO
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

COLUMNS = (
    "patientid", "offset", "sex", "age", "finding", "RT_PCR_positive", "survival", "intubated", "intubation_present",
    "went_icu", "in_icu", "needed_supplemental_O2", "extubated", "temperature", "pO2_saturation", "leukocyte_count",
    "neutrophil_count", "lymphocyte_count", "view", "modality", "date", "location", "folder", "filename", "doi",
    "url", "license", "clinical_notes", "other_notes", "",
)  # fmt: skip
SITE = "Example Hospital, Exampletown, Italy"
PAGE = "https://example.org/cases/"


@dataclass(frozen=True)
class Lung:
    """An ellipse: its centre and half axes, in pixels."""

    label: str
    row: float
    column: float
    height: float
    width: float

    def mask(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]]
        mask: NDArray[np.bool_] = ((rows - self.row) / self.height) ** 2 + (
            (columns - self.column) / self.width
        ) ** 2 <= 1
        return mask

    def box(self, shape: tuple[int, int]) -> list[int]:
        """[x, y, width, height] of the pixels of the lung."""
        rows, columns = np.nonzero(self.mask(shape))
        x, y = int(columns.min()), int(rows.min())
        return [x, y, int(columns.max()) + 1 - x, int(rows.max()) + 1 - y]


SHAPE = (96, 88)
"""Rows and columns of most pictures."""

LUNGS = (Lung("Right Lung", 48, 26, 32, 15), Lung("Left Lung", 50, 62, 30, 14))
"""The patient's right lung is on the left side of the picture."""


def radiograph(shape: tuple[int, int] = SHAPE, opacity: int = 0) -> NDArray[np.uint8]:
    """A chest in grey: dark lungs, a bright spine, and an opacity of that brightness in the right lung's base."""
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]]
    picture = (130 + 60 * rows / shape[0]).astype(np.uint8)
    for lung in LUNGS:
        picture[lung.mask(shape)] = 40
    picture[(np.hypot(rows - 66, columns - 26) < 8) & LUNGS[0].mask(shape)] = 40 + opacity
    picture[:, abs(columns[0] - 44) < 4] = 220
    return picture


def figure() -> NDArray[np.uint8]:
    """An axial slice as a publication shows it, in colour, with a red arrow."""
    rows, columns = np.mgrid[0:64, 0:80]
    grey = np.where((rows - 32) ** 2 / 26**2 + (columns - 40) ** 2 / 36**2 <= 1, 150, 0)
    for centre in (24, 56):
        grey[(rows - 32) ** 2 / 16**2 + (columns - centre) ** 2 / 10**2 <= 1] = 30
    picture = np.stack([grey] * 3, axis=-1).astype(np.uint8)
    picture[30:34, 50:58] = (255, 0, 0)
    return picture


def volume() -> bytes:
    """A CT of 12 × 10 × 6 voxels of 2 × 2 × 5 mm, i + 20 j + 400 k - 1000 HU."""
    i, j, k = np.mgrid[0:12, 0:10, 0:6]
    image: Any = nib.Nifti1Image((i + 20 * j + 400 * k - 1000).astype(np.int16), np.diag([-2.0, 2.0, 5.0, 1.0]))
    image.header["descrip"] = b"drawn"
    return gzip.compress(image.to_bytes(), mtime=0)


def picture(pixels: NDArray[np.uint8], form: str, mode: str = "") -> bytes:
    """A picture file; `form` is PNG or JPEG whatever its name will say."""
    image = Image.fromarray(pixels)
    content = BytesIO()
    image.convert(mode or image.mode).save(content, form)
    return content.getvalue()


def rows() -> Iterator[dict[str, str]]:
    """The rows of metadata.csv; what a row does not say is empty."""
    covid, license_ = "Pneumonia/Viral/COVID-19", "CC BY-NC-SA 4.0"
    first = {
        "patientid": "2", "sex": "M", "age": "65", "finding": covid, "RT_PCR_positive": "Y", "survival": "Y",
        "went_icu": "Y", "modality": "X-ray", "view": "PA", "location": SITE, "folder": "images", "license": license_,
        "url": f"{PAGE}2", "doi": "10.5555/example.2", "clinical_notes": "Opacity in the base of the right lung.",
        "other_notes": "Case by nobody",
    }  # fmt: skip
    yield first | {"offset": "0", "date": "January 22, 2020", "filename": "case-2-a.jpg", "temperature": "95"}
    yield first | {"offset": "3", "date": "03/16/20", "filename": "case-2-b.jpg", "temperature": "38.5", "in_icu": "Y"}
    yield first | {
        "offset": "3",
        "date": "March 2020",
        "filename": "case-2-c.png",
        "view": "L",
        "pO2_saturation": "340",
    }
    second = {
        "patientid": "19", "sex": "F", "age": "93", "finding": "COVID-19, ARDS", "survival": "N", "modality": "X-ray",
        "RT_PCR_positive": "Unclear", "location": "Hong Kong", "folder": "images", "license": "CC BY",
        "view": "AP Supine", "intubated": "Not visible", "url": f"{PAGE}19",
    }  # fmt: skip
    yield second | {"offset": "-5", "date": "3/7/2020", "filename": "case-19.jpg", "went_icu": "N"}
    yield second | {"offset": "5", "date": "2020", "filename": "case-19 b.PNG", "finding": "No Finding", "view": "AP"}
    third = {"patientid": "313b", "offset": "?", "sex": "", "finding": "todo", "modality": "X-ray", "folder": "images"}
    yield third | {"filename": "case-313b.png", "view": "?", "url": f"{PAGE}313b", "license": " ", "age": "?"}
    yield third | {"filename": "case-313b-lost.png", "view": "PA", "url": f"{PAGE}313b"}
    fourth = {
        "patientid": "7", "sex": "M", "age": "40", "finding": "Pneumonia/Fungal/Pneumocystis", "modality": "CT",
        "folder": "images", "location": "Exampletown, Spain", "license": "CC BY 3.0", "url": f"{PAGE}7", "offset": "",
    }  # fmt: skip
    yield fourth | {"filename": "case-7-fig1a.jpg", "view": "Axial", "date": "2015", "": "Credit to nobody"}
    yield fourth | {"filename": "case-7-fig1b.png", "view": "Coronal", "RT_PCR_positive": "N"}
    yield fourth | {"filename": "case_7.nii.gz", "folder": "volumes", "view": "Axial", "license": "CC0"}
    shared = {
        "finding": "Tuberculosis", "modality": "X-ray", "view": "PA", "folder": "images", "filename": "shared.png",
        "license": "Apache 2.0", "sex": "F", "age": "30", "offset": "120", "lymphocyte_count": "0.8",
    }  # fmt: skip
    yield shared | {"patientid": "285"}
    yield shared | {"patientid": "339"}
    yield shared | {"patientid": "285", "clinical_notes": "The same once more."}
    yield shared | {"patientid": "", "filename": "nobody.png"}


def files() -> Iterator[tuple[str, bytes]]:
    """Path and content of every file of the source."""
    yield "metadata.csv", table(COLUMNS, list(rows())).encode()
    yield "images/case-2-a.jpg", picture(radiograph(), "JPEG")
    yield "images/case-2-b.jpg", picture(radiograph(opacity=90), "JPEG")
    yield "images/case-2-c.png", picture(radiograph(opacity=60), "PNG")
    yield "images/case-19.jpg", picture(radiograph(opacity=30), "PNG", "RGBA")
    yield "images/case-19 b.PNG", picture(radiograph(), "PNG", "P")
    yield "images/case-313b.png", picture(radiograph((90, 88)), "PNG", "RGB")
    yield "images/case-7-fig1a.jpg", picture(figure(), "JPEG")
    yield "images/case-7-fig1b.png", picture(figure(), "PNG")
    yield "images/shared.png", picture(radiograph(opacity=45), "PNG")
    yield "images/unlisted.png", picture(radiograph(opacity=75), "PNG")
    yield "volumes/case_7.nii.gz", volume()
    yield "annotations/covid-severity-scores.csv", scores().encode()
    yield "annotations/imageannotation_ai_lung_bounding_boxes.json", (json.dumps(boxes(), indent=1) + "\n").encode()
    lungs = np.logical_or.reduce([lung.mask(SHAPE) for lung in LUNGS])
    mask = picture(np.where(lungs, 255, 0).astype(np.uint8), "PNG")
    yield "annotations/lungVAE-masks/case-2-a_mask.png", mask
    yield "annotations/lungVAE-masks/case-19_mask.png.png", mask
    yield "annotations/lungVAE-masks/case-313b_mask.png", mask
    yield "annotations/lungVAE-masks/README.md", b"Masks of an example.\n"


def table(header: tuple[str, ...], content: list[dict[str, str]]) -> str:
    """A CSV table."""
    text = StringIO()
    writer = csv.DictWriter(text, header, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(content)
    return text.getvalue()


def scores() -> str:
    """The severity scores, with lines before the header as in the real table; one is of an image in no row."""
    return (
        "## Scores of an example,,\n## License: none,,\nfilename,geographic_mean,opacity_mean\n"
        "case-2-a.jpg,2.7,2.0\ncase-2-b.jpg,8.0,6.0\nelsewhere.jpg,1.0,1.0\n"
    )


def boxes() -> dict[str, Any]:
    """Boxes around the lungs: of one image right, of one without numbers, of one drawn on another size."""
    names = ("case-2-a.jpg", "case-2-b.jpg", "case-313b.png")
    return {
        "categories": [{"id": number, "name": lung.label} for number, lung in enumerate(LUNGS, start=1)],
        "images": [
            {"id": number, "file_name": name, "height": SHAPE[0], "width": SHAPE[1]}
            for number, name in enumerate(names, start=1)
        ],
        "annotations": [
            {
                "id": 2 * image + number, "image_id": image, "category_id": number, "segmentation": [],
                "bbox": [None] * 4 if image == 2 else lung.box(SHAPE),
            }
            for image in (1, 2, 3)
            for number, lung in enumerate(LUNGS, start=1)
        ],
    }  # fmt: skip
