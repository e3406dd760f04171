"""Label maps that come as files of their own: NIfTI on the image's grid, and DICOM segmentations."""

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError

from mids.actions.mask import save, write_lookup, write_map
from mids.errors import DataError
from mids.issues import Issue, issue
from mids.readers.archives.files import open_source
from mids.readers.dicom.decoding import quiet, read_dataset
from mids.readers.dicom.geometry import affine
from mids.readers.dicom.values import BROKEN
from mids.records import Compression, Geometry, Made, Source

PLACE_TOLERANCE = 0.05
"""mm by which the corners of a mask's grid may lie off the image's."""

_axes: Any = nib.orientations
_UNREADABLE = (OSError, EOFError, ValueError, zlib.error, ImageFileError, HeaderDataError)


@dataclass(frozen=True, slots=True)
class MaskVolume:
    """A NIfTI label map on the grid of its image, axes flipped or permuted or not, as `mask.nii.gz`.

    The image is a NIfTI that comes as one (`image`), or a volume made of DICOM (`geometry`).
    """

    VERSION: ClassVar[int] = 1
    source: Source
    image: Source | None
    geometry: Geometry | None
    lookup: tuple[tuple[str, int], ...]
    compression: Compression = "fast"

    @property
    def sources(self) -> tuple[Source, ...]:
        """The mask's file."""
        return (self.source,)

    def make(self, root: Path, scratch: Path) -> Made:
        """Makes the label map; raises `DataError` ``REGION_MISMATCH`` where the two grids differ."""
        mask = _load(root, self.source, "the mask")
        values = _whole_numbers(np.asarray(mask.dataobj))
        shape, matrix = self._grid(root)
        turn = _axes.ornt_transform(_axes.io_orientation(mask.affine), _axes.io_orientation(matrix))
        turned = np.asarray(_axes.apply_orientation(values, turn))
        placed = mask.affine @ _axes.inv_ornt_aff(turn, values.shape)
        if turned.shape != shape or _apart(placed, matrix, shape) > PLACE_TOLERANCE:
            raise DataError("REGION_MISMATCH", "the mask does not lie on the grid of its image")
        save(np.ascontiguousarray(turned), matrix, scratch / "mask.nii.gz", self.compression)
        lookup, issues = _completed(self.lookup, turned)
        write_lookup(scratch / "mask.tsv", lookup)
        return Made(("mask.nii.gz", "mask.tsv"), issues=tuple(issues))

    def _grid(self, root: Path) -> tuple[tuple[int, ...], np.ndarray]:
        """Shape and affine (mm, RAS) of the delivered image."""
        if self.image is not None:
            image = _load(root, self.image, "its image")
            return tuple(image.shape[:3]), np.asarray(image.affine)
        matrix = affine(self.geometry) if self.geometry is not None else None
        if self.geometry is None or matrix is None:
            raise DataError(
                "REGION_MISMATCH", "the image was resampled or has no position, so the mask does not fit it"
            )
        return (self.geometry.columns, self.geometry.rows, self.geometry.slices), matrix


@dataclass(frozen=True, slots=True)
class MaskFrames:
    """A DICOM segmentation as `mask.nii.gz` (a volume's grid) or `mask.png` (a picture's).

    `frames` are (frame, slice, value), from 0; where segments overlap, the later one of `frames` wins.
    """

    VERSION: ClassVar[int] = 1
    source: Source
    geometry: Geometry
    is_picture: bool
    frames: tuple[tuple[int, int, int], ...]
    lookup: tuple[tuple[str, int], ...]
    compression: Compression = "fast"

    @property
    def sources(self) -> tuple[Source, ...]:
        """The segmentation's file."""
        return (self.source,)

    def make(self, root: Path, scratch: Path) -> Made:
        """Makes the label map; raises `DataError` where the pixels can't be read or have another size."""
        shape = self.geometry
        pixels = self._pixels(root)
        values = np.zeros((shape.rows, shape.columns, shape.slices), np.uint8)
        overlap = 0
        for frame, index, value in self.frames:
            own, plane = pixels[frame] > 0, values[:, :, index]
            overlap += int(np.count_nonzero(own & (plane > 0)))
            plane[own] = value
        name = write_map(values, shape, scratch, self.compression, is_picture=self.is_picture)
        write_lookup(scratch / "mask.tsv", self.lookup)
        message = f"{overlap} pixels belong to more than one label"
        issues = (issue("REGION_OVERLAP", message, origin="run"),) if overlap else ()
        return Made((name, "mask.tsv"), issues=issues)

    def _pixels(self, root: Path) -> np.ndarray:
        try:
            with open_source(root, self.source) as stream, quiet():
                pixels = read_dataset(stream).pixel_array
        except BROKEN as error:
            message = f"the segmentation can't be decoded ({type(error).__name__})"
            raise DataError("PIXELS_UNREADABLE", message) from error
        pixels = pixels if pixels.ndim == 3 else pixels[None]
        if pixels.shape[1:] != (self.geometry.rows, self.geometry.columns):
            size = f"{pixels.shape[2]} × {pixels.shape[1]}"
            wanted = f"{self.geometry.columns} × {self.geometry.rows}"
            raise DataError("REGION_MISMATCH", f"the segmentation has {size} pixels, the image {wanted}")
        return np.asarray(pixels)


def _load(root: Path, source: Source, what: str) -> Any:
    try:
        with open_source(root, source) as stream:
            content = stream.read()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        image = nib.Nifti1Image.from_bytes(content)
        image.get_fdata(dtype=np.float32)
        return image
    except _UNREADABLE as error:
        raise DataError("PIXELS_UNREADABLE", f"{what} can't be read as NIfTI ({type(error).__name__})") from error


def _whole_numbers(values: np.ndarray) -> np.ndarray:
    """(i, j, k) uint8 labels; raises `DataError` ``REGION_MISMATCH`` for anything else."""
    flat = values[..., 0] if values.ndim == 4 and values.shape[3] == 1 else values
    whole = np.rint(flat)
    if flat.ndim != 3 or not np.array_equal(whole, flat) or whole.min() < 0 or whole.max() > 255:
        raise DataError("REGION_MISMATCH", "the mask is not a volume of whole numbers from 0 to 255")
    return np.asarray(whole, np.uint8)


def _apart(first: np.ndarray, second: np.ndarray, shape: tuple[int, ...]) -> float:
    """The largest distance, in mm, of the corners of two grids."""
    corners = np.array([[i, j, k, 1] for i in (0, shape[0] - 1) for j in (0, shape[1] - 1) for k in (0, shape[2] - 1)])
    return float(np.abs((first - second) @ corners.T)[:3].max())


def _completed(
    lookup: tuple[tuple[str, int], ...], values: np.ndarray
) -> tuple[tuple[tuple[str, int], ...], list[Issue]]:
    """The lookup with a row for each value that it lacks, and an Issue that says so."""
    known = {value for _, value in lookup}
    strange = [int(value) for value in np.unique(values) if value and int(value) not in known]
    if not strange:
        return lookup, []
    message = f"the mask has values without a class: {', '.join(map(str, strange))}"
    return (*lookup, *((f"value {value}", value) for value in strange)), [
        issue("REGION_INVALID", message, origin="run")
    ]
