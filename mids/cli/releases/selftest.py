"""The self-test of an installation: invented names, in a header and in pixels, are de-identified and looked for."""

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ComputedRadiographyImageStorage, CTImageStorage, ExplicitVRLittleEndian

from mids.certify.certificate import SelfTest
from mids.deid.keys import create
from mids.deid.policy import Detect, Policy, chosen
from mids.deidentification import deidentify

WORD = "ZYXCANARY"

_PLANTED = (
    "PatientName PatientID OtherPatientNames InstitutionName ReferringPhysicianName OperatorsName StudyDescription "
    "SeriesDescription ImageComments AccessionNumber StationName PatientComments"
).split()


_DRAWN = {"upright": (26, 110, 0), "small": (16, 110, 0), "faint": (30, 60, 0), "turned": (26, 110, 1)}
"""Names that are drawn into images: height of the letters in pixels, contrast of 255, by how many quarters turned."""

_SIDES, _GREY = (360, 720), 80
"""Rows and columns of these images, and their grey."""


def try_installation(detect: Detect) -> SelfTest:
    """Plants words in a header and draws names into images; both go through whole runs of ``mids deidentify``.

    An installation is tried once in a process, however many datasets are certified.

    Raises `MidsError` where `detect` needs what is not installed.
    """
    planted, leaked = find_leaks()
    missed, is_touched = find_missed(detect)
    return SelfTest(planted, leaked, detect, len(_DRAWN), missed, is_touched)


@cache
def find_leaks() -> tuple[int, tuple[str, ...]]:
    """How many places got a word, and those whose word came out of a whole run of ``mids deidentify``."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words = _plant(folder / "source")
        files = _run(folder)
        content = b"".join(path.read_bytes() for path in files)
        if not files:
            return len(words), ("nothing came out",)
        return len(words), tuple(place for place, word in words.items() if word.encode() in content)


@cache
def find_missed(detect: Detect) -> tuple[tuple[str, ...], bool]:
    """Which of the drawn names a detector leaves in part, and whether it redacts anything in an image without text."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        inks = _draw(folder / "source")
        files = _run(folder, chosen("mids", burned_in="blank", detect=detect))
        images = {int(one.Rows): one.pixel_array for one in map(dcmread, files)}
        missed = [form for form, ink in inks.items() if not _is_black(images.get(ink.shape[0]), ink)]
        clean = images.get(_SIDES[0])
        return tuple(missed), clean is None or bool((clean == 0).any())


def _is_black(pixels: npt.NDArray[Any] | None, ink: npt.NDArray[np.bool_]) -> bool:
    return pixels is not None and not pixels[ink].any()


def _run(folder: Path, policy: Policy | None = None) -> list[Path]:
    """De-identifies the folder `source`; the files that came out."""
    create(folder / "key")
    done = deidentify(folder / "source", folder / "out", key=folder / "key", policy=policy)
    return sorted((folder / "out").rglob("*.dcm")) if done.outcome else []


def _draw(folder: Path) -> dict[str, npt.NDArray[np.bool_]]:
    """Writes an image for each form of text, of which none has as many rows, and one without; the ink by form."""
    folder.mkdir()
    random = np.random.default_rng(7)
    inks: dict[str, npt.NDArray[np.bool_]] = {}
    for number, (form, (size, contrast, turns)) in enumerate({"": (1, 0, 0), **_DRAWN}.items()):
        high, wide = _SIDES[0] + 2 * number, _SIDES[1]
        sheet = Image.new("L", (high, wide) if turns else (wide, high))
        if form:
            ImageDraw.Draw(sheet).text((60, 40), f"{WORD} 1951", 255, ImageFont.load_default(size))
        ink = np.rot90(np.asarray(sheet), turns)
        pixels = _GREY + random.normal(0, 3, ink.shape) + contrast * (ink / 255)
        dataset = _dataset(f"2.25.2{number}", ComputedRadiographyImageStorage, "CR")
        dataset.Rows, dataset.Columns = ink.shape
        dataset.PixelData = np.clip(pixels, 1, 255).astype(np.uint8).tobytes()
        dataset.save_as(folder / f"{number}.dcm", enforce_file_format=True)
        inks |= {form: ink > 128} if form else {}
    return inks


def _dataset(uid: str, kind: UID, modality: str) -> Dataset:
    """An image of 8 bits and no pixels."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = kind
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID(f"{uid}1")
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.Modality = f"{uid}2", f"{uid}3", modality
    dataset.PatientID, dataset.BodyPartExamined = "ZYXCANARY", "CHEST"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    return dataset


def _plant(folder: Path) -> dict[str, str]:
    """Writes a CT slice with a word of its own in each place; the words by place."""
    folder.mkdir()
    words = {place: f"{WORD}{number:02}" for number, place in enumerate((*_PLANTED, "nested", "private"))}
    dataset, item = _dataset("2.25.10", CTImageStorage, "CT"), Dataset()
    for place in _PLANTED:
        setattr(dataset, place, words[place])
    item.PatientName = words["nested"]
    dataset.RequestAttributesSequence = [item]
    dataset.private_block(0x0011, "CANARY", create=True).add_new(1, "LO", words["private"])
    dataset.Rows = dataset.Columns = 2
    dataset.PixelData = bytes(4)
    dataset.save_as(folder / "1.dcm", enforce_file_format=True)
    return words
