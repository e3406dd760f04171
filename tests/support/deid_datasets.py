"""Datasets that tests of de-identification share."""

import warnings
from datetime import timedelta
from hashlib import sha256
from io import BytesIO

import numpy as np
import pydicom
from pydicom import Dataset, config
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from mids.deid.headers.engine import Cleaned, Replacements, deidentify
from mids.deid.headers.markers import PixelFacts
from mids.deid.headers.rules import resolve
from mids.deid.policy import Option, Policy

WEEKS = timedelta(weeks=-5600)


def uid(original: str) -> str:
    return f"2.25.{int(sha256(original.encode()).hexdigest()[:30], 16)}"


def no_names(text: str) -> str:
    return text.replace("Garcia", "<NAME>")


NEW = Replacements("S42", WEEKS, uid, no_names)


def clean_dataset(dataset: Dataset, *options: Option, **more: bool) -> Cleaned:
    return deidentify(dataset, resolve(Policy("test", frozenset(options))), NEW, PixelFacts(more.get("pixels", False)))


def ct(**values: object) -> Dataset:
    """A small CT of one person."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, UID("1.2.276.1")
    dataset.PatientName, dataset.PatientID = "Garcia^Ana", "777"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    with config.disable_value_validation():
        for keyword, value in values.items():
            setattr(dataset, keyword, value)
    return dataset


def save_dataset(dataset: Dataset) -> bytes:
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def through_a_file(dataset: Dataset) -> Dataset:
    """The dataset as it is read from a file, its values still bytes."""
    with warnings.catch_warnings(), config.disable_value_validation():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(BytesIO(save_dataset(dataset)))


def image(**values: object) -> Dataset:
    old = ct(
        Rows=2, Columns=2, SamplesPerPixel=1, PhotometricInterpretation="MONOCHROME2", PixelRepresentation=0, **values
    )
    old.BitsAllocated, old.BitsStored, old.HighBit = 16, 12, 11
    old.PixelData = np.array([[1, 0x8002], [0x8FFF, 0x7004]], "<u2").tobytes()
    old["PixelData"].VR = "OW"
    return old
