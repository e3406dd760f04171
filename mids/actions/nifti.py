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
        """Makes `volume.nii.gz`; raises `DataError` ``PIXELS_UNREADABLE`` where the file is broken."""
        import nibabel as nib  # as long to load as all small volumes take to make
        from nibabel.filebasedimages import ImageFileError
        from nibabel.spatialimages import HeaderDataError

        try:
            with open_source(root, self.source) as stream:
                content = bytearray(stream.read())
                if content[:2] == b"\x1f\x8b":
                    content = bytearray(gzip.decompress(content))
            image: Any = nib.Nifti1Image.from_bytes(bytes(content))
            shape = np.asarray(image.dataobj).shape
        except (OSError, EOFError, ValueError, zlib.error, ImageFileError, HeaderDataError) as error:
            raise DataError("PIXELS_UNREADABLE", f"the NIfTI file can't be read ({type(error).__name__})") from error
        for begin, length in SCRUBBED:
            content[begin : begin + length] = bytes(length)
        voxels = int(image.dataobj.offset)
        content[348:352] = bytes(4)  # no extensions: they may hold a whole DICOM header
        content[352:voxels] = bytes(voxels - 352)
        gz.write(scratch / "volume.nii.gz", (bytes(content),), self.compression)
        facts: dict[str, Json] = {"Columns": int(shape[0]), "Rows": int(shape[1])}
        return Made(("volume.nii.gz",), facts)
