"""Label maps that come as files of their own: pictures, NIfTI on the image's grid, and DICOM segmentations."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UncompressedTransferSyntaxes

from mids.actions import agreement, picture
from mids.actions.mask import Canvas, on_regular, resampled, save, write_lookup
from mids.actions.nifti import read_nifti
from mids.actions.png import encode
from mids.actions.segments import Drawing
from mids.actions.volumes.regrid import regular
from mids.errors import DataError
from mids.issues import Issue, issue
from mids.readers.annotations import segmentation
from mids.readers.archives.files import open_source
from mids.readers.dicom.decoding import read_dataset, stored
from mids.readers.dicom.geometry import affine
from mids.records import Compression, Geometry, Json, Made, Source

PLACE_TOLERANCE = 0.05
"""mm by which the corners of a mask's grid may lie off the image's."""


@dataclass(frozen=True, slots=True)
class MaskVolume:
    """A NIfTI label map on the grid of its image, axes flipped or permuted or not, as `mask.nii.gz`.

    The image is a NIfTI that comes as one (`image`), or a volume made of DICOM (`geometry`). On one that was put on
    a regular grid, a mask of its slices is resampled in the same way, and marked.
    """

    VERSION: ClassVar[int] = 2
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
        mask = read_nifti(root, self.source, "the mask")[1]
        values = _whole_numbers(np.asarray(mask.dataobj))
        turned, matrix, facts = self._placed(root, values, mask.affine)
        save(np.ascontiguousarray(turned), matrix, scratch / "mask.nii.gz", self.compression)
        lookup, issues = _completed(self.lookup, turned)
        write_lookup(scratch / "mask.tsv", lookup)
        return Made(("mask.nii.gz", "mask.tsv"), facts, issues=tuple(issues))

    def _placed(
        self, root: Path, values: np.ndarray, place: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, dict[str, Json]]:
        """The labels on the image's grid, its affine (mm, RAS), and what the sidecar says of it."""
        if self.image is None and self.geometry is not None and self.geometry.positions:
            return _on_corrected(values, place, self.geometry)
        size, matrix = self._grid(root)
        turned = _on(values, place, size, matrix)
        if turned is None:
            raise DataError("REGION_MISMATCH", "the mask does not lie on the grid of its image")
        return turned, matrix, {}

    def _grid(self, root: Path) -> tuple[tuple[int, ...], np.ndarray]:
        """Shape and affine (mm, RAS) of the delivered image."""
        if self.image is not None:
            image = read_nifti(root, self.image, "its image")[1]
            return tuple(image.shape[:3]), np.asarray(image.affine)
        matrix = affine(self.geometry) if self.geometry is not None else None
        if self.geometry is None or matrix is None:
            raise DataError("REGION_MISMATCH", "the position of the image is unknown, and so is that of the mask in it")
        return (self.geometry.columns, self.geometry.rows, self.geometry.slices), matrix


def _on(values: np.ndarray, place: np.ndarray, shape: tuple[int, ...], matrix: np.ndarray) -> np.ndarray | None:
    """(i, j, k) labels of a grid (affine, mm, RAS) turned to another, None where that is not the same grid."""
    turned, placed = _turned(values, place, matrix)
    is_same = turned.shape == shape and _apart(placed, matrix, shape) <= PLACE_TOLERANCE
    return turned if is_same else None


