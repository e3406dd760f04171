"""A DICOMDIR (PS3.10, PS3.3 F.3): the index of a disc."""

from collections.abc import Sequence
from io import BytesIO
from typing import TypeAlias

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import MediaStorageDirectoryStorage

from example_datasets.generators.dicomfile import encode, fill, instance

_LEVELS = {
    "PATIENT": ("PatientName", "PatientID"),
    "STUDY": ("StudyDate", "StudyTime", "StudyDescription", "StudyInstanceUID", "StudyID", "AccessionNumber"),
    "SERIES": ("Modality", "SeriesInstanceUID", "SeriesNumber"),
    "IMAGE": ("InstanceNumber",),
}
_ORDER = tuple(_LEVELS)
_Placed: TypeAlias = Sequence[tuple[str, Dataset]]


def dicomdir(placed: _Placed) -> bytes:
    """The index of one patient's files (path below the disc, dataset), sorted by study and series.

    It is written twice: only then do the records know each other's offsets.
    """
    records = _records(placed)
    content = _file(records)
    places = [item.seq_item_tell for item in dcmread(BytesIO(content)).DirectoryRecordSequence]
    levels = [_ORDER.index(record.DirectoryRecordType) for record in records]
    for index, record in enumerate(records):
        later = [i for i in range(index + 1, len(levels)) if levels[i] <= levels[index]]
        sibling = later[0] if later and levels[later[0]] == levels[index] else None
        record.OffsetOfTheNextDirectoryRecord = places[sibling] if sibling else 0
        if levels[index] < levels[-1]:
            record.OffsetOfReferencedLowerLevelDirectoryEntity = places[index + 1]
    return _file(records, places[0], places[0])


def _records(placed: _Placed) -> list[Dataset]:
    records: list[Dataset] = []
    above: dict[str, list[object]] = {}
    for path, dataset in placed:
        for level, keywords in _LEVELS.items():
            values = [dataset.get(keyword) for keyword in keywords]
            if level == "IMAGE" or above.get(level) != values:
                above = {kept: above[kept] for kept in _ORDER[: _ORDER.index(level)]} | {level: values}
                records.append(_record(level, dict(zip(keywords, values, strict=True))))
        reference = {
            "ReferencedFileID": path.split("/"),
            "ReferencedSOPClassUIDInFile": dataset.SOPClassUID,
            "ReferencedSOPInstanceUIDInFile": dataset.SOPInstanceUID,
            "ReferencedTransferSyntaxUIDInFile": dataset.file_meta.TransferSyntaxUID,
        }
        fill(records[-1], reference)
    return records


def _record(level: str, values: dict[str, object]) -> Dataset:
    head = {
        "OffsetOfTheNextDirectoryRecord": 0,
        "RecordInUseFlag": 0xFFFF,
        "OffsetOfReferencedLowerLevelDirectoryEntity": 0,
        "DirectoryRecordType": level,
        "SpecificCharacterSet": "ISO_IR 100",
    }
    return fill(Dataset(), head | values)


def _file(records: list[Dataset], first: int = 0, last: int = 0) -> bytes:
    header = {
        "FileSetID": "PHANTOM",
        "OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity": first,
        "OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity": last,
        "FileSetConsistencyFlag": 0,
    }
    index = instance(MediaStorageDirectoryStorage, "disc", header)
    del index.SOPClassUID, index.SOPInstanceUID
    index.DirectoryRecordSequence = records
    return encode(index)
