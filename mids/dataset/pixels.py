"""The pixels of one image: a NIfTI volume or a 2D image (PNG)."""

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from mids.dataset.disk.heads import check_claim, nifti_head, png_head
from mids.errors import DataError, MidsError


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """A NIfTI image.

    `data` is (columns, rows, slices) or (columns, rows, slices, volumes) in the order of the file, scaled as its
    header says (CT: Hounsfield units). `affine` (4, 4) takes voxel indices to millimetres, +x right, +y
    anterior, +z superior (NIfTI-1 standard); unless `is_placed`, the header states none (frames of a loop).
    """

    data: npt.NDArray[Any]
    affine: npt.NDArray[np.float64]
    is_placed: bool = True

    @property
    def shape(self) -> tuple[int, ...]:
        """(columns, rows, slices[, volumes])."""
        return self.data.shape

    @property
    def spacing(self) -> tuple[float, float, float]:
        """The distance of voxels along columns, rows and slices, in mm."""
        x, y, z = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(x), float(y), float(z)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A PNG image: `data` is (rows, columns), uint8 or uint16, or (rows, columns, 3), uint8, red green blue."""

    data: npt.NDArray[np.uint8 | np.uint16]

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows, columns[, 3])."""
        return self.data.shape


def load_pixels(path: Path, shown: str) -> Volume | Picture:
    """The pixels of a file, which errors call `shown`; see `Dataset.load`."""
    if shown.endswith((".nii.gz", ".nii")):
        return _volume(path, shown)
    if shown.casefold().endswith(".png"):
        return _picture(path, shown)
    raise MidsError(f"{shown} is neither NIfTI nor PNG: open it with a library for its format")


def _volume(path: Path, shown: str) -> Volume:
    import nibabel as nib  # which loads pydicom too: not before somebody asks for voxels
    from nibabel.filebasedimages import ImageFileError

    try:
        check_claim(nifti_head(path))
        image: Any = nib.load(path)
        is_placed = any(int(image.header.get(key, 1)) > 0 for key in ("sform_code", "qform_code"))
        return Volume(np.asanyarray(image.dataobj), np.asarray(image.affine, dtype=np.float64), is_placed)
    except (ImageFileError, OSError, EOFError, ValueError, zlib.error, DataError) as error:
        raise DataError("NIFTI_INVALID", f"{shown} can't be read as NIfTI: convert the image again") from error


def _picture(path: Path, shown: str) -> Picture:
    """Grey stays grey with its 8 or 16 bits; palettes are resolved and transparency is dropped."""
    try:
        check_claim(png_head(path))
        with Image.open(path, formats=["PNG"]) as image:
            return Picture(np.array(image.convert(_MODES.get(image.mode, "RGB"))))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, zlib.error, DataError) as error:
        raise DataError("PNG_INVALID", f"{shown} can't be read as PNG: convert the image again") from error


_MODES = {"1": "L", "L": "L", "LA": "L", "I;16": "I;16"}
"""What a PNG of each of Pillow's modes is read as; everything else is colour."""
