"""A NIfTI volume that comes as one: checked, its header's texts emptied, compressed anew."""

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from mids.actions import gz
from mids.errors import DataError
from mids.readers.archives.files import open_source
from mids.records import Compression, Json, Made, Source

SCRUBBED = ((4, 10), (14, 18), (148, 80), (228, 24), (328, 16))
"""Offset and length of the text fields of a NIfTI-1 header: data_type, db_name, descrip, aux_file, intent_name."""

_SECOND = tuple((540).to_bytes(4, order) for order in ("little", "big"))
"""What a header of NIfTI-2 begins with: its size (nifti2.h)."""


@dataclass(frozen=True, slots=True)
class Nifti:
    """One NIfTI-1 file, compressed or not, as `volume.nii.gz`; voxels and affine stay as they are."""

    VERSION: ClassVar[int] = 1
    source: Source
    compression: Compression = "fast"

    @property
    def sources(self) -> tuple[Source, ...]:
        """The one input file."""
        return (self.source,)

    def make(self, root: Path, scratch: Path) -> Made:
        """Makes `volume.nii.gz`; raises `DataError` where the file is broken."""
        content, image = read_nifti(root, self.source, "the NIfTI file")
        for begin, length in SCRUBBED:
            content[begin : begin + length] = bytes(length)
        voxels = int(image.dataobj.offset)
        content[348:352] = bytes(4)  # no extensions: they may hold a whole DICOM header
        content[352:voxels] = bytes(voxels - 352)
        gz.write(scratch / "volume.nii.gz", (bytes(content),), self.compression)
        facts: dict[str, Json] = {"Columns": int(image.shape[0]), "Rows": int(image.shape[1])}
        return Made(("volume.nii.gz",), facts)


def read_nifti(root: Path, source: Source, what: str) -> tuple[bytearray, Any]:
    """The decompressed bytes of a NIfTI-1 file, and the image, whose voxels can be read.

    Raises `DataError` about `what` where they can't: ``FILE_EMPTY``, ``FILE_TRUNCATED`` for a gzip that breaks off,
    else ``PIXELS_UNREADABLE``.
    """
    import nibabel as nib  # as long to load as all small volumes take to make
    from nibabel.filebasedimages import ImageFileError
    from nibabel.imageglobals import LoggingOutputSuppressor
    from nibabel.spatialimages import HeaderDataError
    from nibabel.wrapstruct import WrapStructError

    ours = (ImageFileError, HeaderDataError, WrapStructError)
    try:
        with open_source(root, source) as stream:
            content = bytearray(stream.read())
        if not content:
            raise DataError("FILE_EMPTY", f"{what} can't be read as NIfTI: it is empty")
        if content[:2] == b"\x1f\x8b":
            content = bytearray(gzip.decompress(content))
        if content[:4] in _SECOND:
            raise DataError("PIXELS_UNREADABLE", f"{what} is NIfTI-2, and only NIfTI-1 is read")
        with LoggingOutputSuppressor():
            image: Any = nib.Nifti1Image.from_bytes(bytes(content))
        np.asarray(image.dataobj)
        return content, image
    except EOFError as error:
        raise DataError("FILE_TRUNCATED", f"{what} can't be read as NIfTI: it is cut off") from error
    except (OSError, ValueError, OverflowError, zlib.error, *ours) as error:
        raise DataError("PIXELS_UNREADABLE", f"{what} can't be read as NIfTI ({type(error).__name__})") from error
