"""The self-test of an installation: invented names are de-identified and looked for."""

import tempfile
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from mids.deid.keys import create
from mids.deidentification import deidentify

WORD = "ZYXCANARY"

_PLANTED = (
    "PatientName PatientID OtherPatientNames InstitutionName ReferringPhysicianName OperatorsName StudyDescription "
    "SeriesDescription ImageComments AccessionNumber StationName PatientComments"
).split()


def find_leaks() -> tuple[int, tuple[str, ...]]:
    """How many places got a word, and those whose word came out of a whole run of ``mids deidentify``."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words = _plant(folder / "source")
        create(folder / "key")
        done = deidentify(folder / "source", folder / "out", key=folder / "key")
        files = sorted((folder / "out").rglob("*.dcm"))
        content = b"".join(path.read_bytes() for path in files)
        if done.outcome is None or not files:
            return len(words), ("nothing came out",)
        return len(words), tuple(place for place, word in words.items() if word.encode() in content)


def _plant(folder: Path) -> dict[str, str]:
    """Writes a CT slice with a word of its own in each place; the words by place."""
    folder.mkdir()
    words = {place: f"{WORD}{number:02}" for number, place in enumerate((*_PLANTED, "nested", "private"))}
    dataset, item = Dataset(), Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID("2.25.101")
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.Modality = "2.25.102", "2.25.103", "CT"
    for place in _PLANTED:
        setattr(dataset, place, words[place])
    item.PatientName = words["nested"]
    dataset.RequestAttributesSequence = [item]
    dataset.private_block(0x0011, "CANARY", create=True).add_new(1, "LO", words["private"])
    dataset.BodyPartExamined, dataset.ImageType = "CHEST", ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.Rows = dataset.Columns = 2
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelData = 1, "MONOCHROME2", bytes(4)
    dataset.save_as(folder / "1.dcm", enforce_file_format=True)
    return words
