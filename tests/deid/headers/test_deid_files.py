"""DICOM files of all encodings and of others, de-identified."""

import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from deid_datasets import NEW, clean_dataset, ct, image, save_dataset, through_a_file
from pydicom import config
from pydicom.data import get_testdata_file
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from mids.deid.headers.engine import deidentify
from mids.deid.headers.rules import resolve
from mids.deid.policy import preset
from mids.errors import DataError

# --- encodings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_encodings_are_kept(syntax: UID) -> None:
    old = pydicom.dcmread(str(get_testdata_file("MR_small_bigendian.dcm")))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        old.decompress() if old.file_meta.TransferSyntaxUID.is_compressed else None
    pixels = old.pixel_array
    target = old
    if syntax != ExplicitVRBigEndian:
        target = pydicom.dcmread(str(get_testdata_file("MR_small.dcm")))
        target.file_meta.TransferSyntaxUID = syntax
        target["PixelData"].VR = "OW"
        stream = BytesIO()
        target.save_as(stream, enforce_file_format=True)
        stream.seek(0)
        target = pydicom.dcmread(stream)
    new = pydicom.dcmread(
        BytesIO(save_dataset(clean_dataset(target, "clean_descriptors", "retain_modified_dates").dataset))
    )
    assert new.file_meta.TransferSyntaxUID == syntax
    assert (new.pixel_array == pixels).all()


def test_a_file_without_meta_gets_one_that_fits() -> None:
    old = pydicom.dcmread(BytesIO(save_dataset(image())))
    stream = BytesIO()
    del old.file_meta
    pydicom.dcmwrite(stream, old, implicit_vr=True, little_endian=True)
    stream.seek(0)
    bare = pydicom.dcmread(stream, force=True)
    new = pydicom.dcmread(BytesIO(save_dataset(clean_dataset(bare).dataset)))
    assert new.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    assert new.PatientID == "S42"


@pytest.mark.parametrize("charset", ["ISO_IR 192", "ISO_IR 100", ["", "ISO 2022 IR 87"]])
def test_descriptions_are_cleaned_in_their_charset(charset: object) -> None:
    old = ct(SpecificCharacterSet=charset, StudyDescription="RX TORAX García PA", Manufacturer="Acme")
    if isinstance(charset, str):
        old.StudyDescription = "RX TÓRAX García PA"
    new = clean_dataset(through_a_file(old), "clean_descriptors").dataset
    read = pydicom.dcmread(BytesIO(save_dataset(new)))
    assert read.StudyDescription.replace("Ó", "O") == "RX TORAX PA"
    assert read.Manufacturer == "Acme"


def test_a_charset_that_is_none_goes_with_the_text_that_it_would_explain() -> None:
    old = ct()
    tag = BaseTag(0x00080005)
    old._dict[tag] = RawDataElement(tag, "CS", 6, b"Garcia", 0, False, True, True)
    for number, text in ((0x00080070, b"Ac\xe9"), (0x00181020, b"v1")):
        old._dict[BaseTag(number)] = RawDataElement(BaseTag(number), "LO", len(text), text, 0, False, True, True)
    found = clean_dataset(old)
    assert "SpecificCharacterSet" not in found.dataset
    assert "Manufacturer" not in found.dataset
    assert found.dataset.SoftwareVersions == "v1"
    assert b"Garcia" not in save_dataset(found.dataset)


@pytest.mark.parametrize(("keyword", "vr"), [("Manufacturer", "LO"), ("Rows", "US"), ("SegmentDescription", "ST")])
def test_a_wrong_length_takes_no_name_along(keyword: str, vr: str) -> None:
    tag = BaseTag(tag_for_keyword(keyword) or 0)
    swallowed = b"ab\x10\x00\x10\x00PN\x0a\x00Garcia^Ana"
    old = ct()
    old._dict[tag] = RawDataElement(tag, vr, len(swallowed), swallowed, 0, False, True, True)  # as pydicom reads it
    found = clean_dataset(old)
    assert keyword not in found.dataset
    assert [issue.where for issue in found.issues] == [keyword]


# --- files of others --------------------------------------------------------------------------------------------------


def _decode_alike(path: Path, new: Dataset) -> bool:
    """Whether pixels are the same where bytes are not: comments of compressed pixel data are zeroed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            old = pydicom.dcmread(path).pixel_array
        except (NotImplementedError, RuntimeError, ValueError):
            return True  # nobody can decode it here, and its length is the same
        return np.array_equal(old, new.pixel_array)


def handle_file(path: Path) -> str:
    """What happens to a file: ``clean`` if its pixels are the same afterwards and nothing warns that did not before."""
    with warnings.catch_warnings(record=True) as before, config.disable_value_validation():
        warnings.simplefilter("always")
        try:
            old = pydicom.dcmread(path, force=True)
        except Exception:  # what pydicom can't read is no case of ours
            return "unreadable"
    try:
        found = deidentify(old, resolve(preset("mids")), NEW)
    except DataError as error:
        return error.code
    with warnings.catch_warnings(record=True) as after:
        warnings.simplefilter("always")
        new = pydicom.dcmread(BytesIO(save_dataset(found.dataset)))
        str(new)
    if after and not before and not found.issues and path.name.startswith(("CT", "MR")):
        return f"warns: {after[0].message}"
    before_bytes = old.get_item("PixelData").value if "PixelData" in old else b""
    is_same = new.get("PixelData", b"") == before_bytes or any(issue.where == "PixelData" for issue in found.issues)
    is_same = is_same or (len(new.PixelData) == len(before_bytes) and _decode_alike(path, new))
    return "clean" if is_same else "other pixels"


@pytest.mark.slow
def test_every_file_of_pydicom_is_cleaned_or_refused() -> None:
    folder = Path(str(get_testdata_file("CT_small.dcm"))).parent
    outcomes = {
        path.name: handle_file(path)
        for path in sorted(folder.rglob("*"))
        if path.suffix in (".dcm", "") and path.is_file()
    }
    assert set(outcomes.values()) <= {"clean", "DEID_IMPOSSIBLE", "unreadable"}, outcomes
    assert list(outcomes.values()).count("clean") > 60


@pytest.mark.shared
def test_real_files_are_cleaned(shared: Path) -> None:
    outcomes = {path.name: handle_file(path) for path in sorted((shared / "dicom").rglob("*.dcm"))[::4]}
    assert set(outcomes.values()) <= {"clean", "DEID_IMPOSSIBLE"}, outcomes
    assert list(outcomes.values()).count("clean") > 20
