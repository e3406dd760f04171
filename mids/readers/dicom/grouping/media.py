"""Whether the files are there that the index of a medium (DICOMDIR, PS3.3 F.3, PS3.10 8.6) names."""

from collections.abc import Iterator
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import MediaStorageDirectoryStorage

from mids.errors import DataError
from mids.issues import Issue, issue
from mids.readers.archives.files import open_source
from mids.readers.dicom.decoding import quiet
from mids.readers.dicom.headers import Instance, read_header
from mids.readers.dicom.index import Index
from mids.readers.dicom.values import BROKEN


def tell_missing(root: Path, instance: Instance, index: Index) -> Iterator[Issue]:
    """An Issue if `instance` is a DICOMDIR that names files of which the source has neither the path nor the image.

    Upper and lower case make no difference: a medium has upper case, a copy of it may not.
    """
    if instance.text("SOPClassUID") != MediaStorageDirectoryStorage:
        return
    name = instance.source.name
    folder = name[: max(name.rfind("/"), name.rfind("!")) + 1]
    try:
        with open_source(root, instance.source) as stream:
            named = dict(_named(read_header(stream)))
    except DataError:
        return
    absent = index.without({f"{folder}{path}": uid for path, uid in named.items()})
    if absent:
        message = f"{absent} of {len(named)} files that the DICOMDIR names are not there"
        yield issue("IMAGE_MISSING", message, name, origin="read")


def _named(directory: Dataset) -> Iterator[tuple[str, str]]:
    """The path of each file that a record in use names, and its SOPInstanceUID."""
    with quiet():
        try:
            for record in directory.get("DirectoryRecordSequence") or ():
                parts = record.get("ReferencedFileID") or ()
                if parts and record.get("RecordInUseFlag") != 0:
                    path = parts if isinstance(parts, str) else "/".join(map(str, parts))
                    yield path.replace("\\", "/"), str(record.get("ReferencedSOPInstanceUIDInFile") or "")
        except BROKEN:
            return
