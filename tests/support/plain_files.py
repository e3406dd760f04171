"""DICOM files for the reader of plain files, and what it and pydicom make of them."""

import warnings
from collections.abc import Callable
from io import BytesIO

from pydicom import uid
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence

from mids.errors import DataError
from mids.readers.dicom.headers import Instance, PrivateTag, read_any, read_plain
from mids.readers.dicom.plain import NotPlainError
from mids.readers.dicom.scan import keywords
from mids.records import Source

EXPLICIT, IMPLICIT = uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian
KEYWORDS = keywords()
PRIVATE = (PrivateTag("region", 0x0C19, "MIDS TESTS", 0x01),)
CT = "1.2.840.10008.5.1.4.1.1.2"


def outcome(read: Callable[..., Instance | None], content: bytes) -> object:
    """All that a reader makes of a file, types included; which error if it makes nothing of it."""
    try:
        found = read(Source("x", size=len(content)), BytesIO(content), KEYWORDS, PRIVATE)
    except (NotPlainError, DataError) as error:
        return type(error)
    if found is None:
        return None
    facts = found.transfer_syntax, found.has_pixels, found.truncated, found.per_frame, found.mended
    return repr((sorted(found.header.items()), *facts))


def is_plain(content: bytes) -> bool:
    """Whether the file counts as plain; asserts that it then reads as by pydicom."""
    found = outcome(read_plain, content)
    if found is NotPlainError:
        return False
    assert found == outcome(read_any, content)
    return True


def element(keyword: str, vr: str, value: object, *, undefined: bool = False) -> DataElement:
    tag = tag_for_keyword(keyword) or 0
    made = DataElement(tag, vr, value, already_converted=vr == "SQ")
    made.is_undefined_length = undefined
    return made


def written(dataset: Dataset, syntax: str = EXPLICIT) -> bytes:
    """A file of the dataset, its raw elements as they are."""
    implicit, little = syntax == IMPLICIT, syntax != uid.ExplicitVRBigEndian
    dataset.preamble = b"\0" * 128
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.FileMetaInformationGroupLength = 0
    dataset.file_meta.MediaStorageSOPClassUID = CT
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.set_original_encoding(implicit, little, "iso8859")
    stream = BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.save_as(stream, implicit_vr=implicit, little_endian=little)
    return stream.getvalue()


def ct_slice(number: int = 7) -> Dataset:
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.SOPInstanceUID = f"1.2.3.{number}"
    dataset.StudyDate, dataset.StudyTime = "20200102", "112233.5"
    dataset.PatientName = "Müller^Jürgen"
    dataset.SliceThickness, dataset.InstanceNumber = "1.25", number
    dataset.ImagePositionPatient = ["-125", "1e1", "-0.5"]
    dataset.CTDIvol = 12.5
    dataset.Rows = dataset.Columns = 4
    dataset.PixelRepresentation = 1
    dataset.add(element("PixelPaddingValue", "SS", -2000))
    dataset.add_new(0x0C190010, "LO", "MIDS TESTS")
    dataset.add_new(0x0C191001, "LO", "Bretagne")
    dataset.add(element("PixelData", "OW", b"\1\0" * 16))
    return dataset


def nested(depth: int, *, undefined: bool) -> Dataset:
    dataset = Dataset()
    dataset.ReferencedSOPInstanceUID = "1.2.3"
    dataset.is_undefined_length_sequence_item = undefined  # type: ignore[attr-defined]
    if depth:
        items = Sequence([nested(depth - 1, undefined=undefined), Dataset()])
        dataset.add(element("ReferencedSeriesSequence", "SQ", items, undefined=undefined))
    return dataset