def _turned(values: np.ndarray, place: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels with their axes flipped and permuted to run as those of another affine, and their affine then."""
    from nibabel import orientations as axes  # as long to load as all small volumes take to make

    known: Any = axes
    turn = known.ornt_transform(known.io_orientation(place), known.io_orientation(matrix))
    return np.asarray(known.apply_orientation(values, turn)), place @ known.inv_ornt_aff(turn, values.shape)


def _on_corrected(
    values: np.ndarray, place: np.ndarray, shape: Geometry
) -> tuple[np.ndarray, np.ndarray, dict[str, Json]]:
    """Labels on the grid that a tilted or uneven stack was put on, its affine (mm, RAS), and what the sidecar says.

    They lie on that grid, or slice by slice on the source's: then they are resampled as the image was. What a program
    wrote that stacked the slices uncorrected has the first slice's place, and any distance and direction of slices.
    """
    grid = regular(np.zeros((shape.columns, shape.rows, shape.slices), np.uint8), shape)
    turned = _on(values, place, grid.voxels.shape, grid.affine)
    if turned is not None:
        return turned, grid.affine, {}
    first = affine(replace(shape, problem="", positions=(), slices=1, first=shape.positions[0]))
    assert first is not None
    turned, placed = _turned(values, place, first)
    is_sliced = turned.shape == (shape.columns, shape.rows, shape.slices)
    if not is_sliced or _apart(placed, first, (shape.columns, shape.rows, 1)) > PLACE_TOLERANCE:
        raise DataError(
            "REGION_MISMATCH",
            f"the image was put on a regular grid ({shape.problem}), and the mask lies neither there nor on its slices",
        )
    return *on_regular(turned, shape), resampled(shape)


@dataclass(frozen=True, slots=True)
class MaskPicture:
    """A mask that comes as a picture of the image's own size: what is not black gets the lookup's one value."""

    VERSION: ClassVar[int] = 1
    source: Source
    rows: int
    columns: int
    lookup: tuple[tuple[str, int], ...]
    compression: Compression = "fast"

    @property
    def sources(self) -> tuple[Source, ...]:
        """The mask's file."""
        return (self.source,)

    def make(self, root: Path, scratch: Path) -> Made:
        """Makes the label map; raises `DataError` where the picture is broken or of another size."""
        with open_source(root, self.source) as stream:
            pixels, _ = picture.read(stream)
        grey = pixels if pixels.ndim == 2 else pixels.max(axis=2)
        if grey.shape != (self.rows, self.columns):
            size = f"{grey.shape[1]} × {grey.shape[0]}"
            raise DataError("REGION_MISMATCH", f"the mask has {size} pixels, the image {self.columns} × {self.rows}")
        values = np.where(grey > 0, self.lookup[0][1], 0).astype(np.uint8)
        (scratch / "mask.png").write_bytes(encode(values, compression=self.compression))
        write_lookup(scratch / "mask.tsv", self.lookup)
        return Made(("mask.png", "mask.tsv"))


@dataclass(frozen=True, slots=True)
class MaskFrames:
    """A DICOM segmentation as `mask.nii.gz` (a volume's grid) or `mask.png` (a picture's).

    `frames` are their numbers, from 0, and the slices of the image that they name (-1: none); `segments` are numbers
    and classes. A frame lies where its own position, orientation and spacing put it; one without a place, on the slice
    that it names. A voxel belongs to a segment where its centre lies in a pixel of it; where segments overlap, the
    later one wins and an Issue counts the pixels. What was written is read again and compared with the frames.
    """

    VERSION: ClassVar[int] = 2
    source: Source
    geometry: Geometry
    is_picture: bool
    frames: tuple[tuple[int, int], ...]
    segments: tuple[tuple[int, str], ...]
    lookup: tuple[tuple[str, int], ...]
    compression: Compression = "fast"
    cine: Source | None = None

    @property
    def sources(self) -> tuple[Source, ...]:
        """The segmentation's file."""
        return (self.source,)

    def make(self, root: Path, scratch: Path) -> Made:
        """Makes the label map.

        Raises `DataError` ``PIXELS_UNREADABLE``, ``REGION_OUTSIDE`` where nothing lies in the image,
        ``REGION_MISMATCH`` where the grid is unknown, ``REGION_UNVERIFIED`` where the file shows something else.
        """
        with open_source(root, self.source) as stream:
            head = segmentation.read(stream)
            stream.seek(0)
            dataset = read_dataset(stream)
        canvas, lookup = Canvas(self.geometry, self.is_picture, self.cine), dict(self.lookup)
        classes = {number: lookup[name] for number, name in self.segments}
        values, facts = canvas.blank(lookup, [index for _, index in self.frames if index >= 0])
        seen = Drawing(head, partial(_pixels, dataset, head), classes, self.geometry)
        seen.draw(values, self.frames)
        path = canvas.write(values, root, scratch, self.compression)
        wanted = {k: values[:, :, k] for k in range(values.shape[2]) if values[:, :, k].any()}
        agreement.compare(path, self.geometry, wanted, {})
        write_lookup(scratch / "mask.tsv", self.lookup)
        facts |= {**resampled(self.geometry), **seen.facts()}
        return Made((path.name, "mask.tsv"), facts, issues=tuple(seen.issues()))


def _pixels(dataset: Dataset, head: segmentation.Segmentation, number: int) -> np.ndarray:
    """The stored values of a frame (rows, columns); raises `DataError` ``PIXELS_UNREADABLE``.

    Frames of single bits follow one another without padding (PS3.5 8.1.1), so that one may begin within a byte.
    """
    if dataset.get("BitsAllocated") == 1 and dataset.file_meta.TransferSyntaxUID in UncompressedTransferSyntaxes:
        size = head.rows * head.columns
        begin, rest = divmod(number * size, 8)
        data = np.frombuffer(dataset.get("PixelData", b""), np.uint8, offset=0)[begin : begin + (rest + size + 7) // 8]
        bits = np.unpackbits(data, bitorder="little")[rest : rest + size]
        if len(bits) < size:
            raise DataError("PIXELS_UNREADABLE", "the pixel data of the segmentation breaks off")
        return np.asarray(bits.reshape(head.rows, head.columns))
    values = stored(dataset, frame=number)
    if values.shape != (head.rows, head.columns):
        raise DataError("PIXELS_UNREADABLE", "a frame of the segmentation has another size than its header says")
    return values


def _whole_numbers(values: np.ndarray) -> np.ndarray:
    """(i, j, k) labels of one or two bytes; raises `DataError` ``REGION_MISMATCH`` for anything else."""
    flat = values[..., 0] if values.ndim == 4 and values.shape[3] == 1 else values
    whole = np.rint(flat) if np.issubdtype(flat.dtype, np.floating) else flat
    if flat.ndim != 3 or not np.array_equal(whole, flat) or whole.min() < 0 or whole.max() > 65535:
        raise DataError("REGION_MISMATCH", "the mask is not a volume of whole numbers from 0 to 65535")
    return np.asarray(whole, np.uint8 if whole.max() < 256 else np.uint16)


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
